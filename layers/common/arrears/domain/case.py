"""A case: one delinquency episode of one account, and how each event changes it."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Literal

from arrears.domain.events import (
    ActionDone,
    ActionFailed,
    ActionHeld,
    ActionPlanned,
    ActionPostponed,
    ActionRetried,
    ActionUncertain,
    ActionWithdrawn,
    AgencyAssigned,
    AgencyDeferred,
    AgencyReported,
    ApprovalAsked,
    ArrearsReported,
    CallResult,
    CaseClosed,
    CaseOpened,
    CommissionSettled,
    CourtReported,
    Event,
    FreezeAnswered,
    FreezeStatus,
    HoldLifted,
    HoldPlaced,
    LegalDecided,
    LetterMailed,
    LetterReported,
    LetterStatus,
    LetterWithdrawn,
    OperatorListed,
    OptedOut,
    PaymentReceived,
    PlanAccepted,
    PlanAgreed,
    PlanCancelled,
    PlanEnded,
    PlanOutcome,
    PlanRefused,
    PromiseAccepted,
    PromiseEnded,
    PromiseRefused,
    RecallOrdered,
    SmsReported,
    StageEntered,
)
from arrears.domain.facts import ZERO, Account, Call, Extract, Payment, Phone, Plan, Reached
from arrears.domain.learn import learn
from arrears.domain.money import Money
from arrears.domain.policy_parts import TAKES_BACK, Action
from arrears.domain.value import changed, value

PlacementEnd = Literal["", "returned", "cured", "hold", "plan", "term", "order", "deferred"]
#: How a recall ends a placement, by the step that asked for it.
_RECALLED: dict[str, PlacementEnd] = {"cured": "cured", "hold": "hold", "plan": "plan", "order": "order"}


class BrokenHistoryError(ValueError):
    """An event cannot follow the events before it."""


@value
class Done:
    """An action that was carried out, or may have been.

    Attributes:
        step: which step of which stage asked for it, as in its id.
        on: the date on which it was carried out (rule 5).
        withdrawn_on: since when a call that was queued is not to be made, or a letter that was queued not to be sent.
        mailed_on: the date of the mailing house's batch that a letter went into.
    """

    action_id: str
    action: Action
    stage: str | None
    step: str
    on: date
    certain: bool = True
    template: str | None = None
    phone: Phone | None = None
    withdrawn_on: date | None = None
    mailed_on: date | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts as done: not a letter that was taken out before it went to the mailing house."""
        return self.withdrawn_on is None or self.action != "queue_letter"


@value
class Promise:
    """An accepted promise to pay; it stands from `on` through `until` (rule 12).

    Attributes:
        owed: the arrears on the day of the call; None where they were not recorded.
    """

    call_id: str
    on: date
    until: date
    amount: Decimal | None
    outcome: Literal["standing", "kept", "broken"] = "standing"
    owed: Decimal | None = None


@value
class AgreedPlan:
    """An instalment plan of the case, and what became of it.

    Attributes:
        outcome: empty until it is accepted or refused; then `standing` as long as it is kept.
        owed: the arrears on the day on which it was agreed.
        ended_on: since when it is not in force any more.
    """

    plan: Plan
    outcome: Literal["", "refused", "standing"] | PlanOutcome = ""
    owed: Decimal = ZERO
    ended_on: date | None = None


@value
class Placement:
    """A case given to an agency, and how it ended.

    Attributes:
        action_id: the id of the action that placed it.
        agency_id: empty until the day is closed, where the policy names several agencies.
        ended: `returned` by the agency; recalled on `cured`, `hold`, `plan`, `term` or an operator's `order`;
            `deferred` where no agency had room.
        term_days, percent, days_past_due: as it was assigned: how long, for what commission, at what age of the debt.
        retry_on: when a deferred one is tried again.
        owed: the most that was known to be owed in all since it was placed, with what was added meanwhile.
    """

    action_id: str
    agency_id: str
    placed_on: date
    ended_on: date | None = None
    ended: PlacementEnd = ""
    term_days: int | None = None
    percent: Decimal = ZERO
    days_past_due: int = 0
    retry_on: date | None = None
    owed: Decimal = ZERO


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
class HeldBack:
    """What was due waited, since the bank had stopped what goes out.

    Attributes:
        since: the first date on which something waited.
        until: the date on which something was done again; None while nothing was.
        reason: who has stopped it, and why.
    """

    since: date
    until: date | None
    reason: str

    def covers(self, day: date) -> bool:
        """Say whether what was due on a date waited."""
        return self.since <= day and (self.until is None or day < self.until)


