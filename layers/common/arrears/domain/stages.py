"""Which stage a case is in: the furthest one that can be entered (rules 2, 3, 5 and 6)."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from arrears.domain.agencies import agency_fails_on
from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY, add_months
from arrears.domain.events import StageEntered
from arrears.domain.holds import reached_with_stops
from arrears.domain.legal import files, is_barred
from arrears.domain.policy import Policy, Requirement, Stage
from arrears.domain.value import value

#: What a stage asks for that comes with time: its threshold's parts, and its requirements.
_Asked = Literal["days", "months", "agency"] | Requirement


def next_stage(case: Case, policy: Policy, on: date) -> StageEntered | None:
    """Return the furthest stage beyond the current one that can be entered on a date (rule 3)."""
    for name in reversed(policy.stages_after(case.stage)):
        stage = policy.stages[name]
        if not all(since is not None and since <= on for _, since in _dated(case, policy, stage, on)):
            continue
        if minimum_reached(case, stage, on):
            asked = stage_conditions(case, policy, name, on)
            if all(condition.holds for condition in asked):
                return StageEntered(name, on, f"stage {name}: {'; '.join(each.reason for each in asked)}")
    return None


def stage_starts_on(case: Case, policy: Policy, stage: Stage, on: date) -> date | None:
    """Return the first date on which threshold and requirements hold, by what is known on a date; None for never."""
    starts_on = date.min
    for _, since in _dated(case, policy, stage, on):
        if since is None:
            return None
        starts_on = max(starts_on, since)
    return starts_on


def _dated(case: Case, policy: Policy, stage: Stage, on: date) -> Iterator[tuple[_Asked, date | None]]:
    """Yield what a stage asks for that comes with time, and since when it holds; None for never, by what is known.

    Most cases are not old enough for most stages, so that comes first, and what follows is often not looked at.
    """
    days, months = stage.from_.days_past_due, stage.from_.months_past_due
    if days is not None or months is not None:
        extract = case.account.extract(on)
        due = None if extract is None else extract.oldest_due
        if days is not None:
            yield "days", None if due is None else _reached(case, policy, due, days, None, on)
        if months is not None:
            yield "months", None if due is None else _reached(case, policy, due, None, months, on)
    if stage.from_.agency is not None:
        yield "agency", agency_fails_on(case, policy, on)
    for requirement in stage.requires:
        yield requirement, _required_from(case, requirement)


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

    The stage is found once a date, before its steps: what is done on a date counts from the next one on, and so does
    the mailing house's word.
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


@value
class Condition:
    """What a stage asks for before a case enters it, and whether that holds.

    Attributes:
        what: in words.
        holds: on the date it was asked for.
        since: the first date on which it holds by what is known; None where nothing that is known leads to it, or
            where it holds or not whatever the date.
        reason: that it holds, as the record of the stage's entry says it; says nothing of one that does not.
    """

    what: str
    holds: bool
    since: date | None = None
    reason: str = ""


def stage_conditions(case: Case, policy: Policy, name: str, on: date) -> list[Condition]:
    """Return all that must hold for a case to enter a stage on a date, as `next_stage` looks at it."""
    stage = policy.stages[name]
    asked = [
        Condition(
            _in_words(stage, each),
            since is not None and since <= on,
            since,
            "" if since is None else _reason(case, policy, stage, each, since, on),
        )
        for each, since in _dated(case, policy, stage, on)
    ]
    arrears = case.arrears(on)
    minimum = stage.minimum_arrears.get(arrears.currency)
    if minimum is not None:
        reason = f"arrears {arrears} reach the minimum of {minimum}"
        asked.append(Condition(f"arrears of at least {minimum:,}", minimum_reached(case, stage, on), reason=reason))
    if files(stage) and is_barred(case, policy, on):
        asked.append(Condition("a claim that is not barred by its age", holds=False))
    return asked


def _in_words(stage: Stage, asked: _Asked) -> str:
    match asked:
        case "days":
            return f"{stage.from_.days_past_due} days past due"
        case "months":
            return f"overdue for more than {stage.from_.months_past_due} months"
        case "agency":
            return "the agency has given the case back, its time is over, or an operator has taken it back"
    word = {"done": "carried out", "dispatched": "posted", "delivered": "delivered"}[asked.counts_from]
    return f"{_counted(asked, word)} at least {_days_ago(asked)} ago"


def _reason(case: Case, policy: Policy, stage: Stage, asked: _Asked, since: date, on: date) -> str:
    match asked:
        case "days":
            reached = _reached_in_words(case, policy, since, on, stage.from_.days_past_due, None)
            return f"{stage.from_.days_past_due} DPD reached on {reached}"
        case "months":
            reached = _reached_in_words(case, policy, since, on, None, stage.from_.months_past_due)
            return f"more than {stage.from_.months_past_due} months past due since {reached}"
        case "agency":
            return f"the agency failed on {since}"
    return f"{_counted(asked, asked.counts_from)} at least {_days_ago(asked)} before {on}"


def _counted(need: Requirement, word: str) -> str:
    """Return the action, and the word from which it counts."""
    returned = " or returned" if need.or_returned and need.counts_from != "done" else ""
    return f"{need.action}{f' {need.template}' if need.template else ''} {word}{returned}"


def _days_ago(need: Requirement) -> str:
    days = max(need.at_least_days_ago, 1)
    return f"{days} {'day' if days == 1 else 'days'}"


def _reached_in_words(case: Case, policy: Policy, since: date, on: date, days: int | None, months: int | None) -> str:
    """Return since when a payment is old enough, and how much later than by the calendar that is."""
    extract = case.account.extract(on)
    if extract is None or extract.oldest_due is None or not policy.stops_clock:
        return str(since)
    stood = (since - overdue_since(extract.oldest_due, days, months)).days
    if not stood:
        return str(since)
    return f"{since}, {stood} day{'s' if stood > 1 else ''} on hold or under a plan not counted"
