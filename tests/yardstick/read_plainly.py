"""Reads the bank's files for the plain rules, with nothing but the standard library."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.yardstick.plain_rules import Facts

PHONES = ("mobile", "work", "home", "family", "contact")


def rows(paths: Iterable[Path]) -> Iterator[dict[str, str]]:
    for path in paths:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            yield from csv.DictReader(file)


def read_plainly(
    portfolio: Iterable[Path],
    payments: Iterable[Path] = (),
    holds: Iterable[Path] = (),
    calls: Iterable[Path] = (),
    returns: Iterable[Path] = (),
) -> dict[str, Facts]:
    """Return what the files say of each account. The dates in a file's name, or its rows', are in order already."""
    accounts: dict[str, Facts] = {}
    zones: dict[str, ZoneInfo] = {}

    def local(account_id: str, text: str) -> date:
        at = datetime.fromisoformat(text)
        return at.astimezone(zones[account_id]).date() if at.tzinfo else at.date()

    for row in rows(portfolio):
        zones.setdefault(row["account_id"], ZoneInfo(row["timezone"]))
        accounts.setdefault(row["account_id"], Facts()).extracts.append(
            {
                "on": date.fromisoformat(row["as_of"]),
                "arrears": Decimal(row["past_due_amount"]),
                "currency": row["currency"],
                "oldest_due": date.fromisoformat(row["oldest_due_date"]) if row["oldest_due_date"] else None,
                "mobile": row["phone_mobile"],
                "phones": any(row[f"phone_{kind}"] for kind in PHONES),
                "opted_out": row["sms_opt_out"] == "true",
                "address": row["address_line1"],
            }
        )
    for row in rows(payments):
        on = local(row["account_id"], row["paid_at"])
        payment = {"on": on, "amount": Decimal(row["amount"]), "currency": row["currency"]}
        accounts[row["account_id"]].payments.append(payment)
    for row in rows(holds):
        hold = {"on": local(row["account_id"], row["at"]), "id": row["hold_id"], "status": row["status"]}
        accounts[row["account_id"]].holds.append(hold)
    for row in rows(calls):
        promised_on = date.fromisoformat(row["promised_on"]) if row["promised_on"] else None
        call = {"on": local(row["account_id"], row["called_at"]), "result": row["result"], "promised_on": promised_on}
        accounts[row["account_id"]].calls.append(call)
    for row in rows(returns):
        account_id = row["case_id"][:-9]
        given = {"on": local(account_id, row["at"]), "case_id": row["case_id"], "outcome": row["outcome"]}
        accounts[account_id].returns.append(given)
    return accounts
