"""The switches and the last scan: small settings items that operators turn and look at (`arrears.switches`)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from arrears.adapters.aws import Item, translated
from arrears.errors import PermanentActionError, PermanentSetupError
from arrears.switches import Name, Switch, Switches, Turned

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: So long may be who turns a switch and why: it is in every reason.
_LONGEST_WHY = 300


class Switchboard:
    """Reads and turns the switches.

    Args:
        client: a DynamoDB client.
        table_name: the delinquency table.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client, self._table_name = client, table_name

    def _get(self, pk: str, sk: str) -> Item | None:
        with translated("dynamodb:GetItem"):
            answer = self._client.get_item(
                TableName=self._table_name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
            )
        return answer.get("Item")

    # --- the switches ------------------------------------------------------------------------------------------------
    def switches(self) -> Switches:
        """Return the switches as they stand now. They are never kept in memory: whoever turns one is heard at once."""
        return switches_of(self._get("SETTINGS", "SWITCHES"))

    def turn(self, name: Name, *, on: bool, by: str, why: str = "", at: datetime | None = None) -> Switch:
        """Turn a switch, and keep for the record who did and why; return it as it stood or stands while it is on.

        Args:
            name: which.
            on: whether it is on from now.
            by: who turns it.
            why: the reason; needed to turn it on.
            at: when, by a clock that is set; without it, now.

        Raises:
            PermanentSetupError: it is on or off already, or nobody says who turns it on and why.
        """
        by, why = " ".join(by.split()), " ".join(why.split())
        if not by or (on and not why) or len(by + why) > _LONGEST_WHY:
            raise PermanentSetupError(f"say who turns it and why, in {_LONGEST_WHY} characters at most")
        current = getattr(self.switches(), name)
        at = at or datetime.now(UTC).replace(microsecond=0)
        turned = {"at": {"S": at.isoformat()}, "by": {"S": by}, "why": {"S": why}}
        kept = {"pk": {"S": "SWITCHES"}, "sk": {"S": f"{datetime.now(UTC).isoformat()}#{name}"}, "on": {"BOOL": on}}
        key = {"pk": {"S": "SETTINGS"}, "sk": {"S": "SWITCHES"}}
        update: Any = {"TableName": self._table_name, "Key": key, "ExpressionAttributeNames": {"#switch": name}}
        if on:
            update |= {
                "UpdateExpression": "SET #switch = :turned",
                "ExpressionAttributeValues": {":turned": {"M": turned}},
            }
        else:
            update |= {"UpdateExpression": "REMOVE #switch"}
        update["ConditionExpression"] = f"attribute_{'not_' if on else ''}exists(#switch)"
        put: Any = {"Put": {"TableName": self._table_name, "Item": kept | turned | {"name": {"S": name}}}}
        try:
            with translated("dynamodb:TransactWriteItems"):
                self._client.transact_write_items(TransactItems=[{"Update": update}, put])
        except PermanentActionError:
            if (getattr(self.switches(), name) is None) == on:
                raise
            state = f"on {current}" if current is not None else "off"
            raise PermanentSetupError(f"{name} is {state} already") from None
        return Switch(at, by, why) if current is None else current

    def turned(self) -> Iterator[Turned]:
        """Yield every turn of a switch, the last one first."""
        with translated("dynamodb:Query"):
            answer = self._client.query(
                TableName=self._table_name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": "SWITCHES"}},
                ScanIndexForward=False,
            )
        for item in answer["Items"]:
            name: Name = "pause" if item["name"]["S"] == "pause" else "shadow"
            at = datetime.fromisoformat(item["at"]["S"])
            yield Turned(name, item["on"]["BOOL"], at, item["by"]["S"], item["why"]["S"])

    # --- the last scan -----------------------------------------------------------------------------------------------
    def note_scan(self, started: int, oldest_days: int) -> None:
        """Keep when the queue was scanned last and what came of it, for whoever asks how the stack does."""
        with translated("dynamodb:PutItem"):
            self._client.put_item(
                TableName=self._table_name,
                Item={
                    "pk": {"S": "SETTINGS"},
                    "sk": {"S": "SCANNED"},
                    "at": {"S": datetime.now(UTC).isoformat(timespec="seconds")},
                    "started": {"N": str(started)},
                    "oldest_days": {"N": str(oldest_days)},
                },
            )

    def last_scan(self) -> tuple[datetime, int] | None:
        """Return when the queue was scanned last and how many executions that started; None for never."""
        item = self._get("SETTINGS", "SCANNED")
        return None if item is None else (datetime.fromisoformat(item["at"]["S"]), int(item["started"]["N"]))


def switches_of(item: Item | None) -> Switches:
    """Return the switches as an item has them; both are off where there is none."""
    stored = item or {}
    return Switches(pause=_switch(stored.get("pause")), shadow=_switch(stored.get("shadow")))


def _switch(stored: Item | None) -> Switch | None:
    if stored is None:
        return None
    turned = stored["M"]
    return Switch(datetime.fromisoformat(turned["at"]["S"]), turned["by"]["S"], turned["why"]["S"])
