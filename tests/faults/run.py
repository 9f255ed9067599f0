"""`make faults SEEDS=n`: plays worlds on all cores, and says in one line what was played and what went wrong in it."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.faults.play import Played, play, report

#: So many worlds that broke are shrunk and told of; the others are counted.
_TOLD = 3


def closing_line(seeds: int, first: int, orders: int, faults: Counter[str], moves: Counter[str], broken: int) -> str:
    """Say in one line what was played."""

    def counted(counter: Counter[str]) -> str:
        return ", ".join(f"{name} {times}" for name, times in sorted(counter.items()))

    verdict = "clean" if not broken else f"{broken} BROKEN"
    played = f"{seeds} seeds from {first}: {verdict}; {orders} distinct interleavings"
    return f"{played}; faults: {counted(faults)}; moves: {counted(moves)}"


def main(arguments: list[str] | None = None) -> int:
    """Play; 1 when a world breaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    orders: set[tuple[int, int]] = set()
    faults: Counter[str] = Counter()
    moves: Counter[str] = Counter()
    broken: list[Played] = []
    began = time.monotonic()
    with multiprocessing.get_context("fork").Pool(given.workers, maxtasksperchild=2000) as pool:
        seeds = range(given.first, given.first + given.seeds)
        for number, played in enumerate(pool.imap_unordered(play, seeds, chunksize=20), 1):
            orders.add(played.order)
            faults.update(played.faults)
            moves.update(played.moves)
            if played.broke:
                broken.append(played)
                sys.stderr.write(f"seed {played.seed}: {played.why.splitlines()[-1]}\n")
            if number % 1000 == 0:
                sys.stderr.write(f"{number} worlds in {time.monotonic() - began:.0f} s\n")
    for played in sorted(broken, key=lambda one: len(one.choices))[:_TOLD]:
        sys.stdout.write(report(played) + "\n")
    sys.stdout.write(closing_line(given.seeds, given.first, len(orders), faults, moves, len(broken)) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
