"""What would be done for a case from a date on, if nothing new came in: for explanations and dry runs."""

from collections.abc import Iterator
from datetime import date

from arrears.domain.agencies import allocate, candidate
from arrears.domain.case import Case, evolve
from arrears.domain.decide import Act, Close, Wait
from arrears.domain.events import ActionDone, Event
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.turn import planned, take_turn

#: More actions of one case on one date than any policy can ask for: deciding would never come to an end.
_ENDLESS = 1000


def play_ahead(case: Case, policy: Policy, first: date, last: date) -> Iterator[tuple[date, Event]]:
    """Yield what would follow for an open case, with its dates: stages entered, actions planned and done, the close.

    Every action is taken to succeed, and an agency to have room. What is pending or parked stays so.

    Args:
        case: as it stands.
        policy: that is played.
        first: the first date played.
        last: the last one.
    """
    on: date | None = first
    while on is not None and on <= last:
        case, events, on = _play_date(case, policy, on)
        yield from events


def _play_date(case: Case, policy: Policy, on: date) -> tuple[Case, list[tuple[date, Event]], date | None]:
    """Play a date; return the case after it, what happened, and the next date to look at; None for never."""
    happened: list[Event] = []
    decision: Act | Wait | Close = Wait(None, "")
    for _ in range(_ENDLESS):
        case, events, decision = take_turn(case, policy, Moment(on))
        happened += events
        if not isinstance(decision, Act):
            break
        done: list[Event] = [planned(decision, Moment(on)), ActionDone(decision.action_id, on)]
        for event in done:
            case = evolve(case, event)
        happened += done
        placement = case.placement
        if placement is not None and not placement.agency_id:
            ((_, answer),) = allocate(policy, on, [candidate(case, placement, on)], {})
            case = evolve(case, answer)
            happened.append(answer)
    until = decision.until.on if isinstance(decision, Wait) and decision.until is not None else None
    return case, [(on, event) for event in happened], until if until is None or until > on else None
