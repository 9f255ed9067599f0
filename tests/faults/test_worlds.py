"""Whatever goes wrong in whatever order, what must hold holds: fixed worlds, and fresh ones each time.

A world that breaks is shrunk and told. `python -m tests.faults.run --first SEED --seeds 1` plays it again.
"""

import time
from collections import Counter

import pytest

from tests.faults.choices import Choices
from tests.faults.hub import FAULTS
from tests.faults.planted import PLANTED
from tests.faults.play import play, report, shrink
from tests.faults.run import closing_line

#: What is done on purpose in some of so many worlds, however they are drawn.
MOVES = ("pause on", "pause off", "shadow on", "shadow off", "policy published", "text delivered", "text not delivered")
FIXED = 90
FRESH = 90


def none_breaks(seeds: range) -> str:
    orders, faults, moves = set(), Counter[str](), Counter[str]()
    for seed in seeds:
        played = play(seed)
        if played.broke:
            pytest.fail(report(played), pytrace=False)
        orders.add(played.order)
        faults.update(played.faults)
        moves.update(played.moves)
    assert len(orders) > len(seeds) * 0.9, "each seed is a world of its own"
    for fault in (*FAULTS[1:], "aborted", "execution ended badly", "invocation lost", "delivered twice", "reordered"):
        assert faults[fault], f"nothing was ever {fault}"
    for move in MOVES:
        assert moves[move], f"there was never a {move}"
    return closing_line(len(seeds), seeds.start, len(orders), faults, moves, 0)


def test_what_must_hold_holds_in_the_fixed_worlds() -> None:
    none_breaks(range(FIXED))


def test_what_must_hold_holds_in_fresh_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    first = int(time.time()) * 1000
    line = none_breaks(range(first, first + FRESH))
    with capsys.disabled():
        print(f"\n{line}")  # noqa: T201 - so that the run can be repeated


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    bug, rules = PLANTED[name]
    with bug():
        found = next(played for seed in range(2000) if (played := play(seed)).broke)
    assert found.broke in rules, found.why
    with capsys.disabled():
        print(f"\n{name}: found at seed {found.seed}")  # noqa: T201 - how soon says how good the worlds are


def test_a_seed_plays_the_same_world_each_time() -> None:
    for seed in (3, 8):
        assert play(seed, trace=True) == play(seed, trace=True)


def test_a_world_that_breaks_is_shrunk_and_told() -> None:
    with PLANTED["append without the version"][0]():
        found = next(played for seed in range(30, 2000) if (played := play(seed)).broke)
        small = shrink(found, plays=25)
        told = report(small, plays=0)
    assert small.broke == found.broke
    assert sum(map(bool, small.choices)) < sum(map(bool, found.choices)) * 0.8
    assert f"seed {found.seed} breaks" in told
    assert "Planned" in told


def test_choices_that_were_kept_are_given_again_and_none_disturbs_when_they_are_over() -> None:
    drawn = Choices(1)
    made = [drawn.below(5), drawn.pick((0.1, 0.9)), drawn.below(9)]
    again = Choices(2, drawn.made)
    assert [again.below(5), again.pick((0.1, 0.9)), again.below(9), again.below(7)] == [*made, 0]
