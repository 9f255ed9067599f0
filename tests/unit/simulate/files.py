"""Writes the bank's files for tests of the simulator."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from arrears.files import COLUMNS, Kind
from tests.unit.files.rows import csv_text

_EMPTY: dict[Kind, dict[str, str]] = {kind: dict.fromkeys(columns, "") for kind, columns in COLUMNS.items()}


def extract(account_id: str, as_of: str, past_due: str, oldest_due: str = "", **cells: str) -> dict[str, str | None]:
    """A row of the portfolio of somebody in Taipei who can be reached in every way."""
    return {
        **_EMPTY["portfolio"],
        "account_id": account_id,
        "as_of": as_of,
        "currency": "TWD",
        "past_due_amount": past_due,
        "oldest_due_date": oldest_due,
        "timezone": "Asia/Taipei",
        "address_line1": "1 Sample Road",
        "phone_mobile": "+447700900060",
        **cells,
    }


def payment(account_id: str, paid_at: str, amount: str, **cells: str) -> dict[str, str | None]:
    """A payment; `paid_at` may be a date, which is noon in Taipei."""
    at = f"{paid_at}T12:00:00+08:00" if len(paid_at) == len("2005-06-18") else paid_at
    known = {"payment_id": f"P-{account_id}-{paid_at[:10]}", "account_id": account_id, "paid_at": at}
    return {**known, "amount": amount, "currency": "TWD", **cells}


def hold(account_id: str, status: str, at: str, hold_id: str = "H1") -> dict[str, str | None]:
    known = {"hold_id": hold_id, "account_id": account_id, "reason": "dispute", "status": status, "at": at}
    return {**_EMPTY["holds"], **known}


def call(account_id: str, called_at: str, result: str, promised_on: str = "", **cells: str) -> dict[str, str | None]:
    known = {"call_id": f"C-{account_id}-{called_at}", "account_id": account_id, "called_at": called_at}
    return {**_EMPTY["calls"], **known, "phone": "mobile", "result": result, "promised_on": promised_on, **cells}


def returned(case_id: str, at: str, outcome: str = "returned", **cells: str) -> dict[str, str | None]:
    return {**_EMPTY["returns"], "return_id": f"R-{at}", "case_id": case_id, "at": at, "outcome": outcome, **cells}


def letter(letter_id: str, status: str, at: str) -> dict[str, str | None]:
    return {**_EMPTY["letters"], "letter_id": letter_id, "status": status, "at": at}


def write(path: Path, kind: Kind, rows: Iterable[dict[str, Any]]) -> Path:
    """Write a file, as CSV or JSON lines, packed or not, by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = list(rows)
    if ".jsonl" in path.name:
        known = [{key: value for key, value in row.items() if value} for row in lines]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in known)
    else:
        text = csv_text(kind, *lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path