@value
class Case:
    """The state of a case, folded from its events.

    Attributes:
        version: how many events it has; the number of the last one.
        account: the account's facts as far as known.
        payments: all payments that came in since the case opened.
        receipts: of text messages.
        postponed: actions that are not tried before a date.
        held_back: the last time that what was due waited, since the bank had stopped what goes out.
        shadow: whether nothing of the case leaves the bank.
        freeze: the core banking system's last answer to the request to freeze the account; None for none.
        settled_calls: calls whose promise was accepted or refused.
        pending: the action that was planned and has no outcome yet.
        failed: the action that failed for good and waits for an operator.
        recall_ordered: an operator's word that is not carried out yet.
        commissions: of the payments that agencies reported.
        approvals: when a legal officer was asked, reminded, escalated to.
        legal_decision: the last one.
        court: what was reported of the suit.
        listed: why the case is on the operator's list.
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
    plans: tuple[AgreedPlan, ...] = ()
    placements: tuple[Placement, ...] = ()
    letters: tuple[LetterReport, ...] = ()
    receipts: tuple[SmsReport, ...] = ()
    postponed: tuple[Postponed, ...] = ()
    held_back: HeldBack | None = None
    shadow: bool = False
    freeze: FreezeStatus | None = None
    pending: ActionPlanned | None = None
    failed: ActionFailed | None = None
    recall_ordered: RecallOrdered | None = None
    commissions: tuple[CommissionSettled, ...] = ()
    approvals: tuple[ApprovalAsked, ...] = ()
    legal_decision: LegalDecided | None = None
    court: tuple[CourtReported, ...] = ()
    listed: tuple[OperatorListed, ...] = ()
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
        """Return the known arrears on a date; before the oldest extract that is still kept, what that one says."""
        arrears = self.account.arrears(on)
        if arrears is None and self.account.extracts:
            return self.account.extracts[0].past_due
        if arrears is None:
            msg = f"{self.case_id}: a case without an extract"
            raise BrokenHistoryError(msg)
        return arrears

    def has_done(self, action_id: str, action: Action) -> bool:
        """Say whether an action of a kind was carried out, or is being carried out."""
        if self.pending is not None and (self.pending.action_id, self.pending.action) == (action_id, action):
            return True
        return any(done.action_id == action_id and done.action == action for done in self.done)

    def steps_done(self, step: str) -> list[Done]:
        """Return what was done for one step of the current stage, oldest first."""
        return [done for done in self.done if done.step == step]

    def result_of(self, done: Done, on: date) -> Call | None:
        """Return what came of a call by a date: the first result for its number, before the next call to it.

        A call that was queued without a number, or a result that names none, matches any.
        """
        if not self.calls:
            return None
        later = (other.on for other in self.done if other.action == done.action and other.on > done.on)
        if done.phone is not None:
            later = (other.on for other in self.done if other.phone == done.phone and other.on > done.on)
        until = min(later, default=date.max)
        for call in self.calls:
            matches = done.phone is None or call.phone is None or call.phone == done.phone
            if matches and done.on <= call.called_on <= on and call.called_on < until:
                return call
        return None

    def unanswered_calls(self, on: date) -> list[Done]:
        """Return the calls that are queued and not withdrawn, and of which no result is on file."""
        return [
            done
            for done in self.done
            if done.action == "queue_call" and done.withdrawn_on is None and self.result_of(done, on) is None
        ]

    def contacts(self) -> Iterator[Reached]:
        """Yield the texts, calls and letters of the case, and the calls on file that none of them accounts for.

        A call counts on the date on which it was made, or that on which it was queued while no result is on file.
        """
        accounted: set[str] = set()
        for done in self.done:
            if done.counts and done.action in ("send_sms", "queue_call", "queue_letter"):
                result = self.result_of(done, date.max) if done.action == "queue_call" else None
                if result is None or result.call_id in accounted:
                    yield Reached(done.action, done.on, done.phone)
                else:
                    accounted.add(result.call_id)
                    yield Reached("queue_call", result.called_on, done.phone or result.phone)
        for call in self.calls:
            if call.call_id not in accounted:
                yield Reached("queue_call", call.called_on, call.phone)

    def withdrawn_call(self, call: Call) -> Done | None:
        """Return the withdrawn task that a result is for; None where its task, if it had one, was not withdrawn.

        A call of the date of the withdrawal may have been made before it, so its result counts.
        """
        tasks = [
            done
            for done in self.done
            if done.action == "queue_call"
            and done.on <= call.called_on
            and (done.phone is None or call.phone is None or done.phone == call.phone)
        ]
        last = tasks[-1] if tasks else None
        withdrawn = last is not None and last.withdrawn_on is not None and last.withdrawn_on < call.called_on
        return last if withdrawn else None

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

    def standing_plan(self, on: date) -> AgreedPlan | None:
        """Return the instalment plan that is kept on a date; there is one at most."""
        return next((p for p in self.plans if p.outcome == "standing" and p.plan.agreed_on <= on), None)


def opening(event: CaseOpened) -> Case:
    """Return the case that an opening event begins. Calls made before it opened are none of the case's."""
    account = event.account
    calls = tuple(call for call in account.calls if call.called_on > event.on)
    plans = _with_plans((), *account.plans)
    return Case(
        event.case_id, changed(account, calls=(), plans=()), event.on, calls=calls, plans=plans, shadow=event.shadow
    )


