"""The kinds of files, their columns, and what makes two rows the same fact."""

from collections.abc import Callable
from typing import Literal

from arrears.files.cells import Row
from arrears.files.records import (
    CallRow,
    HoldRow,
    LetterRow,
    PaymentRow,
    PortfolioRow,
    ReturnRow,
    parse_call,
    parse_hold,
    parse_letter,
    parse_payment,
    parse_portfolio,
    parse_return,
)

Kind = Literal["portfolio", "payments", "holds", "calls", "letters", "returns"]
Record = PortfolioRow | PaymentRow | HoldRow | CallRow | LetterRow | ReturnRow

#: The columns that a CSV file of each kind must have; it may have more.
COLUMNS: dict[Kind, tuple[str, ...]] = {
    "portfolio": (
        *("account_id", "as_of", "currency", "balance", "past_due_amount", "minimum_due", "oldest_due_date"),
        *("credit_limit", "card_last4", "cardholder_name", "address_line1", "address_line2", "city", "region"),
        *("postal_code", "country", "language", "timezone", "phone_mobile", "phone_work", "phone_home"),
        *("phone_family", "phone_contact", "risk_grade", "sms_opt_out"),
    ),
    "payments": ("payment_id", "account_id", "paid_at", "amount", "currency"),
    "holds": ("hold_id", "account_id", "reason", "status", "at", "note"),
    "calls": (*("call_id", "account_id", "called_at", "phone", "result", "promised_amount", "promised_on", "agent"),),
    "letters": ("letter_id", "status", "at", "tracking_number"),
    "returns": ("return_id", "case_id", "at", "outcome", "amount", "currency", "note"),
}

_PARSERS: dict[Kind, Callable[[Row], Record]] = {
    "portfolio": parse_portfolio,
    "payments": parse_payment,
    "holds": parse_hold,
    "calls": parse_call,
    "letters": parse_letter,
    "returns": parse_return,
}


def parse(kind: Kind, row: Row) -> Record:
    """Check a row of a kind; raises `RowError`."""
    return _PARSERS[kind](row)


def key_of(record: Record) -> tuple[str, ...]:
    """Return what a row is about. Two rows of one key are the same fact told twice, or contradict each other."""
    match record:
        case PortfolioRow(account_id, extract):
            return (account_id, extract.as_of.isoformat())
        case PaymentRow(payment_id, account_id):
            return (account_id, payment_id)
        case HoldRow(hold_id, account_id, _, status, at):
            return (account_id, hold_id, status, at.isoformat())
        case CallRow(call_id, account_id):
            return (account_id, call_id)
        case LetterRow(letter_id, status):
            return (letter_id, status)
        case ReturnRow(return_id, case_id):
            return (case_id, return_id)
