"""After all that was played: nobody's name, phone number, address or card is where only references belong."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from itertools import chain

import pytest

from tests.support.embedded import Embedded
from tests.support.personal import People


@pytest.fixture(scope="module")
def people(stack: Embedded) -> People:
    """Everybody whom the bank has reported to this stack."""
    rows: list[dict[str, str]] = []
    for key in stack.keys("InboundBucket", "portfolio/"):
        content = stack.read("InboundBucket", key)
        text = unpacked(content).decode("utf-8-sig", "replace")
        rows += (
            {name: value or "" for name, value in row.items() if name} for row in csv.DictReader(io.StringIO(text))
        )
    return People.of(rows)


@pytest.fixture(scope="module")
def stack(embedded_stack: Embedded) -> Iterator[Embedded]:
    """The stack as the other tests left it."""
    with embedded_stack.active():
        yield embedded_stack


def unpacked(content: bytes) -> bytes:
    """What a file holds; of a damaged one nothing was taken in."""
    try:
        return gzip.decompress(content)
    except gzip.BadGzipFile:
        return content
    except (EOFError, OSError, zlib.error):
        return b""


def leaks(people: People, texts: Iterator[tuple[str, str]]) -> list[str]:
    """Where something was found, and what: the first few."""
    found = ((where, people.found_in(text)) for where, text in texts)
    return [f"{where}: {sorted(what)}" for where, what in found if what][:10]


def test_no_log_and_no_metric_names_anybody(stack: Embedded, people: People) -> None:
    logged = list(log_lines(stack))

    assert len(logged) > 100
    assert len(people.phones) > 10
    assert leaks(people, iter(logged)) == []


def test_no_execution_names_anybody(stack: Embedded, people: People) -> None:
    machines = ("EscalationArn", "ImportArn")
    executions = list(chain.from_iterable(stack.executions(machine) for machine in machines))
    histories = [(arn, repr(stack.history(arn))) for arn in executions]

    assert len(executions) > 20
    assert leaks(people, iter(histories)) == []


def test_no_key_of_an_object_and_no_dead_letter_names_anybody(stack: Embedded, people: People) -> None:
    buckets = [output for output in stack.stack.outputs if output.endswith("Bucket")]
    keys = [(bucket, key) for bucket in buckets for key in stack.keys(bucket)]
    dead = [("dead letters", message) for message in dead_letters(stack)]

    assert len(keys) > 50
    assert leaks(people, iter([*keys, *dead])) == []


def dead_letters(stack: Embedded) -> Iterator[str]:
    """What is in the queues of what could not be handled, with what is said of it."""
    for regions in stack.ask("/_ministack/sqs/messages")["messages"].values():
        for queues in regions.values():
            for url, messages in queues.items():
                if "DeadLetters" in url:
                    yield from map(json.dumps, messages)


def log_lines(stack: Embedded) -> Iterator[tuple[str, str]]:
    """All that the functions logged, metrics among it, and what the server itself said."""
    for page in stack.logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            events = stack.logs.get_paginator("filter_log_events").paginate(logGroupName=name)
            yield from ((name, event["message"]) for page in events for event in page["events"])
    yield "ministack.log", (stack.folder / ".local/ministack.log").read_text(encoding="utf-8", errors="replace")
