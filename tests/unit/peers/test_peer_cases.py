"""Other systems' published cases: ours says what is written, and every difference has its reason in docs/peers.md."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.builders import extract
from tests.support.played import fact
from tests.unit.docs.markdown import read
from tests.unit.peers.scenarios import SCENARIOS, WHY, Account, Line, hold, ladder, owes, pays, promise
from tools.template import ROOT

PUBLISHED = ROOT.parent / "shared" / "peer_cases.json"
LINES = [
    pytest.param(line, id=f"{name}-{number}-day{line.day}")
    for name, told in SCENARIOS.items()
    for number, line in enumerate(told)
]
#: What the other systems' words for a stage or a state are with us.
SAME = {"CLEAR": "none", "NO_DELINQUENCY": "none", "current": "none", "Unresolved": "open", "Resolved": "closed"}


@pytest.mark.parametrize("line", LINES)
def test_ours_says_what_is_written(line: Line) -> None:
    assert line.says() == line.ours


@pytest.mark.parametrize("line", LINES)
def test_a_difference_has_its_reason_and_nothing_else_has(line: Line) -> None:
    assert not line.why or line.why in WHY
    meant = SAME.get(line.peer, line.peer.lower())
    if " " not in line.peer and line.peer not in {"accepted", "rejected", "error"}:
        assert (meant == line.ours) == (not line.why)


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published cases are not beside this checkout")
def test_every_published_case_is_here_line_by_line() -> None:
    published: list[dict[str, Any]] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert {case["id"] for case in published} == set(SCENARIOS)
    for case in published:
        told = [(line["day"], line["expected"]) for line in case["timeline"]]
        assert [(line.day, line.peer) for line in SCENARIOS[case["id"]]] == told, case["id"]


def test_the_document_names_every_scenario_that_differs_and_every_reason() -> None:
    text = " ".join(read(ROOT / "docs" / "peers.md").split())
    for name, told in SCENARIOS.items():
        for why in {line.why for line in told if line.why}:
            assert f"`{name}`" in text
            assert WHY[why] in text, why


def test_the_document_counts_right() -> None:
    every = [line for told in SCENARIOS.values() for line in told]
    same = sum(not line.why for line in every)
    text = " ".join(read(ROOT / "docs" / "peers.md").split())
    assert f"{len(SCENARIOS)} scenarios with {len(every)} expected states: {same} are the same with us" in text


def test_of_the_reasons_none_is_left_over() -> None:
    assert set(WHY) == {line.why for told in SCENARIOS.values() for line in told} - {""}


# --- faults that were seen elsewhere ---------------------------------------------------------------------------------
DAY0 = date(2023, 10, 1)


def test_a_promise_that_was_kept_is_not_called_broken() -> None:
    day0 = date(2024, 3, 1)
    assert promise(10, pays(day0, 5, "100.00")) == "kept"
    assert promise(10) == "broken"


def test_a_hold_around_an_older_one_counts_no_day_twice() -> None:
    inner, outer = hold(DAY0, 12, 15, "H1"), hold(DAY0, 10, 20, "H2")
    stages = ladder(("first", 5), ("second", 11))
    one = Account(DAY0, stages, [owes(DAY0, 1, "100.00"), *inner, *outer])
    assert [one.stage(day) for day in (9, 11, 15, 19, 20)] == ["first", "first", "first", "first", "second"]


def test_after_a_part_payment_no_stage_is_skipped_and_the_ladder_goes_on() -> None:
    stages = ladder(("first", 5), ("second", 10), ("third", 15))
    one = Account(DAY0, stages, [owes(DAY0, 1, "100.00"), pays(DAY0, 9, "60.00")])
    assert [one.stage(day) for day in (5, 9, 10, 15)] == ["first", "first", "second", "third"]


def test_the_last_stage_comes_to_an_end() -> None:
    one = Account(DAY0, ladder(("last", 1), action="queue_letter"), [owes(DAY0, 1, "100.00")])
    assert one.done(700, "queue_letter") == 1


def test_a_letter_without_an_address_is_not_queued_for_ever() -> None:
    stages = ladder(("first", 1), ("second", 10), action="queue_letter")
    known = extract("100.00", as_of=DAY0 + timedelta(days=1), oldest_due=DAY0, mailable=False)
    nowhere = fact(known.as_of, known)
    one = Account(DAY0, stages, [nowhere])
    assert one.done(30, "queue_letter") == 0
    assert one.stage(30) == "second"


def test_a_hold_entered_after_the_fact_counts_from_its_date() -> None:
    stages = ladder(("first", 5), ("second", 12))
    one = Account(DAY0, stages, [owes(DAY0, 1, "100.00"), *hold(DAY0, 10, 20)])
    assert one.stage(12) == "first"
    assert DAY0 + timedelta(days=20) == date(2023, 10, 21)
    assert one.stage(20) == "second"
