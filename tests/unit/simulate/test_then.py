"""A second policy is rolled out while the first one is played: from a date on, for all cases or for new ones."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from arrears.cli import main
from arrears.domain.policy import Policy
from arrears.domain.rollout import Scope
from arrears.simulate.player import Player, Then
from tests.unit.domain.told import ACCOUNT, day, extract, paid
from tests.unit.simulate.conftest import POLICY
from tests.unit.simulate.files import extract as row, write

SINCE = day("06-20")


def ladder(version: str, call: int) -> Policy:
    """Texts every week from the first day, calls every three days from another one on."""
    stages: dict[str, Any] = {
        "reminder": {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms", "every_days": 7}]},
        "call": {"from": {"days_past_due": call}, "steps": [{"action": "queue_call", "every_days": 3, "at_most": 2}]},
    }
    return Policy.model_validate({"name": "told", "version": version, "stages": stages})


OLD, NEW = ladder("1", 40), ladder("2", 10)


def happens(then: Then | None, *facts: Any, last: str = "07-20") -> list[str]:
    rows = Player(OLD, day("06-01"), day(last), then=then).play(ACCOUNT, facts).rows()
    return [f"{row.date:%m-%d} {row.stage or '-'} {row.action}" for row in rows]


def test_a_running_case_is_looked_at_on_the_date_from_which_it_counts() -> None:
    """Between its weekly texts, on a date on which the first policy has nothing to do."""
    rows = happens(Then(NEW, SINCE), extract("06-02", "1000", "06-01"))

    assert [each for each in rows if each < "06-21"] == [
        "06-02 - case_opened",
        "06-02 reminder stage_entered",
        "06-02 reminder send_sms",
        "06-09 reminder send_sms",
        "06-16 reminder send_sms",
        "06-20 call stage_entered",
        "06-20 call queue_call",
    ]
    assert rows[-1] == "06-23 call queue_call"


def test_until_that_date_all_is_as_under_the_first_policy_alone() -> None:
    facts = [extract("06-02", "1000", "06-01")]

    before = [row for row in happens(None, *facts) if row < "06-20"]

    assert [row for row in happens(Then(NEW, SINCE), *facts) if row < "06-20"] == before


@pytest.mark.parametrize(("scope", "called"), [("all", ["06-20", "06-23"]), ("new_cases", [])])
def test_for_new_cases_only_a_running_one_keeps_its_policy(scope: Scope, called: list[str]) -> None:
    rows = happens(Then(NEW, SINCE, scope), extract("06-02", "1000", "06-01"), last="07-05")

    assert [row[:5] for row in rows if row.endswith("queue_call")] == called


def test_a_case_that_opens_later_has_the_new_one() -> None:
    facts = [extract("06-02", "1000", "06-01"), paid("06-10", "1000"), extract("06-25", "500", "06-24")]

    rows = happens(Then(NEW, SINCE, "new_cases"), *facts)

    assert "07-04 call stage_entered" in rows


def simulated(tmp_path: Path, *options: str, version: str = "2", **changes: Any) -> int:
    portfolio = write(tmp_path / "portfolio.csv", "portfolio", [row("A", "2005-06-02", "6000.00", "2005-06-01")])
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(json.dumps(POLICY))
    stages = json.loads(json.dumps(POLICY["stages"]))
    stages["call"]["from"]["days_past_due"] = 5
    second.write_text(json.dumps(POLICY | {"version": version, "stages": stages} | changes))
    files = ["--portfolio", str(portfolio), "--policy", str(first), "--then", str(second), "--out", str(tmp_path / "o")]
    return main(["simulate", *files, "--from", "2005-06-01", "--to", "2005-06-30", *options])


def test_the_command_plays_both_and_says_so(tmp_path: Path) -> None:
    assert simulated(tmp_path, "--then-from", "2005-06-12") == 0

    summary = json.loads((tmp_path / "o" / "summary.json").read_text())
    timeline = (tmp_path / "o" / "timeline.csv").read_text()
    assert summary["policy"].endswith(", then test 2 from 2005-06-12")
    assert f"{date(2005, 6, 12)},A,A-20050602,call,stage_entered" in timeline


@pytest.mark.parametrize("options", [(), ("--then-from", "2005-06-12", "--report", "x.html")])
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert simulated(tmp_path, *options) == 2


def test_two_policies_of_other_agencies_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated(tmp_path, "--then-from", "2005-06-12", agencies=[{"id": "north"}]) == 2
    assert "name other agencies" in capsys.readouterr().err
