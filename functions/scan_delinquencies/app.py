"""Starts an execution for each account on the queue whose time has come. EventBridge Scheduler invokes it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import count, handler, logger

#: The scan stops this long before its time is up; what is left is there for the next one.
MARGIN_MS = 10_000


@handler
def handle(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Scan once."""
    from arrears.bootstrap import scan

    report = scan()(lambda: context.get_remaining_time_in_millis() < MARGIN_MS)
    count("ExecutionsStarted", report["started"])
    count("ExecutionsNotStarted", len(report["failed"]))
    for account in report["failed"]:
        logger.error("not started", extra={"account": account})
    summary = {**report, "failed": len(report["failed"])}
    logger.info("scanned", extra={"report": summary})
    return summary
