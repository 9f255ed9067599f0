"""Redrive: let what a service gave up be tried again, after its cause is gone.

What is tried again does no harm if it had been done after all: schedules and imports may run twice, readers of the task
queues drop an action id that they have seen, and to wake a case that is awake does nothing.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from arrears.adapters.dead_letters import DeadLetter, DeadLetterQueue
from arrears.adapters.table import Table
from arrears.effects.ports import Tasks
from arrears.errors import PermanentSetupError


class Again(Protocol):
    """Has something done again."""

    def __call__(self, arn: str, payload: str) -> None:
        """Invoke a function, or start an execution of a state machine, by its ARN."""
        ...


def told(letter: DeadLetter) -> tuple[str, str]:
    """Return what a dead letter was for, by ids only, and why it was given up."""
    body = _body(letter)
    if letter.group:
        task = f"{body.get('schema', 'task')} {body.get('action_id', '')}".strip()
        return task, f"its reader failed on it {letter.received or 'several'} times"
    if "TARGET_ARN" in letter.attributes:
        error = f"{letter.attributes.get('ERROR_CODE', '')}: {letter.attributes.get('ERROR_MESSAGE', '')}".strip(": ")
        return f"{_rule(letter.attributes)} for {_name(letter.attributes['TARGET_ARN'])}", error or "not told"
    context = body.get("requestContext", {})
    if "requestPayload" in body:
        error = (body.get("responsePayload") or {}).get("errorType") or context.get("condition", "not told")
        return f"an event for {_name(context.get('functionArn', ''))}", str(error)
    if "DDBStreamBatchInfo" in body:
        batch = body["DDBStreamBatchInfo"]
        return f"{batch.get('batchSize', 'some')} news of cases", str(context.get("condition", "not told"))
    if "Records" in body:
        cases = [record["dynamodb"].get("NewImage", {}).get("case_id", {}).get("S", "?") for record in body["Records"]]
        return f"news of {', '.join(cases)}", "the record could not be read (the log of wake_case says why)"
    return "a message of a kind not known here", "not told"


@dataclass(frozen=True)
class Redrive:
    """Has dead letters tried again, and takes those away that could be.

    Attributes:
        tasks: the queues that tasks go back to, by the name of their dead letters' queue.
        again: has a function or a state machine do it again.
        wake_function: the ARN or name of the function that wakes cases.
        wake_left: wakes every case whose news it has not seen; returns how many.
    """

    tasks: Mapping[str, Tasks]
    again: Again
    wake_function: str
    wake_left: Callable[[], int]

    def __call__(self, queue: DeadLetterQueue, message_ids: Sequence[str] | None) -> Iterator[tuple[DeadLetter, str]]:
        """Have letters of a queue tried again.

        Args:
            queue: whose.
            message_ids: which; None for all.

        Yields:
            each with what was done.
        """
        letters = queue.take()
        wanted = [letter for letter in letters if message_ids is None or letter.message_id in message_ids]
        queue.release(letter for letter in letters if letter not in wanted)
        for letter in wanted:
            try:
                done = self._redrive(letter)
            except Exception:
                queue.release([letter])
                raise
            queue.delete(letter)
            yield letter, done

    def _redrive(self, letter: DeadLetter) -> str:
        body = _body(letter)
        if letter.group:
            # The queue has forgotten the task's own id, or would drop it here; its readers go by the action id.
            self.tasks[letter.queue].send(group=letter.group, task_id=letter.message_id, body=letter.body)
            return "queued again"
        if "TARGET_ARN" in letter.attributes:
            self.again(letter.attributes["TARGET_ARN"], letter.body)
            return f"{_name(letter.attributes['TARGET_ARN'])} does it again"
        if "requestPayload" in body:
            function = str(body["requestContext"]["functionArn"])
            self.again(function, json.dumps(body["requestPayload"]))
            return f"{_name(function)} does it again"
        if "DDBStreamBatchInfo" in body:
            # The stream keeps its records for a day only; which case has news is in the table for good.
            return f"{self.wake_left()} cases woken"
        if "Records" in body:
            self.again(self.wake_function, letter.body)
            return "the cases are woken"
        raise PermanentSetupError(f"{letter.message_id}: nobody knows what it is for; look at it in the SQS console")


def wake_left(table: Table, answer: Callable[[str], bool]) -> int:
    """Wake every open case that waits at a version before its last; return how many waits that ended."""
    woken = 0
    for shard in range(table.shards):
        for entry in table.queued("open", shard):
            if entry.case_id is not None and 0 < entry.token_version < entry.version:
                record = table.case(entry.case_id)
                if record is not None and record.token is not None and record.token_version < record.case.version:
                    woken += answer(record.token)
    return woken


def _body(letter: DeadLetter) -> dict[str, Any]:
    try:
        body = json.loads(letter.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _rule(attributes: Mapping[str, str]) -> str:
    named = attributes.get("SCHEDULE_ARN") or attributes.get("RULE_ARN") or ""
    return f"{'schedule' if 'SCHEDULE_ARN' in attributes else 'rule'} {named.rsplit('/', 1)[-1]}".strip()


def _name(arn: str) -> str:
    """Return the name that an ARN of a function or a state machine ends with."""
    return arn.removesuffix(":$LATEST").rsplit(":", 1)[-1] or "nobody"
