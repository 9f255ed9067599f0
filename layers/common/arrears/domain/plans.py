"""Instalment plans: accepted or refused by the policy, kept as long as instalments come in, ended by a missed one.

A plan belongs to the case that is open: the arrears that it pays off. While it is kept nothing is sent but a reminder
before each instalment. One that is missed ends it, and the case goes on in the stage in which it was.
"""

from datetime import date, timedelta
from decimal import ROUND_UP, Decimal

from arrears.domain.case import AgreedPlan, Case
from arrears.domain.contact import cannot_be_contacted
from arrears.domain.dates import ONE_DAY
from arrears.domain.decisions import Act, Record
from arrears.domain.events import PlanAccepted, PlanEnded, PlanRefused
from arrears.domain.facts import ZERO, Plan
from arrears.domain.money import Money
from arrears.domain.policy import Policy
from arrears.domain.policy_holds import Instalments
from arrears.domain.value import value

_NO_TERMS = Instalments()


@value
class PlanOffer:
    """What may be agreed with a cardholder.

    Attributes:
        at_most: instalments.
        minimum: of an instalment; None where the policy sets none.
        together: what the instalments come to at least; None where the policy sets nothing.
    """

    at_most: int
    minimum: Money | None
    together: Money | None


def plan_offer(case: Case, policy: Policy, on: date) -> PlanOffer | None:
    """Return what plan may be offered in a case on a date; None for no plan."""
    rule = policy.instalments
    if rule is None or case.standing_plan(on) is not None or _not_eligible(case, policy, rule, on):
        return None
    arrears = case.arrears(on)
    minimum = rule.minimum_instalment.get(arrears.currency)
    return PlanOffer(
        rule.at_most,
        None if minimum is None else Money(minimum, arrears.currency),
        None if rule.minimum_share is None else Money(_cents(rule.minimum_share * arrears.amount), arrears.currency),
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_UP)


def settle_plans(case: Case, policy: Policy, on: date) -> Record | None:
    """Accept or refuse a plan that came in, or end one that is missed, cancelled or paid; None where there is none."""
    for known in case.plans:
        if known.outcome == "" and known.plan.agreed_on <= on:
            return Record(_settled(case, policy, known.plan, on))
        if known.outcome == "standing":
            ended = _ended(case, policy, known, on)
            if ended is not None:
                return Record(ended)
    return None


def _settled(case: Case, policy: Policy, plan: Plan, on: date) -> PlanAccepted | PlanRefused:
    refusal = _why_refused(case, policy, plan, on)
    if refusal:
        return PlanRefused(plan.plan_id, on, f"plan refused: {refusal}")
    arrears = case.arrears(plan.agreed_on)
    reason = f"plan of {plan.instalments} instalments of {plan.amount} from {plan.first_due}, for arrears of {arrears}"
    return PlanAccepted(plan.plan_id, plan.agreed_on, reason, arrears.amount)


def _why_refused(case: Case, policy: Policy, plan: Plan, on: date) -> str:  # noqa: PLR0911 - one for each reason
    rule, arrears = policy.instalments, case.arrears(plan.agreed_on)
    if rule is None:
        return "the policy names no instalment plans"
    if plan.cancelled_on is not None and plan.cancelled_on <= plan.agreed_on:
        return f"it was cancelled on {plan.cancelled_on}"
    if (standing := case.standing_plan(on)) is not None:
        return f"the plan {standing.plan.plan_id} is kept; that one would have to be cancelled first"
    if not_eligible := _not_eligible(case, policy, rule, plan.agreed_on):
        return not_eligible
    if plan.amount.currency != arrears.currency:
        return f"{plan.amount.currency} is not the account's currency"
    if plan.instalments > rule.at_most:
        return f"{plan.instalments} instalments are more than {rule.at_most}"
    minimum = rule.minimum_instalment.get(arrears.currency, ZERO)
    if plan.amount.amount < minimum:
        return f"an instalment of {plan.amount} is less than {minimum}"
    if rule.minimum_share is not None and plan.total < rule.minimum_share * arrears.amount:
        return f"{plan.total} in all is less than the policy's share ({rule.minimum_share}) of the arrears {arrears}"
    within = rule.first_within_days
    if within is not None and plan.first_due > plan.agreed_on + timedelta(days=within):
        return f"the first instalment on {plan.first_due} is more than {within} days after {plan.agreed_on}"
    return ""


def _not_eligible(case: Case, policy: Policy, rule: Instalments, on: date) -> str:
    arrears = case.arrears(on)
    if rule.stages and case.stage not in rule.stages:
        return f"none is agreed in stage {case.stage or 'none yet'}"
    minimum = rule.minimum_arrears.get(arrears.currency)
    if minimum is not None and arrears.amount < minimum:
        return f"arrears {arrears} are below {minimum}"
    had = sum(known.outcome in ("missed", "completed") for known in case.plans)
    if rule.plans_per_case is not None and had >= rule.plans_per_case:
        return f"the case had {had} of at most {rule.plans_per_case} plans"
    if arrears.amount <= policy.tolerance(arrears.currency):
        return "nothing is owed"
    return ""


