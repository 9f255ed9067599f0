"""The day's allocation, while accounts are played one after the other.

Which agency gets a case depends on the others that are placed on the same date. So an account is played up to a
placement and then waits there; when all accounts have been begun, the dates are gone through in order: the cases of a
date are allocated together, as when the stack closes the day, and each account plays on. What waits is an account that
has reached an agency, which few do.
"""

import heapq
from collections.abc import Callable
from datetime import date

from arrears.domain.agencies import allocate
from arrears.domain.events import AgencyAssigned, AgencyDeferred
from arrears.domain.policy import Policy
from arrears.simulate.player import Asked, Played, Steps


class Allocation:
    """Allocates the cases of each date together.

    Args:
        policy: names the agencies.
        ends: is told of every account that was played to its end.
    """

    def __init__(self, policy: Policy, ends: Callable[[Played], None]) -> None:
        self._policy, self._ends = policy, ends
        self._waiting: list[tuple[date, str, str, Asked, Steps]] = []
        self._held: dict[str, list[Asked]] = {}

    def begin(self, steps: Steps) -> None:
        """Play an account up to its first placement, or to its end."""
        self._go_on(steps, None)

    def finish(self) -> None:
        """Allocate, date by date, until every account has been played to its end."""
        while self._waiting:
            on = self._waiting[0][0]
            asked: dict[str, tuple[Asked, Steps]] = {}
            while self._waiting and self._waiting[0][0] == on:
                _, _, action_id, one, steps = heapq.heappop(self._waiting)
                asked[action_id] = one, steps
            held = {agency_id: self._still_held(agency_id, on) for agency_id in self._held}
            for case, event in allocate(self._policy, on, [one.candidate for one, _ in asked.values()], held):
                one, steps = asked[case.action_id]
                if isinstance(event, AgencyAssigned):
                    self._held.setdefault(event.agency_id, []).append(one)
                self._go_on(steps, event)

    def _still_held(self, agency_id: str, on: date) -> int:
        """Count the cases that an agency has when a date is closed; what ended on the date has made room."""
        still = [one for one in self._held[agency_id] if (ended := one.ended_on()) is None or ended > on]
        self._held[agency_id] = still
        return len(still)

    def _go_on(self, steps: Steps, event: AgencyAssigned | AgencyDeferred | None) -> None:
        try:
            asked = steps.send(event)
        except StopIteration as end:
            self._ends(end.value)
        else:
            entry = (asked.on, asked.candidate.case_id, asked.candidate.action_id, asked, steps)
            heapq.heappush(self._waiting, entry)
