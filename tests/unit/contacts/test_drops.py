"""`arrears simulate --drops`: files come in on dates, as on the stack, and what is told late is known late."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from arrears.cli import main
from arrears.files import COLUMNS, Kind
from arrears.policy_file import shipped_policy
from arrears.simulate import Inputs, InputsError, simulate
from tests.support.builders import policy

CASE = "CARD-0001-20050602"
LETTER = f"{CASE}.reminder.0.1"
STEPS = [{"action": "queue_letter", "template": "reminder_letter", "at_most": 1}]
RULES: dict[str, Any] = {
    "stages": {
        "reminder": {"from": {"days_past_due": 1}, "steps": STEPS},
        "call": {
            "from": {"days_past_due": 5},
            "requires": [{"action": "queue_letter", "at_least_days_ago": 2, "counts_from": "dispatched"}],
            "steps": [],
        },
    },
    "freeze": {
        "arrears_over": {"CNY": "500.00"},
        "after_collections": 1,
        "effective_only": True,
        "effective": ["letter_delivered"],
    },
}


def drop(folder: Path, day: str, kind: Kind, *rows: dict[str, str]) -> None:
    path = folder / day / kind / f"{kind}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, COLUMNS[kind])
        writer.writeheader()
        writer.writerows(rows)


def extract(as_of: str, past_due: str = "600.00") -> dict[str, str]:
    row = {"account_id": "CARD-0001", "as_of": as_of, "currency": "CNY", "past_due_amount": past_due}
    return row | {
        "oldest_due_date": "2005-06-01",
        "timezone": "Asia/Shanghai",
        "address_line1": "7 Nanjing Road",
        "phone_mobile": "+8613800138000",
    }


def report(status: str, at: str) -> dict[str, str]:
    return {"letter_id": LETTER, "status": status, "at": at, "tracking_number": "T1"}


def played(inputs: Inputs, out: Path) -> list[str]:
    summary = simulate(inputs, policy(**RULES), date(2005, 6, 2), date(2005, 7, 31), out)
    assert summary["rejected"] == 0
    with (out / "timeline.csv").open(encoding="utf-8", newline="") as opened:
        return [f"{row['date'][5:]} {row['action']}" for row in csv.DictReader(opened)]


def test_what_the_mailing_house_reports_late_is_known_late_and_keeps_its_dates(tmp_path: Path) -> None:
    """Delivered on 6 June, told on the 13th: frozen on the 13th, where it would have been on the 6th."""
    drops = tmp_path / "drops"
    drop(drops, "2005-06-02", "portfolio", extract("2005-06-02"))
    drop(drops, "2005-06-13", "letters", report("dispatched", "2005-06-03"), report("delivered", "2005-06-06"))
    assert played(Inputs(drops=[drops]), tmp_path / "out")[2:] == [
        "06-02 queue_letter",
        "06-13 stage_entered",
        "06-13 freeze_account",
    ]
    at_once = Inputs([drops / "2005-06-02/portfolio"], letters=[drops / "2005-06-13/letters"])
    assert played(at_once, tmp_path / "out")[3:] == ["06-06 stage_entered", "06-06 freeze_account"]


def test_a_file_that_comes_early_counts_from_the_dates_of_its_rows(tmp_path: Path) -> None:
    drops = tmp_path / "drops"
    payment = {"payment_id": "P1", "account_id": "CARD-0001", "amount": "600.00", "currency": "CNY"}
    drop(drops, "2005-06-02", "portfolio", extract("2005-06-02"))
    drop(drops, "2005-06-02", "payments", payment | {"paid_at": "2005-06-20T10:00:00+08:00"})
    assert played(Inputs(drops=[drops]), tmp_path / "out")[-1] == "06-20 case_closed"


def test_what_is_dated_too_far_ahead_of_its_file_is_refused(tmp_path: Path) -> None:
    """As on the stack, where the file comes in on that date."""
    drops, out = tmp_path / "drops", tmp_path / "out"
    payment = {"payment_id": "P1", "account_id": "CARD-0001", "amount": "600.00", "currency": "CNY"}
    drop(drops, "2005-06-02", "portfolio", extract("2005-06-02"), extract("2006-06-02"))
    drop(drops, "2005-06-02", "payments", payment | {"paid_at": "2006-06-20T10:00:00+08:00"})

    simulate(Inputs(drops=[drops]), policy(**RULES), date(2005, 6, 2), date(2005, 7, 31), out)

    refused = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    reasons = [f"{each['field']}: {each['reason']}" for each in refused]
    ahead = "is more than 300 days after the business date, which is 2005-06-02"
    assert sorted(reasons) == [f"as_of: {ahead}", f"paid_at: {ahead}"]


def test_a_correction_of_an_extract_counts_from_when_it_comes_in(tmp_path: Path) -> None:
    """Until the 10th the bank says that nothing is due."""
    drops = tmp_path / "drops"
    drop(drops, "2005-06-02", "portfolio", extract("2005-06-02", "0.00"))
    drop(drops, "2005-06-10", "portfolio", extract("2005-06-02"))
    assert played(Inputs(drops=[drops]), tmp_path / "out")[0] == "06-10 case_opened"


def test_a_folder_without_dates_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InputsError, match="folder"):
            Inputs(drops=[folder]).files()


def test_without_accounts_there_is_nothing_to_play(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dates = ["--from", "2005-06-02", "--to", "2005-06-03", "--out", str(tmp_path)]
    assert main(["simulate", "--policy", "none.yaml", *dates]) == 2
    assert "--portfolio or --drops" in capsys.readouterr().err


def test_it_is_said_that_the_budget_for_texts_is_not_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drop(tmp_path / "drops", "2005-06-02", "portfolio", extract("2005-06-02"))
    dates = ["--from", "2005-06-02", "--to", "2005-06-03", "--out", str(tmp_path / "out")]
    for name, is_said in (("tw-credit-card-full", True), ("tw-credit-card", False)):
        policy_file = str(shipped_policy(name))
        assert main(["simulate", "--policy", policy_file, "--drops", str(tmp_path / "drops"), *dates]) == 0
        assert ("sms.monthly_budget: is not played" in capsys.readouterr().err) is is_said
