"""The world that the effects reach, on moto: buckets, queues and a bus, and the real handlers to play cases with."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from arrears.adapters import aws
from arrears.adapters.s3_objects import Bucket
from arrears.domain.events import Event
from arrears.domain.facts import Extract
from arrears.files.records import Profile
from arrears.usecases.assess import Assess
from arrears.usecases.carry_out import CarryOut
from arrears.usecases.next_step import NextStep, Request
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, PROFILE, account, extract
from tests.support.stack import Context, Stack, handler_of
from tools.template import load

FUNCTIONS = {
    "SendSms": "send_sms",
    "QueueCall": "queue_call",
    "QueueLetter": "queue_letter",
    "FreezeAccount": "freeze_account",
    "PlaceWithAgency": "export_agency",
    "RecallFromAgency": "export_agency",
    "FileLegal": "export_legal",
    "WithdrawLegal": "export_legal",
    "WithdrawCalls": "queue_call",
    "LiftFreeze": "freeze_account",
}
BUCKETS = ("DocumentsBucket", "AgencyBucket", "LegalBucket")


class DiedError(BaseException):
    """The function's process is gone: nothing after this line runs, no handler and no cleanup of ours."""


@dataclass
class World:
    """A stack with what the effects reach."""

    stack: Stack
    monkeypatch: pytest.MonkeyPatch
    probe: str

    # --- playing -----------------------------------------------------------------------------------------------------
    def report(self, account_id: str = ACCOUNT_ID, *, profile: Profile = PROFILE, known: Extract | None = None) -> str:
        """Store an account; return the id of the case that opens on it."""
        self.stack.report(account(known or extract("60000.00"), account_id=account_id), profile=profile)
        return f"{account_id}-{OPENS:%Y%m%d}"

    def assess(self, case_id: str = CASE_ID) -> NextStep:
        request: Request = {"case_id": case_id, "generation": 1}
        return Assess(self.stack.table, self.stack.settings, lambda *_: None)(request)

    def invoke(self, folder: str, event: Any) -> Any:
        """Invoke a function's handler with the environment that the template gives it, and no other."""
        (logical_id,) = (
            name
            for name, body in load()["Resources"].items()
            if body.get("Properties", {}).get("CodeUri") == f"functions/{folder}"
        )
        with self.monkeypatch.context() as patch:
            for name, value in self.stack.environment(logical_id).items():
                patch.setenv(name, value)
            return handler_of(folder)(event, Context(folder))

    def act(self, step: NextStep) -> Any:
        """Carry out the action that Assess asked for."""
        return self.invoke(FUNCTIONS[step["next"]], step)

    def until(self, state: str, case_id: str = CASE_ID) -> NextStep:
        """Play a case until an action is to be done."""
        step = self.assess(case_id)
        turns = 0
        while step["next"] != state:
            turns += 1
            assert turns < 200, f"the case does not come to {state}: it is at {step['next']}"
            if step["next"] == "WaitForNews":
                self.stack.on(date.fromisoformat(step["wait"]["due"][:10]))
            else:
                self.act(step)
            step = self.assess(case_id)
        return step

    def die_before_confirming(self, step: NextStep) -> None:
        """Carry out an action whose process is killed between its effect and its confirmation."""

        def killed(*_: Any, **__: Any) -> None:
            raise DiedError

        with self.monkeypatch.context() as patch:
            patch.setattr(CarryOut, "_confirm", killed)
            with pytest.raises(DiedError):
                self.act(step)

    def close(self, day: date | None = None) -> Any:
        """Close the export day as the schedule does, or a given one."""
        return self.invoke("close_export_day", {} if day is None else {"date": day.isoformat()})

    # --- what came of it ---------------------------------------------------------------------------------------------
    @property
    def today(self) -> date:
        day = self.stack.settings.clock().set_to
        assert day is not None
        return day

    def events(self, kind: type[Event], case_id: str = CASE_ID) -> list[Any]:
        return [event for event in self.stack.events(case_id) if isinstance(event, kind)]

    def bucket(self, name: str) -> Bucket:
        return Bucket(aws.s3(), self.stack.physical[name])

    def keys(self, name: str, prefix: str = "") -> list[str]:
        return list(self.bucket(name).keys(prefix))

    def body(self, name: str, key: str) -> bytes:
        body = self.bucket(name).get(key)
        assert body is not None, f"there is no {key}"
        return body

    def manifest(self, name: str, folder: str) -> dict[str, Any]:
        """A folder's manifest, after comparing it with what lies in the folder."""
        manifest: dict[str, Any] = json.loads(self.body(name, f"{folder}manifest.json"))
        listed = {entry["key"]: entry for entry in manifest["files"]}
        signature = {f"{folder}manifest.sig"} if "signature" in manifest else set()
        assert set(listed) == set(self.keys(name, folder)) - {f"{folder}manifest.json"} - signature
        for key, entry in listed.items():
            body = self.body(name, key)
            assert (entry["bytes"], entry["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        return manifest

    def versions(self, name: str) -> int:
        """How many versions of objects were ever written to a bucket, delete markers among them."""
        answer = aws.s3().list_object_versions(Bucket=self.stack.physical[name])
        return len(answer.get("Versions", [])) + len(answer.get("DeleteMarkers", []))

    def queued(self, name: str) -> list[dict[str, Any]]:
        """Take everything off a queue."""
        url, found = self.stack.physical.get(name, name), []
        while batch := aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in batch:
                found.append(json.loads(message["Body"]))
                aws.sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def told(self) -> list[dict[str, Any]]:
        """Take everything that went over the bus."""
        return self.queued(self.probe)

    @staticmethod
    def texts() -> list[tuple[str, str]]:
        """The text messages that went out, by number."""
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.sns.models import sns_backends

        messages: dict[str, tuple[str, str]] = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sms_messages
        return list(messages.values())


def give_back() -> None:
    """Make visible again what a process that died had received."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    for queue in sqs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].queues.values():
        for message in queue._messages:
            message.visible_at = 0
        queue.pending_message_groups.clear()
