"""Every path of the escalation that a case can take, on the real state machine."""

import json
import sys
from collections import Counter
from datetime import date, timedelta
from typing import Any, get_args

import pytest

from arrears import runtime
from arrears.adapters import settings
from arrears.domain.case import replay
from arrears.domain.events import ActionDone, ApprovalAsked
from arrears.domain.policy_parts import Action
from arrears.effects.exports import Exports
from arrears.usecases import next_step
from arrears.usecases.next_step import MOST_TURNS, STATES
from arrears.usecases.orders import Orders
from tests.support.builders import (
    ACCOUNT_ID,
    CASE_ID,
    DUE,
    OPENS,
    account,
    extract,
    held,
    lifted,
    paid,
    personal_data,
    reported,
)
from tests.support.escalation import Escalation, Execution, Fault
from tests.support.stack import Stack
from tools.template import ROOT

DAY = timedelta(days=1)
DEFINITION: dict[str, Any] = json.loads((ROOT / "infra/escalation.asl.json").read_text(encoding="utf-8"))
WAITS = ["Assess", "What next?", "WaitForNews"]


def due(stack: Stack) -> date:
    """The date on which the case's wait ends by itself."""
    return date.fromisoformat((stack.case(CASE_ID).due or "")[:10])


def play(escalation: Escalation, execution: Execution, to: date) -> None:
    """Play a case, wait by wait, until it waits for something later than a date."""
    while due(escalation.stack) <= to:
        escalation.advance(due(escalation.stack))
        execution.rest()
    escalation.stack.on(to)


@pytest.fixture
def execution(escalation: Escalation) -> Execution:
    """The execution of the default case, in its first wait: an SMS is out, and the next is due in a week."""
    return escalation.start().rest()


# --- the ladder ------------------------------------------------------------------------------------------------------
def test_a_case_goes_through_every_action_to_the_court(
    escalation: Escalation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runtime.logger.registered_handler, "stream", sys.stdout)
    escalation.stack.report(account(extract("60000.00")))
    execution = escalation.start().rest()

    play(escalation, execution, date(2005, 12, 31))

    assert execution.status == "RUNNING"
    actions = [name for name in execution.path() if name in STATES.values()]
    assert actions == [
        "SendSms",
        "SendSms",
        "FreezeAccount",
        "QueueCall",
        "QueueCall",
        "QueueLetter",
        "PlaceWithAgency",
        "RecallFromAgency",
        "FileLegal",
    ]
    invoked = [name for name in escalation.lambdas.calls if name != "assess_case"]
    assert invoked == escalation.functions(actions)
    assert_no_transition_too_many(execution)
    assert_everything_happened_once(escalation)
    assert replay(escalation.stack.events(CASE_ID)) == escalation.stack.case(CASE_ID).case
    told = json.dumps(execution.history(), default=str) + capsys.readouterr().out
    assert not [text for text in personal_data() if text in told]


def assert_no_transition_too_many(execution: Execution) -> None:
    """Step Functions is paid by the transition: an action that falls due by the passing of time alone takes three."""
    turns = execution.turns()
    kinds = Counter(tuple("(action)" if name in STATES.values() else name for name in turn) for turn in turns)
    assert kinds == {
        ("What now?", "(action)", "WaitForNews"): 7,
        # The first one, and the freeze on the date of a text.
        ("Assess", "What next?", "(action)", "WaitForNews"): 2,
        # A wait that was cut at 30 days.
        ("What now?", *WAITS): kinds["What now?", *WAITS],
    }
    assert kinds["What now?", *WAITS] <= 5


