"""The embedded stack is held to the same contract as the services in memory: what holds there holds here, too.

Left out: what the services in memory alone can show (an index that is behind, a message that comes again by the clock),
and the stream's records, which nobody reads but the function that the other tests of this folder see woken.
"""

import json
from collections.abc import Iterator

import boto3
import pytest

from tests.faults.test_contract import (  # noqa: F401 - collected here, with the services of this module
    Services,
    test_a_collection_is_read_in_order_by_the_beginning_of_its_keys,
    test_a_fifo_queue_drops_what_it_has_just_seen_and_gives_a_message_to_one_reader,
    test_a_name_starts_one_execution_and_no_other,
    test_a_transaction_is_done_wholly_or_not_at_all_and_says_what_cancelled_it,
    test_an_item_is_deleted_on_condition,
    test_an_item_that_must_not_exist_is_put_once,
    test_an_object_is_put_once_if_nobody_may_have_put_it_before,
    test_an_update_sets_adds_and_removes_on_condition,
    test_many_items_are_read_at_once_and_those_that_are_not_there_left_out,
    test_numbers_are_compared_as_numbers_and_what_is_not_there_equals_nothing,
    test_the_adapter_appends_once_and_a_second_writer_finds_its_case_stale,
    test_the_index_holds_what_has_a_queue_and_is_in_order_of_when_it_is_due,
)
from tests.support.embedded import Embedded
from tests.support.stack import TABLE, make_table

#: What the emulator is known not to do, by test, and why that does no harm here.
KNOWN: dict[str, str] = {
    "test_a_name_starts_one_execution_and_no_other": (
        "it refuses a name that runs, with the same input too; the scan takes that for an execution that runs"
    ),
}


@pytest.fixture
def services(stack: Embedded, request: pytest.FixtureRequest) -> Iterator[Services]:
    """A table, a queue, a bucket and a state machine of this test's own, beside the stack's."""
    if request.function.__name__ in KNOWN:
        pytest.skip(KNOWN[request.function.__name__])
    dynamodb, sqs, s3 = boto3.client("dynamodb"), boto3.client("sqs"), boto3.client("s3")
    assert stack.endpoint == dynamodb.meta.endpoint_url
    make_table(dynamodb)
    queue = sqs.create_queue(QueueName="contract.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    s3.create_bucket(Bucket="documents")
    waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 9999, "End": True}}}
    machine = stack.states.create_state_machine(
        name="contract", definition=json.dumps(waits), roleArn="arn:aws:iam::000000000000:role/contract"
    )["stateMachineArn"]
    yield Services(dynamodb, sqs, s3, stack.states, list, queue, machine)
    for execution in stack.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
        stack.states.stop_execution(executionArn=execution["executionArn"])
    stack.states.delete_state_machine(stateMachineArn=machine)
    for item in s3.list_objects_v2(Bucket="documents").get("Contents", []):
        s3.delete_object(Bucket="documents", Key=item["Key"])
    s3.delete_bucket(Bucket="documents")
    sqs.delete_queue(QueueUrl=queue)
    dynamodb.delete_table(TableName=TABLE)
