"""What agencies are given on a date: one item for each placement and recall, and one that says the day is closed.

    EXPORT#<date>     DAY                                the day is closed: its manifests are being, or were, written
    EXPORT#<date>     <agency>#PLACEMENT#<case_id>       a row of that agency's cases
    EXPORT#<date>     <agency>#RECALL#<action_id>        a row of that agency's recalls
    EXPORT#<date>     #CANDIDATE#<case_id>               a case that waits for the day's allocation to an agency
    EXPORT#<date>     #PLAN#<number>                     a part of the day's allocation, from when it was decided on
    ACKS#<date>       <agency>#ACK#<name>                an acknowledgement of that agency
    AGENCY#<id>       HELD#<case_id>                     a case that the agency has
    AGENCY#<id>       BOOKED#<date>#PAYMENT#<case_id>#<return_id>  a payment that it reported, and its commission
    AGENCY#<id>       BOOKED#<date>#RETURN#<case_id>#<return_id>   a case that it gave back

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
from arrears.domain.agencies import recall_of
from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY
from arrears.domain.events import CommissionSettled

Kind = Literal["PLACEMENT", "RECALL"]
#: Which agency gets which case: by the id of the action that placed it, the event as JSON.
Plan = dict[str, str]
_DAY: Final = "DAY"
_CANDIDATE: Final = "#CANDIDATE#"
_PLAN: Final = "#PLAN#"
_HELD: Final = "HELD#"
_BOOKED: Final = "BOOKED#"
#: So many cases of a day's allocation go into one item: their reasons are some 200 bytes each, an item takes 400 KB.
_PART: Final = 500
_STATE: Final = {"pk": {"S": "SETTINGS"}, "sk": {"S": "EXPORTS"}}


@dataclass(frozen=True, slots=True)
class SheetText:
    """What a case sheet is drawn from, whenever it is, the same to the byte.

    Attributes:
        content: what it says, as JSON (`documents.sheet_store`).
        language: which it is in.
        policy: name and version of the policy that it was written under, whose wording it is in.
        digest: of that policy's document; empty for a policy that ships.
    """

    content: str
    language: str
    policy: str = ""
    digest: str = ""

    def attributes(self) -> Item:
        """Return it as attributes of an item."""
        return {
            "sheet": {"S": self.content},
            "language": {"S": self.language},
            "policy": {"S": self.policy},
            "digest": {"S": self.digest},
        }

    @classmethod
    def of(cls, item: Item) -> "SheetText | None":
        """Return that of an item; None where it has none."""
        named = [item.get(name, {"S": ""})["S"] for name in ("sheet", "language", "policy", "digest")]
        return cls(*named) if named[0] else None


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A row as it was recorded.

    Attributes:
        fields: the row, in the order in which its columns were written.
        sheet: what the sheet of a placement is drawn from; None for a recall.
    """

    agency_id: str
    kind: Kind
    fields: Mapping[str, object]
    sheet: SheetText | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that waits for the day's allocation.

    Attributes:
        action_id: of the action that placed it.
        row: as in `ExportRow.fields`, but for the agency.
        sheet: what its sheet is drawn from, but for the agency.
    """

    case_id: str
    action_id: str
    row: Mapping[str, object]
    sheet: SheetText


@dataclass(frozen=True, slots=True)
class Ack:
    """An acknowledgement as it was recorded.

    Attributes:
        manifest: the set that it names.
        problem: why it closes nothing; empty for one that does.
        at: when it was dropped, ISO 8601.
        key: the agency's file.
    """

    agency_id: str
    manifest: str
    problem: str
    at: str
    key: str


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
        return self._item(_day_key(day)) is not None

    def close(self, day: date) -> None:
        """Close a day; one that is closed stays so."""
        self._put(_day_key(day))

    def putting_off(self, day: date, row: ExportRow) -> list[Item]:
        """Return the writes that have a placement of a closed day go with the next day, of which no agency knows.

        One that was recalled meanwhile, or placed again, goes with no day, nor does its recall.
        """
        agency_id, case_id, later = row.agency_id, str(row.fields["case_id"]), self.open_day(day)
        gone = self._delete(_row_key(day, agency_id, "PLACEMENT", case_id))
        again = _row_key(later, agency_id, "PLACEMENT", case_id)
        recall_id = recall_of(str(row.fields["placement_id"]))
        recalls = [_row_key(each, agency_id, "RECALL", recall_id) for each in (day, later)]
        if any(self._item(key) is not None for key in (again, *recalls)):
            return [gone, *(self._delete(key) for key in recalls)]
        absent = {"TableName": self.table.name, "ConditionExpression": "attribute_not_exists(pk)"}
        moved = self._row(later, agency_id, "PLACEMENT", case_id, row.fields, row.sheet)
        return [
            self._is_open(later),
            gone,
            {"Put": {**absent, "Item": moved}},
            {"ConditionCheck": {**absent, "Key": recalls[1]}},
        ]

    def replaced(self, day: date, agency_id: str, case_id: str) -> list[Item]:
        """Return the writes without which a case that is placed twice on a day would be recalled in the day's set.

        The agency knows nothing of a day that is not closed: it gets the second placement, and neither the first nor
        the recall that ended it.
        """
        item = self._item(_row_key(day, agency_id, "PLACEMENT", case_id))
        if item is None:
            return []
        recall_id = recall_of(str(json.loads(item["row"]["S"])["placement_id"]))
        return [self._delete(_row_key(day, agency_id, "RECALL", recall_id))]

    def _delete(self, key: Item) -> Item:
        return {"Delete": {"TableName": self.table.name, "Key": key}}

    def writes(
        self,
        day: date,
        agency_id: str,
        kind: Kind,
        name: str,
        fields: Mapping[str, object],
        sheet: SheetText | None = None,
    ) -> list[Item]:
        """Return the writes that record a row, on condition that its day is not closed.

        Args:
            day: the day it goes with.
            agency_id: whose row it is.
            kind: a placement or a recall.
            name: what names it among the day's: the case of a placement, the action of a recall.
            fields: the row.
            sheet: what a placement's sheet is drawn from.
        """
        row = self._row(day, agency_id, kind, name, fields, sheet)
        held = self.held(agency_id, str(fields["case_id"]), has=kind == "PLACEMENT")
        return [self._is_open(day), {"Put": {"TableName": self.table.name, "Item": row}}, held]

    def _row(
        self,
        day: date,
        agency_id: str,
        kind: Kind,
        name: str,
        fields: Mapping[str, object],
        sheet: SheetText | None,
    ) -> Item:
        return {
            **_row_key(day, agency_id, kind, name),
            "row": {"S": json.dumps(fields, ensure_ascii=False, separators=(",", ":"))},
            **(sheet.attributes() if sheet is not None else {}),
        }

    def _is_open(self, day: date) -> Item:
        return {
            "ConditionCheck": {
                "TableName": self.table.name,
                "Key": _day_key(day),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    # --- cases that wait for the day's allocation ---------------------------------------------------------------------
    def offering(self, day: date, waiting: Waiting) -> list[Item]:
        """Return the writes that have a case wait for a day's allocation, on condition that the day is not closed."""
        item = {
            **_candidate_key(day, waiting.case_id),
            "action_id": {"S": waiting.action_id},
            "row": {"S": json.dumps(waiting.row, ensure_ascii=False, separators=(",", ":"))},
            **waiting.sheet.attributes(),
        }
        return [self._is_open(day), {"Put": {"TableName": self.table.name, "Item": item}}]

    def taking_back(self, day: date, case_id: str) -> list[Item]:
        """Return the writes that take a case off a day's allocation, on condition that the day is not closed."""
        return [self._is_open(day), self.forgetting(day, case_id)]

    def offered_on(self, since: date, case_id: str, action_id: str) -> date | None:
        """Return the date, from one on, with whose allocation a case waits; None where it waits with none."""
        last = self.open_day(since)
        day = since
        while day <= last:
            item = self._item(_candidate_key(day, case_id))
            if item is not None and item["action_id"]["S"] == action_id:
                return day
            day += ONE_DAY
        return None

    def waiting(self, day: date) -> list[Waiting]:
        """Return the cases that wait for a day's allocation, in the order of their ids."""
        return [
            Waiting(
                item["sk"]["S"].split("#", 2)[2],
                item["action_id"]["S"],
                json.loads(item["row"]["S"]),
                sheet,
            )
            for item in self.table.query(_pk(day), _CANDIDATE)
            if (sheet := SheetText.of(item)) is not None
        ]

    def allocating(
        self, day: date, agency_id: str, waiting: Waiting, row: Mapping[str, object], sheet: SheetText
    ) -> list[Item]:
        """Return the writes that give a case that waits to an agency; it waits no longer."""
        placed = self._row(day, agency_id, "PLACEMENT", waiting.case_id, row, sheet)
        return [
            {"Put": {"TableName": self.table.name, "Item": placed}},
            self.held(agency_id, waiting.case_id, has=True),
            self.forgetting(day, waiting.case_id),
        ]

    def forgetting(self, day: date, case_id: str) -> Item:
        """Return the write after which a case does not wait for a day's allocation any more."""
        return self._delete(_candidate_key(day, case_id))

    def plan(self, day: date) -> Plan | None:
        """Return a day's allocation as it was decided on; None where it was not."""
        parts = list(self.table.query(_pk(day), _PLAN))
        if not parts or not any(part["sk"]["S"] == f"{_PLAN}END" for part in parts):
            return None
        plan: Plan = {}
        for part in parts:
            plan |= json.loads(part["plan"]["S"])
        return plan

    def set_plan(self, day: date, plan: Plan) -> None:
        """Keep a day's allocation, so that one that breaks off goes on as it was decided on."""
        entries = list(plan.items())
        for start in range(0, len(entries), _PART):
            self._put_part(day, f"{start // _PART:04d}", dict(entries[start : start + _PART]))
        self._put_part(day, "END", {})

    def _put_part(self, day: date, name: str, part: Plan) -> None:
        text = json.dumps(part, separators=(",", ":"))
        self._put({"pk": {"S": _pk(day)}, "sk": {"S": f"{_PLAN}{name}"}, "plan": {"S": text}})

    # --- acknowledgements --------------------------------------------------------------------------------------------
    def acks(self, day: date) -> Iterator[Ack]:
        """Yield the acknowledgements that name the sets of a day, by agency."""
        # The first ones were stored among the day's rows.
        for item in (*self.table.query(acks_pk(day.isoformat())), *self.table.query(_pk(day))):
            agency_id, kind, _ = (*item["sk"]["S"].split("#", 2), "", "")[:3]
            if kind == "ACK":
                said = json.loads(item["content"]["S"])
                at = item.get("at", {"S": ""})["S"]
                yield Ack(agency_id, str(said.get("manifest", "")), item["problem"]["S"], at, item["key"]["S"])

    # --- what agencies have ------------------------------------------------------------------------------------------
    def held(self, agency_id: str, case_id: str, *, has: bool) -> Item:
        """Return the write that notes that an agency has a case, or has it no more."""
        key = {"pk": {"S": agency_pk(agency_id)}, "sk": {"S": f"{_HELD}{case_id}"}}
        if has:
            return {"Put": {"TableName": self.table.name, "Item": key}}
        return {"Delete": {"TableName": self.table.name, "Key": key}}

    def payment_booked(self, case_id: str, settled: CommissionSettled, paid_on: date) -> Item:
        """Return the write that books a payment, for the statement of the month in which it is booked."""
        entry = {
            "case_id": case_id,
            "return_id": settled.return_id,
            "paid_on": paid_on.isoformat(),
            "currency": settled.amount.currency,
            "amount": f"{settled.amount.amount:f}",
            "percent": f"{settled.percent:f}",
            "commission": f"{settled.commission.amount:f}",
            "reason": settled.reason,
        }
        kind = "PAYMENT" if settled.received_by == "agency" else "RECEIVED"
        return self._book(settled.agency_id, settled.on, kind, entry)

    def returned(self, case: Case, agency_id: str, return_id: str, on: date) -> Item:
        """Return the write that notes that an agency gave a case back."""
        arrears = case.arrears(on)
        entry = {
            "case_id": case.case_id,
            "return_id": return_id,
            "currency": arrears.currency,
            "amount": f"{arrears.amount:f}",
        }
        return self._book(agency_id, on, "RETURN", entry)

    def _book(self, agency_id: str, on: date, kind: str, entry: Mapping[str, str]) -> Item:
        # Two cases may have a report of the same id; nothing that was booked is written over.
        item = {
            "pk": {"S": agency_pk(agency_id)},
            "sk": {"S": f"{_BOOKED}{on.isoformat()}#{kind}#{entry['case_id']}#{entry['return_id']}"},
            "entry": {"S": json.dumps(entry, ensure_ascii=False, separators=(",", ":"))},
        }
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self.table.name, "Item": item, "ConditionExpression": condition}}

    def booked(self, agency_id: str, month: str) -> Iterator[tuple[date, str, dict[str, str]]]:
        """Yield what was booked for an agency in a month (YYYY-MM): the date, what, and its entry.

        PAYMENT is one that it reported, RECEIVED one that the bank received, RETURN a case that it gave back. The keys
        of what was booked at first had no case; the entry has it.
        """
        for item in self.table.query(agency_pk(agency_id), f"{_BOOKED}{month}-"):
            _, on, kind, _ = item["sk"]["S"].split("#", 3)
            yield date.fromisoformat(on), kind, json.loads(item["entry"]["S"])

    def cases_held(self, agency_id: str) -> list[str]:
        """Return the ids of the cases that an agency has."""
        items = self.table.query(agency_pk(agency_id), _HELD)
        return [item["sk"]["S"].removeprefix(_HELD) for item in items]

    def rows(self, day: date) -> Iterator[ExportRow]:
        """Yield the rows of a day, by agency."""
        for item in self.table.query(_pk(day)):
            # An agency's id has no '#', so the first one ends it.
            agency_id, kind, _ = (*item["sk"]["S"].split("#", 2), "", "")[:3]
            if kind in ("PLACEMENT", "RECALL"):
                yield ExportRow(agency_id, cast("Kind", kind), json.loads(item["row"]["S"]), SheetText.of(item))

    def closed_through(self) -> date | None:
        """Return the last date that was closed with all of its files; None while there is none."""
        item = self._item(_STATE)
        return None if item is None else date.fromisoformat(item["closed_through"]["S"])

    def set_closed_through(self, day: date) -> None:
        """Remember the last date that was closed."""
        self._put({**_STATE, "closed_through": {"S": day.isoformat()}})

    def _item(self, key: Item) -> Item | None:
        found = self.table.query(key["pk"]["S"], key["sk"]["S"])
        return next((item for item in found if item["sk"] == key["sk"]), None)

    def _put(self, item: Item) -> None:
        self.table.transact([{"Put": {"TableName": self.table.name, "Item": item}}])


def acks_pk(day: str) -> str:
    """Return the partition key of the acknowledgements of a day; apart from its rows, which closing it has to read."""
    return f"ACKS#{day}"


def agency_pk(agency_id: str) -> str:
    """Return the partition key of an agency's items."""
    return f"AGENCY#{agency_id}"


def _candidate_key(day: date, case_id: str) -> Item:
    return {"pk": {"S": _pk(day)}, "sk": {"S": f"{_CANDIDATE}{case_id}"}}


def _pk(day: date) -> str:
    return f"EXPORT#{day.isoformat()}"


def _day_key(day: date) -> Item:
    return {"pk": {"S": _pk(day)}, "sk": {"S": _DAY}}


def _row_key(day: date, agency_id: str, kind: Kind, name: str) -> Item:
    return {"pk": {"S": _pk(day)}, "sk": {"S": f"{agency_id}#{kind}#{name}"}}
