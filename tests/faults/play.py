"""Plays worlds, and shrinks those that break."""

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.faults.choices import Choices
from tests.faults.hub import BrokenError
from tests.faults.world import World


@dataclass(frozen=True)
class Played:
    """What came of a world.

    Attributes:
        seed: what it was drawn from.
        order: names the interleaving: what happened in which order.
        faults: how often each thing went wrong.
        moves: how often each thing was done on purpose.
        broke: the rule that did not hold; empty for a world in which all held.
        why: what broke it.
        choices: all that was drawn.
        trace: what happened, where it was asked for.
    """

    seed: int
    order: tuple[int, int]
    faults: Counter[str]
    broke: str = ""
    why: str = ""
    choices: tuple[int, ...] = ()
    trace: tuple[str, ...] = field(default=(), repr=False)
    moves: Counter[str] = field(default_factory=Counter)


def play(seed: int, given: Sequence[int] | None = None, *, trace: bool = False) -> Played:
    """Play the world of a seed, or of choices that were kept."""
    lines: list[str] | None = [] if trace else None
    choices = Choices(seed, given)
    world = World(choices, lines)
    broke = why = ""
    try:
        world.play()
    except BrokenError as error:
        broke, why = error.rule, str(error)
    except Exception as error:  # noqa: BLE001 - an error that nobody thought of is what this looks for
        broke, why = type(error).__name__, traceback.format_exc()
    finally:
        world.stop()
    made = tuple(choices.made) if broke else ()
    trace_ = tuple(lines or ())
    return Played(seed, (world.order, world.steps), world.faults, broke, why, made, trace_, world.moves)


def shrink(played: Played, *, plays: int = 400, tell: Callable[[int], None] = lambda _: None) -> Played:
    """Return a smaller world that breaks the same rule: with choices that disturb nothing in the place of others.

    Chunks of choices are put to 0, large ones first (delta debugging: Zeller and Hildebrandt, 2002).
    """
    kept = list(played.choices)
    size = len(kept)
    while size >= 1 and plays > 0:
        for start in range(0, len(kept), size):
            if plays <= 0 or not any(kept[start : start + size]):
                continue
            tried = [*kept[:start], *([0] * len(kept[start : start + size])), *kept[start + size :]]
            plays -= 1
            again = play(played.seed, tried)
            if again.broke == played.broke:
                kept = list(again.choices)
                tell(sum(map(bool, kept)))
        size //= 2
    return play(played.seed, kept, trace=True)


def report(played: Played, *, plays: int = 400) -> str:
    """Say how a world broke, in the order in which it happened."""
    small = shrink(played, plays=plays)
    disturbed = sum(map(bool, small.choices))
    lines = small.trace[-80:]
    return "\n".join(
        [
            f"seed {played.seed} breaks: {played.why}",
            f"shrunk to {disturbed} choices that disturb ({sum(map(bool, played.choices))} before): {small.why}",
            *(f"    {line}" for line in lines),
        ]
    )
