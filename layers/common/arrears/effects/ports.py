"""The ports: what the effects need of the world outside. `adapters/` has AWS's side of each."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Protocol

from arrears.adapters.aws import Item
from arrears.records import Envelope


class OptedOutError(Exception):
    """The number is on the network's list of those that want no texts; nothing was sent."""


class SmsGateway(Protocol):
    """Sends text messages. SNS stands behind it; a bank can put a gateway of its own there."""

    def has_opted_out(self, to: str) -> bool:
        """Say whether a number is on the network's list of those that want no texts.

        Raises:
            TransientServiceError: it cannot be known now.
        """
        ...

    def send(self, to: str, text: str, max_price: Decimal | None = None) -> str:
        """Send a text once, without repeating it.

        Args:
            to: the number in E.164 form, such as `+447700900123`.
            text: what is sent.
            max_price: the most that it may cost, in US dollars; a dearer one is not delivered.

        Returns:
            the message id.

        Raises:
            OptedOutError: the number wants no texts; it was not sent.
            UncertainError: it may have been sent.
            PermanentActionError: it was refused and not sent.
            TransientServiceError: it was certainly not sent, and may be if tried again.
        """
        ...


class Spending(Protocol):
    """What texts have cost in a month, by stage; the table has it."""

    def spent(self, month: date) -> Mapping[str, Decimal]:
        """Return what was spent in a month, by stage."""
        ...

    def add(self, month: date, stage: str, cost: Decimal, segments: int, key: str) -> Item:
        """Return the write that adds a text to its month; it goes with the confirmation. `key` spreads the writes."""
        ...

    def sent(self, message_id: str, action_id: str) -> Item:
        """Return the write that says which action a message was, so that its receipt finds the case."""
        ...


class Tasks(Protocol):
    """A queue of tasks for somebody else, in order within a group."""

    def send(self, *, group: str, task_id: str, body: str) -> str:
        """Queue a task; the same `task_id` again within five minutes is dropped by the queue itself.

        Returns:
            the message id.

        Raises:
            PermanentActionError: it was refused.
            TransientServiceError: repeating it may help and does no harm: its readers drop a task they have seen.
        """
        ...


class Bus(Protocol):
    """Tells other systems of the bank."""

    def put(self, kind: str, detail: Mapping[str, object]) -> str:
        """Put one event on the bus.

        Returns:
            the event id.

        Raises:
            PermanentActionError: it was refused.
            TransientServiceError: repeating it may help and does no harm: its readers drop an action they have seen.
        """
        ...


class Chain(Protocol):
    """The stored events of cases; the table has them."""

    def envelopes(self, case_id: str) -> Iterator[Envelope]:
        """Yield the events of a case, oldest first, each with its hash as stored."""
        ...


class Signer(Protocol):
    """Signs what agencies get.

    Attributes:
        key_id: names the key.
        algorithm: as KMS names it.
    """

    key_id: str
    algorithm: str

    def sign(self, body: bytes) -> bytes:
        """Return the signature over the SHA-256 of some bytes; the same bytes always give the same one."""
        ...

    def public_key(self) -> bytes:
        """Return the public key as PEM."""
        ...


class Objects(Protocol):
    """A bucket."""

    def put(self, key: str, body: bytes, content_type: str, notes: Mapping[str, str] | None = None) -> None:
        """Store an object, and `notes` (nothing personal) beside it. What is there already is not written again."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return an object; None when there is none."""
        ...

    def notes(self, key: str) -> Mapping[str, str] | None:
        """Return what was noted beside an object; None when there is no such object."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix, in order."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...
