"""Receipts, opt-outs, letter reports and answers that come in later than they happened: the stack and the simulator."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from arrears.domain.policy import Policy
from arrears.domain.timeline import Row
from arrears.files import COLUMNS
from arrears.files.drops import merge
from arrears.local.diary import Diary
from arrears.local.drops import Drops
from arrears.policy_file import shipped_policy
from arrears.simulate import Inputs, simulate
from tests.support.embedded import Embedded
from tools.make_answers import answered, write

DAYS = 25
#: Days past due on the first date, and what is owed.
ACCOUNTS = {
    "TW900013": (1, "52000.00"),  # opts out by a reply
    "TW900001": (1, "800.00"),
    "TW900009": (1, "64000.00"),  # a number that takes no texts
    "TW900010": (8, "61000.00"),
    "TW900011": (40, "70000.00"),  # letters come back
    "TW900016": (55, "62000.00"),
    "TW900037": (59, "1200.00"),
}
TALKS = {"TW900010": ("no_answer", "right_party"), "TW900016": ("invalid_number", "refused")}


def fullest() -> Policy:
    """The policy that says everything, as far as the lawyer's letter, which counts from its dispatch."""
    rules = yaml.safe_load(shipped_policy("tw-credit-card-full").read_text(encoding="utf-8"))
    for key in ("rules", "agencies", "placements", "legal"):
        del rules[key]
    del rules["sms"]["monthly_budget"]
    requires = [{"action": "queue_letter", "template": "lawyer_letter", "at_least_days_ago": 2}]
    requires[0]["counts_from"] = "dispatched"
    rules["stages"]["agency"] = {"from": {"days_past_due": 62}, "requires": requires, "steps": []}
    for name in ("final_notice", "legal"):
        rules["stages"][name] = {"from": {"days_past_due": 3000}, "steps": []}
    rules["freeze"] |= {"after_collections": 1}
    rules["contact"]["holidays"] = []
    return Policy.model_validate(rules | {"name": "told-late"})


@pytest.fixture
def told_late(stack: Embedded) -> Iterator[Embedded]:
    """The stack with this policy, and afterwards with the one before."""
    with stack.playing(fullest().model_dump(mode="json", by_alias=True)):
        yield stack


def write_rows(folder: Path, day: date, kind: str, rows: list[dict[str, str]]) -> None:
    path = folder / str(day) / kind / f"late-{day}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, COLUMNS[kind])  # type: ignore[index] # a kind
        writer.writeheader()
        writer.writerows(rows)


def write_accounts(folder: Path, first: date) -> None:
    """Write the bank's files: the accounts, and what came of two calls each, told two days late."""
    rows = []
    for number, (account_id, (days, owed)) in enumerate(ACCOUNTS.items()):
        row = {"account_id": account_id, "as_of": str(first), "currency": "TWD", "past_due_amount": owed}
        row |= {"oldest_due_date": str(first - timedelta(days=days)), "cardholder_name": "Anna Sample"}
        row |= {"address_line1": "1 Sample Road", "city": "Sampleton", "country": "GB", "language": "en"}
        row |= {"timezone": "Asia/Taipei", "balance": "99000.00", "risk_grade": ("low", "high")[number % 2]}
        rows.append(row | {"phone_mobile": f"+44770090090{number}", "phone_home": f"+44207946090{number}"})
    write_rows(folder, first, "portfolio", rows)
    for after, which in ((6, 0), (13, 1)):
        at = first + timedelta(days=after)
        calls = [
            {"call_id": f"LATE-{account_id}-{which}", "account_id": account_id, "phone": "mobile"}
            | {"result": results[which], "called_at": f"{at}T11:00:00+08:00"}
            for account_id, results in TALKS.items()
        ]
        write_rows(folder, at + timedelta(days=2), "calls", calls)


def test_the_stack_and_the_simulator_agree_on_what_is_told_late(told_late: Embedded, tmp_path: Path) -> None:
    first, policy = told_late.today, fullest()
    last = first + timedelta(days=DAYS - 1)
    sample, answers, whole = (tmp_path / name for name in ("sample", "answers", "whole"))
    answers.mkdir()
    write_accounts(sample, first)
    write(answered(policy, sample, first, last), answers, last)
    merge([sample, answers], whole)
    drops = Drops(whole)
    assert {file.kind for day in drops.dates for file in drops.on(day)} >= {"letters", "receipts", "optouts", "freezes"}

    on = first
    while on <= last:
        drops.put(told_late.stack, told_late.s3, [on])
        on = min((day for day in drops.dates if day > on), default=last + timedelta(days=1))
        told_late.driver.advance(on)
    diary = Diary(told_late.stack.table)
    diary.look(first)
    ours = [row for row in diary.rows() if row.account_id in ACCOUNTS]

    summary = simulate(Inputs(drops=[whole]), policy, first, last, tmp_path / "out")
    with (tmp_path / "out/timeline.csv").open(encoding="utf-8", newline="") as opened:
        theirs = [Row(date.fromisoformat(row[0]), *row[1:]) for row in list(csv.reader(opened))[1:]]
    assert [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]][:3] == []
    assert len(ours) == len(theirs)
    assert summary["rejected"] == 0

    # What it turns on did happen: waits for a delivery, a clock from the dispatch, a fallback, another number's turn.
    done = Counter(row.action for row in ours)
    assert done["freeze_account"] > 1
    assert done["queue_letter"] > len(ACCOUNTS) // 2
    assert any(row.action == "stage_entered" and row.stage == "agency" for row in ours)
    assert any("queue_letter instead" in row.reason for row in ours)
