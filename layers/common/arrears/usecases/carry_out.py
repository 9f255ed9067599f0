"""Carry out one action: plan, recheck, do, confirm.

The plan is appended on condition of the version that the decision was made on, so deciding again right before it *is*
the recheck: no payment, hold or opt-out that is recorded can lie between the two. A function that died between doing
and confirming finds its plan when it is run again, and repeats what the action's key makes safe to repeat.

The switches are looked at here too, with the case: while what goes out is stopped nothing is planned, and the case is
looked at again later (`arrears.switches`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from arrears.adapters.aws import Item
from arrears.adapters.look import Look, look
from arrears.adapters.settings import ActivePolicy, Clock, Settings
from arrears.adapters.table import AccountRecord, CaseRecord, StaleError, Table
from arrears.domain.case import Case, evolve
from arrears.domain.decide import Act, Close, Decision, decide
from arrears.domain.events import (
    ActionDone,
    ActionFailed,
    ActionHeld,
    ActionPostponed,
    ActionUncertain,
    ActionWithdrawn,
    Event,
    OptedOut,
    SmsReported,
)
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.turn import planned, take_turn
from arrears.errors import PermanentError, TransientConflictError, TransientError, UncertainError
from arrears.records import Stamp
from arrears.switches import Switches, may_be_held
from arrears.usecases.assess import TRIES, Observer, shadow_is_over
from arrears.usecases.next_step import NextStep, Request, ended, held, waiting

#: How an action that was planned comes to its end.
Outcome = ActionDone | ActionUncertain | ActionFailed | ActionWithdrawn | ActionPostponed


class UnreachableError(Exception):
    """The cardholder cannot be reached this way, which nobody knew before; the policy says what is done instead.

    Attributes:
        news: what is recorded of it.
    """

    def __init__(self, news: SmsReported | OptedOut, reason: str) -> None:
        super().__init__(reason)
        self.news = news


class PostponedError(Exception):
    """The action is not carried out now and is not to be tried before a date."""

    def __init__(self, until: date, reason: str) -> None:
        super().__init__(reason)
        self.until = until


@dataclass(frozen=True)
class Work:
    """What an effect gets to know of the action it carries out.

    Attributes:
        again: whether it may have been tried before; where not, nothing of it can be anywhere.
    """

    act: Act
    record: CaseRecord
    account: AccountRecord
    active: ActivePolicy
    clock: Clock
    now: Moment
    again: bool = True


@dataclass(frozen=True)
class Effect:
    """What came of an action.

    Attributes:
        reference: what the other side knows it by.
        details: facts for the record, nothing personal.
        writes: of the table, that belong to the confirmation and are made with it or not at all.
        is_only_that: nothing has been done yet but for these writes, so where the case has changed since it was decided
            on, it is decided again.
    """

    reference: str = ""
    details: tuple[tuple[str, str], ...] = ()
    writes: Sequence[Item] = ()
    is_only_that: bool = False


class Perform(Protocol):
    """Carries out an action of one kind; repeating it with the same action id must do no harm, except for an SMS.

    Raises:
        UncertainError: it may have been carried out.
        UnreachableError: it was not, and cannot be.
        PostponedError: it was not, and is not to be before a date.
        PermanentError: it was not, and trying again will not help.
        TransientError: it was not, or (an SMS apart) repeating it does no harm; the workflow tries again.
    """

    def __call__(self, work: Work) -> Effect:
        """Carry out the action of `work`."""
        ...


@dataclass(frozen=True)
class _Held:
    """The action is due, and nothing may go out now."""

    act: Act


def _nobody(_name: str, _value: int) -> None:
    pass


@dataclass(frozen=True)
class CarryOut:
    """The use case of every function that carries out an action.

    Attributes:
        rehearse: does all that `perform` does, but that anything leaves: for cases in shadow.
        tell: told which kind of action was due and may not go out now, for metrics.
    """

    table: Table
    settings: Settings
    perform: Perform
    observe: Observer
    rehearse: Perform | None = None
    tell: Callable[[str, int], None] = _nobody

    def __call__(self, request: Request) -> NextStep:
        """Carry out the action that Assess asked for, if it is still what is to be done.

        Raises:
            TransientConflictError: others keep changing the case.
            TransientError: the other side is busy.
        """
        planned_now = self._plan(request)
        if planned_now is None:
            return ended(request)
        seen, record, decision = planned_now
        if isinstance(decision, _Held):
            return held(request, record.case, decision.act, seen.clock)
        if not isinstance(decision, Act) or decision.action_id != request["action_id"]:
            return waiting(request, record.case, decision, seen.clock, seen.policies)
        return self._do(request, seen, record, decision)

    def _plan(self, request: Request) -> tuple[Look, CaseRecord, Decision | _Held] | None:
        """Decide again and append the plan; None where the case is over or another execution has it."""
        for _ in range(TRIES):
            seen = look(self.table, self.settings, request["case_id"])
            record = seen.case
            if record is None or not record.case.is_open or record.generation != request["generation"]:
                return None
            now = seen.clock.now(record.case.account.timezone)
            policy = seen.policies.for_case(record.case, now.on).policy
            answer: Decision | _Held
            case, events, answer = take_turn(record.case, policy, now)
            if isinstance(answer, Close) or shadow_is_over(case, seen.switches):
                # Closing is for Assess, which takes the account along; it is next, at once.
                return seen, record, Close("for Assess")
            if isinstance(answer, Act) and answer.action_id == request["action_id"]:
                why_held = self._why_held(answer, case, seen.switches)
                if why_held is not None:
                    events, answer = [*events, *_told(answer, case, why_held, now)], _Held(answer)
                elif case.pending is None or case.pending.action_id != answer.action_id:
                    events = [*events, planned(answer, now)]
            if not events:
                return seen, record, answer
            stamp = Stamp(seen.clock.at(record.case.account.timezone), now.on, policy.label)
            try:
                after = self.table.append(record, events, stamp)
            except StaleError:
                continue
            self.observe(events, record.case)
            return seen, after, answer
        raise TransientConflictError(f"{request['case_id']}: others keep changing the case")

    def _why_held(self, act: Act, case: Case, switches: Switches) -> str | None:
        """Return why an action may not go out now; None where it may."""
        if not may_be_held(act.action):
            return None
        why = switches.holds(shadow_case=case.shadow)
        if why is not None:
            self.tell(f"Held_{act.action}", 1)
        return why

    def _perform(self, work: Work) -> Effect:
        """Carry out the action; of a case in shadow all of it but that anything leaves."""
        if not work.record.case.shadow:
            return self.perform(work)
        made = self.rehearse(work) if self.rehearse is not None else Effect()
        return replace(made, reference="", details=(*made.details, ("shadow", "yes")))

    def _do(self, request: Request, seen: Look, record: CaseRecord, act: Act) -> NextStep:
        account, clock, policies = seen.account, seen.clock, seen.policies
        now = clock.now(record.case.account.timezone)
        active = policies.for_case(record.case, now.on)
        again = seen.case is None or seen.case.case.pending is not None
        for _ in range(TRIES):
            outcome: Outcome
            writes: Sequence[Item] = ()
            news: Sequence[Event] = ()
            is_only_that = False
            try:
                effect = self._perform(Work(act, record, account, active, clock, now, again))
                outcome = ActionDone(act.action_id, now.on, effect.reference, effect.details)
                writes, is_only_that = effect.writes, effect.is_only_that
            except UncertainError as uncertain:
                outcome, writes = ActionUncertain(act.action_id, now.on, str(uncertain)), uncertain.writes
            except UnreachableError as unreachable:
                outcome = ActionWithdrawn(act.action_id, now.on, f"not carried out: {unreachable}")
                news, writes = [unreachable.news], self._known_of(account, unreachable.news)
            except PostponedError as later:
                outcome = ActionPostponed(act.action_id, act.action, now.on, later.until, str(later))
            except PermanentError as refused:
                outcome = ActionFailed(act.action_id, act.action, now.on, f"{type(refused).__name__}: {refused}")
            except TransientError as busy:
                if act.action == "send_sms":
                    # It was certainly not sent. The plan must go, or the next try would take it for one that was.
                    withdrawn = ActionWithdrawn(act.action_id, now.on, f"not sent, to be tried again: {busy}")
                    self._confirm(record, [withdrawn], (), active, clock)
                raise
            confirmed = self._confirm(record, [outcome, *news], writes, active, clock, or_decide_again=is_only_that)
            if confirmed is None and act.action == "send_sms" and isinstance(outcome, ActionDone | ActionUncertain):
                # It may have gone out, so it is not done again, whatever becomes of what should go with it.
                confirmed = self._confirm(record, [outcome, *news], (), active, clock)
            if confirmed is not None:
                decision = decide(confirmed.case, active.policy, now)
                return waiting(request, confirmed.case, decision, clock, policies)
            # The writes that go with the outcome no longer hold: do it again on what is true now.
            seen = look(self.table, self.settings, record.case.case_id)
            record, account, again = seen.case or record, seen.account, True
        raise TransientConflictError(f"{request['case_id']}: {act.action} could not be confirmed")

    def _known_of(self, account: AccountRecord, news: SmsReported | OptedOut) -> Sequence[Item]:
        """Return the write that keeps with the account, for its later cases, that it cannot be texted any more."""
        facts = account.account
        if isinstance(news, OptedOut):
            facts = facts.with_opt_out(news.on)
        elif news.final:
            facts = facts.with_unusable("mobile", "sms", news.on)
        due = None if account.due is None else date.fromisoformat(account.due)
        return [self.table.put_account(replace(account, account=facts), due)] if account.version else []

    def _confirm(
        self,
        record: CaseRecord,
        outcomes: Sequence[Outcome | Event],
        writes: Sequence[Item],
        active: ActivePolicy,
        clock: Clock,
        *,
        or_decide_again: bool = False,
    ) -> CaseRecord | None:
        """Append the outcome, what it tells and what follows by itself; None when its writes no longer hold.

        It comes after whatever came in meanwhile. Where another invocation has brought the action to its end already,
        its outcome stands.
        """
        timezone = record.case.account.timezone
        stamp = Stamp(clock.at(timezone), clock.now(timezone).on, active.policy.label)
        current: CaseRecord | None = record
        planned_id = record.case.pending.action_id if record.case.pending is not None else ""
        for _ in range(TRIES):
            if current is None:
                break
            pending = current.case.pending
            if pending is None or pending.action_id != planned_id:
                return current
            events = self._with_what_follows(current.case, outcomes, active.policy, clock)
            after, appends = self.table.appending(current, events, stamp)
            try:
                self.table.transact([*appends, *writes])
            except StaleError as stale:
                if any(index >= len(appends) for index in stale.failed):
                    return None
                if or_decide_again:
                    raise TransientConflictError(f"{record.case.case_id}: news came in before {planned_id}") from stale
                current = self.table.case(record.case.case_id)
                continue
            self.observe(events, current.case)
            return after
        raise TransientConflictError(f"{record.case.case_id}: others keep changing the case")

    @staticmethod
    def _with_what_follows(case: Case, outcomes: Sequence[Event], policy: Policy, clock: Clock) -> list[Event]:
        """Return outcomes and what is to be recorded after them without a turn of its own; closing is for Assess."""
        for outcome in outcomes:
            case = evolve(case, outcome)
        _, follows, decision = take_turn(case, policy, clock.now(case.account.timezone))
        return [*outcomes] if isinstance(decision, Close) else [*outcomes, *follows]


def _told(act: Act, case: Case, why: str, now: Moment) -> list[ActionHeld]:
    """Return what is recorded of an action that may not go out: once for each time that it is stopped."""
    known = case.held_back
    if known is not None and known.until is None and known.reason == why:
        return []
    return [ActionHeld(act.action_id, act.action, now.on, why)]
