"""Assess: open the case if it is not, record what follows, and say what is to be done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from arrears.adapters.aws import Item
from arrears.adapters.look import Look, look
from arrears.adapters.settings import Policies, Settings
from arrears.adapters.table import AccountRecord, CaseRecord, StaleError, Table
from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import Act, Close, Wait, open_case, opens_on
from arrears.domain.events import ActionFailed, ActionWithdrawn, CaseClosed, Event
from arrears.domain.policy import Policy
from arrears.domain.turn import take_turn
from arrears.errors import TransientConflictError
from arrears.records import Stamp
from arrears.switches import Switches
from arrears.usecases.next_step import NextStep, Request, asked_for, ended, handed_over, is_old, next_step

#: How often a case that others keep changing is loaded again before the state machine is asked to come back.
TRIES = 8

#: Why a case in shadow is closed. The account is looked at anew from the next date on: a case that opens then is real.
SHADOW_OVER = "shadow mode is over; nothing of this case has left the bank (a case that opens from now on is real)"

#: Told of the events that were appended, and of the case before them; None where it was opened.
Observer = Callable[[Sequence[Event], Case | None], None]


@dataclass(frozen=True)
class Assess:
    """The first step of every turn of an execution.

    Attributes:
        observe: told of the events that were appended, for metrics.
    """

    table: Table
    settings: Settings
    observe: Observer

    def __call__(self, request: Request) -> NextStep:
        """Take a turn with a case.

        Raises:
            TransientConflictError: others keep changing the case.
            PermanentSetupError: there is no policy.
        """
        for _ in range(TRIES):
            seen = look(self.table, self.settings, request["case_id"])
            try:
                return self._open(request, seen) if seen.case is None else self._turn(request, seen, seen.case)
            except StaleError:
                continue
        raise TransientConflictError(f"{request['case_id']}: others keep changing the case")

    def _turn(self, request: Request, seen: Look, record: CaseRecord) -> NextStep:
        if record.case.is_open and record.generation == request["generation"] - 1:
            record = self._take_over(record)
        if not record.case.is_open or record.generation != request["generation"]:
            return ended(request)
        if request.get("turns", 0) == 0:
            self._take_off_queue(record, seen.account)
        now = seen.clock.now(record.case.account.timezone)
        if shadow_is_over(record.case, seen.switches):
            closing = Close(SHADOW_OVER)
            record = self._append(record, end_of_shadow(record.case, now.on), closing, seen)
            return self._next(request, record, closing, seen)
        if is_old(request, seen.clock.instant):
            return handed_over(request, record.generation + 1)
        failure = _failure(record.case, request, now.on)
        case, first = record.case, [failure] if failure is not None else []
        if failure is not None:
            case = replace(case, pending=None, failed=failure)
        _, events, decision = take_turn(case, seen.policies.for_case(case, now.on).policy, now)
        record = self._append(record, [*first, *events], decision, seen)
        return self._next(request, record, decision, seen)

    def _open(self, request: Request, seen: Look) -> NextStep:
        """Open the case and take its first turn in one transaction; end where none is due any more."""
        case_id, generation = request["case_id"], request["generation"]
        account, clock = seen.account, seen.clock
        now = clock.now(account.account.timezone)
        if account.open_case is not None or account.generation > generation:
            return ended(request)
        policy = seen.policies.since(_opening_date(case_id), now.on).policy
        opened = open_case(account.account, policy, _opening_date(case_id))
        if opened is None or open_case(account.account, policy, now.on) is None:
            self._queue_again(account, generation, policy, now.on)
            return ended(request)
        opened = replace(opened, account=account.account.pruned(now.on), shadow=seen.switches.shadow is not None)
        stamp = Stamp(clock.at(account.account.timezone), now.on, policy.label)
        record, _ = self.table.appending(None, [opened], stamp)
        _, events, decision = take_turn(record.case, policy, now)
        # Plans that waited for a case are this one's now.
        kept = replace(account.account, plans=())
        taken = self.table.put_account(replace(account, account=kept, open_case=case_id), None)
        record = self.table.append(None, [opened, *events], stamp, generation=generation, extra=[taken])
        self.observe([opened, *events], None)
        return self._next(request, record, decision, seen)

    def _queue_again(self, account: AccountRecord, generation: int, policy: Policy, on: date) -> None:
        """Put an account back in its place on the queue, so that a scan does not find it again for nothing.

        One generation later: the name of this execution is blocked, should a case be due on the same date after all.
        """
        if account.version:
            later = replace(account, generation=generation + 1)
            self.table.transact([self.table.put_account(later, opens_on(account.account, policy, on))])

    def _take_over(self, record: CaseRecord) -> CaseRecord:
        """Take a case over from the execution before, which has handed it over and does nothing any more.

        The generation is raised here and not where the case is handed over: until the next execution has begun, the
        net under the one before must be able to see that the case is still its own.
        """
        generation = record.generation + 1
        self.table.transact([self.table.set_generation(record, generation)])
        return replace(record, generation=generation, token=None, token_version=0)

    def _take_off_queue(self, record: CaseRecord, account: AccountRecord) -> None:
        """Take the account off the queue on which the net has put it for this execution."""
        if record.generation > 1 and account.due is not None:
            self.table.transact([self.table.put_account(account, None)])

    def _append(
        self, record: CaseRecord, events: Sequence[Event], decision: Act | Wait | Close, seen: Look
    ) -> CaseRecord:
        if not events:
            return record
        timezone = record.case.account.timezone
        on = seen.clock.now(timezone).on
        extra = []
        if isinstance(decision, Close):
            extra.append(let_go(self.table, record.case, seen.account, seen.policies, on))
        label = seen.policies.for_case(record.case, on).policy.label
        after = self.table.append(record, events, Stamp(seen.clock.at(timezone), on, label), extra=extra)
        self.observe(events, record.case)
        return after

    def _next(self, request: Request, record: CaseRecord, decision: Act | Wait | Close, seen: Look) -> NextStep:
        if isinstance(decision, Close):
            return ended(request)
        return next_step(request, record.case, decision, seen.clock, seen.policies)


def let_go(table: Table, case: Case, account: AccountRecord, policies: Policies, on: date) -> Item:
    """Return the write that goes with closing a case: its account waits for the next one, from the day after on."""
    # What was done in shadow reached nobody, and counts against no cap of the next case.
    facts = account.account.with_reached(() if case.shadow else case.contacts())
    due = opens_on(facts, policies.for_new(on).policy, on + ONE_DAY)
    return table.put_account(replace(account, account=facts, open_case=None, generation=1), due)


def shadow_is_over(case: Case, switches: Switches) -> bool:
    """Say whether a case lives in shadow and the stack does not any more."""
    return case.shadow and switches.shadow is None


def end_of_shadow(case: Case, on: date) -> list[Event]:
    """Return what ends a case in shadow: an action that has no outcome was not carried out."""
    pending = case.pending
    withdrawn = [] if pending is None else [ActionWithdrawn(pending.action_id, on, SHADOW_OVER)]
    return [*withdrawn, CaseClosed(on, SHADOW_OVER)]


def _opening_date(case_id: str) -> date:
    return datetime.strptime(case_id[-8:], "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone


def _failure(case: Case, request: Request, on: date) -> ActionFailed | None:
    """Return the failure of the action that the workflow gave up, unless it was carried out after all.

    An SMS that broke off without a clear refusal may have gone out: it is not failed but uncertain (see `decide`).
    """
    error, action = request.get("error"), asked_for(request)
    action_id = request.get("action_id", "")
    if error is None or action is None or any(done.action_id == action_id for done in case.done):
        return None
    if case.failed is not None and case.failed.action_id == action_id:
        return None
    refused = error["Error"].startswith("Permanent")
    if action == "send_sms" and case.pending is not None and not refused:
        return None
    return ActionFailed(action_id, action, on, error["Error"])
