"""Assess: opens a case once, records what follows, closes it with its account, and hands over in time."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from arrears.adapters.settings import Clock
from arrears.adapters.table import AccountRecord, StaleError
from arrears.domain.case import replay
from arrears.domain.events import (
    ActionDone,
    ActionFailed,
    ActionPlanned,
    ActionUncertain,
    CaseClosed,
    CaseOpened,
    Event,
)
from arrears.domain.facts import Reached
from arrears.domain.policy_parts import Action
from arrears.errors import TransientConflictError
from arrears.usecases.assess import TRIES, Assess
from arrears.usecases.next_step import MOST_TURNS, OLDEST, STATES, NextStep, Request
from arrears.usecases.recover import Recover
from tests.support.builders import (
    ACCOUNT_ID,
    CASE_ID,
    OPENS,
    account,
    extract,
    held,
    paid,
    payment,
    reported,
    retried,
    stamp,
)
from tests.support.stack import Stack

DAY = timedelta(days=1)
FIRST: Request = {"case_id": CASE_ID, "generation": 1}


@dataclass
class Assessing:
    """Assess on a stack, and what it told of."""

    stack: Stack
    observed: list[Event] = field(default_factory=list)

    def __call__(self, request: Request = FIRST) -> NextStep:
        return Assess(self.stack.table, self.stack.settings, lambda events, _: self.observed.extend(events))(request)


@pytest.fixture
def assess(stack: Stack) -> Assessing:
    """Assess, with the default account past due and on the queue."""
    stack.report(account())
    return Assessing(stack)


def meanwhile(monkeypatch: pytest.MonkeyPatch, stack: Stack, method: str, happens: Callable[[], object]) -> None:
    """Let something happen right after the first read by a method of the table."""
    read = getattr(stack.table, method)
    once = [happens]

    def interrupted(*arguments: Any, **named: Any) -> Any:
        answer = read(*arguments, **named)
        if once:
            once.pop()()
        return answer

    monkeypatch.setattr(stack.table, method, interrupted)


# --- opening ---------------------------------------------------------------------------------------------------------
def test_the_first_turn_opens_the_case_and_names_the_first_action(stack: Stack, assess: Assessing) -> None:
    step = assess()

    assert (step["next"], step["action_id"], step["turns"]) == ("SendSms", f"{CASE_ID}.reminder.0.1", 1)
    assert stack.kinds(CASE_ID) == ["CaseOpened", "StageEntered"]
    assert stack.table.account(ACCOUNT_ID).open_case == CASE_ID
    assert [type(event).__name__ for event in assess.observed] == ["CaseOpened", "StageEntered"]


def test_an_open_case_takes_its_account_off_the_queue(stack: Stack, assess: Assessing) -> None:
    assert stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}

    assess()

    assert stack.queued() == {}
    assert stack.queued("open") == {ACCOUNT_ID: OPENS.isoformat()}


def test_a_first_turn_that_is_taken_twice_opens_one_case(stack: Stack, assess: Assessing) -> None:
    first = assess()
    second = assess()

    assert first == second
    assert stack.kinds(CASE_ID) == ["CaseOpened", "StageEntered"]


def test_two_executions_of_an_account_open_one_case(
    stack: Stack, assess: Assessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan before midnight and one after start two executions; both read the account before either writes."""
    stack.on(OPENS + DAY)
    other: Request = {"case_id": f"{ACCOUNT_ID}-{OPENS + DAY:%Y%m%d}", "generation": 1}
    steps: list[NextStep] = []
    meanwhile(monkeypatch, stack, "with_settings", lambda: steps.append(assess(other)))

    assert assess()["next"] == "Closed"
    assert steps[0]["next"] == "SendSms"
    assert stack.table.account(ACCOUNT_ID).open_case == other["case_id"]
    assert [record.case.case_id for record in stack.table.cases(ACCOUNT_ID)] == [other["case_id"]]


def test_an_opening_that_meets_an_import_takes_the_newer_facts(
    stack: Stack, assess: Assessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, stack, "with_settings", lambda: stack.report(account(extract("2500.00"))))

    assert assess()["next"] == "SendSms"
    assert str(stack.case(CASE_ID).case.arrears(OPENS)) == "2500.00 CNY"
    assert stack.kinds(CASE_ID) == ["CaseOpened", "StageEntered"]


