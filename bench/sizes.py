"""How much is measured: the whole, or just enough to see that it still works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Sizes of a run.

    Attributes:
        accounts: real accounts whose lives are played on moto; played in several processes at once.
        days: dates that are played.
        core_accounts: accounts of the simulator's comparison; None for all there are.
        core_days: dates of it.
        files: of the portfolio and of the payments, that several policies are played over; None for all.
        current: current accounts in the table when it is scanned.
        rows: rows of the files that are imported.
        reference: reference cases that are played.
        starts: how often each function is started.
        functions: how many functions are started; None for all.
    """

    accounts: int = 100
    days: int = 454
    core_accounts: int | None = None
    core_days: int = 454
    files: int | None = None
    current: tuple[int, ...] = (50, 500, 5_000)
    rows: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    reference: int = 4
    starts: int = 5
    functions: int | None = None


WHOLE = Size()
SMOKE = Size(2, 20, 40, 40, 2, (5, 10), (300, 600), 1, 1, 1)
