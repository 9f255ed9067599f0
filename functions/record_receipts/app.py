"""Records what became of text messages, as SNS logs it. A subscription to its log group invokes it."""

from typing import TypedDict

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.record_receipts import ReceiptCounts


class LogData(TypedDict):
    """Entries of a log group, packed and encoded."""

    data: str


class LogEvent(TypedDict):
    """What CloudWatch Logs hands over."""

    awslogs: LogData


@handler
def handle(event: LogEvent, _context: LambdaContext) -> ReceiptCounts:
    """Record the entries."""
    from arrears.bootstrap_contacts import record_receipts

    return record_receipts()(event["awslogs"]["data"])
