"""What is taken of an agency's word on a case. The stack and the simulator ask the same.

An agency writes what it likes, of cases that it had too: nothing that it says may take a case away from another one,
fill what is kept of a case, or earn more than was owed.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from arrears.domain.case import Case, Placement
from arrears.domain.events import AgencyReported
from arrears.domain.money import Money

#: So long after a placement ended the agency may still tell of what it heard.
LATE = timedelta(days=7)
#: So many reports of one agency on one case count.
MOST_REPORTS = 200

Effect = Literal["recorded", "held", "listed"]


def why_not_taken(  # noqa: PLR0911 - one for each thing that can be wrong
    case: Case | None, mine: Sequence[Placement], report: AgencyReported, paid: Money | None, earlier: int
) -> tuple[str, str] | None:
    """Return the field and the reason for which a report is refused; None where it is taken.

    Args:
        case: the case that it names; None where there is none.
        mine: the placements of the case with the agency.
        report: what it says.
        paid: the payment in it.
        earlier: how many reports of the agency on the case were taken before.
    """
    if case is None or not mine:
        return "case_id", "is no case that this agency was given"
    if report.outcome == "returned" and case.placement not in mine:
        return "case_id", "is no case that this agency still has"
    if report.on < (mine[-1] if report.outcome == "returned" else mine[0]).placed_on:
        return "at", "is before the case was placed"
    if earlier >= MOST_REPORTS:
        return "return_id", f"is one too many: {MOST_REPORTS} reports of this agency on the case count; tell the bank"
    if report.outcome in ("promise", "uncontactable") and not _had_on(mine, report.on):
        return "at", f"is more than {LATE.days} days after the agency had the case"
    most = max(placement.owed for placement in mine)
    if paid is not None and most and paid.amount > most:
        return "amount", f"is more than the {most} {paid.currency} that were owed; talk to the bank"
    return None


def what_a_dispute_does(
    case: Case, current: Case | None, mine: Sequence[Placement], report: AgencyReported, today: date
) -> Effect | tuple[str, str]:
    """Return what becomes of a dispute that an agency reports; or the field and the reason for which it is refused.

    It is a hold while the agency has the case, and for some days after, unless another one has it by then. Later it is
    for an operator: a dispute is not lost, and who had the case cannot take it from who has it.

    Args:
        case: the case that it names.
        current: the account's open case; None where there is none.
        mine: the placements of the case with the agency.
        report: what it says.
        today: the business date.
    """
    account = (current or case).account
    for hold in account.holds:
        is_mine = hold.hold_id.startswith(f"agency:{report.agency_id}:")
        if is_mine and not (hold.lifted and max(hold.lifted) >= max(hold.placed)):
            return "return_id", "tells of a dispute while the one that this agency reported before still stands"
    placement = None if current is None else current.placement
    if placement is not None:
        has_it = placement.agency_id in {each.agency_id for each in mine}
    else:
        has_it = _had_on(mine, report.on) and _had_on(mine[-1:], today)
    if has_it:
        return "held"
    if current is None:
        return "at", f"is more than {LATE.days} days after the agency had the case, which is closed; tell the bank"
    why = dispute_listed(report)
    return "recorded" if any(each.reason == why for each in current.listed) else "listed"


def dispute_listed(report: AgencyReported) -> str:
    """Return why a dispute puts a case on the operator's list; one entry for an agency."""
    return f"{report.agency_id or 'the agency'}, which does not have the case any more, reports a dispute"


def _had_on(mine: Sequence[Placement], on: date) -> bool:
    return any(each.placed_on <= on and (each.ended_on is None or on <= each.ended_on + LATE) for each in mine)
