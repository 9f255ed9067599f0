"""The real accounts: the sample's files, or the whole portfolio where it lies beside the checkout."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from arrears.files import Kind, RowError, parse, read_rows
from arrears.usecases.take_in import NumberedRow, account_id_of
from tools.template import ROOT

SAMPLE = ROOT / "infra/local/sample"
WHOLE = ROOT.parent / "shared/data"
FIRST, LAST = date(2005, 4, 3), date(2006, 6, 30)
#: The sample holds more than the data set does: calls, holds and payments that were made up for the demo.
_MADE_UP = "MADE-UP"

#: The rows of a date, by kind and account.
Day = dict[Kind, dict[str, list[NumberedRow]]]


def first_accounts(number: int) -> list[str]:
    """Return the first so many of the sample that are ever past due."""
    with (SAMPLE / "accounts.csv").open(newline="") as file:
        chosen = [row["account_id"] for row in csv.DictReader(file) if row["chosen_for"] != "never overdue"]
    return sorted(chosen)[:number]


def days(accounts: set[str]) -> dict[date, Day]:
    """Return what the bank's files say of some accounts, by the date on which they are dropped."""
    found: dict[date, Day] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for kind in ("portfolio", "payments"):
        for path in sorted(SAMPLE.glob(f"*/{kind}/*")):
            on = date.fromisoformat(path.parts[-3])
            for numbered in _rows(path, kind):
                account_id = account_id_of(numbered.record)
                if account_id in accounts:
                    found[on][kind][account_id].append(numbered)
    return found


def _rows(path: Path, kind: Kind) -> Iterator[NumberedRow]:
    for line, row in read_rows(path, kind):
        if isinstance(row, RowError):
            raise row
        if not any(str(value).startswith(_MADE_UP) for value in row.values()):
            yield NumberedRow(line, row, parse(kind, row))


def portfolio() -> tuple[list[Path], list[Path]]:
    """Return the portfolio's and the payments' files: the whole, or the sample's."""
    if WHOLE.is_dir():
        return sorted((WHOLE / "portfolio").iterdir()), sorted((WHOLE / "payments").iterdir())
    return sorted(SAMPLE.glob("*/portfolio/*")), sorted(SAMPLE.glob("*/payments/*"))


__all__ = ["FIRST", "LAST", "SAMPLE", "WHOLE", "days", "first_accounts", "portfolio"]
