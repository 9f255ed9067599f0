"""Task queues: SQS FIFO, one message group for each account."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from arrears.adapters.aws import translated
from arrears.usecases.dispatch_letters import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class FifoQueue:
    """A FIFO queue.

    SQS drops a second message of the same deduplication id for five minutes only; so every body carries its action id,
    and the schema tells the readers to drop one they have seen.
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client, self._url = client, url

    def send(self, *, group: str, task_id: str, body: str) -> str:
        """Queue a task; see `effects.ports.Tasks`. An action id fits a deduplication id: at most 128 characters."""
        with translated("sqs:SendMessage"):
            answer = self._client.send_message(
                QueueUrl=self._url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=task_id
            )
        return answer["MessageId"]


class PlainQueue:
    """A queue without order, for what nobody reads but an operator."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client, self._url = client, url

    def send(self, body: str) -> None:
        """Queue a message."""
        with translated("sqs:SendMessage"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)


#: So many messages one request takes or gives back at most (SQS quotas).
_BATCH = 10
#: How long a message that was received stays with whoever has it, in seconds: as long as a function can run.
_MINE = 900


class FifoInbox:
    """A FIFO queue from its reading end; see `usecases.dispatch_letters.Inbox`.

    Args:
        client: an SQS client.
        url: of the queue.
        wait: how long an empty answer is waited for, in seconds; without waiting SQS may miss what is there.
    """

    def __init__(self, client: "SQSClient", url: str, *, wait: int = 1) -> None:
        self._client, self._url, self._wait = client, url, wait

    def receive(self) -> Iterator[Message]:
        """Yield what is queued now, until nothing more comes."""
        while True:
            with translated("sqs:ReceiveMessage"):
                answer = self._client.receive_message(
                    QueueUrl=self._url, MaxNumberOfMessages=_BATCH, VisibilityTimeout=_MINE, WaitTimeSeconds=self._wait
                )
            messages = answer.get("Messages", [])
            if not messages:
                return
            for message in messages:
                yield Message(message["Body"], message["ReceiptHandle"])

    def delete(self, handles: Sequence[str]) -> None:
        """Take messages away for good."""
        for start in range(0, len(handles), _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle}
                for number, handle in enumerate(handles[start : start + _BATCH])
            ]
            with translated("sqs:DeleteMessageBatch"):
                self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type] # literals
