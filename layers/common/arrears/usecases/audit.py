"""Audit: replay the events against the stored cases, and check the chain (invariant 5)."""

from collections.abc import Iterator
from dataclasses import dataclass

from arrears.adapters.table import CaseRecord, Table
from arrears.domain.case import BrokenHistoryError, Case, evolve, opening
from arrears.domain.chain import GENESIS
from arrears.domain.events import CaseOpened


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be.

    Attributes:
        number: of the event where it shows; None for the case as a whole.
    """

    case_id: str
    number: int | None
    what: str

    def __str__(self) -> str:
        """For the auditor."""
        where = f"{self.case_id}, event {self.number}" if self.number is not None else self.case_id
        return f"{where}: {self.what}"


@dataclass(frozen=True)
class Audit:
    """Checks the cases of accounts."""

    table: Table

    def account(self, account_id: str) -> Iterator[tuple[CaseRecord, list[Finding]]]:
        """Yield each case of an account with what was found wrong with it, oldest first."""
        for record in self.table.cases(account_id):
            yield record, self.case(record)

    def case(self, record: CaseRecord) -> list[Finding]:
        """Return what is wrong with a case: nothing, if its chain holds and its events give what is stored."""
        case_id = record.case.case_id
        findings: list[Finding] = []
        case: Case | None = None
        head, expected = GENESIS, 1
        for envelope in self.table.envelopes(case_id):
            try:
                number = envelope.number
                event = envelope.event
            except (ValueError, KeyError):
                return [*findings, Finding(case_id, expected, "the stored event cannot be read")]
            if number != expected:
                findings.append(Finding(case_id, expected, f"missing: number {number} follows"))
            if envelope.previous != head:
                findings.append(Finding(case_id, number, "does not follow the event before it: the chain is broken"))
            if not envelope.intact:
                findings.append(Finding(case_id, number, "was changed: its hash is not that of its text"))
            try:
                if case is None and isinstance(event, CaseOpened):
                    case = opening(event)
                elif case is not None:
                    case = evolve(case, event)
            except BrokenHistoryError as error:
                findings.append(Finding(case_id, number, str(error)))
            head, expected = envelope.hash, number + 1
        if case != record.case:
            findings.append(Finding(case_id, None, "the events do not give the stored case"))
        if head != record.head:
            findings.append(Finding(case_id, None, "the stored head is not the hash of the last event"))
        return findings
