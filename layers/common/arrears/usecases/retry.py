"""Retry: an operator lets an action that failed for good be tried again."""

from dataclasses import dataclass

from arrears.adapters.settings import Settings
from arrears.adapters.table import StaleError, Table
from arrears.domain.events import ActionRetried
from arrears.errors import PermanentSetupError, TransientConflictError
from arrears.records import Stamp
from arrears.usecases.assess import TRIES


@dataclass(frozen=True)
class Retry:
    """Appends the operator's word; the execution that waits is woken by it as by any news."""

    table: Table
    settings: Settings

    def __call__(self, case_id: str, by: str) -> str:
        """Resume a parked case; return the id of the action that is tried again.

        Raises:
            PermanentSetupError: there is no such case, or nothing of it is parked.
            TransientConflictError: others keep changing the case.
        """
        for _ in range(TRIES):
            record = self.table.case(case_id)
            if record is None:
                raise PermanentSetupError(f"there is no case {case_id}")
            failed = record.case.failed
            if failed is None or not record.case.is_open:
                raise PermanentSetupError(f"nothing of {case_id} is parked")
            clock = self.settings.clock()
            timezone = record.case.account.timezone
            on = clock.now(timezone).on
            try:
                self.table.append(
                    record, [ActionRetried(failed.action_id, on, by)], Stamp(clock.at(timezone), on), wakes=True
                )
            except StaleError:
                continue
            return failed.action_id
        raise TransientConflictError(f"{case_id}: others keep changing the case")
