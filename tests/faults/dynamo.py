"""DynamoDB in memory, at the level of boto3's client: conditions, transactions, an index that lags, a stream."""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from botocore.exceptions import ClientError

from tests.faults.expressions import condition, updated
from tests.support.states import client_error

Item = dict[str, Any]
Key = tuple[str, str]
T = TypeVar("T")
#: An item before and after a write; None for none.
Written = tuple[Key, Item | None, Item | None]


class Outside(Protocol):
    """What stands between a caller and a service: time passes, others come in between, things go wrong."""

    time: float

    def call(self, operation: str, effect: Callable[[], T], *, throttled: str, once: bool = False) -> T:
        """Make a call; `throttled` is the error of a busy service, `once` is for an SDK that does not repeat."""
        ...

    def in_flight(self) -> None:
        """Let others come in between the beginning and the end of a transaction, or not."""
        ...

    def lag(self) -> float:
        """How long the index is behind for a write, in seconds."""
        ...

    def read(self, key: Key, item: Item | None) -> None:
        """Be told of what was read."""
        ...

    def written(self, writes: Sequence[Written]) -> None:
        """Be told of what was written at once."""
        ...


class Calm:
    """An outside where nothing comes in between and nothing goes wrong.

    Attributes:
        writes: all that was written, in order.
    """

    def __init__(self) -> None:
        self.time = 0.0
        self.behind = 0.0
        self.writes: list[Written] = []

    def call(self, operation: str, effect: Callable[[], T], *, throttled: str, once: bool = False) -> T:
        del operation, throttled, once
        return effect()

    def in_flight(self) -> None:
        pass

    def lag(self) -> float:
        return self.behind

    def read(self, key: Key, item: Item | None) -> None:
        pass

    def written(self, writes: Sequence[Written]) -> None:
        self.writes += writes


