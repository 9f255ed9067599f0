"""Carry out: plan, recheck, do, confirm. An effect happens once, and only while it is still what is to be done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from arrears.adapters.aws import Item
from arrears.adapters.table import AccountRecord
from arrears.domain.case import Case, replay
from arrears.domain.events import (
    ActionDone,
    ActionFailed,
    ActionPlanned,
    ActionUncertain,
    ActionWithdrawn,
    Event,
)
from arrears.errors import (
    PermanentActionError,
    PermanentDocumentError,
    TransientConflictError,
    TransientServiceError,
    UncertainError,
)
from arrears.usecases.assess import Assess
from arrears.usecases.carry_out import CarryOut, Effect, Work
from arrears.usecases.next_step import NextStep, Request
from arrears.usecases.recover import Recover
from tests.support.builders import (
    ACCOUNT_ID,
    CASE_ID,
    OPENS,
    PROFILE,
    account,
    extract,
    held,
    paid,
    reported,
    stamp,
)
from tests.support.stack import Stack

DAY = timedelta(days=1)
SMS = f"{CASE_ID}.reminder.0.1"
CALL = f"{CASE_ID}.call.0.1"
WITHDRAWAL = f"{CASE_ID}.withdraw.1"
CALLED_ON = OPENS + 14 * DAY


class DiedError(BaseException):
    """The function's process is gone: nothing after this line runs, no handler and no cleanup of ours."""


@dataclass
class World:
    """The other side: what was done there, and what happens while it is done.

    Attributes:
        meanwhile: run after the effect, before its confirmation.
        refuses: raised before the effect, one for each attempt.
        writes: what belongs to the confirmation, one set for each attempt.
    """

    done: list[str] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    refuses: list[BaseException] = field(default_factory=list)
    writes: list[Sequence[Item]] = field(default_factory=list)

    def __call__(self, work: Work) -> Effect:
        self.works.append(work)
        if self.refuses:
            raise self.refuses.pop(0)
        self.done.append(work.act.action_id)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return Effect("reference", (("fact", "value"),), self.writes.pop(0) if self.writes else ())


@dataclass
class Player:
    """A case on a stack, and the two use cases that its execution calls in turn."""

    stack: Stack
    world: World = field(default_factory=World)
    observed: list[Event] = field(default_factory=list)

    def assess(self, turns: int = 1, generation: int = 1) -> NextStep:
        request: Request = {"case_id": CASE_ID, "generation": generation, "turns": turns}
        return Assess(self.stack.table, self.stack.settings, self.observe)(request)

    def carry_out(self, action_id: str = SMS, generation: int = 1) -> NextStep:
        request: Request = {"case_id": CASE_ID, "generation": generation, "turns": 1, "action_id": action_id}
        return CarryOut(self.stack.table, self.stack.settings, self.world, self.observe)(request)

    def observe(self, events: Sequence[Event], _before: Case | None) -> None:
        self.observed.extend(events)

    def outcomes(self) -> list[str]:
        return [kind for kind in self.stack.kinds(CASE_ID) if kind.startswith("Action")]


@pytest.fixture
def player(stack: Stack) -> Player:
    """A case that has just opened: its first SMS is due."""
    stack.report(account())
    player = Player(stack)
    player.assess(turns=0)
    return player


@pytest.fixture
def caller(player: Player) -> Player:
    """The same two weeks later: its first call is due."""
    player.carry_out()
    player.world.done.clear()
    player.world.works.clear()
    player.stack.on(CALLED_ON)
    assert player.assess()["next"] == "QueueCall"
    return player


def stale_write(stack: Stack) -> Item:
    """A write whose condition does not hold."""
    return stack.table.put_account(AccountRecord(account()), None)


# --- plan, do, confirm -----------------------------------------------------------------------------------------------
def test_an_action_is_planned_before_it_is_done_and_confirmed_after(player: Player) -> None:
    planned_first: list[list[str]] = []
    player.world.meanwhile.append(lambda: planned_first.append(player.outcomes()))

    player.carry_out()

    assert planned_first == [["ActionPlanned"]]
    assert player.outcomes() == ["ActionPlanned", "ActionDone"]
    assert player.world.done == [SMS]
    assert player.stack.events(CASE_ID)[-1] == ActionDone(SMS, OPENS, "reference", (("fact", "value"),))


