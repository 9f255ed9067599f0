"""Orders: what an operator or a legal officer decides on a case, with the name and the reason."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from arrears.adapters.settings import Settings
from arrears.adapters.table import StaleError, Table
from arrears.domain.case import Case
from arrears.domain.events import Event, LegalDecided, RecallOrdered
from arrears.domain.legal import why_not_decided
from arrears.errors import PermanentSetupError, TransientConflictError
from arrears.files import ApprovalRow, RowError
from arrears.records import Stamp
from arrears.usecases.assess import TRIES


@dataclass(frozen=True)
class Orders:
    """Appends an order; the execution that waits is woken by it as by any news."""

    table: Table
    settings: Settings

    def recall(self, case_id: str, by: str, why: str) -> None:
        """Order that a case comes back from its agency.

        Raises:
            PermanentSetupError: there is no such case, or it is with no agency.
            TransientConflictError: others keep changing the case.
        """

        def order(case: Case, on: date) -> Event:
            if case.placement is None:
                raise PermanentSetupError(f"{case_id} is with no agency")
            if case.recall_ordered is not None:
                raise PermanentSetupError(f"{case.recall_ordered.by} has ordered that already")
            return RecallOrdered(on, by, why)

        self._append(case_id, by, why, order)

    def decide(self, case_id: str, by: str, why: str, *, approved: bool) -> None:
        """Approve that a case is sued, or decline.

        Raises:
            PermanentSetupError: there is no such case, nobody asked, or it is filed already.
            TransientConflictError: others keep changing the case.
        """

        def order(case: Case, on: date) -> Event:
            if why_not := why_not_decided(case, on):
                raise PermanentSetupError(f"{case_id}: {why_not}")
            return LegalDecided(approved, on, by, why)

        self._append(case_id, by, why, order)

    def take(self, row: ApprovalRow) -> Literal["recorded", "known", "later"]:
        """Take in a row of a file of decisions; it counts from its own date.

        Returns:
            `known` for a decision that is recorded already, `later` for one of a date that is still to come.

        Raises:
            RowError: there is no such open case, or nobody asked before the row's date.
            TransientConflictError: others keep changing the case.
        """
        record = self.table.case(row.case_id)
        if record is None:
            raise RowError("case_id", "is no case")
        timezone = record.case.account.timezone
        decision = row.decided(timezone)
        if decision.on > self.settings.clock().now(timezone).on:
            return "later"
        if any(envelope.event == decision for envelope in self.table.envelopes(row.case_id)):
            return "known"
        why_not = why_not_decided(record.case, decision.on) if record.case.is_open else "is no open case"
        if why_not:
            raise RowError("case_id", why_not)
        self._append(row.case_id, row.by, row.why, lambda _case, _on: decision)
        return "recorded"

    def _append(self, case_id: str, by: str, why: str, order: Callable[[Case, date], Event]) -> None:
        if not by.strip() or not why.strip():
            raise PermanentSetupError("an order names who gives it and why")
        for _ in range(TRIES):
            record = self.table.case(case_id)
            if record is None or not record.case.is_open:
                raise PermanentSetupError(f"there is no open case {case_id}")
            clock, timezone = self.settings.clock(), record.case.account.timezone
            on = clock.now(timezone).on
            event = order(record.case, on)
            try:
                self.table.append(record, [event], Stamp(clock.at(timezone), on), wakes=True)
            except StaleError:
                continue
            return
        raise TransientConflictError(f"{case_id}: others keep changing the case")
