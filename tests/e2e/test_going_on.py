"""What happens to files and cases on the deployed stack, from whatever business date it is on."""

import gzip
import json
from datetime import date, timedelta
from functools import partial
from typing import Any

from arrears.case_explained import explain_case
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import case_id_of
from arrears.domain.events import ActionDone, CaseClosed, StageEntered
from arrears.effects.folders import placements_folder, recalls_folder
from arrears.files import COLUMNS
from arrears.usecases.explain import Explain
from arrears.usecases.next_step import execution_name
from tests.support.embedded import Embedded, csv_file, eventually
from tests.support.rows import PAYMENT, PORTFOLIO, Row

PHONES = ("phone_mobile", "phone_work", "phone_home")


def owing(account_id: str, on: date, days_past_due: int, **cells: str) -> Row:
    """A row of an account in Taiwan with phone numbers that no account of the sample has (kept for fiction, too)."""
    number = sum(account_id.encode()) % 990
    return {
        **PORTFOLIO,
        "account_id": account_id,
        "as_of": str(on),
        "currency": "TWD",
        "past_due_amount": "9000.00",
        "oldest_due_date": str(on - timedelta(days=days_past_due)),
        "timezone": "Asia/Taipei",
        "language": "en",
        **{name: f"+441632960{number + place:03}" for place, name in enumerate(PHONES)},
        **cells,
    }


def portfolio(*rows: Row) -> str:
    columns = COLUMNS["portfolio"]
    return csv_file(columns, [[row.get(column) or "" for column in columns] for row in rows])


def payments(account_id: str, on: date, amount: str = "9000.00", number: int = 1) -> str:
    row = {
        **PAYMENT,
        "payment_id": f"PAID-{account_id}-{number}",
        "account_id": account_id,
        "paid_at": f"{on}T10:00:00+08:00",
        "amount": amount,
        "currency": "TWD",
    }
    return csv_file(COLUMNS["payments"], [[row[column] for column in COLUMNS["payments"]]])


def reached(stack: Embedded, case_id: str, mobile: str) -> dict[str, Any]:
    """Everything that has gone out for a case, to anybody."""
    queues = ("CallQueueUrl", "LetterQueueUrl")
    buckets = ("DocumentsBucket", "AgencyBucket", "LegalBucket")
    return {
        "texts": stack.texts().get(mobile, []),
        **{queue: [body for body in stack.queued(queue) if body["case_id"] == case_id] for queue in queues},
        **{bucket: [key for key in stack.keys(bucket) if case_id in key] for bucket in buckets},
    }


# --- a payment ends a wait --------------------------------------------------------------------------------------------
def test_a_payment_during_the_wait_of_ninety_days_ends_everything_at_once(stack: Embedded) -> None:
    account_id, opened_on = "E2E-PAYS-THE-BANK", stack.today
    case_id = case_id_of(account_id, opened_on)
    row = owing(account_id, opened_on, 100)
    stack.drop("portfolio/e2e-pays-the-bank.csv", portfolio(row))
    placed_on = opened_on + timedelta(days=14)  # the letter must be two weeks old
    stack.advance(20)
    record = stack.stack.table.case(case_id)
    assert record is not None
    assert record.case.stage == "agency"
    assert record.case.placement is not None
    assert record.case.placement.placed_on == placed_on
    assert stack.execution(execution_name(case_id, 1))["status"] == "RUNNING"
    assert record.due is not None  # no wait is longer than 30 days; it ends with the term
    assert record.due[:10] > str(stack.today)

    paid_on = stack.today
    stack.drop("payments/e2e-pays-the-bank.csv", payments(account_id, paid_on))
    stack.advance()

    assert stack.execution(execution_name(case_id, 1))["status"] == "SUCCEEDED"
    *_, recalled, closed = stack.events(case_id)
    assert isinstance(recalled, ActionDone)
    assert isinstance(closed, CaseClosed)
    assert recalled.on == closed.on == paid_on
    folder = recalls_folder("default", paid_on)
    assert case_id in stack.read("AgencyBucket", f"{folder}recalls.csv").decode()
    manifest = json.loads(stack.read("AgencyBucket", f"{folder}manifest.json"))
    assert manifest["date"] == str(paid_on)

    after = reached(stack, case_id, row["phone_mobile"] or "")
    assert any(key.startswith("letters/") for key in after["DocumentsBucket"])
    assert any(key.startswith(placements_folder("default", placed_on)) for key in after["AgencyBucket"])
    next_month = (paid_on.replace(day=1) + timedelta(days=32)).replace(day=6)  # beyond the day of monthly reminders
    stack.advance((next_month - stack.today).days)
    assert reached(stack, case_id, row["phone_mobile"] or "") == after
    assert stack.stack.table.account(account_id).open_case is None


