"""The import's state machine: the way through it, what is tried again, and that a report appears whatever happens."""

import json
from collections.abc import Iterator

import pytest

from arrears.adapters.s3_objects import Bucket
from arrears.errors import TransientServiceError
from arrears.usecases import split_file
from arrears.usecases.broken_imports import Broken, BrokenImports
from tests.support.builders import ACCOUNT_ID, personal_data
from tests.support.escalation import Execution, Fault
from tests.support.importing import Importing, importing
from tests.support.inbox import AGENCY, INBOUND, counts
from tests.support.rows import PORTFOLIO, Row, csv_of
from tests.support.stack import Context, Stack, handler_of

KEY = "portfolio/2005-06-02.csv"
FILE = csv_of(PORTFOLIO)
THROUGH = ["Split", "What next?", "TakeIn", "Report", "Taken in?", "Done"]
TASKS = ["split_import", "import_rows", "report_import"]
#: What passes by itself, or may.
PASSING = [
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "TransientServiceError",
    "TransientConflictError",
]
#: How Step Functions is told that a function's process is gone, or its time up.
DEATHS = ["Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"]


@pytest.fixture
def imports(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Importing]:
    """The import, deployed, and nothing dropped yet."""
    with importing(stack, monkeypatch) as made:
        yield made


def accounts(number: int) -> list[Row]:
    """Rows of so many accounts."""
    return [{**PORTFOLIO, "account_id": f"A{index:05d}"} for index in range(number)]


# --- the way through it ----------------------------------------------------------------------------------------------
def test_a_file_is_split_taken_in_and_reported(imports: Importing) -> None:
    execution = imports.drop(KEY, FILE)

    assert (execution.status, execution.path()) == ("SUCCEEDED", THROUGH)
    assert imports.inbox.report(KEY) == counts(accepted=1)
    assert imports.lambdas.calls == TASKS


def test_each_piece_is_taken_in_by_a_child_of_its_own(imports: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_file, "PIECE_BYTES", 2_000)

    execution = imports.drop(KEY, csv_of(*accounts(40), {**PORTFOLIO, "currency": "XXX"}))

    assert execution.path() == THROUGH
    assert imports.lambdas.calls.count("import_rows") > 3
    assert imports.inbox.report(KEY) == counts(accepted=40, rejected=1)


def test_a_file_without_rows_is_reported_at_once(imports: Importing) -> None:
    execution = imports.drop("payments/none.jsonl", b"")

    assert execution.path() == ["Split", "What next?", "Report", "Taken in?", "Done"]
    assert imports.inbox.report("payments/none.jsonl") == counts()


@pytest.mark.parametrize("key", ["other/file.csv", "agency_id=default/placements/date=2005-06-02/cases.csv"])
def test_what_is_no_file_of_ours_is_left_alone(imports: Importing, key: str) -> None:
    assert imports.drop(key, b"x").path() == ["Split", "What next?", "Done"]


def test_an_event_that_comes_twice_is_looked_at_once(imports: Importing) -> None:
    detail = imports.inbox.put(KEY, FILE)
    imports.start(detail)

    assert imports.start(detail).path() == ["Split", "What next?", "Done"]
    assert imports.inbox.report(KEY) == counts(accepted=1)


def test_nothing_personal_shows_in_an_execution(imports: Importing) -> None:
    execution = imports.drop(KEY, csv_of(PORTFOLIO, {**PORTFOLIO, "account_id": "B", "currency": "XXX"}))

    text = json.dumps(execution.history(), default=str, ensure_ascii=False)
    assert [personal for personal in [*personal_data(), ACCOUNT_ID] if personal in text] == []


# --- what is tried again ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("task", TASKS)
def test_what_passes_by_itself_is_tried_again(imports: Importing, task: str) -> None:
    imports.lambdas.faults[task] = [Fault(error) for error in PASSING]

    execution = imports.drop(KEY, FILE)

    assert execution.status == "SUCCEEDED"
    assert imports.lambdas.calls.count(task) == len(PASSING) + 1
    assert len(imports.pauses) == len(PASSING)
    assert imports.inbox.report(KEY) == counts(accepted=1)


@pytest.mark.parametrize(("task", "error"), list(zip(TASKS, DEATHS, strict=True)))
def test_a_function_that_dies_after_its_work_has_done_it_once(imports: Importing, task: str, error: str) -> None:
    """Its second run finds what the first has done, and the report is the same."""
    imports.lambdas.faults[task] = [Fault(error, after=True)]

    execution = imports.drop(KEY, csv_of(PORTFOLIO, {**PORTFOLIO, "account_id": "B", "currency": "XXX"}))

    assert execution.status == "SUCCEEDED"
    assert imports.lambdas.calls.count(task) == 2
    assert imports.inbox.report(KEY) == counts(accepted=1, rejected=1)
    assert imports.inbox.stack.table.account(ACCOUNT_ID).version == 1


# --- what breaks off -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("error", ["UnexpectedError", "PermanentSetupError"])
def test_a_file_that_cannot_be_split_has_a_report_and_can_be_dropped_again(imports: Importing, error: str) -> None:
    imports.lambdas.faults["split_import"] = [Fault(error)]

    execution = imports.drop(KEY, FILE)

    assert (execution.status, execution.path()) == ("FAILED", ["Split", "Report", "Taken in?", "BrokeOff"])
    assert imports.inbox.report(KEY) == counts(rejected=1) | {"error": error}
    assert imports.drop(KEY, FILE).status == "SUCCEEDED"
    assert imports.inbox.report(KEY) == counts(accepted=1)
    assert imports.inbox.rejects(KEY) == []


