"""Ask the core banking system to freeze an account (schema `freeze-request-1`)."""

from dataclasses import dataclass
from typing import Final

from arrears.effects.known import known_for, plan_of, written
from arrears.effects.ports import Bus
from arrears.usecases.carry_out import Effect, Work

SCHEMA: Final = "freeze-request-1"
DETAIL_TYPE: Final = "FreezeRequested"


@dataclass(frozen=True)
class FreezeAccount:
    """Puts a request on the bus. It may arrive twice: the core system drops an action id that it has seen."""

    bus: Bus

    def __call__(self, work: Work) -> Effect:
        """Request the freeze of an action.

        Raises:
            PermanentActionError: the bus refused the event.
            TransientServiceError: the bus is busy.
        """
        known = known_for(work)
        event_id = self.bus.put(
            DETAIL_TYPE,
            {
                "schema": SCHEMA,
                "action_id": work.act.action_id,
                "case_id": known.case.case_id,
                "account_id": known.case.account_id,
                "requested_on": plan_of(work).on.isoformat(),
                "currency": known.arrears.currency,
                "arrears": written(known.arrears),
                "reason": work.act.reason,
            },
        )
        return Effect(event_id, (("schema", SCHEMA),))
