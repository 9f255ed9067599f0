"""The lives of cases as they are: the real state machine on moto, the real functions, every call counted.

The harness stands for what costs nothing or is billed otherwise: it moves the clock, hands the table's events to
`wake_case` as the stream does, and ends a wait whose time has come, as `TimeoutSecondsPath` does.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from arrears.local.driver import time_is_up
from bench import real
from bench.harness import Bank, bank
from bench.life import Lives, played
from bench.reference import PAYS, reference_cases
from bench.sizes import Size
from tests.support.escalation import Execution

_NO_ACTION = {"Assess", "What next?", "What now?", "WaitForNews", "HandOver", "Closed", "GiveUp"}
_PIECES = 4


class Harness(Bank):
    """A deployed stack whose calls are counted."""

    def begin(self) -> None:
        """Have nothing running."""
        self.running: dict[str, Execution] = {}
        #: Those that were started or woken and have not come to rest.
        self.moving: set[str] = set()

    # --- what happens ------------------------------------------------------------------------------------------------
    def play(self, on: date, rows: real.Day | None = None) -> None:
        """Play a date."""
        self.clock(on)
        if rows is not None:
            self.news(lambda: self.take_in(rows, on), {name for groups in rows.values() for name in groups})
        decided = self.to_approve(on)
        if decided:
            self.news(lambda: self.approve(decided), {case_id[:-9] for case_id in decided})
        self.times_out(on)
        self.scan(on)

    def news(self, take_in: Any, accounts: set[str]) -> None:
        """Take something in, and let the stream wake whom it is news for."""
        waiting = [case_id for case_id in self.running if case_id[:-9] in accounts]
        before = {case_id: self.version(case_id) for case_id in waiting}
        take_in()
        for case_id, version in before.items():
            with self.meter.off():
                records = self.escalation.records(case_id, version)
            if records:
                assert self.escalation.invoke("wake_case", {"Records": records}) == {"batchItemFailures": []}
        self.rest()

    def version(self, case_id: str) -> int:
        """Return the version of a case."""
        return int(self.kept(case_id)["version"])

    def kept(self, case_id: str) -> dict[str, Any]:
        """Return what is stored of a case."""
        found = self.meter.item(self.stack.table.name, f"ACCOUNT#{case_id[:-9]}", f"CASE#{case_id}")
        assert found is not None, case_id
        return found

    def times_out(self, on: date) -> None:
        """End the waits whose time has come."""
        with self.meter.off():
            for case_id in self.running:
                item = self.kept(case_id)
                if "token" in item and item["due"][:10] <= on.isoformat():
                    assert time_is_up(self.escalation.client, item["token"])
                    self.moving.add(case_id)
        self.rest()

    def scan(self, on: date) -> None:
        """Scan where somebody is due, and let what was started come to its first wait."""
        arn = self.escalation.arn.replace(":stateMachine:", ":execution:")
        for name in self.accounts:
            item = self.meter.item(self.stack.table.name, f"ACCOUNT#{name}", "ACCOUNT")
            if item is not None and item.get("queue", "").startswith("scan#") and item["due"] <= on.isoformat():
                case_id = f"{name}-{on:%Y%m%d}"
                self.running[case_id] = Execution(self.escalation.client, f"{arn}:{case_id}-g1", self.escalation.waits)
                self.moving.add(case_id)
        if self.moving:
            # The queue is read for all cases at once: what that takes is measured apart (`scans`).
            with self.meter.off():
                report = self.escalation.scan()
            self.meter.count.calls["stepfunctions:StartExecution"] += report["started"]
            assert report["started"] == len(self.moving), report
            self.rest()

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
        with self.meter.off():
            path = self.running.pop(case_id).path()
        self.ended(case_id)
        acted = sum(name not in _NO_ACTION for name in path)
        self.lives.turns += path.count("WaitForNews") + path.count("Closed")
        self.lives.actions += acted
        self.meter.count.transitions += len(path)

    def finish(self) -> Lives:
        """Count the cases that are still open, and what is stored."""
        for case_id in list(self.running):
            self.ends(case_id)
        return super().finish()


def reference(cases: int) -> Lives:
    """Play reference cases, each paid when its last action is behind it."""
    return reference_cases(Harness, cases, PAYS, without=["monthly_reminder"])


def play(accounts: Sequence[str], days: int) -> Lives:
    """Play some real accounts from the first date on."""
    with bank(Harness, accounts, "tw-credit-card") as harness:
        harness.play_days(days)
        return harness.finish()


def measure(size: Size) -> Lives:
    """Play the real accounts."""
    return played(play, size, _PIECES)
