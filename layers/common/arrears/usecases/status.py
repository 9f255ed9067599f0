"""Status: how a stack stands, at a glance."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from arrears.adapters.settings import Clock, Settings
from arrears.adapters.table import Table
from arrears.switches import Switches
from arrears.usecases.handovers import Handover, Handovers

#: Sets of so many days back are looked at for their acknowledgement.
_LOOK_BACK = 14


@dataclass
class Status:
    """How a stack stands.

    Attributes:
        last_scan: when the queue was scanned last, and how many executions that started.
        unscanned: accounts on the queue whose time has come.
        oldest_days: how many days the one that has waited longest was due before today.
        waiting: open cases that wait for their next date or for news.
        running: open cases that take a turn now.
        due_today: open cases whose next date is today or was before.
        stages: open cases by stage; empty where cases were not loaded.
        parked: cases with an action that failed for good.
        shadows: open cases of which nothing leaves.
        held: open cases for which something is due that may not go out now.
        silent: sets that agencies refuse, or are silent about for too long.
        unanswered: sets that are not acknowledged yet and need not be.
    """

    clock: Clock
    policy: str
    switches: Switches
    last_scan: tuple[datetime, int] | None
    unscanned: int = 0
    oldest_days: int = 0
    waiting: int = 0
    running: int = 0
    due_today: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    parked: int = 0
    shadows: int = 0
    held: int = 0
    silent: list[Handover] = field(default_factory=list)
    unanswered: int = 0

    @property
    def open(self) -> int:
        """How many cases are open."""
        return self.waiting + self.running


@dataclass(frozen=True)
class Look:
    """Looks at a stack.

    Attributes:
        handovers: what agencies have acknowledged.
        timezone: the bank's own.
    """

    table: Table
    settings: Settings
    handovers: Handovers
    timezone: str

    def __call__(self, *, quick: bool = False) -> Status:
        """Look at it.

        Args:
            quick: do not load the open cases, which takes a minute for some 50,000: no stages, parked, held, in shadow.
        """
        clock = self.settings.clock()
        policy, switches = self.settings.active().policy.label, self.settings.switches()
        status = Status(clock, policy, switches, self.settings.last_scan())
        self._queue(status, clock)
        case_ids = self._open(status, clock)
        if quick:
            deque(case_ids, maxlen=0)  # they are counted on the way
        else:
            self._load(status, case_ids)
        today = clock.now(self.timezone).on
        for each in self.handovers.since(date.fromordinal(today.toordinal() - _LOOK_BACK), today):
            if each.state in ("overdue", "refused"):
                status.silent.append(each)
            status.unanswered += each.state == "waiting"
        return status

    def _queue(self, status: Status, clock: Clock) -> None:
        latest = clock.now("Pacific/Kiritimati").on.isoformat()
        for shard in range(self.table.shards):
            for entry in self.table.queued("scan", shard, latest):
                try:
                    waited = (clock.now(entry.timezone).on - date.fromisoformat(entry.due)).days
                except (KeyError, ValueError):  # at a place that nobody knows; the scan tells of it each time
                    waited = 0
                if waited >= 0:
                    status.unscanned += 1
                    status.oldest_days = max(status.oldest_days, waited)

    def _open(self, status: Status, clock: Clock) -> Iterator[str]:
        """Yield the open cases' ids, and count the entries on the way."""
        for shard in range(self.table.shards):
            for entry in self.table.queued("open", shard):
                rests = entry.token_version == entry.version
                status.waiting += rests
                status.running += not rests
                status.due_today += entry.due[:10] <= clock.now(entry.timezone).on.isoformat()
                if entry.case_id is not None:
                    yield entry.case_id

    def _load(self, status: Status, case_ids: Iterable[str]) -> None:
        for record in self.table.load_cases(case_ids):
            case = record.case
            if case.is_open:
                status.stages[case.stage or "none yet"] += 1
                status.parked += case.failed is not None
                status.shadows += case.shadow
                status.held += case.held_back is not None and case.held_back.until is None
