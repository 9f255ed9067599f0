"""A case: one delinquency episode of one account, and how each event changes it."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from arrears.domain.events import (
    ActionDone,
    ActionFailed,
    ActionPlanned,
    ActionPostponed,
    ActionRetried,
    ActionUncertain,
    ActionWithdrawn,
    AgencyReported,
    ArrearsReported,
    CallResult,
    CaseClosed,
    CaseOpened,
    Event,
    HoldLifted,
    HoldPlaced,
    LetterReported,
    LetterStatus,
    OptedOut,
    PaymentReceived,
    PromiseAccepted,
    PromiseEnded,
    PromiseRefused,
    SmsReported,
    StageEntered,
)
from arrears.domain.facts import Account, Call, Payment, Phone
from arrears.domain.money import Money
from arrears.domain.policy import Action
from arrears.domain.value import changed, value


class BrokenHistoryError(ValueError):
    """An event cannot follow the events before it."""


@value
class Done:
    """An action that was carried out, or may have been.

    Attributes:
        step: which step of which stage asked for it, as in its id.
        on: the date on which it was carried out (rule 5).
    """

    action_id: str
    action: Action
    stage: str | None
    step: str
    on: date
    certain: bool = True
    template: str | None = None
    phone: Phone | None = None


@value
class Promise:
    """An accepted promise to pay; it stands from `on` through `until` (rule 12)."""

    call_id: str
    on: date
    until: date
    amount: Decimal | None
    outcome: Literal["standing", "kept", "broken"] = "standing"


@value
class Placement:
    """A case given to an agency, and how it ended.

    Attributes:
        action_id: the id of the action that placed it.
        ended: `returned` by the agency; recalled on `cured`, `hold` or `term`.
    """

    action_id: str
    agency_id: str
    placed_on: date
    ended_on: date | None = None
    ended: Literal["", "returned", "cured", "hold", "term"] = ""


@value
class LetterReport:
    """A word of the mailing house on a letter."""

    letter_id: str
    status: LetterStatus
    on: date
    tracking_number: str | None = None


@value
class SmsReport:
    """A delivery receipt of a text message; `final` when the number cannot take one at all."""

    action_id: str
    status: Literal["delivered", "failed"]
    on: date
    final: bool = False


@value
class Postponed:
    """An action that is not tried before a date."""

    action: Action
    until: date
    reason: str


@value
class Case:
    """The state of a case, folded from its events.

    Attributes:
        version: how many events it has; the number of the last one.
        account: the account's facts as far as known.
        payments: all payments that came in since the case opened.
        receipts: of text messages.
        postponed: actions that are not tried before a date.
        opted_out_on: since when the cardholder wants no texts, by the network's list or by a reply.
        settled_calls: calls whose promise was accepted or refused.
        pending: the action that was planned and has no outcome yet.
        failed: the action that failed for good and waits for an operator.
        closed_on: None while the case is open.
    """

    case_id: str
    account: Account
    opened_on: date
    version: int = 1
    stage: str | None = None
    stage_entered_on: date | None = None
    done: tuple[Done, ...] = ()
    payments: tuple[Payment, ...] = ()
    calls: tuple[Call, ...] = ()
    settled_calls: frozenset[str] = frozenset()
    promises: tuple[Promise, ...] = ()
    placements: tuple[Placement, ...] = ()
    letters: tuple[LetterReport, ...] = ()
    receipts: tuple[SmsReport, ...] = ()
    postponed: tuple[Postponed, ...] = ()
    opted_out_on: date | None = None
    pending: ActionPlanned | None = None
    failed: ActionFailed | None = None
    closed_on: date | None = None
    closed_reason: str = ""

    @property
    def account_id(self) -> str:
        """The bank's reference of the account."""
        return self.account.account_id

    @property
    def is_open(self) -> bool:
        """Whether the episode is still running."""
        return self.closed_on is None

    @property
    def placement(self) -> Placement | None:
        """The placement that is with an agency now."""
        last = self.placements[-1] if self.placements else None
        return last if last is not None and last.ended_on is None else None

    def arrears(self, on: date) -> Money:
        """Return the known arrears on a date."""
        arrears = self.account.arrears(on)
        if arrears is None:
            msg = f"{self.case_id}: a case without an extract"
            raise BrokenHistoryError(msg)
        return arrears

    def steps_done(self, step: str) -> list[Done]:
        """Return what was done for one step of the current stage, oldest first."""
        return [done for done in self.done if done.step == step]

    def agency_failed(self, on: date, term_days: int | None) -> bool:
        """Say whether the agency stage has failed on a date (rule 6)."""
        fails_on = self.agency_fails_on(term_days)
        return fails_on is not None and on >= fails_on

    def agency_fails_on(self, term_days: int | None) -> date | None:
        """Return the date from which the agency stage has failed: given back, or the term over (rule 6).

        A placement that a hold ended is no failure: placing is due again when the hold is lifted (rule 11).
        """
        if not self.placements:
            return None
        dates = []
        for placement in self.placements:
            if placement.ended == "returned" and placement.ended_on is not None:
                dates.append(placement.ended_on)
            elif placement.ended in ("", "term") and term_days is not None:
                dates.append(placement.placed_on + timedelta(days=term_days))
        return min(dates, default=None)

    def conversations_before(self, call: Call) -> int:
        """Return how many conversations with the cardholder the case had before a call (rule 12)."""
        when = (call.called_on, call.called_at.isoformat(), call.call_id)
        return sum(
            1
            for known in self.calls
            if known.is_conversation and (known.called_on, known.called_at.isoformat(), known.call_id) < when
        )

    def standing_promise(self, on: date) -> Promise | None:
        """Return the promise that stands on a date; of several the one that stands longest."""
        if not self.promises:
            return None
        standing = [p for p in self.promises if p.outcome == "standing" and p.on <= on <= p.until]
        return max(standing, key=lambda promise: promise.until, default=None)


