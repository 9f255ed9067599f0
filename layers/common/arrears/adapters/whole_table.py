"""Copying a whole table: read in segments side by side, written 25 items a request."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from arrears.adapters.aws import Item, translated
from arrears.adapters.table import Table, back_off
from arrears.errors import TransientServiceError

#: A request takes so many items (DynamoDB, BatchWriteItem).
_BATCH = 25
#: How often what DynamoDB left unwritten is sent again before it counts as too busy: a new table has to grow first.
_TRIES = 10
#: The longest time to wait before such a try, in seconds.
_LONGEST = 5.0


class Part(NamedTuple):
    """A page of a segment; `after` is the key behind which the next one begins, None for the last."""

    items: list[Item]
    after: Item | None


def part_of(table: Table, segment: int, segments: int, after: Item | None) -> Part:
    """Read a page of a segment, a megabyte at most."""
    arguments: dict[str, Any] = {"TableName": table.name, "ConsistentRead": True}
    arguments |= {"Segment": segment, "TotalSegments": segments}
    if after is not None:
        arguments["ExclusiveStartKey"] = after
    with translated("dynamodb:Scan"):
        answer = table.client.scan(**arguments)
    return Part(answer["Items"], answer.get("LastEvaluatedKey"))


def put_all(table: Table, items: Sequence[Item]) -> None:
    """Put items as they are, whatever is there.

    Raises:
        TransientServiceError: the table is too busy; some of them are in.
    """
    for start in range(0, len(items), _BATCH):
        some = items[start : start + _BATCH]
        left: Any = {table.name: [{"PutRequest": {"Item": item}} for item in some]}
        for attempt in range(_TRIES):
            with translated("dynamodb:BatchWriteItem"):
                left = table.client.batch_write_item(RequestItems=left).get("UnprocessedItems")
            if not left:
                break
            back_off(attempt, _LONGEST)
        else:
            raise TransientServiceError("dynamodb:BatchWriteItem: items are left")
