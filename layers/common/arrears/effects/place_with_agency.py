"""Give a case to a collection agency."""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Final

from arrears.documents.agency import AgencySheet, render_case_sheet
from arrears.documents.sheet_store import sheet_to_json
from arrears.domain.dates import ONE_DAY
from arrears.effects.agency_rows import case_row
from arrears.effects.contents import sheet_of
from arrears.effects.exports import Exports, Waiting
from arrears.effects.folders import sheet_key
from arrears.effects.known import Known, known, language_of, plan_of
from arrears.effects.ports import Objects
from arrears.effects.wording import Wordings, document_errors
from arrears.errors import PermanentSetupError
from arrears.usecases.carry_out import Effect, Work

#: Stands for the agency in what is made before the day's allocation; no agency can have this id.
NOT_ALLOCATED: Final = "?"


@dataclass(frozen=True)
class PlaceWithAgency:
    """Writes the case sheet into the day's folder; the row goes into the table with the confirmation.

    Where the policy names several agencies, the case waits for the day's allocation instead, with all that its row and
    its sheet will say (`usecases.allocate_day`).

    The day is the business date, or the next one that is not closed. Where the day was closed between the sheet and
    the row, the confirmation fails, this is carried out again, and the sheet that the closed day does not list is
    taken away.
    """

    agencies: Objects
    exports: Exports
    wordings: Wordings

    def __call__(self, work: Work) -> Effect:
        """Place the case of an action.

        Raises:
            PermanentDocumentError: the sheet cannot be made from what is on file.
            TransientServiceError: the bucket or the table is busy.
        """
        agency_id = work.act.agency_id
        case_id = work.record.case.case_id
        if agency_id is None:
            return self._offer(work)
        day = self.exports.open_day(work.now.on)
        self._remove_orphans(agency_id, case_id, plan_of(work).on, day)
        facts = known(work.record.case, work.account, work.now.on)
        key = sheet_key(agency_id, day, case_id)
        content, row, language = self._make(work, facts, agency_id)
        sheet = self._render(work, content, language)
        self.agencies.put(key, sheet, "application/pdf")
        details = (
            ("agency", agency_id),
            ("date", day.isoformat()),
            ("key", key),
            ("sha256", hashlib.sha256(sheet).hexdigest()),
        )
        writes = self.exports.writes(
            day, agency_id, "PLACEMENT", case_id, row, sheet=sheet_to_json(content), language=language
        )
        return Effect(key, details, [*writes, *self.exports.replaced(day, agency_id, case_id)])

    def _offer(self, work: Work) -> Effect:
        """Have the case wait for the day's allocation."""
        if not work.active.policy.agencies:
            raise PermanentSetupError(f"{work.act.action_id}: no agency is named")
        case_id, day = work.record.case.case_id, self.exports.open_day(work.now.on)
        facts = known(work.record.case, work.account, work.now.on)
        content, row, language = self._make(work, facts, NOT_ALLOCATED)
        # What cannot be drawn is found now, when the action can be parked, not when the day is closed.
        self._render(work, content, language)
        waiting = Waiting(case_id, work.act.action_id, row, sheet_to_json(content), language)
        return Effect("", (("date", day.isoformat()),), self.exports.offering(day, waiting))

    def _make(self, work: Work, facts: Known, agency_id: str) -> tuple[AgencySheet, dict[str, object], str]:
        language = language_of(facts.extract.country)
        bank = self.wordings.bank(work.active, language)
        placement_id = work.act.action_id
        with document_errors(placement_id):
            content = sheet_of(facts, work.active, bank, agency_id=agency_id, placement_id=placement_id)
        row = case_row(
            facts,
            work.active,
            agency_id=agency_id,
            placement_id=placement_id,
            mandate=content.mandate,
            bank=(bank.name, bank.phone),
        )
        return content, row, language

    def _render(self, work: Work, content: AgencySheet, language: str) -> bytes:
        with document_errors(work.act.action_id):
            return render_case_sheet(content, self.wordings.templates(work.active), language).pdf

    def _remove_orphans(self, agency_id: str, case_id: str, since: date, until: date) -> None:
        """Remove the sheet of an earlier try from the days before the one that the case now goes with."""
        day = since
        while day < until:
            if not self.exports.has_placement(day, agency_id, case_id):
                self.agencies.delete(sheet_key(agency_id, day, case_id))
            day += ONE_DAY