def test_a_payment_that_overtakes_the_opening_leaves_no_case(
    stack: Stack, assess: Assessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_before = account(extract(as_of=OPENS - DAY), payments=[payment(on=OPENS)])
    meanwhile(monkeypatch, stack, "with_settings", lambda: stack.report(paid_before))

    assert assess()["next"] == "Closed"
    assert stack.table.case(CASE_ID) is None
    assert stack.queued() == {}


def test_an_account_that_is_not_due_after_all_waits_on_the_queue_for_its_date(stack: Stack, assess: Assessing) -> None:
    later = OPENS + 10 * DAY
    stack.report(account(extract("0.00", oldest_due=None), extract(as_of=later, oldest_due=later - DAY)))

    assert assess()["next"] == "Closed"
    assert stack.queued() == {ACCOUNT_ID: later.isoformat()}


def test_the_case_of_an_account_that_is_not_known_does_not_open(stack: Stack) -> None:
    assert Assessing(stack)()["next"] == "Closed"
    assert stack.queued() == {}


def test_an_account_whose_execution_ended_for_nothing_is_found_again_on_the_same_day(
    stack: Stack, assess: Assessing
) -> None:
    """The name of an execution that has ended is blocked for 90 days, so the next one has a name of its own."""
    stack.report(account(extract("0.00", oldest_due=None)))
    assert assess()["next"] == "Closed"

    stack.report(account(extract("800.00")))

    assert stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}
    assert stack.table.account(ACCOUNT_ID).generation == 2
    assert assess()["next"] == "Closed", "the execution that has ended is not to have the case"
    assert assess({"case_id": CASE_ID, "generation": 2})["next"] == "SendSms"


def test_an_opening_after_midnight_keeps_the_account_due_today(stack: Stack, assess: Assessing) -> None:
    """The execution was started for a date on which nothing was due by what is known now; today a case is due."""
    today = OPENS + DAY
    stack.report(account(extract("0.00", oldest_due=None), extract(as_of=today)), on=today)
    stack.on(today)

    assert assess()["next"] == "Closed"
    assert stack.queued() == {ACCOUNT_ID: today.isoformat()}


def test_a_case_keeps_the_id_of_the_date_for_which_it_was_started(stack: Stack, assess: Assessing) -> None:
    stack.on(OPENS + DAY)

    assert assess()["next"] == "SendSms"
    opened = stack.events(CASE_ID)[0]
    assert isinstance(opened, CaseOpened)
    assert opened.on == OPENS


def test_the_business_date_is_that_of_the_accounts_place(stack: Stack) -> None:
    instant = datetime(2005, 6, 1, 17, 0, tzinfo=UTC)  # 2 June in Shanghai, 1 June in New York
    stack.settings.held = Clock(instant)
    there = account(extract(timezone="America/New_York"), account_id="CARD-0002")
    stack.report(account())
    stack.report(there)

    assert Assessing(stack)()["next"] == "SendSms"
    assert Assessing(stack)({"case_id": f"CARD-0002-{OPENS:%Y%m%d}", "generation": 1})["next"] == "Closed"


def test_two_cases_that_fall_due_at_once_wait_until_a_second_of_their_own(stack: Stack) -> None:
    """By the real time; on a set date there are no seconds, and nothing is spread."""
    instant = datetime(2005, 6, 1, 20, 0, tzinfo=UTC)  # four in the morning in Shanghai: before the hours
    stack.settings.held = Clock(instant, spread=timedelta(hours=2))
    stack.publish(contact={"hours": ["08:00", "21:00"]})
    waits = []
    for account_id in (ACCOUNT_ID, "CARD-0002"):
        stack.report(account(account_id=account_id))
        step = Assessing(stack)({"case_id": f"{account_id}-{OPENS:%Y%m%d}", "generation": 1})
        assert step["next"] == "WaitForNews"
        waits.append(step["wait"]["seconds"])

    four_hours = 4 * 3600
    assert all(four_hours <= seconds < four_hours + 2 * 3600 for seconds in waits)
    assert waits[0] != waits[1]

    stack.settings.held = None
    stack.on(OPENS)
    stack.report(account(account_id="CARD-0003"))
    assert Assessing(stack)({"case_id": f"CARD-0003-{OPENS:%Y%m%d}", "generation": 1})["next"] == "SendSms"


