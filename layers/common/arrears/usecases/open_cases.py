"""Open cases as operators look at them: the operator's list, and what must be sued by when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from arrears.adapters.settings import Settings
from arrears.adapters.table import CaseRecord, Table
from arrears.domain.case import Case
from arrears.domain.events import OperatorListed
from arrears.domain.holds import holds_in_force
from arrears.domain.legal import is_filed, limitation_ends


@dataclass(frozen=True, slots=True)
class Listed:
    """A case on the operator's list, and why."""

    case: Case
    on: date
    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class Due:
    """A case that is to be sued.

    Attributes:
        by: the claim is barred from this date on; None where the policy sets no limitation.
        state: what it waits for.
    """

    case: Case
    by: date | None
    state: str


@dataclass(frozen=True)
class OpenCases:
    """Looks through the open cases of a stack."""

    table: Table
    settings: Settings

    def __iter__(self) -> Iterator[Case]:
        """Yield the open cases, in no order."""
        yield from (record.case for record in self.records())

    def records(self) -> Iterator[CaseRecord]:
        """Yield the open cases as they are stored, in no order; few are in memory at a time."""
        case_ids = (
            entry.case_id
            for shard in range(self.table.shards)
            for entry in self.table.queued("open", shard)
            if entry.case_id is not None
        )
        yield from (record for record in self.table.load_cases(case_ids) if record.case.is_open)

    def listed(self) -> Iterator[Listed]:
        """Yield the cases on the operator's list: those parked, and those that go nowhere by themselves."""
        for case in self:
            parked = _parked(case)
            if parked is not None:
                yield parked
            for each in case.listed:
                if self._still(case, each):
                    yield Listed(case, each.on, each.why, each.reason)

    def parked(self) -> list[Listed]:
        """Return the cases of which an action failed for good, and waits for an operator; by account."""
        found = (_parked(case) for case in self)
        return sorted((each for each in found if each is not None), key=lambda each: each.case.case_id)

    def _still(self, case: Case, listed: OperatorListed) -> bool:
        """Say whether what put a case on the list is still so."""
        if listed.why == "placements":
            return case.placement is None
        if listed.why == "agency_dispute":
            return all(at.date() < listed.on for hold in case.account.holds for at in hold.placed)
        if listed.why == "hold_review":
            on = self.settings.clock().now(case.account.timezone).on
            return bool(holds_in_force(case, self.settings.policies().for_case(case, on).policy, on))
        return True

    def to_sue(self) -> list[Due]:
        """Return the cases that wait for a suit, or whose claim is barred soon; the most urgent first."""
        policies, clock = self.settings.policies(), self.settings.clock()
        found = []
        for case in self:
            on = clock.now(case.account.timezone).on
            if is_filed(case):
                continue
            policy = policies.for_case(case, on).policy
            by = limitation_ends(case, policy, on)
            soon = by is not None and on >= by - timedelta(days=policy.legal.warn_days)
            if soon or case.approvals:
                found.append(Due(case, by, _state(case, by, on) + (" (in shadow)" if case.shadow else "")))
        return sorted(found, key=lambda due: (due.by or date.max, due.case.case_id))


def _parked(case: Case) -> Listed | None:
    if case.failed is None:
        return None
    return Listed(case, case.failed.on, "parked", f"{case.failed.action}: {case.failed.error}")


def _state(case: Case, by: date | None, on: date) -> str:
    if by is not None and on >= by:
        return "barred"
    decided = case.legal_decision
    if decided is not None:
        return f"{'approved' if decided.approved else 'declined'} by {decided.by} on {decided.on}"
    if case.approvals:
        return f"approval {case.approvals[-1].step} on {case.approvals[-1].on}"
    if case.placement is not None:
        return f"with agency {case.placement.agency_id or '(being allocated)'}"
    return f"stage {case.stage or 'none yet'}"
