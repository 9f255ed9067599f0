"""Ask the core banking system to lift the freeze of an account (schema `freeze-lift-request-1`)."""

from dataclasses import dataclass
from typing import Final

from arrears.effects.known import plan_of
from arrears.effects.ports import Bus
from arrears.usecases.carry_out import Effect, Work

SCHEMA: Final = "freeze-lift-request-1"
DETAIL_TYPE: Final = "FreezeLiftRequested"


@dataclass(frozen=True)
class LiftFreeze:
    """Puts a request on the bus. It may arrive twice: the core system drops an action id that it has seen."""

    bus: Bus

    def __call__(self, work: Work) -> Effect:
        """Request that the freeze be lifted.

        Raises:
            PermanentActionError: the bus refused the event.
            TransientServiceError: the bus is busy.
        """
        case = work.record.case
        frozen = next((done.action_id for done in case.done if done.action == "freeze_account"), "")
        event_id = self.bus.put(
            DETAIL_TYPE,
            {
                "schema": SCHEMA,
                "action_id": work.act.action_id,
                "freeze_action_id": frozen,
                "case_id": case.case_id,
                "account_id": case.account_id,
                "requested_on": plan_of(work).on.isoformat(),
                "reason": work.act.reason,
            },
        )
        return Effect(event_id, (("schema", SCHEMA),))
