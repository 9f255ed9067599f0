"""Asks the core banking system to freeze an account. One state of the escalation."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.next_step import NextStep, Request


@handler
def handle(event: Request, _context: LambdaContext) -> NextStep:
    """Carry out the action that Assess asked for."""
    from arrears.bootstrap_effects import freeze_account

    return freeze_account()(event)
