"""A legal officer's word in the simulator: from a file, as an assumption, or not at all."""

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from arrears.cli import main
from arrears.domain.policy import Policy
from arrears.simulate import Inputs, simulate
from tests.unit.simulate.conftest import POLICY
from tests.unit.simulate.files import extract, write

FIRST, LAST = date(2005, 9, 2), date(2005, 12, 31)
#: Past due since 1 June: the agency's term of 90 days ends on 15 December, when approval is asked for.
ACCOUNT, CASE_ID, ASKED = "A", "A-20050902", "2005-12-15"
Row = dict[str, str | None]
Play = Callable[..., tuple[list[str], dict[str, Any], list[str]]]


def word(decision: str, at: str, **cells: str) -> Row:
    return {"case_id": CASE_ID, "decision": decision, "at": at, "by": "L. Officer", "why": "sound", **cells}


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play; the dates of the filings, the summary, and the fields and reasons of what was refused."""

    def played(
        *words: Row, approve_after: int | None = None, **cells: str
    ) -> tuple[list[str], dict[str, Any], list[str]]:
        policy = Policy.model_validate({**POLICY, "legal": {"approval": {}}})
        portfolio = write(
            tmp_path / "p.csv", "portfolio", [extract(ACCOUNT, str(FIRST), "9000", "2005-06-01", **cells)]
        )
        approvals = [write(tmp_path / "a.csv", "approvals", words)] if words else []
        inputs, out = Inputs([portfolio], approvals=approvals), tmp_path / "out"
        summary = simulate(inputs, policy, FIRST, LAST, out, approve_after=approve_after)
        with (out / "timeline.csv").open(newline="") as file:
            filed = [row["date"] for row in csv.DictReader(file) if row["action"] == "file_legal"]
        rejects = out / "rejects.jsonl"
        lines = rejects.read_text().splitlines() if rejects.is_file() else []
        return filed, summary, [f"{each['field']} {each['reason']}" for each in map(json.loads, lines)]

    return played


def test_without_a_word_a_case_waits_and_is_counted(play: Play) -> None:
    filed, summary, _ = play()

    assert filed == []
    assert (summary["awaiting_approval"], summary["approve_after_days"], summary["filed"]) == (1, None, 0)


@pytest.mark.parametrize(
    ("at", "filed"), [(ASKED, ASKED), ("2005-12-20", "2005-12-20"), ("2005-12-20T23:30:00+00:00", "2005-12-21")]
)
def test_it_is_filed_on_the_date_of_the_word_at_the_accounts_place(play: Play, at: str, filed: str) -> None:
    dates, summary, refused = play(word("approve", at))

    assert (dates, refused) == ([filed], [])
    assert summary["awaiting_approval"] == 0
    assert summary["rows"]["approvals"] == {"rows": 1, "accepted": 1, "unchanged": 0, "rejected": 0}


def test_the_last_word_counts(play: Play) -> None:
    assert play(word("decline", "2005-12-20"))[0] == []
    assert play(word("decline", "2005-12-20"), word("approve", "2005-12-22"))[0] == ["2005-12-22"]


def test_a_word_before_it_was_asked_for_and_one_on_no_case_are_refused(play: Play) -> None:
    filed, _, refused = play(word("approve", "2005-12-14"), word("approve", "2005-12-20", case_id="A-20050101"))

    assert filed == []
    assert refused == ["case_id nobody asks for approval to sue", "case_id is no open case"]


def test_a_word_that_is_told_twice_is_unchanged_and_one_that_contradicts_it_refused(play: Play) -> None:
    filed, summary, refused = play(
        word("approve", "2005-12-20"), word("approve", "2005-12-20"), word("decline", "2005-12-20")
    )

    assert filed == ["2005-12-20"]
    assert summary["rows"]["approvals"]["unchanged"] == 1
    assert refused == ["case_id contradicts line 2 of the same file, which was taken"]


@pytest.mark.parametrize(("days", "filed"), [(0, ASKED), (3, "2005-12-18")])
def test_an_assumption_is_told_in_the_summary(play: Play, days: int, filed: str) -> None:
    dates, summary, _ = play(approve_after=days)

    assert dates == [filed]
    assert summary["approve_after_days"] == days


def test_an_assumption_leaves_alone_the_cases_of_which_the_file_tells(play: Play) -> None:
    assert play(word("approve", "2005-12-28"), approve_after=3)[0] == ["2005-12-28"]
    assert play(word("decline", "2005-12-28"), approve_after=3)[0] == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (word("approved", ASKED), "decision is none of approve, decline"),
        (word("approve", "soon"), "at is no date or time such as 2005-06-18 or 2005-06-18T09:30:00+08:00"),
        (word("approve", ASKED, by=" "), "by is missing"),
        (word("approve", ASKED, why=""), "why is missing"),
        (word("approve", ASKED, case_id="A"), "case_id is no case id such as TW000001-20050618"),
    ],
)
def test_a_bad_row_is_refused_with_its_field(play: Play, row: Row, reason: str) -> None:
    assert play(row)[2] == [reason]


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = write_policy(tmp_path / "policy.json")
    portfolio = write(tmp_path / "p.csv", "portfolio", [extract(ACCOUNT, str(FIRST), "9000", "2005-06-01")])
    command = ["simulate", "--portfolio", str(portfolio), "--policy", str(rules), "--from", str(FIRST)]
    command += ["--to", str(LAST), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "1 cases await a legal officer's approval" in capsys.readouterr().out
    assert main([*command, "--approve-after", "2"]) == 0
    said = capsys.readouterr().out
    assert "in court: 1" in said
    assert "assumed: what waits for a legal officer is approved after 2 days" in said
    with pytest.raises(SystemExit):
        main([*command, "--approve-after", "-1"])


def test_the_page_that_compares_says_who_waits_and_what_was_assumed(tmp_path: Path) -> None:
    rules, page = write_policy(tmp_path / "policy.json"), tmp_path / "report.html"
    portfolio = write(tmp_path / "p.csv", "portfolio", [extract(ACCOUNT, str(FIRST), "9000", "2005-06-01")])
    command = ["simulate", "--portfolio", str(portfolio), "--policy", str(rules), "--from", str(FIRST)]
    command += ["--to", str(LAST), "--out", str(tmp_path / "out"), "--report", str(page)]
    assert main(command) == 0
    assert "Cases that wait for a legal officer at the end: 1 under test 1." in page.read_text(encoding="utf-8")
    assert main([*command, "--approve-after", "2"]) == 0
    assert "are taken to be approved 2 days later." in page.read_text(encoding="utf-8")


def write_policy(path: Path) -> Path:
    path.write_text(json.dumps({**POLICY, "legal": {"approval": {}}}), encoding="utf-8")
    return path
