"""Tells the execution that waits that there is news. The table's stream invokes it with events from outside."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.errors import ArrearsError
from arrears.runtime import about, count, handler, logger, unexpected


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Wake one execution for each record; those that failed are reported one by one and come again."""
    from arrears.bootstrap import wake

    failed = []
    for record in event["Records"]:
        about({})
        try:
            image = record["dynamodb"]["NewImage"]
            about({"case_id": image["case_id"]["S"]})
            if wake()(image["case_id"]["S"], int(image["number"]["N"])):
                count("WakeUps")
        except Exception as error:  # noqa: BLE001 - what is wrong with one record keeps no other from being woken
            told = error if isinstance(error, ArrearsError) else unexpected(error)
            logger.warning("not woken", extra={"error": type(told).__name__, "why": str(told)})
            failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failed}
