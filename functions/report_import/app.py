"""Writes what became of a file: the refused rows and, last of all, the report. Also when the import broke off."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.finish_import import Finished


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> Finished | None:
    """Take the execution's state: the event, the split, and the error if there was one.

    Or an "Execution Status Change" event of Step Functions, of an import that ended badly and may have no report.
    """
    from arrears.bootstrap_import import finish_import

    if "executionArn" in event["detail"]:
        return finish_import().of_ended(event["detail"])
    return finish_import()(event)