def test_a_piece_that_is_given_up_costs_the_others_nothing(imports: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_file, "PIECE_BYTES", 2_000)
    imports.lambdas.faults["import_rows"] = [Fault("UnexpectedError")]

    execution = imports.drop(KEY, csv_of(*accounts(40)))

    assert (execution.status, execution.path()[-2:]) == ("FAILED", ["Taken in?", "BrokeOff"])
    report = imports.inbox.report(KEY)
    assert report["rows"] == 40
    assert 0 < report["rejected"] < 40
    assert report["accepted"] == 40 - report["rejected"]
    assert report["error"]
    assert {reject["reason"].partition(":")[0] for reject in imports.inbox.rejects(KEY)} == {"error"}

    imports.drop(KEY, csv_of(*accounts(40)))
    again = imports.inbox.report(KEY)
    assert (again["accepted"], again["unchanged"], again["rejected"]) == (report["rejected"], report["accepted"], 0)


def given_up(imports: Importing, body: bytes = FILE, error: str = "Sandbox.Timedout") -> Execution:
    """An import whose last step is killed at every try."""
    imports.lambdas.faults["report_import"] = [Fault(error)] * 2
    execution = imports.drop(KEY, body)
    assert (execution.status, execution.path()[-1]) == ("FAILED", "GiveUp")
    assert execution.describe()["error"] == error
    assert imports.inbox.read(f"reports/{KEY}.json") is None
    return execution


def broken(imports: Importing) -> list[Broken]:
    """What an operator is shown."""
    buckets = [Bucket(imports.inbox.client, name) for name in (INBOUND, AGENCY)]
    return list(BrokenImports(buckets, lambda _: None))


def test_an_import_whose_report_was_never_written_gets_it_from_the_net(imports: Importing) -> None:
    execution = given_up(imports, csv_of(PORTFOLIO, {**PORTFOLIO, "account_id": "B", "currency": "XXX"}))

    assert imports.net(execution) == {"failed": False, "rows": 2, "rejected": 1}

    assert imports.inbox.report(KEY) == counts(accepted=1, rejected=1), "all was taken in: that is the whole report"
    assert [reject["line"] for reject in imports.inbox.rejects(KEY)] == [3]
    assert broken(imports) == []
    assert imports.net(execution) is None, "an event that comes twice finds the report"


@pytest.mark.parametrize("error", ["Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"])
def test_the_net_reports_what_is_known_and_why_and_the_file_can_be_imported_again(
    imports: Importing, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    monkeypatch.setattr(split_file, "PIECE_BYTES", 2_000)
    imports.lambdas.faults["import_rows"] = [Fault("UnexpectedError")]
    execution = given_up(imports, csv_of(*accounts(40)), error)

    imports.net(execution)

    report = imports.inbox.report(KEY)
    assert (report["rows"], report["accepted"] + report["rejected"], report["error"]) == (40, 40, error)
    assert 0 < report["rejected"] < 40
    (one,) = broken(imports)
    assert (one.bucket, one.key, one.error) == (INBOUND, KEY, error)

    again: list[str] = []
    BrokenImports([], again.append).again(one)
    assert imports.start(json.loads(again[0])["detail"]).status == "SUCCEEDED"
    after = imports.inbox.report(KEY)
    assert (after["rows"], after["accepted"] + after["unchanged"], after["rejected"]) == (40, 40, 0)
    assert broken(imports) == []


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_an_import_that_ends_before_its_file_is_split_has_its_report_from_the_net(
    imports: Importing, status: str
) -> None:
    imports.lambdas.faults["split_import"] = [Fault("UnexpectedError")]
    execution = given_up(imports)
    ended = {"executionArn": execution.arn, "status": status, "input": execution.describe()["input"]}

    handler_of("report_import")({"detail": ended}, Context())

    assert imports.inbox.report(KEY) == counts(rejected=1) | {"error": f"Execution.{status}"}
    assert [one.error for one in broken(imports)] == [f"Execution.{status}"]


def test_the_net_leaves_an_import_alone_that_broke_off_with_its_report(imports: Importing) -> None:
    imports.lambdas.faults["split_import"] = [Fault("UnexpectedError")]
    execution = imports.drop(KEY, FILE)
    report = imports.inbox.report(KEY)

    assert imports.net(execution) is None

    assert imports.inbox.report(KEY) == report
    assert [one.error for one in broken(imports)] == ["UnexpectedError"]


def test_the_table_may_be_busy_for_a_while(imports: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece is tried again until the table answers."""
    busy = [TransientServiceError("dynamodb: ThrottlingException")] * 3
    real = split_file.SplitFile._split

    def sometimes(self: split_file.SplitFile, *arguments: object) -> list[str]:
        if busy:
            raise busy.pop()
        return real(self, *arguments)  # type: ignore[arg-type] # passed on as they come

    monkeypatch.setattr(split_file.SplitFile, "_split", sometimes)

    assert imports.drop(KEY, FILE).status == "SUCCEEDED"
    assert imports.inbox.report(KEY) == counts(accepted=1)
