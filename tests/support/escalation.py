"""The real state machine on moto's interpreter, with the real handlers behind its tasks.

Lambda is played in this process: a task's function is looked up by the name that the template gives it, its handler is
called with the payload, and what it raises is told by class name, as Lambda does it. Retries back off in no time.
"""

import contextlib
import functools
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

from arrears.domain.events import Event
from arrears.local.driver import time_is_up
from arrears.usecases.next_step import execution_name
from tests.support.builders import CASE_ID, OPENS
from tests.support.outside import Outside
from tests.support.stack import ACCOUNT, REGION, Context, Stack, folders, handler_of
from tools.template import ROOT, Resolver, load, resources

if TYPE_CHECKING:
    import pytest
    from mypy_boto3_stepfunctions import SFNClient

#: No test waits longer for anything, in seconds.
PATIENCE = 20.0
#: Errors of the service itself come as an answer of its API, and not as an error of the function.
_SERVICE = "Lambda."


class DiedError(BaseException):
    """The function's process is gone."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one invocation.

    Attributes:
        error: the error's name, as Step Functions gets it.
        after: whether the function has run by then; its answer is lost.
    """

    error: str
    after: bool = False


@dataclass
class Lambdas:
    """Lambda, as Step Functions sees it.

    Attributes:
        faults: by folder, what goes wrong with its next invocations; None lets one pass.
        then: by folder, run once after its next invocation and before its answer arrives.
        calls: the folders that were invoked, in order.
    """

    faults: dict[str, list[Fault | None]] = field(default_factory=dict)
    then: dict[str, Callable[[], object]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {}

    def invoke(self, parameters: dict[str, Any], **_where: Any) -> dict[str, Any]:
        """Invoke a function for the interpreter."""
        folder = folders()[parameters["FunctionName"].rpartition(":")[2]].removeprefix("functions/")
        self.calls.append(folder)
        faults = self.faults.get(folder)
        fault = faults.pop(0) if faults else None
        if fault is not None and not fault.after:
            return _failed(fault.error)
        outcome = self._run(folder, json.loads(parameters["Payload"]))
        if folder in self.then:
            self.then.pop(folder)()
        return _failed(fault.error) if fault is not None else outcome

    def _run(self, folder: str, payload: Any) -> dict[str, Any]:
        if folder not in self._handlers:
            self._handlers[folder] = handler_of(folder)
        try:
            answered = self._handlers[folder](payload, Context(folder))
        except DiedError:
            return _failed("Runtime.ExitError")
        except Exception as error:  # noqa: BLE001 - Lambda passes on whatever a handler raises
            return _failed(type(error).__name__, str(error))
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": json.loads(json.dumps(answered))}


def _failed(error: str, text: str = "") -> dict[str, Any]:
    if error.startswith(_SERVICE) and error != "Lambda.Unknown":
        answer_: Any = {
            "Error": {"Code": error.removeprefix(_SERVICE), "Message": "no"},
            "ResponseMetadata": {"HTTPStatusCode": 500, "RequestId": "r"},
        }
        raise ClientError(answer_, "Invoke")
    return {
        "StatusCode": 200,
        "FunctionError": "Unhandled",
        "Payload": {"errorType": error, "errorMessage": text, "stackTrace": []},
    }


class Waits:
    """Counts the waits that have begun, by execution, and tells whoever looks for the next one."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}
        self._changed = threading.Condition()

    def begins(self, execution: str) -> None:
        """An execution has stored its token."""
        with self._changed:
            self._begun[execution] = self._begun.get(execution, 0) + 1
            self._changed.notify_all()

    def begun(self, execution: str) -> int:
        """How many waits of an execution have begun."""
        return self._begun.get(execution, 0)

    def watch(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something to come true that is most likely the beginning of a wait."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not condition():
                assert time.monotonic() < deadline, f"not within {PATIENCE} seconds: {what}"
                self._changed.wait(0.01)


@dataclass
class Execution:
    """An execution, and what can be read off the console of it."""

    client: "SFNClient"
    arn: str
    waits: Waits = field(default_factory=Waits)
    seen: int = 0

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED ..."""
        return str(_played(self.arn).status)

    def describe(self) -> dict[str, Any]:
        """The execution as the service describes it."""
        return {**self.client.describe_execution(executionArn=self.arn)}

    def history(self) -> list[dict[str, Any]]:
        """Its events."""
        events: list[dict[str, Any]] = []
        for page in self.client.get_paginator("get_execution_history").paginate(executionArn=self.arn):
            events += [{**event} for event in page["events"]]
        return events

    def path(self) -> list[str]:
        """The states it entered, in order: one state transition each."""
        return [
            event["stateEnteredEventDetails"]["name"] for event in self.history() if "StateEntered" in event["type"]
        ]

    def turns(self) -> list[list[str]]:
        """The same, cut into turns: each ends with a wait, but for the last."""
        turns: list[list[str]] = [[]]
        for name in self.path():
            if turns[-1][-1:] == ["WaitForNews"]:
                turns.append([])
            turns[-1].append(name)
        return turns

    def rest(self) -> "Execution":
        """Let it run until it stands in its next wait, or has ended."""
        self.waits.watch(lambda: self.waits.begun(self.arn) > self.seen or self.status != "RUNNING", self.arn)
        self.seen = self.waits.begun(self.arn)
        return self

    def end(self) -> str:
        """Let it run to its end; return how it ended."""
        self.waits.watch(lambda: self.status != "RUNNING", f"the end of {self.arn}")
        return self.status


def _played(arn: str) -> Any:
    """An execution as moto plays it."""
    return stepfunctions_parser_backends[ACCOUNT][REGION].describe_execution(arn)


@dataclass
class Escalation:
    """A deployed stack in small: the state machine, the functions, the stream, the net, and the world outside.

    Attributes:
        pauses: what the interpreter would have slept before it tried again, in seconds.
        refusals: by API action, errors that the SDK integrations get; None lets a call pass.
    """

    stack: Stack
    client: "SFNClient"
    arn: str
    outside: Outside
    waits: Waits = field(default_factory=Waits)
    lambdas: Lambdas = field(default_factory=Lambdas)
    pauses: list[float] = field(default_factory=list)
    refusals: dict[str, list[str | None]] = field(default_factory=dict)

    # --- executions --------------------------------------------------------------------------------------------------
    def start(self, case_id: str = CASE_ID, generation: int = 1) -> Execution:
        """Start an execution the way the scan does."""
        started = self.client.start_execution(
            stateMachineArn=self.arn,
            name=execution_name(case_id, generation),
            input=json.dumps({"case_id": case_id, "generation": generation}, separators=(",", ":")),
        )
        return Execution(self.client, started["executionArn"], self.waits)

    def executions(self) -> list[Execution]:
        """All executions, oldest first."""
        listed = self.client.list_executions(stateMachineArn=self.arn)["executions"]
        found = sorted(listed, key=lambda one: (one["startDate"], one["name"]))
        return [Execution(self.client, one["executionArn"], self.waits) for one in found]

    @staticmethod
    def functions(states: Iterable[str]) -> list[str]:
        """The folders of the functions that some task states invoke, as template and state machine name them."""
        properties = resources(load(), "AWS::Serverless::StateMachine")["Escalation"]["Properties"]
        definition = json.loads((ROOT / properties["DefinitionUri"]).read_text(encoding="utf-8"))
        names = [definition["States"][state]["Parameters"]["FunctionName"].strip("${}") for state in states]
        logical_ids = [properties["DefinitionSubstitutions"][name]["Fn::GetAtt"][0] for name in names]
        return [folders()[logical_id].removeprefix("functions/") for logical_id in logical_ids]

    def invoke(self, folder: str, event: Any) -> Any:
        """Invoke a function that is no task: as a schedule, a rule or the stream does."""
        return handler_of(folder)(event, Context(folder))

    def abort(self, execution: Execution) -> None:
        """Stop an execution from outside. moto notices only when the wait is over, and calls it failed."""
        self.waits.watch(lambda: _played(execution.arn).exec_worker.env is not None, f"the start of {execution.arn}")
        self.client.stop_execution(executionArn=execution.arn)
        for endpoint in _played(execution.arn).exec_worker.env.callback_pool_manager._pool.values():
            endpoint.interrupt_all()

    # --- what happens ------------------------------------------------------------------------------------------------
    def news(self, *events: Event, on: date = OPENS, case_id: str = CASE_ID) -> None:
        """Let news come in, and the stream bring it to whoever waits."""
        before = self.stack.case(case_id).case.version
        self.stack.news(case_id, *events, on=on)
        self.stream(case_id, before)

    def stream(self, case_id: str, after: int) -> None:
        """Bring the events of a case behind a number to wake_case, as far as the template's filter lets them."""
        records = self.records(case_id, after)
        if records:
            assert self.invoke("wake_case", {"Records": records}) == {"batchItemFailures": []}

    def records(self, case_id: str, after: int) -> list[dict[str, Any]]:
        """The stream's records of the events of a case behind a number that the template's filter lets through."""
        records = []
        for number in range(after + 1, self.stack.case(case_id).case.version + 1):
            item = self.stack.item(f"ACCOUNT#{case_id[:-9]}", f"EVENT#{case_id}#{number:06d}")
            if item is not None and item.get("wakes") == {"BOOL": True}:
                records.append({"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(number), "NewImage": item}})
        return records

    def advance(self, to: date, case_id: str = CASE_ID) -> None:
        """Let the business date be another one, and end the wait that falls due by then."""
        self.stack.on(to)
        record = self.stack.case(case_id)
        assert record.token is not None, "no execution waits"
        assert record.due is not None
        assert record.due[:10] <= to.isoformat(), f"it waits until {record.due}"
        assert time_is_up(self.client, record.token)

    def net(self, execution: Execution, status: str = "") -> Any:
        """Bring the end of an execution to recover_case, if the template's rule lets it."""
        described = execution.describe() | ({"status": status} if status else {})
        rule = load()["Resources"]["RecoverCaseFunction"]["Properties"]["Events"]["EndedBadly"]["Properties"]["Pattern"]
        assert described["status"] in rule["detail"]["status"]
        detail = {"status": described["status"], "input": described["input"], "executionArn": execution.arn}
        return self.invoke("recover_case", {"detail-type": rule["detail-type"][0], "detail": detail})

    def scan(self) -> Any:
        """Scan once."""
        return self.invoke("scan_delinquencies", {})


@contextlib.contextmanager
def deployed(stack: Stack, monkeypatch: "pytest.MonkeyPatch") -> Iterator[Escalation]:
    """Deploy the state machine of the template beside a stack whose moto interprets state machines."""
    outside = Outside(stack)
    properties = resources(load(), "AWS::Serverless::StateMachine")["Escalation"]["Properties"]
    resolver = Resolver(load(), physical=stack.physical, region=REGION, account=ACCOUNT)
    definition = (ROOT / properties["DefinitionUri"]).read_text(encoding="utf-8")
    for name, value in resolver(properties["DefinitionSubstitutions"]).items():
        definition = definition.replace(f"${{{name}}}", value)
    assert "${" not in definition
    monkeypatch.setattr(AmazonStateLanguageParser, "parse", _parse_once)
    client = boto3.client("stepfunctions", region_name=REGION)
    role = f"arn:aws:iam::{ACCOUNT}:role/escalation"
    arn = client.create_state_machine(name="escalation", definition=definition, roleArn=role)["stateMachineArn"]
    stack.physical["Escalation"] = arn
    for logical_id in folders():
        for name, value in stack.environment(logical_id).items():
            monkeypatch.setenv(name, value)

    escalation = Escalation(stack, client, arn, outside)
    monkeypatch.setattr(lambda_eval_utils, "_invoke_lambda_function", escalation.lambdas.invoke)
    monkeypatch.setattr(retrier_decl, "time", _Clock(escalation.pauses))
    _watch_integrations(escalation, monkeypatch)
    yield escalation
    for execution in escalation.executions():
        if execution.status == "RUNNING":
            escalation.abort(execution)
    for thread in TMP_THREADS:
        thread.join(PATIENCE)
    TMP_THREADS.clear()


_parse = AmazonStateLanguageParser.parse


@functools.cache
def _parse_once(definition: str) -> Any:
    """Parse a state machine, once for all tests; what is parsed keeps no state of an execution."""
    return _parse(definition)


class _Clock:
    """Stands for `time` where retries back off."""

    def __init__(self, pauses: list[float]) -> None:
        self._pauses = pauses

    def sleep(self, seconds: float) -> None:
        """Note a pause, and do not make it."""
        self._pauses.append(seconds)


def _watch_integrations(escalation: Escalation, monkeypatch: "pytest.MonkeyPatch") -> None:
    """Let the calls that the state machine makes itself fail on demand, and see its waits begin."""
    integration = state_task_service_aws_sdk.StateTaskServiceAwsSdk
    call = integration._eval_service_task

    def watched(self: Any, env: Any, normalised_parameters: dict[str, Any], **named: Any) -> None:
        action = self._get_boto_service_action()
        errors = escalation.refusals.get(action)
        code = errors.pop(0) if errors else None
        if code is not None:
            answer_: Any = {
                "Error": {"Code": code, "Message": "no"},
                "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "r"},
            }
            raise type(code, (ClientError,), {})(answer_, action)
        if action == "start_execution":
            # Step Functions writes every name with a capital; moto does not put it into the service's own case.
            normalised_parameters = {name[0].lower() + name[1:]: one for name, one in normalised_parameters.items()}
        call(self, env, normalised_parameters=normalised_parameters, **named)
        if action == "update_item":
            escalation.waits.begins(env.states.context_object.context_object_data["Execution"]["Id"])

    monkeypatch.setattr(integration, "_eval_service_task", watched)
