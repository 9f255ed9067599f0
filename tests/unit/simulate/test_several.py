"""Several policies over the same files: each as if it were played alone."""

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from arrears.domain.policy import Policy
from arrears.simulate import Inputs, InputsError, simulate
from arrears.simulate.figures import KINDS, OPENED, PAID, STILL_OPEN, TREATMENTS, Difference, Figures, quantile
from arrears.simulate.rolls import BUCKETS, Rolls
from arrears.simulate.several import folder_name, simulate_each
from tests.unit.simulate.conftest import POLICY
from tests.unit.simulate.files import extract, payment, returned, write

FIRST, LAST = date(2005, 6, 1), date(2005, 12, 31)


def later(version: str, call: int) -> Policy:
    stages = json.loads(json.dumps(POLICY))
    stages["stages"]["call"]["from"]["days_past_due"] = call
    return Policy.model_validate({**stages, "version": version})


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    rows = [extract(f"A{number}", "2005-06-02", f"{100 + number}.00", f"2005-05-{10 + number}") for number in range(15)]
    rows.append({**rows[0], "account_id": "bad", "past_due_amount": "much"})
    rows.append(extract("LONG", "2005-06-02", "6000.00", "2005-01-10"))
    paid = [payment("A3", "2005-07-01", "103.00"), payment("A4", "2005-06-20", "104.00")]
    back = [returned("LONG-20050602", "2005-06-20")]
    return Inputs(
        [write(tmp_path / "portfolio.csv", "portfolio", rows)],
        [write(tmp_path / "payments.csv", "payments", paid)],
        returns=[write(tmp_path / "returns.csv", "returns", back)],
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_each_policy_is_played_as_if_it_were_alone(
    inputs: Inputs, policy: Policy, tmp_path: Path, processes: int
) -> None:
    policies = [policy, later("2", 20), policy.model_copy(update={"version": "3", "agency_id": "other"})]

    outcomes, _ = simulate_each(inputs, policies, FIRST, LAST, tmp_path / "out", processes=processes)

    for outcome, each in zip(outcomes, policies, strict=True):
        alone = tmp_path / "alone" / each.version
        assert simulate(inputs, each, FIRST, LAST, alone) == outcome.summary
        assert outcome.out == tmp_path / "out" / f"test-{each.version}"
        for name in ("timeline.csv", "summary.json", "rejects.jsonl"):
            assert (outcome.out / name).read_bytes() == (alone / name).read_bytes()


def test_one_policy_needs_no_folder_of_its_own(inputs: Inputs, policy: Policy, tmp_path: Path) -> None:
    ((outcome,), _) = simulate_each(inputs, [policy], FIRST, LAST, tmp_path / "out", processes=1)

    assert outcome.out == tmp_path / "out"
    assert (tmp_path / "out" / "timeline.csv").is_file()


def test_two_policies_of_one_name_and_version_are_refused(inputs: Inputs, policy: Policy, tmp_path: Path) -> None:
    with pytest.raises(InputsError, match="test 1 is there twice"):
        simulate_each(inputs, [policy, policy], FIRST, LAST, tmp_path / "out")


def test_a_version_is_no_way_out_of_the_folder(policy: Policy) -> None:
    assert folder_name(policy.model_copy(update={"version": "../../x y"})) == "test-..-..-x-y"


def test_figures_are_the_counts_of_the_timeline(inputs: Inputs, policy: Policy, tmp_path: Path) -> None:
    ((outcome,), _) = simulate_each(inputs, [policy], FIRST, LAST, tmp_path / "out", processes=1)
    with (tmp_path / "out" / "timeline.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    figures = outcome.figures

    counted = Counter(row["action"] for row in rows)
    assert figures.opened == counted["case_opened"]
    assert figures.through(PAID) == counted["case_closed"]
    assert figures.through(STILL_OPEN) == counted["case_opened"] - counted["case_closed"]
    for stage in policy.ladder:
        entered = [row for row in rows if (row["action"], row["stage"]) == ("stage_entered", stage)]
        assert figures.through(stage) == len(entered)
        assert figures.days_to_stage.get(stage, Counter()).total() == len(entered)
    for action in ("send_sms", "queue_call", "queue_letter", "place_with_agency", "recall_from_agency", "file_legal"):
        assert figures.actions[action] == counted[action]
        assert figures.daily.get(action, {}) == Counter(row["date"] for row in rows if row["action"] == action)
    for place in (OPENED, *policy.ladder):
        came = figures.opened if place == OPENED else figures.through(place)
        assert came == sum(count for (source, _), count in figures.flow.items() if source == place)


def story(*rows: tuple[str, str, str]) -> Figures:
    figures = Figures()
    for account_id, on, action in rows:
        figures.see((on, account_id, f"{account_id}-1", "call", action, ""))
    figures.end()
    return figures


def test_who_is_treated_differently() -> None:
    opened = [(account_id, "2005-06-01", "case_opened") for account_id in "ABCDEFG"]
    first = story(
        *opened,
        *[(account_id, "2005-06-05", "queue_call") for account_id in "ABCDE"],
        ("D", "2005-06-07", "queue_call"),
    )
    second = story(
        *opened,
        ("A", "2005-06-05", "queue_call"),
        ("B", "2005-06-04", "queue_call"),
        ("C", "2005-06-06", "queue_call"),
        ("D", "2005-06-05", "queue_call"),
        ("F", "2005-06-05", "queue_call"),
        ("A", "2005-06-09", "queue_call"),
    )

    found = Difference.between(first, second)

    assert (found.accounts, found.differ) == (7, 6)
    only_first, only_second, earlier, later_on, more, less = (("queue_call", kind) for kind in KINDS)
    assert found.kinds == {
        only_first: ["E"],
        only_second: ["F"],
        earlier: ["B"],
        later_on: ["C"],
        more: ["A"],
        less: ["D"],
    }
    assert found.sample(3) == ["B", "C", "E"]
    assert found.sample(100) == list("ABCDEF")
    assert "queue_call" in TREATMENTS


def test_quantiles_are_days_within_which_a_share_lies() -> None:
    days = Counter({0: 1, 10: 8, 30: 1})
    assert [quantile(days, share) for share in (0.1, 0.5, 0.9, 1)] == [0, 10, 10, 30]
    assert quantile(Counter(), 0.5) == 0


def test_an_account_rolls_from_month_to_month_as_its_extracts_say() -> None:
    rolls = Rolls()
    rolls.add(
        [
            (date(2005, 1, 5), None),
            (date(2005, 2, 5), date(2005, 1, 31)),  # 28 days past due at the end of February
            (date(2005, 3, 5), date(2005, 1, 31)),  # 59
            (date(2005, 5, 5), date(2005, 1, 31)),  # April, of which nothing new is known: 89; May: 120
            (date(2005, 6, 5), None),
        ]
    )

    current, some, thirty, sixty, ninety = range(len(BUCKETS))
    assert dict(rolls.counts) == {
        ((2005, 2), current, some): 1,
        ((2005, 3), some, thirty): 1,
        ((2005, 4), thirty, sixty): 1,
        ((2005, 5), sixty, ninety): 1,
        ((2005, 6), ninety, current): 1,
    }
    assert rolls.matrix()[ninety] == [1, 0, 0, 0, 0]
    assert rolls.by_month()[0] == ((2005, 2), [(1, 1), (0, 0), (0, 0), (0, 0), (0, 0)])


def test_rolls_are_read_from_the_files(inputs: Inputs, policy: Policy, tmp_path: Path) -> None:
    more = write(
        tmp_path / "july.csv",
        "portfolio",
        [extract("A1", "2005-07-02", "101.00", "2005-05-11"), extract("A2", "2005-07-02", "0.00")],
    )
    both = Inputs([*inputs.portfolio, more])

    _, rolls = simulate_each(both, [policy], FIRST, LAST, tmp_path / "out", processes=1)

    assert dict(rolls.counts) == {((2005, 7), 2, 3): 1, ((2005, 7), 2, 0): 1}
