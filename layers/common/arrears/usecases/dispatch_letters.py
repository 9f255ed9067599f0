"""Dispatch letters: once a day, what is queued becomes one batch for the mailing house.

    mail/date=<date>/<letter_id>.pdf   the letters, as they were printed
    mail/date=<date>/index.csv         one row for each
    mail/date=<date>/manifest.json     written last: the batch is complete

A letter goes into one batch, whatever breaks off: that it is in the batch of a date is recorded on its case before the
manifest of that date is written, and a letter that says so is in that manifest or goes into the next.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple, Protocol, TypedDict

from arrears.adapters.settings import Clock, Policies, Settings
from arrears.adapters.table import CaseRecord, StaleError, Table
from arrears.csv_safe import write_csv
from arrears.domain.case import Done
from arrears.domain.events import LetterMailed, LetterWithdrawn
from arrears.domain.mail import why_not_mailed
from arrears.effects.ports import Objects
from arrears.errors import TransientConflictError
from arrears.records import Stamp
from arrears.usecases.assess import TRIES

MANIFEST_SCHEMA: Final = "mail-manifest-1"
COLUMNS: Final = (
    *("letter_id", "kind", "registered", "file", "sha256", "bytes", "recipient"),
    *("address_1", "address_2", "address_3", "address_4", "address_5", "country", "case_id", "account_id", "queued_on"),
)
_ADDRESS_LINES: Final = 5
#: What a task cannot do without; what the index says of a letter is taken from it.
_NEEDED: Final = frozenset(
    {"letter_id", "case_id", "account_id", "key", "sha256", "kind", "registered", "recipient", "address", "country"}
    | {"planned_on"}
)


class Message(NamedTuple):
    """A letter task as it was received; `handle` gives it back or takes it away."""

    body: str
    handle: str


class Inbox(Protocol):
    """The letter queue, from its other end."""

    def receive(self) -> Iterator[Message]:
        """Yield what is queued now; a message that is not deleted comes again later."""
        ...

    def delete(self, handles: Sequence[str]) -> None:
        """Take messages away for good."""
        ...


class MailReport(TypedDict):
    """What became of the queued letters.

    Attributes:
        left: letters that wait for the next batch.
        stopped_by: the switch that stops what goes out (all letters stay in the queue); empty for none.
    """

    date: str
    letters: int
    taken_out: int
    left: int
    stopped_by: str


class _Ready(NamedTuple):
    task: dict[str, Any]
    pdf: bytes
    handle: str


def mail_folder(day: date) -> str:
    """Return where the batch of a day lies, in the documents bucket."""
    return f"mail/date={day.isoformat()}/"


@dataclass(frozen=True)
class DispatchLetters:
    """Makes the batch of a day. Never run twice at once."""

    table: Table
    settings: Settings
    letters: Inbox
    documents: Objects
    tell: Callable[[str, int], None]

    def __call__(self, day: date) -> MailReport:
        """Make the batch of a day out of what is queued.

        Raises:
            TransientError: a service is busy; running it again goes on where it stopped.
        """
        stopped_by = self._stopped_by()
        report: MailReport = {
            "date": day.isoformat(),
            "letters": 0,
            "taken_out": 0,
            "left": 0,
            "stopped_by": stopped_by,
        }
        if stopped_by:
            return report
        clock, policies = self.settings.clock(), self.settings.policies()
        is_closed = self._listed(day) is not None
        ready: list[_Ready] = []
        spent: list[str] = []
        for message in self.letters.receive():
            task = _task(message.body)
            if task is None:
                # Nobody can read it: received often enough, it ends as a dead letter, and keeps no other back.
                self.tell("LettersUnusable", 1)
                report["left"] += 1
                continue
            record, done = self._letter(task)
            if done is None:
                report["left"] += 1
            elif done.withdrawn_on is not None or self._is_sent(task["letter_id"], done):
                spent.append(message.handle)
            elif record is not None and self._withdrawn(record, done, policies, clock):
                self.tell("LettersTakenOut", 1)
                report["taken_out"] += 1
                spent.append(message.handle)
            elif is_closed or (pdf := self._pdf(task)) is None:
                report["left"] += 1
            else:
                ready.append(_Ready(task, pdf, message.handle))
        report["stopped_by"] = self._write(day, ready, clock) if ready else ""
        if report["stopped_by"]:
            report["left"] += len(ready)
            ready = []
        if ready:
            report["letters"] = len(ready)
            self.tell("LettersMailed", len(ready))
        self.letters.delete([*spent, *(one.handle for one in ready)])
        return report

    def _stopped_by(self) -> str:
        return self.settings.switches().stopping or ""

    # --- what is known of a letter -----------------------------------------------------------------------------------
    def _letter(self, task: dict[str, Any]) -> tuple[CaseRecord | None, Done | None]:
        record = self.table.case(task["case_id"])
        done = [] if record is None else [d for d in record.case.done if d.action_id == task["letter_id"]]
        return record, done[0] if done else None

    def _listed(self, day: date) -> frozenset[str] | None:
        body = self.documents.get(f"{mail_folder(day)}manifest.json")
        return None if body is None else frozenset(json.loads(body)["letters"])

    def _is_sent(self, letter_id: str, done: Done) -> bool:
        return done.mailed_on is not None and letter_id in (self._listed(done.mailed_on) or ())

    def _pdf(self, task: dict[str, Any]) -> bytes | None:
        """Return the letter; None where it is gone or another one than was queued: its task ends as a dead letter."""
        body = self.documents.get(task["key"])
        if body is None or hashlib.sha256(body).hexdigest() != task["sha256"]:
            self.tell("LettersUnusable", 1)
            return None
        return body

    def _withdrawn(self, record: CaseRecord, letter: Done, policies: Policies, clock: Clock) -> str | None:
        """Take a letter out whose case was paid or held meanwhile; return why, None for one that goes."""
        for _ in range(TRIES):
            on = clock.now(record.case.account.timezone).on
            why = why_not_mailed(record.case, policies.for_case(record.case, on).policy, on, letter.template)
            if why is None:
                return None
            try:
                self._append(record, LetterWithdrawn(letter.action_id, on, why), clock)
            except StaleError:
                record = self.table.case(record.case.case_id) or record
                continue
            return why
        raise TransientConflictError(f"{record.case.case_id}: others keep changing the case")

    def _mailed(self, case_id: str, letter_id: str, day: date, clock: Clock) -> None:
        for _ in range(TRIES):
            record = self.table.case(case_id)
            if record is None or any(d.action_id == letter_id and d.mailed_on == day for d in record.case.done):
                return
            try:
                self._append(record, LetterMailed(letter_id, day), clock)
            except StaleError:
                continue
            return
        raise TransientConflictError(f"{case_id}: others keep changing the case")

    def _append(self, record: CaseRecord, event: LetterMailed | LetterWithdrawn, clock: Clock) -> None:
        timezone = record.case.account.timezone
        stamp = Stamp(clock.at(timezone), clock.now(timezone).on)
        self.table.append(record, [event], stamp, wakes=record.case.is_open)

    # --- the batch ---------------------------------------------------------------------------------------------------
    def _write(self, day: date, ready: Sequence[_Ready], clock: Clock) -> str:
        """Write the batch; return what stopped it in the middle of that, so that it is none yet; empty for nothing."""
        folder = mail_folder(day)
        ordered = sorted(ready, key=lambda one: str(one.task["letter_id"]))
        for one in ordered:
            # Looked at again for each: a large batch takes minutes.
            if stopped_by := self._stopped_by():
                return stopped_by
            self.documents.put(f"{folder}{one.task['letter_id']}.pdf", one.pdf, "application/pdf")
            self._mailed(one.task["case_id"], one.task["letter_id"], day, clock)
        index = write_csv(COLUMNS, (_row(one) for one in ordered))
        self.documents.put(f"{folder}index.csv", index, "text/csv; charset=utf-8")
        files = [
            {"key": f"{folder}index.csv", "bytes": len(index), "sha256": hashlib.sha256(index).hexdigest()},
            *(
                {
                    "key": f"{folder}{one.task['letter_id']}.pdf",
                    "bytes": len(one.pdf),
                    "sha256": one.task["sha256"],
                }
                for one in ordered
            ),
        ]
        manifest = {
            "schema": MANIFEST_SCHEMA,
            "date": day.isoformat(),
            "letter_count": len(ordered),
            "letters": [one.task["letter_id"] for one in ordered],
            "files": files,
        }
        body = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        self.documents.put(f"{folder}manifest.json", body.encode(), "application/json")
        return ""


def _task(body: str) -> dict[str, Any] | None:
    """Return a letter's task; None where the message is none."""
    try:
        task = json.loads(body)
    except ValueError:
        return None
    if not isinstance(task, dict) or not task.keys() >= _NEEDED or not isinstance(task["address"], list):
        return None
    return task if all(isinstance(task[name], str) for name in ("letter_id", "case_id", "key")) else None


def _row(one: _Ready) -> dict[str, object]:
    task = one.task
    lines = [*task["address"], *[""] * _ADDRESS_LINES]
    # More lines than the index has columns for go into the last one.
    address = [*lines[: _ADDRESS_LINES - 1], ", ".join(line for line in lines[_ADDRESS_LINES - 1 :] if line)]
    return {
        "letter_id": task["letter_id"],
        "kind": task["kind"],
        "registered": "true" if task["registered"] else "false",
        "file": f"{task['letter_id']}.pdf",
        "sha256": task["sha256"],
        "bytes": len(one.pdf),
        "recipient": task["recipient"],
        **{f"address_{number}": line for number, line in enumerate(address, 1)},
        "country": task["country"],
        "case_id": task["case_id"],
        "account_id": task["account_id"],
        "queued_on": task["planned_on"],
    }
