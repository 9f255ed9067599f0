"""The simulator beside the obvious way: for each date, for each account, decide.

Both ask the same `decide` and `evolve` and give the same timeline. The player here trusts no `Wait` and looks at every
account on every date; Arrears goes from one date on which anything can change to the next, and tells what it has
decided for one account for all that come to the same place. Both run without Python's collector of cycles, as
`arrears simulate` plays without it.
"""

import gc
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from arrears.domain.case import Case, evolve, opening
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import open_case
from arrears.domain.events import ArrearsReported, Event, PaymentReceived
from arrears.domain.facts import Account, Extract, Payment
from arrears.domain.policy import Policy
from arrears.domain.timeline import Row, timeline
from arrears.domain.turn import take_turn
from arrears.policy_file import load_policy
from arrears.resources import resource
from arrears.simulate import Inputs, simulate
from arrears.simulate.cohorts import Cohorts, without_collector
from arrears.simulate.player import DatedFact, Player
from arrears.simulate.several import simulate_each
from bench import real
from bench.sizes import Size
from tests.yardstick.plain_player import play_date, read

T = TypeVar("T")
Facts = dict[str, list[tuple[date, Extract | Payment]]]


@dataclass
class Core:
    """Times in seconds of CPU time.

    Attributes:
        looks: how often the plain player looks at an account.
        dates: on how many dates, of all accounts, something can change.
        decided: how often Arrears decides on a date; on the others it tells what was decided before.
        turns: how often it takes a turn with a case.
        read: the time to read the files into memory, the same for both.
        files: end to end, `arrears simulate`, from files to files.
    """

    accounts: int
    days: int
    rows: int
    looks: int
    dates: int
    decided: int
    turns: int
    core: float
    plain: float
    read: float
    files: float
    same: bool


def timed(what: Callable[[], T]) -> tuple[float, T]:
    """Return the CPU time that something takes, and what it gives."""
    gc.collect()
    with without_collector():
        begun = time.process_time()
        given = what()
        return time.process_time() - begun, given


def measure(size: Size) -> Core:
    """Play the whole portfolio both ways, and compare every row."""
    policy = load_policy(resource("tw-credit-card.yaml")).policy
    last = real.FIRST + timedelta(days=size.core_days - 1)
    portfolio, payments = real.portfolio()
    taken, facts = timed(lambda: read(portfolio, payments))
    facts = dict(sorted(facts.items())[: size.core_accounts])
    cohorts = Cohorts(Player(policy, real.FIRST, last))
    core, ours = timed(lambda: _ours(facts, cohorts))
    plain, theirs = timed(lambda: _plainly(facts, policy, last))
    with tempfile.TemporaryDirectory() as out:
        inputs = Inputs(portfolio, payments)
        began = time.process_time()
        simulate(inputs, policy, real.FIRST, last, Path(out))
        files = time.process_time() - began
    turns = _turns(facts, policy, last)
    return Core(
        len(facts),
        size.core_days,
        len(ours),
        len(facts) * size.core_days,
        cohorts.followed,
        cohorts.decided,
        turns,
        core,
        plain,
        taken,
        files,
        ours == theirs,
    )


def several(size: Size) -> dict[str, float]:
    """Play one policy and ten over the same files; CPU time of all processes, and the time that ten take."""
    policy = load_policy(resource("tw-credit-card.yaml")).policy
    last = real.FIRST + timedelta(days=size.core_days - 1)
    portfolio, payments = real.portfolio()
    inputs = Inputs(portfolio[: size.files], payments[: size.files])
    found: dict[str, float] = {}
    for name, number in (("one", 1), ("ten", 10)):
        policies = [policy.model_copy(update={"version": f"2026.{each}"}) for each in range(number)]
        with tempfile.TemporaryDirectory() as out:
            began, before = time.monotonic(), _cpu_of_all()
            simulate_each(inputs, policies, real.FIRST, last, Path(out))
            found |= {name: _cpu_of_all() - before, f"{name}_took": time.monotonic() - began}
    return found


def _cpu_of_all() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _ours(facts: Facts, cohorts: Cohorts) -> list[Row]:
    rows = list[Row]()
    for account_id, told in facts.items():
        # As `arrears simulate`: an account that is never past due has no case.
        if any(isinstance(fact, Extract) and fact.past_due.amount for _, fact in told):
            rows += cohorts.play(account_id, [DatedFact(on, fact) for on, fact in told]).rows()
    return sorted(rows, key=attrgetter("date", "account_id"))


def _turns(facts: Facts, policy: Policy, last: date) -> int:
    """Count the turns, in a run of its own that is not timed."""
    taken = 0

    def counted(*arguments: Any) -> Any:
        nonlocal taken
        taken += 1
        return take_turn(*arguments)

    with patch("arrears.simulate.player.take_turn", counted):
        _ours(facts, Cohorts(Player(policy, real.FIRST, last)))
    return taken


class _Plain:
    """One account of the plain player."""

    __slots__ = ("account", "case", "facts", "index", "story")

    def __init__(self, account_id: str, facts: list[tuple[date, Extract | Payment]]) -> None:
        self.account, self.facts, self.index = Account(account_id), facts, 0
        self.case: Case | None = None
        self.story: list[Event] = []

    def look(self, policy: Policy, day: date, rows: list[Row]) -> None:
        """Take in the date's facts; open a case, or play the one that is open."""
        while self.index < len(self.facts) and self.facts[self.index][0] <= day:
            fact = self.facts[self.index][1]
            self.index += 1
            if self.case is not None:
                happened = ArrearsReported(fact, day) if isinstance(fact, Extract) else PaymentReceived(fact)
                self.case = evolve(self.case, happened)
            elif isinstance(fact, Extract):
                self.account = self.account.with_extract(fact)
            else:
                self.account = self.account.with_payment(fact)
        if self.case is None:
            opened = open_case(self.account, policy, day)
            if opened is None:
                return
            self.story, self.case = [opened], opening(opened)
        self.case = play_date(self.case, policy, day, self.story)
        if not self.case.is_open:
            rows += timeline(self.story)
            self.account, self.case = self.case.account, None


def _plainly(facts: Facts, policy: Policy, last: date) -> list[Row]:
    accounts = [_Plain(account_id, told) for account_id, told in facts.items()]
    rows: list[Row] = []
    day = real.FIRST
    while day <= last:
        for account in accounts:
            account.look(policy, day, rows)
        day += ONE_DAY
    for account in accounts:
        if account.case is not None:
            rows += timeline(account.story)
    return sorted(rows, key=attrgetter("date", "account_id"))
