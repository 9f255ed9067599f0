"""The embedded stack for tests: one for the whole session, on a port and in a folder of its own."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from arrears.adapters import aws
from arrears.domain.dates import ONE_DAY
from arrears.domain.events import Event
from arrears.domain.policy import Policy
from arrears.domain.rollout import Scope
from arrears.local.driver import Driver
from arrears.stack import Stack, connect
from tools.template import ROOT

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

STACK_PROGRAM = ROOT / "infra/local/stack.py"
#: What is waited for comes within this, or not at all; in seconds.
PATIENCE = 60.0
_CLIENTS = ("dynamodb", "s3", "sns", "sqs", "events", "stepfunctions")


def eventually(what: str, found: Callable[[], Any]) -> Any:
    """Ask again until the answer is true; return it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")


@dataclass
class Embedded:
    """A stack that is up.

    Attributes:
        folder: holds its `.local`; a command line that runs there finds it.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def up(cls, folder: Path) -> "Embedded":
        """Bring one up."""
        cls._command("up", folder)
        described = json.loads((folder / ".local/stack.json").read_text(encoding="utf-8"))
        environment = {
            "AWS_ENDPOINT_URL": described["endpoint"],
            "AWS_DEFAULT_REGION": described["region"],
            "AWS_REGION": described["region"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return cls(folder, environment)

    def down(self) -> None:
        """Take it down."""
        self._command("down", self.folder)

    @staticmethod
    def _command(command: str, folder: Path) -> None:
        program = [sys.executable, str(STACK_PROGRAM), command, "--state", str(folder / ".local")]
        subprocess.run(program, check=True, env={**os.environ, "ARREARS_LOCAL_CALLS": str(folder / "calls.jsonl")})

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return self.environment["AWS_ENDPOINT_URL"]

    # --- this process and the stack ----------------------------------------------------------------------------------
    @contextmanager
    def active(self) -> Iterator["Embedded"]:
        """Have this process's clients talk to the stack, for as long as the block runs."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
                patch.delenv(name, raising=False)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            for name, client in self._clients.items():
                patch.setattr(aws, name, lambda client=client: client)
            yield self

    @cached_property
    def _clients(self) -> dict[str, Any]:
        # Made while the environment is set, and kept: making a client costs more than most calls.
        made = {}
        for name in _CLIENTS:
            make = getattr(aws, name)
            make.cache_clear()
            made[name] = make()
            make.cache_clear()
        return made

    @cached_property
    def stack(self) -> Stack:
        """The stack as the command line sees it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            stack = connect()
        assert stack.embedded
        # Made now, while the environment is set.
        assert stack.table.name
        assert stack.settings.clock().instant.tzinfo is not None
        assert stack.functions.meta.endpoint_url == self.endpoint
        return stack

    @cached_property
    def driver(self) -> Driver:
        """Moves the business date."""
        return Driver(self.stack)

    @property
    def s3(self) -> "S3Client":
        """Its S3."""
        client: S3Client = self._clients["s3"]
        return client

    @property
    def states(self) -> "SFNClient":
        """Its Step Functions."""
        client: SFNClient = self._clients["stepfunctions"]
        return client

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """Its CloudWatch Logs."""
        return boto3.client("logs")

    @contextmanager
    def playing(self, rules: Mapping[str, Any], scope: Scope = "all") -> Iterator[None]:
        """Play a policy of a test's own, and afterwards the one before."""
        client, name = self.stack.table.client, self.stack.table.name
        key = {"pk": {"S": "SETTINGS"}, "sk": {"S": "POLICY"}}
        before = client.get_item(TableName=name, Key=key).get("Item")
        label = Policy.model_validate(rules).label
        self.stack.settings.publish(json.dumps({"policy": rules, "templates": {}}), label, scope=scope)
        yield
        if before is None:
            client.delete_item(TableName=name, Key=key)
        else:
            client.put_item(TableName=name, Item=before)

    def arrears(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the command line in the stack's folder."""
        command = [sys.executable, "-m", "arrears.cli", *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    @cached_property
    def resources(self) -> dict[str, str]:
        """What each resource of the template is called, by its logical id."""
        name = json.loads((self.folder / ".local/stack.json").read_text(encoding="utf-8"))["stack"]
        with self.active():
            pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
            return {
                resource["LogicalResourceId"]: resource["PhysicalResourceId"]
                for page in pages
                for resource in page["StackResourceSummaries"]
            }

    # --- dates -------------------------------------------------------------------------------------------------------
    @property
    def today(self) -> date:
        """The business date."""
        on = self.stack.settings.clock().set_to
        assert on is not None
        return on

    def advance(self, days: int = 1) -> date:
        """Play some days; the business date after them."""
        self.driver.advance(self.today + days * ONE_DAY)
        return self.today

    # --- files -------------------------------------------------------------------------------------------------------
    def drop(self, key: str, content: bytes | str) -> None:
        """Put a file into the inbound bucket, or an agency's into its own."""
        output = "AgencyBucket" if key.startswith("agency_id=") else "InboundBucket"
        body = content.encode() if isinstance(content, str) else content
        self.s3.put_object(Bucket=self.stack.output(output), Key=key, Body=body)

    def imported(self, key: str) -> dict[str, Any]:
        """Wait until the file is taken in; its report."""
        self.driver.wait_for_files()
        output = "AgencyBucket" if key.startswith("agency_id=") else "InboundBucket"
        report: dict[str, Any] = json.loads(self.read(output, f"reports/{key}.json"))
        return report

    def keys(self, output: str, prefix: str = "") -> list[str]:
        """The keys in a bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.output(output), Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, output: str, key: str) -> bytes:
        """An object's content."""
        return self.s3.get_object(Bucket=self.stack.output(output), Key=key)["Body"].read()

    # --- what happened -----------------------------------------------------------------------------------------------
    def events(self, case_id: str) -> list[Event]:
        """The events of a case."""
        return [envelope.event for envelope in self.stack.table.envelopes(case_id)]

    def ask(self, path: str) -> Any:
        """What the server itself tells, below its endpoint."""
        with urllib.request.urlopen(f"{self.endpoint}{path}", timeout=30) as answer:  # noqa: S310 - of this very stack
            return json.load(answer)

    def texts(self) -> dict[str, list[str]]:
        """The text messages that went out, by number."""
        sent = self.ask("/_ministack/sns/sms-messages")["sms_messages"]
        return {number: [text["Message"] for text in texts] for number, texts in sent.items()}

    def queued(self, output: str) -> list[dict[str, Any]]:
        """The messages in a queue; nobody takes them out."""
        found: list[dict[str, Any]] = []
        for regions in self.ask("/_ministack/sqs/messages")["messages"].values():
            for queues in regions.values():
                for url, messages in queues.items():
                    if url == self.stack.output(output):
                        found += [json.loads(message["Body"]) for message in messages]
        return found

    def execution(self, name: str) -> Any:
        """An execution of the escalation, by its name."""
        arn = self.stack.output("EscalationArn").replace(":stateMachine:", ":execution:") + f":{name}"
        return self.states.describe_execution(executionArn=arn)

    def history(self, arn: str) -> list[dict[str, Any]]:
        """An execution's whole history."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=arn)
        return [dict(event) for page in pages for event in page["events"]]

    def executions(self, output: str) -> list[str]:
        """The executions of a state machine, map runs left out."""
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.stack.output(output))
        return [execution["executionArn"] for page in pages for execution in page["executions"]]


def csv_file(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file without quoting, for cells that need none."""
    return "".join(",".join(map(str, row)) + "\n" for row in (columns, *rows))