def assert_everything_happened_once(escalation: Escalation) -> None:
    """What each action did outside, and what is recorded of it."""
    outside = escalation.outside
    assert len(outside.texts()) == 2
    assert outside.tasks("CallQueue") == [f"{CASE_ID}.call.0.1", f"{CASE_ID}.call.0.2"]
    assert outside.tasks("LetterQueue") == [f"{CASE_ID}.lawyer_letter.0.1"]
    assert outside.told() == [f"{CASE_ID}.freeze"]
    assert [key for key in outside.keys("LegalBucket") if key.endswith("claim.json")]
    events = [event for event in escalation.stack.events(CASE_ID) if isinstance(event, ActionDone)]
    done = [event.action_id for event in events]
    assert len(done) == len(set(done)) == 9
    # What an agency gets waits in the table for the day to be closed.
    told = [dict(event.details) for event in events]
    days = [date.fromisoformat(each["date"]) for each in told if "agency" in each]
    kinds = [row.kind for day in days for row in Exports(escalation.stack.table).rows(day)]
    assert kinds == ["PLACEMENT", "RECALL"]
    assert outside.keys("AgencyBucket") == []


def test_a_turn_leaves_room_in_the_history_for_the_turns_an_execution_takes(execution: Execution) -> None:
    """Measured here, so that a state more, or a turn that says more, is noticed (Step Functions quotas: 25,000)."""
    events = execution.history()

    assert len(execution.turns()) == 1
    assert len(events) * MOST_TURNS < 25_000 * 0.8


def test_a_case_that_is_paid_takes_back_what_is_still_out(escalation: Escalation) -> None:
    """A call that is queued, and the freeze: who would have called must not, and the card works again."""
    escalation.stack.report(account(extract("60000.00")))
    execution = escalation.start().rest()
    called_on = OPENS + 14 * DAY
    play(escalation, execution, called_on)
    before = len(execution.path())

    escalation.stack.on(called_on + DAY)
    escalation.news(paid("60000.00", on=called_on + DAY), on=called_on + DAY)

    assert execution.end() == "SUCCEEDED"
    taken_back = [name for name in execution.path()[before:] if name in STATES.values()]
    assert sorted(taken_back) == ["LiftFreeze", "WithdrawCalls"]


def test_a_suit_waits_for_a_legal_officer_and_is_withdrawn_when_it_is_paid(
    escalation: Escalation,
) -> None:
    short = {"from": {"days_past_due": 1}, "steps": [{"action": "place_with_agency"}], "term_days": 2}
    legal = {"from": {"agency": "failed"}, "steps": [{"action": "file_legal"}]}
    rules = {"approval": {"remind_every_days": 3, "escalate_after_days": 5}, "withdraw_when_paid": True}
    escalation.stack.publish(stages={"agency": short, "legal": legal}, legal=rules, freeze=None)
    escalation.stack.report(account(extract("60000.00")))
    execution = escalation.start().rest()
    asked_on = OPENS + 2 * DAY
    play(escalation, execution, asked_on + 6 * DAY)
    steps = [(e.step, e.on) for e in escalation.stack.events(CASE_ID) if isinstance(e, ApprovalAsked)]
    assert steps == [
        ("asked", asked_on),
        ("reminded", asked_on + 3 * DAY),
        ("escalated", asked_on + 5 * DAY),
    ]

    # What follows the recall, a stage and the question, is recorded with it, and takes no turn of its own.
    assert execution.turns()[1:3] == [["What now?", "RecallFromAgency", "WaitForNews"], ["What now?", *WAITS]]

    officer = Orders(escalation.stack.table, escalation.stack.settings)
    before = escalation.stack.case(CASE_ID).case.version
    officer.decide(CASE_ID, "L. Officer", "the claim is sound", approved=True)
    escalation.stream(CASE_ID, before)
    execution.rest()
    filed_on, paid_on = asked_on + 6 * DAY, asked_on + 7 * DAY
    assert [done.on for done in escalation.stack.case(CASE_ID).case.done if done.action == "file_legal"] == [filed_on]

    escalation.stack.on(paid_on)
    escalation.news(paid("60000.00", on=paid_on), on=paid_on)

    assert execution.end() == "SUCCEEDED"
    assert [name for name in execution.path() if name in STATES.values()] == [
        *("PlaceWithAgency", "RecallFromAgency", "FileLegal", "WithdrawLegal")
    ]
    assert execution.turns()[-2:] == [
        ["Assess", "What next?", "WithdrawLegal", "WaitForNews"],
        ["Assess", "What next?", "Closed"],
    ]
    withdrawal = f"date={paid_on}/withdrawal/case_id={CASE_ID}/withdrawal.json"
    assert withdrawal in escalation.outside.keys("LegalBucket")
    assert replay(escalation.stack.events(CASE_ID)) == escalation.stack.case(CASE_ID).case


