"""`arrears simulate` plays what comes back from outside: receipts, opt-outs and answers to freezes, out of files."""

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from arrears.files import COLUMNS, Kind
from arrears.simulate import Inputs, simulate
from tests.support.builders import policy

CASE = "CARD-0001-20050602"
FALLBACK = {"fallback": {"send_sms": {"action": "queue_letter", "template": "reminder_letter"}}}


def write(folder: Path, kind: Kind, *rows: dict[str, str]) -> Path:
    path = folder / f"{kind}.csv"
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, COLUMNS[kind])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def portfolio(tmp_path: Path) -> Path:
    """One account, one day past due on 2 June 2005."""
    row = {"account_id": "CARD-0001", "as_of": "2005-06-02", "currency": "CNY", "past_due_amount": "60000.00"}
    row |= {"oldest_due_date": "2005-06-01", "timezone": "Asia/Shanghai", "address_line1": "7 Nanjing Road"}
    return write(tmp_path, "portfolio", row | {"phone_mobile": "+8613800138000"})


def played(portfolio: Path, **files: Path) -> tuple[list[tuple[str, str]], dict[str, object]]:
    inputs = Inputs(portfolio=[portfolio], **{kind: [path] for kind, path in files.items()})
    rules = policy(contact=FALLBACK)
    summary = simulate(inputs, rules, date(2005, 6, 2), date(2005, 6, 20), portfolio.parent / "out")
    with (portfolio.parent / "out" / "timeline.csv").open(encoding="utf-8", newline="") as opened:
        return [(row["date"][5:], row["action"]) for row in csv.DictReader(opened)], summary


def contacts(timeline: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [row for row in timeline if row[1] in ("send_sms", "queue_letter")]


def test_a_receipt_that_fails_for_good_leads_to_the_fallback(portfolio: Path, tmp_path: Path) -> None:
    row = {"action_id": f"{CASE}.reminder.0.1", "status": "failed", "final": "true", "at": "2005-06-03T10:00:00+08:00"}

    timeline, summary = played(portfolio, receipts=write(tmp_path, "receipts", row))

    assert contacts(timeline) == [("06-02", "send_sms"), ("06-09", "queue_letter")]
    assert summary["rejected"] == 0


def test_an_opt_out_leads_to_the_fallback_from_its_date(portfolio: Path, tmp_path: Path) -> None:
    row = {"account_id": "CARD-0001", "at": "2005-06-08T23:30:00+00:00"}

    timeline, _ = played(portfolio, optouts=write(tmp_path, "optouts", row))

    assert contacts(timeline) == [("06-02", "send_sms"), ("06-09", "queue_letter")]


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        (
            "receipts",
            {"action_id": "CARD-0001-20050602.reminder.0.7", "status": "delivered", "final": "", "at": "2005-06-03"},
            "is not the id of a text that was sent",
        ),
        (
            "receipts",
            {
                "action_id": "CARD-0001-20050602.reminder.0.1",
                "status": "delivered",
                "final": "true",
                "at": "2005-06-03",
            },
            "is true although the text was delivered",
        ),
        (
            "freezes",
            {"action_id": "CARD-0001-20050602.freeze", "status": "frozen", "at": "2005-06-03"},
            "is not the id of a request to freeze the account",
        ),
    ],
)
def test_what_is_about_nothing_is_refused(
    portfolio: Path, tmp_path: Path, kind: Kind, row: dict[str, str], reason: str
) -> None:
    _, summary = played(portfolio, **{kind: write(tmp_path, kind, row)})

    (line,) = (tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["reason"] == reason
    assert summary["rejected"] == 1
