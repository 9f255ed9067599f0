"""The bank's and the agencies' files: reading them line by line, and checking every row (docs/files.md).

The import functions and the simulator read with the same code, so that a row is good or refused for both alike.

    for line, row in read_rows(path):
        if isinstance(row, RowError):
            ...  # the line itself is bad
        else:
            record = parse_payment(row)  # or raises RowError
"""

from arrears.files.columns import COLUMNS, OPTIONAL, Kind
from arrears.files.duplicates import Duplicates
from arrears.files.errors import RowError
from arrears.files.kinds import Record, key_of, parse
from arrears.files.plan_rows import PlanRow, parse_plan
from arrears.files.reader import Rows, read_rows
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
    Profile,
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

__all__ = [
    "COLUMNS",
    "OPTIONAL",
    "ApprovalRow",
    "CallRow",
    "CourtRow",
    "Duplicates",
    "FreezeRow",
    "HoldRow",
    "Kind",
    "LetterRow",
    "OptOutRow",
    "PaymentRow",
    "PlanRow",
    "PortfolioRow",
    "Profile",
    "ReceiptRow",
    "Record",
    "ReturnRow",
    "RowError",
    "Rows",
    "key_of",
    "parse",
    "parse_approval",
    "parse_call",
    "parse_court",
    "parse_freeze",
    "parse_hold",
    "parse_letter",
    "parse_opt_out",
    "parse_payment",
    "parse_plan",
    "parse_portfolio",
    "parse_receipt",
    "parse_return",
    "read_rows",
]
