"""Agencies and courts on the deployed stack: one placement's whole life, and one case's way through two to the court.

One policy with short terms, published for cases that open from now on, plays six days. Both sides are played by what
they have: the agencies' own script and files, the bank's payments, a legal officer's and an operator's commands.
"""

import csv
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from arrears.domain.case import Placement
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import case_id_of
from arrears.domain.events import ApprovalAsked, CaseClosed, CommissionSettled, OperatorListed
from arrears.effects.folders import legal_folder, placements_folder, public_key_key, recalls_folder
from arrears.files import COLUMNS
from tests.e2e.test_going_on import owing, payments, portfolio
from tests.support.embedded import Embedded, csv_file
from tools.template import ROOT

POLICY: dict[str, Any] = {
    "name": "agencies-and-courts",
    "version": "1",
    "cure_tolerance": {"TWD": "1.00"},
    "stages": {
        "agency": {"from": {"days_past_due": 1}, "steps": [{"action": "place_with_agency"}], "term_days": 30},
        "legal": {
            "from": {"agency": "failed"},
            "minimum_arrears": {"TWD": "1000.00"},
            "steps": [{"action": "file_legal"}],
        },
    },
    "agencies": [
        {"id": "north", "share": 50, "commission": [{"percent": "15"}]},
        {"id": "south", "share": 50, "commission": [{"percent": "15"}]},
    ],
    "placements": {"at_most": 2, "before_legal": 2, "commission_on": "all"},
    "legal": {"approval": {"remind_every_days": 1, "escalate_after_days": 2}, "limitation_years": 5},
    "bank": {"name": "Sample Bank", "phone": "+44 1632 960001", "address": ["1 Sample Square"]},
}
#: Part-paid and cured; sued; too little to be sued; declined.
PAYS, SUED, SMALL, DECLINED = "AGC-PAYS", "AGC-SUED", "AGC-SMALL", "AGC-DECL"
OWED = {PAYS: "9000.00", SUED: "12000.00", SMALL: "500.00", DECLINED: "8000.00"}


