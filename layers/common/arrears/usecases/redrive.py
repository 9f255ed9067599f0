"""Redrive: let what a service gave up be tried again, after its cause is gone.

What is tried again does no harm if it had been done after all: schedules and imports may run twice, readers of the task
queues drop an action id that they have seen, and to wake a case that is awake does nothing.

A call or a letter is not handed over while what goes out is stopped, nor when its case has taken it back: in the order
of its queue it would come behind the message that takes it back.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, Protocol

from arrears.adapters.dead_letters import DeadLetter, DeadLetterQueue
from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.effects.ports import Tasks
from arrears.errors import ArrearsError

#: The schemas of what lies in the task queues (`effects.queue_call`, `queue_letter`, `withdraw_calls`).
CALL: Final = "call-task-1"
LETTER: Final = "letter-task-1"
WITHDRAWAL: Final = "call-withdrawal-1"
_UNKNOWN: Final = "nobody knows what it is for; look at it in the SQS console"


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
class Tried:
    """What became of a dead letter.

    Attributes:
        outcome: `again`, it is tried again; `dropped`, it has become pointless and is taken away; `left`, it stays.
        what: for the operator.
    """

    letter: DeadLetter
    outcome: Literal["again", "dropped", "left"]
    what: str


@dataclass(frozen=True)
class Redrive:
    """Has dead letters tried again, and takes those away that could be.

    Attributes:
        tasks: the queues that tasks go back to, by the name of their dead letters' queue.
        again: has a function or a state machine do it again.
        wake_function: the ARN or name of the function that wakes cases.
        answer: ends the wait of a task token; False when it had ended already.
    """

    table: Table
    settings: Settings
    tasks: Mapping[str, Tasks]
    again: Again
    wake_function: str
    answer: Callable[[str], bool]

    def __call__(self, queue: DeadLetterQueue, message_ids: Collection[str] | None) -> Iterator[Tried]:
        """Have letters of a queue tried again, ten at a time; one that cannot be keeps no other back.

        Args:
            queue: whose.
            message_ids: which; None for all.

        Yields:
            each with what became of it.
        """
        kept: list[str] = []
        wanted = None if message_ids is None else set(message_ids)
        # One look at all cases is enough for all news that were dead when it began.
        wake_left = cache(lambda: wake_left_behind(self.table, self.answer))
        try:
            for batch in queue.batches():
                asked = [letter for letter in batch if wanted is None or letter.message_id in wanted]
                kept += [letter.handle for letter in batch if letter not in asked]
                for letter in asked:
                    tried = self._try(queue, letter, wake_left)
                    if tried.outcome == "left":
                        kept.append(letter.handle)
                    yield tried
                if wanted is not None:
                    wanted -= {letter.message_id for letter in asked}
                    if not wanted:
                        return
        finally:
            queue.release(kept)

    def _try(self, queue: DeadLetterQueue, letter: DeadLetter, wake_left: Callable[[], int]) -> Tried:
        try:
            tried = self._task(letter) if letter.group else self._redrive(letter, wake_left)
            if tried.outcome != "left":
                queue.delete(letter)
        except ArrearsError as error:
            return Tried(letter, "left", str(error))
        return tried

    def _redrive(self, letter: DeadLetter, wake_left: Callable[[], int]) -> Tried:
        body = _body(letter)
        if "TARGET_ARN" in letter.attributes:
            self.again(letter.attributes["TARGET_ARN"], letter.body)
            return Tried(letter, "again", f"{_name(letter.attributes['TARGET_ARN'])} does it again")
        function = str((body.get("requestContext") or {}).get("functionArn", ""))
        if "requestPayload" in body and function:
            self.again(function, json.dumps(body["requestPayload"]))
            return Tried(letter, "again", f"{_name(function)} does it again")
        if "DDBStreamBatchInfo" in body:
            # The stream keeps its records for a day only; which case has news is in the table for good.
            return Tried(letter, "again", f"{wake_left()} cases woken")
        if "Records" in body:
            self.again(self.wake_function, letter.body)
            return Tried(letter, "again", "the cases are woken")
        return Tried(letter, "left", _UNKNOWN)

    def _task(self, letter: DeadLetter) -> Tried:
        """Give a task back to its queue, unless nobody should carry it out any more, or now."""
        task = _body(letter)
        if str(task.get("schema")) not in (CALL, LETTER, WITHDRAWAL) or letter.queue not in self.tasks:
            return Tried(letter, "left", _UNKNOWN)
        # What takes back goes on whatever the switches say: it is for the cardholder.
        tried = None if task["schema"] == WITHDRAWAL else self._not_now(letter, task)
        if tried is not None:
            return tried
        # The queue has forgotten the task's own id, or would drop it here; its readers go by the action id.
        self.tasks[letter.queue].send(group=letter.group, task_id=letter.message_id, body=letter.body)
        return Tried(letter, "again", "queued again")

    def _not_now(self, letter: DeadLetter, task: Mapping[str, Any]) -> Tried | None:
        """Return why a call or a letter is not handed over; None for one that may be."""
        case_id, action_id = str(task.get("case_id")), str(task.get("action_id"))
        record, _, items = self.table.with_settings(case_id, self.settings.names())
        if record is None:
            return Tried(letter, "left", f"there is no case {case_id}")
        clock, _, switches = self.settings.standing(items)
        case = record.case
        done = next((each for each in case.done if each.action_id == action_id), None)
        if done is None and (case.pending is None or case.pending.action_id != action_id):
            return Tried(letter, "left", f"the record of {case_id} does not have it")
        if done is not None and done.withdrawn_on is not None:
            return Tried(letter, "dropped", f"it was taken back on {done.withdrawn_on}")
        # A letter of such a case is taken out by the day's mail, which puts that on the record.
        if task["schema"] == CALL and not case.is_open:
            return Tried(letter, "dropped", f"the case is closed: {case.closed_reason}")
        on = clock.now(case.account.timezone).on
        if task["schema"] == CALL and done is not None and case.result_of(done, on) is not None:
            return Tried(letter, "dropped", "its result is on file")
        held = switches.holds(shadow_case=case.shadow)
        return None if held is None else Tried(letter, "left", f"stays here: {held}")


def wake_left_behind(table: Table, answer: Callable[[str], bool]) -> int:
    """Wake every open case that waits at a version before its last; return how many waits that ended."""
    woken = 0
    for shard in range(table.shards):
        behind = (
            entry.case_id
            for entry in table.queued("open", shard)
            if entry.case_id is not None and 0 < entry.token_version < entry.version
        )
        for record in table.load_cases(behind):
            if record.token is not None and record.token_version < record.case.version:
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
