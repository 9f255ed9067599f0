"""Recover: the net under executions that failed, timed out or were aborted. `States.Runtime` is caught by nobody."""

from dataclasses import dataclass, replace

from arrears.adapters.settings import Settings
from arrears.adapters.table import StaleError, Table
from arrears.domain.decide import account_of, opens_on
from arrears.errors import TransientConflictError
from arrears.usecases.assess import TRIES


@dataclass(frozen=True)
class Recover:
    """Puts the case of an execution that ended badly back where the scan finds it, one generation later."""

    table: Table
    settings: Settings

    def __call__(self, case_id: str, generation: int, *, overdue_since: str | None = None) -> bool:
        """Raise the generation and queue the account; False where a later execution has the case already.

        Args:
            case_id: the case.
            generation: of the execution that ended.
            overdue_since: nothing told that it ended, but the case still waits for this time, long gone by; where it
                waits for another one by now, it is left alone.

        Raises:
            TransientConflictError: others keep changing the account.
        """
        for _ in range(TRIES):
            account = self.table.account(account_of(case_id))
            record = self.table.case(case_id)
            current = record.generation if record is not None else account.generation
            if account.version == 0 or current > generation or (record is not None and not record.case.is_open):
                return False
            if record is None and account.open_case is not None:
                # It opened nothing; a later date's execution has opened a case since, and has it.
                return False
            if overdue_since is not None and (record is None or record.due != overdue_since):
                return False
            clock = self.settings.clock()
            on = clock.now(account.account.timezone).on
            due = on if record is not None else opens_on(account.account, self.settings.active(on).policy, on)
            writes = [self.table.put_account(replace(account, generation=generation + 1), due)]
            if record is not None:
                writes.append(self.table.set_generation(record, generation + 1, due=overdue_since))
            try:
                self.table.transact(writes)
            except StaleError:
                continue
            return True
        raise TransientConflictError(f"{case_id}: others keep changing the account")
