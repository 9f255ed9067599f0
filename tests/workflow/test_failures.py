"""What goes wrong, on the real state machine: retries by name, parked actions, crashes, and the net under it all."""

import json
import re
import threading
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.component.common.timeouts import timeout

from arrears import errors
from arrears.adapters.table import Table
from arrears.domain.events import ActionDone, ActionFailed
from arrears.usecases import next_step
from arrears.usecases.next_step import STATES
from arrears.usecases.retry import Retry
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, account, extract, paid
from tests.support.escalation import DiedError, Escalation, Execution, Fault
from tools.template import ROOT, functions, load, resources

DAY = timedelta(days=1)
DEFINITION: dict[str, Any] = json.loads((ROOT / "infra/escalation.asl.json").read_text(encoding="utf-8"))
SMS = f"{CASE_ID}.reminder.0.1"
TURN = ["Assess", "What next?", "SendSms", "WaitForNews"]
WAITS = ["Assess", "What next?", "WaitForNews"]


def retried(state: str) -> list[str]:
    """The names of the errors on which a state is tried again."""
    return [name for rule in DEFINITION["States"][state]["Retry"] for name in rule["ErrorEquals"]]


def attempts(state: str) -> int:
    """How often a state is tried in all."""
    (rule,) = DEFINITION["States"][state]["Retry"]
    return int(rule["MaxAttempts"]) + 1


# --- tried again -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name in retried("SendSms") if name != "States.Timeout"])
def test_an_action_that_could_not_be_started_is_tried_again(escalation: Escalation, name: str) -> None:
    escalation.lambdas.faults["send_sms"] = [Fault(name), Fault(name)]

    execution = escalation.start().rest()

    assert execution.turns() == [TURN]
    assert escalation.lambdas.calls.count("send_sms") == 3
    assert len(escalation.outside.texts()) == 1
    assert "ActionFailed" not in escalation.stack.kinds(CASE_ID)


@pytest.mark.parametrize("name", [name for name in retried("Assess") if name != "States.Timeout"])
def test_a_turn_that_could_not_be_taken_is_tried_again(escalation: Escalation, name: str) -> None:
    escalation.lambdas.faults["assess_case"] = [Fault(name)] * (attempts("Assess") - 1)

    execution = escalation.start().rest()

    assert execution.turns() == [TURN]
    assert escalation.lambdas.calls.count("assess_case") == attempts("Assess")


def test_every_task_is_tried_again_with_growing_pauses_that_are_spread(escalation: Escalation) -> None:
    escalation.lambdas.faults["assess_case"] = [Fault("TransientServiceError")] * 8
    escalation.start().rest()
    assert len(escalation.pauses) == 8
    assert all(0 <= pause <= min(300, 2 * 2**number) for number, pause in enumerate(escalation.pauses))

    for name, state in DEFINITION["States"].items():
        if state["Type"] == "Task":
            (rule,) = state["Retry"]
            assert (rule["JitterStrategy"], rule["BackoffRate"]) == ("FULL", 2), name


def test_the_action_states_are_tried_again_on_the_same_errors(escalation: Escalation) -> None:
    assert escalation.executions() == []
    assert {tuple(retried(state)) for state in (*STATES.values(), "Assess")} == {tuple(retried("Assess"))}
    ours = {name for name in retried("Assess") if hasattr(errors, name)}
    assert ours == {name for name in vars(errors) if name.startswith("Transient") and name != "TransientError"}


@pytest.mark.parametrize("code", [name.removeprefix("DynamoDb.") for name in retried("WaitForNews")])
def test_a_token_that_could_not_be_stored_at_once_is_stored_at_the_next_try(escalation: Escalation, code: str) -> None:
    """A conflict is what happens when news races the wait."""
    escalation.refusals["update_item"] = [code, code]

    execution = escalation.start().rest()

    assert execution.turns() == [TURN]
    assert escalation.stack.case(CASE_ID).token is not None


# --- parked ----------------------------------------------------------------------------------------------------------
def parked(escalation: Escalation) -> str:
    """The error for which the case is parked."""
    failed = escalation.stack.case(CASE_ID).case.failed
    assert failed is not None
    assert failed.action_id == SMS
    return failed.error