# --- a policy is rolled out -------------------------------------------------------------------------------------------
def test_a_waiting_case_looks_at_a_policy_on_the_date_from_which_it_counts(stack: Embedded) -> None:
    """The case waits a week for its next text when the policy is published that calls it in two days."""
    while not 5 < stack.today.day < 28:  # every case gets its monthly reminder on the 5th
        stack.advance()
    account_id, opened_on = "E2E-ROLLED-OUT", stack.today
    case_id = case_id_of(account_id, opened_on)
    settings = stack.stack.settings
    before = settings.active()
    stack.drop("portfolio/e2e-rolled-out.csv", portfolio(owing(account_id, opened_on, 3)))
    stack.advance()
    waiting = stack.stack.table.case(case_id)
    assert waiting is not None
    assert waiting.due is not None
    assert waiting.due[:10] > str(opened_on + 3 * ONE_DAY)

    plain = before.policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    sooner = json.loads(json.dumps(plain)) | {"version": "sooner"}
    sooner["stages"]["call"]["from"] = {"days_past_due": 4}
    document = json.dumps({"policy": sooner, "templates": before.templates})
    since = opened_on + 3 * ONE_DAY
    settings.publish(document, f"{before.policy.name} sooner", since=since)
    try:
        stack.advance(4)
    finally:
        settings.publish(json.dumps({"policy": plain, "templates": before.templates}), before.policy.label)

    entered = [event for event in stack.events(case_id) if isinstance(event, StageEntered)]
    assert [(event.stage, event.on) for event in entered] == [("reminder", opened_on), ("call", since)]
    decided = {each.event: each.policy for each in stack.stack.table.envelopes(case_id)}
    assert decided[entered[0]] == before.policy.label
    assert decided[entered[1]] == f"{before.policy.name} sooner"
    told = Explain(stack.stack.table, settings)(account_id, since)
    assert not isinstance(told, str), told
    assert f"policy {before.policy.name} sooner" in next(explain_case(told[0]))


def test_the_stream_itself_wakes_a_case_while_its_day_is_open(stack: Embedded) -> None:
    account_id, opened_on = "E2E-WAKES", stack.today
    case_id = case_id_of(account_id, opened_on)
    stack.drop("portfolio/e2e-wakes.csv", portfolio(owing(account_id, opened_on, 5)))
    stack.advance()
    assert stack.execution(execution_name(case_id, 1))["status"] == "RUNNING"

    # As in the middle of a day: nobody drives, and a file comes in.
    stack.stack.settings.set_clock(stack.today, is_open=True)
    stack.drop("payments/e2e-wakes.csv", payments(account_id, stack.today))
    eventually("the case is closed", lambda: isinstance(stack.events(case_id)[-1], CaseClosed))
    eventually("the execution ends", lambda: stack.execution(execution_name(case_id, 1))["status"] == "SUCCEEDED")
    assert len(stack.history(stack.execution(execution_name(case_id, 1))["executionArn"])) > 0

    stack.stack.settings.set_clock(stack.today, is_open=False)
    stack.advance()


# --- files ------------------------------------------------------------------------------------------------------------
def test_a_file_that_is_dropped_twice_changes_nothing(stack: Embedded) -> None:
    on = stack.today
    names = ["E2E-TWICE-1", "E2E-TWICE-2", "E2E-TWICE-3"]
    accounts = portfolio(*(owing(name, on, 5) for name in names))
    paid = payments(names[0], on, "100.00")
    stack.drop("portfolio/e2e-twice.csv", accounts)
    stack.drop("payments/e2e-twice.csv", paid)
    first = stack.imported("portfolio/e2e-twice.csv")
    assert {name: first[name] for name in ("rows", "accepted", "unchanged", "rejected")} == {
        "rows": 3,
        "accepted": 3,
        "unchanged": 0,
        "rejected": 0,
    }

    def stored() -> list[Any]:
        return [item for name in names for item in stack.stack.table.query(f"ACCOUNT#{name}")]

    before = stored()
    # Under the same name, and under another.
    for key in ("portfolio/e2e-twice.csv", "portfolio/e2e-twice-again.csv"):
        stack.drop(key, accounts)
        again = eventually("the second report", partial(_report_unlike, stack, key, first))
        assert (again["rows"], again["accepted"], again["unchanged"]) == (3, 0, 3)
    stack.drop("payments/e2e-twice-again.csv", paid)
    assert stack.imported("payments/e2e-twice-again.csv")["unchanged"] == 1
    assert stored() == before


def _report_unlike(stack: Embedded, key: str, earlier: dict[str, Any]) -> dict[str, Any] | None:
    report = stack.imported(key)
    return report if report != earlier else None


