"""The rows that agencies get, column by column (schema `agency-case-1`).

Only what an agency needs is in them: no street address (letters are the bank's), no other people's numbers (they are
the bank's to call, in the bank's name), nothing of limits, balances or earlier messages.
"""

from datetime import date
from typing import Final

from arrears.adapters.settings import ActivePolicy
from arrears.domain.case import Case, Placement
from arrears.domain.contact import usual_hours
from arrears.effects.known import Known, written

CASE_SCHEMA: Final = "agency-case-1"

#: The columns of `cases.csv`, in order; `cases.jsonl` has the same facts, and its schema in every row.
CASE_COLUMNS: Final = (
    *("case_id", "account_id", "agency_id", "placement_id", "placed_on", "term_ends_on"),
    *("currency", "arrears", "as_of", "oldest_due_date", "days_past_due", "risk_grade"),
    *("cardholder_name", "card_last4", "language", "timezone", "phone_mobile", "phone_work", "phone_home"),
    *("region", "country", "call_from", "call_until", "mandate", "bank_name", "bank_phone"),
)
#: The columns of `recalls.csv`, in order.
RECALL_COLUMNS: Final = (
    *("case_id", "account_id", "agency_id", "recall_id", "placement_id", "placed_on", "recalled_on", "reason"),
    *("currency", "arrears"),
)


def case_row(
    known: Known, active: ActivePolicy, *, agency_id: str, placement_id: str, mandate: str, bank: tuple[str, str]
) -> dict[str, object]:
    """Return the row of a placement.

    Args:
        known: the case on the date it is placed.
        active: the policy it is placed under.
        agency_id: who gets it.
        placement_id: the id of the action that places it.
        mandate: the reference of the bank's mandate to the agency.
        bank: the bank's name and phone, for questions.
    """
    profile, extract = known.profile, known.extract
    hours = usual_hours(known.case, active.policy, known.on)
    term_end = active.policy.term_end(known.on)
    values: dict[str, object] = {
        "case_id": known.case.case_id,
        "account_id": known.case.account_id,
        "agency_id": agency_id,
        "placement_id": placement_id,
        "placed_on": known.on.isoformat(),
        "term_ends_on": term_end.isoformat() if term_end else None,
        "currency": known.arrears.currency,
        "arrears": written(known.arrears),
        "as_of": extract.as_of.isoformat(),
        "oldest_due_date": known.oldest_due.isoformat(),
        "days_past_due": known.days_past_due,
        "risk_grade": extract.risk_grade,
        "cardholder_name": profile.name,
        "card_last4": profile.card_last4,
        "language": known.language,
        "timezone": extract.timezone,
        "phone_mobile": profile.phone_mobile,
        "phone_work": profile.phone_work,
        "phone_home": profile.phone_home,
        "region": profile.region,
        "country": profile.country,
        "call_from": f"{hours[0]:%H:%M}" if hours else None,
        "call_until": f"{hours[1]:%H:%M}" if hours else None,
        "mandate": mandate,
        "bank_name": bank[0],
        "bank_phone": bank[1],
    }
    return {name: values[name] for name in CASE_COLUMNS}


def recall_row(case: Case, placement: Placement, *, recall_id: str, on: date, reason: str) -> dict[str, object]:
    """Return the row of a recall; it names the placement that it ends.

    Args:
        case: the case that is recalled.
        placement: the placement that ends.
        recall_id: the id of the action that recalls it.
        on: the date on which it ends.
        reason: cured, hold, term or order.
    """
    arrears = case.arrears(on)
    values: dict[str, object] = {
        "case_id": case.case_id,
        "account_id": case.account_id,
        "agency_id": placement.agency_id,
        "recall_id": recall_id,
        "placement_id": placement.action_id,
        "placed_on": placement.placed_on.isoformat(),
        "recalled_on": on.isoformat(),
        "reason": reason,
        "currency": arrears.currency,
        "arrears": written(arrears),
    }
    return {name: values[name] for name in RECALL_COLUMNS}
