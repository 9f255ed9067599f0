"""Queues of dead letters as an operator sees them: listed and left there, and taken away one by one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from arrears.adapters.aws import translated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: So long a message stays with whoever looks at it, in seconds.
_MINE = 60


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

    def take(self) -> list[DeadLetter]:
        """Return what is there; it stays with the caller for a minute and then, unless deleted, is there again."""
        found: dict[str, DeadLetter] = {}
        while True:
            with translated("sqs:ReceiveMessage"):
                answer = self._client.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=10,
                    VisibilityTimeout=_MINE,
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
            messages = answer.get("Messages", [])
            if not messages:
                return list(found.values())
            for message in messages:
                found[message["MessageId"]] = self._letter(message)

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

    def release(self, letters: Iterable[DeadLetter]) -> None:
        """Let letters that were taken be there again at once."""
        for letter in letters:
            with translated("sqs:ChangeMessageVisibility"):
                self._client.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=letter.handle, VisibilityTimeout=0
                )

    def delete(self, letter: DeadLetter) -> None:
        """Take a letter away for good."""
        with translated("sqs:DeleteMessage"):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.handle)

    def look(self) -> Iterator[DeadLetter]:
        """Yield what is there, the oldest first, and leave it there."""
        letters = self.take()
        self.release(letters)
        yield from sorted(letters, key=lambda letter: (letter.since, letter.message_id))
