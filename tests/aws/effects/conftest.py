import functools
from datetime import timedelta
from typing import Any

import pytest

from arrears.adapters import aws
from arrears.effects.exports import Exports
from tests.aws.effects.world import BUCKETS, World
from tests.support.builders import OPENS
from tests.support.keys import LocalKms
from tests.support.stack import Stack

MAKERS = {name: getattr(aws, name).__wrapped__ for name in ("s3", "sns", "sqs", "events")}


@functools.cache
def client(service: str) -> Any:
    """A client as `aws` makes it."""
    return MAKERS[service]()


@functools.cache
def kms() -> LocalKms:
    """A key that is made once: making one takes longer than most tests."""
    return LocalKms()


@pytest.fixture
def world(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> World:
    """The stack with its buckets, queues and bus, and a queue that gets all that goes over the bus."""
    # The clients of `aws`, made once for all tests: making them costs more than most tests do.
    for service in MAKERS:
        monkeypatch.setattr(aws, service, functools.partial(client, service))
    monkeypatch.setattr(aws, "kms", kms)
    for name in BUCKETS:
        stack.physical[name] = name.lower()
        aws.s3().create_bucket(Bucket=name.lower())
        aws.s3().put_bucket_versioning(Bucket=name.lower(), VersioningConfiguration={"Status": "Enabled"})
    for name in ("CallQueue", "LetterQueue"):
        queue = aws.sqs().create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})
        stack.physical[name] = queue["QueueUrl"]
    stack.physical["Bus"] = "bank"
    probe = aws.sqs().create_queue(QueueName="probe")["QueueUrl"]
    arn = aws.sqs().get_queue_attributes(QueueUrl=probe, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.events().create_event_bus(Name="bank")
    aws.events().put_rule(Name="all", EventBusName="bank", EventPattern='{"source": ["arrears"]}')
    aws.events().put_targets(Rule="all", EventBusName="bank", Targets=[{"Id": "probe", "Arn": arn}])
    # So that no test looks through a year of days in which nothing was.
    Exports(stack.table).set_closed_through(OPENS - timedelta(days=1))
    return World(stack, monkeypatch, probe)
