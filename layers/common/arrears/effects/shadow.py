"""What stands where the world outside is, for cases in shadow: everything is made, and nothing leaves.

The effects themselves are the same, so a template that is missing or an address that is not on file shows in shadow as
it would for real. Texts and letters are kept in the documents bucket, where the bank can read what it would have sent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from arrears.adapters.aws import Item
from arrears.effects.exports import Exports, Kind, SheetText


class NoGateway:
    """Sends no text (`ports.SmsGateway`)."""

    def has_opted_out(self, to: str) -> bool:  # noqa: ARG002 - nobody is asked
        """Say no: the network's list is not asked."""
        return False

    def send(self, to: str, text: str, max_price: Decimal | None = None) -> str:  # noqa: ARG002 - likewise
        """Send nothing."""
        return ""


class NoTasks:
    """Queues nothing (`ports.Tasks`)."""

    def send(self, *, group: str, task_id: str, body: str) -> str:  # noqa: ARG002 - nobody is told
        """Queue nothing."""
        return ""


class NoBus:
    """Tells nobody (`ports.Bus`)."""

    def put(self, kind: str, detail: Mapping[str, object]) -> str:  # noqa: ARG002 - nobody is told
        """Tell nobody."""
        return ""


class NoObjects:
    """A bucket that nothing goes into (`ports.Objects`)."""

    def put(self, key: str, body: bytes, content_type: str, notes: Mapping[str, str] | None = None) -> None:
        """Store nothing."""

    def get(self, key: str) -> bytes | None:  # noqa: ARG002 - there is nothing
        """There is nothing."""
        return None

    def notes(self, key: str) -> Mapping[str, str] | None:  # noqa: ARG002 - there is nothing
        """There is nothing."""
        return None

    def keys(self, prefix: str) -> Iterator[str]:  # noqa: ARG002 - there is nothing
        """There is nothing."""
        return iter(())

    def delete(self, key: str) -> None:
        """There is nothing."""


@dataclass(frozen=True)
class ShadowExports(Exports):
    """The days of exports, of which no row is written; who waits for the day's allocation is."""

    def writes(
        self,
        day: date,  # noqa: ARG002 - no row is written
        agency_id: str,  # noqa: ARG002
        kind: Kind,  # noqa: ARG002
        name: str,  # noqa: ARG002
        fields: Mapping[str, object],  # noqa: ARG002
        sheet: SheetText | None = None,  # noqa: ARG002
    ) -> list[Item]:
        """Return no write."""
        return []