def _with_plans(known: tuple[AgreedPlan, ...], *plans: Plan) -> tuple[AgreedPlan, ...]:
    ids = {plan.plan_id for plan in plans}
    others = [each for each in known if each.plan.plan_id not in ids]
    return tuple(sorted([*others, *map(AgreedPlan, plans)], key=lambda each: (each.plan.agreed_on, each.plan.plan_id)))


def _plan_settled(case: Case, event: PlanAccepted | PlanRefused | PlanEnded) -> tuple[AgreedPlan, ...]:
    def after(known: AgreedPlan) -> AgreedPlan:
        if known.plan.plan_id != event.plan_id:
            return known
        if isinstance(event, PlanAccepted):
            return changed(known, outcome="standing", owed=event.owed)
        if isinstance(event, PlanRefused):
            return changed(known, outcome="refused")
        return changed(known, outcome=event.outcome, ended_on=event.on)

    return tuple(after(known) for known in case.plans)


def _with_done(case: Case, action_id: str, on: date, *, certain: bool) -> Case:
    planned = case.pending
    if planned is None or planned.action_id != action_id:
        msg = f"{case.case_id}: {action_id} has an outcome but was not planned"
        raise BrokenHistoryError(msg)
    done = Done(action_id, planned.action, planned.stage, planned.step, on, certain, planned.template, planned.phone)
    case = changed(case, version=case.version + 1, done=(*case.done, done), pending=None)
    if planned.action == "place_with_agency":
        placement = Placement(action_id, planned.agency_id or "", on, owed=case.account.most_owed)
        return changed(case, placements=(*case.placements, placement))
    if planned.action == "withdraw_calls":
        return _withdrawn(case, {done.action_id for done in case.unanswered_calls(on)}, on)
    if planned.action == "recall_from_agency":
        *earlier, last = case.placements
        if last.ended_on is not None:
            return changed(case, recall_ordered=None)
        ended = _RECALLED.get(planned.step, "term")
        return changed(case, placements=(*earlier, changed(last, ended_on=on, ended=ended)), recall_ordered=None)
    return case


def _allocated(case: Case, event: AgencyAssigned | AgencyDeferred) -> tuple[Placement, ...]:
    """Return the placements after the day's allocation: one has its agency, or ends since none had room."""
    last = case.placements[-1] if case.placements else None
    if last is None or last.action_id != event.action_id or last.ended_on is not None or last.agency_id:
        msg = f"{case.case_id}: {event.action_id} is no placement that waits for its agency"
        raise BrokenHistoryError(msg)
    if isinstance(event, AgencyDeferred):
        now = changed(last, ended_on=event.on, ended="deferred", retry_on=event.until)
    else:
        now = changed(
            last,
            agency_id=event.agency_id,
            term_days=event.term_days,
            percent=event.percent,
            days_past_due=event.days_past_due,
        )
    return (*case.placements[:-1], now)


def _with_more_owed(case: Case, extract: Extract) -> tuple[Placement, ...]:
    """Return the placements after an extract came in: what it adds to what was owed is to be collected too."""
    *earlier, last = case.placements
    before = [known for known in case.account.extracts if known.as_of <= extract.as_of]
    more = max(extract.owed - before[-1].owed, ZERO) if before else ZERO
    return (*earlier, changed(last, owed=last.owed + more))


def _withdrawn(case: Case, action_ids: set[str], on: date) -> Case:
    done = tuple(changed(one, withdrawn_on=on) if one.action_id in action_ids else one for one in case.done)
    return changed(case, done=done)


