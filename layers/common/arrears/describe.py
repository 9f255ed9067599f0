"""Events in plain words, for `arrears case show`, the demo and whoever asks why a customer was called."""

from collections.abc import Iterator
from datetime import date

from arrears.domain.case import Case
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
    HoldLifted,
    HoldPlaced,
    LegalDecided,
    LetterMailed,
    LetterReported,
    LetterWithdrawn,
    OperatorListed,
    OptedOut,
    PaymentReceived,
    PlanAccepted,
    PlanAgreed,
    PlanCancelled,
    PlanEnded,
    PlanRefused,
    PromiseAccepted,
    PromiseEnded,
    PromiseRefused,
    RecallOrdered,
    SmsReported,
    StageEntered,
)
from arrears.domain.holds import hold_periods
from arrears.domain.plans import next_instalment, plan_offer
from arrears.domain.policy import Policy

_EVERY = {"month": "a month", "two_weeks": "every two weeks", "week": "a week"}
_ASKED = {"asked": "asked", "reminded": "reminded", "escalated": "passed over, the case is escalated"}


def in_words(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each kind of event
    """Return one line that says what happened."""
    match event:
        case CaseOpened(reason=reason, shadow=shadow):
            return f"case opened{' in shadow' if shadow else ''}: {reason}"
        case ArrearsReported(extract=extract):
            due = f", oldest unpaid due date {extract.oldest_due}" if extract.oldest_due else ""
            return f"the bank reports arrears of {extract.past_due} as of {extract.as_of}{due}"
        case PaymentReceived(payment=payment):
            return f"payment of {payment.amount} on {payment.paid_on} ({payment.source})"
        case HoldPlaced(reason=reason, on=on):
            return f"{reason} hold placed, from {on}"
        case HoldLifted(reason=reason, on=on):
            return f"{reason} hold lifted, from {on}"
        case PlanAgreed(plan=plan):
            return f"instalment plan {plan.plan_id}: {plan.instalments} of {plan.amount} from {plan.first_due}"
        case PlanCancelled(plan_id=plan_id, on=on):
            return f"instalment plan {plan_id} cancelled, from {on}"
        case PlanAccepted(reason=reason):
            return f"plan accepted: {reason}"
        case PlanRefused(reason=reason):
            return reason
        case PlanEnded(outcome=outcome, reason=reason):
            return f"plan {outcome}: {reason}"
        case CallResult(call=call):
            promised = f", promised for {call.promised_on}" if call.promised_on else ""
            return f"call to {call.phone or 'a'} phone: {call.result}{promised}"
        case LetterReported(letter_id=letter_id, status=status):
            return f"letter {letter_id} {status}"
        case SmsReported(action_id=action_id, status=status, final=final):
            return f"text {action_id} {status}" + (", and the number takes none" if final else "")
        case OptedOut(source=source):
            return f"the cardholder wants no more texts ({source})"
        case FreezeAnswered(status=status):
            return f"the core banking system says of the freeze: {status}"
        case LetterMailed(letter_id=letter_id, on=on):
            return f"letter {letter_id} is in the mail of {on}"
        case LetterWithdrawn(letter_id=letter_id, reason=reason):
            return f"letter {letter_id} taken out before it was sent: {reason}"
        case ActionHeld(action=action, reason=reason):
            return f"{action} waits: {reason}"
        case ActionPostponed(action=action, until=until, reason=reason):
            return f"{action} waits until {until}: {reason}"
        case AgencyReported(agency_id=agency_id, outcome=outcome):
            return f"agency {agency_id} reports: {outcome}"
        case CommissionSettled(agency_id=agency_id, commission=commission, reason=reason):
            return f"commission of {commission} for {agency_id}: {reason}"
        case RecallOrdered(by=by, why=why):
            return f"recall ordered by {by}: {why}"
        case LegalDecided(approved=approved, by=by, why=why):
            return f"suing {'approved' if approved else 'declined'} by {by}: {why}"
        case CourtReported(status=status, reference=reference, amount=amount):
            more = ", ".join(str(each) for each in (reference, amount) if each)
            return f"court: {status}" + (f" ({more})" if more else "")
        case AgencyAssigned(reason=reason) | AgencyDeferred(reason=reason) | OperatorListed(reason=reason):
            return f"on the operator's list: {reason}" if isinstance(event, OperatorListed) else reason
        case ApprovalAsked(step=step, reason=reason):
            return f"a legal officer is {_ASKED[step]}: {reason}"
        case StageEntered(reason=reason):
            return reason
        case PromiseAccepted(until=until, reason=reason):
            return f"promise accepted until {until}: {reason}"
        case PromiseRefused(reason=reason) | PromiseEnded(reason=reason):
            return reason if isinstance(event, PromiseRefused) else f"promise {event.outcome}: {reason}"
        case ActionPlanned(action=action, reason=reason):
            return f"{action} planned: {reason}"
        case ActionDone(action_id=action_id, reference=reference, details=details):
            if ("shadow", "yes") in details:
                return f"done in shadow, nothing left the bank: {action_id}"
            return f"done: {action_id}" + (f" ({reference})" if reference else "")
        case ActionWithdrawn(action_id=action_id, reason=reason):
            return f"withdrawn: {action_id}: {reason}"
        case ActionUncertain(action_id=action_id, reason=reason):
            return f"uncertain: {action_id}: {reason}"
        case ActionFailed(action=action, error=error):
            return f"{action} failed and is parked: {error}"
        case ActionRetried(by=by):
            return f"tried again by {by}"
        case CaseClosed(reason=reason):
            return f"case closed: {reason}"


def holds(case: Case, policy: Policy, on: date) -> Iterator[str]:
    """Yield a line for each hold that is in force, as decisions see it, and for each that is without effect."""
    for hold in hold_periods(case, policy, on):
        if hold.why:
            yield f"hold without effect: {hold.reason} since {hold.since}: {hold.why}"
        elif hold.is_in_force(on):
            until = f" until {hold.until}" if hold.until is not None else ", until it is lifted"
            yield f"hold: {hold.reason} since {hold.since}{until}"


def holds_and_plans(case: Case, policy: Policy, on: date) -> Iterator[str]:
    """Yield a line for each hold that is known of an open case, and for its plan, or the one that may be offered."""
    yield from holds(case, policy, on)
    plan, following = case.standing_plan(on), next_instalment(case, policy, on)
    if plan is not None and following is not None:
        terms = plan.plan
        yield (
            f"instalment plan {terms.plan_id}: {terms.instalments} of {terms.amount}, {_EVERY[terms.every]}; "
            f"the next is due on {following[0]}"
        )
    offer = plan_offer(case, policy, on)
    if offer is not None:
        least = f" of at least {offer.minimum}" if offer.minimum is not None else ""
        together = f", {offer.together} or more in all" if offer.together is not None else ""
        yield f"may be offered: a plan of at most {offer.at_most} instalments{least}{together}"
