"""The settings items: the published policies, the switches, and the clock of a stack that is not production.

A policy is data (`arrears policy publish`), so a new version needs no deployment; until one is published the stack
plays the policy that its parameter names, out of those that ship. What was published stays: `SETTINGS/POLICY` says what
counts now, for which cases; `POLICIES` has a line for every publication and every document there ever was.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from arrears.adapters.aws import Item, cancellation_reasons, translated
from arrears.adapters.switchboard import Switchboard, switches_of
from arrears.domain.case import Case
from arrears.domain.dates import zone
from arrears.domain.decide import Decision
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.rollout import Rollout, Scope, in_force, looked_at_by, next_change, still_counting
from arrears.errors import PermanentActionError, PermanentSetupError, TransientConflictError
from arrears.switches import Switches

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: No wait is longer: a stream record is gone after 24 hours, and a wake-up lost in an outage must not cost more.
LONGEST_WAIT = timedelta(days=30)
#: Whether something may go out again is looked at after so many seconds, and up to as many more.
_LOOK_AGAIN = 1800
#: The publications are listed under this, in their order; every label has a space in it.
_LOG = "PUBLISHED#"
#: So many policies a process keeps parsed.
_MOST_PARSED = 8


@dataclass(frozen=True)
class Clock:
    """Gives the business date and time at an account's place.

    Attributes:
        instant: the time now, in UTC.
        set_to: the date that the stack's clock is set to; None for the real time.
        open: whether the set date has begun to be played; until then facts come in and nothing is decided.
        spread: over how long the cases that fall due at the same moment are spread; a set date has no moments.
    """

    instant: datetime
    set_to: date | None = None
    open: bool = True
    spread: timedelta = timedelta(0)

    def now(self, timezone: str) -> Moment:
        """Return the moment at a place. A set date has no time of day: it lies inside any contact hours."""
        if self.set_to is not None:
            return Moment(self.set_to)
        local = self.instant.astimezone(zone(timezone))
        return Moment(local.date(), local.time().replace(microsecond=0))

    def at(self, timezone: str) -> datetime:
        """Return the instant to record something at: now, or noon of the set date at that place."""
        if self.set_to is None:
            return self.instant.replace(microsecond=0)
        return datetime.combine(self.set_to, time(12), zone(timezone))

    def again(self, case_id: str, timezone: str) -> tuple[int, str]:
        """Return how long something waits that may not go out now, as `until` does: half an hour to an hour.

        Each case has a time of its own in it, so what waits does not go out all at once when it may. A set date waits
        for the next one.
        """
        if self.set_to is not None:
            return self.until(Moment(self.set_to + timedelta(days=1)), timezone)
        seconds = _LOOK_AGAIN + zlib.crc32(case_id.encode()) % _LOOK_AGAIN
        due = self.instant + timedelta(seconds=seconds)
        return seconds, due.astimezone(zone(timezone)).strftime("%Y-%m-%dT%H:%M")

    def after(self, seconds: int) -> "Clock":
        """Return the clock as it will stand after some time: that of a set date is set to the date that is reached."""
        later = timedelta(seconds=seconds)
        if self.set_to is None:
            return replace(self, instant=self.instant + later)
        return replace(self, set_to=(datetime.combine(self.set_to, time.min) + later).date())

    def until(self, moment: Moment | None, timezone: str) -> tuple[int, str]:
        """Return how long to wait for a moment, in whole seconds of at least 1, and the moment as text.

        Rounded up: a wait that ends a moment early costs a turn that finds nothing to do. No longer than
        `LONGEST_WAIT`; None waits as long as that.
        """
        here = zone(timezone)
        now = self.instant if self.set_to is None else datetime.combine(self.set_to, time.min, here)
        latest = now + LONGEST_WAIT
        if moment is not None:
            at = datetime.combine(moment.on, moment.at or time.min, here)
            latest = min(latest, at)
        # In UTC: two times of one zone are subtracted by its clock, which a change of clocks makes wrong by an hour.
        seconds = max(1, ceil((latest.astimezone(UTC) - now.astimezone(UTC)).total_seconds()))
        return seconds, latest.astimezone(here).strftime("%Y-%m-%dT%H:%M")


@dataclass(frozen=True)
class ActivePolicy:
    """The policy in force, and the texts that came with it.

    Attributes:
        templates: the templates as data, as the document module writes them.
        digest: of the document that was published; empty for the policy that ships.
    """

    policy: Policy
    templates: dict[str, Any] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True)
class Policies:
    """The policies that count now, read once for an invocation.

    Attributes:
        rollouts: in the order in which they were published; empty where none is.
        load: gives the policy of a publication; of None the one that ships.
    """

    rollouts: tuple[Rollout, ...]
    load: Callable[[Rollout | None], ActivePolicy]

    def for_new(self, on: date) -> ActivePolicy:
        """Return the policy of a case that opens on a date, which is also that of all that is about no one case."""
        return self.load(in_force(self.rollouts, on, on))

    def for_case(self, case: Case, on: date) -> ActivePolicy:
        """Return the policy that counts for a case on a date."""
        return self.since(case.opened_on, on)

    def since(self, opened_on: date, on: date) -> ActivePolicy:
        """Return the policy that counts on a date for a case that opened on another."""
        return self.load(in_force(self.rollouts, opened_on, on))

    def awaited(self, decision: Decision, case: Case, on: date) -> Decision:
        """Return a decision so that a wait is no longer than until another policy counts for the case."""
        if len(self.rollouts) < 2:  # noqa: PLR2004 - one that counts now and one that will
            return decision
        change = next_change(self.rollouts, case.opened_on, on)
        return looked_at_by(decision, case.case_id, self.for_case(case, on).policy, change)


@dataclass(frozen=True)
class Publication:
    """A publication as it is kept for the record.

    Attributes:
        by: who published it; empty where that was not kept yet.
        why: the reason.
    """

    rollout: Rollout
    by: str = ""
    why: str = ""


@dataclass(frozen=True)
class Sweep:
    """The open cases that waited when a policy was published are looked at again, a few at a time.

    Attributes:
        number: of the publication.
        at: when it was published, as an instant in ISO 8601.
        since: cases that wait until an earlier date are left alone: they learn of it in time.
        until: no case that waited then waits any longer: no wait is longer than `LONGEST_WAIT`.
        shard: of the index, which is being gone through.
        after: the place in it, as DynamoDB gives it; empty for its beginning.
    """

    number: int
    at: str
    since: str
    until: str
    shard: int = 0
    after: str = ""


class Settings(Switchboard):
    """Reads and writes the settings.

    Args:
        client: a DynamoDB client.
        table_name: the delinquency table.
        production: a set clock is refused.
        default_policy: the name of the policy that is played until one is published, out of those that ship.
        agency_id: who gets a placement while the policy names no agency.
        spread: over how long the cases that fall due at the same moment are spread.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        *,
        production: bool,
        default_policy: str,
        agency_id: str,
        spread: timedelta = timedelta(0),
    ) -> None:
        super().__init__(client, table_name)
        self.production = production
        self._spread = spread
        self._default_policy, self._agency_id = default_policy, agency_id
        self._parsed: dict[str, ActivePolicy] = {}

    def clock(self) -> Clock:
        """Return the clock as it stands now; that of a production stack goes by the real time, whatever is stored."""
        instant = datetime.now(UTC)
        if self.production:
            return Clock(instant, spread=self._spread)
        return self._clock(instant, self._get("SETTINGS", "CLOCK"))

    def _clock(self, instant: datetime, item: Item | None) -> Clock:
        if item is None:
            return Clock(instant, spread=self._spread)
        return Clock(instant, date.fromisoformat(item["date"]["S"]), bool(item["open"]["BOOL"]))

    def names(self) -> list[str]:
        """Return the sort keys of the settings that every turn of a case asks for, under `SETTINGS`."""
        return ["POLICY", "SWITCHES"] if self.production else ["POLICY", "SWITCHES", "CLOCK"]

    def standing(self, items: Mapping[str, Item]) -> tuple[Clock, Policies, Switches]:
        """Return the clock, the policies and the switches by the items of `names` that there are."""
        clock = self._clock(datetime.now(UTC), items.get("CLOCK"))
        return clock, self._policies(items.get("POLICY")), switches_of(items.get("SWITCHES"))

    def set_clock(self, on: date, *, is_open: bool) -> None:
        """Set the business date of a stack that is not production.

        Raises:
            PermanentSetupError: this is a production stack.
        """
        if self.production:
            raise PermanentSetupError("the clock of a production stack cannot be set")
        with translated("dynamodb:PutItem"):
            self._client.put_item(
                TableName=self._table_name,
                Item={
                    "pk": {"S": "SETTINGS"},
                    "sk": {"S": "CLOCK"},
                    "date": {"S": on.isoformat()},
                    "open": {"BOOL": is_open},
                },
            )

    def policies(self) -> Policies:
        """Return the policies that count now. One is read and parsed again only when another one was published.

        Every invocation asks which they are: the item that says so is small, or it would be the table's hot spot.
        """
        return self._policies(self._get("SETTINGS", "POLICY"))

    def _policies(self, item: Item | None) -> Policies:
        return Policies(() if item is None else _rollouts(item), self.load)

    def active(self, on: date | None = None) -> ActivePolicy:
        """Return the policy in force for a case that opens on a date; without it, today (UTC).

        Raises:
            PermanentSetupError: none is published, and the one that the stack names does not ship.
        """
        policies = self.policies()
        if on is None and any(rollout.since for rollout in policies.rollouts):
            on = self.clock().now("UTC").on
        return policies.for_new(on or date.max)

    def load(self, rollout: Rollout | None) -> ActivePolicy:
        """Return the policy of a publication; of None the one that ships."""
        digest = "" if rollout is None else rollout.digest
        if digest not in self._parsed:
            while len(self._parsed) >= _MOST_PARSED:
                del self._parsed[next(iter(self._parsed))]
            read = self.read(self._shipped() if rollout is None else self._published(rollout))
            self._parsed[digest] = replace(read, digest=digest)
        return self._parsed[digest]

    def kept(self, label: str, digest: str) -> ActivePolicy:
        """Return a policy by its name and version and its document's digest; by none the one that ships."""
        return self.load(Rollout(label, digest) if digest else None)

    def read(self, document: str) -> ActivePolicy:
        """Return the policy of a document, as this stack would play it."""
        fields = json.loads(document)
        fields["policy"].setdefault("agency_id", self._agency_id)
        return ActivePolicy(Policy.model_validate(fields["policy"]), fields["templates"])

    def _shipped(self) -> str:
        from arrears.policy_document import shipped_document

        return shipped_document(self._default_policy)

    def _published(self, rollout: Rollout) -> str:
        # What was published before documents were kept by their digests lies under its label.
        item = self._get("POLICIES", f"{rollout.label}#{rollout.digest}") or self._get("POLICIES", rollout.label)
        if item is None:
            raise PermanentSetupError(f"the policy {rollout.label} was published and is not there")
        document: str = item["document"]["S"]
        return document

    # --- publishing --------------------------------------------------------------------------------------------------
    def publish(
        self,
        document: str,
        label: str,
        *,
        scope: Scope = "all",
        since: date | None = None,
        by: str = "",
        why: str = "",
    ) -> Rollout:
        """Publish a policy: for all cases at once, from a date on, or only for cases that open from a date on.

        It is kept under its name and version, and under its content, whatever is published later; so is the policy that
        was played before, should it be one that ships.

        Args:
            document: the policy with its templates.
            label: its name and version.
            scope: for which cases it counts.
            since: from which date on, at the account's place.
            by: who publishes it, for the record.
            why: the reason, likewise.

        Raises:
            TransientConflictError: somebody else published at the same moment.
        """
        clock = self.clock()
        item = self._get("SETTINGS", "POLICY")
        number = 1 if item is None else int(item["number"]["N"] if "number" in item else "1") + 1
        if scope == "new_cases" and since is None:
            since = clock.now("UTC").on
        rollout = Rollout(label, _digest(document), scope, since, clock.at("UTC").isoformat())
        before = () if item is None else _rollouts(item)
        puts: list[Item] = []
        if item is None:
            before = self._keep_shipped(puts)
        # The date that has come everywhere is that of the latest zone, UTC-12.
        counting = still_counting((*before, rollout), clock.now("Etc/GMT+12").on)
        puts += [*self._documents(document, label), self._logged(number, Publication(rollout, by, why))]
        puts += [self._put("SETTINGS", "POLICY", number=number, **_counting(counting))]
        if scope == "all":
            puts.append(self._put("SETTINGS", "SWEEP", **_sweep_fields(_sweep(clock, number, since))))
        writes: list[Any] = [{"Put": {"TableName": self._table_name, "Item": each}} for each in puts]
        index = next(n for n, each in enumerate(puts) if each["sk"]["S"] == "POLICY")
        writes[index]["Put"] |= _unchanged(item)
        try:
            with translated("dynamodb:TransactWriteItems"):
                self._client.transact_write_items(TransactItems=writes)
        except PermanentActionError as refused:
            if not {"ConditionalCheckFailed", "TransactionConflict"} & set(cancellation_reasons(refused)):
                raise
            raise TransientConflictError("another policy was published at the same moment: publish again") from refused
        return rollout

    def _keep_shipped(self, puts: list[Item]) -> tuple[Rollout, ...]:
        """Keep the policy that ships and was played until now: a later release may ship another one."""
        try:
            document = self._shipped()
        except PermanentSetupError:
            return ()
        fields = json.loads(document)["policy"]
        rollout = Rollout(f"{fields['name']} {fields['version']}", _digest(document))
        puts += [*self._documents(document, rollout.label), self._logged(0, Publication(rollout))]
        return (rollout,)

    def _documents(self, document: str, label: str) -> list[Item]:
        names = (label, f"{label}#{_digest(document)}")
        return [self._put("POLICIES", name, document=document) for name in names]

    def _logged(self, number: int, each: Publication) -> Item:
        told = {name: text for name, text in (("by", each.by), ("why", each.why)) if text}
        return self._put("POLICIES", f"{_LOG}{number:06d}", rollout=_text(each.rollout), **told)

    def _put(self, pk: str, sk: str, **fields: str | int) -> Item:
        item: Item = {"pk": {"S": pk}, "sk": {"S": sk}}
        return item | {k: {"N": str(v)} if isinstance(v, int) else {"S": v} for k, v in fields.items()}

    # --- what was published before -----------------------------------------------------------------------------------
    def publications(self) -> list[Rollout]:
        """Return every policy that was published, with when and for whom; the first one first."""
        return [each.rollout for each in self.published()]

    def published(self) -> list[Publication]:
        """Return every publication there was, with who made it and why; the first one first."""
        arguments: dict[str, Any] = {
            "TableName": self._table_name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :log)",
            "ExpressionAttributeValues": {":pk": {"S": "POLICIES"}, ":log": {"S": _LOG}},
        }
        with translated("dynamodb:Query"):
            pages = self._client.get_paginator("query").paginate(**arguments)
            found = [_publication(item) for page in pages for item in page["Items"]]
        if found:
            return found
        item = self._get("SETTINGS", "POLICY")
        return [] if item is None else [Publication(rollout) for rollout in _rollouts(item)]

    def known_otherwise(self, document: str, label: str) -> bool:
        """Say whether another policy is known under a name and version, and this one is not."""
        published = [rollout for rollout in self.publications() if rollout.label == label]
        wanted: list[Rollout | None] = [*published] or [None]
        known = [self._load_if_kept(rollout) for rollout in wanted]
        new = self.read(document)
        same_label = [each for each in known if each is not None and each.policy.label == label]
        return bool(same_label) and not any(
            # One that ships has the templates that ship with it.
            each.policy == new.policy and each.templates in ({}, new.templates)
            for each in same_label
        )

    def _load_if_kept(self, rollout: Rollout | None) -> ActivePolicy | None:
        try:
            return self.load(rollout)
        except PermanentSetupError:
            return None

    def recorded(self, label: str, at: datetime) -> ActivePolicy | None:
        """Return the policy that an event of an instant names as the one it was decided under.

        None where it is not kept: a policy that shipped with an earlier release and was never published.
        """
        instant = at.astimezone(UTC).isoformat()
        published = [each for each in self.publications() if each.label == label]
        if published:
            # A clock may be set to a time before all publications.
            known = [each for each in published if each.at <= instant] or published[:1]
            return self.load(known[-1])
        shipped = self.load(None)
        return shipped if shipped.policy.label == label else None

    # --- looking at waiting cases again ------------------------------------------------------------------------------
    def sweep(self) -> Sweep | None:
        """Return which waiting cases are still to be looked at since a policy was published; None for none."""
        item = self._get("SETTINGS", "SWEEP")
        if item is None:
            return None
        fields = {name: item[name]["S"] for name in ("at", "since", "until", "after")}
        return Sweep(int(item["number"]["N"]), shard=int(item["shard"]["N"]), **fields)

    def sweep_on(self, sweep: Sweep, *, done: bool = False) -> bool:
        """Note how far a sweep has come, or that it is done; False where another publication has begun a new one."""
        write: dict[str, Any] = {
            "TableName": self._table_name,
            "ConditionExpression": "#number = :number",
            "ExpressionAttributeNames": {"#number": "number"},
            "ExpressionAttributeValues": {":number": {"N": str(sweep.number)}},
        }
        try:
            with translated("dynamodb:PutItem"):
                if done:
                    self._client.delete_item(Key={"pk": {"S": "SETTINGS"}, "sk": {"S": "SWEEP"}}, **write)
                else:
                    self._client.put_item(Item=self._put("SETTINGS", "SWEEP", **_sweep_fields(sweep)), **write)
        except PermanentActionError as refused:
            if "ConditionalCheckFailed" not in cancellation_reasons(refused):
                raise
            return False
        return True


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def _text(rollout: Rollout) -> str:
    fields = {"label": rollout.label, "digest": rollout.digest, "scope": rollout.scope, "at": rollout.at}
    return json.dumps(fields | ({"since": rollout.since.isoformat()} if rollout.since is not None else {}))


