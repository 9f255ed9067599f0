"""Step Functions in memory: executions of the state machine as `infra/escalation.asl.json` describes it.

The definition is read, not written again: states, parameters by path, retries, catches, time-outs, task tokens. What
the file does not use is refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Protocol

from tests.faults.dynamo import Dynamo, Outside
from tests.support.states import client_error
from tools.template import ROOT, functions, load, resources

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:escalation"
_FORMAT = re.compile(r"States\.Format\('([^']*)', (\$[\w.$]*)\)")


class Host(Outside, Protocol):
    """The world that executions live in."""

    def at(self, when: float, what: str, then: Callable[[], None]) -> None:
        """Have something happen at a time."""
        ...

    def run(self, folder: str, event: Any, done: Callable[[Any, str | None], None]) -> None:
        """Run a function; `done` is given its answer, or the name of its error."""
        ...

    def serve(self, what: str, effect: Callable[[], Any], done: Callable[[Any, str | None], None]) -> None:
        """Have the service itself make a call, beside everything else."""
        ...

    def ended(self, name: str, status: str) -> None:
        """Be told that an execution has ended."""
        ...

    def note(self, what: str) -> None:
        """Write a line of the trace."""
        ...

    def backoff(self, longest: float) -> float:
        """Return how long a retry waits, of at most so many seconds."""
        ...


@cache
def definition() -> dict[str, Any]:
    """The state machine, with the function of each `${...}` named by its folder."""
    text = (ROOT / "infra/escalation.asl.json").read_text(encoding="utf-8")
    folders = {name: str(body["CodeUri"]).removeprefix("functions/") for name, body in functions(load()).items()}
    given = resources(load(), "AWS::Serverless::StateMachine")["Escalation"]["Properties"]["DefinitionSubstitutions"]
    for name in given:
        text = text.replace(f"${{{name}}}", folders.get(name, name))
    machine: dict[str, Any] = json.loads(text)
    return machine


@dataclass
class Execution:
    """An execution: its data, and the state it is in.

    Attributes:
        entered: raised with every state that is entered and with every try, so that what comes too late is known.
    """

    name: str
    data: Any
    started: float
    state: str = ""
    status: str = "RUNNING"
    token: str = ""
    ends_at: float = 0.0
    entered: int = 0
    tries: dict[int, int] = field(default_factory=dict)


class Machine:
    """The state machine and its executions; also the client that starts them and answers their tokens."""

    def __init__(self, host: Host, table: Dynamo) -> None:
        self._host, self._table = host, table
        self.executions: dict[str, Execution] = {}
        self._inputs: dict[str, str] = {}
        self._waiting: dict[str, Execution] = {}
        self._numbers = 0

    # --- the client --------------------------------------------------------------------------------------------------
    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: A002, N803 - AWS's own names
        assert stateMachineArn == ARN
        return self._host.call("StartExecution", lambda: self._start(name, input), throttled="ThrottlingException")

    def _start(self, name: str, given: str) -> dict[str, str]:
        known = self.executions.get(name)
        if known is not None:
            if known.status != "RUNNING" or self._inputs[name] != given:
                raise client_error("ExecutionAlreadyExists", "StartExecution")
            return {"executionArn": name}
        execution = Execution(name, json.loads(given), self._host.time)
        self.executions[name], self._inputs[name] = execution, given
        self._host.note(f"{name} starts")
        self._soon(execution, definition()["StartAt"])
        return {"executionArn": name}

    def send_task_success(self, *, taskToken: str, output: str) -> dict[str, str]:  # noqa: N803 - AWS's own names
        def effect() -> dict[str, str]:
            execution = self._waiting.pop(taskToken, None)
            if execution is None:
                raise client_error("TaskTimedOut", "SendTaskSuccess")
            self._host.note(f"{execution.name} is woken")
            self._succeeds(execution, json.loads(output))
            return {}

        return self._host.call("SendTaskSuccess", effect, throttled="ThrottlingException")

    # --- what happens to executions ----------------------------------------------------------------------------------
    def end(self, execution: Execution, status: str) -> None:
        """End an execution, by itself or from outside."""
        if execution.status == "RUNNING":
            execution.status, execution.entered = status, execution.entered + 1
            self._waiting.pop(execution.token, None)
            self._host.note(f"{execution.name} {status}")
            self._host.ended(execution.name, status)

    def is_waiting(self, execution: Execution) -> bool:
        """Say whether an execution waits with a token that can still be answered."""
        return execution.status == "RUNNING" and execution.token in self._waiting

    def _soon(self, execution: Execution, state: str) -> None:
        entered = execution.entered
        self._host.at(self._host.time, f"{execution.name}: {state}", lambda: self._enter(execution, entered, state))

    def _enter(self, execution: Execution, entered: int, state: str) -> None:
        if execution.entered != entered or execution.status != "RUNNING":
            return
        execution.state, execution.tries = state, {}
        described = definition()["States"][state]
        match described["Type"]:
            case "Task":
                self._try(execution, execution.entered)
            case "Choice":
                self._goes_on(execution, _chosen(described, execution.data))
            case "Fail":
                self.end(execution, "FAILED")
            case "Succeed":
                self.end(execution, "SUCCEEDED")
            case other:
                raise NotImplementedError(other)

    def _goes_on(self, execution: Execution, state: str) -> None:
        execution.entered += 1
        self._soon(execution, state)

    def _try(self, execution: Execution, entered: int) -> None:
        if execution.entered != entered or execution.status != "RUNNING":
            return
        execution.entered += 1
        entered = execution.entered
        described, host = definition()["States"][execution.state], self._host
        self._numbers += 1
        token = f"token-{self._numbers}"
        asked = self._asked(described["Parameters"], execution, token)
        seconds = described.get("TimeoutSeconds") or _at(described["TimeoutSecondsPath"], execution.data)
        execution.ends_at = host.time + seconds
        host.at(execution.ends_at, f"{execution.name}: time is up", lambda: self._times_out(execution, entered))

        def done(answer: Any, error: str | None) -> None:
            if execution.entered == entered and execution.status == "RUNNING":
                if error is not None:
                    self._fails(execution, error)
                else:
                    self._succeeds(execution, answer)

        resource = described["Resource"].rpartition("arn:aws:states:::")[2]
        if resource == "lambda:invoke":
            host.run(asked["FunctionName"], json.loads(json.dumps(asked["Payload"])), done)
        elif resource == "aws-sdk:dynamodb:updateItem.waitForTaskToken":
            # The token can be answered from the moment at which it is stored, before the call's own answer is there.
            self._waiting.pop(execution.token, None)
            execution.token = token
            self._waiting[token] = execution

            def stored(_answer: Any, error: str | None) -> None:
                if error is not None:
                    self._waiting.pop(token, None)
                    done(None, f"DynamoDb.{error}")

            host.serve(f"{execution.name} waits", lambda: self._table.update_item(**asked), stored)
        elif resource == "aws-sdk:sfn:startExecution":
            start = {name[0].lower() + name[1:]: value for name, value in asked.items()}
            host.serve(
                f"{execution.name} hands over",
                lambda: self.start_execution(**start),
                lambda answer, error: done(answer, None if error is None else f"Sfn.{error}"),
            )
        else:
            raise NotImplementedError(resource)

    def _times_out(self, execution: Execution, entered: int) -> None:
        if execution.entered == entered and execution.status == "RUNNING":
            self._waiting.pop(execution.token, None)
            self._fails(execution, "States.Timeout")

    def _succeeds(self, execution: Execution, answer: Any) -> None:
        self._waiting.pop(execution.token, None)
        described, data = definition()["States"][execution.state], execution.data
        result = (
            {"Payload": json.loads(json.dumps(answer))} if described["Resource"].endswith("lambda:invoke") else answer
        )
        if "ResultSelector" in described:
            result = self._asked(described["ResultSelector"], execution, "", result)
        if "ResultPath" not in described:
            data = result
        elif described["ResultPath"] is not None:
            raise NotImplementedError(described["ResultPath"])
        execution.data = _at(described.get("OutputPath", "$"), data)
        self._goes_on(execution, described["Next"])

    def _fails(self, execution: Execution, error: str) -> None:
        described = definition()["States"][execution.state]
        for number, retry in enumerate(described.get("Retry", [])):
            if _matches(retry["ErrorEquals"], error):
                tried = execution.tries.get(number, 0)
                if tried >= retry.get("MaxAttempts", 3):
                    break
                execution.tries[number] = tried + 1
                longest = retry.get("IntervalSeconds", 1) * retry.get("BackoffRate", 2) ** tried
                delay = self._host.backoff(min(longest, retry.get("MaxDelaySeconds", longest)))
                execution.entered += 1
                entered = execution.entered
                self._host.at(
                    self._host.time + delay,
                    f"{execution.name}: again after {error}",
                    partial(self._try, execution, entered),
                )
                return
        for catch in described.get("Catch", []):
            if _matches(catch["ErrorEquals"], error):
                if catch.get("ResultPath", "$") is not None:
                    assert catch["ResultPath"] == "$.error"
                    execution.data = {**execution.data, "error": {"Error": error, "Cause": ""}}
                self._goes_on(execution, catch["Next"])
                return
        self.end(execution, "FAILED")

    def _asked(self, given: Any, execution: Execution, token: str, data: Any = None) -> Any:
        data = execution.data if data is None else data
        context = {
            "Execution": {"StartTime": f"{datetime.fromtimestamp(execution.started, UTC):%Y-%m-%dT%H:%M:%S}.000Z"},
            "Task": {"Token": token},
            "StateMachine": {"Id": ARN},
        }
        return _filled(given, data, context)


def _filled(given: Any, data: Any, context: Mapping[str, Any]) -> Any:
    if not isinstance(given, dict):
        return given
    filled = {}
    for name, value in given.items():
        if not name.endswith(".$"):
            filled[name] = _filled(value, data, context)
            continue
        formatted = _FORMAT.fullmatch(value)
        if formatted is not None:
            filled[name[:-2]] = formatted[1].replace("{}", str(_at(formatted[2], data)))
        elif value.startswith("$$."):
            filled[name[:-2]] = _at(value[1:], context)
        else:
            filled[name[:-2]] = _at(value, data)
    return filled


def _at(path: str, data: Any) -> Any:
    first, *names = path.split(".")
    if first != "$":
        raise NotImplementedError(path)
    for name in names:
        data = data[name]
    return data


def _chosen(described: Mapping[str, Any], data: Any) -> str:
    for choice in described["Choices"]:
        if "IsPresent" in choice:
            chosen = (choice["Variable"].removeprefix("$.") in data) == choice["IsPresent"]
        else:
            chosen = _at(choice["Variable"], data) == choice["StringEquals"]
        if chosen:
            return str(choice["Next"])
    return str(described["Default"])


def _matches(names: list[str], error: str) -> bool:
    return error in names or "States.ALL" in names
