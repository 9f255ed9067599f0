"""Restore: what a point-in-time recovery brought back, under a name of its own, is put into the table of a stack."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from arrears.adapters.aws import Item, translated
from arrears.adapters.switchboard import switches_of
from arrears.adapters.table import Table, account_pk
from arrears.adapters.whole_table import Part, part_of, put_all
from arrears.domain.events import (
    ActionDone,
    ActionPlanned,
    ActionUncertain,
    AgencyAssigned,
    CaseOpened,
    Event,
    LetterMailed,
    LetterWithdrawn,
)
from arrears.domain.policy_parts import Action
from arrears.errors import ArrearsError, PermanentSetupError
from arrears.records import Envelope

#: So many segments of a table are copied side by side.
_SEGMENTS = 8
#: The note of a restore that is under way, in the table that is restored into.
_NOTE: Final[Item] = {"pk": {"S": "SETTINGS"}, "sk": {"S": "RESTORE"}}
#: What belongs to a stack and not to its record: its switches, which say whether it may send, and such a note.
_NOT_COPIED: Final = frozenset({("SETTINGS", "SWITCHES"), ("SETTINGS", "RESTORE")})
#: What an action did outside the table, for whoever has to undo it there.
_OUTSIDE: Final[Mapping[Action, str]] = {
    "send_sms": "a text was sent",
    "queue_call": "a call was queued",
    "queue_letter": "a letter was queued",
    "freeze_account": "the core banking system was asked to freeze the account",
    "place_with_agency": "the case was put into an agency's set, or offered to agencies",
    "recall_from_agency": "the case was recalled from its agency",
    "file_legal": "the file for court was written",
    "withdraw_legal": "the legal department was told to withdraw the suit",
    "withdraw_calls": "queued calls were taken back",
    "lift_freeze": "the core banking system was asked to lift the freeze",
}


@dataclass(frozen=True)
class Restore:
    """Puts accounts back, from the restored table into the stack's own."""

    source: Table
    target: Table

    def outside(self, account_id: str) -> Iterator[str]:
        """Yield what the events did outside that putting the account back would undo; each as a line, by ids only.

        What a case in shadow did stayed inside. An event that cannot be read any more is told of as such.

        Raises:
            PermanentSetupError: the restored table does not have the account.
        """
        kept = {item["sk"]["S"]: item["hash"]["S"] for item in self._wanted(account_id) if "hash" in item}
        cases: dict[str, list[tuple[Envelope, bool]]] = {}
        for item in self.target.query(account_pk(account_id), "EVENT#"):
            envelope = Envelope(item["body"]["S"], item["previous"]["S"], item["hash"]["S"])
            undone = kept.get(item["sk"]["S"]) != envelope.hash
            cases.setdefault(item["case_id"]["S"], []).append((envelope, undone))
        for case_id, envelopes in cases.items():
            yield from _outside(case_id, envelopes)

    def account(self, account_id: str) -> int:
        """Put an account back as it was: what came since goes, and with it the events that would break the chain.

        No generation goes back: an execution's name is blocked for 90 days, and a scan would start nothing by it. May
        be run again where it broke off.

        Returns:
            how many items it has now.

        Raises:
            PermanentSetupError: the restored table does not have it.
        """
        wanted, present = self._wanted(account_id), list(self.target.query(account_pk(account_id)))
        known = {item["sk"]["S"] for item in wanted}
        used = [int(item["generation"]["N"]) for item in (*wanted, *present) if "generation" in item]
        for item in present:
            if item["sk"]["S"] not in known:
                with translated("dynamodb:DeleteItem"):
                    self.target.client.delete_item(
                        TableName=self.target.name, Key={name: item[name] for name in ("pk", "sk")}
                    )
        put_all(
            self.target,
            [item | {"generation": {"N": str(max(used))}} if "generation" in item else item for item in wanted],
        )
        return len(wanted)

    def _wanted(self, account_id: str) -> list[Item]:
        wanted = list(self.source.query(account_pk(account_id)))
        if not wanted:
            raise PermanentSetupError(f"{self.source.name} has no account {account_id}")
        return wanted