def _rollout(text: str) -> Rollout:
    fields = json.loads(text)
    since = date.fromisoformat(fields["since"]) if "since" in fields else None
    return Rollout(fields["label"], fields["digest"], fields["scope"], since, fields["at"])


def _publication(item: Item) -> Publication:
    by, why = (item[name]["S"] if name in item else "" for name in ("by", "why"))
    return Publication(_rollout(item["rollout"]["S"]), by, why)


def _counting(rollouts: Sequence[Rollout]) -> dict[str, str]:
    """Return the fields of the settings item: the newest publication, and all that count, where there are several."""
    newest = rollouts[-1]
    fields = {"label": newest.label, "digest": newest.digest}
    if rollouts == (newest,) and newest.since is None:
        return fields
    return fields | {"rollouts": json.dumps([_text(rollout) for rollout in rollouts])}


def _rollouts(item: Item) -> tuple[Rollout, ...]:
    if "rollouts" in item:
        return tuple(_rollout(text) for text in json.loads(item["rollouts"]["S"]))
    return (Rollout(item["label"]["S"], item["digest"]["S"]),)


def _unchanged(item: Item | None) -> dict[str, Any]:
    """Return the condition that the settings item is still the one that was read."""
    if item is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    if "number" not in item:
        return {
            "ConditionExpression": "attribute_not_exists(#number)",
            "ExpressionAttributeNames": {"#number": "number"},
        }
    return {
        "ConditionExpression": "#number = :number",
        "ExpressionAttributeNames": {"#number": "number"},
        "ExpressionAttributeValues": {":number": item["number"]},
    }


def _sweep(clock: Clock, number: int, since: date | None) -> Sweep:
    """Return the sweep of a publication: what waits for longer than until it counts, and waits already."""
    today = clock.now("Etc/GMT+12").on
    until = clock.now("Pacific/Kiritimati").on + LONGEST_WAIT
    return Sweep(number, clock.instant.isoformat(), (since or today).isoformat(), until.isoformat())


def _sweep_fields(sweep: Sweep) -> dict[str, str | int]:
    return {
        "number": sweep.number,
        "at": sweep.at,
        "since": sweep.since,
        "until": sweep.until,
        "shard": sweep.shard,
        "after": sweep.after,
    }
