"""Queues a call for the call centre, or takes queued calls back. Two states of the escalation."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.next_step import NextStep, Request, asked_for


@handler
def handle(event: Request, _context: LambdaContext) -> NextStep:
    """Carry out the action that Assess asked for."""
    from arrears.bootstrap_effects import queue_call, withdraw_calls

    carry_out = withdraw_calls if asked_for(event) == "withdraw_calls" else queue_call
    return carry_out()(event)
