"""What both ways of driving the product have in common: a stack on moto, the bank's files, a legal officer."""

import abc
import contextlib
import functools
import io
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from arrears import runtime
from arrears.adapters import aws
from arrears.adapters.table import Table
from arrears.domain.dates import ONE_DAY
from arrears.domain.events import ApprovalAsked
from arrears.effects.exports import Exports
from arrears.policy_file import load_policy
from arrears.resources import resource
from arrears.usecases.orders import Orders
from arrears.usecases.take_in import TakeIn
from arrears.usecases.wake import Wake
from bench import real
from bench.life import APPROVED_AFTER, Lives
from bench.meter import STORED, Meter, size_of
from tests.support.escalation import Escalation, deployed
from tests.support.keys import LocalKms
from tests.support.stack import ACCOUNT, CREDENTIALS, REGION, Stack, moto_stack

if TYPE_CHECKING:
    from arrears.usecases.drop import Drop


class Bank(abc.ABC):
    """A deployed stack whose calls are counted, and the accounts that are played on it."""

    #: Whether something reads the table's index, which is billed then.
    indexed = True
    #: Whether moto plays the executions.
    executes = True

    def __init__(self, escalation: Escalation, meter: Meter, accounts: Sequence[str]) -> None:
        self.escalation, self.meter, self.accounts = escalation, meter, accounts
        self.stack: Stack = escalation.stack
        self.lives = Lives(accounts=len(accounts))
        self.today = date.min
        #: The cases for which a legal officer was asked, and when.
        self.asked: dict[str, date] = {}
        self.moving: set[str] = set()
        self.begin()

    @abc.abstractmethod
    def begin(self) -> None:
        """Make what is played on ready."""

    @abc.abstractmethod
    def play(self, on: date, rows: real.Day | None = None) -> None:
        """Play a date, and what the bank's files say on it."""

    def play_days(self, days: int) -> None:
        """Play the real accounts from the first date on."""
        rows = real.days(set(self.accounts))
        with self.meter.off():
            Exports(self.stack.table).set_closed_through(real.FIRST - ONE_DAY)
        for ahead in range(days):
            day = real.FIRST + timedelta(days=ahead)
            self.play(day, rows.get(day))
            self.close(day)

    def clock(self, day: date) -> None:
        """Let it be another date."""
        self.today = day
        with self.meter.off():
            self.stack.on(day)

    # --- what comes in -----------------------------------------------------------------------------------------------
    def take_in(self, day: real.Day, on: date) -> None:
        """Take in the rows of a date, as `import_rows` does."""
        with self._as_import():
            for kind, groups in day.items():
                drop: Drop = {
                    "bucket": "inbound",
                    "key": f"{kind}/{on}.csv",
                    "version": "1",
                    "kind": kind,
                    "agency_id": "",
                    "run": f"{kind}-{on}",
                    "dropped_at": f"{on}T00:00:00+00:00",
                }
                take_in = TakeIn.begin(self.stack.table, self.stack.settings, drop)
                loaded = take_in.load(groups)
                for account_id, rows in groups.items():
                    self.lives.rows += len(rows)
                    for verdict in take_in.rows(account_id, rows, loaded):
                        assert verdict.refused is None, verdict.refused

    def to_approve(self, on: date) -> list[str]:
        """Return the cases that a legal officer decides on, on a date."""
        return [case_id for case_id, since in self.asked.items() if (on - since).days == APPROVED_AFTER]

    def approve(self, case_ids: Sequence[str]) -> None:
        """Let the legal officer approve that cases are sued, those that have closed meanwhile left out."""
        orders = Orders(self.stack.table, self.stack.settings)
        with self._as_import():
            for case_id in case_ids:
                del self.asked[case_id]
                with self.meter.off():
                    is_open = self.stack.case(case_id).case.is_open
                if is_open:
                    orders.decide(case_id, "A. Officer", "claim and evidence are complete", approved=True)

    @contextlib.contextmanager
    def _as_import(self) -> Iterator[None]:
        before = self.meter.count.copy()
        yield
        self.lives.imported += self.meter.count - before

    def close(self, on: date) -> None:
        """Close the day where there is something to export; what that takes is the day's, not a case's."""
        if self.meter.holds(self.stack.table.name, f"EXPORT#{on}"):
            with self.meter.off():
                Exports(self.stack.table).set_closed_through(on - ONE_DAY)
                self.escalation.invoke("close_export_day", {})

    # --- the end -----------------------------------------------------------------------------------------------------
    def ended(self, case_id: str) -> None:
        """Count a case as it stands."""
        with self.meter.off():
            case = self.stack.case(case_id).case
        self.lives.ended(case, ((case.closed_on or self.today) - case.opened_on).days + case.is_open)

    def finish(self) -> Lives:
        """Count what is stored."""
        self.lives.counted = self.meter.count - self.lives.imported
        with self.meter.off():
            pages = self.stack.client.get_paginator("scan").paginate(TableName=self.stack.table.name)
            for item in (dict(item) for page in pages for item in page["Items"]):
                if item["pk"]["S"].startswith("ACCOUNT#"):
                    size = size_of(item)
                    self.lives.stored += size + STORED
                    self.lives.account_bytes += size if item["sk"]["S"] == "ACCOUNT" else 0
        return self.lives


