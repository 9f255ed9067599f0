"""Gives a case to a collection agency, or takes it back. Two states of the escalation."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from arrears.runtime import handler
from arrears.usecases.next_step import NextStep, Request, asked_for


@handler
def handle(event: Request, _context: LambdaContext) -> NextStep:
    """Carry out the placement or the recall that Assess asked for."""
    from arrears.bootstrap_effects import place_with_agency, recall_from_agency

    carry_out = recall_from_agency if asked_for(event) == "recall_from_agency" else place_with_agency
    return carry_out()(event)