# --- turns -----------------------------------------------------------------------------------------------------------
def done(stack: Stack, action_id: str, action: Action, on: date, *, certain: bool = True) -> None:
    """Let an action be carried out."""
    stage = action_id.removeprefix(f"{CASE_ID}.").split(".")[0]
    step = action_id.removeprefix(f"{CASE_ID}.").rsplit(".", 1)[0]
    outcome = ActionDone(action_id, on) if certain else ActionUncertain(action_id, on, "broke off")
    planned = ActionPlanned(action_id, action, stage, step, on, "due")
    stack.table.append(stack.case(CASE_ID), [planned, outcome], stamp(on))


def test_a_turn_with_nothing_to_do_waits_for_the_next_date_at_the_version_it_has_seen(
    stack: Stack, assess: Assessing
) -> None:
    assess()
    done(stack, f"{CASE_ID}.reminder.0.1", "send_sms", OPENS)

    step = assess({**FIRST, "turns": 1})

    assert step["next"] == "WaitForNews"
    assert step["wait"] == {"version": "4", "seconds": 7 * 86400, "due": f"{OPENS + 7 * DAY}T00:00"}
    assert step["turns"] == 2


def test_a_turn_that_changes_nothing_writes_nothing(stack: Stack, assess: Assessing) -> None:
    assess()

    before = stack.case(CASE_ID)
    assess({**FIRST, "turns": 1})

    assert stack.case(CASE_ID) == before


