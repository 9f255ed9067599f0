"""Queues of dead letters as an operator sees them: listed and left there, and taken away one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from arrears.adapters.aws import translated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: So long messages stay with whoever has received them, in seconds: ten at a time, and each takes a moment.
_MINE = 60
#: A request takes so many messages (SQS quotas).
_BATCH = 10
#: How long an empty answer is waited for, in seconds: without waiting SQS asks some of its servers only, and may say
#: that nothing is there when something is.
_WAIT = 1


@dataclass(frozen=True)
class DeadLetter:
    """A message that could not be delivered or dealt with. Its body may hold personal data, so it is not shown.

    Attributes:
        queue: the queue's name in the template.
        since: when it was sent.
        attributes: what the service that gave it up says of it.
        group: its message group, in a queue that keeps an order; empty in another.
        received: how often it was received.
        handle: takes it away.
    """

    queue: str
    message_id: str
    since: datetime
    body: str
    attributes: Mapping[str, str]
    group: str
    received: int
    handle: str = field(repr=False)


class DeadLetterQueue:
    """A queue of dead letters.

    Args:
        client: an SQS client.
        name: the queue's name in the template.
        url: of the queue.
    """

    def __init__(self, client: "SQSClient", name: str, url: str) -> None:
        self._client, self.name, self._url = client, name, url

    def count(self) -> int:
        """Return about how many there are."""
        with translated("sqs:GetQueueAttributes"):
            answer = self._client.get_queue_attributes(
                QueueUrl=self._url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )
        return sum(int(number) for number in answer["Attributes"].values())

    def batches(self) -> Iterator[list[DeadLetter]]:
        """Yield what is there, ten at a time, no letter twice; each batch stays with the caller for a minute.

        It ends after as many as there were at the beginning, or it would never where what is tried again fails at once.
        """
        left, seen = max(self.count(), _BATCH), set[str]()
        while left > 0:
            with translated("sqs:ReceiveMessage"):
                answer = self._client.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=_BATCH,
                    VisibilityTimeout=_MINE,
                    WaitTimeSeconds=_WAIT,
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
            messages = answer.get("Messages", [])
            if not messages:
                return
            left -= len(messages)
            fresh = [self._letter(message) for message in messages if message["MessageId"] not in seen]
            seen.update(letter.message_id for letter in fresh)
            yield fresh

    def _letter(self, message: Any) -> DeadLetter:  # noqa: ANN401 - boto3's own type names no optional key
        told = message.get("Attributes", {})
        attributes = message.get("MessageAttributes", {})
        return DeadLetter(
            self.name,
            message["MessageId"],
            datetime.fromtimestamp(int(told.get("SentTimestamp", 0)) / 1000, UTC),
            message["Body"],
            {name: value.get("StringValue", "") for name, value in attributes.items()},
            told.get("MessageGroupId", ""),
            int(told.get("ApproximateReceiveCount", 0)),
            message["ReceiptHandle"],
        )

    def release(self, handles: Sequence[str]) -> None:
        """Let letters that were taken be there again at once; one whose minute is over is there already."""
        for start in range(0, len(handles), _BATCH):
            entries: Any = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + _BATCH])
            ]
            with translated("sqs:ChangeMessageVisibilityBatch"):
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def delete(self, letter: DeadLetter) -> None:
        """Take a letter away for good."""
        with translated("sqs:DeleteMessage"):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.handle)

    def look(self) -> Iterator[DeadLetter]:
        """Yield what is there, about the oldest first, and leave it there."""
        handles: list[str] = []
        try:
            for letters in self.batches():
                handles += [letter.handle for letter in letters]
                yield from sorted(letters, key=lambda letter: (letter.since, letter.message_id))
        finally:
            self.release(handles)
