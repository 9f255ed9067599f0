"""What an account keeps of a fact that comes in: the same for a case, the stack's account and the simulator's."""

from arrears.domain.events import (
    ArrearsReported,
    CallResult,
    Event,
    HoldLifted,
    HoldPlaced,
    OptedOut,
    PaymentReceived,
    PlanAgreed,
    PlanCancelled,
    SmsReported,
)
from arrears.domain.facts import Account


def learn(account: Account, event: Event) -> Account:  # noqa: PLR0911 - one for each kind of fact
    """Return the account after a fact; what is only its case's (a plan, a call of the case) is not kept here."""
    match event:
        case ArrearsReported(extract):
            return account.with_extract(extract)
        case PaymentReceived(payment):
            return account.with_payment(payment)
        case HoldPlaced(hold_id, reason, on, at, until, review_on):
            return account.with_hold(hold_id, reason, placed=on, at=at, until=until, review_on=review_on)
        case HoldLifted(hold_id, reason, on, at):
            return account.with_hold(hold_id, reason, lifted=on, at=at)
        case CallResult(call):
            return account.with_result(call)
        case SmsReported(on=on, final=True):
            return account.with_unusable("mobile", "sms", on)
        case OptedOut(on):
            return account.with_opt_out(on)
        case _:
            return account


def learn_before_a_case(account: Account, event: Event) -> Account:
    """Return the account after a fact that comes in while no case is open: calls and plans wait for the next one."""
    match event:
        case CallResult(call):
            return account.with_call(call)
        case PlanAgreed(plan):
            return account.with_plan(plan)
        case PlanCancelled(plan_id, on):
            return account.with_plan_cancelled(plan_id, on)
        case _:
            return learn(account, event)
