"""Roll out: the cases that waited when a policy was published look at it, a few at a time.

A case that waits for its next step may wait for 30 days, and would hear of a new policy then. So each publication for
all cases begins a sweep over those that wait for longer than until it counts: their waits are ended, each takes a turn,
and waits anew, for no longer than until the policy counts for it. At 100 a second five million cases are done within a
day, without a storm.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from arrears.adapters.settings import Clock, Settings, Sweep
from arrears.adapters.table import Table
from arrears.usecases.wake import answer

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


#: A turn is four or five state transitions, and the smaller regions take 800 a second (Step Functions quotas).
WAKES_A_SECOND = 100
#: So long after the publication a sweep begins: who had read the policies before it waits by then.
TURNS_END = timedelta(minutes=2)


class RollOutReport(TypedDict):
    """What was done.

    Attributes:
        woken: cases whose waits were ended.
        left: whether there is more, for the next run.
    """

    woken: int
    left: bool


@dataclass(frozen=True)
class RollOut:
    """Ends the waits of the cases that are to look at a policy that was published.

    Attributes:
        pace: is asked before each wake-up, and takes as long as it is to be held back.
    """

    table: Table
    settings: Settings
    client: "SFNClient"
    pace: Callable[[], None] = lambda: None

    def __call__(self, out_of_time: Callable[[], bool]) -> RollOutReport:
        """Go on with the sweep as long as there is time.

        Where it breaks off it goes on at the page it was at: a case that is woken twice takes a turn for nothing.

        Raises:
            TransientServiceError: a service is busy.
        """
        report: RollOutReport = {"woken": 0, "left": False}
        sweep, clock = self.settings.sweep(), self.settings.clock()
        if sweep is None or not _may_begin(sweep, clock):
            return report
        for case_ids, at in self._pages(sweep):
            report["woken"] += sum(self._wake(token) for token in self.table.tokens(case_ids))
            if not self.settings.sweep_on(at) or out_of_time():
                report["left"] = True
                return report
        self.settings.sweep_on(sweep, done=True)
        return report

    def _wake(self, token: str) -> bool:
        self.pace()
        return answer(self.client, token)

    def _pages(self, sweep: Sweep) -> Iterator[tuple[list[str], Sweep]]:
        """Yield the cases that wait, page by page, each with the place at which the sweep stands behind it."""
        after = sweep.after
        for shard in range(sweep.shard, self.table.shards):
            for entries, behind in self.table.waiting(shard, sweep.since, sweep.until, after):
                case_ids = [entry.case_id for entry in entries if entry.case_id is not None and entry.token_version]
                at = replace(sweep, shard=shard, after=behind) if behind else replace(sweep, shard=shard + 1, after="")
                yield case_ids, at
            after = ""


def _may_begin(sweep: Sweep, clock: Clock) -> bool:
    """Say whether all turns that were taken without knowing the publication have come to their waits.

    A date that a set clock stands on is played when all of its facts are in, so nobody is woken before.
    """
    if clock.set_to is not None:
        return clock.open
    return clock.instant >= datetime.fromisoformat(sweep.at) + TURNS_END