def test_news_during_a_turn_is_seen_before_the_turn_ends(
    stack: Stack, assess: Assessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    assess()
    done(stack, f"{CASE_ID}.reminder.0.1", "send_sms", OPENS)
    stack.on(OPENS + DAY)
    stack.news(CASE_ID, paid("400.00"), on=OPENS + DAY)
    meanwhile(
        monkeypatch,
        stack,
        "with_settings",
        lambda: stack.news(CASE_ID, paid("600.00", payment_id="PAY-2"), on=OPENS + DAY),
    )

    assert assess({**FIRST, "turns": 1})["next"] == "WaitForNews"
    # The wait is for a version that is not the case's any more, so the state machine is sent straight back here.
    assert stack.case(CASE_ID).case.version == 6
    assert assess({**FIRST, "turns": 2})["next"] == "Closed"


def test_a_case_that_others_keep_changing_is_left_for_a_later_try(
    stack: Stack, assess: Assessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def always(*_arguments: Any, **_named: Any) -> None:
        tries.append(1)
        raise StaleError([0])

    monkeypatch.setattr(stack.table, "append", always)

    with pytest.raises(TransientConflictError, match=CASE_ID):
        assess()
    assert len(tries) == TRIES


# --- closing ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def cured(stack: Stack, assess: Assessing) -> Assessing:
    """A case whose arrears are paid; the next turn closes it."""
    assess()
    done(stack, f"{CASE_ID}.reminder.0.1", "send_sms", OPENS)
    stack.on(OPENS + DAY)
    stack.news(CASE_ID, paid(), on=OPENS + DAY)
    return assess


def test_a_cured_case_closes_and_frees_its_account_in_one_transaction(stack: Stack, cured: Assessing) -> None:
    assert cured({**FIRST, "turns": 1})["next"] == "Closed"

    assert stack.kinds(CASE_ID)[-1] == "CaseClosed"
    assert stack.table.account(ACCOUNT_ID).open_case is None
    assert stack.queued() == stack.queued("open") == {}
    assert replay(stack.events(CASE_ID)) == stack.case(CASE_ID).case


def test_a_closed_case_leaves_its_contacts_with_the_account_for_rules_of_contact(
    stack: Stack, cured: Assessing
) -> None:
    cured({**FIRST, "turns": 1})

    assert stack.table.account(ACCOUNT_ID).account.reached == (Reached("send_sms", OPENS),)
    assert stack.case(CASE_ID).case.account.reached == (Reached("send_sms", OPENS),)


def test_a_closing_that_meets_an_import_puts_the_account_on_the_queue_by_the_newer_facts(
    stack: Stack, cured: Assessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No account falls between a close and an import: the close is on condition of the account's version too."""
    again = OPENS + 30 * DAY

    def arrives() -> None:
        known = stack.table.account(ACCOUNT_ID)
        newer = known.account.with_extract(extract("700.00", as_of=again, oldest_due=again - DAY))
        stack.table.transact([stack.table.put_account(replace(known, account=newer), None)])

    meanwhile(monkeypatch, stack, "with_settings", arrives)

    assert cured({**FIRST, "turns": 1})["next"] == "Closed"
    assert stack.queued() == {ACCOUNT_ID: again.isoformat()}
    assert [type(event).__name__ for event in cured.observed].count("CaseClosed") == 1


def test_arrears_that_are_reported_for_the_day_of_the_close_open_a_new_case_on_the_next(
    stack: Stack, cured: Assessing
) -> None:
    cured({**FIRST, "turns": 1})
    today = OPENS + DAY

    stack.report(account(extract("900.00", as_of=today + DAY)), on=today)

    assert stack.queued() == {ACCOUNT_ID: (today + DAY).isoformat()}


def test_a_closing_whose_answer_got_lost_ends_the_execution_when_it_is_tried_again(
    stack: Stack, cured: Assessing
) -> None:
    cured({**FIRST, "turns": 1})

    assert cured({**FIRST, "turns": 1})["next"] == "Closed"
    assert sum(isinstance(event, CaseClosed) for event in stack.events(CASE_ID)) == 1


def test_a_later_case_begins_again_with_the_first_generation(stack: Stack, cured: Assessing) -> None:
    stack.table.transact([stack.table.set_generation(stack.case(CASE_ID), 4)])

    cured({"case_id": CASE_ID, "generation": 4, "turns": 1})

    assert stack.table.account(ACCOUNT_ID).generation == 1


# --- generations -----------------------------------------------------------------------------------------------------
def test_an_execution_of_an_earlier_generation_ends(stack: Stack, assess: Assessing) -> None:
    assess()
    stack.table.transact([stack.table.set_generation(stack.case(CASE_ID), 3)])

    assert assess({**FIRST, "turns": 5})["next"] == "Closed"
    assert assess({"case_id": CASE_ID, "generation": 1})["next"] == "Closed"
    assert stack.case(CASE_ID).generation == 3


def test_an_execution_that_the_net_has_replaced_cannot_open_the_case_any_more(stack: Stack, assess: Assessing) -> None:
    assert Recover(stack.table, stack.settings)(CASE_ID, 1)

    assert assess()["next"] == "Closed"
    assert stack.table.case(CASE_ID) is None
    assert stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}, "it stays there for the next generation"
    assert assess({"case_id": CASE_ID, "generation": 2})["next"] == "SendSms"
    assert stack.case(CASE_ID).generation == 2


@pytest.mark.parametrize(
    "request_",
    [
        {**FIRST, "turns": MOST_TURNS},
        {**FIRST, "turns": 7, "started": (datetime.now(UTC) - OLDEST - DAY).isoformat()},
    ],
    ids=["many turns", "a long time"],
)
def test_an_execution_hands_over_before_its_history_or_year_is_full(assess: Assessing, request_: Request) -> None:
    assess()

    step = assess(request_)

    assert (step["next"], step["generation"], step["execution"]) == ("HandOver", 2, f"{CASE_ID}-g2")


def test_a_hand_over_changes_nothing_until_the_next_execution_has_begun(stack: Stack, assess: Assessing) -> None:
    """Else a case is lost when the function dies before its answer, or when the next execution cannot be started."""
    assess()
    before = stack.case(CASE_ID)

    first = assess({**FIRST, "turns": MOST_TURNS})
    again = assess({**FIRST, "turns": MOST_TURNS})

    assert first == again
    assert first["next"] == "HandOver"
    assert stack.case(CASE_ID) == before


def test_the_next_execution_takes_the_case_over_on_its_first_turn(stack: Stack, assess: Assessing) -> None:
    assess()
    assess({**FIRST, "turns": MOST_TURNS})
    second: Request = {"case_id": CASE_ID, "generation": 2}

    assert assess(second)["next"] == "SendSms"
    assert assess(second)["next"] == "SendSms"
    assert stack.case(CASE_ID).generation == 2
    assert assess({**FIRST, "turns": 3})["next"] == "Closed", "the one that has handed over is done"


def test_a_hand_over_that_fails_is_caught_by_the_net(stack: Stack, assess: Assessing) -> None:
    assess()
    assert assess({**FIRST, "turns": MOST_TURNS})["next"] == "HandOver"

    assert Recover(stack.table, stack.settings)(CASE_ID, 1)

    assert stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}
    assert assess({"case_id": CASE_ID, "generation": 2})["next"] == "SendSms"
    assert stack.queued() == {}


def test_nobody_skips_a_generation(stack: Stack, assess: Assessing) -> None:
    assess()

    assert assess({"case_id": CASE_ID, "generation": 3})["next"] == "Closed"
    assert stack.case(CASE_ID).generation == 1


# --- what the workflow gave up ---------------------------------------------------------------------------------------
def failed(action: Action, action_id: str, error: str) -> Request:
    """The execution's state after a `Catch`."""
    return {
        **FIRST,
        "turns": 1,
        "next": STATES[action],
        "action_id": action_id,
        "error": {"Error": error, "Cause": "anything"},
    }


CALL = f"{CASE_ID}.call.0.1"
SMS = f"{CASE_ID}.reminder.0.1"


@pytest.fixture
def calling(stack: Stack, assess: Assessing) -> Assessing:
    """A case of which a call is planned."""
    assess()
    done(stack, SMS, "send_sms", OPENS)
    stack.on(OPENS + 14 * DAY)
    assert assess({**FIRST, "turns": 1})["next"] == "QueueCall"
    return assess


def test_an_action_that_failed_for_good_is_parked_and_waits_for_an_operator(stack: Stack, calling: Assessing) -> None:
    step = calling(failed("queue_call", CALL, "TransientServiceError"))

    assert step["next"] == "WaitForNews"
    assert step["wait"]["seconds"] == 30 * 86400
    assert stack.events(CASE_ID)[-1] == ActionFailed(CALL, "queue_call", OPENS + 14 * DAY, "TransientServiceError")
    assert calling.observed[-1] == stack.events(CASE_ID)[-1]


def test_the_cause_of_a_failure_is_not_kept(stack: Stack, calling: Assessing) -> None:
    request = failed("queue_call", CALL, "UnexpectedError")
    request["error"]["Cause"] = "+8613800138000 does not answer"

    calling(request)

    assert not [one for one in stack.table.envelopes(CASE_ID) if "13800138000" in one.body]


def test_a_failure_is_recorded_once(stack: Stack, calling: Assessing) -> None:
    calling(failed("queue_call", CALL, "TransientServiceError"))
    calling(failed("queue_call", CALL, "TransientServiceError"))

    assert stack.kinds(CASE_ID).count("ActionFailed") == 1


def test_an_action_that_was_carried_out_after_all_is_not_parked(stack: Stack, calling: Assessing) -> None:
    done(stack, CALL, "queue_call", OPENS + 14 * DAY)

    assert calling(failed("queue_call", CALL, "States.Timeout"))["next"] == "WaitForNews"
    assert "ActionFailed" not in stack.kinds(CASE_ID)


def test_an_operators_retry_resumes_a_parked_case(stack: Stack, calling: Assessing) -> None:
    calling(failed("queue_call", CALL, "PermanentActionError"))
    stack.news(CASE_ID, retried(CALL, OPENS + 14 * DAY), on=OPENS + 14 * DAY)

    step = calling({**FIRST, "turns": 2})

    assert (step["next"], step["action_id"]) == ("QueueCall", CALL)


def test_a_parked_case_that_is_paid_closes(stack: Stack, calling: Assessing) -> None:
    calling(failed("queue_call", CALL, "PermanentActionError"))
    stack.news(CASE_ID, paid(on=OPENS + 14 * DAY), on=OPENS + 14 * DAY)

    assert calling({**FIRST, "turns": 2})["next"] == "Closed"


def test_a_failure_of_a_case_that_is_paid_meanwhile_closes_it(stack: Stack, calling: Assessing) -> None:
    stack.news(CASE_ID, paid(on=OPENS + 14 * DAY), on=OPENS + 14 * DAY)

    assert calling(failed("queue_call", CALL, "TransientServiceError"))["next"] == "Closed"
    assert stack.kinds(CASE_ID)[-2:] == ["ActionFailed", "CaseClosed"]


def plan_sms(stack: Stack) -> None:
    planned = ActionPlanned(SMS, "send_sms", "reminder", "reminder.0", OPENS, "due", "just_overdue")
    stack.table.append(stack.case(CASE_ID), [planned], stamp())


@pytest.mark.parametrize("error", ["States.Timeout", "Sandbox.Timedout", "Lambda.Unknown", "UnexpectedError"])
def test_an_sms_that_broke_off_may_have_gone_out_and_is_not_sent_again(
    stack: Stack, assess: Assessing, error: str
) -> None:
    assess()
    plan_sms(stack)

    step = assess(failed("send_sms", SMS, error))

    assert stack.kinds(CASE_ID)[-1] == "ActionUncertain"
    assert step["next"] == "WaitForNews"
    assert step["wait"]["due"] == f"{OPENS + 7 * DAY}T00:00", "it counts as sent"


def test_an_sms_that_was_refused_is_parked(stack: Stack, assess: Assessing) -> None:
    assess()
    plan_sms(stack)

    assess(failed("send_sms", SMS, "PermanentActionError"))

    assert stack.kinds(CASE_ID)[-1] == "ActionFailed"


def test_an_sms_that_was_never_planned_is_parked_whatever_went_wrong(stack: Stack, assess: Assessing) -> None:
    assess()

    assess(failed("send_sms", SMS, "Lambda.TooManyRequestsException"))

    assert stack.kinds(CASE_ID)[-1] == "ActionFailed"


def test_an_action_of_an_execution_that_died_is_done_by_the_next_one(stack: Stack, calling: Assessing) -> None:
    planned = ActionPlanned(CALL, "queue_call", "call", "call.0", OPENS + 14 * DAY, "due")
    stack.table.append(stack.case(CASE_ID), [planned], stamp())
    assert Recover(stack.table, stack.settings)(CASE_ID, 1)

    step = calling({"case_id": CASE_ID, "generation": 2})

    assert (step["next"], step["action_id"]) == ("QueueCall", CALL)


# --- the queue and the net -------------------------------------------------------------------------------------------
def test_the_next_execution_takes_the_account_off_the_queue_only_when_the_net_has_put_it_there(
    stack: Stack, assess: Assessing
) -> None:
    assess()
    Recover(stack.table, stack.settings)(CASE_ID, 1)
    second: Request = {"case_id": CASE_ID, "generation": 2}
    assess(second)
    version = stack.table.account(ACCOUNT_ID).version

    assess(second)

    assert stack.table.account(ACCOUNT_ID).version == version


def test_a_hold_stops_the_turn(stack: Stack, assess: Assessing) -> None:
    assess()
    stack.news(CASE_ID, held(OPENS))

    assert assess({**FIRST, "turns": 1})["next"] == "WaitForNews"


def test_arrears_that_grow_are_known_to_the_next_turn(stack: Stack, assess: Assessing) -> None:
    assess()
    stack.news(CASE_ID, reported("3000.00", as_of=OPENS + DAY), on=OPENS + DAY)
    stack.on(OPENS + DAY)

    assess({**FIRST, "turns": 1})

    assert str(stack.case(CASE_ID).case.arrears(OPENS + DAY)) == "3000.00 CNY"


def test_an_execution_that_is_handed_over_in_time_keeps_its_history_within_the_quota() -> None:
    """18 events a turn with an action, each of three states retried now and then; the quota is 25,000."""
    assert MOST_TURNS * 18 < 25_000 * 0.8


def test_an_account_without_a_profile_opens_its_case_too(stack: Stack) -> None:
    stack.report(account(), profile=None)

    assert Assessing(stack)()["next"] == "SendSms"
    assert stack.table.account(ACCOUNT_ID) == AccountRecord(
        stack.table.account(ACCOUNT_ID).account, 2, None, CASE_ID, 1
    )
