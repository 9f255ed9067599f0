"""Step Functions as far as the scan and the wake-up see it: executions are started, tokens are answered."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:arrears-escalation"


def client_error(code: str, operation: str, status: int = 400) -> ClientError:
    """An error as a service answers it."""
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@dataclass
class States:
    """Keeps what was asked of it.

    Attributes:
        started: the input of each execution, by its name.
        ended: the names of executions that have ended; such a name is blocked.
        answered: the tokens that were answered.
        errors: raised by the next calls, one each; None lets a call pass.
    """

    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    answered: list[str] = field(default_factory=list)
    errors: list[str | None] = field(default_factory=list)

    @property
    def client(self) -> "SFNClient":
        """This, as the client that it stands for."""
        return cast("SFNClient", self)

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: A002, N803 - AWS's own names
        """Start an execution; the same name and input again is harmless while it runs."""
        self._fail("StartExecution")
        known = self.started.setdefault(name, json.loads(input))
        if name in self.ended or known != json.loads(input):
            raise client_error("ExecutionAlreadyExists", "StartExecution")
        return {"executionArn": f"{stateMachineArn.replace('stateMachine', 'execution')}:{name}"}

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - AWS's own names
        """Answer a token."""
        self._fail("SendTaskSuccess")
        assert json.loads(output) == {}, "nothing is handed to the execution: it looks for itself"
        self.answered.append(taskToken)

    def _fail(self, operation: str) -> None:
        code = self.errors.pop(0) if self.errors else None
        if code is not None:
            raise client_error(code, operation)
