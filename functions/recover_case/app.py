"""Puts the case of an execution that failed, timed out or was aborted back where the scan finds it."""

import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import about, count, handler, logger


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, bool]:
    """Take an "Execution Status Change" event of Step Functions."""
    from arrears.bootstrap import recover

    execution = json.loads(event["detail"]["input"])
    about(execution)
    count("ExecutionsFailed")
    recovered = recover()(execution["case_id"], int(execution["generation"]))
    logger.error("execution ended badly", extra={"status": event["detail"]["status"], "recovered": recovered})
    return {"recovered": recovered}
