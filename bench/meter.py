"""Counts what is asked of AWS: every call that leaves through botocore, and what DynamoDB would bill for it.

moto reports no capacity, so units are worked out by the rules of DynamoDB's developer guide ("Read and write
operations"): a write unit for each 1 KB of the larger of an item before and after, twice that in a transaction; a read
unit for each 4 KB read consistently, half of it otherwise; and for the index a unit for each KB of its entry that
appears, changes or disappears.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

KB = 1024
_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}
_READS = {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}
#: The item that is read only where a stack's clock can be set. Production goes by the real time and reads none, so the
#: key is left out wherever it is asked for, and the request too where nothing else is asked for.
_CLOCK: Any = {"pk": {"S": "SETTINGS"}, "sk": {"S": "CLOCK"}}

#: Bytes of a task token of Step Functions, generously; moto's are short.
TOKEN = 800
#: Bytes that are billed for storing an item, beside its own (DynamoDB pricing, "Data storage").
STORED = 100

Item = dict[str, Any]


def size_of(item: Item) -> int:
    """Return the size of an item in bytes: names and values (DynamoDB developer guide, "Item sizes and formats").

    A task token counts with the length that it has on AWS.
    """
    size = sum(len(name.encode()) + _value(value) for name, value in item.items())
    return size + (TOKEN - _value(item["token"]) if "token" in item else 0)


def _value(value: Item) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return ceil(len(content.strip("-0.")) / 2) + 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value(each) for name, each in content.items())
    if kind == "L":
        return 3 + sum(1 + _value(each) for each in content)
    if kind in ("SS", "NS"):
        return sum(len(each) for each in content)
    return len(content) if kind == "B" else 1


def write_units(before: int, after: int, *, transaction: bool) -> int:
    """Return the write units of one item."""
    return max(1, ceil(max(before, after) / KB)) * (2 if transaction else 1)


def read_units(size: int, *, consistent: bool) -> float:
    """Return the read units of what one request has read."""
    return max(1, ceil(size / (4 * KB))) * (1.0 if consistent else 0.5)


@dataclass
class Count:
    """What was counted.

    Attributes:
        calls: requests, by service and operation.
        write, read: DynamoDB's units, by operation.
        functions: invocations, by function.
        cpu: seconds of CPU time that the functions took, the calls' other side left out, by function.
        log: bytes that the functions wrote, by function.
        stored: bytes put into S3.
    """

    calls: Counter[str] = field(default_factory=Counter)
    write: Counter[str] = field(default_factory=Counter)
    read: dict[str, float] = field(default_factory=dict)
    functions: Counter[str] = field(default_factory=Counter)
    cpu: dict[str, float] = field(default_factory=dict)
    log: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    transitions: int = 0

    @property
    def requests(self) -> int:
        """All requests: calls of a service, by a function or by Step Functions itself, and invocations of functions."""
        return self.calls.total() + self.functions.total()

    @property
    def write_units(self) -> int:
        """All write units."""
        return self.write.total()

    @property
    def read_units(self) -> float:
        """All read units."""
        return sum(self.read.values())

    def __add__(self, other: "Count") -> "Count":
        """Return what two meters have counted together."""
        return self - (Count() - other)

    def __sub__(self, other: "Count") -> "Count":
        """Return what came after another count of the same meter."""
        return Count(
            Counter(_less(self.calls, other.calls)),
            Counter(_less(self.write, other.write)),
            _less(self.read, other.read),
            Counter(_less(self.functions, other.functions)),
            _less(self.cpu, other.cpu),
            Counter(_less(self.log, other.log)),
            self.stored - other.stored,
            self.transitions - other.transitions,
        )

    def copy(self) -> "Count":
        """Return it as it stands."""
        return self - Count()


def _less(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one.get(name, 0) - other.get(name, 0) for name in {**one, **other}}


class Meter:
    """Counts while it is on; what the harness itself asks (`off`) is left out.

    Args:
        account, region: where the tables are.
        indexed: whether the entries of the tables' indexes are billed; a design that reads none has none.
    """

    def __init__(self, account: str, region: str, *, indexed: bool = True) -> None:
        self.count = Count()
        self._indexed = indexed
        self._tables = dynamodb_backends[account][region].tables
        self._lock = threading.RLock()
        self._mine = threading.local()

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Leave out what this thread asks."""
        before = getattr(self._mine, "off", False)
        self._mine.off = True
        try:
            yield
        finally:
            self._mine.off = before

    @contextlib.contextmanager
    def on(self) -> Iterator["Meter"]:
        """Count every call of every client in this process."""
        meter, respond = self, BotocoreStubber.__call__
        call: Any = vars(BaseClient)["_make_api_call"]

        def counted(client: Any, operation: str, parameters: Any) -> Any:
            # moto plays transactions in steps, so only one thread at a time may ask it.
            with meter._lock:
                if getattr(meter._mine, "off", False):
                    return call(client, operation, parameters)
                return meter._counted(client.meta.service_model.service_name, operation, parameters, call, client)

        def timed(stubber: Any, *arguments: Any, **named: Any) -> Any:
            with meter._aside():
                return respond(stubber, *arguments, **named)

        with (
            patch.object(BaseClient, "_make_api_call", counted),
            patch.object(BotocoreStubber, "__call__", timed),
        ):
            yield self

    @contextlib.contextmanager
    def function(self, name: str) -> Iterator[None]:
        """Count an invocation of a function, and the CPU time that is its own; one at a time."""
        with self._lock:
            if getattr(self._mine, "off", False):
                yield
                return
            begun, self._mine.elsewhere = time.thread_time(), 0.0
            try:
                yield
            finally:
                own = time.thread_time() - begun - self._mine.elsewhere
                self.count.functions[name] += 1
                self.count.cpu[name] = self.count.cpu.get(name, 0.0) + own

    def logged(self, name: str, size: int) -> None:
        """Count what a function wrote to its log."""
        with self._lock:
            self.count.log[name] += size

    def item(self, table: str, pk: str, sk: str) -> dict[str, Any] | None:
        """Return the attributes of an item by name, without asking for it."""
        found = self._found(table, (pk, sk))
        return None if found is None else {name: each.value for name, each in found.attrs.items()}

    def holds(self, table: str, pk: str) -> bool:
        """Say whether a table holds items under a partition key, without asking it."""
        return bool(self._tables[table].items.get(DynamoType({"S": pk})))

    # --- DynamoDB ----------------------------------------------------------------------------------------------------
    def _counted(self, service: str, operation: str, parameters: Any, call: Any, client: Any) -> Any:
        if service == "dynamodb" and _keys(operation, parameters) == [_CLOCK]:
            return call(client, operation, parameters)
        name = f"{service}:{operation}"
        if service == "s3" and operation == "PutObject":
            body = parameters.get("Body", b"")
            with self._lock:
                self.count.stored += len(body) if isinstance(body, bytes) else 0
        if service != "dynamodb" or operation not in _WRITES | _READS:
            with self._lock:
                self.count.calls[name] += 1
            return call(client, operation, parameters)
        touched = [*_touched(operation, parameters)] if operation in _WRITES else []
        with self._aside():
            before = [self._stored(table, key) for table, key in touched]
        answer = None
        try:
            answer = call(client, operation, parameters)
        finally:
            with self._aside(), self._lock:
                self.count.calls[name] += 1
                for (table, key), old in zip(touched, before, strict=True):
                    new = self._stored(table, key)
                    units = self._written(table, old, new, transaction=operation == "TransactWriteItems")
                    self.count.write[operation] += units
                if answer is not None and operation in _READS:
                    read = self.count.read
                    read[operation] = read.get(operation, 0.0) + self._read(operation, parameters, answer)
        return answer

    @contextlib.contextmanager
    def _aside(self) -> Iterator[None]:
        """Keep the time that counting takes out of the function's."""
        begun = time.thread_time()
        try:
            yield
        finally:
            self._mine.elsewhere = getattr(self._mine, "elsewhere", 0.0) + time.thread_time() - begun

    def _stored(self, table: str, key: tuple[str, str]) -> Item | None:
        item = self._found(table, key)
        return None if item is None else item.to_json()["Attributes"]

    def _found(self, table: str, key: tuple[str, str]) -> Any:
        return self._tables[table].items.get(DynamoType({"S": key[0]}), {}).get(DynamoType({"S": key[1]}))

    def _written(self, table: str, old: Item | None, new: Item | None, *, transaction: bool) -> int:
        sizes = [size_of(item) if item else 0 for item in (old, new)]
        units = write_units(sizes[0], sizes[1], transaction=transaction)
        for index in self._tables[table].global_indexes if self._indexed else ():
            before, after = (_entry(index, item) for item in (old, new))
            if before == after:
                continue
            keys = [name["AttributeName"] for name in index.schema]
            moved = (
                before is not None
                and after is not None
                and [before[key] for key in keys] != [after[key] for key in keys]
            )
            held = [size_of(entry) for entry in (before, after) if entry]
            units += (
                sum(write_units(0, size, transaction=False) for size in held)
                if moved
                else write_units(0, max(held), transaction=False)
            )
        return units

    def _read(self, operation: str, parameters: Any, answer: Any) -> float:
        if operation == "GetItem":
            item = answer.get("Item") or {}
            return read_units(size_of(item), consistent=parameters.get("ConsistentRead", False))
        if operation == "TransactGetItems":
            found = [size_of(each.get("Item") or {}) for each in answer["Responses"]]
            keys = _keys(operation, parameters)
            return sum(
                2 * read_units(size, consistent=True) for key, size in zip(keys, found, strict=True) if key != _CLOCK
            )
        if operation == "BatchGetItem":
            units = 0.0
            for table, asked in parameters["RequestItems"].items():
                items = [item for item in answer["Responses"].get(table, []) if not _CLOCK.items() <= item.items()]
                missing = len([key for key in asked["Keys"] if key != _CLOCK]) - len(items)
                consistent = asked.get("ConsistentRead", False)
                sizes = [size_of(item) for item in items] + [0] * missing
                units += sum(read_units(size, consistent=consistent) for size in sizes)
            return units
        # What a query or a scan has read is rounded up once for all of it; a filter lets read what it leaves out.
        if operation == "Scan":
            size = self._scanned(parameters, answer)
        else:
            size = sum(size_of(item) for item in answer.get("Items", []))
        return read_units(size, consistent=parameters.get("ConsistentRead", False))

    def _scanned(self, parameters: Any, answer: Any) -> int:
        """Return the bytes of the page of a table that was scanned."""
        after, until = (
            page.get(key) for page, key in ((parameters, "ExclusiveStartKey"), (answer, "LastEvaluatedKey"))
        )
        first, last = ((key["pk"]["S"], key["sk"]["S"]) if key else None for key in (after, until))
        size = 0
        for pk, items in self._tables[parameters["TableName"]].items.items():
            for sk, item in items.items():
                place = (pk.value, sk.value)
                if (first is None or place > first) and (last is None or place <= last):
                    size += _size_kept(item)
        return size


