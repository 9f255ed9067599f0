"""What is counted over the lives of cases, and how real accounts are played in several processes at once."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any

from arrears.domain.case import Case
from arrears.domain.legal import is_filed
from bench import real
from bench.meter import Count
from bench.sizes import Size

#: A legal officer approves so many days after being asked, as with `arrears simulate --approve-after 3`.
APPROVED_AFTER = 3


@dataclass
class Lives:
    """What was counted over the lives of some cases.

    Attributes:
        cases, days_open: how many there were, and for how many days they were open altogether.
        closed: how many of them have closed.
        ends: how the cases stood at the end.
        imported: what taking in the rows, and a legal officer's decisions, took; none of it is in `counted`.
        turns: how many turns their executions took: answers of functions that wait, act or end.
        actions: how many of them were actions.
        stored: bytes of accounts, cases and events in the table at the end.
        account_bytes: those of the accounts' own items.
    """

    accounts: int = 0
    cases: int = 0
    closed: int = 0
    days_open: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    actions: int = 0
    rows: int = 0
    stored: int = 0
    account_bytes: int = 0
    counted: Count = field(default_factory=Count)
    imported: Count = field(default_factory=Count)

    def __add__(self, other: "Lives") -> "Lives":
        """Return what was counted over the lives of both."""
        return Lives(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

    def ended(self, case: Case, after_days: int) -> None:
        """Count a case as it stands at the end."""
        self.cases += 1
        self.closed += not case.is_open
        self.days_open += after_days
        stands = "paid" if not case.is_open else "sued" if is_filed(case) else case.stage or "in no stage"
        self.ends[stands] += 1


Play = Callable[[Sequence[str], int], Lives]


def played(play: Play, size: Size, pieces: int) -> Lives:
    """Play some real accounts for some days, in several pieces at once: each has a stack, and a table, of its own."""
    accounts = real.first_accounts(size.accounts)
    pieces = min(pieces, len(accounts) // 10)
    if pieces < 2:
        return play(accounts, size.days)
    parts = [accounts[number::pieces] for number in range(pieces)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        every: Any = pool.map(play, parts, [size.days] * pieces)
        return sum(every, Lives())
