"""Starts an execution for each account that is due, and finds cases left behind. EventBridge Scheduler invokes it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import count, handler, logger

#: The scan stops this long before its time is up; what is left is there for the next one.
MARGIN_MS = 10_000


@handler
def handle(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Scan once, and sweep with the time that is left."""
    from arrears.bootstrap import note_scan, scan, sweep

    def out_of_time() -> bool:
        return context.get_remaining_time_in_millis() < MARGIN_MS

    report = scan()(out_of_time)
    count("ExecutionsStarted", report["started"])
    count("ExecutionsNotStarted", len(report["failed"]))
    for account in report["failed"]:
        logger.error("not started", extra={"account": account})
    note_scan(report)
    swept = sweep()(out_of_time)
    for case_id in swept["recovered"]:
        count("ExecutionsFailed")
        logger.error("execution ended without a word", extra={"case_id": case_id})
    for case in swept["failed"]:
        logger.error("not swept", extra={"case": case})
    summary = {**report, "failed": len(report["failed"]), "recovered": len(swept["recovered"])}
    logger.info("scanned", extra={"report": summary})
    return summary
