"""Hand-overs: which day's sets agencies have acknowledged, which they complain of, and which they are silent about."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from arrears.adapters.settings import Clock
from arrears.domain.dates import ONE_DAY, zone
from arrears.effects.exports import Ack, Exports
from arrears.effects.folders import placements_folder, recalls_folder

State = Literal["acknowledged", "waiting", "overdue", "refused"]


@dataclass(frozen=True, slots=True)
class Handover:
    """A day's set of an agency.

    Attributes:
        kind: `placements` or `recalls`.
        cases: how many cases are in it.
        state: `refused` is an acknowledgement that does not fit, or names problems; `overdue` is silence.
        detail: what is wrong.
    """

    agency_id: str
    day: date
    kind: Literal["placements", "recalls"]
    cases: int
    state: State
    detail: str = ""


@dataclass(frozen=True)
class Handovers:
    """Looks at the sets of closed days.

    Attributes:
        timezone: in which an export day ends.
        hours: which an agency has for its acknowledgement, from the end of the day.
    """

    exports: Exports
    clock: Clock
    timezone: str
    hours: int

    def since(self, first: date, last: date) -> Iterator[Handover]:
        """Yield the sets of closed days from one date through another, by day and agency."""
        day = first
        while day <= last:
            yield from self._of(day)
            day += ONE_DAY

    def overdue(self, last: date, days: int) -> list[Handover]:
        """Return the sets of some days up to a date that are refused, or about which the agency is silent too long."""
        found = self.since(last - timedelta(days=days), last)
        return [each for each in found if each.state in ("overdue", "refused")]

    def _of(self, day: date) -> Iterator[Handover]:
        counts: dict[tuple[str, str], set[str]] = {}
        for row in self.exports.rows(day):
            kind = "placements" if row.kind == "PLACEMENT" else "recalls"
            counts.setdefault((row.agency_id, kind), set()).add(str(row.fields["case_id"]))
        if not counts or not self.exports.is_closed(day):
            return
        acks = list(self.exports.acks(day))
        for (agency_id, kind), cases in sorted(counts.items()):
            folder = placements_folder if kind == "placements" else recalls_folder
            manifest = f"{folder(agency_id, day)}manifest.json"
            mine = [ack for ack in acks if ack.agency_id == agency_id and ack.manifest == manifest]
            state, detail = self._state(day, mine)
            of: Literal["placements", "recalls"] = "placements" if kind == "placements" else "recalls"
            yield Handover(agency_id, day, of, len(cases), state, detail)

    def _state(self, day: date, acks: list[Ack]) -> tuple[State, str]:
        """The last word counts: a good acknowledgement after a bad one closes the hand-over."""
        if acks:
            last = max(acks, key=lambda ack: (ack.at, not ack.problem))
            return ("refused", last.problem) if last.problem else ("acknowledged", "")
        ended = datetime.combine(day + ONE_DAY, time.min, zone(self.timezone))
        if self.clock.at(self.timezone) > ended + timedelta(hours=self.hours):
            return "overdue", f"no acknowledgement within {self.hours} hours after {day}"
        return "waiting", ""
