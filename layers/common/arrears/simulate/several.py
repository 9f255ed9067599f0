"""Several policies over the same files: read once, played side by side, one process for each core."""

import marshal
import multiprocessing
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from arrears.domain.policy import Policy
from arrears.files import Kind
from arrears.simulate.figures import Figures
from arrears.simulate.rolls import Rolls
from arrears.simulate.run import InputFile, Inputs, InputsError, Read, Reject, Rows, Simulation, read_files
from arrears.simulate.store import Facts, Stored


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one policy.

    Attributes:
        policy: the policy.
        out: the folder with its timeline and summary.
        summary: as in `summary.json`.
        figures: as counted from the rows of the timeline.
    """

    policy: Policy
    out: Path
    summary: Mapping[str, Any]
    figures: Figures


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every process needs; it is sent to each of them."""

    files: Sequence[InputFile]
    stored: Stored
    rows: dict[Kind, Rows]
    rejects: Path
    first: date
    last: date
    approve_after: int | None


def folder_name(policy: Policy) -> str:
    """Return the folder of one policy among several: name and version, with a dash for what no file name may hold."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{policy.name}-{policy.version}")


def cores() -> int:
    """Return how many processes can run at a time on the cores that this one may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def simulate_each(
    inputs: Inputs,
    policies: Sequence[Policy],
    first: date,
    last: date,
    out: Path,
    *,
    processes: int | None = None,
    approve_after: int | None = None,
) -> tuple[list[Outcome], Rolls]:
    """Play each policy over the same files.

    Args:
        inputs: the files; each is read once.
        policies: of different names or versions.
        first: the first date played.
        last: the last one.
        out: the folder; where there is more than one policy each has a folder of its own in it.
        approve_after: see `Player`.
        processes: how many run at a time; as many as there are cores without it.

    Returns:
        what came of each policy, in the order given, and how the portfolio rolled.

    Raises:
        InputsError: a path leads nowhere, or two policies have the same name and version.
        OSError: the folder cannot be written.
    """
    folders = [out] if len(policies) == 1 else [out / folder_name(policy) for policy in policies]
    for folder, policy in zip(folders, policies, strict=True):
        if folders.count(folder) > 1:
            raise InputsError(f"{policy.label} is there twice: give each policy a name or a version of its own")
    files = inputs.files()
    with TemporaryDirectory(prefix="arrears-") as scratch:
        rejects = Path(scratch) / "rejects"
        with closing(Facts(path=Path(scratch) / "facts")) as facts, rejects.open("wb") as refused:
            rows = read_files(files, facts, lambda reject: marshal.dump(reject, refused))
            stored = facts.stored()
        shared = _Shared(files, stored, rows, rejects, first, last, approve_after)
        most = min(len(policies) + 1, processes or cores())
        if most == 1:
            return [_play(shared, *each) for each in zip(policies, folders, strict=True)], _roll(shared)
        # Started afresh, not forked: what a fork inherits is not the same on every system.
        with ProcessPoolExecutor(most, mp_context=multiprocessing.get_context("spawn")) as pool:
            played = [pool.submit(_play, shared, *each) for each in zip(policies, folders, strict=True)]
            rolled = pool.submit(_roll, shared)
            return [each.result() for each in played], rolled.result()


def _play(shared: _Shared, policy: Policy, out: Path) -> Outcome:
    figures = Figures()
    with closing(Facts.opened(shared.stored)) as facts:
        read = Read(shared.files, facts, shared.rows, _rejects(shared.rejects))
        simulation = Simulation(shared.files, policy, shared.first, shared.last, shared.approve_after)
        summary = simulation.play(read, out, figures.see)
    figures.end()
    return Outcome(policy, out, summary, figures)


def _roll(shared: _Shared) -> Rolls:
    with closing(Facts.opened(shared.stored)) as facts:
        return Rolls.of(rows for _, rows in facts.accounts())


def _rejects(path: Path) -> Iterator[Reject]:
    with path.open("rb") as file:
        while True:
            try:
                yield marshal.load(file)  # noqa: S302 - what the simulation wrote itself
            except EOFError:
                return
