"""Moves the business date of the embedded stack: day by day, each day played to its end before the next begins.

A day waits until every file has its report; then it is opened, the scan runs, the waits that fall due end, and the
exports are closed. Nothing sleeps for a fixed time: the driver looks until the stack has come to rest, which it has
when every open case waits at its present version for a later date, and no account is left on the queue. When to look
again it is told by the stack's server, which knows whether anything is at work.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import urllib3

from arrears.adapters import aws
from arrears.adapters.table import Queued
from arrears.domain.dates import ONE_DAY
from arrears.errors import PermanentSetupError, TimeIsUpError, TransientServiceError
from arrears.stack import Stack
from arrears.usecases.wake import answer

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_stepfunctions import SFNClient

#: The inbound prefixes whose files are imported (docs/files.md).
INBOUND = (
    "portfolio/",
    "payments/",
    "holds/",
    "plans/",
    "calls/",
    "letters/",
    "court/",
    "receipts/",
    "optouts/",
    "freezes/",
)
#: What agencies write, below their own prefix.
FROM_AGENCIES = ("returns/", "acks/")
#: What the embedded stack's server tells of itself (infra/local/server.py).
ACTIVITY = "/_arrears/activity"
#: How often the server is asked whether it is idle, in seconds: at first, and when it has been busy for a while.
ASK_EVERY = (0.005, 0.05)
#: So long the stack may be busy, in seconds, before it is looked at anyway: something may wait to be tried again.
BUSY = 5.0
#: What a schedule invokes is invoked so often when it fails (Lambda: the event, and two more tries).
TRIES = 3
#: The stack is given up when nothing has moved for so long, in seconds.
PATIENCE = 120.0


@dataclass
class Driver:
    """Plays the days of an embedded stack.

    Attributes:
        stack: the stack, whose clock is set.
        played: told each date that was played.
    """

    stack: Stack
    played: Callable[[date], None] = field(default=lambda _: None)
    _reported: dict[str, "datetime"] = field(default_factory=dict, init=False, repr=False)
    _server: urllib3.PoolManager = field(default_factory=urllib3.PoolManager, init=False, repr=False)
    _at_rest: int | None = field(default=None, init=False, repr=False)

    def set_clock(self, on: date) -> None:
        """Set the business date of a stack that has no case yet.

        Raises:
            PermanentSetupError: it has one.
        """
        if any(True for _ in self.stack.table.with_cases()):
            raise PermanentSetupError("the clock is set once, before the first case: use `arrears local advance`")
        self.stack.settings.set_clock(on, is_open=False)

    def advance(self, to: date) -> int:
        """Play every day from the business date up to, not including, a date; leave the business date at it.

        Returns:
            how many days were played.

        Raises:
            PermanentSetupError: the clock is not set, or would have to go back.
            TransientServiceError: the stack does not come to rest.
        """
        on = self.stack.settings.clock().set_to
        if on is None:
            raise PermanentSetupError("the clock is not set: use `arrears local clock DATE` first")
        if to < on:
            raise PermanentSetupError(f"the business date is {on}; it does not go back to {to}")
        days, self._at_rest = 0, None
        while on < to:
            self._play(on)
            self.played(on)
            on, days = on + ONE_DAY, days + 1
        return days

    def _play(self, on: date) -> None:
        if self._at_rest is None or self._activity()["begun"] != self._at_rest:
            self.wait_for_files()
        self.stack.settings.set_clock(on, is_open=True)
        self.invoke("BuildWorklistFunction")
        while self.stack.settings.sweep() is not None:
            self.invoke("RollOutPolicyFunction")
        self._come_to_rest(on)
        self._dispatch_letters(on)
        self.invoke("CloseExportDayFunction")
        self.stack.settings.set_clock(on + ONE_DAY, is_open=False)
        # Idle, it has taken in all that was dropped until now; what is dropped later begins something.
        self._at_rest = self._settle()

    def _dispatch_letters(self, on: date) -> None:
        """Make the day's batch for the mailing house, when there is a letter; what it says of cases comes to rest."""
        queue = self.stack.output("LetterQueueUrl")
        answer_ = aws.sqs().get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
        if int(answer_["Attributes"]["ApproximateNumberOfMessages"]):
            self.invoke("DispatchLettersFunction")
            self._come_to_rest(on)

    # --- what the server tells ---------------------------------------------------------------------------------------
    def _activity(self) -> dict[str, int]:
        try:
            answer_ = self._server.request("GET", f"{self.stack.functions.meta.endpoint_url}{ACTIVITY}", timeout=30)
            told: dict[str, int] = answer_.json()
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise TransientServiceError(f"the embedded stack does not say what it does: {error}") from error
        return told

    def _settle(self) -> int | None:
        """Wait until the stack is idle; return how much had begun by then, or None where it stays busy.

        Idle is two answers in a row that say so, with nothing begun in between: one may fall between the end of a piece
        of work and the start of what it sets off.
        """
        last: int | None = None
        pause, longest = ASK_EVERY
        end = time.monotonic() + BUSY
        while time.monotonic() < end:
            told = self._activity()
            if told["idle"] and told["begun"] == last:
                return last
            last = told["begun"] if told["idle"] else None
            time.sleep(ASK_EVERY[0] if told["idle"] else pause)
            pause = min(pause * 1.5, longest)
        return None

    # --- files -------------------------------------------------------------------------------------------------------
    def wait_for_files(self) -> None:
        """Wait until every file that came in has a report that is younger than it, and no import runs."""
        waited = _Patience("files without a report")
        while True:
            self._settle()
            missing = self._unreported()
            if not missing and not self._importing():
                return
            waited.look(tuple(missing))

    def _unreported(self) -> list[str]:
        inbound, agencies = self.stack.output("InboundBucket"), self.stack.output("AgencyBucket")
        # Prefix by prefix: most of what the buckets hold is pieces and exports, and a year's would be listed every day.
        from_agencies = [f"{agency}{kind}" for agency in _folders(agencies, "agency_id=") for kind in FROM_AGENCIES]
        missing = []
        for bucket, prefixes in ((inbound, INBOUND), (agencies, from_agencies)):
            files = {key: at for prefix in prefixes for key, at in _objects(bucket, prefix) if not key.endswith("/")}
            new = {key: at for key, at in files.items() if self._reported.get(key) != at}
            reports = dict(_objects(bucket, "reports/")) if new else {}
            for key, written in new.items():
                report = reports.get(f"reports/{key}.json")
                if report is None or report < written:
                    missing.append(key)
                else:
                    self._reported[key] = written
        return missing

    def _importing(self) -> bool:
        running = aws.stepfunctions().list_executions(
            stateMachineArn=self.stack.output("ImportArn"), statusFilter="RUNNING", maxResults=1
        )
        return bool(running["executions"])

    # --- cases -------------------------------------------------------------------------------------------------------
    def _come_to_rest(self, on: date) -> None:
        waited = _Patience("cases")
        answered: set[str] = set()
        scanned: tuple[str, ...] | None = None
        while True:
            queue = tuple(f"{entry.account_id} {entry.generation}" for entry in self._queue("scan", on))
            # Once a day in any case, as the schedule does it; and for what the net has put back.
            if scanned is None or (queue and queue != scanned):
                self.invoke("ScanDelinquenciesFunction")
                scanned = queue
            moving = [entry for entry in self._queue("open") if not _rests(entry, on)]
            if not queue and not moving:
                return
            for entry in moving:
                self._wake(entry, on, answered)
            waited.look(
                (queue, tuple((entry.case_id, entry.version, entry.token_version, entry.due) for entry in moving))
            )
            self._settle()

    def _queue(self, name: str, on: date | None = None) -> Iterator[Queued]:
        for shard in range(self.stack.table.shards):
            yield from self.stack.table.queued(name, shard, on.isoformat() if on is not None else None)

    def _wake(self, entry: Queued, on: date, answered: set[str]) -> None:
        """End the wait of a case that is due, or whose news came in before the day was opened."""
        if entry.case_id is None or entry.token_version == 0:
            return
        if entry.due[:10] > on.isoformat() and entry.token_version == entry.version:
            return
        record = self.stack.table.case(entry.case_id)
        if record is None or record.token is None or record.token in answered:
            return
        # The entry may be older than the case: it may have taken its turn and wait for a later date by now.
        if record.token_version < record.case.version:
            answered.add(record.token)
            answer(aws.stepfunctions(), record.token)
        elif (record.due or "")[:10] <= on.isoformat():
            answered.add(record.token)
            time_is_up(aws.stepfunctions(), record.token)

    def invoke(self, output: str, payload: dict[str, object] | None = None) -> dict[str, object]:
        """Run a function as its schedule would, tried again as Lambda does it, and return what it answers.

        Raises:
            TransientServiceError: the function failed at every try.
        """
        text = ""
        for _ in range(TRIES):
            answer_ = self.stack.functions.invoke(
                FunctionName=self.stack.output(output), Payload=json.dumps(payload or {}).encode()
            )
            text = answer_["Payload"].read().decode()
            if not answer_.get("FunctionError"):
                result: dict[str, object] = json.loads(text)
                return result
        raise TransientServiceError(f"{output}: {text[:500]}")


def time_is_up(client: "SFNClient", token: str) -> bool:
    """End a wait as `TimeoutSecondsPath` does, for a clock that is set; False when it had ended already."""
    return answer(client, token, error=TimeIsUpError.__name__)


def _rests(entry: Queued, on: date) -> bool:
    return entry.token_version == entry.version and entry.due[:10] > on.isoformat()


def _objects(bucket: str, prefix: str) -> Iterator[tuple[str, "datetime"]]:
    for page in aws.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield item["Key"], item["LastModified"]


def _folders(bucket: str, prefix: str) -> list[str]:
    pages = aws.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    return [folder["Prefix"] for page in pages for folder in page.get("CommonPrefixes", [])]


class _Patience:
    """Looks again as long as something moves; gives up when nothing has for `PATIENCE` seconds."""

    def __init__(self, what: str) -> None:
        self._what, self._seen, self._since = what, object(), time.monotonic()

    def look(self, state: object) -> None:
        """Note what was seen; raises `TransientServiceError` when nothing moves any more."""
        now = time.monotonic()
        if state != self._seen:
            self._seen, self._since = state, now
        elif now - self._since > PATIENCE:
            raise TransientServiceError(f"the stack does not come to rest: {self._what}: {str(state)[:600]}")
