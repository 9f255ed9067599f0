"""The lives of cases as they are: the real state machine on moto, the real functions, every call counted.

The harness stands for what costs nothing or is billed otherwise: it moves the clock, hands the table's events to
`wake_case` as the stream does, and ends a wait whose time has come, as `TimeoutSecondsPath` does.
"""

import contextlib
import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from arrears import runtime
from arrears.adapters import aws
from arrears.domain.dates import ONE_DAY
from arrears.effects.exports import Exports
from arrears.files import Kind, parse
from arrears.local.driver import time_is_up
from arrears.policy_file import load_policy
from arrears.resources import resource
from arrears.usecases.take_in import NumberedRow, TakeIn
from arrears.usecases.wake import Wake
from bench import real
from bench.meter import STORED, Count, Meter, size_of
from bench.sizes import Size
from tests.support.escalation import Escalation, Execution, deployed
from tests.support.keys import LocalKms
from tests.support.rows import PAYMENT, PORTFOLIO
from tests.support.stack import ACCOUNT, CREDENTIALS, REGION, Stack, moto_stack

if TYPE_CHECKING:
    from arrears.usecases.drop import Drop


@dataclass
class Lives:
    """What was counted over the lives of some cases.

    Attributes:
        cases, days_open: how many there were, and for how many days they were open altogether.
        imported: what taking in the rows took; none of it is in `counted`.
        turns: how many turns their executions took.
        actions: how many of them were actions.
        stored: bytes in the table at the end.
    """

    accounts: int = 0
    cases: int = 0
    closed: int = 0
    days_open: int = 0
    turns: int = 0
    actions: int = 0
    rows: int = 0
    stored: int = 0
    counted: Count = field(default_factory=Count)
    imported: Count = field(default_factory=Count)


class Harness:
    """A deployed stack whose calls are counted."""

    def __init__(self, escalation: Escalation, meter: Meter) -> None:
        self.escalation, self.meter = escalation, meter
        self.stack: Stack = escalation.stack
        self.running: dict[str, Execution] = {}
        #: Those that were started or woken and have not come to rest.
        self.moving: set[str] = set()
        self.lives = Lives()

    # --- what happens ------------------------------------------------------------------------------------------------
    def clock(self, day: date) -> None:
        """Let it be another date."""
        with self.meter.off():
            self.stack.on(day)

    def take_in(self, day: real.Day, on: date) -> None:
        """Take in the rows of a date, as `import_rows` does, and let the stream wake whom they are news for."""
        for kind, groups in day.items():
            before = self.versions(groups)
            began = self.meter.count.copy()
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
            self._add_import(self.meter.count - began)
            for case_id, version in before.items():
                self.escalation.stream(case_id, version)
        self.rest()

    def _add_import(self, count: Count) -> None:
        sums = self.lives.imported
        sums.calls += count.calls
        sums.write += count.write
        for name, units in count.read.items():
            sums.read[name] = sums.read.get(name, 0.0) + units

    def versions(self, accounts: Any) -> dict[str, int]:
        """Return the versions of the open cases of some accounts."""
        with self.meter.off():
            found = {}
            for case_id, execution in self.running.items():
                if case_id[:-9] in accounts and execution.status == "RUNNING":
                    found[case_id] = self.stack.case(case_id).case.version
            return found

    def times_out(self, on: date) -> None:
        """End the waits whose time has come."""
        with self.meter.off():
            due = []
            for _, sk, item in self.meter.items(self.stack.table.name, "ACCOUNT#"):
                if sk.startswith("CASE#") and "token" in item and item["due"][:10] <= on.isoformat():
                    due.append((sk.removeprefix("CASE#"), item["token"]))
            for case_id, token in due:
                if case_id in self.running:
                    assert time_is_up(self.escalation.client, token)
                    self.moving.add(case_id)
        self.rest()

    def scan(self, on: date) -> None:
        """Scan where somebody is due, and let what was started come to its first wait."""
        arn = self.escalation.arn.replace(":stateMachine:", ":execution:")
        for pk, sk, item in self.meter.items(self.stack.table.name, "ACCOUNT#"):
            if sk == "ACCOUNT" and item.get("queue", "").startswith("scan#") and item["due"] <= on.isoformat():
                case_id = f"{pk.removeprefix('ACCOUNT#')}-{on:%Y%m%d}"
                self.running[case_id] = Execution(self.escalation.client, f"{arn}:{case_id}-g1", self.escalation.waits)
                self.moving.add(case_id)
        if self.moving:
            # The queue is read for all cases at once: what that takes is measured apart (`scans`).
            with self.meter.off():
                report = self.escalation.scan()
            self.meter.count.calls["stepfunctions:StartExecution"] += report["started"]
            assert report["started"] == len(self.moving), report
            self.rest()

    def close(self, on: date) -> None:
        """Close the day where there is something to export; what that takes is the day's, not a case's."""
        if any(self.meter.items(self.stack.table.name, f"EXPORT#{on}")):
            with self.meter.off():
                Exports(self.stack.table).set_closed_through(on - ONE_DAY)
                self.escalation.invoke("close_export_day", {})

    def rest(self) -> None:
        """Let every execution that was started or woken come to its wait or its end."""
        with self.meter.off():
            for case_id in sorted(self.moving):
                execution = self.running[case_id].rest()
                if execution.status != "RUNNING":
                    assert execution.status == "SUCCEEDED", execution.describe()
                    self.ends(case_id)
        self.moving.clear()

    def ends(self, case_id: str) -> None:
        """Count the states that an execution entered."""
        execution = self.running.pop(case_id)
        with self.meter.off():
            path = execution.path()
            case = self.stack.case(case_id).case
            self.lives.cases += 1
            self.lives.closed += case.closed_on is not None
            self.lives.days_open += ((case.closed_on or self.today) - case.opened_on).days + (not case.closed_on)
            self.lives.turns += path.count("WaitForNews")
            self.lives.actions += sum(name not in _NO_ACTION for name in path)
            self.meter.count.transitions += len(path)

    @property
    def today(self) -> date:
        """The business date."""
        with self.meter.off():
            on = self.stack.settings.clock().set_to
        assert on is not None
        return on

    def finish(self) -> Lives:
        """Count the cases that are still open, and what is stored."""
        for case_id in list(self.running):
            self.ends(case_id)
        self.lives.counted = self.meter.count - self.lives.imported
        with self.meter.off():
            pages = self.stack.client.get_paginator("scan").paginate(TableName=self.stack.table.name)
            items = [dict(item) for page in pages for item in page["Items"]]
            self.lives.stored = sum(size_of(item) + STORED for item in items if item["pk"]["S"].startswith("ACCOUNT#"))
        return self.lives