def test_an_action_that_fails_at_every_try_is_parked_and_the_execution_lives_on(escalation: Escalation) -> None:
    escalation.lambdas.faults["send_sms"] = [Fault("TransientServiceError")] * attempts("SendSms")

    execution = escalation.start().rest()

    assert parked(escalation) == "TransientServiceError"
    assert execution.turns() == [["Assess", "What next?", "SendSms", *WAITS]]
    assert execution.status == "RUNNING"
    assert escalation.lambdas.calls.count("send_sms") == attempts("SendSms")


@pytest.mark.parametrize("name", ["UnexpectedError", "PermanentDocumentError", "Runtime.ImportModuleError"])
def test_an_error_that_another_try_does_not_mend_is_not_tried_again(escalation: Escalation, name: str) -> None:
    escalation.lambdas.faults["send_sms"] = [Fault(name)]

    execution = escalation.start().rest()

    assert escalation.lambdas.calls.count("send_sms") == 1
    assert parked(escalation) == name
    assert execution.status == "RUNNING"


def test_an_action_that_cannot_be_carried_out_is_parked_without_a_detour(escalation: Escalation) -> None:
    steps = [{"action": "send_sms", "template": "no_such_template"}]
    escalation.stack.publish(stages={"reminder": {"from": {"days_past_due": 1}, "steps": steps}})

    execution = escalation.start().rest()

    assert parked(escalation).startswith("PermanentDocumentError")
    assert execution.turns() == [TURN]


def test_an_operators_retry_resumes_a_parked_case(escalation: Escalation) -> None:
    escalation.lambdas.faults["send_sms"] = [Fault("UnexpectedError")]
    execution = escalation.start().rest()
    before = escalation.stack.case(CASE_ID).case.version

    assert Retry(escalation.stack.table, escalation.stack.settings)(CASE_ID, "operator") == SMS
    escalation.stream(CASE_ID, before)
    execution.rest()

    assert execution.turns()[-1] == TURN
    assert len(escalation.outside.texts()) == 1
    assert isinstance(escalation.stack.events(CASE_ID)[-1], ActionDone)


def test_a_parked_case_that_is_paid_ends(escalation: Escalation) -> None:
    escalation.lambdas.faults["send_sms"] = [Fault("UnexpectedError")]
    execution = escalation.start().rest()

    escalation.stack.on(OPENS + DAY)
    escalation.news(paid(), on=OPENS + DAY)

    assert execution.end() == "SUCCEEDED"


def test_a_parked_action_keeps_nothing_else_of_the_case_from_happening_once_it_is_resumed(
    escalation: Escalation,
) -> None:
    escalation.outside.lose("CallQueue")
    execution = escalation.start().rest()
    play_to(escalation, execution, OPENS + 14 * DAY)

    failed = escalation.stack.events(CASE_ID)[-1]
    assert isinstance(failed, ActionFailed)
    assert failed.action == "queue_call"
    assert execution.status == "RUNNING"


def play_to(escalation: Escalation, execution: Execution, to: date) -> None:
    """Play a case, wait by wait, up to a date."""
    while date.fromisoformat((escalation.stack.case(CASE_ID).due or "")[:10]) <= to:
        escalation.advance(date.fromisoformat((escalation.stack.case(CASE_ID).due or "")[:10]))
        execution.rest()


# --- a crash ---------------------------------------------------------------------------------------------------------
def answers_lost(escalation: Escalation, _monkeypatch: pytest.MonkeyPatch) -> None:
    """Each function does all it has to do, and its time is up before its answer is out; the next try succeeds."""
    for folder in {*escalation.functions(STATES.values())}:
        escalation.lambdas.faults[folder] = [Fault("Sandbox.Timedout", after=True), None] * 10


