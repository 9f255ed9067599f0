"""The handlers: what they take, what they answer, what they log, and that nothing personal gets out on the way."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from arrears import runtime
from arrears.adapters import aws
from arrears.domain.events import CaseOpened
from arrears.errors import PermanentActionError, TransientConflictError
from arrears.runtime import UnexpectedError, handler
from arrears.usecases.assess import Assess
from tests.support.builders import (
    ACCOUNT_ID,
    CASE_ID,
    OPENS,
    PROFILE,
    account,
    extract,
    paid,
    personal_data,
)
from tests.support.stack import Context, Stack, folders, handler_of
from tests.support.states import STATE_MACHINE, States, client_error
from tools.template import ROOT

FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


# --- import ----------------------------------------------------------------------------------------------------------
_IMPORT_ALL = """
import importlib.util, json, os, pathlib, socket, sys
os.environ.clear()

def refuse(*_arguments, **_named):
    raise OSError("a handler reached for the network while it was imported")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
outcomes = {}
for path in sorted(pathlib.Path("functions").glob("*/app.py")):
    for name in [name for name in sys.modules if name.split(".")[0] == "arrears"]:
        del sys.modules[name]
    try:
        specification = importlib.util.spec_from_file_location("app", path)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        outcomes[path.parent.name] = "imported" if callable(module.handle) else "has no handle"
    except BaseException as error:
        outcomes[path.parent.name] = f"{type(error).__name__}: {error}"
