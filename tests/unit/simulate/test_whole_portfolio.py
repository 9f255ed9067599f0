"""The whole real portfolio, where it is at hand: fifteen thousand accounts, fifteen months."""

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from arrears.policy_file import load_policy
from arrears.resources import resource
from arrears.simulate import Inputs, simulate
from tests.yardstick.plain_rules import plain_timeline
from tests.yardstick.read_plainly import read_plainly

DATA = Path(__file__).parents[3].parent / "shared" / "data"
FIRST, LAST = date(2005, 4, 3), date(2006, 6, 30)
#: So many days a legal officer is taken to need.
APPROVED_AFTER = 3

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the sample portfolio is not beside this checkout")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("portfolio")
    policy = load_policy(resource("tw-credit-card.yaml")).policy
    inputs = Inputs([DATA / "portfolio"], [DATA / "payments"])
    simulate(inputs, policy, FIRST, LAST, folder, approve_after=APPROVED_AFTER)
    return folder


def test_about_six_thousand_four_hundred_cases(out: Path) -> None:
    summary = json.loads((out / "summary.json").read_text())
    assert summary["accounts"] == 15_000
    assert summary["rejected"] == 0
    assert 6_300 < summary["cases"]["opened"] < 6_500
    assert summary["cases"]["opened"] == summary["cases"]["closed"] + summary["cases"]["open"]
    assert 1_400 < summary["filed"] < 1_450


def test_what_holds_for_every_case(out: Path) -> None:
    actions: dict[str, Counter[str]] = {}
    last: dict[str, str] = {}
    with (out / "timeline.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            case_id = row["case_id"]
            assert last.get(case_id) != "case_closed", f"{case_id}: something after it was closed"
            actions.setdefault(case_id, Counter())[row["action"]] += 1
            last[case_id] = row["action"]
    for case_id, counts in actions.items():
        assert counts["case_opened"] == 1, case_id
        assert counts["case_closed"] <= 1, case_id
        assert counts["freeze_account"] <= 1, case_id
        assert counts["queue_letter"] <= 1, case_id
        assert counts["place_with_agency"] - counts["recall_from_agency"] in (0, 1), case_id
        if last[case_id] == "case_closed":
            assert counts["place_with_agency"] == counts["recall_from_agency"], case_id


def test_every_twentieth_account_by_the_rules_read_a_second_time(out: Path) -> None:
    """The bench compares all of them."""
    policy = json.loads(load_policy(resource("tw-credit-card.yaml")).document())["policy"]
    accounts = read_plainly(sorted((DATA / "portfolio").iterdir()), sorted((DATA / "payments").iterdir()))
    chosen = sorted(accounts)[::20]
    expected = [
        row
        for account_id in chosen
        for row in plain_timeline(account_id, accounts[account_id], policy, FIRST, LAST, APPROVED_AFTER)
    ]
    with (out / "timeline.csv").open(newline="") as file:
        rows = [
            (date.fromisoformat(row["date"]), row["account_id"], row["case_id"], row["stage"], row["action"])
            for row in csv.DictReader(file)
            if row["account_id"] in set(chosen)
        ]
    assert rows == sorted(expected, key=lambda row: row[:2])
