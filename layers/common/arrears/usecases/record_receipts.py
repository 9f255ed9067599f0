"""Record receipts: the delivery status that SNS logs for each text, by way of a subscription to its log group."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypedDict

from arrears.adapters.spending import TableSpending
from arrears.domain.decide import account_of
from arrears.files import OptOutRow, ReceiptRow, RowError
from arrears.usecases.record import RecordFact

#: What a provider says of a number that will never take a text (SNS Developer Guide, "SMS delivery failure reasons").
_FINAL: Final = (
    "invalid phone number",
    "phone has blocked sms",
    "phone is on a blocked list",
    "destination is on a blocked list",
)
_OPTED_OUT: Final = "opted out"
#: A reason is a sentence; what is longer is cut.
_LONGEST_REASON: Final = 200


class ReceiptCounts(TypedDict):
    """What became of the entries; `foreign` are texts that others of the account have sent."""

    recorded: int
    unchanged: int
    foreign: int
    refused: int


def entries_of(data: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a CloudWatch Logs subscription's event (`awslogs.data`); all else is left out."""
    batch = json.loads(gzip.decompress(base64.b64decode(data)))
    if batch.get("messageType") != "DATA_MESSAGE":
        return
    for event in batch["logEvents"]:
        try:
            entry = json.loads(event["message"])
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("notification"), dict):
            yield entry


@dataclass(frozen=True)
class RecordReceipts:
    """Records what became of the texts.

    Attributes:
        skipped: told why an entry was refused; the text names no number.
        tell: told how many texts were delivered and failed.
    """

    spending: TableSpending
    record: RecordFact
    skipped: Callable[[str], None]
    tell: Callable[[str, int], None] = lambda _name, _number: None

    def __call__(self, data: str) -> ReceiptCounts:
        """Record the entries of an event.

        Raises:
            TransientError: the table is busy; the whole event may come again and changes nothing twice.
        """
        counts: ReceiptCounts = {"recorded": 0, "unchanged": 0, "foreign": 0, "refused": 0}
        for entry in entries_of(data):
            message_id = str(entry["notification"].get("messageId", ""))
            action_id = self.spending.action_of(message_id) if message_id else None
            if action_id is None:
                counts["foreign"] += 1
                continue
            try:
                outcome = self._record(entry, action_id, message_id)
            except RowError as refused:
                self.skipped(f"{action_id}: {refused}")
                counts["refused"] += 1
            else:
                counts["recorded" if outcome == "accepted" else "unchanged"] += 1
                if outcome == "accepted":
                    self.tell("Sms_delivered" if entry.get("status") == "SUCCESS" else "Sms_failed", 1)
        return counts

    def _record(self, entry: Mapping[str, Any], action_id: str, message_id: str) -> str:
        at = _instant(str(entry["notification"].get("timestamp", "")))
        delivery = entry.get("delivery")
        said = str(delivery.get("providerResponse", "") if isinstance(delivery, dict) else "")[:_LONGEST_REASON]
        run = f"sns-{message_id}"
        if entry.get("status") == "SUCCESS":
            return self.record("receipts", ReceiptRow(action_id, "delivered", at), run)
        if _OPTED_OUT in said.lower():
            self.record("optouts", OptOutRow(account_of(action_id), at, "network"), run)
        final = said.lower().startswith(_FINAL)
        return self.record("receipts", ReceiptRow(action_id, "failed", at, final, said), run)


def _instant(text: str) -> datetime:
    """Return when SNS saw it: `2016-06-28 00:40:34.558`, in UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return datetime.now(UTC).replace(microsecond=0)
