"""Cases played in memory up to an action, and the world outside as plain lists."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from arrears.adapters.settings import ActivePolicy, Clock
from arrears.adapters.table import AccountRecord, CaseRecord, Table
from arrears.domain.case import Case
from arrears.domain.decide import Act, Wait, open_case
from arrears.domain.events import ActionDone, ActionPlanned, Event
from arrears.domain.facts import Call, CallOutcome, Extract
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.turn import planned, take_turn
from arrears.files.records import Profile
from arrears.records import Envelope, Stamp
from arrears.usecases.carry_out import Effect, Perform, Work
from tests.support.builders import ACCOUNT_ID, OPENS, PROFILE, SHANGHAI, account, extract, policy


class Play:
    """Plays a case from its opening with the real domain, recording its events as the table would."""

    def __init__(
        self,
        *,
        rules: Policy | None = None,
        profile: Profile = PROFILE,
        reported: Extract | None = None,
        account_id: str = ACCOUNT_ID,
    ) -> None:
        self.active = ActivePolicy(rules or policy())
        self.profile = profile
        self.facts = account(reported or extract(), account_id=account_id)
        self.on = OPENS
        opened = open_case(self.facts, self.active.policy, OPENS)
        assert opened is not None
        self.record: CaseRecord | None = None
        self.chain: list[Envelope] = []
        self.append(opened)

    @property
    def case(self) -> Case:
        assert self.record is not None
        return self.record.case

    def append(self, *events: Event) -> None:
        table = Table(None, "cases")  # type: ignore[arg-type] # nothing is sent
        stamp = Stamp(self.clock.at(SHANGHAI), self.on, self.active.policy.label)
        self.record, writes = table.appending(self.record, events, stamp)
        for write in writes[:-1]:
            item = write["Put"]["Item"]
            self.chain.append(Envelope(item["body"]["S"], item["previous"]["S"], item["hash"]["S"]))

    @property
    def clock(self) -> Clock:
        return Clock(datetime(2026, 1, 1, tzinfo=UTC), self.on)

    def envelopes(self, case_id: str) -> Iterator[Envelope]:
        assert case_id == self.case.case_id
        yield from self.chain

    def until(self, action: str, **performs: Perform) -> Work:
        """Play until an action is planned; those before it are done as `performs` says, or by doing nothing."""
        while True:
            _, events, decision = take_turn(self.case, self.active.policy, Moment(self.on))
            if events:
                self.append(*events)
            if isinstance(decision, Act):
                self.append(planned(decision, Moment(self.on)))
                if decision.action == action:
                    return self.work(decision)
                perform = performs.get(decision.action)
                effect = perform(self.work(decision)) if perform else Effect()
                self.append(ActionDone(decision.action_id, self.on, effect.reference, effect.details))
                continue
            assert isinstance(decision, Wait), decision
            assert decision.until is not None
            self.on = decision.until.on

    def work(self, act: Act | None = None) -> Work:
        assert self.record is not None
        pending = self.case.pending
        if act is None:
            assert isinstance(pending, ActionPlanned)
            act = Act(
                pending.action,
                pending.stage,
                pending.step,
                pending.action_id,
                pending.reason,
                pending.template,
                pending.agency_id,
            )
        account = AccountRecord(self.facts, version=1, profile=self.profile, open_case=self.case.case_id)
        return Work(act, self.record, account, self.active, self.clock, Moment(self.on))

    def call(self, call_id: str, result: CallOutcome, **more: Any) -> Call:
        at = datetime(self.on.year, self.on.month, self.on.day, 10, 30)  # noqa: DTZ001 - meant at the account's place
        return Call(call_id, at, self.on, more.pop("phone", "mobile"), result, **more)


# --- the world outside -----------------------------------------------------------------------------------------------
@dataclass
class Texts:
    """An SMS gateway; `fails` is raised instead of sending."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    prices: list[Decimal | None] = field(default_factory=list)
    opted_out: bool = False
    fails: Exception | None = None

    def has_opted_out(self, to: str) -> bool:
        assert to.startswith("+")
        return self.opted_out

    def send(self, to: str, text: str, max_price: Decimal | None = None) -> str:
        self.prices.append(max_price)
        if self.fails is not None:
            raise self.fails
        self.sent.append((to, text))
        return f"message-{len(self.sent)}"


@dataclass
class Queue:
    """A FIFO queue that forgets no task id."""

    bodies: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)

    def send(self, *, group: str, task_id: str, body: str) -> str:
        self.groups.append(group)
        self.bodies.setdefault(task_id, body)
        return f"message-{len(self.groups)}"


@dataclass
class Notices:
    """A bus."""

    put_events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def put(self, kind: str, detail: Mapping[str, object]) -> str:
        self.put_events.append((kind, detail))
        return f"event-{len(self.put_events)}"


@dataclass
class Folder:
    """A bucket; `written` names every object that was really written, in order."""

    objects: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def put(self, key: str, body: bytes, content_type: str, notes: Mapping[str, str] | None = None) -> None:
        assert content_type
        metadata = {**(notes or {}), "sha256": hashlib.sha256(body).hexdigest()}
        if self.metadata.get(key) != metadata:
            self.objects[key], self.metadata[key] = body, metadata
            self.written.append(key)

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def notes(self, key: str) -> Mapping[str, str] | None:
        return self.metadata.get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)
        self.metadata.pop(key, None)


def without(profile: Profile, *names: str) -> Profile:
    return replace(profile, **dict.fromkeys(names))
