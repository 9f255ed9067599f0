"""Good rows of every kind, for tests that spoil one cell."""

from typing import Any

from arrears.files import COLUMNS, Kind

GOOD: dict[Kind, dict[str, str]] = {
    "portfolio": {
        "account_id": "TW000001",
        "as_of": "2005-06-19",
        "currency": "TWD",
        "balance": "23456.70",
        "past_due_amount": "2345.67",
        "minimum_due": "2345.67",
        "oldest_due_date": "2005-06-04",
        "credit_limit": "120000.00",
        "card_last4": "0042",
        "cardholder_name": "王小明",
        "address_line1": "No. 7, Sample Road",
        "address_line2": "",
        "city": "Taipei",
        "region": "",
        "postal_code": "100",
        "country": "TW",
        "language": "zh-TW",
        "timezone": "Asia/Taipei",
        "phone_mobile": "+447700900060",
        "phone_work": "",
        "phone_home": "+44 20 7946 0521",
        "phone_family": "",
        "phone_contact": "",
        "risk_grade": "medium",
        "sms_opt_out": "false",
    },
    "payments": {
        "payment_id": "P000001-200506",
        "account_id": "TW000001",
        "paid_at": "2005-06-20T09:30:00+08:00",
        "amount": "1000.00",
        "currency": "TWD",
    },
    "holds": {
        "hold_id": "H-1",
        "account_id": "TW000001",
        "reason": "dispute",
        "status": "placed",
        "at": "2005-06-20",
        "note": "says it is not hers\nsecond line",
    },
    "plans": {
        "plan_id": "IP-1",
        "account_id": "TW000001",
        "status": "agreed",
        "agreed_on": "2005-06-20",
        "instalments": "6",
        "amount": "500.00",
        "currency": "TWD",
        "first_due": "2005-07-20",
        "every": "month",
        "cancelled_on": "",
    },
    "calls": {
        "call_id": "C-1",
        "account_id": "TW000001",
        "called_at": "2005-06-20T18:05:00+08:00",
        "phone": "mobile",
        "result": "promise",
        "promised_amount": "500.00",
        "promised_on": "2005-06-25",
        "agent": "A17",
    },
    "letters": {
        "letter_id": "TW000001-20050605.lawyer_letter.0.1",
        "status": "dispatched",
        "at": "2005-08-06T16:00:00+08:00",
        "tracking_number": "RR123456785TW",
    },
    "returns": {
        "return_id": "R-1",
        "case_id": "TW000001-20050605",
        "at": "2005-10-01",
        "outcome": "payment",
        "amount": "300.00",
        "currency": "TWD",
        "note": "",
    },
}


def good(kind: Kind, **cells: Any) -> dict[str, str | None]:
    """A good row with some cells replaced."""
    assert set(cells) <= set(COLUMNS[kind]), cells
    return {**GOOD[kind], **cells}


def csv_text(kind: Kind, *rows: dict[str, str | None]) -> str:
    """A CSV file of such rows."""

    def cell(value: str | None) -> str:
        value = value or ""
        return '"' + value.replace('"', '""') + '"' if any(mark in value for mark in ',"\n\r') else value

    columns = COLUMNS[kind]
    lines = [",".join(columns), *(",".join(cell(row[column]) for column in columns) for row in rows)]
    return "".join(f"{line}\n" for line in lines)