class Dynamo:
    """One table with the index `WorkIndex` (`queue`, `due`).

    What is read with `ConsistentRead` is as it is; the index shows a write when its lag is over, and those of an item
    in order. Stored values are never changed in place.
    """

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self.items: dict[Key, Item] = {}
        self._sorted: dict[str, list[str]] = {}
        self._index: dict[Key, Item] = {}
        self._lagging: list[tuple[float, Key, Item | None]] = []
        self._locked: set[Key] = set()

    # --- reading -----------------------------------------------------------------------------------------------------
    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> Item:  # noqa: N803 - AWS's own names
        assert TableName
        assert ConsistentRead, "an item that is read to decide on is read consistently"
        return self._outside.call("GetItem", lambda: self._get(Key), throttled=_BUSY)

    def _get(self, key: Item) -> Item:
        item = self.items.get(_key(key))
        self._outside.read(_key(key), item)
        return {} if item is None else {"Item": dict(item)}

    def batch_get_item(self, *, RequestItems: Item) -> Item:  # noqa: N803 - AWS's own names
        ((table, asked),) = RequestItems.items()
        assert asked["ConsistentRead"]
        assert len(asked["Keys"]) <= 100

        def found() -> Item:
            items = [self.items[_key(key)] for key in asked["Keys"] if _key(key) in self.items]
            for item in items:
                self._outside.read(_key(item), item)
            return {"Responses": {table: [dict(item) for item in items]}, "UnprocessedKeys": {}}

        return self._outside.call("BatchGetItem", found, throttled=_BUSY)

    def query(self, **asked: Any) -> Item:
        of_index = "IndexName" in asked
        assert of_index or asked.get("ConsistentRead"), "a collection that is read to decide on is read consistently"
        return self._outside.call(
            "Query", (lambda: self._of_index(asked)) if of_index else (lambda: self._of_table(asked)), throttled=_BUSY
        )

    def _of_table(self, asked: Item) -> Item:
        expression, values = asked["KeyConditionExpression"], asked["ExpressionAttributeValues"]
        prefix = values.get(":sk", {"S": ""})["S"]
        assert expression in ("pk = :pk", "pk = :pk AND begins_with(sk, :sk)"), expression
        pk = values[":pk"]["S"]
        keys = self._sorted.get(pk, [])
        found = []
        for sk in keys[bisect_left(keys, prefix) :]:
            if not sk.startswith(prefix):
                break
            found.append(dict(self.items[pk, sk]))
        return {"Items": found}

    def _of_index(self, asked: Item) -> Item:
        self._catch_up()
        holds = condition(asked["KeyConditionExpression"])
        names, values = asked.get("ExpressionAttributeNames", {}), asked["ExpressionAttributeValues"]
        found = [item for item in self._index.values() if holds(item, names, values)]
        return {"Items": sorted(found, key=lambda item: (item["due"]["S"], item["pk"]["S"], item["sk"]["S"]))}

    def _catch_up(self) -> None:
        now, left = self._outside.time, []
        for shown_at, key, item in self._lagging:
            if shown_at > now:
                left.append((shown_at, key, item))
            elif item is None:
                self._index.pop(key, None)
            else:
                self._index[key] = item
        self._lagging = left

    # --- writing -----------------------------------------------------------------------------------------------------
    def put_item(self, **write: Any) -> Item:
        return self._single("PutItem", "Put", write)

    def update_item(self, **write: Any) -> Item:
        return self._single("UpdateItem", "Update", write)

    def delete_item(self, **write: Any) -> Item:
        return self._single("DeleteItem", "Delete", write)

    def _single(self, operation: str, kind: str, write: Item) -> Item:
        def effect() -> Item:
            if _key_of(kind, write) in self._locked:
                raise client_error("TransactionConflictException", operation)
            if not self._holds(write, _key_of(kind, write)):
                raise client_error("ConditionalCheckFailedException", operation)
            self._commit([(kind, write)])
            return {}

        return self._outside.call(operation, effect, throttled=_BUSY)

    def transact_write_items(self, *, TransactItems: Sequence[Item]) -> Item:  # noqa: N803 - AWS's own names
        writes = [next(iter(each.items())) for each in TransactItems]
        keys = [_key_of(kind, write) for kind, write in writes]
        assert 0 < len(keys) <= 100
        assert len(set(keys)) == len(keys), "a transaction names an item once"
        done: list[bool] = []

        def effect() -> Item:
            if done:
                return {}  # the SDK repeats with the same client token: it is the same transaction
            met = [key in self._locked for key in keys]
            if any(met):
                raise _cancelled(["TransactionConflict" if each else "None" for each in met])
            self._locked.update(keys)
            try:
                self._outside.in_flight()
            finally:
                self._locked.difference_update(keys)
            holds = [self._holds(write, key) for (_, write), key in zip(writes, keys, strict=True)]
            if not all(holds):
                raise _cancelled(["None" if each else "ConditionalCheckFailed" for each in holds])
            self._commit(writes)
            done.append(True)
            return {}

        return self._outside.call("TransactWriteItems", effect, throttled=_BUSY)

    def _holds(self, write: Item, key: Key) -> bool:
        expression = write.get("ConditionExpression")
        if expression is None:
            return True
        names, values = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
        return condition(expression)(self.items.get(key, {}), names, values)

    def _commit(self, writes: Sequence[tuple[str, Item]]) -> None:
        told: list[Written] = []
        for kind, write in writes:
            key = _key_of(kind, write)
            before = self.items.get(key)
            after: Item | None
            if kind == "ConditionCheck":
                continue
            if kind == "Put":
                after = dict(write["Item"])
            elif kind == "Update":
                names, values = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
                after = updated(before or write["Key"], write["UpdateExpression"], names, values)
            else:
                after = None
            self._store(key, before, after)
            told.append((key, before, after))
        self._outside.written(told)

    def store(self, items: Mapping[Key, Item]) -> None:
        """Have items that were there before."""
        for key, item in items.items():
            self._store(key, None, item)

    def _store(self, key: Key, before: Item | None, after: Item | None) -> None:
        pk, sk = key
        if after is None:
            if before is not None:
                del self.items[key]
                self._sorted[pk].remove(sk)
        else:
            self.items[key] = after
            if before is None:
                insort(self._sorted.setdefault(pk, []), sk)
        shown = after if after is not None and "queue" in after and "due" in after else None
        if shown is not None or (before is not None and "queue" in before):
            at = self._outside.time + self._outside.lag()
            # What an item showed later is never followed by what it showed before.
            at = max([at, *(lagging for lagging, other, _ in self._lagging if other == key)])
            self._lagging.append((at, key, shown))


#: What DynamoDB answers when a partition, or the account, is too busy.
_BUSY = "ProvisionedThroughputExceededException"


def _key(key: Item) -> Key:
    return key["pk"]["S"], key["sk"]["S"]


def _key_of(kind: str, write: Item) -> Key:
    return _key(write["Item"] if kind == "Put" else write["Key"])


def _cancelled(reasons: list[str]) -> ClientError:
    error = client_error("TransactionCanceledException", "TransactWriteItems")
    error.response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return error
