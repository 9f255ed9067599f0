"""The kinds of files, and what makes two rows the same fact."""

from collections.abc import Callable

from arrears.files.cells import Row
from arrears.files.columns import Kind
from arrears.files.plan_rows import PlanRow, parse_plan
from arrears.files.records import (
    ApprovalRow,
    CallRow,
    CourtRow,
    FreezeRow,
    HoldRow,
    LetterRow,
    OptOutRow,
    PaymentRow,
    PortfolioRow,
    ReceiptRow,
    ReturnRow,
    parse_approval,
    parse_call,
    parse_court,
    parse_freeze,
    parse_hold,
    parse_letter,
    parse_opt_out,
    parse_payment,
    parse_portfolio,
    parse_receipt,
    parse_return,
)

Record = (
    PortfolioRow
    | PaymentRow
    | HoldRow
    | PlanRow
    | CallRow
    | LetterRow
    | ReceiptRow
    | OptOutRow
    | FreezeRow
    | ReturnRow
    | CourtRow
    | ApprovalRow
)

_PARSERS: dict[Kind, Callable[[Row], Record]] = {
    "portfolio": parse_portfolio,
    "payments": parse_payment,
    "holds": parse_hold,
    "plans": parse_plan,
    "calls": parse_call,
    "letters": parse_letter,
    "receipts": parse_receipt,
    "optouts": parse_opt_out,
    "freezes": parse_freeze,
    "returns": parse_return,
    "court": parse_court,
    "approvals": parse_approval,
}


def parse(kind: Kind, row: Row) -> Record:
    """Check a row of a kind; raises `RowError`."""
    return _PARSERS[kind](row)


def key_of(record: Record) -> tuple[str, ...]:  # noqa: PLR0911 - one for each kind of row
    """Return what a row is about. Two rows of one key are the same fact told twice, or contradict each other."""
    match record:
        case PortfolioRow(account_id, extract):
            return (account_id, extract.as_of.isoformat())
        case PaymentRow(payment_id, account_id):
            return (account_id, payment_id)
        case HoldRow(hold_id, account_id, _, status, at):
            return (account_id, hold_id, status, at.isoformat())
        case PlanRow(plan_id, account_id):
            return (account_id, plan_id, record.status)
        case CallRow(call_id, account_id):
            return (account_id, call_id)
        case LetterRow(letter_id, status):
            return (letter_id, status)
        case ReceiptRow(action_id, status) | FreezeRow(action_id, status):
            return (action_id, status)
        case OptOutRow(account_id, at):
            return (account_id, at.isoformat())
        case ReturnRow(return_id, case_id):
            return (case_id, return_id)
        case CourtRow(court_id, case_id):
            return (case_id, court_id)
        case ApprovalRow(case_id, _, _, at):
            return (case_id, at.isoformat())