# --- whether it is kept ----------------------------------------------------------------------------------------------
def _ended(case: Case, policy: Policy, known: AgreedPlan, on: date) -> PlanEnded | None:
    plan = known.plan
    if plan.cancelled_on is not None and plan.cancelled_on <= on:
        return PlanEnded(plan.plan_id, on, "cancelled", f"cancelled on {plan.cancelled_on}")
    for number in range(1, plan.instalments + 1):
        last_day = _last_day(policy, plan, number)
        if last_day >= on:
            break
        missing = _missing(case, policy, known, number, last_day)
        if missing > 0:
            due = f"instalment {number} of {plan.amount} was due on {plan.due_on(number)}"
            reason = f"{due}: after {last_day} {missing} of {number * plan.amount.amount} is lacking"
            return PlanEnded(plan.plan_id, on, "missed", reason)
    if _missing(case, policy, known, plan.instalments, on) <= 0:
        return PlanEnded(plan.plan_id, on, "completed", f"all {plan.instalments} instalments of {plan.amount} are paid")
    return None


def _terms(policy: Policy) -> Instalments:
    """Return what plans are kept by; a policy that names none any more leaves no grace to those that stand."""
    return policy.instalments or _NO_TERMS


def _last_day(policy: Policy, plan: Plan, number: int) -> date:
    return plan.due_on(number) + timedelta(days=_terms(policy).grace_days)


def _missing(case: Case, policy: Policy, known: AgreedPlan, number: int, by: date) -> Decimal:
    """Return what is lacking, beyond the tolerance, of the first instalments by a date; zero or less for nothing."""
    tolerance = _terms(policy).tolerance.get(known.plan.amount.currency, ZERO)
    return number * known.plan.amount.amount - _paid(case, known, by) - tolerance


def _paid(case: Case, known: AgreedPlan, by: date) -> Decimal:
    """Return what was paid since a plan was agreed, by a date: payments, or arrears that fell by more.

    What is paid at a counter may show in the bank's next extract only.
    """
    plan = known.plan
    payments = {each.payment_id: each for each in (*case.account.payments, *case.payments)}
    paid = sum(
        (
            each.amount.amount
            for each in payments.values()
            if plan.agreed_on <= each.paid_on <= by and each.amount.currency == plan.amount.currency
        ),
        ZERO,
    )
    arrears = case.arrears(by)
    return max(paid, known.owed - arrears.amount) if arrears.currency == plan.amount.currency else paid


# --- while it is kept ------------------------------------------------------------------------------------------------
def plan_reminder(case: Case, policy: Policy, known: AgreedPlan, on: date) -> Act | None:
    """Return the text that reminds of the next instalment, when it is due; None where it is paid, or none can go."""
    number = _next_instalment(case, policy, known, on)
    if number is None:
        return None
    day = _reminder_on(case, policy, known, number)
    if day is None or on < day or on > known.plan.due_on(number) or cannot_be_contacted(case, policy, "send_sms", on):
        return None
    step = _step(case, known, number)
    reason = f"reminder of instalment {number} of {known.plan.instalments}, due {known.plan.due_on(number)}"
    return Act("send_sms", case.stage, step, f"{case.case_id}.{step}", reason, _terms(policy).template)


def plan_dates(case: Case, policy: Policy, known: AgreedPlan, on: date) -> list[date | None]:
    """Return the dates on which a plan is looked at: its reminder, and the day after an instalment's last day."""
    plan = known.plan
    number = _next_instalment(case, policy, known, on)
    if number is None:
        return [on + ONE_DAY]
    dates = [_reminder_on(case, policy, known, number), _last_day(policy, plan, number) + ONE_DAY, plan.cancelled_on]
    if number < plan.instalments:
        dates.append(_reminder_on(case, policy, known, number + 1))
    return dates


def next_instalment(case: Case, policy: Policy, on: date) -> tuple[date, Money] | None:
    """Return date and amount of the next instalment of the plan that is kept; None where there is none."""
    known = case.standing_plan(on)
    number = None if known is None else _next_instalment(case, policy, known, on)
    return None if known is None or number is None else (known.plan.due_on(number), known.plan.amount)


def _next_instalment(case: Case, policy: Policy, known: AgreedPlan, on: date) -> int | None:
    """Return the number of the first instalment that is not paid yet; None where all are."""
    numbers = range(1, known.plan.instalments + 1)
    return next((number for number in numbers if _missing(case, policy, known, number, on) > 0), None)


def _reminder_on(case: Case, policy: Policy, known: AgreedPlan, number: int) -> date | None:
    days = _terms(policy).remind_days_before
    if days is None or case.steps_done(_step(case, known, number)):
        return None
    return max(known.plan.due_on(number) - timedelta(days=days), known.plan.agreed_on + ONE_DAY)


def _step(case: Case, known: AgreedPlan, number: int) -> str:
    place = [each.plan.plan_id for each in case.plans].index(known.plan.plan_id) + 1
    return f"plan.{place}.{number}"
