"""Writes the file for court, or tells the court that the case is paid. Two states of the escalation."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.next_step import NextStep, Request, asked_for


@handler
def handle(event: Request, _context: LambdaContext) -> NextStep:
    """Carry out the action that Assess asked for."""
    from arrears.bootstrap_effects import file_legal, withdraw_legal

    carry_out = withdraw_legal if asked_for(event) == "withdraw_legal" else file_legal
    return carry_out()(event)
