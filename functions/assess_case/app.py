"""Opens a case, records what follows by itself, and says what is to be done: the first state of every turn."""

from typing import TypedDict

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.next_step import NextStep, Request


class Turn(TypedDict):
    """The execution's state, and when the execution started (ISO 8601)."""

    step: Request
    started: str


@handler
def handle(event: Turn, _context: LambdaContext) -> NextStep:
    """Take a turn with a case."""
    from arrears.bootstrap import assess

    return assess()({**event["step"], "started": event["started"]})