_Bank = TypeVar("_Bank", bound=Bank)


@contextlib.contextmanager
def bank(made: type[_Bank], accounts: Sequence[str], policy: str, without: Sequence[str] = ()) -> Iterator[_Bank]:
    """Deploy a stack that plays a policy that ships, without some of its keys, such as `stages.legal`."""
    with pytest.MonkeyPatch.context() as patch:
        # moto tells at length of each wait that is cut off at the end.
        logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with moto_stack(config={"stepfunctions": {"execute_state_machine": made.executes}}) as stack:
            patch.setattr(aws, "kms", LocalKms)
            # All that open on the first date go one after the other.
            patch.setattr("tests.support.escalation.PATIENCE", 900.0)
            with deployed(stack, patch) as escalation:
                loaded = load_policy(resource(f"{policy}.yaml"))
                document = json.loads(loaded.document())
                for key in without:
                    *path, last = key.split(".")
                    del functools.reduce(dict.__getitem__, path, document["policy"])[last]
                stack.settings.publish(json.dumps(document), loaded.policy.label)
                meter = Meter(ACCOUNT, REGION, indexed=made.indexed)
                harness = made(escalation, meter, accounts)
                _watch(harness, patch)
                _count_functions(escalation, meter, patch)
                with meter.on():
                    yield harness


def _count_functions(escalation: Escalation, meter: Meter, patch: pytest.MonkeyPatch) -> None:
    """Have every invocation counted: those of the state machine, and those that schedules and the stream make."""
    run, invoke = escalation.lambdas._run, escalation.invoke

    def counted(folder: str, payload: Any) -> Any:
        with meter.function(folder):
            return run(folder, payload)

    def invoked(folder: str, event: Any) -> Any:
        with meter.function(folder):
            return invoke(folder, event)

    patch.setattr(escalation.lambdas, "_run", counted)
    patch.setattr(escalation, "invoke", invoked)
    log = _Log(meter)
    patch.setattr(runtime.logger.registered_handler, "stream", log)
    patch.setattr(sys, "stdout", log)


def _watch(harness: Bank, patch: pytest.MonkeyPatch) -> None:
    """Know whom the stream has woken, and for which cases a legal officer is asked."""
    wake, appending = Wake.__call__, Table.appending

    def woken(self: Wake, case_id: str, number: int) -> bool:
        is_woken = wake(self, case_id, number)
        if is_woken:
            harness.moving.add(case_id)
        return is_woken

    def appended(self: Table, record: Any, events: Any, *arguments: Any, **named: Any) -> Any:
        after, writes = appending(self, record, events, *arguments, **named)
        for event in events:
            if isinstance(event, ApprovalAsked):
                harness.asked.setdefault(after.case.case_id, event.on)
        return after, writes

    patch.setattr(Wake, "__call__", woken)
    patch.setattr(Table, "appending", appended)


class _Log(io.TextIOBase):
    """Stands for the log group."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def write(self, text: str) -> int:
        """Count what is written."""
        self._meter.logged("all", len(text.encode()))
        return len(text)