@dataclass(frozen=True)
class RestoreAll:
    """Copies a whole table into that of a stack that has no case, and goes on where it broke off.

    A note in the table that is restored into says how far it has come. The switches are not copied: those of the
    restored table say whether another stack might send, at another time.
    """

    source: Table
    target: Table

    def __call__(self) -> int:
        """Copy what is not copied yet.

        Returns:
            how many items were copied, this time and before.

        Raises:
            PermanentSetupError: the stack has cases, is in the middle of a restore from another table, or would not be
                in shadow mode as the restored one was.
            TransientServiceError: a service is busy; running it again goes on from there.
        """
        copied, places = self._begin()
        failed: ArrearsError | None = None
        with ThreadPoolExecutor(_SEGMENTS) as pool:
            # Each segment has one page under way; only this thread keeps the note.
            running = {
                pool.submit(self._copy, segment, place): segment
                for segment, place in enumerate(places)
                if place != "done"
            }
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for each in ended:
                    segment = running.pop(each)
                    try:
                        count, place = each.result()
                    except ArrearsError as error:
                        failed = error
                        continue
                    copied, places[segment] = copied + count, place
                    self._note(copied, places)
                    if place != "done" and failed is None:
                        running[pool.submit(self._copy, segment, place)] = segment
        if failed is not None:
            raise failed
        with translated("dynamodb:DeleteItem"):
            self.target.client.delete_item(TableName=self.target.name, Key=_NOTE)
        return copied

    def _check_shadow(self) -> None:
        was, here = (_item(table, "SWITCHES") for table in (self.source, self.target))
        if (shadow := switches_of(was).shadow) is not None and switches_of(here).shadow is None:
            raise PermanentSetupError(
                f"{self.source.name} is of a stack in shadow mode {shadow}: turn it on here first (arrears ops shadow "
                f"on), or its cases would close and others would begin for real"
            )

    def _begin(self) -> tuple[int, list[str]]:
        """Return how many items are copied and the place of each segment: a key as JSON, `done`, or empty to begin."""
        note = _item(self.target, "RESTORE")
        if note is not None:
            if note["source"]["S"] != self.source.name:
                raise PermanentSetupError(
                    f"{self.target.name} is in the middle of a restore from {note['source']['S']}: go on with that one"
                )
            return int(note["copied"]["N"]), [place["S"] for place in note["places"]["L"]]
        self._check_shadow()
        if any(True for _ in self.target.with_cases()):
            raise PermanentSetupError(f"{self.target.name} has cases: the whole is restored into a stack that has none")
        places = [""] * _SEGMENTS
        self._note(0, places)
        return 0, places

    def _copy(self, segment: int, place: str) -> tuple[int, str]:
        part: Part = part_of(self.source, segment, _SEGMENTS, json.loads(place) if place else None)
        items = [item for item in part.items if (item["pk"]["S"], item["sk"]["S"]) not in _NOT_COPIED]
        put_all(self.target, items)
        return len(items), "done" if part.after is None else json.dumps(part.after)

    def _note(self, copied: int, places: list[str]) -> None:
        note = _NOTE | {
            "source": {"S": self.source.name},
            "copied": {"N": str(copied)},
            "places": {"L": [{"S": place} for place in places]},
        }
        with translated("dynamodb:PutItem"):
            self.target.client.put_item(TableName=self.target.name, Item=note)


def restored_from(table: Table) -> str | None:
    """Return from which table a whole restore into this one has begun and is not done; None for none."""
    note = _item(table, "RESTORE")
    return None if note is None else str(note["source"]["S"])


def _item(table: Table, name: str) -> Item | None:
    with translated("dynamodb:GetItem"):
        answer = table.client.get_item(TableName=table.name, Key=_NOTE | {"sk": {"S": name}}, ConsistentRead=True)
    return answer.get("Item")


# --- what was done outside -------------------------------------------------------------------------------------------
def _outside(case_id: str, envelopes: list[tuple[Envelope, bool]]) -> Iterator[str]:
    planned: dict[str, ActionPlanned] = {}
    unanswered: dict[str, ActionPlanned] = {}
    for number, (envelope, undone) in enumerate(envelopes, 1):
        try:
            event = envelope.event
        except (ValueError, KeyError, TypeError):
            if undone:
                yield f"{case_id}: event {number} cannot be read, and is undone too"
            continue
        if isinstance(event, CaseOpened) and event.shadow:
            return
        if isinstance(event, ActionPlanned):
            planned[event.action_id] = event
            if undone:
                unanswered[event.action_id] = event
            continue
        unanswered.pop(getattr(event, "action_id", ""), None)
        if undone and (told := _told(event, planned)):
            yield told
    for plan in unanswered.values():
        yield f"{plan.on}  {plan.action_id}: perhaps {_OUTSIDE[plan.action]} (it was planned, and no outcome is kept)"


def _told(event: Event, planned: Mapping[str, ActionPlanned]) -> str:
    """Return what an event says was done outside; empty for nothing."""
    match event:
        case ActionDone(action_id=action_id) | ActionUncertain(action_id=action_id):
            plan = planned.get(action_id)
            what = "something was done that cannot be read any more" if plan is None else _OUTSIDE[plan.action]
            if isinstance(event, ActionUncertain):
                return f"{event.on}  {action_id}: perhaps {what} ({event.reason})"
            return f"{event.on}  {action_id}: {what}{f' ({event.reference})' if event.reference else ''}"
        case AgencyAssigned():
            return f"{event.on}  {event.action_id}: the case was given to agency {event.agency_id}"
        case LetterMailed():
            return f"{event.on}  {event.letter_id}: the letter went to the mailing house"
        case LetterWithdrawn():
            return f"{event.on}  {event.letter_id}: the letter was taken out of the mail, and is not queued any more"
        case _:
            return ""
