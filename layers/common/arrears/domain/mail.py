"""Whether a letter that was queued still goes to the mailing house."""

from datetime import date

from arrears.domain.case import Case
from arrears.domain.contact import cannot_be_contacted
from arrears.domain.decide import stands_still
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.turn import take_turn


def why_not_mailed(case: Case, policy: Policy, on: date, template: str | None) -> str | None:
    """Return why a queued letter of a case is taken out before it is sent; None for one that goes."""
    if case.is_open:
        case, _, _ = take_turn(case, policy, Moment(on))
    if not case.is_open:
        return f"the case is closed: {case.closed_reason}"
    return (
        stands_still(case, policy, on, "queue_letter", template)
        or cannot_be_contacted(case, policy, "queue_letter", on)
        or None
    )
