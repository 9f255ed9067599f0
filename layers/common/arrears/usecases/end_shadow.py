"""End shadow: when shadow mode is over, close every case that lived in it, so that real ones can begin."""

from collections.abc import Callable
from dataclasses import dataclass

from arrears.adapters.settings import Settings
from arrears.adapters.table import StaleError, Table
from arrears.errors import ArrearsError, TransientConflictError
from arrears.records import Stamp
from arrears.usecases.assess import TRIES, end_of_shadow, let_go
from arrears.usecases.open_cases import OpenCases


@dataclass(frozen=True)
class EndShadow:
    """Closes the cases in shadow. One that is missed closes by itself when it is looked at next (`assess`)."""

    table: Table
    settings: Settings

    def __call__(self, failed: Callable[[str, ArrearsError], None] | None = None) -> int:
        """Close them; may be run again. Their executions are woken by it as by any news, and end.

        Args:
            failed: told of each case that could not be closed, and why; without it, the first one ends it all.

        Returns:
            how many cases were closed.

        Raises:
            ArrearsError: a case could not be closed, and nobody is to be told of it.
        """
        closed = 0
        for case in OpenCases(self.table, self.settings):
            if not case.shadow:
                continue
            try:
                closed += self._end(case.case_id)
            except ArrearsError as error:
                if failed is None:
                    raise
                failed(case.case_id, error)
        return closed

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
