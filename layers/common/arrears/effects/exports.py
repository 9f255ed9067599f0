"""What agencies are given on a date: one item for each placement and recall, and one that says the day is closed.

    EXPORT#<date>     DAY                                the day is closed: its manifests are being, or were, written
    EXPORT#<date>     <agency>#PLACEMENT#<case_id>       a row of that agency's cases
    EXPORT#<date>     <agency>#RECALL#<action_id>        a row of that agency's recalls

A row is written in the transaction that confirms its action, on condition that the day is not closed. So whoever
closes a day and reads its rows then has all of them, and no row of a closed day is left without a manifest.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, cast

from arrears.adapters.aws import Item
from arrears.adapters.table import Table
from arrears.domain.dates import ONE_DAY

Kind = Literal["PLACEMENT", "RECALL"]
_DAY: Final = "DAY"
_STATE: Final = {"pk": {"S": "SETTINGS"}, "sk": {"S": "EXPORTS"}}


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A row as it was recorded.

    Attributes:
        fields: the row, in the order in which its columns were written.
    """

    agency_id: str
    kind: Kind
    fields: Mapping[str, object]


@dataclass(frozen=True)
class Exports:
    """The days of exports in the table."""

    table: Table

    def open_day(self, since: date) -> date:
        """Return the first date, from one on, whose day is not closed."""
        day = since
        while self.is_closed(day):
            day += ONE_DAY
        return day

    def is_closed(self, day: date) -> bool:
        """Say whether a day is closed."""
        return self._item(_pk(day), _DAY) is not None

    def close(self, day: date) -> None:
        """Close a day; one that is closed stays so."""
        self._put({"pk": {"S": _pk(day)}, "sk": {"S": _DAY}})

    def has_placement(self, day: date, agency_id: str, case_id: str) -> bool:
        """Say whether a case is among an agency's placements of a day."""
        return self._item(_pk(day), _sk(agency_id, "PLACEMENT", case_id)) is not None

    def writes(self, day: date, agency_id: str, kind: Kind, name: str, fields: Mapping[str, object]) -> list[Item]:
        """Return the writes that record a row, on condition that its day is not closed.

        Args:
            day: the day it goes with.
            agency_id: whose row it is.
            kind: a placement or a recall.
            name: what names it among the day's: the case of a placement, the action of a recall.
            fields: the row.
        """
        check = {
            "TableName": self.table.name,
            "Key": {"pk": {"S": _pk(day)}, "sk": {"S": _DAY}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        item = {
            "pk": {"S": _pk(day)},
            "sk": {"S": _sk(agency_id, kind, name)},
            "row": {"S": json.dumps(fields, ensure_ascii=False, separators=(",", ":"))},
        }
        return [{"ConditionCheck": check}, {"Put": {"TableName": self.table.name, "Item": item}}]

    def rows(self, day: date) -> Iterator[ExportRow]:
        """Yield the rows of a day, by agency."""
        for item in self.table.query(_pk(day)):
            if item["sk"]["S"] != _DAY:
                # An agency's id has no '#', so the first one ends it.
                agency_id, kind, _ = item["sk"]["S"].split("#", 2)
                yield ExportRow(agency_id, cast("Kind", kind), json.loads(item["row"]["S"]))

    def closed_through(self) -> date | None:
        """Return the last date that was closed with all of its files; None while there is none."""
        item = self._item(_STATE["pk"]["S"], _STATE["sk"]["S"])
        return None if item is None else date.fromisoformat(item["closed_through"]["S"])

    def set_closed_through(self, day: date) -> None:
        """Remember the last date that was closed."""
        self._put({**_STATE, "closed_through": {"S": day.isoformat()}})

    def _item(self, pk: str, sk: str) -> Item | None:
        return next((item for item in self.table.query(pk, sk) if item["sk"]["S"] == sk), None)

    def _put(self, item: Item) -> None:
        self.table.transact([{"Put": {"TableName": self.table.name, "Item": item}}])


def _pk(day: date) -> str:
    return f"EXPORT#{day.isoformat()}"


def _sk(agency_id: str, kind: Kind, name: str) -> str:
    return f"{agency_id}#{kind}#{name}"
