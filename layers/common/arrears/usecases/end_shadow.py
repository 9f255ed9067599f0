"""End shadow: when shadow mode is over, close every case that lived in it, so that real ones can begin."""

from dataclasses import dataclass

from arrears.adapters.settings import Settings
from arrears.adapters.table import StaleError, Table
from arrears.errors import TransientConflictError
from arrears.records import Stamp
from arrears.usecases.assess import TRIES, end_of_shadow, let_go
from arrears.usecases.open_cases import OpenCases


@dataclass(frozen=True)
class EndShadow:
    """Closes the cases in shadow. One that is missed closes by itself when it is looked at next (`assess`)."""

    table: Table
    settings: Settings

    def __call__(self) -> int:
        """Close them; may be run again. Their executions are woken by it as by any news, and end.

        Returns:
            how many cases were closed.

        Raises:
            TransientConflictError: others keep changing a case.
        """
        shadows = [case.case_id for case in OpenCases(self.table, self.settings) if case.shadow]
        return sum(self._end(case_id) for case_id in shadows)

    def _end(self, case_id: str) -> bool:
        policies = self.settings.policies()
        for _ in range(TRIES):
            record = self.table.case(case_id)
            if record is None or not record.case.is_open:
                return False
            clock, timezone = self.settings.clock(), record.case.account.timezone
            on = clock.now(timezone).on
            account = self.table.account(record.case.account_id)
            freed = let_go(self.table, record.case, account, policies, on)
            stamp = Stamp(clock.at(timezone), on, policies.for_case(record.case, on).policy.label)
            try:
                self.table.append(record, end_of_shadow(record.case, on), stamp, wakes=True, extra=[freed])
            except StaleError:
                continue
            return True
        raise TransientConflictError(f"{case_id}: others keep changing the case")