def _size_kept(item: Any) -> int:
    """Return the size of an item of moto's, and keep it with it: no item is changed, another one takes its place."""
    if not hasattr(item, "bench_size"):
        item.bench_size = size_of(item.to_json()["Attributes"])
    return int(item.bench_size)


def _keys(operation: str, parameters: Any) -> list[Item]:
    """Return the keys that a read asks for."""
    if operation == "BatchGetItem":
        return [key for asked in parameters["RequestItems"].values() for key in asked["Keys"]]
    if operation == "TransactGetItems":
        return [asked["Get"]["Key"] for asked in parameters["TransactItems"]]
    return [parameters["Key"]] if operation == "GetItem" else []


def _touched(operation: str, parameters: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    if operation == "TransactWriteItems":
        for write in parameters["TransactItems"]:
            ((_, one),) = write.items()
            yield one["TableName"], _key(one)
    elif operation == "BatchWriteItem":
        for table, writes in parameters["RequestItems"].items():
            for write in writes:
                ((_, one),) = write.items()
                yield table, _key(one)
    else:
        yield parameters["TableName"], _key(parameters)


def _key(one: Any) -> tuple[str, str]:
    key = one.get("Key") or one["Item"]
    return key["pk"]["S"], key["sk"]["S"]


def _entry(index: Any, item: Item | None) -> Item | None:
    """Return an item's entry in an index; None where it has none."""
    keys = [name["AttributeName"] for name in index.schema]
    if item is None or any(key not in item for key in keys):
        return None
    kept = {"pk", "sk", *keys, *index.projection.get("NonKeyAttributes", ())}
    return {name: value for name, value in item.items() if name in kept}
