"""The settings items: the active policy, and the clock of a stack that is not production.

The active policy is data (`arrears policy publish`), so a new version needs no deployment; until one is published the
stack plays the policy that its parameter names, out of those that ship.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from arrears.adapters.aws import Item, translated
from arrears.domain.dates import zone
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.errors import PermanentSetupError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: No wait is longer: a stream record is gone after 24 hours, and a wake-up lost in an outage must not cost more.
LONGEST_WAIT = timedelta(days=30)


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
        seconds = max(1, ceil((latest - now).total_seconds()))
        return seconds, latest.astimezone(here).strftime("%Y-%m-%dT%H:%M")


@dataclass(frozen=True)
class ActivePolicy:
    """The policy in force, and the texts that came with it.

    Attributes:
        templates: the templates as data, as the document module writes them.
    """

    policy: Policy
    templates: dict[str, Any] = field(default_factory=dict)


class Settings:
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
        self._client, self._table_name, self._production = client, table_name, production
        self._spread = spread
        self._default_policy, self._agency_id = default_policy, agency_id
        self._parsed: tuple[str, ActivePolicy] | None = None

    def _get(self, pk: str, sk: str) -> Item | None:
        with translated("dynamodb:GetItem"):
            answer = self._client.get_item(
                TableName=self._table_name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
            )
        return answer.get("Item")

    def clock(self) -> Clock:
        """Return the clock as it stands now; that of a production stack goes by the real time, whatever is stored."""
        instant = datetime.now(UTC)
        if self._production:
            return Clock(instant, spread=self._spread)
        item = self._get("SETTINGS", "CLOCK")
        if item is None:
            return Clock(instant, spread=self._spread)
        return Clock(instant, date.fromisoformat(item["date"]["S"]), bool(item["open"]["BOOL"]))

    def set_clock(self, on: date, *, is_open: bool) -> None:
        """Set the business date of a stack that is not production.

        Raises:
            PermanentSetupError: this is a production stack.
        """
        if self._production:
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

    def active(self) -> ActivePolicy:
        """Return the policy in force. It is read and parsed again only when another one was published.

        Every invocation asks which one that is: the item that says so is small, or it would be the table's hot spot.

        Raises:
            PermanentSetupError: none is published, and the one that the stack names does not ship.
        """
        item = self._get("SETTINGS", "POLICY")
        digest = "" if item is None else item["digest"]["S"]
        if self._parsed is None or self._parsed[0] != digest:
            fields = json.loads(self._shipped() if item is None else self._published(item["label"]["S"]))
            fields["policy"].setdefault("agency_id", self._agency_id)
            self._parsed = digest, ActivePolicy(Policy.model_validate(fields["policy"]), fields["templates"])
        return self._parsed[1]

    def _shipped(self) -> str:
        from arrears.policy_document import shipped_document

        return shipped_document(self._default_policy)

    def _published(self, label: str) -> str:
        item = self._get("POLICIES", label)
        if item is None:
            raise PermanentSetupError(f"the policy {label} is active and not there")
        document: str = item["document"]["S"]
        return document

    def publish(self, document: str, label: str) -> None:
        """Make a policy document the active one; it is kept under its name and version for the record."""
        digest = hashlib.sha256(document.encode()).hexdigest()
        active = {"pk": {"S": "SETTINGS"}, "sk": {"S": "POLICY"}, "label": {"S": label}, "digest": {"S": digest}}
        kept = {"pk": {"S": "POLICIES"}, "sk": {"S": label}, "document": {"S": document}}
        with translated("dynamodb:TransactWriteItems"):
            self._client.transact_write_items(
                TransactItems=[{"Put": {"TableName": self._table_name, "Item": item}} for item in (kept, active)]
            )
