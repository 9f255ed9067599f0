"""`DelinquencyTable`: one item collection per account, and two ways in.

    pk                sk                            what
    ACCOUNT#<id>      ACCOUNT                       the account as last reported; on the queue while a case could open
    ACCOUNT#<id>      CASE#<case_id>                a case: its state, version, head of the chain, waiting token
    ACCOUNT#<id>      EVENT#<case_id>#<number>      an event; never changed
    ACCOUNT#<id>      FACT#<kind>#<id>              a row that came in, so that it counts once
    EXPORT#<date>     DAY | <agency>#...            what agencies are given on a date
    ACKS#<date>       <agency>#ACK#<name>           what they acknowledge of it
    SETTINGS          CLOCK | POLICY | SWEEP        the clock of a stack that is not production; which policies count
    POLICIES          <name> <version> | PUBLISHED#<number>   every policy that was published, and for whom

The index `WorkIndex` (`queue`, `due`) is sparse and sharded. `scan#<shard>` holds the accounts on which a case could
open, by the first date on which it could: it is the queue that the scan reads. `open#<shard>` holds the open cases by
the time they wait for. `closed#<shard>` holds the closed ones by the date on which they closed: the heads of their
chains are locked away with those of that day.

Append is one transaction: the event must not exist, the case's version must be the one read. A condition that fails
says that somebody was quicker (`StaleError`: load again); a conflict says that two transactions met (tried again).
"""

import json
import random
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any

from arrears.adapters.aws import Item, cancellation_reasons, translated
from arrears.domain import codec
from arrears.domain.case import Case, evolve, opening
from arrears.domain.chain import GENESIS
from arrears.domain.decide import account_of
from arrears.domain.events import CaseOpened, Event
from arrears.domain.facts import Account
from arrears.errors import (
    PermanentActionError,
    PermanentItemError,
    TransientConflictError,
    TransientServiceError,
)
from arrears.files.records import Profile
from arrears.records import Envelope, Stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: How often a transaction that met another one is tried again before it is left for a later try.
_CONFLICT_TRIES = 6


class StaleError(Exception):
    """What was read has changed since: load it again and decide again."""

    def __init__(self, failed: Sequence[int]) -> None:
        super().__init__("a condition of the transaction failed")
        #: Which of the transaction's items failed their condition.
        self.failed = failed


@dataclass(frozen=True)
class AccountRecord:
    """An account's item.

    Attributes:
        version: raised by whoever writes it; 0 for an account that is not stored yet.
        profile: who the cardholder is; kept apart from the facts, and out of every event.
        coming: by `as_of`, what extracts say of it that were not in force yet when the account was last written.
        open_case: the id of the case that is open.
        generation: the generation of the execution that has, or will have, the next case.
        sources: by `as_of`, which row of which file an extract came from and a hash of it.
        due: its place on the queue, as a date; None where it is not queued. Writing an account does not keep it by
            itself (see `put_account`): the net queues an account whose case is open, and that must not be undone.
    """

    account: Account
    version: int = 0
    profile: Profile | None = None
    open_case: str | None = None
    generation: int = 1
    sources: dict[str, str] = field(default_factory=dict)
    due: str | None = None
    coming: dict[str, Profile] = field(default_factory=dict)

    def profile_on(self, on: date) -> Profile | None:
        """Return who the cardholder is by the extract that is in force on a date."""
        known = max((as_of for as_of in self.coming if as_of <= on.isoformat()), default=None)
        return self.profile if known is None else self.coming[known]


@dataclass(frozen=True)
class CaseRecord:
    """A case's item.

    Attributes:
        head: the hash of its last event.
        token, token_version, due: the task token of the execution that waits, the version it saw, and until when.
    """

    case: Case
    head: str
    generation: int = 1
    token: str | None = None
    token_version: int = 0
    due: str | None = None


@dataclass(frozen=True)
class Queued:
    """An entry of the work index."""

    account_id: str
    case_id: str | None
    due: str
    timezone: str
    generation: int
    version: int = 0
    token_version: int = 0
    head: str = ""
    updated_on: str = ""


