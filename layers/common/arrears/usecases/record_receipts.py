"""Record receipts: the delivery status that SNS logs for each text, by way of a subscription to its log group."""

import base64
import gzip
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypedDict

from arrears.adapters.spending import TableSpending
from arrears.domain.decide import account_of
from arrears.errors import PermanentSetupError, TransientError, TransientServiceError
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


#: A number in what a provider says: texts have one, and no event keeps it.
_NUMBER: Final = re.compile(r"\+?\d[\d \-]{5,}\d")
#: So many receipts go into one dead letter, which SQS takes up to 256 KiB of.
_IN_A_LETTER: Final = 500


class Receipt(TypedDict):
    """What SNS says of one text, without the number that it went to."""

    message_id: str
    timestamp: str
    status: str
    said: str


class ReceiptCounts(TypedDict):
    """What became of the receipts; `foreign` are texts that others of the account have sent."""

    recorded: int
    unchanged: int
    foreign: int
    refused: int
    set_aside: int


def receipts_of(data: str) -> Iterator[Receipt]:
    """Yield what a CloudWatch Logs subscription's event (`awslogs.data`) says of texts; all else is left out.

    Raises:
        PermanentSetupError: it is no such event.
    """
    try:
        batch = json.loads(gzip.decompress(base64.b64decode(data)))
        messages = [event["message"] for event in batch["logEvents"]] if batch["messageType"] == "DATA_MESSAGE" else []
    except (ValueError, EOFError, OSError, zlib.error, LookupError, TypeError) as error:
        raise PermanentSetupError("this is no event of a subscription to a log group") from error
    for message in messages:
        try:
            entry = json.loads(message)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("notification"), dict):
            yield _receipt(entry, entry["notification"])


def _receipt(entry: Mapping[str, Any], notification: Mapping[str, Any]) -> Receipt:
    delivery = entry.get("delivery")
    said = str(delivery.get("providerResponse", "") if isinstance(delivery, dict) else "")
    return {
        "message_id": str(notification.get("messageId", "")),
        "timestamp": str(notification.get("timestamp", "")),
        "status": str(entry.get("status", "")),
        "said": _NUMBER.sub("(number)", said)[:_LONGEST_REASON],
    }


@dataclass(frozen=True)
class RecordReceipts:
    """Records what became of the texts.

    Attributes:
        skipped: told why a receipt was refused; the text names no number.
        named: told of an error that will not pass by itself; returns what it may be called elsewhere.
        set_aside: keeps receipts for an operator, with the name of the error that they failed with.
        tell: told how many texts were delivered and failed.
    """

    spending: TableSpending
    record: RecordFact
    skipped: Callable[[str], None]
    named: Callable[[Exception], str]
    set_aside: Callable[[Sequence[Receipt], str], None]
    tell: Callable[[str, int], None] = lambda _name, _number: None

    def __call__(self, receipts: Callable[[], Iterable[Receipt]], late: Callable[[], bool]) -> ReceiptCounts:
        """Record receipts; the same ones again change nothing.

        What cannot be recorded is set aside rather than raised: Lambda would keep the whole event that failed, with the
        numbers that it names. So what may pass by itself is tried once more after the others.

        Args:
            receipts: reads them.
            late: whether there is hardly time left; what is not recorded by then is set aside.
        """
        counts: ReceiptCounts = {"recorded": 0, "unchanged": 0, "foreign": 0, "refused": 0, "set_aside": 0}
        failed: dict[str, list[Receipt]] = defaultdict(list)
        try:
            left = list(receipts())
        except PermanentSetupError as unreadable:
            self.set_aside([], self.named(unreadable))
            left = []
        for last in (False, True):
            busy = []
            for receipt in left:
                try:
                    if late():
                        raise TransientServiceError("there was no time left for it")  # noqa: TRY301 - as any other
                    self._receipt(receipt, counts)
                except Exception as error:  # noqa: BLE001 - one keeps no other back
                    if isinstance(error, TransientError) and not last:
                        busy.append(receipt)
                    else:
                        failed[self.named(error)].append(receipt)
            left = busy
        for error_name, group in failed.items():
            counts["set_aside"] += len(group)
            for start in range(0, len(group), _IN_A_LETTER):
                self.set_aside(group[start : start + _IN_A_LETTER], error_name)
        return counts

    def _receipt(self, receipt: Receipt, counts: ReceiptCounts) -> None:
        action_id = self.spending.action_of(receipt["message_id"]) if receipt["message_id"] else None
        if action_id is None:
            counts["foreign"] += 1
            return
        try:
            outcome = self._record(receipt, action_id)
        except RowError as refused:
            self.skipped(f"{action_id}: {refused}")
            counts["refused"] += 1
            return
        counts["recorded" if outcome == "accepted" else "unchanged"] += 1
        if outcome == "accepted":
            self.tell("Sms_delivered" if receipt["status"] == "SUCCESS" else "Sms_failed", 1)

    def _record(self, receipt: Receipt, action_id: str) -> str:
        at, said = _instant(receipt["timestamp"]), receipt["said"]
        run = f"sns-{receipt['message_id']}"
        if receipt["status"] == "SUCCESS":
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
