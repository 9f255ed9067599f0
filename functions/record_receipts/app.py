"""Records what became of text messages, as SNS logs it. A subscription to its log group invokes it."""

from typing import NotRequired, TypedDict

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.record_receipts import Receipt, ReceiptCounts, receipts_of

#: So much time is kept for setting aside what is left, in milliseconds.
_TO_SET_ASIDE = 20_000


class LogData(TypedDict):
    """Entries of a log group, packed and encoded."""

    data: str


class LogEvent(TypedDict):
    """What CloudWatch Logs hands over, or, out of a dead letter, what was set aside."""

    awslogs: NotRequired[LogData]
    receipts: NotRequired[list[Receipt]]


@handler
def handle(event: LogEvent, context: LambdaContext) -> ReceiptCounts:
    """Record the receipts. What fails is set aside without the numbers, which the event names."""
    from arrears.bootstrap_contacts import record_receipts

    use_case = record_receipts(context.invoked_function_arn)
    return use_case(
        lambda: event["receipts"] if "receipts" in event else receipts_of(event["awslogs"]["data"]),
        lambda: context.get_remaining_time_in_millis() < _TO_SET_ASIDE,
    )