class Table:
    """The delinquency table.

    Args:
        client: a DynamoDB client.
        name: the table's name.
        shards: over how many partitions each queue of the index is spread.
    """

    def __init__(self, client: "DynamoDBClient", name: str, *, shards: int = 16) -> None:
        self.client, self.name, self.shards = client, name, shards

    # --- reading -----------------------------------------------------------------------------------------------------
    def _get(self, pk: str, sk: str) -> Item | None:
        with translated("dynamodb:GetItem"):
            answer = self.client.get_item(TableName=self.name, Key=_key(pk, sk), ConsistentRead=True)
        return answer.get("Item")

    def query(self, pk: str, prefix: str = "") -> Iterator[Item]:
        """Yield the items of a collection whose sort key begins with a prefix, in order."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :sk)" if prefix else ""),
            "ExpressionAttributeValues": {":pk": {"S": pk}} | ({":sk": {"S": prefix}} if prefix else {}),
        }
        for items, _ in self._pages(arguments):
            yield from items

    def _pages(self, arguments: dict[str, Any]) -> Iterator[tuple[list[Item], Item | None]]:
        """Yield the pages of a query, each with the key behind which the next one begins; None for the last."""
        while True:
            with translated("dynamodb:Query"):
                answer = self.client.query(**arguments)
            last = answer.get("LastEvaluatedKey")
            yield answer["Items"], last
            if last is None:
                return
            arguments["ExclusiveStartKey"] = last

    def scan(self, **narrowed: Any) -> Iterator[Item]:  # noqa: ANN401 - boto3's own arguments
        """Yield every item of the table, in no order: for operators, never for what runs each day."""
        with translated("dynamodb:Scan"):
            for page in self.client.get_paginator("scan").paginate(
                TableName=self.name, ConsistentRead=True, **narrowed
            ):
                yield from page["Items"]

    def with_cases(self) -> Iterator[str]:
        """Yield the account of every case that there ever was, in no order, by a scan."""
        cases = self.scan(
            FilterExpression="begins_with(sk, :case)",
            ExpressionAttributeValues={":case": {"S": "CASE#"}},
            ProjectionExpression="pk",
        )
        for item in cases:
            yield item["pk"]["S"].removeprefix("ACCOUNT#")

    def account(self, account_id: str) -> AccountRecord:
        """Load an account; one that is not stored is an empty record of version 0."""
        item = self._get(account_pk(account_id), "ACCOUNT")
        return _account_record(account_id, item)

    def accounts(self, account_ids: Sequence[str]) -> dict[str, AccountRecord]:
        """Load many accounts at once, 100 a request."""
        found: dict[str, AccountRecord] = {name: _account_record(name, None) for name in account_ids}
        for item in self._batch([_key(account_pk(name), "ACCOUNT") for name in found]):
            name = item["pk"]["S"].removeprefix("ACCOUNT#")
            found[name] = _account_record(name, item)
        return found

    def facts(self, names: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Load many facts at once, by account, kind and id; those that have not come in are left out."""
        keys = {(account_pk(name[0]), f"FACT#{name[1]}#{name[2]}"): name for name in names}
        items = self._batch([_key(pk, sk) for pk, sk in keys])
        return {keys[item["pk"]["S"], item["sk"]["S"]]: item["content"]["S"] for item in items}

    def _batch(self, keys: Iterable[Item]) -> Iterator[Item]:
        """Yield the items of some keys, no key twice, in any order; 100 are asked for at a time (its limit)."""
        coming = iter(keys)
        while some := list(islice(coming, 100)):
            left: Any = {self.name: {"Keys": some, "ConsistentRead": True}}
            for attempt in range(_CONFLICT_TRIES):
                with translated("dynamodb:BatchGetItem"):
                    answer = self.client.batch_get_item(RequestItems=left)
                yield from answer["Responses"].get(self.name, [])
                left = answer.get("UnprocessedKeys")
                if not left:
                    break
                back_off(attempt)
            else:
                raise TransientServiceError("dynamodb:BatchGetItem: keys are left")

    def case(self, case_id: str) -> CaseRecord | None:
        """Load a case, or None when there is none of that id."""
        item = self._get(account_pk(account_of(case_id)), f"CASE#{case_id}")
        return None if item is None else _case_record(item)

    def with_settings(
        self, case_id: str, names: Sequence[str]
    ) -> tuple[CaseRecord | None, AccountRecord, dict[str, Item]]:
        """Load a case, its account and some settings in one request; what does not exist is left out.

        Each is as it stands, though not all at the very same instant: the account may be a moment older than the case.
        """
        account_id = account_of(case_id)
        keys = [_key(account_pk(account_id), sk) for sk in ("ACCOUNT", f"CASE#{case_id}")]
        found = {item["sk"]["S"]: item for item in self._batch([*keys, *(_key("SETTINGS", name) for name in names)])}
        account, case = found.pop("ACCOUNT", None), found.pop(f"CASE#{case_id}", None)
        return None if case is None else _case_record(case), _account_record(account_id, account), found

    def load_cases(self, case_ids: Iterable[str]) -> Iterator[CaseRecord]:
        """Yield many cases, 100 a request, in any order; those that do not exist are left out.

        No more ids are asked for than the next request takes, so however many there are, few are in memory.
        """
        for item in self._batch(_key(account_pk(account_of(name)), f"CASE#{name}") for name in case_ids):
            yield _case_record(item)

    def cases(self, account_id: str) -> list[CaseRecord]:
        """Load all cases of an account, oldest first."""
        return [_case_record(item) for item in self.query(account_pk(account_id), "CASE#")]

    def envelopes(self, case_id: str) -> Iterator[Envelope]:
        """Yield the stored events of a case, oldest first, each with its hash as stored."""
        for item in self.query(account_pk(account_of(case_id)), f"EVENT#{case_id}#"):
            yield Envelope(item["body"]["S"], item["previous"]["S"], item["hash"]["S"])

    def fact(self, account_id: str, kind: str, fact_id: str) -> str | None:
        """Return the stored content of a fact, or None when it has not come in."""
        item = self._get(account_pk(account_id), f"FACT#{kind}#{fact_id}")
        return None if item is None else item["content"]["S"]

    def queued(self, queue: str, shard: int, until: str | None = None, *, since: str | None = None) -> Iterator[Queued]:
        """Yield the entries of one shard of a queue, the earliest due first.

        Args:
            queue: `scan`, `open` or `closed`.
            shard: from 0 to `shards` - 1.
            until: leave out what is due later: a date or the beginning of a time, ISO 8601.
            since: leave out what is due earlier, likewise.
        """
        names = {"#queue": "queue"}
        values: Item = {":queue": {"S": f"{queue}#{shard:02d}"}}
        condition = "#queue = :queue"
        if until is not None or since is not None:
            names["#due"] = "due"
            values[":since"] = {"S": since or "0"}
            values[":until"] = {"S": (until or "") + "~"}  # sorts behind every time of that date
            condition += " AND #due BETWEEN :since AND :until"
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": "WorkIndex",
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        for items, _ in self._pages(arguments):
            yield from map(_queued, items)

    def waiting(
        self, shard: int, since: str, until: str, after: str = "", *, limit: int = 500
    ) -> Iterator[tuple[list[Queued], str]]:
        """Yield the open cases of a shard that wait until some time, page by page.

        Args:
            shard: from 0 to `shards` - 1.
            since: cases that wait until an earlier date are left out.
            until: cases that wait until a later date are left out.
            after: the place behind which to go on, as it was yielded before; empty for the beginning.
            limit: cases in a page at most.

        Yields:
            the entries of a page, and the place behind it; empty for the end.
        """
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": "WorkIndex",
            "KeyConditionExpression": "#queue = :queue AND #due BETWEEN :since AND :until",
            "ExpressionAttributeNames": {"#queue": "queue", "#due": "due"},
            "ExpressionAttributeValues": {
                ":queue": {"S": f"open#{shard:02d}"},
                ":since": {"S": since},
                ":until": {"S": f"{until}~"},
            },
            "Limit": limit,
        }
        if after:
            arguments["ExclusiveStartKey"] = json.loads(after)
        for items, last in self._pages(arguments):
            yield [_queued(item) for item in items], "" if last is None else json.dumps(last)

    def contents(self, account_id: str, kind: str, prefix: str) -> Iterator[str]:
        """Yield what is stored of an account's facts of a kind whose ids begin in one way."""
        for item in self.query(account_pk(account_id), f"FACT#{kind}#{prefix}"):
            yield item["content"]["S"]

    def tokens(self, case_ids: Sequence[str]) -> Iterator[str]:
        """Yield the task tokens of the cases that wait, in any order."""
        for item in self._batch([_key(account_pk(account_of(name)), f"CASE#{name}") for name in case_ids]):
            if "token" in item:
                yield item["token"]["S"]

    # --- writing -----------------------------------------------------------------------------------------------------
    def transact(self, items: Sequence[Item]) -> None:
        """Carry out a transaction of at most 100 items; a single put is no transaction, at half its price.

        Raises:
            StaleError: a condition failed; nothing was written.
            TransientConflictError: it met other transactions again and again; nothing was written.
            PermanentItemError: an item has outgrown what the table takes; nothing was written.
        """
        writes: list[Any] = list(items)
        for attempt in range(_CONFLICT_TRIES):
            try:
                if len(writes) == 1 and "Put" in writes[0]:
                    with translated("dynamodb:PutItem"):
                        self.client.put_item(**writes[0]["Put"])
                else:
                    with translated("dynamodb:TransactWriteItems"):
                        self.client.transact_write_items(TransactItems=writes)
            except PermanentActionError as refused:
                reasons = cancellation_reasons(refused)
                failed = [index for index, code in enumerate(reasons) if code == "ConditionalCheckFailed"]
                if failed:
                    raise StaleError(failed) from refused
                if not {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} & set(reasons):
                    if {"ValidationError"} & set(reasons):
                        raise PermanentItemError(str(refused)) from refused
                    raise
            else:
                return
            back_off(attempt)
        raise TransientConflictError("the table is contended")

    def put_account(self, record: AccountRecord, queue_due: date | None) -> Item:
        """Return the write of an account item, on condition that its version is still the record's.

        Args:
            record: what is to be stored; its version is the one read.
            queue_due: the first date on which a case could open; None takes the account off the queue.
        """
        item: Item = {
            **_key(account_pk(record.account.account_id), "ACCOUNT"),
            "version": {"N": str(record.version + 1)},
            "facts": {"S": codec.account_to_json(record.account)},
            "timezone": {"S": record.account.timezone},
            "generation": {"N": str(record.generation)},
        }
        if record.profile is not None:
            item["profile"] = {"S": json.dumps(record.profile.to_dict(), ensure_ascii=False, sort_keys=True)}
        if record.coming:
            coming = {as_of: profile.to_dict() for as_of, profile in record.coming.items()}
            item["coming"] = {"S": json.dumps(coming, ensure_ascii=False, sort_keys=True)}
        if record.open_case is not None:
            item["open_case"] = {"S": record.open_case}
        if record.sources:
            item["sources"] = {"M": {name: {"S": value} for name, value in record.sources.items()}}
        if queue_due is not None:
            item["queue"] = {"S": self._queue("scan", record.account.account_id)}
            item["due"] = {"S": queue_due.isoformat()}
        condition = "attribute_not_exists(pk)" if record.version == 0 else "version = :read"
        write: Item = {"TableName": self.name, "Item": item, "ConditionExpression": condition}
        if record.version != 0:
            write["ExpressionAttributeValues"] = {":read": {"N": str(record.version)}}
        return {"Put": write}

    def put_fact(self, account_id: str, kind: str, fact_id: str, content: str) -> Item:
        """Return the write of a fact, on condition that it has not come in before."""
        item = {**_key(account_pk(account_id), f"FACT#{kind}#{fact_id}"), "content": {"S": content}}
        return {
            "Put": {"TableName": self.name, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"},
        }

    def append(
        self,
        record: CaseRecord | None,
        events: Sequence[Event],
        stamp: Stamp,
        *,
        wakes: bool = False,
        generation: int = 1,
        extra: Sequence[Item] = (),
    ) -> CaseRecord:
        """Append events to a case in one transaction, with the other writes that belong to them.

        Raises:
            StaleError: the case, or what `extra` depends on, has changed since it was read; nothing was written.
        """
        after, writes = self.appending(record, events, stamp, wakes=wakes, generation=generation)
        self.transact([*writes, *extra])
        return after

    def appending(
        self,
        record: CaseRecord | None,
        events: Sequence[Event],
        stamp: Stamp,
        *,
        wakes: bool = False,
        generation: int = 1,
    ) -> tuple[CaseRecord, list[Item]]:
        """Return the case after some events, and the writes that append them; the last is that of the case.

        Args:
            record: the case as loaded; None where the first event opens it.
            events: what happened, in order; not empty.
            stamp: when, and under which policy.
            wakes: whether the execution that waits is to be woken: true for whatever comes from outside it. What the
                execution itself appends takes its spent token away.
            generation: of the execution that opens the case.
        """
        case, head = (None, GENESIS) if record is None else (record.case, record.head)
        writes: list[Item] = []
        for event in events:
            if case is not None:
                case = evolve(case, event)
            elif isinstance(event, CaseOpened):
                case = opening(event)
            else:
                raise TypeError("a case begins with CaseOpened")
            envelope = Envelope.seal(event, case.case_id, case.version, stamp, previous=head)
            head = envelope.hash
            writes.append(self._put_event(case, envelope, wakes=wakes))
        if case is None:
            raise TypeError("no events to append")
        before = 0 if record is None else record.case.version
        writes.append(self._write_case(case, head, before, stamp, wakes=wakes, generation=generation))
        if record is None:
            return CaseRecord(case, head, generation), writes
        return replace(record, case=case, head=head), writes

    def _put_event(self, case: Case, envelope: Envelope, *, wakes: bool) -> Item:
        item: Item = {
            **_key(account_pk(case.account_id), f"EVENT#{case.case_id}#{case.version:06d}"),
            "body": {"S": envelope.body},
            "previous": {"S": envelope.previous},
            "hash": {"S": envelope.hash},
            "case_id": {"S": case.case_id},
            "number": {"N": str(case.version)},
        }
        if wakes:
            item["wakes"] = {"BOOL": True}
        return {"Put": {"TableName": self.name, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _write_case(self, case: Case, head: str, before: int, stamp: Stamp, *, wakes: bool, generation: int) -> Item:
        values: Item = {
            ":state": {"B": codec.case_to_bytes(case)},
            ":version": {"N": str(case.version)},
            ":head": {"S": head},
            ":status": {"S": "open" if case.is_open else "closed"},
            ":updated": {"S": stamp.on.isoformat()},
            ":timezone": {"S": case.account.timezone},
        }
        sets = "#state = :state, version = :version, head = :head, #status = :status, updated_on = :updated"
        sets += ", #timezone = :timezone"
        names = {"#state": "state", "#status": "status", "#timezone": "timezone"}
        removes: list[str] = [] if wakes else ["#token", "token_version"]
        if not case.is_open:
            sets += ", #queue = :queue, #due = :due"
            values |= {":queue": {"S": self._queue("closed", case.account_id)}, ":due": {"S": stamp.on.isoformat()}}
        if before == 0:
            sets += ", case_id = :case_id, generation = :generation"
            values |= {":case_id": {"S": case.case_id}, ":generation": {"N": str(generation)}}
            condition = "attribute_not_exists(pk)"
            if case.is_open:
                sets += ", #queue = :queue, #due = :due"
                values |= {":queue": {"S": self._queue("open", case.account_id)}, ":due": {"S": stamp.on.isoformat()}}
        else:
            condition = "version = :before"
            values[":before"] = {"N": str(before)}
        expression = f"SET {sets}"
        if removes:
            expression += f" REMOVE {', '.join(removes)}"
        names |= {name: name[1:] for name in ("#queue", "#due", "#token") if name in expression}
        return {
            "Update": {
                "TableName": self.name,
                "Key": _key(account_pk(case.account_id), f"CASE#{case.case_id}"),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }

    def set_generation(self, record: CaseRecord, generation: int, *, due: str | None = None) -> Item:
        """Return the write that gives a case to the execution of a later generation.

        Args:
            record: the case as loaded.
            generation: the later one.
            due: on condition that no wait has begun since the one until then.
        """
        write: Item = {
            "TableName": self.name,
            "Key": _key(account_pk(record.case.account_id), f"CASE#{record.case.case_id}"),
            "UpdateExpression": "SET generation = :generation REMOVE #token, token_version",
            "ConditionExpression": "generation = :before",
            "ExpressionAttributeNames": {"#token": "token"},
            "ExpressionAttributeValues": {
                ":generation": {"N": str(generation)},
                ":before": {"N": str(record.generation)},
            },
        }
        if due is not None:
            write["ConditionExpression"] += " AND version = :version AND #due = :due"
            write["ExpressionAttributeNames"]["#due"] = "due"
            write["ExpressionAttributeValues"] |= {":version": {"N": str(record.case.version)}, ":due": {"S": due}}
        return {"Update": write}

    def _queue(self, queue: str, account_id: str) -> str:
        return f"{queue}#{zlib.crc32(account_id.encode()) % self.shards:02d}"


def account_pk(account_id: str) -> str:
    """Return the partition key of an account's items."""
    return f"ACCOUNT#{account_id}"


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def back_off(attempt: int, longest: float = inf) -> None:
    """Wait a random time that grows with the attempts: "full jitter", AWS Architecture Blog, 2015.

    Args:
        attempt: how often it was tried before.
        longest: the longest time to wait, in seconds.
    """
    time.sleep(random.uniform(0, min(longest, 0.05 * 2**attempt)))  # noqa: S311 - no secret depends on it


def _account_record(account_id: str, item: Item | None) -> AccountRecord:
    if item is None:
        return AccountRecord(Account(account_id))
    return AccountRecord(
        account=codec.account_from_json(item["facts"]["S"]),
        version=int(item["version"]["N"]),
        profile=Profile.from_dict(json.loads(item["profile"]["S"])) if "profile" in item else None,
        open_case=item["open_case"]["S"] if "open_case" in item else None,
        generation=int(item["generation"]["N"]),
        sources={name: value["S"] for name, value in item.get("sources", {}).get("M", {}).items()},
        due=item["due"]["S"] if "due" in item else None,
        coming={
            as_of: Profile.from_dict(told)
            for as_of, told in json.loads(item["coming"]["S"] if "coming" in item else "{}").items()
        },
    )


def _case_record(item: Item) -> CaseRecord:
    return CaseRecord(
        case=codec.case_from_bytes(item["state"]["B"]),
        head=item["head"]["S"],
        generation=int(item["generation"]["N"]),
        token=item["token"]["S"] if "token" in item else None,
        token_version=int(item["token_version"]["N"]) if "token_version" in item else 0,
        due=item["due"]["S"] if "due" in item else None,
    )


def _queued(item: Item) -> Queued:
    case_id = item.get("case_id") or item.get("open_case")
    return Queued(
        account_id=item["pk"]["S"].removeprefix("ACCOUNT#"),
        case_id=case_id["S"] if case_id else None,
        due=item["due"]["S"],
        timezone=item["timezone"]["S"],
        generation=int(item["generation"]["N"]),
        version=int(item["version"]["N"]),
        token_version=int(item["token_version"]["N"]) if "token_version" in item else 0,
        head=item["head"]["S"] if "head" in item else "",
        updated_on=item["updated_on"]["S"] if "updated_on" in item else "",
    )
