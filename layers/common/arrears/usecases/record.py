"""Record: one fact that comes in by itself rather than in a file, taken in the way a file's row is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.files import Kind, Record
from arrears.usecases.take_in import NumberedRow, Outcome, TakeIn, account_id_of

if TYPE_CHECKING:
    from arrears.usecases.drop import Drop


@dataclass(frozen=True)
class RecordFact:
    """Takes in single facts."""

    table: Table
    settings: Settings

    def __call__(self, kind: Kind, record: Record, run: str) -> Outcome:
        """Take in a fact; the same one again changes nothing.

        Args:
            kind: of the fact.
            record: the fact.
            run: names where it came from.

        Raises:
            RowError: it is about nothing that there is, or contradicts what came in before.
            TransientError: the table is busy.
        """
        drop: Drop = {
            "bucket": "",
            "key": "",
            "version": "",
            "kind": kind,
            "agency_id": "",
            "run": run,
            "dropped_at": "",
        }
        take_in = TakeIn.begin(self.table, self.settings, drop)
        account_id = account_id_of(record)
        rows = [NumberedRow(1, {}, record)]
        (verdict,) = take_in.rows(account_id, rows, take_in.load({account_id: rows}))
        if verdict.refused is not None:
            raise verdict.refused
        return verdict.outcome or "unchanged"
