"""The morning's list of calls: which queued calls are still to be made, and in which order.

A case is on it with its last queued call, as long as that has no result and the case may be called today: not paid,
not held, no promise standing, nobody's day off. Best first: what did not fit yesterday, then the amount, the risk
grade, the broken promises, and the days that are left until the next stage. Amounts of several currencies are not
compared: the best of each take turns.
"""

from collections.abc import Collection, Iterable
from datetime import date

from arrears.domain.calls import numbers_to_call
from arrears.domain.case import Case, Done
from arrears.domain.contact import cannot_be_contacted
from arrears.domain.decide import stands_still
from arrears.domain.facts import Phone, RiskGrade
from arrears.domain.keeping import pause_on, windows
from arrears.domain.moment import Moment
from arrears.domain.money import Money
from arrears.domain.policy import Policy
from arrears.domain.policy_parts import WEEKDAYS
from arrears.domain.stages import stage_starts_on
from arrears.domain.turn import take_turn
from arrears.domain.value import value

_GRADES: dict[RiskGrade, int] = {"high": 0, "medium": 1, "low": 2}
#: Sorts behind every number of days there can be.
_NEVER = 10**6


@value
class Entry:
    """A call to make.

    Attributes:
        action_id: of the call task.
        phone: whom to call; None where the policy names no number.
        days_to_next_stage: until the case can go on by itself; None for never.
    """

    case_id: str
    account_id: str
    action_id: str
    phone: Phone | None
    queued_on: date
    stage: str
    arrears: Money
    risk_grade: RiskGrade
    broken_promises: int
    days_to_next_stage: int | None


def entry_of(case: Case, policy: Policy, on: date) -> Entry | None:
    """Return the call to make for a case on a date; None where there is none."""
    if not any(done.action == "queue_call" for done in case.done):
        return None
    # What came in over night is settled first: a promise may stand, or the money may be there.
    case, _, _ = take_turn(case, policy, Moment(on))
    last = [done for done in case.done if done.action == "queue_call"][-1]
    if (
        not case.is_open
        or case.stage is None
        or stands_still(case, policy, on, "queue_call")
        or not _is_open(case, policy, last, on)
    ):
        return None
    starts = (stage_starts_on(case, policy, policy.stages[name], on) for name in policy.stages_after(case.stage))
    later = [(day - on).days for day in starts if day is not None and day > on]
    extract = case.account.extract(on)
    return Entry(
        case.case_id,
        case.account_id,
        last.action_id,
        last.phone,
        last.on,
        case.stage,
        case.arrears(on),
        (extract.risk_grade if extract is not None else None) or "medium",
        sum(promise.outcome == "broken" for promise in case.promises),
        min(later, default=None),
    )


def _is_open(case: Case, policy: Policy, call: Done, on: date) -> bool:
    """Say whether a queued call can be made on a date."""
    contact = policy.contact
    if contact.days and WEEKDAYS[on.weekday()] not in contact.days:
        return False
    if on in contact.holidays or call.withdrawn_on is not None or call.stage != case.stage:
        return False
    if case.result_of(call, on) is not None or cannot_be_contacted(case, policy, "queue_call", on):
        return False
    if policy.bound is not None and (
        pause_on(case, policy.bound, on) or not windows(policy.bound, "queue_call", case.account.extract(on), on)
    ):
        return False
    return call.phone is None or policy.calls is None or call.phone in numbers_to_call(case, policy, on)


def ranked(
    entries: Iterable[Entry], left_over: Collection[str], capacity: int | None
) -> tuple[list[Entry], list[Entry]]:
    """Return the calls of the day, best first, and those that do not fit.

    Args:
        entries: the calls to make.
        left_over: the cases that did not fit on the list before; they come first.
        capacity: how many calls the day has room for; None for any number.
    """
    by_currency: dict[str, list[Entry]] = {}
    for entry in entries:
        by_currency.setdefault(entry.arrears.currency, []).append(entry)
    places = [
        ((entry.case_id not in left_over), place, currency, entry)
        for currency, those in by_currency.items()
        for place, entry in enumerate(sorted(those, key=_goodness))
    ]
    ordered = [entry for *_, entry in sorted(places, key=lambda place: place[:3])]
    return (ordered, []) if capacity is None else (ordered[:capacity], ordered[capacity:])


def _goodness(entry: Entry) -> tuple[object, ...]:
    days = _NEVER if entry.days_to_next_stage is None else entry.days_to_next_stage
    return (-entry.arrears.amount, _GRADES[entry.risk_grade], -entry.broken_promises, days, entry.case_id)
