"""Takes out of moto's DynamoDB what takes longer the more a table holds; what it answers stays the same.

moto copies the whole table once for each write of a transaction, to have it back should one fail, and sorts the whole
table by the typed values of its keys for every query.
"""

import contextlib
import copy
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

_update_item, _query = DynamoDBBackend.update_item, Table.query
_asked = threading.local()
#: Where a query's arguments name the index, behind the key.
_INDEX_NAME = 6


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """Have it so."""
    with (
        patch.object(Table, "__deepcopy__", _snapshot, create=True),
        patch.object(DynamoDBBackend, "update_item", _update),
        patch.object(Table, "query", _narrowed),
        patch.object(Table, "all_items", _in_order),
    ):
        yield


def _snapshot(table: Table, _memo: dict[int, Any]) -> Table:
    """Return the table as it stands. It shares the items: each write puts another item in the place of the old one."""
    held = copy.copy(table)
    held.items = defaultdict(dict, {key: dict(items) for key, items in table.items.items()})
    if table.stream_shard is not None:
        held.stream_shard = copy.copy(table.stream_shard)
        held.stream_shard.table, held.stream_shard.items = held, list(table.stream_shard.items)
    return held


def _update(backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *arguments: Any, **named: Any) -> Any:
    """Update a copy of the item, as moto itself would change the one that a snapshot shares."""
    table = backend.get_table(table_name)
    pk, sk = (DynamoType(key[name]) for name in (table.hash_key_attr, table.range_key_attr))
    found: Any = table.items.get(pk, {})
    if sk in found:
        found[sk] = copy.deepcopy(found[sk])
    return _update_item(backend, table_name, key, *arguments, **named)


def _narrowed(table: Table, hash_key: Any, *arguments: Any, **named: Any) -> Any:
    """Query what can be found only: the collection, or the items of the index's partition."""
    conditions, index = named.get("hash_key_conditions") or (), named.get("index_name") or arguments[_INDEX_NAME]
    _asked.of = (hash_key, {name: value.value for name, value in conditions}, index)
    try:
        return _query(table, hash_key, *arguments, **named)
    finally:
        _asked.of = None


def _in_order(table: Table) -> list[Any]:
    """Return the items, or those that the query under way can find, by their keys."""
    hash_key, conditions, index = getattr(_asked, "of", None) or (None, {}, None)
    collections: Any = table.items.values() if hash_key is None or index else (table.items.get(hash_key, {}),)
    items = [item for collection in collections for item in collection.values()]
    for name, value in conditions.items() if index else ():
        items = [item for item in items if name in item.attrs and item.attrs[name].value == value]
    return sorted(items, key=lambda item: (item.hash_key.value, item.range_key.value))