@dataclass
class Act:
    """What was played.

    Attributes:
        first: the date on which the cases opened and were placed.
        said: what commands said, by when they were asked.
    """

    stack: Embedded
    folder: Path
    first: date
    said: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)

    def case_id(self, account_id: str) -> str:
        return case_id_of(account_id, self.first)

    def day(self, number: int) -> date:
        return self.first + number * ONE_DAY

    def placements(self, account_id: str) -> tuple[Placement, ...]:
        record = self.stack.stack.table.case(self.case_id(account_id))
        assert record is not None
        return record.case.placements

    def of(self, account_id: str, kind: type[Any]) -> list[Any]:
        return [event for event in self.stack.events(self.case_id(account_id)) if isinstance(event, kind)]

    def returns(self, account_id: str, outcome: str, amount: str = "") -> None:
        """Drop a row of the agency that has the case now."""
        today, agency_id = self.stack.today, self.placements(account_id)[-1].agency_id
        currency = "TWD" if amount else ""
        row = (f"{account_id}-{today}", self.case_id(account_id), today, outcome, amount, currency, "")
        key = f"agency_id={agency_id}/returns/{account_id}-{today}.csv"
        self.stack.drop(key, csv_file(COLUMNS["returns"], [row]))
        assert self.stack.imported(key)["rejected"] == 0

    def taken(self, agency_id: str, on: date) -> Path:
        """Copy what an agency sees of a day's placements, with the key."""
        prefix = placements_folder(agency_id, on)
        for key in (*self.stack.keys("AgencyBucket", prefix), public_key_key(agency_id)):
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.stack.read("AgencyBucket", key))
        return self.folder / prefix

    def checked(self, agency_id: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the agencies' own script over a day's set."""
        ack = self.folder / f"ack-{agency_id}.json"
        command = [sys.executable, str(ROOT / "tools/agency_check.py"), str(folder)]
        command += ["--key", str(self.folder / public_key_key(agency_id)), "--ack", str(ack)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def acknowledged(self, agency_id: str, on: date) -> None:
        """Check the day's set, and write what the script has made of it."""
        done = self.checked(agency_id, self.taken(agency_id, on))
        assert done.returncode == 0, done.stdout
        self.stack.drop(f"agency_id={agency_id}/acks/{on}.json", (self.folder / f"ack-{agency_id}.json").read_bytes())


@pytest.fixture(scope="module")
def act(embedded_stack: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    """Six days."""
    stack = embedded_stack
    with stack.active():
        if stack.stack.settings.clock().set_to is None:
            stack.driver.set_clock(date(2005, 10, 2))
        with stack.playing(POLICY, scope="new_cases"):
            played = Act(stack, tmp_path_factory.mktemp("agencies"), stack.today)
            _play(played)
            yield played


def _play(act: Act) -> None:
    stack = act.stack
    rows = [owing(account_id, act.first, 40, past_due_amount=amount) for account_id, amount in OWED.items()]
    stack.drop(f"portfolio/agencies-{act.first}.csv", portfolio(*rows))
    stack.advance()
    act.said["unanswered"] = stack.arrears("agency", "status", "--since", act.first)
    for agency_id in ("north", "south"):
        act.acknowledged(agency_id, act.first)
    act.returns(PAYS, "payment", "2000.03")
    for account_id in (SUED, SMALL, DECLINED):
        act.returns(account_id, "returned")
    stack.advance()
    # The bank is paid itself; the second agency gives up too.
    stack.drop(f"payments/agencies-{stack.today}.csv", payments(PAYS, stack.today, "1000.10", 1))
    for account_id in (SUED, SMALL, DECLINED):
        act.returns(account_id, "returned")
    stack.advance()
    act.said["due"] = stack.arrears("legal", "due")
    act.said["operator"] = stack.arrears("agency", "operator")
    stack.drop(f"payments/agencies-{stack.today}.csv", payments(PAYS, stack.today, "5999.87", 2))
    stack.advance()
    stack.advance()
    act.said["overdue"] = stack.arrears("legal", "due")
    path = act.folder / "approvals.csv"
    words = [
        (act.case_id(SUED), "approve", stack.today, "L. Officer", "claim and evidence are complete"),
        (act.case_id(DECLINED), "decline", stack.today, "L. Officer", "the address is not confirmed"),
        (act.case_id(SMALL), "approve", stack.today, "L. Officer", "nobody asked"),
        (act.case_id(SUED), "approve", stack.today + ONE_DAY, "L. Officer", "tomorrow"),
    ]
    path.write_text(csv_file(COLUMNS["approvals"], words), encoding="utf-8")
    act.said["approved"] = stack.arrears("legal", "approve", "--file", path)
    stack.advance()


# --- a placement's whole life ----------------------------------------------------------------------------------------
def test_each_agency_gets_its_share_with_the_reason_and_acknowledges_its_set(act: Act) -> None:
    first = [act.placements(account_id)[0].agency_id for account_id in OWED]
    assert sorted(first) == ["north", "north", "south", "south"]
    told = act.stack.arrears("agency", "allocation", act.first).stdout
    assert all(f"{act.case_id(account_id)}  " in told for account_id in OWED)
    assert told.count("its share of cases like this is 50.0 %") == 4

    assert act.said["unanswered"].stdout.count("waiting") == 2
    status = act.stack.arrears("agency", "status", "--since", act.first).stdout
    day = [line.split()[1:] for line in status.splitlines() if line.startswith(str(act.first))]
    assert [(line[0], line[1], line[3]) for line in day] == [
        ("north", "placements", "acknowledged"),
        ("south", "placements", "acknowledged"),
    ]


def test_a_case_is_part_paid_through_the_agency_and_recalled_on_the_day_it_is_cured(act: Act) -> None:
    (placement,) = act.placements(PAYS)
    cured_on = act.day(3)
    assert (placement.placed_on, placement.ended, placement.ended_on) == (act.first, "cured", cured_on)
    assert [event.on for event in act.of(PAYS, CaseClosed)] == [cured_on]
    recalls = act.stack.read("AgencyBucket", f"{recalls_folder(placement.agency_id, cured_on)}recalls.csv").decode()
    (row,) = [row for row in csv.DictReader(recalls.splitlines()) if row["case_id"] == act.case_id(PAYS)]
    assert (row["reason"], row["arrears"], row["recalled_on"]) == ("cured", "0.00", str(cured_on))


def test_the_statement_is_right_to_the_cent(act: Act) -> None:
    settled = act.of(PAYS, CommissionSettled)
    assert [(each.received_by, str(each.amount), str(each.commission)) for each in settled] == [
        ("agency", "2000.03 TWD", "300.00 TWD"),
        ("bank", "1000.10 TWD", "150.02 TWD"),
        ("bank", "5999.87 TWD", "899.98 TWD"),
    ]
    agency_id = act.placements(PAYS)[0].agency_id
    rows: list[dict[str, str]] = []
    for month in sorted({f"{act.day(number):%Y-%m}" for number in range(5)}):
        made = act.stack.arrears("agency", "statement", agency_id, month, "--out", act.folder / month)
        assert made.returncode == 0, made.stderr
        assert (act.folder / month / "statement.pdf").read_bytes().startswith(b"%PDF")
        rows += csv.DictReader((act.folder / month / "statement.csv").read_text(encoding="utf-8").splitlines())
    mine = [row for row in rows if row["case_id"] == act.case_id(PAYS)]
    assert [(row["kind"], row["amount"], row["commission"]) for row in mine] == [
        ("placed", "9000.00", ""),
        ("recalled", "0.00", ""),
        ("payment", "2000.03", "300.00"),
        ("received", "1000.10", "150.02"),
        ("received", "5999.87", "899.98"),
    ]
    totals = [row for row in rows if row["kind"] == "total"]
    assert sum(Decimal(row["amount"]) for row in totals) == Decimal("2000.03")
    assert sum(Decimal(row["commission"]) for row in totals) == Decimal("1350.00")


# --- returned, placed with the next, returned, approved, filed -------------------------------------------------------
def test_a_case_sees_the_next_agency_and_no_agency_twice(act: Act) -> None:
    for account_id in (SUED, SMALL, DECLINED):
        one, other = act.placements(account_id)
        assert {one.agency_id, other.agency_id} == {"north", "south"}
        assert (one.placed_on, other.placed_on) == (act.first, act.day(1))
        assert (one.ended, other.ended) == ("returned", "returned")
        assert other.ended_on == act.day(2)


def test_a_legal_officer_is_asked_reminded_and_passed_over(act: Act) -> None:
    asked = act.of(SUED, ApprovalAsked)
    assert [(each.step, each.on) for each in asked[:3]] == [
        ("asked", act.day(2)),
        ("reminded", act.day(3)),
        ("escalated", act.day(4)),
    ]
    by = act.first.replace(year=act.first.year + 5)
    for when, state in (("due", "asked on"), ("overdue", "escalated on")):
        lines = act.said[when].stdout.splitlines()
        (line,) = [line for line in lines if act.case_id(SUED) in line]
        assert f"approval {state}" in line
        assert "12000.00 TWD" in line
        assert line[:4] == str(by.year), "the date from which the claim is barred"


def test_a_file_of_decisions_is_taken_in_row_by_row(act: Act) -> None:
    said = act.said["approved"]
    assert said.returncode == 1
    assert said.stdout == "2 recorded, 0 known before, 1 of a later date\n"
    assert "approvals.csv, line 4: case_id: nobody asks for approval to sue" in said.stderr
    assert "1 rows are refused" in said.stderr


def test_below_the_minimum_and_declined_a_case_is_for_an_operator(act: Act) -> None:
    assert [each.why for each in act.of(SMALL, OperatorListed)] == ["placements"]
    assert act.case_id(SMALL) in act.said["operator"].stdout
    assert act.case_id(DECLINED) not in act.said["operator"].stdout
    listed = act.stack.arrears("agency", "operator").stdout
    assert f"{act.case_id(DECLINED)}  since {act.day(5)}  declined: L. Officer declined on {act.day(5)}" in listed
    assert f"{act.case_id(SMALL)}  since {act.day(2)}  placements: 2 of at most 2 agencies had it" in listed


def test_the_file_for_court_is_whole_and_made_again_the_same(act: Act) -> None:
    folder, case_id = legal_folder(act.case_id(SUED), act.day(5)), act.case_id(SUED)
    manifest = json.loads(act.stack.read("LegalBucket", f"{folder}manifest.json"))
    names = {file["key"].removeprefix(folder) for file in manifest["files"]}
    assert {"claim.json", "dossier.pdf", "evidence/events.jsonl"} <= names
    for file in manifest["files"]:
        body = act.stack.read("LegalBucket", file["key"])
        assert (len(body), hashlib.sha256(body).hexdigest()) == (file["bytes"], file["sha256"])
    claim = json.loads(act.stack.read("LegalBucket", f"{folder}claim.json"))
    assert (claim["case_id"], claim["account_id"]) == (case_id, SUED)
    assert "12000.00" in json.dumps(claim)
    again = act.stack.arrears("legal", "rebuild", case_id)
    assert again.returncode == 0, again.stderr
    assert "same to the byte" in again.stdout
    assert act.stack.arrears("audit", "verify", SUED).returncode == 0


def test_from_events_that_were_changed_no_file_is_made_and_the_audit_names_the_event(act: Act) -> None:
    case_id, table = act.case_id(SUED), act.stack.stack.table
    key = {"pk": {"S": f"ACCOUNT#{SUED}"}, "sk": {"S": f"EVENT#{case_id}#000004"}}
    item = table.client.get_item(TableName=table.name, Key=key)["Item"]
    changed = item["body"]["S"].replace(str(act.first), str(act.day(1)), 1)
    assert changed != item["body"]["S"]
    table.client.put_item(TableName=table.name, Item={**item, "body": {"S": changed}})
    try:
        audit = act.stack.arrears("audit", "verify", SUED)
        rebuilt = act.stack.arrears("legal", "rebuild", case_id)
    finally:
        table.client.put_item(TableName=table.name, Item=item)
    assert audit.returncode == 1
    assert f"{case_id}, event 4: was changed" in audit.stdout
    assert rebuilt.returncode == 1
    assert "event 4" in rebuilt.stderr


# --- what an agency can see of its own set ---------------------------------------------------------------------------
@pytest.mark.parametrize("spoilt", ["one flipped byte", "one missing row", "one added file", "a wrong signature"])
def test_the_agencies_script_fails_on_whatever_was_changed(act: Act, spoilt: str) -> None:
    folder = act.folder / placements_folder("north", act.first)
    copy = act.folder / "spoilt"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    match spoilt:
        case "one flipped byte":
            sheet = next(copy.glob("*.pdf"))
            body = bytearray(sheet.read_bytes())
            body[len(body) // 2] ^= 1
            sheet.write_bytes(body)
        case "one missing row":
            rows = (copy / "cases.csv").read_text(encoding="utf-8").splitlines(keepends=True)
            (copy / "cases.csv").write_text("".join(rows[:-1]), encoding="utf-8")
        case "one added file":
            (copy / "AGC-MORE-20050101.pdf").write_bytes(b"%PDF-1.7")
        case _:
            signature = bytearray((copy / "manifest.sig").read_bytes())
            signature[0] ^= 1
            (copy / "manifest.sig").write_bytes(signature)
    assert act.checked("north", folder).returncode == 0
    done = act.checked("north", copy)
    assert done.returncode == 1
    assert done.stdout.strip(), "it says what is wrong"