def test_every_action_has_a_state_and_code_can_name_no_other() -> None:
    assert set(STATES) == set(get_args(Action))
    choices = {choice["StringEquals"]: choice["Next"] for choice in DEFINITION["States"]["What next?"]["Choices"]}

    assert choices == {name: name for name in (*STATES.values(), "WaitForNews", "HandOver")}
    assert DEFINITION["States"]["What next?"]["Default"] == "Closed"
    older, *actions = DEFINITION["States"]["What now?"]["Choices"]
    assert older == {"Variable": "$.then", "IsPresent": False, "Next": "Assess"}
    foreseen = {choice["StringEquals"]: choice["Next"] for choice in actions}
    assert foreseen == {name: name for name in STATES.values()}
    assert DEFINITION["States"]["What now?"]["Default"] == "Assess"


# --- stopped and let go ----------------------------------------------------------------------------------------------
def test_while_what_goes_out_is_paused_a_case_waits_at_the_send_and_goes_on_after_it(escalation: Escalation) -> None:
    settings = escalation.stack.settings
    settings.turn("pause", on=True, by="I. Operator", why="wrong rates")

    execution = escalation.start().rest()

    assert execution.path() == ["Assess", "What next?", "SendSms", "WaitForNews"]
    assert due(escalation.stack) == OPENS + DAY
    assert escalation.outside.texts() == []
    play(escalation, execution, OPENS + 2 * DAY)
    assert escalation.outside.texts() == []

    settings.turn("pause", on=False, by="I. Operator")
    play(escalation, execution, OPENS + 3 * DAY)

    assert len(escalation.outside.texts()) == 1
    assert [(done.action, done.on) for done in escalation.stack.case(CASE_ID).case.done] == [
        ("send_sms", OPENS + 3 * DAY)
    ]
    assert execution.status == "RUNNING"


def test_a_case_that_is_paid_while_what_goes_out_is_paused_closes_at_once(escalation: Escalation) -> None:
    escalation.stack.settings.turn("pause", on=True, by="I. Operator", why="wrong rates")
    execution = escalation.start().rest()

    escalation.stack.on(OPENS + DAY)
    escalation.news(paid("60000.00", on=OPENS + DAY), on=OPENS + DAY)

    assert execution.end() == "SUCCEEDED"


# --- the ends --------------------------------------------------------------------------------------------------------
def test_an_execution_whose_case_is_not_due_ends_at_once(escalation: Escalation) -> None:
    escalation.stack.report(account(extract("0.00", oldest_due=None)))

    execution = escalation.start()

    assert execution.end() == "SUCCEEDED"
    assert execution.path() == ["Assess", "What next?", "Closed"]


def test_an_execution_whose_case_another_has_ends_at_once(escalation: Escalation, execution: Execution) -> None:
    second = escalation.start(generation=5)

    assert second.end() == "SUCCEEDED"
    assert second.path() == ["Assess", "What next?", "Closed"]
    assert execution.status == "RUNNING"


def test_a_scan_starts_it_and_a_second_scan_does_no_harm(escalation: Escalation) -> None:
    assert escalation.scan()["started"] == 1
    (execution,) = escalation.executions()
    execution.rest()

    assert escalation.scan() == {
        "started": 0,
        "running": 0,
        "failed": 0,
        "left": False,
        "oldest_days": 0,
        "recovered": 0,
    }
    assert [one.arn for one in escalation.executions()] == [execution.arn]


# --- the wait --------------------------------------------------------------------------------------------------------
def test_a_wait_stores_its_token_at_the_version_it_has_seen(escalation: Escalation, execution: Execution) -> None:
    record = escalation.stack.case(CASE_ID)

    assert record.token is not None
    assert record.token_version == record.case.version
    assert record.due == f"{OPENS + 7 * DAY}T00:00"
    assert escalation.stack.queued("open") == {ACCOUNT_ID: record.due}
    assert execution.path() == ["Assess", "What next?", "SendSms", "WaitForNews"]