def opening(event: CaseOpened) -> Case:
    """Return the case that an opening event begins. Calls made before it opened are none of the case's."""
    account = event.account
    calls = tuple(call for call in account.calls if call.called_on > event.on)
    return Case(event.case_id, changed(account, calls=()), event.on, calls=calls)


def _with_done(case: Case, action_id: str, on: date, *, certain: bool) -> Case:
    planned = case.pending
    if planned is None or planned.action_id != action_id:
        msg = f"{case.case_id}: {action_id} has an outcome but was not planned"
        raise BrokenHistoryError(msg)
    done = Done(action_id, planned.action, planned.stage, planned.step, on, certain, planned.template, planned.phone)
    case = changed(case, version=case.version + 1, done=(*case.done, done), pending=None)
    if planned.action == "place_with_agency":
        placement = Placement(action_id, planned.agency_id or "", on)
        return changed(case, placements=(*case.placements, placement))
    if planned.action == "recall_from_agency":
        *earlier, last = case.placements
        ended: Literal["cured", "hold", "term"] = (
            "cured" if planned.step == "cured" else "hold" if planned.step == "hold" else "term"
        )
        return changed(case, placements=(*earlier, changed(last, ended_on=on, ended=ended)))
    return case


def evolve(case: Case, event: Event) -> Case:  # noqa: C901, PLR0911, PLR0912 - the one table of what each event does
    """Return the case after an event; raises `BrokenHistoryError` for one that cannot follow."""
    version = case.version + 1
    match event:
        case ActionPlanned():
            return changed(case, version=version, pending=event)
        case ActionDone(action_id, on):
            return _with_done(case, action_id, on, certain=True)
        case StageEntered(stage, on):
            return changed(case, version=version, stage=stage, stage_entered_on=on)
        case ArrearsReported(extract, on):
            return changed(case, version=version, account=case.account.with_extract(extract).pruned(on))
        case PaymentReceived(payment):
            account = case.account.with_payment(payment)
            return changed(case, version=version, account=account, payments=(*case.payments, payment))
        case HoldPlaced(hold_id, reason, on):
            account = case.account.with_hold(hold_id, reason, placed=on, lifted=None)
            return changed(case, version=version, account=account)
        case HoldLifted(hold_id, reason, on):
            account = case.account.with_hold(hold_id, reason, placed=None, lifted=on)
            return changed(case, version=version, account=account)
        case CallResult(call):
            calls = sorted((*case.calls, call), key=lambda c: (c.called_on, c.called_at.isoformat(), c.call_id))
            return changed(case, version=version, calls=tuple(calls))
        case LetterReported(letter_id, status, on, tracking_number):
            report = LetterReport(letter_id, status, on, tracking_number)
            return changed(case, version=version, letters=(*case.letters, report))
        case SmsReported(action_id, status, on, final):
            return changed(case, version=version, receipts=(*case.receipts, SmsReport(action_id, status, on, final)))
        case OptedOut(on):
            return changed(case, version=version, opted_out_on=on)
        case ActionPostponed(_, action, _, until, reason):
            others = tuple(known for known in case.postponed if known.action != action)
            postponed = (*others, Postponed(action, until, reason))
            return changed(case, version=version, pending=None, postponed=postponed)
        case AgencyReported(outcome=outcome, on=on):
            placement = case.placement
            if outcome == "returned" and placement is not None:
                ended = changed(placement, ended_on=on, ended="returned")
                return changed(case, version=version, placements=(*case.placements[:-1], ended))
            return changed(case, version=version)
        case PromiseAccepted(call_id, on, until, amount):
            promise = Promise(call_id, on, until, amount)
            settled = case.settled_calls | {call_id}
            return changed(case, version=version, promises=(*case.promises, promise), settled_calls=settled)
        case PromiseRefused(call_id):
            return changed(case, version=version, settled_calls=case.settled_calls | {call_id})
        case PromiseEnded(call_id, _, outcome):
            promises = tuple(changed(p, outcome=outcome) if p.call_id == call_id else p for p in case.promises)
            return changed(case, version=version, promises=promises)
        case ActionUncertain(action_id, on):
            return _with_done(case, action_id, on, certain=False)
        case ActionWithdrawn():
            return changed(case, version=version, pending=None)
        case ActionFailed():
            return changed(case, version=version, pending=None, failed=event)
        case ActionRetried():
            return changed(case, version=version, failed=None)
        case CaseClosed(on, reason):
            return changed(case, version=version, closed_on=on, closed_reason=reason)
        case CaseOpened():
            msg = f"{case.case_id}: opened twice"
            raise BrokenHistoryError(msg)


def replay(events: Iterable[Event]) -> Case | None:
    """Fold a case's events from its opening on; None for no events."""
    case: Case | None = None
    for event in events:
        if case is not None:
            case = evolve(case, event)
        elif isinstance(event, CaseOpened):
            case = opening(event)
        else:
            msg = f"a case begins with CaseOpened, not {type(event).__name__}"
            raise BrokenHistoryError(msg)
    return case