print(json.dumps(outcomes))
"""


@cache
def imports() -> dict[str, str]:
    """What became of importing each handler in a process with nothing in its environment."""
    run = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL],
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join((str(ROOT / "layers/common"), str(ROOT)))},
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    outcomes: dict[str, str] = json.loads(run.stdout)
    return outcomes


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_handler_is_imported_without_an_environment_and_without_a_network(folder: str) -> None:
    assert imports()[folder] == "imported"


# --- what is logged --------------------------------------------------------------------------------------------------
class Log:
    """What a handler wrote: log lines and metrics."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.printed = ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def metrics(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for line in self.printed.splitlines():
            fields = json.loads(line)
            (directive,) = fields["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "Arrears"
            for metric in directive["Metrics"]:
                found[metric["Name"]] = found.get(metric["Name"], 0) + sum(fields[metric["Name"]])
        return found

    @property
    def text(self) -> str:
        return self.stream.getvalue() + self.printed


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """What is logged from here on. Whatever it is, it holds no personal data."""
    kept = Log()
    monkeypatch.setattr(runtime.logger.registered_handler, "stream", kept.stream)
    runtime.metrics.clear_metrics()
    original = runtime.metrics.flush_metrics

    def flush(*arguments: Any, **named: Any) -> None:
        capsys.readouterr()
        original(*arguments, **named)
        kept.printed += capsys.readouterr().out

    monkeypatch.setattr(runtime.metrics, "flush_metrics", flush)
    yield kept
    for text in personal_data():
        assert text not in kept.text


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> States:
    made = States()
    monkeypatch.setattr(aws, "stepfunctions", lambda: made.client)
    return made


@pytest.fixture
def deployed(stack: Stack, states: States, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The stack with the environment that the template gives its functions, and Step Functions beside it."""
    stack.physical["Escalation"] = STATE_MACHINE
    for logical_id in folders():
        for name, value in stack.environment(logical_id).items():
            monkeypatch.setenv(name, value)
    assert states.started == {}
    return stack


def invoke(folder: str, event: Any, context: Context | None = None) -> Any:
    return handler_of(folder)(event, context or Context())


def now() -> str:
    """The start of an execution that is young, as Step Functions writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


# --- assess_case -----------------------------------------------------------------------------------------------------
def test_the_first_turn_is_answered_with_the_next_state(deployed: Stack, log: Log) -> None:
    deployed.report(account())

    answer = invoke("assess_case", {"step": {"case_id": CASE_ID, "generation": 1}, "started": now()})

    assert (answer["next"], answer["turns"]) == ("SendSms", 1)
    assert json.loads(json.dumps(answer)) == answer
    assert log.metrics == {"CasesOpened": 1, "StageEntered_reminder": 1}


def test_an_execution_that_is_a_year_old_hands_over(deployed: Stack, log: Log) -> None:
    deployed.report(account())
    invoke("assess_case", {"step": {"case_id": CASE_ID, "generation": 1}, "started": now()})

    answer = invoke(
        "assess_case", {"step": {"case_id": CASE_ID, "generation": 1, "turns": 9}, "started": "2020-01-01T00:00:00Z"}
    )

    assert (answer["next"], answer["execution"]) == ("HandOver", f"{CASE_ID}-g2")
    assert log.lines == []


def test_a_turn_that_counts_nothing_writes_no_metrics(deployed: Stack, log: Log) -> None:
    invoke("assess_case", {"step": {"case_id": CASE_ID, "generation": 1}, "started": now()})

    assert log.text == ""
    assert deployed.table.case(CASE_ID) is None


def test_every_line_names_the_case_the_execution_and_the_request(
    deployed: Stack, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.report(account())

    def busy(*_arguments: Any) -> None:
        raise TransientConflictError(f"{CASE_ID}: others keep changing the case")

    monkeypatch.setattr(Assess, "_open", busy)

    with pytest.raises(TransientConflictError):
        invoke("assess_case", {"step": {"case_id": CASE_ID, "generation": 3, "turns": 2}, "started": now()})

    (line,) = log.lines
    assert (line["case_id"], line["execution"], line["function_request_id"]) == (CASE_ID, f"{CASE_ID}-g3", "request-1")
    assert (line["level"], line["error"]) == ("WARNING", "TransientConflictError")


def test_a_parked_action_is_an_error_in_the_log_and_a_metric_that_raises_an_alarm(deployed: Stack, log: Log) -> None:
    deployed.report(account())
    invoke("assess_case", {"step": {"case_id": CASE_ID, "generation": 1}, "started": now()})
    step = {
        "case_id": CASE_ID,
        "generation": 1,
        "turns": 1,
        "next": "SendSms",
        "action_id": f"{CASE_ID}.reminder.0.1",
        "error": {"Error": "PermanentActionError", "Cause": f"{PROFILE.phone_mobile} is no number"},
    }

    invoke("assess_case", {"step": step, "started": now()})

    parked = [line for line in log.lines if line["message"] == "parked"]
    assert [(line["level"], line["action_id"]) for line in parked] == [("ERROR", f"{CASE_ID}.reminder.0.1")]
    assert parked[0]["execution"] == f"{CASE_ID}-g1"
    assert log.metrics["ActionsFailed"] == 1


# --- scan_delinquencies ----------------------------------------------------------------------------------------------
def test_a_scan_says_what_it_did(deployed: Stack, states: States, log: Log) -> None:
    deployed.report(account())
    deployed.report(account(account_id="CARD-0002"))
    states.errors += [None, "InvalidName"]

    answer = invoke("scan_delinquencies", {})

    assert answer == {"started": 1, "running": 0, "failed": 1, "left": False, "oldest_days": 0, "recovered": 0}
    assert log.metrics == {
        "ExecutionsStarted": 1,
        "ExecutionsNotStarted": 1,
        "OldestUnscannedDays": 0,
        "PausedHours": 0,
        "ShadowMode": 0,
    }
    assert [(line["level"], line["message"]) for line in log.lines] == [("ERROR", "not started"), ("INFO", "scanned")]


def test_a_scan_finds_a_case_whose_execution_ended_without_a_word(deployed: Stack, log: Log) -> None:
    deployed.report(account())
    Assess(deployed.table, deployed.settings, lambda *_: None)({"case_id": CASE_ID, "generation": 1})
    deployed.on(OPENS + timedelta(days=2))

    assert invoke("scan_delinquencies", {})["recovered"] == 1

    assert log.metrics["ExecutionsFailed"] == 1
    assert [(line["message"], line.get("case_id")) for line in log.lines] == [
        ("execution ended without a word", CASE_ID),
        ("scanned", None),
    ]


def test_a_scan_stops_while_there_is_time_to_stop(deployed: Stack, states: States, log: Log) -> None:
    deployed.report(account())

    answer = invoke("scan_delinquencies", {}, Context(remaining_ms=9_000))

    assert answer["left"] is True
    assert states.started == {}
    assert log.metrics["ExecutionsStarted"] == 0


# --- roll_out_policy -------------------------------------------------------------------------------------------------
def test_a_rollout_says_how_many_cases_it_woke_and_whether_there_are_more(deployed: Stack, log: Log) -> None:
    assert deployed.settings.sweep() is not None

    assert invoke("roll_out_policy", {}, Context(remaining_ms=29_000)) == {"woken": 0, "left": True}
    assert invoke("roll_out_policy", {}) == {"woken": 0, "left": False}
    assert log.metrics == {"RolloutWakeUps": 0}


# --- wake_case -------------------------------------------------------------------------------------------------------
def stream_record(case_id: str, number: int, sequence: str) -> dict[str, Any]:
    """An event as the table's stream brings it (only what the filter of the template lets through)."""
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "SequenceNumber": sequence,
            "NewImage": {
                "case_id": {"S": case_id},
                "number": {"N": str(number)},
                "wakes": {"BOOL": True},
                "body": {"S": f"paid by {PROFILE.name}"},
            },
        },
    }


@pytest.fixture
def waiting(deployed: Stack) -> list[str]:
    """Three cases whose executions wait, each with news that it has not seen."""
    ids = []
    for number in (1, 2, 3):
        name = f"CARD-{number}"
        deployed.report(account(account_id=name))
        case_id = f"{name}-{OPENS:%Y%m%d}"
        Assess(deployed.table, deployed.settings, lambda *_: None)({"case_id": case_id, "generation": 1})
        deployed.client.update_item(
            TableName=deployed.table.name,
            Key={"pk": {"S": f"ACCOUNT#{name}"}, "sk": {"S": f"CASE#{case_id}"}},
            UpdateExpression="SET #token = :token, token_version = :version",
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues={":token": {"S": f"token {number}"}, ":version": {"N": "2"}},
        )
        deployed.news(case_id, paid("1.00"))
        ids.append(case_id)
    return ids


@pytest.mark.usefixtures("log")
def test_each_record_wakes_its_execution(waiting: list[str], states: States) -> None:
    records = [stream_record(case_id, 3, str(number)) for number, case_id in enumerate(waiting)]

    assert invoke("wake_case", {"Records": records}) == {"batchItemFailures": []}
    assert states.answered == ["token 1", "token 2", "token 3"]


def test_a_record_that_fails_in_the_middle_keeps_no_other_from_being_woken(
    waiting: list[str], states: States, log: Log
) -> None:
    states.errors += [None, "ThrottlingException", None]
    records = [stream_record(case_id, 3, f"s{number}") for number, case_id in enumerate(waiting)]

    assert invoke("wake_case", {"Records": records}) == {"batchItemFailures": [{"itemIdentifier": "s1"}]}
    assert states.answered == ["token 1", "token 3"]
    assert log.metrics == {"WakeUps": 2}
    (line,) = log.lines
    assert (line["message"], line["case_id"], line["error"]) == ("not woken", waiting[1], "TransientServiceError")


@pytest.fixture
def dead_letters(deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    """The queue of what could not be done."""
    url = aws.sqs().create_queue(QueueName="dead-letters")["QueueUrl"]
    deployed.physical["DeadLetters"] = url
    monkeypatch.setenv("DEAD_LETTERS_URL", url)
    return url


def test_a_record_that_makes_no_sense_in_the_middle_is_set_aside_and_holds_up_no_other(
    waiting: list[str], states: States, log: Log, dead_letters: str
) -> None:
    """The stream gives nothing new while a record is tried again, and this one would fail at every try."""
    nonsense = {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "s1", "NewImage": {"who": {"S": PROFILE.name}}}}
    records = [stream_record(waiting[0], 3, "s0"), nonsense, stream_record(waiting[2], 3, "s2")]

    assert invoke("wake_case", {"Records": records}) == {"batchItemFailures": []}
    assert states.answered == ["token 1", "token 3"]
    assert {line["message"] for line in log.lines} == {"unexpected", "set aside"}
    assert all(line["error"].startswith(("UnexpectedError", "KeyError at")) for line in log.lines)
    (message,) = aws.sqs().receive_message(QueueUrl=dead_letters)["Messages"]
    assert json.loads(message["Body"]) == {"Records": [{"dynamodb": {"SequenceNumber": "s1", "NewImage": {}}}]}


@pytest.mark.usefixtures("log")
def test_what_was_set_aside_wakes_its_execution_once_the_cause_is_removed(
    waiting: list[str], states: States, dead_letters: str
) -> None:
    states.errors.append("AccessDeniedException")
    assert invoke("wake_case", {"Records": [stream_record(waiting[0], 3, "s0")]}) == {"batchItemFailures": []}
    (message,) = aws.sqs().receive_message(QueueUrl=dead_letters)["Messages"]

    assert invoke("wake_case", json.loads(message["Body"])) == {"batchItemFailures": []}
    assert states.answered == ["token 1"]


@pytest.mark.usefixtures("log", "dead_letters")
def test_what_cannot_even_be_set_aside_comes_again(
    waiting: list[str], states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    states.errors.append("AccessDeniedException")

    def busy(**_: Any) -> None:
        raise client_error("ThrottlingException", "SendMessage")

    monkeypatch.setattr(aws.sqs(), "send_message", busy)
    records = [stream_record(waiting[0], 3, "s0")]
    assert invoke("wake_case", {"Records": records}) == {"batchItemFailures": [{"itemIdentifier": "s0"}]}


@pytest.mark.usefixtures("dead_letters")
def test_a_line_names_no_case_but_its_own(waiting: list[str], log: Log) -> None:
    nonsense = {"dynamodb": {"SequenceNumber": "s1"}}

    invoke("wake_case", {"Records": [stream_record(waiting[0], 3, "s0"), nonsense]})

    assert [line.get("case_id") for line in log.lines] == [None, None]


# --- recover_case ----------------------------------------------------------------------------------------------------
def ended_badly(status: str = "FAILED", generation: int = 1) -> dict[str, Any]:
    """What EventBridge brings when an execution ends badly, after the sample that ships."""
    path = ROOT / "events/recover_case/execution_failed.json"
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    event["detail"]["status"] = status
    event["detail"]["input"] = json.dumps({"case_id": CASE_ID, "generation": generation})
    return event


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_ended_badly_has_its_case_put_back_on_the_queue(
    deployed: Stack, log: Log, status: str
) -> None:
    deployed.report(account())
    invoke("assess_case", {"step": {"case_id": CASE_ID, "generation": 1}, "started": now()})

    assert invoke("recover_case", ended_badly(status)) == {"recovered": True}
    assert deployed.queued() == {ACCOUNT_ID: OPENS.isoformat()}
    assert log.metrics["ExecutionsFailed"] == 1
    line = log.lines[-1]
    assert (line["level"], line["status"], line["execution"]) == ("ERROR", status, f"{CASE_ID}-g1")


@pytest.mark.usefixtures("log")
def test_an_event_that_comes_again_recovers_nothing(deployed: Stack) -> None:
    deployed.report(account())
    invoke("recover_case", ended_badly())

    assert invoke("recover_case", ended_badly()) == {"recovered": False}


# --- errors ----------------------------------------------------------------------------------------------------------
def test_an_unexpected_error_leaves_without_its_text(log: Log) -> None:
    @handler
    def fails(_event: Any, _context: Any) -> None:
        open_case = CaseOpened(CASE_ID, account(), OPENS, "due")
        raise ValueError(f"{PROFILE.name} of {PROFILE.address_line1}: {open_case}")

    with pytest.raises(UnexpectedError) as raised:
        fails({"case_id": CASE_ID, "generation": 1}, Context())  # type: ignore[arg-type]  # as much of it as is used

    assert str(raised.value).startswith("ValueError at ")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    (line,) = log.lines
    assert (line["message"], line["execution"]) == ("unexpected", f"{CASE_ID}-g1")


def test_an_unexpected_error_tells_its_place_in_our_own_code(log: Log) -> None:
    @handler
    def fails(_event: Any, _context: Any) -> None:
        extract(past_due="no number")

    with pytest.raises(UnexpectedError, match=r"^InvalidOperation at "):
        fails({}, Context())  # type: ignore[arg-type]  # as much of it as is used
    assert log.lines


def test_an_error_of_ours_passes_as_it_is(log: Log) -> None:
    @handler
    def fails(_event: Any, _context: Any) -> None:
        raise PermanentActionError("sqs:SendMessage: QueueDoesNotExist")

    with pytest.raises(PermanentActionError, match="QueueDoesNotExist"):
        fails({}, Context())  # type: ignore[arg-type]  # as much of it as is used
    assert log.lines[0]["why"] == "sqs:SendMessage: QueueDoesNotExist"


def test_what_a_failed_invocation_has_counted_is_written(log: Log) -> None:
    @handler
    def fails(_event: Any, _context: Any) -> None:
        runtime.count("Something")
        raise PermanentActionError("no")

    with pytest.raises(PermanentActionError):
        fails({}, Context())  # type: ignore[arg-type]  # as much of it as is used
    assert log.metrics == {"Something": 1}


def test_one_invocation_names_nothing_of_the_one_before_it(log: Log) -> None:
    @handler
    def says(_event: Any, _context: Any) -> None:
        runtime.logger.info("hello")

    says({"case_id": CASE_ID, "generation": 1, "action_id": "a"}, Context())  # type: ignore[arg-type]  # likewise
    says({"drop": {"key": "payments/1.csv"}}, Context())  # type: ignore[arg-type]  # likewise

    first, second = log.lines
    assert (first["execution"], first["action_id"]) == (f"{CASE_ID}-g1", "a")
    assert second["key"] == "payments/1.csv"
    assert not {"case_id", "execution", "action_id"} & second.keys()


def test_an_event_is_not_logged_even_when_the_environment_asks_for_it(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")

    @handler
    def says(_event: Any, _context: Any) -> None:
        runtime.logger.info("hello")

    says({"name": PROFILE.name}, Context())  # type: ignore[arg-type]  # as much of it as is used
    assert [line["message"] for line in log.lines] == ["hello"]
