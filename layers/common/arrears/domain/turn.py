"""One turn of a case: record all that follows by itself, up to the next action, wait or close."""

from arrears.domain.case import Case, evolve
from arrears.domain.decide import Act, Close, Decision, Record, Wait, decide
from arrears.domain.events import ActionPlanned, CaseClosed, Event
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy


def take_turn(case: Case, policy: Policy, now: Moment) -> tuple[Case, list[Event], Act | Wait | Close]:
    """Decide until there is something to do, to wait for, or an end.

    Returns:
        the case after the events, the events to append, and the decision that ended the turn. A `Close` has its
        event among them.
    """
    events: list[Event] = []
    decision: Decision = decide(case, policy, now)
    while isinstance(decision, Record):
        events.append(decision.event)
        case = evolve(case, decision.event)
        decision = decide(case, policy, now)
    if isinstance(decision, Close):
        closed = CaseClosed(now.on, decision.reason)
        events.append(closed)
        case = evolve(case, closed)
    return case, events, decision


def planned(act: Act, now: Moment) -> ActionPlanned:
    """Return the event that says an action is about to be carried out."""
    return ActionPlanned(
        act.action_id,
        act.action,
        act.stage,
        act.step,
        now.on,
        act.reason,
        act.template,
        act.agency_id,
        act.phone,
    )
