"""The world outside the table, on moto: the template's buckets, queues and bus, and what has come to each of them."""

import json
from typing import TYPE_CHECKING, Any

import boto3

from tests.support.stack import ACCOUNT, REGION, Stack
from tools.template import load, resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient


class Outside:
    """Makes the resources, gives the stack their names, and tells what arrived."""

    def __init__(self, stack: Stack) -> None:
        self._s3 = boto3.client("s3", region_name=REGION)
        self._sqs: SQSClient = boto3.client("sqs", region_name=REGION)
        events = boto3.client("events", region_name=REGION)
        self._physical = stack.physical
        for name in resources(load(), "AWS::S3::Bucket"):
            self._physical[name] = name.lower()
            self._s3.create_bucket(Bucket=name.lower())
        for name, body in resources(load(), "AWS::SQS::Queue").items():
            fifo = body["Properties"].get("FifoQueue", False)
            self._physical[name] = self._queue(f"{name}.fifo" if fifo else name, fifo=fifo)
        self._physical["Bus"] = "requests"
        events.create_event_bus(Name="requests")
        self._told = self._queue("told", fifo=False)
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
        events.put_rule(Name="all", EventBusName="requests", EventPattern='{"source": ["arrears"]}')
        events.put_targets(Rule="all", EventBusName="requests", Targets=[{"Id": "told", "Arn": arn}])

    def _queue(self, name: str, *, fifo: bool) -> str:
        attributes: dict[Any, str] = {"FifoQueue": "true"} if fifo else {}
        return self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def _messages(self, url: str) -> "Iterator[dict[str, Any]]":
        while batch := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in batch:
                yield json.loads(message["Body"])
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def tasks(self, queue: str) -> list[str]:
        """Take the tasks off a queue; return the ids of their actions."""
        return [task["action_id"] for task in self._messages(self._physical[queue])]

    def told(self) -> list[str]:
        """Take what went over the bus; return the ids of the actions."""
        return [event["detail"]["action_id"] for event in self._messages(self._told)]

    def keys(self, bucket: str) -> list[str]:
        """The keys of all objects in a bucket."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._physical[bucket])
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def lose(self, queue: str) -> None:
        """Let a queue be gone, as when somebody has deleted it."""
        self._sqs.delete_queue(QueueUrl=self._physical[queue])

    @staticmethod
    def texts() -> list[tuple[str, str]]:
        """The text messages that went out, each with its number."""
        from moto.sns.models import sns_backends

        messages: dict[str, tuple[str, str]] = sns_backends[ACCOUNT][REGION].sms_messages
        return list(messages.values())
