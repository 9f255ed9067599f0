"""Scan: start an execution for each account on the queue whose time has come. It writes nothing to the table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from arrears.adapters.aws import error_code, translated
from arrears.adapters.settings import Clock, Settings
from arrears.adapters.table import Queued, Table
from arrears.domain.decide import case_id_of
from arrears.errors import TransientError
from arrears.usecases.next_step import execution_input, execution_name

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class ScanReport(TypedDict):
    """What a scan did.

    Attributes:
        started: executions started.
        running: those that had been started before.
        failed: accounts for which none could be started, each with the kind of error.
        left: whether there is more, for the next scan.
        oldest_days: how many days the account that has waited longest was due before today, at its place (in UTC where
            nobody knows the place).
    """

    started: int
    running: int
    failed: list[str]
    left: bool
    oldest_days: int


@dataclass(frozen=True)
class Scan:
    """Reads the queue and starts executions. The queue is the index, so a scan costs what is new, not what exists.

    Attributes:
        pace: is asked before each start, and takes as long as the starts are to be held back.
    """

    table: Table
    settings: Settings
    client: "SFNClient"
    state_machine: str
    pace: Callable[[], None] = lambda: None

    def __call__(self, out_of_time: Callable[[], bool]) -> ScanReport:
        """Start what is due on every shard, as long as there is time; what is left is there for the next scan.

        Raises:
            TransientServiceError: a service is too busy for any account.
        """
        clock = self.settings.clock()
        report: ScanReport = {"started": 0, "running": 0, "failed": [], "left": False, "oldest_days": 0}
        # The date is latest at UTC+14; each account is then looked at by the date at its own place.
        latest = clock.now("Pacific/Kiritimati").on
        for shard in range(self.table.shards):
            for entry in self.table.queued("scan", shard, latest.isoformat()):
                if out_of_time():
                    report["left"] = True
                    return report
                try:
                    report["oldest_days"] = max(report["oldest_days"], _days_waited(entry, clock))
                    started = self._start(entry, clock)
                except TransientError:
                    raise
                except Exception as error:  # noqa: BLE001 - it would fail at every scan, and keep those behind it waiting
                    report["failed"].append(f"{entry.account_id}: {type(error).__name__}")
                    continue
                if started is not None:
                    report["started" if started else "running"] += 1
        return report

    def _start(self, entry: Queued, clock: Clock) -> bool | None:
        """Start an account's execution; False where it had been started before, None where it is not due yet."""
        on = clock.now(entry.timezone).on
        if entry.due > on.isoformat():
            return None
        case_id = entry.case_id or case_id_of(entry.account_id, on)
        name = execution_name(case_id, entry.generation)
        text = execution_input(case_id, entry.generation)
        self.pace()
        with translated("states:StartExecution"):
            try:
                self.client.start_execution(stateMachineArn=self.state_machine, name=name, input=text)
            except ClientError as error:
                # Step Functions answers a running execution of the same name and input as if it had just started it,
                # so this is one that has ended: the name is blocked for 90 days, and the net has raised nothing.
                if error_code(error) == "ExecutionAlreadyExists":
                    return False
                raise
        return True


def _days_waited(entry: Queued, clock: Clock) -> int:
    try:
        on = clock.now(entry.timezone).on
    except (KeyError, ValueError, OSError):
        # No such place: it cannot be started either, but it waits like any other.
        on = clock.now("UTC").on
    return (on - date.fromisoformat(entry.due)).days
