"""Has waiting cases look at a policy that was published, a few at a time. EventBridge Scheduler invokes it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import count, handler, logger
from arrears.usecases.roll_out import RollOutReport

#: It stops this long before its time is up: a page of cases takes some seconds. What is left is there for the next run.
MARGIN_MS = 30_000


@handler
def handle(_event: dict[str, Any], context: LambdaContext) -> RollOutReport:
    """Go on with the sweep of the last publication, if there is one."""
    from arrears.bootstrap import roll_out

    report = roll_out()(lambda: context.get_remaining_time_in_millis() < MARGIN_MS)
    count("RolloutWakeUps", report["woken"])
    logger.info("rolled out", extra={"report": report})
    return report
