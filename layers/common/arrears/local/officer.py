"""A legal officer at the embedded stack: approves what is asked for, in a file for each day, as on a real stack."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arrears.domain.case import replay
from arrears.domain.events import ApprovalAsked, Event
from arrears.domain.legal import waits_for_approval
from arrears.errors import PermanentSetupError
from arrears.files import COLUMNS, RowError
from arrears.stack import Stack
from arrears.usecases.approvals import Approvals
from arrears.usecases.orders import Orders


@dataclass
class Officer:
    """Decides on the business date that the stack is on.

    Attributes:
        folder: for the files, which `arrears simulate --approvals` reads too.
    """

    stack: Stack
    folder: Path
    _decided: set[str] = field(default_factory=set)

    def look(self, histories: Mapping[str, Sequence[Event]]) -> int:
        """Approve what waits, in a file of its own, as `arrears legal approve --file` does; return how many there were.

        Args:
            histories: the events of each case.

        Raises:
            PermanentSetupError: the stack refuses a decision.
        """
        waiting = [case_id for case_id, history in histories.items() if self._waits(case_id, history)]
        today = self.stack.settings.clock().set_to
        if not waiting or today is None:
            return 0
        path = self.folder / f"{today}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened, lineterminator="\n")
            writer.writerow(COLUMNS["approvals"])
            writer.writerows(
                (case_id, "approve", today, "A. Officer (made up)", "claim and evidence are complete")
                for case_id in waiting
            )
        for line, outcome in Approvals(Orders(self.stack.table, self.stack.settings))(path):
            if isinstance(outcome, RowError):
                raise PermanentSetupError(f"{path.name}, line {line}: {outcome}")
        self._decided.update(waiting)
        return len(waiting)

    def _waits(self, case_id: str, history: Sequence[Event]) -> bool:
        if case_id in self._decided or not any(isinstance(event, ApprovalAsked) for event in history):
            return False
        case = replay(history)
        return case is not None and case.is_open and waits_for_approval(case)
