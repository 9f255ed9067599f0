"""The import's state machine on moto's interpreter, with the real handlers behind its tasks."""

import functools
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

from tests.support.escalation import Execution, Lambdas
from tests.support.inbox import AGENCY, INBOUND, Inbox
from tests.support.stack import ACCOUNT, REGION, Context, Stack, folders, handler_of
from tools.template import ROOT, Resolver, load, resources

if TYPE_CHECKING:
    import pytest
    from mypy_boto3_stepfunctions import SFNClient


@dataclass
class Importing:
    """The state machine, deployed, and the buckets.

    Attributes:
        pauses: what the interpreter would have slept before it tried again, in seconds.
    """

    inbox: Inbox
    client: "SFNClient"
    arn: str
    lambdas: Lambdas = field(default_factory=Lambdas)
    pauses: list[float] = field(default_factory=list)

    def start(self, detail: Mapping[str, Any]) -> Execution:
        """Start an execution the way EventBridge does, with the whole event, and let it run to its end."""
        event = {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        # moto gives an execution no name of its own.
        name = str(uuid.uuid4())
        started = self.client.start_execution(stateMachineArn=self.arn, name=name, input=json.dumps(event))
        return Execution(self.client, started["executionArn"]).rest()

    def drop(self, key: str, body: bytes) -> Execution:
        """Drop a file, and import it."""
        return self.start(self.inbox.put(key, body))

    def net(self, execution: Execution) -> Any:
        """Bring the end of an execution to report_import, if the template's rule lets it."""
        described = execution.describe()
        events = load()["Resources"]["ReportImportFunction"]["Properties"]["Events"]
        rule = events["EndedBadly"]["Properties"]["Pattern"]
        assert rule["detail"]["stateMachineArn"] == [{"Ref": "Import"}]
        told: dict[str, Any] = {
            name: described[name] for name in ("status", "input", "error", "cause") if name in described
        }
        detail: dict[str, Any] = {"executionArn": execution.arn, **told}
        assert detail["status"] in rule["detail"]["status"]
        return handler_of("report_import")({"detail-type": rule["detail-type"][0], "detail": detail}, Context())

    def sleep(self, seconds: float) -> None:
        """Stand for `time.sleep` where retries back off."""
        self.pauses.append(seconds)


@functools.cache
def _stepfunctions() -> "SFNClient":
    """One client for all tests: making one costs more than most tests do."""
    return boto3.client("stepfunctions", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


@contextmanager
def importing(stack: Stack, monkeypatch: "pytest.MonkeyPatch") -> Iterator[Importing]:
    """Deploy the state machine of the template beside a stack whose moto interprets state machines."""
    stack.physical |= {"InboundBucket": INBOUND, "AgencyBucket": AGENCY}
    properties = resources(load(), "AWS::Serverless::StateMachine")["Import"]["Properties"]
    resolver = Resolver(load(), physical=stack.physical, region=REGION, account=ACCOUNT)
    definition = (ROOT / properties["DefinitionUri"]).read_text(encoding="utf-8")
    for name, value in resolver(properties["DefinitionSubstitutions"]).items():
        definition = definition.replace(f"${{{name}}}", value)
    # moto's grammar has no Express children, and no whole number where a percentage is wanted.
    for wanted, known in (('"EXPRESS"', '"STANDARD"'), ('"ToleratedFailurePercentage": 100', r"\g<0>.0")):
        definition, found = re.subn(wanted, known, definition)
        assert found == 1, f"{wanted} is not in the definition: this is out of date"
    client = _stepfunctions()
    role = f"arn:aws:iam::{ACCOUNT}:role/import"
    arn = client.create_state_machine(name="import", definition=definition, roleArn=role)["stateMachineArn"]
    for logical_id, folder in folders().items():
        if folder.endswith(("/split_import", "/import_rows", "/report_import")):
            for name, value in stack.environment(logical_id).items():
                monkeypatch.setenv(name, value)
    made = Importing(Inbox(stack), client, arn)
    monkeypatch.setattr(lambda_eval_utils, "_invoke_lambda_function", made.lambdas.invoke)
    monkeypatch.setattr(retrier_decl, "time", made)
    yield made
