"""The kinds of files and their columns (docs/files.md)."""

from typing import Literal

Kind = Literal[
    "portfolio",
    "payments",
    "holds",
    "plans",
    "calls",
    "letters",
    "receipts",
    "optouts",
    "freezes",
    "returns",
    "court",
    "approvals",
]

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
    "plans": (
        *("plan_id", "account_id", "status", "agreed_on", "instalments", "amount", "currency", "first_due", "every"),
        "cancelled_on",
    ),
    "calls": (*("call_id", "account_id", "called_at", "phone", "result", "promised_amount", "promised_on", "agent"),),
    "letters": ("letter_id", "status", "at", "tracking_number"),
    "receipts": ("action_id", "status", "final", "at"),
    "optouts": ("account_id", "at"),
    "freezes": ("action_id", "status", "at"),
    "returns": ("return_id", "case_id", "at", "outcome", "amount", "currency", "note"),
    "court": ("court_id", "case_id", "status", "at", "reference", "amount", "currency", "note"),
    "approvals": ("case_id", "decision", "at", "by", "why"),
}

#: Further columns that are read where a file has them.
OPTIONAL: dict[Kind, tuple[str, ...]] = {"holds": ("until", "review_on"), "receipts": ("reason",)}