def killed(_escalation: Escalation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each function's process is gone after the effect and before its confirmation; the next try succeeds."""
    transact, seen = Table.transact, set()

    def killing(self: Table, items: Sequence[Any]) -> None:
        done = re.search(r'"action_id":"([^"]+)"[^{}]*"type":"ActionDone"', str(items))
        if done is not None and done[1] not in seen:
            seen.add(done[1])
            raise DiedError
        transact(self, items)

    monkeypatch.setattr(Table, "transact", killing)


@pytest.mark.parametrize("crash", [answers_lost, killed])
def test_every_action_crashes_after_its_effect_and_happens_once(
    escalation: Escalation, monkeypatch: pytest.MonkeyPatch, crash: Callable[..., None]
) -> None:
    escalation.stack.report(account(extract("60000.00")))
    crash(escalation, monkeypatch)

    execution = escalation.start().rest()
    play_to(escalation, execution, date(2005, 12, 31))

    actions = [name for name in execution.path() if name in STATES.values()]
    calls = [name for name in escalation.lambdas.calls if name != "assess_case"]
    assert len(calls) == 2 * len(actions), "each is tried again, and its state is not entered again"
    case = escalation.stack.case(CASE_ID).case
    assert (case.stage, case.pending, case.failed) == ("legal", None, None)
    assert len({done.action_id for done in case.done}) == len(case.done) == len(actions)
    uncertain = [done.action for done in case.done if not done.certain]
    assert uncertain == (["send_sms", "send_sms"] if crash is killed else []), "only an SMS cannot be repeated"

    outside = escalation.outside
    assert len(outside.texts()) == 2
    assert outside.tasks("CallQueue") == [f"{CASE_ID}.call.0.1", f"{CASE_ID}.call.0.2"]
    assert outside.tasks("LetterQueue") == [f"{CASE_ID}.lawyer_letter.0.1"]
    assert set(outside.told()) == {f"{CASE_ID}.freeze"}, "who listens drops an action that it has seen"
    assert len([key for key in outside.keys("LegalBucket") if key.endswith("claim.json")]) == 1
    for kind in ("PLACEMENT", "RECALL"):
        assert len(exports(escalation, kind)) == 1


def exports(escalation: Escalation, kind: str) -> list[str]:
    """What agencies are given on all days, of one kind."""
    scanned = escalation.stack.client.scan(TableName=escalation.stack.table.name)["Items"]
    rows = [item["sk"]["S"] for item in scanned if item["pk"]["S"].startswith("EXPORT#")]
    return [row for row in rows if f"#{kind}#" in row]


def test_a_turn_whose_answer_is_lost_is_taken_once(escalation: Escalation) -> None:
    escalation.lambdas.faults["assess_case"] = [Fault("Sandbox.Timedout", after=True)]

    execution = escalation.start().rest()

    assert execution.turns() == [TURN]
    assert escalation.stack.kinds(CASE_ID).count("CaseOpened") == 1


def test_a_close_whose_answer_is_lost_ends_the_execution(escalation: Escalation) -> None:
    execution = escalation.start().rest()
    escalation.stack.on(OPENS + DAY)
    escalation.lambdas.faults["assess_case"] = [Fault("Lambda.Unknown", after=True)]

    escalation.news(paid(), on=OPENS + DAY)

    assert execution.end() == "SUCCEEDED"
    assert escalation.stack.kinds(CASE_ID).count("CaseClosed") == 1


# --- the net ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def given_up(escalation: Escalation) -> Execution:
    """An execution that waited, was woken, and could not take its turn."""
    execution = escalation.start().rest()
    escalation.lambdas.faults["assess_case"] = [Fault("TransientServiceError")] * attempts("Assess")
    escalation.news(paid("1.00"))
    execution.end()
    return execution


def test_an_execution_that_cannot_take_its_turn_fails_and_says_why(given_up: Execution) -> None:
    described = given_up.describe()

    assert (described["status"], described["error"]) == ("FAILED", "TransientServiceError")
    assert given_up.path()[-2:] == ["Assess", "GiveUp"]


def test_the_net_puts_its_case_back_and_the_next_scan_starts_it_again(
    escalation: Escalation, given_up: Execution
) -> None:
    assert escalation.net(given_up) == {"recovered": True}
    assert escalation.stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}

    assert escalation.scan()["started"] == 1

    _, second = escalation.executions()
    second.rest()
    assert second.describe()["name"] == f"{CASE_ID}-g2"
    assert second.turns() == [WAITS]
    assert escalation.stack.queued() == {}
    assert len(escalation.outside.texts()) == 1, "what was done before is not done again"


