"""What is kept beside the domain's values: when an event was recorded and under which policy, and who a person is."""

import json
from dataclasses import dataclass
from datetime import date, datetime

from arrears.domain import codec
from arrears.domain.chain import link
from arrears.domain.events import Event


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something is recorded, and under which policy it was decided.

    Attributes:
        at: the instant, with its offset; on a stack whose clock is set, noon of the set date.
        on: the business date at the account's place.
        policy: name and version of the policy; empty for a fact, which nobody decided.
    """

    at: datetime
    on: date
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as it is stored.

    Attributes:
        body: the event with its case, number, instant and policy, as canonical JSON; what the hash covers.
        previous: the hash of the event before it.
        hash: over `previous` and `body`.
    """

    body: str
    previous: str
    hash: str

    @classmethod
    def seal(cls, event: Event, case_id: str, number: int, stamp: Stamp, *, previous: str) -> "Envelope":
        """Return an event sealed to the one before it."""
        fields = {
            "at": stamp.at.isoformat(),
            "case_id": case_id,
            "event": json.loads(codec.event_to_json(event)),
            "number": number,
            "policy": stamp.policy,
        }
        body = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return cls(body, previous, link(previous, body))

    @property
    def intact(self) -> bool:
        """Whether the hash is that of the text and of the hash before it."""
        return self.hash == link(self.previous, self.body)

    @property
    def event(self) -> Event:
        """The event."""
        return codec.event_from_json(json.dumps(json.loads(self.body)["event"]))

    @property
    def number(self) -> int:
        """Its place in the case, from 1."""
        return int(json.loads(self.body)["number"])

    @property
    def at(self) -> datetime:
        """When it was recorded."""
        return datetime.fromisoformat(json.loads(self.body)["at"])

    @property
    def policy(self) -> str:
        """The policy it was decided under; empty for a fact."""
        return str(json.loads(self.body)["policy"])
