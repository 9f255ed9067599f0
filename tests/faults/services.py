"""SQS, SNS, S3, EventBridge and KMS in memory, at the level of boto3's clients."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.dynamo import Outside
from tests.support.states import client_error

#: For so long a FIFO queue drops a second message of the same deduplication id, in seconds (SQS Developer Guide).
REMEMBERED = 300.0
Told = Callable[..., None]


@dataclass
class _Message:
    body: str
    group: str
    handle: str
    visible_at: float


@dataclass
class Queues:
    """SQS: FIFO queues that drop what they have seen in the last five minutes, and give again what is not deleted."""

    outside: Outside
    told: Told
    _queues: dict[str, list[_Message]] = field(default_factory=dict)
    _seen: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    _number: int = 0

    def send_message(self, **asked: Any) -> dict[str, str]:
        return self.outside.call("SendMessage", lambda: self._send(asked), throttled="ThrottlingException")

    def _send(self, asked: dict[str, Any]) -> dict[str, str]:
        url, now = asked["QueueUrl"], self.outside.time
        unique = asked.get("MessageDeduplicationId")
        if unique is not None:
            at, known = self._seen.get((url, unique), (-REMEMBERED, ""))
            if now - at < REMEMBERED:
                return {"MessageId": known}
        self._number += 1
        message_id = f"message-{self._number}"
        if unique is not None:
            self._seen[url, unique] = now, message_id
        group = asked.get("MessageGroupId", "")
        self._queues.setdefault(url, []).append(_Message(asked["MessageBody"], group, message_id, now))
        self.told(url, asked["MessageBody"])
        return {"MessageId": message_id}

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        return self.outside.call("ReceiveMessage", lambda: self._receive(asked), throttled="ThrottlingException")

    def _receive(self, asked: dict[str, Any]) -> dict[str, Any]:
        now, closed = self.outside.time, set[str]()
        found: list[dict[str, str]] = []
        for message in self._queues.get(asked["QueueUrl"], []):
            # One of a group that somebody has holds up those behind it.
            if message.visible_at > now:
                closed.add(message.group)
            elif message.group not in closed and len(found) < asked["MaxNumberOfMessages"]:
                message.visible_at = now + asked["VisibilityTimeout"]
                found.append({"Body": message.body, "ReceiptHandle": message.handle})
        return {"Messages": found} if found else {}

    def delete_message_batch(self, **asked: Any) -> dict[str, Any]:
        gone = {entry["ReceiptHandle"] for entry in asked["Entries"]}

        def effect() -> dict[str, Any]:
            queue = self._queues.get(asked["QueueUrl"], [])
            queue[:] = [message for message in queue if message.handle not in gone]
            return {}

        return self.outside.call("DeleteMessageBatch", effect, throttled="ThrottlingException")


@dataclass
class Texts:
    """SNS, which knows no key: what is published twice is sent twice. Its client makes one attempt."""

    outside: Outside
    told: Told
    logged: Told = lambda *_: None  # told the message's id, as the log of deliveries names it
    _number: int = 0

    def check_if_phone_number_is_opted_out(self, **asked: Any) -> dict[str, bool]:
        assert asked["phoneNumber"]
        return self.outside.call("CheckIfPhoneNumberIsOptedOut", lambda: {"isOptedOut": False}, throttled="Throttling")

    def publish(self, **asked: Any) -> dict[str, str]:
        def effect() -> dict[str, str]:
            self._number += 1
            self.told(asked["PhoneNumber"], asked["Message"])
            self.logged(f"text-{self._number}")
            return {"MessageId": f"text-{self._number}"}

        return self.outside.call("Publish", effect, throttled="Throttling", once=True)


@dataclass
class Bus:
    """EventBridge: takes an event as often as it is put."""

    outside: Outside
    told: Told
    _number: int = 0

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's own names
        def effect() -> dict[str, Any]:
            self._number += 1
            (entry,) = Entries
            self.told(entry["DetailType"], json.loads(entry["Detail"]))
            return {"FailedEntryCount": 0, "Entries": [{"EventId": f"event-{self._number}"}]}

        return self.outside.call("PutEvents", effect, throttled="ThrottlingException")


@dataclass
class Buckets:
    """S3: what was written is read at once, and lists are in order."""

    outside: Outside
    told: Told
    objects: dict[tuple[str, str], tuple[bytes, dict[str, str]]] = field(default_factory=dict)

    def put_object(self, **asked: Any) -> dict[str, str]:
        def effect() -> dict[str, str]:
            where = asked["Bucket"], asked["Key"]
            if asked.get("IfNoneMatch") == "*" and where in self.objects:
                raise client_error("PreconditionFailed", "PutObject", 412)
            self.objects[where] = asked["Body"], dict(asked.get("Metadata", {}))
            self.told(*where, asked["Body"])
            return {}

        return self.outside.call("PutObject", effect, throttled="SlowDown")

    def _found(self, bucket: str, key: str, operation: str) -> tuple[bytes, dict[str, str]]:
        found = self.objects.get((bucket, key))
        if found is None:
            raise client_error("NoSuchKey", operation, 404)
        return found

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - AWS's own names
        def effect() -> dict[str, Any]:
            return {"Body": io.BytesIO(self._found(Bucket, Key, "GetObject")[0])}

        return self.outside.call("GetObject", effect, throttled="SlowDown")

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - AWS's own names
        def effect() -> dict[str, Any]:
            return {"Metadata": dict(self._found(Bucket, Key, "HeadObject")[1])}

        return self.outside.call("HeadObject", effect, throttled="SlowDown")

    def list_objects_v2(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:  # noqa: N803 - AWS's own names
        def effect() -> dict[str, Any]:
            keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
            return {"Contents": [{"Key": key} for key in keys]}

        return self.outside.call("ListObjectsV2", effect, throttled="SlowDown")

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - AWS's own names
        def effect() -> dict[str, Any]:
            self.objects.pop((Bucket, Key), None)
            return {}

        return self.outside.call("DeleteObject", effect, throttled="SlowDown")


@dataclass
class Keys:
    """KMS: signs."""

    outside: Outside

    def sign(self, **asked: Any) -> dict[str, bytes]:
        return self.outside.call(
            "Sign", lambda: {"Signature": hashlib.sha256(asked["Message"]).digest()}, throttled="ThrottlingException"
        )

    def get_public_key(self, **asked: Any) -> dict[str, bytes]:
        assert asked["KeyId"]
        return self.outside.call("GetPublicKey", lambda: {"PublicKey": b"key"}, throttled="ThrottlingException")
