"""Task queues: SQS FIFO, one message group for each account."""

from typing import TYPE_CHECKING

from arrears.adapters.aws import translated

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