def test_a_wait_ends_by_itself_when_its_time_has_come(escalation: Escalation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "LONGEST_WAIT", timedelta(seconds=1))

    execution = escalation.start().rest().rest().rest()

    timeouts = [event for event in execution.history() if event["type"] == "TaskTimedOut"]
    assert [event["taskTimedOutEventDetails"]["error"] for event in timeouts] == ["States.Timeout"] * 2
    only_waits = ["What now?", *WAITS]
    assert execution.turns() == [["Assess", "What next?", "SendSms", "WaitForNews"], only_waits, only_waits]
    assert execution.status == "RUNNING"


def test_a_payment_ends_a_wait_of_ninety_days_at_once_and_the_agency_is_told(escalation: Escalation) -> None:
    escalation.stack.report(account(extract("60000.00")))
    execution = escalation.start().rest()
    placed_on = date(2005, 9, 2)
    play(escalation, execution, placed_on)
    assert escalation.stack.case(CASE_ID).case.placement is not None
    before = len(execution.path())

    escalation.stack.on(placed_on + DAY)
    escalation.news(paid("60000.00", on=placed_on + DAY), on=placed_on + DAY)

    assert execution.end() == "SUCCEEDED"
    turns = execution.path()[before:]
    assert turns[:4] == ["Assess", "What next?", "RecallFromAgency", "WaitForNews"]
    assert turns[-3:] == ["Assess", "What next?", "Closed"]
    (placement,) = escalation.stack.case(CASE_ID).case.placements
    assert (placement.ended, placement.ended_on) == ("cured", placed_on + DAY)


def test_a_payment_in_full_ends_the_execution(escalation: Escalation, execution: Execution) -> None:
    escalation.stack.on(OPENS + DAY)
    escalation.news(paid(), on=OPENS + DAY)

    assert execution.end() == "SUCCEEDED"
    assert execution.turns()[1:] == [["Assess", "What next?", "Closed"]]
    assert escalation.stack.kinds(CASE_ID)[-1] == "CaseClosed"
    assert len(escalation.outside.texts()) == 1


def test_news_that_changes_nothing_at_once_is_waited_on_again(escalation: Escalation, execution: Execution) -> None:
    escalation.news(paid("1.00", on=OPENS))
    execution.rest()

    assert execution.turns()[1:] == [WAITS]
    assert escalation.stack.case(CASE_ID).token_version == escalation.stack.case(CASE_ID).case.version


def test_a_hold_stops_the_case_and_its_lifting_resumes_it(escalation: Escalation, execution: Execution) -> None:
    week = OPENS + 7 * DAY
    escalation.news(held(OPENS + 6 * DAY))
    execution.rest()
    escalation.stack.on(week)
    escalation.news(reported("1200.00", as_of=week), on=week)
    execution.rest()
    assert len(escalation.outside.texts()) == 1, "nothing is sent under a hold"

    escalation.stack.on(week + DAY)
    escalation.news(lifted(week + DAY), on=week + DAY)
    execution.rest()

    assert len(escalation.outside.texts()) == 2


def test_several_news_at_once_wake_once_and_all_are_seen(escalation: Escalation, execution: Execution) -> None:
    escalation.news(paid("1.00", payment_id="PAY-1"), paid("2.00", payment_id="PAY-2"), held(OPENS))
    execution.rest()

    assert execution.turns()[1:] == [WAITS]
    assert [hold.periods() for hold in escalation.stack.case(CASE_ID).case.account.holds] == [[(OPENS, None)]]


# --- news that races the wait ----------------------------------------------------------------------------------------
def test_news_before_the_token_is_stored_is_seen_without_a_wake_up(escalation: Escalation) -> None:
    """It comes after the action has said how long to wait: nobody waits yet, so nobody can be woken."""
    escalation.stack.on(OPENS + DAY)
    escalation.lambdas.then["send_sms"] = lambda: escalation.news(paid(), on=OPENS + DAY)

    execution = escalation.start()

    assert execution.end() == "SUCCEEDED"
    assert execution.turns() == [
        ["Assess", "What next?", "SendSms", "WaitForNews"],
        ["Assess", "What next?", "Closed"],
    ]
    failed = [event for event in execution.history() if event["type"] == "TaskFailed"]
    assert [one["taskFailedEventDetails"]["error"] for one in failed] == ["DynamoDb.ConditionalCheckFailedException"]
    assert execution.waits.begun(execution.arn) == 0


