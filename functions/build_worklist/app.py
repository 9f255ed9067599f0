"""Builds the morning's list of calls. The scheduler invokes it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler, logger
from arrears.usecases.build_worklist import WorklistReport


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> WorklistReport:
    """Build the list of the business date; `date` names another one."""
    from arrears.bootstrap_contacts import build_worklist, day_of

    report = build_worklist()(day_of(event))
    logger.info("listed", extra={"report": report})
    return report