def test_bad_files_give_their_reports_and_rejects_and_the_good_rows_are_in(stack: Embedded) -> None:
    on = stack.today
    good = owing("E2E-GOOD", on, 5)
    files: dict[str, tuple[bytes, tuple[int, int], list[tuple[int, str]]]] = {
        "portfolio/e2e-bad-header.csv": (
            portfolio(good).replace("past_due_amount", "overdue_amount").encode(),
            (1, 0),
            [(2, "past_due_amount")],
        ),
        "portfolio/e2e-bad-rows.csv": (
            portfolio(
                good,
                owing("E2E-CURRENCY", on, 5, currency="XXQ"),
                owing("E2E-AMOUNT", on, 5, past_due_amount="a lot"),
                owing("E2E-DUE", on, 5, oldest_due_date=str(on + ONE_DAY)),
            ).encode(),
            (4, 1),
            [(3, "currency"), (4, "past_due_amount"), (5, "oldest_due_date")],
        ),
        "portfolio/e2e-bad-twice.csv": (
            portfolio(owing("E2E-ONCE", on, 5), owing("E2E-ONCE", on, 5, past_due_amount="1.00")).encode(),
            (2, 1),
            [(3, "account_id")],
        ),
        "portfolio/e2e-bad-gzip.csv.gz": (
            gzip.compress(portfolio(*(owing(f"E2E-CUT-{number}", on, 5) for number in range(50))).encode())[:-200],
            (0, 0),
            [],
        ),
    }
    for key, (content, _, _) in files.items():
        stack.drop(key, content)
    for key, (_, (rows, accepted), refused) in files.items():
        report = stack.imported(key)
        rejects = [json.loads(line) for line in stack.read("InboundBucket", f"rejects/{key}.jsonl").splitlines()]
        assert report["rejected"] == len(rejects) > 0, key
        assert report["rows"] == report["accepted"] + report["unchanged"] + report["rejected"], key
        assert all(reject.keys() >= {"line", "reason", "row"} for reject in rejects), key
        if refused:
            assert (report["rows"], report["accepted"]) == (rows, accepted), key
            assert [reject["line"] for reject in rejects] == [line for line, _ in refused], key
            assert all(name in reject["reason"] for reject, (_, name) in zip(rejects, refused, strict=True)), rejects
        else:
            assert report["accepted"] > 0, "the rows before the gzip breaks off are good"
            assert rejects[-1]["line"] == report["rows"] + 1
    table = stack.stack.table
    assert table.account("E2E-GOOD").version > 0
    assert table.account("E2E-CUT-0").version > 0
    assert all(table.account(name).version == 0 for name in ("E2E-CURRENCY", "E2E-AMOUNT", "E2E-DUE"))
    assert str(table.account("E2E-ONCE").account.arrears(on)) == "9000.00 TWD"


# --- the command line -------------------------------------------------------------------------------------------------
def test_advance_to_the_business_date_plays_nothing(stack: Embedded) -> None:
    stack.advance()
    before = [item for shard in range(stack.stack.table.shards) for item in stack.stack.table.queued("open", shard)]
    activity = stack.ask("/_arrears/activity")
    played = stack.arrears("local", "advance", stack.today)
    assert (played.returncode, played.stderr) == (0, "")
    assert played.stdout.startswith("0 days played")
    assert before == [
        item for shard in range(stack.stack.table.shards) for item in stack.stack.table.queued("open", shard)
    ]
    assert stack.ask("/_arrears/activity")["begun"] == activity["begun"], "something was set off"


def test_the_clock_does_not_go_back(stack: Embedded) -> None:
    on = stack.today
    refused = stack.arrears("local", "advance", on - ONE_DAY)
    assert refused.returncode == 1
    assert "does not go back" in refused.stderr
    assert stack.today == on


def test_case_show_tells_a_case(stack: Embedded) -> None:
    account_id, on = "E2E-SHOWN", stack.today
    stack.drop("portfolio/e2e-shown.csv", portfolio(owing(account_id, on, 5)))
    stack.advance()
    shown = stack.arrears("case", "show", account_id)
    assert shown.returncode == 0, shown.stderr
    assert f"case {case_id_of(account_id, on)}: open, stage reminder" in shown.stdout
    assert "send_sms" in shown.stdout
    assert "next:" in shown.stdout
    assert "9000.00 TWD" in shown.stdout


def test_an_account_that_nobody_knows_is_said_to_be_unknown(stack: Embedded) -> None:
    shown = stack.arrears("case", "show", "E2E-NOBODY")
    assert shown.returncode == 1
    assert "is not known" in shown.stdout + shown.stderr


# --- last, since it leaves ten thousand accounts behind ---------------------------------------------------------------
def test_three_bad_rows_of_ten_thousand_cost_themselves_only(stack: Embedded) -> None:
    on, size = stack.today, 10_000
    rows = [owing(f"E2E-MANY-{number}", on, 5, past_due_amount="0.00", oldest_due_date="") for number in range(size)]
    bad = {17: ("currency", "XXQ"), 5_000: ("past_due_amount", "much"), size - 1: ("as_of", "yesterday")}
    for number, (column, cell) in bad.items():
        rows[number][column] = cell
    key = "portfolio/e2e-many.csv.gz"
    stack.drop(key, gzip.compress(portfolio(*rows).encode()))
    report = stack.imported(key)
    assert (report["rows"], report["accepted"], report["rejected"]) == (size, size - len(bad), len(bad))
    rejects = [json.loads(line) for line in stack.read("InboundBucket", f"rejects/{key}.jsonl").splitlines()]
    assert {reject["line"]: reject["row"]["account_id"] for reject in rejects} == {
        number + 2: f"E2E-MANY-{number}" for number in bad
    }
    accounts = stack.stack.table.accounts([row["account_id"] or "" for row in rows])
    assert sum(record.version > 0 for record in accounts.values()) == size - len(bad)
