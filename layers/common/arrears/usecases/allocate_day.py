"""Allocate: when a day is closed, say for each case that was placed on it which agency gets it.

The allocation is decided on for all cases at once and kept before the first of them gets its event, so that one that
breaks off goes on as it was decided on. Each case then has one transaction: the event, the row, and that the agency
has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, cast

from arrears.adapters.settings import ActivePolicy, Clock, Settings
from arrears.adapters.table import CaseRecord, StaleError, Table
from arrears.documents.sheet_store import sheet_from_json, sheet_to_json
from arrears.domain import codec
from arrears.domain.agencies import Candidate, allocate, as_placed
from arrears.domain.case import Case, Placement
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import Act
from arrears.domain.events import AgencyAssigned, AgencyDeferred
from arrears.domain.policy import Policy
from arrears.domain.turn import take_turn
from arrears.effects.exports import Exports, SheetText, Waiting
from arrears.effects.wording import Wordings
from arrears.errors import PermanentDocumentError, PermanentSetupError, TransientConflictError
from arrears.records import Stamp
from arrears.usecases.assess import TRIES, Observer

if TYPE_CHECKING:
    from arrears.domain.facts import RiskGrade

Outcome = AgencyAssigned | AgencyDeferred


@dataclass(frozen=True)
class AllocateDay:
    """Gives the cases of a day that is closed to agencies.

    While what goes out is stopped none gets any: each is offered again on the next date.
    """

    table: Table
    exports: Exports
    settings: Settings
    wordings: Wordings
    observe: Observer

    def __call__(self, day: date) -> None:
        """Allocate what waits; what is allocated stays.

        Raises:
            PermanentSetupError: cases wait, and the policy names no agencies any more.
            TransientConflictError: others keep changing a case.
        """
        waiting = self.exports.waiting(day)
        if not waiting:
            return
        active = self.settings.active()
        plan = self.exports.plan(day)
        if plan is None:
            plan = self._decide(day, waiting, active.policy)
            self.exports.set_plan(day, plan)
        for each in waiting:
            if each.action_id in plan:  # not where it was over when the allocation was decided on
                self._give(day, each, cast("Outcome", codec.event_from_json(plan[each.action_id])), active)

    def _decide(self, day: date, waiting: Sequence[Waiting], policy: Policy) -> dict[str, str]:
        if not policy.agencies:
            raise PermanentSetupError(f"{len(waiting)} cases wait for the allocation of {day}: name agencies")
        held = {agency.id: len(self.exports.cases_held(agency.id)) for agency in policy.agencies}
        cases = [found for each in waiting if (found := self._candidate(each)) is not None]
        return {case.action_id: codec.event_to_json(event) for case, event in allocate(policy, day, cases, held)}

    def _candidate(self, waiting: Waiting) -> Candidate | None:
        """Return a case as it was when it was placed; a newer extract may have come in since."""
        placed, row = self._placed(waiting), waiting.row
        if placed is None:
            return None
        return as_placed(
            placed[0].case,
            waiting.action_id,
            currency=str(row["currency"]),
            region=cast("str | None", row["region"]),
            risk_grade=cast("RiskGrade | None", row["risk_grade"]),
            days_past_due=int(str(row["days_past_due"])),
        )

    def _placed(self, waiting: Waiting) -> tuple[CaseRecord, Placement] | None:
        """Return the case and its placement that waits; None where it is over or has its agency."""
        record = self.table.case(waiting.case_id)
        placement = None if record is None else record.case.placement
        if record is None or placement is None or placement.action_id != waiting.action_id or placement.agency_id:
            return None
        return record, placement

    def _give(self, day: date, waiting: Waiting, event: Outcome, active: ActivePolicy) -> None:
        for _ in range(TRIES):
            placed = self._placed(waiting)
            if placed is None:
                return
            record, placement = placed
            clock, timezone = self.settings.clock(), record.case.account.timezone
            why = self._why_not(record.case, clock)
            if why is not None and isinstance(event, AgencyAssigned):
                event = AgencyDeferred(waiting.action_id, day, day + ONE_DAY, f"no agency gets it: {why}")
            stamp = Stamp(clock.at(timezone), clock.now(timezone).on, active.policy.label)
            if isinstance(event, AgencyDeferred) or record.case.shadow:
                extra = [self.exports.forgetting(day, waiting.case_id)]
            else:
                row, sheet = self._filled_in(waiting, event, active, placement.placed_on)
                extra = self.exports.allocating(day, event.agency_id, waiting, row, sheet)
            try:
                self.table.append(record, [event], stamp, wakes=True, extra=extra)
            except StaleError:
                continue
            self.observe([event], record.case)
            return
        raise TransientConflictError(f"{waiting.case_id}: others keep changing the case")

    def _why_not(self, case: Case, clock: Clock) -> str | None:
        """Return why a case is not given away after all; None where it is.

        It may have been stopped, paid or held since the allocation was decided on, the more so by a run that broke off.
        """
        why = self.settings.switches().holds(shadow_case=case.shadow)
        if why is not None:
            return why
        now = clock.now(case.account.timezone)
        _, _, decision = take_turn(case, self.settings.policies().for_case(case, now.on).policy, now)
        if isinstance(decision, Act) and decision.action == "recall_from_agency":
            return decision.reason
        failed = case.failed
        return f"{failed.action_id} failed" if failed is not None and failed.action == "recall_from_agency" else None

    def _filled_in(
        self, waiting: Waiting, event: AgencyAssigned, active: ActivePolicy, placed_on: date
    ) -> tuple[dict[str, object], SheetText]:
        """Return row and sheet with the agency in them."""
        content = sheet_from_json(waiting.sheet.content)
        agency = active.policy.agency(event.agency_id)
        law_firms = self.wordings.bank(active, waiting.sheet.language)
        mandate, dated = f"{law_firms.mandate}/{event.agency_id}", law_firms.mandate_date
        if agency is not None and agency.mandate:
            mandate, dated = agency.mandate, agency.mandate_date or dated
        if dated is None:
            raise PermanentDocumentError(f"{waiting.case_id}: no date of the mandate of {event.agency_id}")
        days = event.term_days
        term_ends = None if days is None else placed_on + timedelta(days=days)
        content = replace(
            content,
            agency_id=event.agency_id,
            agency_name=(agency.name if agency is not None else "") or event.agency_id,
            mandate=mandate,
            mandate_date=dated,
            term_ends=term_ends,
        )
        row = {
            **waiting.row,
            "agency_id": event.agency_id,
            "term_ends_on": term_ends.isoformat() if term_ends is not None else None,
            "mandate": mandate,
        }
        return row, replace(waiting.sheet, content=sheet_to_json(content))