def evolve(case: Case, event: Event) -> Case:  # noqa: C901, PLR0911, PLR0912, PLR0915 - the one table of what each event does
    """Return the case after an event; raises `BrokenHistoryError` for one that cannot follow."""
    version = case.version + 1
    match event:
        case ActionPlanned(action=action, on=on):
            held = case.held_back
            if held is not None and held.until is None and action not in TAKES_BACK:
                held = changed(held, until=on)
            return changed(case, version=version, pending=event, held_back=held)
        case ActionDone(action_id, on):
            return _with_done(case, action_id, on, certain=True)
        case CommissionSettled():
            return changed(case, version=version, commissions=(*case.commissions, event))
        case RecallOrdered():
            return changed(case, version=version, recall_ordered=event if case.placement is not None else None)
        case LegalDecided():
            # A new word takes the case off the list on which a declined one put it.
            listed = tuple(each for each in case.listed if each.why != "declined")
            return changed(case, version=version, legal_decision=event, listed=listed)
        case CourtReported():
            return changed(case, version=version, court=(*case.court, event))
        case ApprovalAsked():
            return changed(case, version=version, approvals=(*case.approvals, event))
        case OperatorListed():
            return changed(case, version=version, listed=(*case.listed, event))
        case AgencyAssigned() | AgencyDeferred():
            return changed(case, version=version, placements=_allocated(case, event))
        case StageEntered(stage, on):
            return changed(case, version=version, stage=stage, stage_entered_on=on)
        case ArrearsReported(on=on):
            return changed(case, version=version, account=learn(case.account, event).pruned(on))
        case PaymentReceived(payment):
            return changed(
                case, version=version, account=learn(case.account, event), payments=(*case.payments, payment)
            )
        case HoldPlaced():
            return changed(case, version=version, account=learn(case.account, event))
        case HoldLifted():
            # A hold that still stands and is to be reviewed is listed again.
            listed = tuple(each for each in case.listed if each.why != "hold_review")
            return changed(case, version=version, account=learn(case.account, event), listed=listed)
        case PlanAgreed(plan):
            return changed(case, version=version, plans=_with_plans(case.plans, plan))
        case PlanCancelled(plan_id, on):
            plans = tuple(
                changed(known, plan=changed(known.plan, cancelled_on=on)) if known.plan.plan_id == plan_id else known
                for known in case.plans
            )
            return changed(case, version=version, plans=plans)
        case PlanAccepted() | PlanRefused() | PlanEnded():
            return changed(case, version=version, plans=_plan_settled(case, event))
        case CallResult(call):
            account = learn(case.account, event)
            if call.called_on <= case.opened_on:
                # Made before the case, and told late: rules of contact count it, the case does not.
                return changed(case, version=version, account=account)
            calls = sorted((*case.calls, call), key=lambda c: (c.called_on, c.called_at.isoformat(), c.call_id))
            return changed(case, version=version, account=account, calls=tuple(calls))
        case LetterReported(letter_id, status, on, tracking_number):
            report = LetterReport(letter_id, status, on, tracking_number)
            return changed(case, version=version, letters=(*case.letters, report))
        case SmsReported(action_id, status, on, final):
            receipts = (*case.receipts, SmsReport(action_id, status, on, final))
            return changed(case, version=version, account=learn(case.account, event), receipts=receipts)
        case OptedOut():
            return changed(case, version=version, account=learn(case.account, event))
        case FreezeAnswered(_, status):
            return changed(case, version=version, freeze=status)
        case LetterMailed(letter_id, on):
            done = tuple(changed(one, mailed_on=on) if one.action_id == letter_id else one for one in case.done)
            return changed(case, version=version, done=done)
        case LetterWithdrawn(letter_id, on):
            return changed(_withdrawn(case, {letter_id}, on), version=version)
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
        case PromiseAccepted(call_id, on, until, amount, _, owed):
            promise = Promise(call_id, on, until, amount, owed=owed)
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
        case ActionHeld(on=on, reason=reason):
            since = on if case.held_back is None or case.held_back.until is not None else case.held_back.since
            return changed(case, version=version, held_back=HeldBack(since, None, reason))
        case ActionFailed():
            return changed(case, version=version, pending=None, failed=event)
        case ActionRetried():
            return changed(case, version=version, failed=None)
        case CaseClosed(on, reason):
            account = case.account.with_reached(case.contacts())
            return changed(case, version=version, account=account, closed_on=on, closed_reason=reason)
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