_NO_ACTION = {"Assess", "What next?", "What now?", "WaitForNews", "HandOver", "Closed", "GiveUp"}


@contextlib.contextmanager
def harness(policy: str, without: str = "") -> Iterator[Harness]:
    """Deploy a stack that plays a policy that ships, without one of its keys."""
    with pytest.MonkeyPatch.context() as patch:
        # moto tells at length of each wait that is cut off at the end.
        logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with moto_stack(config={"stepfunctions": {"execute_state_machine": True}}) as stack:
            patch.setattr(aws, "kms", LocalKms)
            # Sixty cases open on the first date, and go one after the other.
            patch.setattr("tests.support.escalation.PATIENCE", 900.0)
            with deployed(stack, patch) as escalation:
                loaded = load_policy(resource(f"{policy}.yaml"))
                document = json.loads(loaded.document())
                document["policy"].pop(without, None)
                stack.settings.publish(json.dumps(document), loaded.policy.label)
                meter = Meter(ACCOUNT, REGION)
                made = Harness(escalation, meter)
                _watch_wakes(made, patch)
                _count_functions(escalation, meter, patch)
                with meter.on():
                    yield made


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


def _watch_wakes(harness: Harness, patch: pytest.MonkeyPatch) -> None:
    """Know whom the stream has woken."""
    wake = Wake.__call__

    def watched(self: Wake, case_id: str, number: int) -> bool:
        woken = wake(self, case_id, number)
        if woken:
            harness.moving.add(case_id)
        return woken

    patch.setattr(Wake, "__call__", watched)


class _Log(io.TextIOBase):
    """Stands for the log group."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def write(self, text: str) -> int:
        """Count what is written."""
        self._meter.logged("all", len(text.encode()))
        return len(text)


#: Texts, calls and the letter of `cn-credit-card`, which is what the bill is about: ten actions, ten waits, a cure.
_OWES, _DUE, _PAYS = date(2005, 6, 2), date(2005, 6, 1), date(2005, 8, 15)


def reference(cases: int) -> Lives:
    """Play cases of ten actions and ten waits each: three texts, six calls, a lawyer's letter, then a payment."""
    with harness("cn-credit-card", without="monthly_reminder") as played:
        names = [f"CARD-{number:04d}" for number in range(cases)]
        played.lives.accounts = cases
        owes = {"as_of": _OWES.isoformat(), "oldest_due_date": _DUE.isoformat()}
        pays = {"paid_at": f"{_PAYS}T10:00:00+08:00", "amount": "1000.00"}
        days: dict[date, real.Day] = {
            _OWES: {"portfolio": {name: [_row("portfolio", PORTFOLIO, name, owes)] for name in names}},
            _PAYS: {"payments": {name: [_row("payments", PAYMENT, name, pays)] for name in names}},
        }
        for ahead in range((_PAYS - _OWES).days + 1):
            day = _OWES + timedelta(days=ahead)
            played.clock(day)
            if day in days:
                played.take_in(days[day], day)
            played.times_out(day)
            played.scan(day)
        return played.finish()


def _row(kind: Kind, row: Mapping[str, str | None], account_id: str, changes: Mapping[str, str]) -> NumberedRow:
    made = {**row, "account_id": account_id, **changes}
    if kind == "payments":
        made["payment_id"] = f"PAY-{account_id}"
    return NumberedRow(1, made, parse(kind, made))


def measure(size: Size) -> Lives:
    """Play some real accounts from the first date on."""
    accounts = real.first_accounts(size.accounts)
    days = real.days(set(accounts))
    with harness("tw-credit-card") as played:
        played.lives.accounts = len(accounts)
        with played.meter.off():
            Exports(played.stack.table).set_closed_through(real.FIRST - ONE_DAY)
        for ahead in range(size.days):
            day = real.FIRST + timedelta(days=ahead)
            played.clock(day)
            if day in days:
                played.take_in(days[day], day)
            played.times_out(day)
            played.scan(day)
            played.close(day)
        return played.finish()
