"""Records the core banking system's answer to a request to freeze an account. A rule on the stack's bus invokes it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler


@handler
def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, str]:
    """Record the answer; one that is about no request of ours is logged and dropped."""
    from arrears.bootstrap_contacts import record_freeze

    return {"outcome": record_freeze(event["detail"], str(event.get("id", "")))}
