"""Rows of the bank's and the agencies' files, with sensible values, and taking them in without a file.

They are about the account of `builders`: in Shanghai, due on 1 June 2005, its case opening on the 2nd.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arrears.files import Kind, parse
from arrears.usecases.drop import Drop
from arrears.usecases.take_in import NumberedRow, TakeIn, account_id_of
from tests.support.builders import ACCOUNT_ID, CASE_ID, DUE, OPENS, PROFILE, SHANGHAI
from tests.support.stack import Stack

Row = dict[str, str | None]

PORTFOLIO: Row = {
    "account_id": ACCOUNT_ID,
    "as_of": OPENS.isoformat(),
    "currency": "CNY",
    "balance": "8000.00",
    "past_due_amount": "1000.00",
    "minimum_due": "500.00",
    "oldest_due_date": DUE.isoformat(),
    "credit_limit": "20000.00",
    "card_last4": PROFILE.card_last4,
    "cardholder_name": PROFILE.name,
    "address_line1": PROFILE.address_line1,
    "address_line2": PROFILE.address_line2,
    "city": PROFILE.city,
    "region": PROFILE.region,
    "postal_code": PROFILE.postal_code,
    "country": "CN",
    "language": "zh-CN",
    "timezone": SHANGHAI,
    "phone_mobile": PROFILE.phone_mobile,
    "phone_work": PROFILE.phone_work,
    "phone_home": PROFILE.phone_home,
    "phone_family": "",
    "phone_contact": "",
    "risk_grade": "medium",
    "sms_opt_out": "false",
}
PAYMENT: Row = {
    "payment_id": "PAY-1",
    "account_id": ACCOUNT_ID,
    "paid_at": "2005-06-03T09:30:00+08:00",
    "amount": "400.00",
    "currency": "CNY",
}
HOLD: Row = {
    "hold_id": "HOLD-1",
    "account_id": ACCOUNT_ID,
    "reason": "dispute",
    "status": "placed",
    "at": "2005-06-03",
    "note": "",
}
PLAN: Row = {
    "plan_id": "IP-1",
    "account_id": ACCOUNT_ID,
    "status": "agreed",
    "agreed_on": "2005-06-10",
    "instalments": "4",
    "amount": "250.00",
    "currency": "CNY",
    "first_due": "2005-07-01",
    "every": "month",
    "cancelled_on": "",
}
CALL: Row = {
    "call_id": "CALL-1",
    "account_id": ACCOUNT_ID,
    "called_at": "2005-06-03T10:00:00+08:00",
    "phone": "mobile",
    "result": "right_party",
    "promised_amount": "",
    "promised_on": "",
    "agent": "7",
}
LETTER: Row = {
    "letter_id": f"{CASE_ID}.lawyer_letter.0.1",
    "status": "dispatched",
    "at": "2005-08-01",
    "tracking_number": "RR123456785CN",
}
RETURN: Row = {
    "return_id": "RET-1",
    "case_id": CASE_ID,
    "at": "2005-06-03",
    "outcome": "payment",
    "amount": "150.00",
    "currency": "CNY",
    "note": "",
}
ROWS: Mapping[Kind, Row] = {
    "portfolio": PORTFOLIO,
    "payments": PAYMENT,
    "holds": HOLD,
    "plans": PLAN,
    "calls": CALL,
    "letters": LETTER,
    "returns": RETURN,
}


def csv_of(*rows: Row) -> bytes:
    """A CSV file of some rows without commas in them."""
    lines = [",".join(rows[0]), *(",".join(value or "" for value in row.values()) for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def drop(kind: Kind, *, run: str = "run-1", at: str = "2005-06-02T04:00:00+00:00", agency_id: str = "") -> Drop:
    """A drop of a file of a kind."""
    return {
        "bucket": "bucket",
        "key": f"{kind}/file.csv",
        "version": "1",
        "kind": kind,
        "agency_id": agency_id or ("default" if kind == "returns" else ""),
        "run": run,
        "dropped_at": at,
    }


@dataclass
class Import:
    """Takes rows in on a stack; each call is a drop of its own unless it names the run of an earlier one."""

    stack: Stack
    drops: int = field(default=0)

    def __call__(self, kind: Kind, *changes: Mapping[str, str | None], **how: Any) -> list[str]:
        """What became of some rows: each is the kind's row above with some of its cells changed."""
        self.drops += 1
        dropped = drop(kind, **{"run": f"run-{self.drops}", **how})
        groups: dict[str, list[NumberedRow]] = {}
        for line, change in enumerate(changes or [{}], start=2):
            row = {**ROWS[kind], **change}
            record = parse(kind, row)
            groups.setdefault(account_id_of(record), []).append(NumberedRow(line, row, record))
        take_in = TakeIn.begin(self.stack.table, self.stack.settings, dropped)
        loaded = take_in.load(groups)
        verdicts = [verdict for name, rows in groups.items() for verdict in take_in.rows(name, rows, loaded)]
        verdicts.sort(key=lambda verdict: verdict.numbered.line)
        return [str(verdict.refused) if verdict.refused else str(verdict.outcome) for verdict in verdicts]