def test_news_before_a_wait_without_an_action_is_seen_too(escalation: Escalation, execution: Execution) -> None:
    escalation.stack.on(OPENS + DAY)
    escalation.lambdas.then["assess_case"] = lambda: escalation.news(paid(), on=OPENS + DAY)

    escalation.news(paid("1.00", payment_id="PAY-0", on=OPENS + DAY), on=OPENS + DAY)

    assert execution.end() == "SUCCEEDED"
    assert execution.turns()[1:] == [WAITS, ["Assess", "What next?", "Closed"]]


def test_news_after_the_token_is_stored_wakes(escalation: Escalation, execution: Execution) -> None:
    token = escalation.stack.case(CASE_ID).token

    escalation.news(paid("1.00"))
    execution.rest()

    assert escalation.stack.case(CASE_ID).token not in {None, token}


def test_news_that_the_stream_brings_twice_wakes_once(escalation: Escalation, execution: Execution) -> None:
    before = escalation.stack.case(CASE_ID).case.version
    escalation.news(paid("1.00"))
    execution.rest()
    turns = len(execution.turns())

    escalation.stream(CASE_ID, before)

    assert len(execution.turns()) == turns
    assert escalation.stack.case(CASE_ID).token_version == before + 1


def test_news_right_before_an_action_that_was_foreseen_is_seen_by_it(
    escalation: Escalation, execution: Execution
) -> None:
    week = OPENS + 7 * DAY
    escalation.stack.news(CASE_ID, held(week), on=week)

    escalation.advance(week)
    execution.rest()

    assert len(escalation.outside.texts()) == 1, "the hold came in after the SMS was foreseen and before it was sent"
    assert execution.turns()[1:] == [["What now?", "SendSms", "WaitForNews"]]


def test_news_while_an_action_is_carried_out_is_seen_at_once(escalation: Escalation) -> None:
    escalation.lambdas.then["assess_case"] = lambda: escalation.news(held(OPENS))

    execution = escalation.start().rest()

    assert escalation.outside.texts() == [], "the hold came in after the SMS was due and before it was sent"
    assert execution.turns() == [["Assess", "What next?", "SendSms", "WaitForNews"]]


def test_an_action_that_is_foreseen_and_fails_is_parked_on_the_case(
    escalation: Escalation, execution: Execution
) -> None:
    escalation.lambdas.faults["send_sms"] = [Fault("PermanentActionError")]

    escalation.advance(OPENS + 7 * DAY)
    execution.rest()

    assert execution.turns()[1:] == [["What now?", "SendSms", *WAITS]]
    failed = escalation.stack.case(CASE_ID).case.failed
    assert failed is not None
    assert failed.action_id == f"{CASE_ID}.reminder.0.2"


