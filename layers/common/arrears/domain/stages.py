"""Which stage a case is in: the furthest one that can be entered (rules 2, 3, 5 and 6)."""

from datetime import date, timedelta
from functools import lru_cache

from arrears.domain.agencies import agency_fails_on
from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY, add_months
from arrears.domain.events import StageEntered
from arrears.domain.holds import reached_with_stops
from arrears.domain.legal import files, is_barred
from arrears.domain.policy import Policy, Requirement, Stage
from arrears.domain.value import value


def next_stage(case: Case, policy: Policy, on: date) -> StageEntered | None:
    """Return the furthest stage beyond the current one that can be entered on a date (rule 3)."""
    for name in reversed(policy.stages_after(case.stage)):
        stage = policy.stages[name]
        starts_on = _old_enough_on(case, policy, stage, on)
        if starts_on is not None and starts_on <= on:
            starts_on = stage_starts_on(case, policy, stage, on)
            if starts_on is not None and starts_on <= on and minimum_reached(case, stage, on):
                if files(stage) and is_barred(case, policy, on):
                    continue
                return StageEntered(name, on, f"stage {name}: {_threshold_in_words(case, policy, stage, on)}")
    return None


def stage_starts_on(case: Case, policy: Policy, stage: Stage, on: date) -> date | None:
    """Return the first date on which threshold and requirements hold, by what is known on a date; None for never."""
    starts_on = _old_enough_on(case, policy, stage, on)
    if starts_on is not None and stage.from_.agency is not None:
        starts_on = _later(starts_on, agency_fails_on(case, policy, on))
    for requirement in stage.requires:
        if starts_on is not None:
            starts_on = _later(starts_on, _required_from(case, requirement))
    return starts_on


def _later(one: date, other: date | None) -> date | None:
    return None if other is None else max(one, other)


def _old_enough_on(case: Case, policy: Policy, stage: Stage, on: date) -> date | None:
    """Return the first date on which the arrears are old enough for a stage; None while nothing is due."""
    days, months = stage.from_.days_past_due, stage.from_.months_past_due
    if days is None and months is None:
        return date.min
    extract = case.account.extract(on)
    if extract is None or extract.oldest_due is None:
        return None
    if not policy.stops_clock:
        return overdue_since(extract.oldest_due, days, months)
    return _reached(case, policy, extract.oldest_due, days, months, on)


def _reached(
    case: Case, policy: Policy, oldest_due: date, days: int | None, months: int | None, on: date
) -> date | None:
    """Return the first date on which a payment is old enough, holds and plans that stop the clock reckoned in."""
    reached = overdue_since(oldest_due, days, months)
    return reached_with_stops(case, policy, oldest_due, reached, on) if policy.stops_clock else reached


@lru_cache(maxsize=4096)
def overdue_since(oldest_due: date, days: int | None, months: int | None) -> date:
    """Return the first date on which a payment is so many days, and more than so many months, past due (rule 2)."""
    by_days = date.min if days is None else oldest_due + timedelta(days=days)
    by_months = date.min if months is None else add_months(oldest_due, months) + ONE_DAY
    return max(by_days, by_months)


def _required_from(case: Case, requirement: Requirement) -> date | None:
    """Return the date from which a requirement is met (rule 5); None while the action has not been done.

    The stage is found once a date, before its steps: what is done on a date counts from the next one on.
    """
    wanted = (
        done
        for done in case.done
        if done.action == requirement.action and done.counts and requirement.template in (None, done.template)
    )
    if requirement.counts_from == "done":
        first = min((done.on for done in wanted), default=None)
    else:
        letters = {done.action_id for done in wanted}
        statuses = {requirement.counts_from, "delivered", *(("returned",) if requirement.or_returned else ())}
        first = min(
            (report.on for report in case.letters if report.letter_id in letters and report.status in statuses),
            default=None,
        )
    return None if first is None else first + timedelta(days=max(requirement.at_least_days_ago, 1))