def test_the_case_of_the_next_execution_goes_on(escalation: Escalation, given_up: Execution) -> None:
    escalation.net(given_up)
    escalation.scan()
    _, second = escalation.executions()
    second.rest()

    escalation.advance(OPENS + 7 * DAY)
    second.rest()
    escalation.stack.on(OPENS + 8 * DAY)
    escalation.news(paid(on=OPENS + 8 * DAY, payment_id="PAY-2"), on=OPENS + 8 * DAY)

    assert second.end() == "SUCCEEDED"
    assert len(escalation.outside.texts()) == 2


def test_an_execution_that_never_opened_its_case_is_started_again(escalation: Escalation) -> None:
    escalation.lambdas.faults["assess_case"] = [Fault("UnexpectedError")]
    escalation.scan()
    (first,) = escalation.executions()
    assert first.end() == "FAILED"

    escalation.net(first)
    escalation.scan()

    _, second = escalation.executions()
    assert second.rest().turns() == [TURN]
    assert escalation.stack.case(CASE_ID).generation == 2


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"])
def test_a_token_that_cannot_be_stored_ends_the_execution_for_the_net(escalation: Escalation, code: str) -> None:
    escalation.refusals["update_item"] = [code]

    execution = escalation.start()

    assert execution.end() == "FAILED"
    assert execution.describe()["error"] == f"DynamoDb.{code}"
    assert execution.path() == [*TURN, "GiveUp"]
    assert escalation.net(execution) == {"recovered": True}


def test_an_execution_that_somebody_aborts_is_recovered(escalation: Escalation) -> None:
    execution = escalation.start().rest()
    escalation.abort(execution)
    execution.end()

    assert escalation.net(execution, "ABORTED") == {"recovered": True}
    assert escalation.stack.case(CASE_ID).token is None


@pytest.mark.parametrize("code", ["AccessDeniedException", "StateMachineDoesNotExist"])
def test_a_hand_over_that_cannot_be_made_loses_no_case(
    escalation: Escalation, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    first = escalation.start().rest()
    with monkeypatch.context() as soon:
        soon.setattr(next_step, "MOST_TURNS", 1)
        escalation.refusals["start_execution"] = [code]
        escalation.news(paid("1.00"))
        assert first.end() == "FAILED"
    assert first.path()[-3:] == ["What next?", "HandOver", "GiveUp"]

    assert escalation.net(first) == {"recovered": True}
    assert escalation.scan()["started"] == 1
    _, second = escalation.executions()
    assert second.rest().turns() == [WAITS]


def test_a_hand_over_whose_answer_was_lost_loses_no_case(
    escalation: Escalation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = escalation.start().rest()
    with monkeypatch.context() as soon:
        soon.setattr(next_step, "MOST_TURNS", 1)
        escalation.lambdas.faults["assess_case"] = [Fault("Runtime.ExitError", after=True)]
        escalation.news(paid("1.00"))
        assert first.end() == "SUCCEEDED"

    _, second = escalation.executions()
    assert second.rest().turns() == [WAITS]


# --- time ------------------------------------------------------------------------------------------------------------
def test_a_function_gives_up_before_its_task_does(escalation: Escalation) -> None:
    """Else Step Functions would try again what still runs."""
    properties = resources(load(), "AWS::Serverless::StateMachine")["Escalation"]["Properties"]
    for name, state in DEFINITION["States"].items():
        if state["Type"] == "Task" and state["Resource"].endswith("lambda:invoke"):
            substitution = state["Parameters"]["FunctionName"].strip("${}")
            function = properties["DefinitionSubstitutions"][substitution]["Fn::GetAtt"][0]
            assert functions(load())[function]["Timeout"] < state["TimeoutSeconds"], name
    assert escalation.executions() == []


def test_a_task_whose_function_hangs_is_tried_again(escalation: Escalation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeout.TimeoutSeconds, "_eval_seconds", lambda _self, env: 1)  # noqa: ARG005 - by name
    released = threading.Event()
    escalation.lambdas.then["send_sms"] = lambda: released.wait(20)

    execution = escalation.start().rest()
    released.set()

    assert execution.turns() == [TURN]
    assert escalation.lambdas.calls.count("send_sms") == 2
    assert len(escalation.outside.texts()) == 1
