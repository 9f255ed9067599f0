"""Puts the use cases together that stand beside an execution and are about contacts: lists, mail, answers.

Once a process, from the environment that the template gives.
"""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from arrears.adapters import aws
from arrears.adapters.s3_objects import Bucket
from arrears.bootstrap import dead_letters, settings, table
from arrears.domain.dates import local_date
from arrears.errors import ArrearsError
from arrears.files import RowError, parse
from arrears.runtime import count, logger, unexpected
from arrears.usecases.record import RecordFact

if TYPE_CHECKING:
    from arrears.usecases.build_worklist import BuildWorklist
    from arrears.usecases.dispatch_letters import DispatchLetters
    from arrears.usecases.record_receipts import Receipt, RecordReceipts


def record_receipts(function: str) -> "RecordReceipts":
    """The use case of `record_receipts`, the ARN of which is given for what it sets aside."""
    from arrears.adapters.spending import TableSpending
    from arrears.usecases.record_receipts import RecordReceipts

    dead = dead_letters()

    def set_aside(receipts: Sequence["Receipt"], error: str) -> None:
        # In the form that Lambda's own dead letters have, so that they are listed and redriven as those are.
        letter = {
            "requestContext": {"functionArn": function, "condition": "SetAside"},
            "requestPayload": {"receipts": receipts},
            "responsePayload": {"errorType": error},
        }
        dead.send(json.dumps(letter, sort_keys=True))

    recorded = RecordFact(table(), settings())
    return RecordReceipts(TableSpending(table()), recorded, _refused, _set_aside, set_aside, count)


def _set_aside(error: Exception) -> str:
    told = error if isinstance(error, ArrearsError) else unexpected(error)
    logger.error("set aside", extra={"error": type(told).__name__, "why": str(told)})
    return type(told).__name__


def record_freeze(detail: Mapping[str, Any], event_id: str) -> str:
    """Record an answer to a request to freeze an account; return what became of it."""
    row = {name: None if value is None else str(value) for name, value in detail.items()}
    try:
        return RecordFact(table(), settings())("freezes", parse("freezes", row), f"bus-{event_id}")
    except RowError as refused:
        _refused(str(refused))
        return "refused"


def _refused(why: str) -> None:
    count("AnswersRefused")
    logger.warning("refused", extra={"why": why})


@cache
def build_worklist() -> "BuildWorklist":
    """The use case of `build_worklist`."""
    from arrears.usecases.build_worklist import BuildWorklist

    return BuildWorklist(table(), settings(), Bucket(aws.s3(), os.environ["DOCUMENTS_BUCKET"]), count)


@cache
def dispatch_letters() -> "DispatchLetters":
    """The use case of `dispatch_letters`."""
    from arrears.adapters.queues import FifoInbox
    from arrears.usecases.dispatch_letters import DispatchLetters

    wait = 0 if os.environ["STAGE"] == "local" else 1
    inbox = FifoInbox(aws.sqs(), os.environ["LETTER_QUEUE_URL"], wait=wait)
    return DispatchLetters(table(), settings(), inbox, Bucket(aws.s3(), os.environ["DOCUMENTS_BUCKET"]), count)


def day_of(event: Mapping[str, Any]) -> date:
    """Return the date that an event is about.

    `date` names it; `time` is the instant for which the scheduler planned it. Without either, that of now or of a set
    clock.
    """
    now, zone = settings().clock(), os.environ["BUSINESS_TIMEZONE"]
    if "date" in event:
        return date.fromisoformat(event["date"])
    if "time" in event and now.set_to is None:
        return local_date(datetime.fromisoformat(event["time"]), zone)
    return now.now(zone).on