def test_the_answer_is_what_the_wait_needs(player: Player) -> None:
    step = player.carry_out()

    assert step["next"] == "WaitForNews"
    assert step["wait"] == {
        "version": str(player.stack.case(CASE_ID).case.version),
        "seconds": 7 * 86400,
        "due": f"{OPENS + 7 * DAY}T00:00",
    }


def test_when_there_is_more_to_do_at_once_the_wait_is_for_a_version_that_no_case_has(stack: Stack) -> None:
    stack.publish(freeze={"arrears_over": {"CNY": "100.00"}, "after_collections": 0})
    stack.report(account())
    player = Player(stack)
    player.assess(turns=0)

    assert player.carry_out()["wait"]["version"] == "0"


def test_an_effect_is_told_of_the_plan_the_account_and_the_policy(player: Player) -> None:
    player.carry_out()

    (work,) = player.world.works
    assert work.record.case.pending is not None
    assert (work.act.action_id, work.record.case.pending.action_id) == (SMS, SMS)
    assert work.account.profile == PROFILE
    assert (work.active.policy.label, work.now.on) == ("test 1", OPENS)


def test_each_outcome_is_told_of_once_for_the_metrics(player: Player) -> None:
    player.observed.clear()

    player.carry_out()

    assert [type(event).__name__ for event in player.observed] == ["ActionPlanned", "ActionDone"]


def test_the_plan_names_the_policy_it_was_made_under(player: Player) -> None:
    player.carry_out()

    assert [one.policy for one in player.stack.table.envelopes(CASE_ID)] == ["test 1"] * 4


# --- recheck ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "news",
    [paid(on=OPENS + DAY), held(OPENS), reported("0.50", as_of=OPENS + DAY)],
    ids=["paid", "held", "within the tolerance"],
)
def test_what_overtakes_an_action_leaves_it_undone(player: Player, news: Event) -> None:
    player.stack.on(OPENS + DAY)
    player.stack.news(CASE_ID, news, on=OPENS + DAY)

    step = player.carry_out()

    assert (player.world.done, player.outcomes()) == ([], [])
    assert step["next"] == "WaitForNews"


def test_a_payment_that_is_in_the_extract_already_overtakes_nothing(player: Player) -> None:
    player.stack.news(CASE_ID, paid(on=OPENS))

    player.carry_out()

    assert player.world.done == [SMS]


def test_a_case_that_was_paid_in_the_meantime_goes_straight_back_to_be_closed(player: Player) -> None:
    player.stack.on(OPENS + DAY)
    player.stack.news(CASE_ID, paid(), on=OPENS + DAY)

    assert player.carry_out()["wait"]["version"] == "0"
    assert player.world.done == []
    assert player.stack.case(CASE_ID).case.is_open, "closing takes the account along: that is for Assess"
    assert player.assess()["next"] == "Closed"


def test_a_cardholder_who_opted_out_in_the_meantime_gets_no_sms(player: Player) -> None:
    opted_out = extract(as_of=OPENS + DAY, sms_opt_out=True)
    record = player.stack.case(CASE_ID)
    event = reported("1000.00", as_of=OPENS + DAY)
    event.extract = opted_out  # type: ignore[misc]  # the builder's event, with another extract
    player.stack.table.append(record, [event], stamp(OPENS + DAY), wakes=True)
    player.stack.on(OPENS + DAY)

    player.carry_out()

    assert player.world.done == []