def test_a_function_of_an_older_version_foresees_nothing_and_the_case_goes_on(
    escalation: Escalation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a deployment that was rolled back, for an execution that was started before."""
    step = next_step._step

    def older(*arguments: Any) -> Any:
        made: dict[str, Any] = {**step(*arguments)}
        del made["then"]
        return made

    monkeypatch.setattr(next_step, "_step", older)
    monkeypatch.setattr(next_step, "_foresee", lambda *_: None)
    execution = escalation.start().rest()

    escalation.advance(OPENS + 7 * DAY)
    execution.rest()

    assert len(escalation.outside.texts()) == 2
    assert execution.turns()[1:] == [["What now?", "Assess", "What next?", "SendSms", "WaitForNews"]]


def test_a_case_whose_shadow_is_over_closes_before_an_action_that_was_foreseen(escalation: Escalation) -> None:
    """Nobody has told it that the shadow is over."""
    escalation.stack.settings.turn("shadow", on=True, by="I. Operator", why="first month")
    execution = escalation.start().rest()
    escalation.stack.settings.turn("shadow", on=False, by="I. Operator")

    escalation.advance(OPENS + 7 * DAY)

    assert execution.end() == "SUCCEEDED"
    ending = ["Assess", "What next?", "Closed"]
    assert execution.turns()[1:] == [["What now?", "SendSms", "WaitForNews"], ending]
    assert escalation.stack.kinds(CASE_ID)[-1] == "CaseClosed"


def test_a_policy_that_counts_meanwhile_is_what_a_foreseen_action_is_decided_by(
    escalation: Escalation, execution: Execution
) -> None:
    reminder = {"from": {"days_past_due": 1}, "steps": []}
    call = {"from": {"days_past_due": 2}, "steps": [{"action": "queue_call"}]}
    escalation.stack.publish(stages={"reminder": reminder, "call": call}, monthly_reminder=None)

    escalation.advance(OPENS + 7 * DAY)
    execution.rest()

    assert len(escalation.outside.texts()) == 1, "the text that was foreseen is not in the policy any more"
    assert escalation.outside.tasks("CallQueue") == [f"{CASE_ID}.call.0.1"]


def test_a_wake_up_that_is_lost_costs_no_more_than_the_wait(
    escalation: Escalation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "LONGEST_WAIT", timedelta(seconds=1))
    execution = escalation.start().rest()
    escalation.stack.on(OPENS + DAY)

    escalation.stack.news(CASE_ID, paid(), on=OPENS + DAY)

    assert execution.end() == "SUCCEEDED"


# --- hand-over -------------------------------------------------------------------------------------------------------
def test_an_execution_hands_over_to_the_next_generation(
    escalation: Escalation, execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(next_step, "MOST_TURNS", 1)

    escalation.news(paid("1.00"))

    assert execution.end() == "SUCCEEDED"
    assert execution.turns()[1:] == [["Assess", "What next?", "HandOver", "Closed"]]
    _, second = escalation.executions()
    second.rest()
    assert second.describe()["name"] == f"{CASE_ID}-g2"
    assert second.turns() == [WAITS]
    assert escalation.stack.case(CASE_ID).generation == 2


def test_a_case_goes_on_after_its_hand_over(
    escalation: Escalation, execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as soon:
        soon.setattr(next_step, "MOST_TURNS", 1)
        escalation.news(paid("1.00"))
        execution.end()
    _, second = escalation.executions()
    second.rest()

    escalation.advance(OPENS + 7 * DAY)
    second.rest()

    assert len(escalation.outside.texts()) == 2
    assert len(escalation.executions()) == 2


def test_an_execution_that_has_handed_over_already_hands_over_once(
    escalation: Escalation, execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its state was tried again after the next execution was started, and has ended even."""
    monkeypatch.setattr(next_step, "MOST_TURNS", 1)
    escalation.refusals["start_execution"] = ["ExecutionAlreadyExists"]

    escalation.news(paid("1.00"))

    assert execution.end() == "SUCCEEDED"
    assert execution.turns()[1:] == [["Assess", "What next?", "HandOver", "Closed"]]


def test_a_hand_over_that_is_throttled_is_tried_again(
    escalation: Escalation, execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(next_step, "MOST_TURNS", 1)
    escalation.refusals["start_execution"] = ["ThrottlingException", "ExecutionLimitExceeded", None]

    escalation.news(paid("1.00"))

    assert execution.end() == "SUCCEEDED"
    assert len(escalation.executions()) == 2


def test_an_execution_of_an_account_due_long_ago_keeps_its_case_id(escalation: Escalation) -> None:
    later = OPENS + 40 * DAY
    escalation.stack.on(later)

    escalation.scan()
    (execution,) = escalation.executions()
    execution.rest()

    assert execution.describe()["name"] == f"{ACCOUNT_ID}-{later:%Y%m%d}-g1"
    assert escalation.stack.case(f"{ACCOUNT_ID}-{later:%Y%m%d}").case.stage == "call"
    assert later > DUE
