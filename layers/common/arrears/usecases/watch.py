"""Watch: what is noticed by nobody because it did not happen. Told each day when the exports are closed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from arrears.adapters.table import Table
from arrears.usecases.handovers import Handover, Handovers

#: Sets of so many days back are looked at for their acknowledgement.
LOOK_BACK = 14
#: Of many open cases one is cured each day; none in so many days says that payments do not come in.
QUIET_DAYS = 3


@dataclass(frozen=True)
class Watch:
    """Tells how many sets of agencies are overdue, and whether nobody has paid for days.

    Attributes:
        tell: adds to a metric.
    """

    table: Table
    handovers: Handovers
    tell: Callable[[str, int], None]

    def __call__(self, day: date) -> list[Handover]:
        """Tell it of a date; return the sets that agencies refuse, or are silent about for too long."""
        overdue = self.handovers.overdue(day, LOOK_BACK)
        self.tell("AcknowledgementsOverdue", len(overdue))
        self.tell("CuresMissing", int(self.cures_missing(day)))
        return overdue

    def cures_missing(self, day: date) -> bool:
        """Say whether no case was closed for `QUIET_DAYS` through a date, though one was open for longer than that.

        People who have paid are then contacted, and nothing else would tell.
        """
        since = day - timedelta(days=QUIET_DAYS - 1)
        shards = range(self.table.shards)
        if any(True for shard in shards for _ in self.table.queued("closed", shard, since=since.isoformat())):
            return False
        # A case id ends with the date on which the case opened.
        old = f"{since - timedelta(days=1):%Y%m%d}"
        entries = (entry for shard in shards for entry in self.table.queued("open", shard))
        return any(entry.case_id is not None and entry.case_id[-8:] <= old for entry in entries)