def test_news_between_reading_and_planning_is_decided_on(player: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is on condition of the version that was decided on: no payment can lie between the two."""
    read, once = player.stack.table.with_settings, [lambda: player.stack.news(CASE_ID, held(OPENS))]

    def interrupted(*arguments: Any) -> Any:
        known = read(*arguments)
        if once:
            once.pop()()
        return known

    monkeypatch.setattr(player.stack.table, "with_settings", interrupted)

    player.carry_out()

    assert player.world.done == []
    assert player.outcomes() == []


def test_an_action_that_is_not_the_one_to_be_done_is_not_done(player: Player) -> None:
    step = player.carry_out(f"{CASE_ID}.reminder.0.2")

    assert (player.world.done, player.outcomes()) == ([], [])
    assert step["wait"]["version"] == "0", "Assess says what is"


def test_an_execution_that_was_replaced_does_nothing(player: Player) -> None:
    Recover(player.stack.table, player.stack.settings)(CASE_ID, 1)

    assert player.carry_out()["next"] == "Closed"
    assert player.world.done == []


def test_a_case_that_is_closed_or_unknown_gets_nothing(player: Player, stack: Stack) -> None:
    stack.on(OPENS + DAY)
    stack.news(CASE_ID, paid(), on=OPENS + DAY)
    player.assess()

    assert player.carry_out()["next"] == "Closed"
    unknown: Request = {"case_id": "CARD-9999-20050602", "generation": 1, "action_id": SMS}
    assert CarryOut(stack.table, stack.settings, player.world, lambda *_: None)(unknown)["next"] == "Closed"
    assert player.world.done == []


# --- news between plan and confirmation ------------------------------------------------------------------------------
def test_news_while_an_action_is_done_is_kept_and_the_action_is_confirmed_behind_it(player: Player) -> None:
    player.world.meanwhile.append(lambda: player.stack.news(CASE_ID, paid("300.00", on=OPENS + DAY)))

    step = player.carry_out()

    assert player.stack.kinds(CASE_ID)[-3:] == ["ActionPlanned", "PaymentReceived", "ActionDone"]
    assert player.world.done == [SMS]
    assert step["wait"]["version"] == str(player.stack.case(CASE_ID).case.version)


def test_a_payment_while_an_action_is_done_is_acted_on_at_once(caller: Player) -> None:
    caller.world.meanwhile.append(lambda: caller.stack.news(CASE_ID, paid(on=CALLED_ON), on=CALLED_ON))

    assert caller.carry_out(CALL)["wait"]["version"] == "0"
    assert caller.assess()["next"] == "WithdrawCalls", "the call is queued and has no result"
    caller.carry_out(WITHDRAWAL)
    assert caller.assess()["next"] == "Closed"


def test_a_case_that_keeps_changing_during_confirmation_is_left_for_a_later_try(
    caller: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact, numbers = caller.stack.table.transact, iter(range(100))

    def busy(items: Any) -> None:
        if caller.world.done and "ActionDone" in str(items):
            caller.stack.table.append(
                caller.stack.case(CASE_ID), [paid("1.00", payment_id=f"PAY-{next(numbers)}")], stamp(), wakes=True
            )
        transact(items)

    monkeypatch.setattr(caller.stack.table, "transact", busy)

    with pytest.raises(TransientConflictError):
        caller.carry_out(CALL)

    monkeypatch.undo()
    caller.carry_out(CALL)
    assert caller.outcomes()[-2:] == ["ActionPlanned", "ActionDone"]


# --- writes that belong to the confirmation --------------------------------------------------------------------------
def test_what_belongs_to_the_confirmation_is_written_with_it(caller: Player) -> None:
    stack = caller.stack
    caller.world.writes.append([stack.table.put_fact(ACCOUNT_ID, "note", "1", "written")])

    caller.carry_out(CALL)

    assert stack.table.fact(ACCOUNT_ID, "note", "1") == "written"


def test_when_its_writes_no_longer_hold_the_action_is_done_again_on_what_is_true_now(caller: Player) -> None:
    stack = caller.stack
    good = stack.table.put_fact(ACCOUNT_ID, "note", "1", "written")
    caller.world.writes += [[stale_write(stack)], [good]]

    caller.carry_out(CALL)

    assert caller.world.done == [CALL, CALL]
    assert caller.outcomes()[-2:] == ["ActionPlanned", "ActionDone"]
    assert stack.table.fact(ACCOUNT_ID, "note", "1") == "written"


def test_writes_that_no_longer_hold_beside_news_are_made_anew_too(caller: Player) -> None:
    stack = caller.stack
    caller.world.meanwhile.append(lambda: stack.news(CASE_ID, paid("1.00", on=CALLED_ON), on=CALLED_ON))
    caller.world.writes += [[stale_write(stack)], []]

    caller.carry_out(CALL)

    assert caller.outcomes()[-2:] == ["ActionPlanned", "ActionDone"]
    assert replay(stack.events(CASE_ID)) == stack.case(CASE_ID).case


def test_an_sms_is_not_sent_again_for_the_sake_of_what_is_written_with_it(player: Player) -> None:
    player.world.writes += [[stale_write(player.stack)], []]

    player.carry_out()

    assert player.world.done == [SMS]
    assert player.outcomes() == ["ActionPlanned", "ActionDone"]


def test_writes_that_never_hold_are_left_for_a_later_try(caller: Player) -> None:
    caller.world.writes += [[stale_write(caller.stack)] for _ in range(20)]

    with pytest.raises(TransientConflictError, match="could not be confirmed"):
        caller.carry_out(CALL)


# --- a crash ---------------------------------------------------------------------------------------------------------
def die() -> None:
    raise DiedError


def test_a_call_whose_function_died_after_the_effect_is_queued_again_under_the_same_id(caller: Player) -> None:
    caller.world.meanwhile.append(die)
    with pytest.raises(DiedError):
        caller.carry_out(CALL)
    assert caller.outcomes()[-1] == "ActionPlanned"

    caller.carry_out(CALL)

    assert caller.world.done == [CALL, CALL], "the queue and its readers drop the second: it has the same id"
    assert caller.outcomes()[-2:] == ["ActionPlanned", "ActionDone"]


def test_an_sms_whose_function_died_may_have_gone_out_and_is_not_sent_again(player: Player) -> None:
    player.world.meanwhile.append(die)
    with pytest.raises(DiedError):
        player.carry_out()

    step = player.carry_out()

    assert player.world.done == [SMS]
    assert player.outcomes() == ["ActionPlanned", "ActionUncertain"]
    assert step["wait"]["due"] == f"{OPENS + 7 * DAY}T00:00"


def test_a_call_whose_function_died_is_not_queued_again_when_it_was_paid_since(caller: Player) -> None:
    caller.world.refuses.append(DiedError())
    with pytest.raises(DiedError):
        caller.carry_out(CALL)
    caller.stack.news(CASE_ID, paid(on=CALLED_ON), on=CALLED_ON)

    caller.carry_out(CALL)
    caller.carry_out(WITHDRAWAL)
    caller.assess()

    assert caller.world.done == [WITHDRAWAL], "it may be in the queue, so it is taken back"
    assert [event.action_id for event in caller.stack.events(CASE_ID) if isinstance(event, ActionUncertain)] == [CALL]
    assert caller.stack.kinds(CASE_ID)[-1] == "CaseClosed"


def test_an_action_that_is_carried_out_twice_in_a_row_has_one_outcome(caller: Player) -> None:
    first = caller.carry_out(CALL)
    second = caller.carry_out(CALL)

    assert first == second
    assert caller.world.done == [CALL]
    assert caller.outcomes()[-2:] == ["ActionPlanned", "ActionDone"]


def test_an_action_that_two_invocations_carry_out_at_once_has_one_outcome(caller: Player) -> None:
    """Step Functions may invoke a function twice; both find the same plan and both do what its id makes safe."""
    caller.world.meanwhile.append(lambda: caller.carry_out(CALL))

    caller.carry_out(CALL)

    assert caller.world.done == [CALL, CALL]
    assert caller.outcomes()[-2:] == ["ActionPlanned", "ActionDone"]


def test_an_sms_that_two_invocations_send_at_once_goes_out_once(player: Player) -> None:
    player.world.meanwhile.append(player.carry_out)

    step = player.carry_out()

    assert player.world.done == [SMS]
    assert player.outcomes() == ["ActionPlanned", "ActionUncertain"]
    assert step["next"] == "WaitForNews"


# --- the other side refuses ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("error", [PermanentActionError("sqs: no such queue"), PermanentDocumentError("no template")])
def test_an_action_that_is_refused_for_good_is_parked(caller: Player, error: Exception) -> None:
    caller.world.refuses.append(error)

    step = caller.carry_out(CALL)

    parked = caller.stack.events(CASE_ID)[-1]
    assert parked == ActionFailed(CALL, "queue_call", CALLED_ON, f"{type(error).__name__}: {error}")
    assert step["next"] == "WaitForNews"
    assert step["wait"]["version"] == str(caller.stack.case(CASE_ID).case.version)


def test_an_sms_that_broke_off_is_uncertain(player: Player) -> None:
    player.world.refuses.append(UncertainError("sns:Publish: ReadTimeoutError"))

    player.carry_out()

    assert player.stack.events(CASE_ID)[-1] == ActionUncertain(SMS, OPENS, "sns:Publish: ReadTimeoutError")


def test_a_call_that_the_other_side_is_too_busy_for_is_tried_again_by_the_workflow(caller: Player) -> None:
    caller.world.refuses.append(TransientServiceError("sqs:SendMessage: ThrottlingException"))
    with pytest.raises(TransientServiceError):
        caller.carry_out(CALL)

    caller.carry_out(CALL)

    assert caller.world.done == [CALL]
    assert caller.outcomes()[-2:] == ["ActionPlanned", "ActionDone"]


def test_an_sms_that_was_certainly_not_sent_is_tried_again_by_the_workflow(player: Player) -> None:
    """A plan without an outcome would count as sent: so the plan is withdrawn before the workflow is told to retry."""
    player.world.refuses.append(TransientServiceError("sns:Publish: ThrottlingException"))
    with pytest.raises(TransientServiceError):
        player.carry_out()
    assert isinstance(player.stack.events(CASE_ID)[-1], ActionWithdrawn)

    player.carry_out()

    assert player.world.done == [SMS]
    assert player.outcomes() == ["ActionPlanned", "ActionWithdrawn", "ActionPlanned", "ActionDone"]


def test_an_sms_that_was_never_sent_in_all_tries_is_parked(player: Player) -> None:
    for _ in range(3):
        player.world.refuses.append(TransientServiceError("sns:Publish: ThrottlingException"))
        with pytest.raises(TransientServiceError):
            player.carry_out()

    request: Request = {
        "case_id": CASE_ID,
        "generation": 1,
        "turns": 1,
        "next": "SendSms",
        "action_id": SMS,
        "error": {"Error": "TransientServiceError", "Cause": ""},
    }
    Assess(player.stack.table, player.stack.settings, lambda *_: None)(request)

    assert player.outcomes()[-1] == "ActionFailed"
    assert player.world.done == []


def test_news_while_an_sms_could_not_be_sent_does_not_keep_the_plan_from_being_withdrawn(player: Player) -> None:
    class Busy(World):
        def __call__(self, work: Work) -> Effect:
            player.stack.news(work.record.case.case_id, paid("1.00", on=OPENS + DAY))
            raise TransientServiceError("sns:Publish: ThrottlingException")

    player.world = Busy()
    with pytest.raises(TransientServiceError, match="Publish"):
        player.carry_out()

    assert player.stack.kinds(CASE_ID)[-3:] == ["ActionPlanned", "PaymentReceived", "ActionWithdrawn"]
    assert player.stack.case(CASE_ID).case.pending is None


def test_an_outcome_is_dated_by_the_day_on_which_it_came(caller: Player) -> None:
    caller.world.refuses.append(DiedError())
    with pytest.raises(DiedError):
        caller.carry_out(CALL)
    caller.stack.on(CALLED_ON + DAY)

    caller.carry_out(CALL)

    planned, done = caller.stack.events(CASE_ID)[-2:]
    assert isinstance(planned, ActionPlanned)
    assert isinstance(done, ActionDone)
    assert (planned.on, done.on) == (date(2005, 6, 16), date(2005, 6, 17))
