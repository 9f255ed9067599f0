"""Makes one batch for the mailing house out of the letters that are queued. The scheduler invokes it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler, logger
from arrears.usecases.dispatch_letters import MailReport


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> MailReport:
    """Make the batch of the business date; `date` names another one."""
    from arrears.bootstrap_contacts import day_of, dispatch_letters

    report = dispatch_letters()(day_of(event))
    logger.info("dispatched", extra={"report": report})
    return report
