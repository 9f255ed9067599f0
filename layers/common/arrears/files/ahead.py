"""How far ahead of the business date a fact may be dated when it comes in.

Facts may come early and are kept until their date (docs/files.md): a month's payments at its beginning, or all extracts
of some months at once. A year that is written wrongly lies further ahead than that.
"""

from datetime import date, timedelta

from arrears.files.errors import RowError
from arrears.files.kinds import Record
from arrears.files.plan_rows import PlanRow
from arrears.files.records import ApprovalRow, CallRow, HoldRow, PaymentRow, PortfolioRow

#: Ten months: what comes early is nearer, and a file of today with a wrong year is further ahead.
MOST_DAYS_AHEAD = 300
#: What an agency reports has happened; where it is may be tomorrow already.
MOST_DAYS_AHEAD_OF_AGENCY = 1


def dated(record: Record) -> tuple[str, date] | None:
    """Return the column that dates a row, and what it says; None for one that may tell of any later date.

    The end of a hold and the terms of a plan lie in the future; an approval waits for its date by itself.
    """
    match record:
        case PortfolioRow(_, extract):
            return "as_of", extract.as_of
        case PaymentRow(paid_at=at):
            return "paid_at", at
        case CallRow(called_at=at):
            return "called_at", at
        case HoldRow(status="lifted") | PlanRow() | ApprovalRow():
            return None
        case _:
            return "at", record.at


def check_ahead(field: str, on: date, today: date, *, agency: bool = False) -> None:
    """Refuse a date that is too far ahead.

    Args:
        field: the column.
        on: what it says, at the account's place.
        today: the business date there, when the file comes in.
        agency: whether it is an agency's word.

    Raises:
        RowError: it is too far ahead.
    """
    most = MOST_DAYS_AHEAD_OF_AGENCY if agency else MOST_DAYS_AHEAD
    if on > today + timedelta(days=most):
        days = "a day" if most == 1 else f"{most} days"
        raise RowError(field, f"is more than {days} after the business date, which is {today}")
