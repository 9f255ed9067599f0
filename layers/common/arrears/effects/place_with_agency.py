"""Give a case to a collection agency."""

import hashlib
from dataclasses import dataclass
from typing import Final

from arrears.documents.sheet_store import sheet_to_json
from arrears.effects.agency_rows import case_row
from arrears.effects.contents import sheet_of
from arrears.effects.exports import Exports, SheetText, Waiting
from arrears.effects.folders import sheet_key
from arrears.effects.known import known, language_of
from arrears.effects.sheets import draw
from arrears.effects.wording import Wordings, document_errors
from arrears.errors import PermanentSetupError
from arrears.usecases.carry_out import Effect, Work

#: Stands for the agency in what is made before the day's allocation; no agency can have this id.
NOT_ALLOCATED: Final = "?"


@dataclass(frozen=True)
class PlaceWithAgency:
    """The row, and what the case sheet is drawn from, go into the table with the confirmation.

    Where the policy names several agencies, the case waits for the day's allocation instead, with all that its row and
    its sheet will say (`usecases.allocate_day`). The day is the business date, or the next one that is not closed. Only
    closing it puts anything where the agency can see it.
    """

    exports: Exports
    wordings: Wordings

    def __call__(self, work: Work) -> Effect:
        """Place the case of an action.

        Raises:
            PermanentDocumentError: the sheet cannot be made from what is on file.
            TransientServiceError: the table is busy.
        """
        agency_id = work.act.agency_id
        case_id = work.record.case.case_id
        if agency_id is None:
            return self._offer(work)
        day = self.exports.open_day(work.now.on)
        row, sheet, drawn = self._make(work, agency_id)
        key = sheet_key(agency_id, day, case_id)
        details = (
            ("agency", agency_id),
            ("date", day.isoformat()),
            ("key", key),
            ("sha256", hashlib.sha256(drawn).hexdigest()),
        )
        writes = self.exports.writes(day, agency_id, "PLACEMENT", case_id, row, sheet)
        writes += self.exports.replaced(day, agency_id, case_id)
        return Effect(key, details, writes, is_only_that=True)

    def _offer(self, work: Work) -> Effect:
        """Have the case wait for the day's allocation."""
        if not work.active.policy.agencies:
            raise PermanentSetupError(f"{work.act.action_id}: no agency is named")
        case_id, day = work.record.case.case_id, self.exports.open_day(work.now.on)
        row, sheet, _ = self._make(work, NOT_ALLOCATED)
        waiting = Waiting(case_id, work.act.action_id, row, sheet)
        return Effect("", (("date", day.isoformat()),), self.exports.offering(day, waiting), is_only_that=True)

    def _make(self, work: Work, agency_id: str) -> tuple[dict[str, object], SheetText, bytes]:
        """Return the row, and the sheet: what it is drawn from, and drawn.

        What cannot be drawn is found now, when the action can be parked, not when the day is closed.
        """
        facts = known(work.record.case, work.account, work.now.on)
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
        sheet = SheetText(sheet_to_json(content), language, work.active.policy.label, work.active.digest)
        return row, sheet, draw(sheet, placement_id, self.wordings, work.active)
