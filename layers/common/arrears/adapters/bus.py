"""The custom event bus on which other systems of the bank listen."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from arrears.adapters.aws import TRANSIENT, translated
from arrears.errors import PermanentActionError, TransientServiceError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

#: The source of every event of ours; rules match on it.
SOURCE = "arrears"


class EventBus:
    """Puts events on a bus. EventBridge knows no idempotency key: each detail carries its action id."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client, self._name = client, name

    def put(self, kind: str, detail: Mapping[str, object]) -> str:
        """Put one event; see `effects.ports.Bus`. A call that succeeds can still have failed for its one entry."""
        entry = {
            "Source": SOURCE,
            "DetailType": kind,
            "Detail": json.dumps(detail, ensure_ascii=False, sort_keys=True),
            "EventBusName": self._name,
        }
        with translated("events:PutEvents"):
            answer = self._client.put_events(Entries=[entry])  # type: ignore[list-item] # keys are the literal ones
        result = answer["Entries"][0]
        if answer["FailedEntryCount"]:
            code = result.get("ErrorCode", "")
            if code in TRANSIENT or code.startswith("Internal"):
                raise TransientServiceError(f"events:PutEvents: {code}")
            raise PermanentActionError(f"events:PutEvents: {code}")
        return result["EventId"]
