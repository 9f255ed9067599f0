"""Tells the execution that waits that there is news. The table's stream invokes it with events from outside."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.errors import ArrearsError
from arrears.runtime import count, handler, logger


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Wake one execution for each record; those that failed are reported one by one and come again."""
    from arrears.bootstrap import wake

    failed = []
    for record in event["Records"]:
        image = record["dynamodb"]["NewImage"]
        case_id = image["case_id"]["S"]
        try:
            if wake()(case_id, int(image["number"]["N"])):
                count("WakeUps")
        except ArrearsError as error:
            logger.warning("not woken", extra={"case_id": case_id, "error": type(error).__name__})
            failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failed}
