"""Takes out of moto's DynamoDB what takes longer the more a table holds; what it answers stays the same.

moto copies the whole table once for each write of a transaction, to have it back should one fail, sorts the whole
table by the typed values of its keys for every query, copies all that a scan passes, and looks for each of the ten
types that a value can have under each name that the type could have in Python.
"""

import contextlib
import copy
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models import DynamoDBBackend, table
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

_update_item, _query, _get_value = DynamoDBBackend.update_item, Table.query, ResponseSerializer.get_value
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
        patch.object(table, "copy", _Found),
        patch.object(ResponseSerializer, "get_value", _picked),
    ):
        yield


class _Found:
    """Stands for the module `copy` where items are read: what was found is shared too."""

    copy = staticmethod(copy.copy)

    @staticmethod
    def deepcopy(found: Any) -> Any:
        """Copy anything but items."""
        items = found if isinstance(found, list) else [found]
        return found if all(isinstance(item, Item) for item in items) else copy.deepcopy(found)


def _snapshot(whole: Table, _memo: dict[int, Any]) -> Table:
    """Return the table as it stands. It shares the items: each write puts another item in the place of the old one."""
    held = copy.copy(whole)
    held.items = defaultdict(dict, {key: dict(items) for key, items in whole.items.items()})
    if whole.stream_shard is not None:
        held.stream_shard = copy.copy(whole.stream_shard)
        held.stream_shard.table, held.stream_shard.items = held, list(whole.stream_shard.items)
    return held


def _update(backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *arguments: Any, **named: Any) -> Any:
    """Update a copy of the item, as moto itself would change the one that a snapshot shares."""
    whole = backend.get_table(table_name)
    pk, sk = (DynamoType(key[str(name)]) for name in (whole.hash_key_attr, whole.range_key_attr))
    found: Any = whole.items.get(pk, {})
    if sk in found:
        found[sk] = copy.deepcopy(found[sk])
    return _update_item(backend, table_name, key, *arguments, **named)


def _narrowed(whole: Table, hash_key: Any, *arguments: Any, **named: Any) -> Any:
    """Query what can be found only: the collection, or the items of the index's partition."""
    conditions, index = named.get("hash_key_conditions") or (), named.get("index_name") or arguments[_INDEX_NAME]
    _asked.of = (hash_key, {name: value.value for name, value in conditions}, index)
    try:
        return _query(whole, hash_key, *arguments, **named)
    finally:
        _asked.of = None


def _in_order(whole: Table) -> list[Any]:
    """Return the items, or those that the query under way can find, by their keys."""
    hash_key, conditions, index = getattr(_asked, "of", None) or (None, {}, None)
    collections: Any = whole.items.values() if hash_key is None or index else (whole.items.get(hash_key, {}),)
    items = [item for collection in collections for item in collection.values()]
    for name, value in conditions.items() if index else ():
        items = [item for item in items if name in item.attrs and item.attrs[name].value == value]
    return sorted(items, key=lambda item: (item.hash_key.value, item.range_key.value))


def _picked(serializer: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
    """Return what an answer holds under a name; a typed value is a dictionary, as DynamoDB has it."""
    if type(value) is dict and getattr(shape, "parent", shape).name == "AttributeValue":
        return value.get(key)
    return _get_value(serializer, value, key, shape)