def minimum_reached(case: Case, stage: Stage, on: date) -> bool:
    """Say whether the arrears reach what the stage asks for (rules 3 and 9)."""
    if not stage.minimum_arrears:
        return True
    arrears = case.arrears(on)
    minimum = stage.minimum_arrears.get(arrears.currency)
    return minimum is None or arrears.amount >= minimum


def _threshold_in_words(case: Case, policy: Policy, stage: Stage, on: date) -> str:
    threshold, words = stage.from_, []
    extract = case.account.extract(on)
    if extract is not None and extract.oldest_due is not None:
        due = extract.oldest_due
        if threshold.days_past_due is not None:
            reached = _reached_in_words(case, policy, due, due + timedelta(days=threshold.days_past_due), on)
            words.append(f"{threshold.days_past_due} DPD reached on {reached}")
        if threshold.months_past_due is not None:
            reached = _reached_in_words(case, policy, due, add_months(due, threshold.months_past_due) + ONE_DAY, on)
            words.append(f"more than {threshold.months_past_due} months past due since {reached}")
    if threshold.agency is not None:
        words.append(f"the agency failed on {agency_fails_on(case, policy, on)}")
    words += [f"{need.action} done at least {need.at_least_days_ago} days before {on}" for need in stage.requires]
    minimum = stage.minimum_arrears.get(case.arrears(on).currency)
    if minimum is not None:
        words.append(f"arrears {case.arrears(on)} reach the minimum of {minimum}")
    return "; ".join(words)


@value
class Condition:
    """What a stage asks for before a case enters it, and whether that holds.

    Attributes:
        what: in words.
        holds: on the date it was asked for.
        since: the first date on which it holds by what is known; None where nothing that is known leads to it, or
            where it holds or not whatever the date.
    """

    what: str
    holds: bool
    since: date | None = None


def stage_conditions(case: Case, policy: Policy, name: str, on: date) -> list[Condition]:
    """Return all that must hold for a case to enter a stage on a date, as `next_stage` looks at it."""
    stage = policy.stages[name]
    threshold, asked = stage.from_, list[Condition]()
    extract = case.account.extract(on)
    due = None if extract is None else extract.oldest_due

    def dated(what: str, since: date | None) -> None:
        asked.append(Condition(what, since is not None and since <= on, since))

    if threshold.days_past_due is not None:
        days = threshold.days_past_due
        dated(f"{days} days past due", None if due is None else _reached(case, policy, due, days, None, on))
    if threshold.months_past_due is not None:
        months = threshold.months_past_due
        dated(
            f"overdue for more than {months} months",
            None if due is None else _reached(case, policy, due, None, months, on),
        )
    if threshold.agency is not None:
        dated(
            "the agency has given the case back, its time is over, or an operator has taken it back",
            agency_fails_on(case, policy, on),
        )
    for need in stage.requires:
        dated(_requirement_in_words(need), _required_from(case, need))
    minimum = stage.minimum_arrears.get(case.arrears(on).currency)
    if minimum is not None:
        asked.append(Condition(f"arrears of at least {minimum:,}", minimum_reached(case, stage, on)))
    if files(stage) and is_barred(case, policy, on):
        asked.append(Condition("a claim that is not barred by its age", holds=False))
    return asked


def _requirement_in_words(need: Requirement) -> str:
    which = f" {need.template}" if need.template else ""
    word = {"done": "carried out", "dispatched": "posted", "delivered": "delivered"}[need.counts_from]
    days = max(need.at_least_days_ago, 1)
    return f"{need.action}{which} {word} at least {days} {'day' if days == 1 else 'days'} ago"


def _reached_in_words(case: Case, policy: Policy, oldest_due: date, reached: date, on: date) -> str:
    later = reached_with_stops(case, policy, oldest_due, reached, on) if policy.stops_clock else reached
    if later is None or later == reached:
        return str(reached)
    days = (later - reached).days
    return f"{later}, {days} day{'s' if days > 1 else ''} on hold or under a plan not counted"
