"""Asks the core banking system to freeze an account, or to lift the freeze. Two states of the escalation."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.next_step import NextStep, Request, asked_for


@handler
def handle(event: Request, _context: LambdaContext) -> NextStep:
    """Carry out the request that Assess asked for."""
    from arrears.bootstrap_effects import freeze_account, lift_freeze

    carry_out = lift_freeze if asked_for(event) == "lift_freeze" else freeze_account
    return carry_out()(event)
