"""A diary of the embedded stack: what is new since it was looked at the last time, read from the table.

The index says which cases have grown, so a look costs what is new.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from arrears.adapters.table import Queued, Table
from arrears.domain.events import (
    ActionFailed,
    ActionPlanned,
    ActionUncertain,
    CaseClosed,
    CaseOpened,
    Event,
)
from arrears.domain.timeline import Row, timeline

#: What is said of each action that was done: one, several.
_WORDS = {
    "case_opened": ("case opened", "cases opened"),
    "send_sms": ("text", "texts"),
    "queue_call": ("call", "calls"),
    "queue_letter": ("letter", "letters"),
    "freeze_account": ("account frozen", "accounts frozen"),
    "place_with_agency": ("placed with the agency", "placed with the agency"),
    "recall_from_agency": ("recalled", "recalled"),
    "file_legal": ("filed in court", "filed in court"),
    "case_closed": ("cured", "cured"),
    "failed": ("FAILED", "FAILED"),
    "uncertain": ("UNCERTAIN", "UNCERTAIN"),
}


@dataclass
class Diary:
    """What has happened to every case.

    Attributes:
        histories: the events of each case, oldest first.
    """

    table: Table
    histories: dict[str, list[Event]] = field(default_factory=dict)

    def look(self, since: date) -> list[Event]:
        """Return what is new; cases that were closed before `since` are not looked at again."""
        new: list[Event] = []
        for entry in self._entries(since):
            if entry.case_id is None:
                continue
            history = self.histories.setdefault(entry.case_id, [])
            if entry.version > len(history):
                envelopes = list(self.table.envelopes(entry.case_id))[len(history) :]
                events = [envelope.event for envelope in envelopes]
                history += events
                new += events
        return new

    def _entries(self, since: date) -> Iterator[Queued]:
        for shard in range(self.table.shards):
            yield from self.table.queued("open", shard)
            yield from self.table.queued("closed", shard, since=since.isoformat())

    @property
    def open_cases(self) -> int:
        """How many cases are open."""
        return sum(not is_closed(history) for history in self.histories.values())

    def rows(self) -> list[Row]:
        """The timeline as `arrears simulate` writes it: by date, then account, then as it happened."""
        rows = [row for _, history in sorted(self.histories.items()) for row in timeline(history)]
        return sorted(rows, key=lambda row: (row.date, row.account_id))


def is_closed(history: Sequence[Event]) -> bool:
    """Whether a case is closed; something may be reported of it after that."""
    return any(isinstance(event, CaseClosed) for event in history)


def in_short(events: list[Event]) -> str:
    """Say in a few words what happened: `2 cases opened, 3 texts`; empty for nothing that is worth a word."""
    counts = Counter(name for event in events for name in _names(event))
    return ", ".join(f"{counts[name]} {words[counts[name] > 1]}" for name, words in _WORDS.items() if counts[name])


def _names(event: Event) -> Iterator[str]:
    match event:
        case CaseOpened():
            yield "case_opened"
        case CaseClosed():
            yield "case_closed"
        case ActionPlanned(action=action):
            yield action
        case ActionFailed():
            yield "failed"
        case ActionUncertain():
            yield "uncertain"
        case _:
            pass
