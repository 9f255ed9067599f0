"""Take a case back from a collection agency."""

from dataclasses import dataclass

from arrears.domain.case import Placement
from arrears.effects.agency_rows import recall_row
from arrears.effects.exports import Exports
from arrears.effects.folders import recalls_folder
from arrears.errors import PermanentSetupError, TransientServiceError
from arrears.usecases.carry_out import Effect, Work


@dataclass(frozen=True)
class RecallFromAgency:
    """Records the recall with the business date, or the next one whose day is not closed."""

    exports: Exports

    def __call__(self, work: Work) -> Effect:
        """Recall the placement that an action ends."""
        placement = work.record.case.placement
        if placement is None:
            raise PermanentSetupError(f"{work.act.action_id}: the case is with no agency")
        if not placement.agency_id:
            return self._take_back(work, placement)
        day = self.exports.open_day(work.now.on)
        row = recall_row(
            work.record.case,
            placement,
            recall_id=work.act.action_id,
            on=work.now.on,
            reason=work.act.step,
        )
        details = (("agency", placement.agency_id), ("date", day.isoformat()), ("placement", placement.action_id))
        writes = self.exports.writes(day, placement.agency_id, "RECALL", work.act.action_id, row)
        return Effect(f"{recalls_folder(placement.agency_id, day)}recalls.csv", details, writes, is_only_that=True)

    def _take_back(self, work: Work, placement: Placement) -> Effect:
        """Take the case off the day's allocation: no agency ever sees it."""
        case_id = work.record.case.case_id
        day = self.exports.offered_on(placement.placed_on, case_id, placement.action_id)
        if day is None or self.exports.is_closed(day):
            raise TransientServiceError(f"{work.act.action_id}: the day's allocation is under way")
        return Effect("", (("date", day.isoformat()),), self.exports.taking_back(day, case_id), is_only_that=True)
