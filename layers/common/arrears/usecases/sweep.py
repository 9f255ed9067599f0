"""Sweep: find the open cases that nobody looks at any more, whatever became of the event that should have said so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypedDict

from arrears.adapters.settings import Clock, Settings
from arrears.adapters.table import Queued, Table
from arrears.domain.dates import zone
from arrears.errors import TransientError
from arrears.usecases.recover import Recover

#: So long after the end of its wait a case has certainly been given up: a turn with all its tries takes some minutes.
MARGIN = timedelta(days=1)


class SweepReport(TypedDict):
    """What a sweep did.

    Attributes:
        recovered: the cases that were put back where the scan finds them.
        failed: those that could not be, each with the kind of error.
    """

    recovered: list[str]
    failed: list[str]


@dataclass(frozen=True)
class Sweep:
    """The net under the net: the event of an execution that ended badly can be lost too.

    An open case stands in the index with the time it waits for. One that is overdue by more than `MARGIN` has no
    execution that will look at it. Should there be one after all, it finds its generation gone by, and ends. One that
    was put back is left alone for as long, or its fresh execution would find its generation gone by too.
    """

    table: Table
    settings: Settings

    def __call__(self, out_of_time: Callable[[], bool]) -> SweepReport:
        """Put back what is long overdue, as long as there is time; the next sweep finds the rest.

        Raises:
            TransientServiceError: a service is too busy for any case.
        """
        clock = self.settings.clock()
        report: SweepReport = {"recovered": [], "failed": []}
        # The date is latest at UTC+14; each case is then looked at by the time at its own place.
        latest = _given_up_before(clock, "Pacific/Kiritimati")
        for shard in range(self.table.shards):
            for entry in self.table.queued("open", shard, latest[:10]):
                if out_of_time():
                    return report
                try:
                    if self._recover(entry, clock):
                        report["recovered"].append(str(entry.case_id))
                except TransientError:
                    raise
                except Exception as error:  # noqa: BLE001 - one case keeps no other from being found
                    report["failed"].append(f"{entry.case_id}: {type(error).__name__}")
        return report

    def _recover(self, entry: Queued, clock: Clock) -> bool:
        """Put a case back, if it is overdue; the entry may be older than the case."""
        if entry.case_id is None or entry.due >= _given_up_before(clock, entry.timezone):
            return False
        record = self.table.case(entry.case_id)
        if record is None or not record.case.is_open or record.due != entry.due:
            return False
        queued = self.table.account(entry.account_id).due
        if queued is not None and queued >= _given_up_before(clock, entry.timezone)[:10]:
            return False
        return Recover(self.table, self.settings)(entry.case_id, record.generation, overdue_since=entry.due)


def _given_up_before(clock: Clock, timezone: str) -> str:
    """Return the local time, as in the index, before which nothing of a place may be due any more."""
    here = zone(timezone)
    now = clock.instant if clock.set_to is None else datetime.combine(clock.set_to, time.min, here)
    return (now - MARGIN).astimezone(here).strftime("%Y-%m-%dT%H:%M")
