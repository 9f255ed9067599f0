"""What texts cost, by month, and which action a message was.

    pk                  sk                  what
    BUDGET#<month>      <stage>#<number>    what the texts of a stage have cost in the month: a part of the sum
    MESSAGE#<id>        ACTION              the action whose text a gateway knows by that id

The sum of a month is kept in several items, or every text that is sent would meet every other in one of them.
"""

import zlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from arrears.adapters.aws import Item
from arrears.adapters.table import Table

#: So many items hold the sum of a stage: a single item takes about 1,000 writes a second, and transactions on it meet.
PARTS = 8


class TableSpending:
    """The spending of texts, kept in the delinquency table; see `effects.ports.Spending`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def spent(self, month: date) -> Mapping[str, Decimal]:
        """Return what was spent in the month of a date, by stage."""
        sums: dict[str, Decimal] = {}
        for item in self._table.query(_budget(month)):
            stage = item["sk"]["S"].partition("#")[0]
            sums[stage] = sums.get(stage, Decimal(0)) + Decimal(item["spent"]["N"])
        return sums

    def add(self, month: date, stage: str, cost: Decimal, segments: int, key: str) -> Item:
        """Return the write that adds a text to its month."""
        part = zlib.crc32(key.encode()) % PARTS
        return {
            "Update": {
                "TableName": self._table.name,
                "Key": {"pk": {"S": _budget(month)}, "sk": {"S": f"{stage}#{part}"}},
                "UpdateExpression": "ADD spent :cost, #segments :segments, texts :one",
                "ExpressionAttributeNames": {"#segments": "segments"},
                "ExpressionAttributeValues": {
                    ":cost": {"N": f"{cost:f}"},
                    ":segments": {"N": str(segments)},
                    ":one": {"N": "1"},
                },
            }
        }

    def sent(self, message_id: str, action_id: str) -> Item:
        """Return the write that says which action a message was."""
        item = {"pk": {"S": f"MESSAGE#{message_id}"}, "sk": {"S": "ACTION"}, "action_id": {"S": action_id}}
        return {"Put": {"TableName": self._table.name, "Item": item}}

    def action_of(self, message_id: str) -> str | None:
        """Return the action whose text a message was; None for a message of somebody else."""
        item = next(self._table.query(f"MESSAGE#{message_id}"), None)
        return None if item is None else item["action_id"]["S"]


def _budget(month: date) -> str:
    return f"BUDGET#{month:%Y-%m}"
