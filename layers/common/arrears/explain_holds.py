"""Holds, disasters and instalment plans of a policy, told to a collections manager."""

from collections.abc import Iterator

from arrears.domain.facts import HoldReason
from arrears.domain.policy import Policy
from arrears.domain.policy_holds import Allowed, Disaster, HoldRule, HoldStep, Instalments
from arrears.domain.policy_parts import Action
from arrears.explain_words import ACTIONS, amounts, days, joined, named

_REASONS: dict[HoldReason, str] = {
    "deceased": "death of the cardholder",
    "legal_stay": "stay by a court",
    "represented": "the cardholder has a lawyer or adviser",
    "natural_disaster": "natural disaster",
    "breathing_space": "breathing space",
    "other": "any other reason",
}
_GOING_ON: dict[Action, str] = {
    "freeze_account": "freezing the account",
    "place_with_agency": "placing with an agency",
    "file_legal": "handing over for court",
}
_AGENCY = {True: "keeps the case", False: "has to give the case back"}


def told_of_holds(policy: Policy) -> Iterator[str]:
    """Yield what holds do; nothing for a policy that says nothing of them."""
    if policy.holds:
        yield "On hold nothing is done, an agency's case is recalled, and the days go on counting, but for these:"
    for reason, rule in policy.holds.items():
        yield f"{_REASONS.get(reason, reason)}: {'; '.join(_rule(rule)) or 'nothing is done'}."
    if len(policy.holds) > 1:
        yield "Under several holds only what each of them lets through is done, and no day is counted twice."
    for disaster in policy.disasters:
        yield _disaster(disaster)


def _rule(rule: HoldRule) -> Iterator[str]:
    if rule.allows:
        yield f"{joined([_allowed(each) for each in rule.allows])} may go on"
    yield from (_step(step) for step in rule.steps)
    if rule.enters_stages:
        yield "the case goes on to further stages"
    if not rule.recalls:
        yield "an agency keeps the case"
    if not rule.counts_days:
        yield "its days are not counted as overdue when the next stage is looked for"
    if rule.ends_after_days is not None:
        yield f"over after {days(rule.ends_after_days)}, if not lifted before"
    if rule.review_after_days is not None:
        by = f" and {days(rule.review_within_days)}" if rule.review_within_days is not None else ""
        when = f"between {days(rule.review_after_days)}{by}" if by else f"after {days(rule.review_after_days)}"
        yield f"somebody looks at it {when}"
    if rule.not_again_within_months is not None:
        months = "1 month" if rule.not_again_within_months == 1 else f"{rule.not_again_within_months} months"
        yield f"not again within {months} of the end of the last one"


def _allowed(allowed: Allowed) -> str:
    what = _GOING_ON.get(allowed.action) or f"{ACTIONS[allowed.action]}s"
    return named(what, allowed.template)


def _step(step: HoldStep) -> str:
    when = f" after {days(step.after_days)}" if step.after_days else " at once"
    again = f", then every {days(step.every_days)}" if step.every_days is not None else ""
    most = f", {step.at_most} times at most" if step.at_most is not None else ""
    return f"a {named(ACTIONS[step.action], step.template)} goes out{when}{again}{most}"


def _disaster(disaster: Disaster) -> str:
    where = joined([*disaster.regions, *(f"postal codes {code}..." for code in disaster.postal_codes)])
    until = f"through {disaster.to:%d %B %Y}" if disaster.to is not None else "until further notice"
    return f"Accounts in {where} are on hold from {disaster.from_:%d %B %Y} {until}: {disaster.name}."


def told_of_plans(policy: Policy) -> Iterator[str]:
    """Yield which plans are accepted and how they are kept; nothing for a policy that accepts none."""
    rule = policy.instalments
    if rule is not None:
        yield from _accepted(rule)
        yield from _kept(rule)


def _accepted(rule: Instalments) -> Iterator[str]:
    yield f"A plan of at most {rule.at_most} instalments may be agreed" + (
        f" in {joined(rule.stages)}." if rule.stages else " in every stage."
    )
    if rule.minimum_arrears:
        yield f"At least {amounts(rule.minimum_arrears)} must be owed."
    if rule.minimum_instalment:
        yield f"An instalment is at least {amounts(rule.minimum_instalment)}."
    if rule.minimum_share is not None:
        yield f"All instalments together are at least {rule.minimum_share:.0%} of what is owed."
    if rule.first_within_days is not None:
        yield f"The first one is due within {days(rule.first_within_days)}."
    if rule.plans_per_case is not None:
        plans = "1 plan" if rule.plans_per_case == 1 else f"{rule.plans_per_case} plans"
        yield f"A case gets {plans} at most."


def _kept(rule: Instalments) -> Iterator[str]:
    if rule.remind_days_before is None:
        yield "While a plan is kept nothing is sent."
    else:
        text = named("text message", rule.template)
        before = days(rule.remind_days_before)
        yield f"While a plan is kept nothing is sent but a {text} {before} before each instalment."
    grace = f" {days(rule.grace_days)} after it was due" if rule.grace_days else " on the day on which it is due"
    yield f"An instalment that is not paid{grace} ends the plan, and the case goes on in the stage in which it was."
    if rule.tolerance:
        yield f"It counts as paid when no more than {amounts(rule.tolerance)} is lacking in all."
    yield f"An agency {_AGENCY[rule.agency == 'keeps']} while a plan is kept."
    counted = "are counted" if rule.counts_days else "are not counted"
    yield f"The days of a plan {counted} as overdue when the next stage is looked for."
