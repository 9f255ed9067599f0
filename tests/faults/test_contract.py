"""The services in memory are held to what the real ones do: the same tests against both, moto standing for AWS.

What the races hang on is here: conditions, transactions and why they are cancelled, the index, the stream's order,
names of executions, task tokens, FIFO queues, buckets.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from arrears.adapters.table import StaleError, Table
from arrears.domain.decide import open_case
from tests.faults.dynamo import Calm, Dynamo
from tests.faults.machine import ARN, Execution, Machine
from tests.faults.services import Buckets, Queues
from tests.support.builders import CASE_ID, OPENS, account, paid, policy, stamp
from tests.support.stack import REGION, TABLE, client_once, make_table
from tools.template import Resolver, load, resources

Told = tuple[str, str, str]


class Quiet(Calm):
    """The world of executions that nothing ever happens to: functions never answer, and time stands still."""

    def __init__(self) -> None:
        super().__init__()
        self.soon: list[Callable[[], None]] = []

    def at(self, when: float, _what: str, then: Callable[[], None]) -> None:
        if when <= self.time:
            self.soon.append(then)

    def run(self, folder: str, event: Any, done: Callable[[Any, str | None], None]) -> None:
        pass

    def serve(self, _what: str, effect: Callable[[], Any], done: Callable[[Any, str | None], None]) -> None:
        try:
            answer = effect()
        except ClientError as error:
            done(None, error.response["Error"]["Code"])
        else:
            done(answer, None)

    def ended(self, name: str, status: str) -> None:
        pass

    def note(self, what: str) -> None:
        pass

    def backoff(self, longest: float) -> float:
        return longest

    def settle(self) -> None:
        while self.soon:
            self.soon.pop(0)()


@dataclass
class Services:
    """Clients of one kind or the other."""

    dynamodb: Any
    sqs: Any
    s3: Any
    stepfunctions: Any
    stream: Callable[[], list[Told]]
    queue: str
    machine: str


def _in_memory() -> Services:
    world = Quiet()
    table = Dynamo(world)

    def stream() -> list[Told]:
        return [(_kind(before, after), *key) for key, before, after in world.writes]

    def _kind(before: Any, after: Any) -> str:
        return "INSERT" if before is None else "MODIFY" if after is not None else "REMOVE"

    nobody: Any = lambda *_: None  # noqa: E731 - nobody listens
    queues, buckets = Queues(world, nobody), Buckets(world, nobody)
    return Services(table, queues, buckets, Machine(world, table), stream, "tasks.fifo", ARN)


def _on_moto() -> Services:
    dynamodb = client_once("dynamodb")
    make_table(dynamodb, stream=True)

    def stream() -> list[Told]:
        # moto answers nothing at the stream's own endpoint, but keeps what would be on it.
        shard = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[TABLE].stream_shard
        assert shard is not None
        records = [each.to_json() for each in shard.items]
        keys = [(record["eventName"], record["dynamodb"]["Keys"]) for record in records]
        return [(name, key["pk"]["S"], key["sk"]["S"]) for name, key in keys]

    sqs = client_once("sqs")
    queue = sqs.create_queue(QueueName="tasks.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    s3 = client_once("s3")
    s3.create_bucket(Bucket="documents")
    states = client_once("stepfunctions")
    waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 9999, "End": True}}}
    role = "arn:aws:iam::123456789012:role/escalation"
    machine = states.create_state_machine(name="escalation", definition=json.dumps(waits), roleArn=role)
    return Services(dynamodb, sqs, s3, states, stream, queue, machine["stateMachineArn"])


@pytest.fixture(params=["in memory", "moto"])
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    if request.param == "in memory":
        yield _in_memory()
    else:
        with mock_aws():
            yield _on_moto()


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def key(name: str, sk: str = "S") -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": sk}}


def put(services: Services, name: str, sk: str = "S", /, **attributes: Any) -> None:
    services.dynamodb.put_item(TableName=TABLE, Item={**key(name, sk), **attributes})


def get(services: Services, name: str, sk: str = "S") -> Any:
    answer = services.dynamodb.get_item(TableName=TABLE, Key=key(name, sk), ConsistentRead=True)
    return answer.get("Item")


# --- the table -------------------------------------------------------------------------------------------------------
NEW = {"ConditionExpression": "attribute_not_exists(pk)"}


def test_an_item_that_must_not_exist_is_put_once(services: Services) -> None:
    services.dynamodb.put_item(TableName=TABLE, Item=key("A"), **NEW)
    with pytest.raises(ClientError) as refused:
        services.dynamodb.put_item(TableName=TABLE, Item={**key("A"), "more": {"S": "x"}}, **NEW)
    assert code(refused) == "ConditionalCheckFailedException"
    assert get(services, "A") == key("A")
    assert get(services, "B") is None


def test_an_update_sets_adds_and_removes_on_condition(services: Services) -> None:
    put(services, "A", version={"N": "1"}, token={"S": "t"})
    update = {
        "TableName": TABLE,
        "Key": key("A"),
        "UpdateExpression": "SET version = :next, #due = :due ADD spent :cost REMOVE #token",
        "ConditionExpression": "version = :read AND #token = :token",
        "ExpressionAttributeNames": {"#due": "due", "#token": "token"},
        "ExpressionAttributeValues": {
            ":next": {"N": "2"},
            ":read": {"N": "1"},
            ":due": {"S": "2005"},
            ":token": {"S": "t"},
            ":cost": {"N": "0.05"},
        },
    }
    services.dynamodb.update_item(**update)
    assert get(services, "A") == {**key("A"), "version": {"N": "2"}, "due": {"S": "2005"}, "spent": {"N": "0.05"}}
    with pytest.raises(ClientError) as refused:
        services.dynamodb.update_item(**update)
    assert code(refused) == "ConditionalCheckFailedException"


def test_numbers_are_compared_as_numbers_and_what_is_not_there_equals_nothing(services: Services) -> None:
    put(services, "A", version={"N": "10"})

    def holds(expression: str, **values: Any) -> bool:
        named = {f":{name}": value for name, value in values.items()}
        check = {"ConditionExpression": expression, **({"ExpressionAttributeValues": named} if named else {})}
        try:
            services.dynamodb.put_item(TableName=TABLE, Item={**key("A"), "version": {"N": "10"}}, **check)
        except ClientError:
            return False
        return True

    assert holds("version = :v", v={"N": "10.0"})
    assert holds("version > :v", v={"N": "9"})
    assert not holds("version = :v", v={"S": "10"})
    assert not holds("gone = :v", v={"N": "1"})
    assert holds("attribute_exists(version) AND attribute_not_exists(gone)")
    assert holds("gone = :v OR version <> :v", v={"N": "1"})


def test_an_item_is_deleted_on_condition(services: Services) -> None:
    put(services, "A", number={"N": "2"})
    delete = {
        "TableName": TABLE,
        "Key": key("A"),
        "ConditionExpression": "#number = :number",
        "ExpressionAttributeNames": {"#number": "number"},
    }
    with pytest.raises(ClientError) as refused:
        services.dynamodb.delete_item(**delete, ExpressionAttributeValues={":number": {"N": "1"}})
    assert code(refused) == "ConditionalCheckFailedException"
    services.dynamodb.delete_item(**delete, ExpressionAttributeValues={":number": {"N": "2"}})
    assert get(services, "A") is None


def test_a_transaction_is_done_wholly_or_not_at_all_and_says_what_cancelled_it(services: Services) -> None:
    put(services, "A", version={"N": "1"})
    put(services, "C")
    check = {"TableName": TABLE, "Key": key("C"), "ConditionExpression": "attribute_not_exists(pk)"}
    writes: list[Any] = [
        {"Put": {"TableName": TABLE, "Item": key("B"), **NEW}},
        {
            "Update": {
                "TableName": TABLE,
                "Key": key("A"),
                "UpdateExpression": "SET version = :next",
                "ExpressionAttributeValues": {":next": {"N": "2"}},
            }
        },
        {"ConditionCheck": check},
    ]
    with pytest.raises(ClientError) as refused:
        services.dynamodb.transact_write_items(TransactItems=writes)
    assert code(refused) == "TransactionCanceledException"
    reasons: Any = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "None", "ConditionalCheckFailed"]
    assert get(services, "B") is None
    assert get(services, "A")["version"] == {"N": "1"}

    writes[2] = {"Delete": {"TableName": TABLE, "Key": key("C")}}
    services.dynamodb.transact_write_items(TransactItems=writes)
    assert (get(services, "B"), get(services, "C")) == (key("B"), None)
    assert get(services, "A")["version"] == {"N": "2"}


def test_a_collection_is_read_in_order_by_the_beginning_of_its_keys(services: Services) -> None:
    for sk in ("EVENT#2", "CASE", "EVENT#10", "EVENT#1", "FACT"):
        put(services, "A", sk)
    put(services, "B", "EVENT#3")

    def found(**asked: Any) -> list[str]:
        answer = services.dynamodb.query(TableName=TABLE, ConsistentRead=True, **asked)
        return [item["sk"]["S"] for item in answer["Items"]]

    of_a = {":pk": {"S": "A"}}
    assert found(KeyConditionExpression="pk = :pk", ExpressionAttributeValues=of_a) == [
        "CASE",
        "EVENT#1",
        "EVENT#10",
        "EVENT#2",
        "FACT",
    ]
    assert found(
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={**of_a, ":sk": {"S": "EVENT#"}},
    ) == ["EVENT#1", "EVENT#10", "EVENT#2"]


def test_many_items_are_read_at_once_and_those_that_are_not_there_left_out(services: Services) -> None:
    put(services, "A")
    put(services, "B")
    asked = {TABLE: {"Keys": [key("B"), key("C"), key("A")], "ConsistentRead": True}}
    answer = services.dynamodb.batch_get_item(RequestItems=asked)
    assert sorted(item["pk"]["S"] for item in answer["Responses"][TABLE]) == ["A", "B"]


def test_the_index_holds_what_has_a_queue_and_is_in_order_of_when_it_is_due(services: Services) -> None:
    for name, due in (("A", "2005-06-03"), ("B", "2005-06-01"), ("C", "2005-06-02T08:00"), ("D", "2005-07-01")):
        put(services, name, queue={"S": "scan#00"}, due={"S": due})
    put(services, "E", due={"S": "2005-06-01"})
    put(services, "F", queue={"S": "open#00"}, due={"S": "2005-06-01"})
    services.dynamodb.update_item(
        TableName=TABLE,
        Key=key("B"),
        UpdateExpression="REMOVE #queue",
        ExpressionAttributeNames={"#queue": "queue"},
    )
    answer = services.dynamodb.query(
        TableName=TABLE,
        IndexName="WorkIndex",
        KeyConditionExpression="#queue = :queue AND #due BETWEEN :since AND :until",
        ExpressionAttributeNames={"#queue": "queue", "#due": "due"},
        ExpressionAttributeValues={":queue": {"S": "scan#00"}, ":since": {"S": "0"}, ":until": {"S": "2005-06-03~"}},
    )
    assert [item["pk"]["S"] for item in answer["Items"]] == ["C", "A"]


def test_the_index_may_be_behind_and_shows_what_was_written_in_order() -> None:
    """Only in memory: moto's index is never behind."""
    world = Calm()
    table = Dynamo(world)
    asked = {
        "TableName": TABLE,
        "IndexName": "WorkIndex",
        "KeyConditionExpression": "#queue = :queue",
        "ExpressionAttributeNames": {"#queue": "queue"},
        "ExpressionAttributeValues": {":queue": {"S": "scan#00"}},
    }
    world.behind = 10.0
    table.put_item(TableName=TABLE, Item={**key("A"), "queue": {"S": "scan#00"}, "due": {"S": "1"}})
    world.behind = 0.0
    table.put_item(TableName=TABLE, Item=key("A"))
    assert table.query(**asked)["Items"] == []
    world.time = 11.0
    assert table.query(**asked)["Items"] == [], "what it showed is not shown after it was taken off"


def test_the_adapter_appends_once_and_a_second_writer_finds_its_case_stale(services: Services) -> None:
    table = Table(services.dynamodb, TABLE, shards=1)
    opened = open_case(account(), policy(), OPENS)
    assert opened is not None
    first = table.append(None, [opened], stamp())
    table.append(first, [paid("1.00")], stamp(), wakes=True)
    with pytest.raises(StaleError) as stale:
        table.append(first, [paid("2.00", payment_id="PAY-2")], stamp(), wakes=True)
    assert stale.value.failed == [0, 1]
    with pytest.raises(StaleError):
        table.append(None, [opened], stamp())
    assert [envelope.number for envelope in table.envelopes(CASE_ID)] == [1, 2]
    assert [entry.case_id for entry in table.queued("open", 0)] == [CASE_ID]


# --- the stream ------------------------------------------------------------------------------------------------------
def test_the_stream_has_each_write_of_an_item_in_order(services: Services) -> None:
    put(services, "A")
    put(services, "A", version={"N": "2"})
    services.dynamodb.transact_write_items(
        TransactItems=[
            {"Delete": {"TableName": TABLE, "Key": key("A")}},
            {"Put": {"TableName": TABLE, "Item": key("A", "T")}},
        ]
    )
    with pytest.raises(ClientError):
        services.dynamodb.put_item(TableName=TABLE, Item=key("A", "T"), **NEW)
    told = services.stream()
    assert [kind for kind, *where in told if where == ["A", "S"]] == ["INSERT", "MODIFY", "REMOVE"]
    assert [kind for kind, *where in told if where == ["A", "T"]] == ["INSERT"]


# --- queues and buckets ----------------------------------------------------------------------------------------------
def test_a_fifo_queue_drops_what_it_has_just_seen_and_gives_a_message_to_one_reader(services: Services) -> None:
    def send(group: str, unique: str) -> None:
        asked = {"QueueUrl": services.queue, "MessageBody": unique, "MessageGroupId": group}
        services.sqs.send_message(**asked, MessageDeduplicationId=unique)

    send("A", "one")
    send("A", "one")
    send("A", "two")
    send("B", "three")

    def receive(seconds: int) -> list[Any]:
        asked = {"QueueUrl": services.queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": seconds}
        found: list[Any] = services.sqs.receive_message(**asked, WaitTimeSeconds=0).get("Messages", [])
        return found

    again = receive(900)
    assert sorted(message["Body"] for message in again) == ["one", "three", "two"]
    assert receive(900) == []
    entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(again)]
    services.sqs.delete_message_batch(QueueUrl=services.queue, Entries=entries)
    assert receive(0) == []


def test_a_message_that_is_not_deleted_comes_again_and_holds_up_its_group() -> None:
    """Only in memory: moto's clock is the real one."""
    world = Calm()
    queues = Queues(world, lambda *_: None)
    for group, unique in (("A", "one"), ("A", "two"), ("B", "three")):
        asked = {"QueueUrl": "q", "MessageBody": unique, "MessageGroupId": group}
        queues.send_message(**asked, MessageDeduplicationId=unique)

    def receive(most: int) -> list[str]:
        answer = queues.receive_message(QueueUrl="q", MaxNumberOfMessages=most, VisibilityTimeout=60)
        return [message["Body"] for message in answer.get("Messages", [])]

    assert receive(1) == ["one"]
    assert receive(10) == ["three"]
    world.time = 61.0
    assert receive(10) == ["one", "two", "three"]


def test_an_object_is_put_once_if_nobody_may_have_put_it_before(services: Services) -> None:
    once = {"Bucket": "documents", "Key": "a/b", "IfNoneMatch": "*"}
    services.s3.put_object(**once, Body=b"1", Metadata={"sha256": "x"})
    with pytest.raises(ClientError) as refused:
        services.s3.put_object(**once, Body=b"2")
    assert code(refused) == "PreconditionFailed"
    assert services.s3.get_object(Bucket="documents", Key="a/b")["Body"].read() == b"1"
    assert services.s3.head_object(Bucket="documents", Key="a/b")["Metadata"] == {"sha256": "x"}
    services.s3.put_object(Bucket="documents", Key="a/a", Body=b"3")
    listed = services.s3.list_objects_v2(Bucket="documents", Prefix="a/")
    assert [entry["Key"] for entry in listed["Contents"]] == ["a/a", "a/b"]
    services.s3.delete_object(Bucket="documents", Key="a/b")
    with pytest.raises(ClientError) as gone:
        services.s3.get_object(Bucket="documents", Key="a/b")
    assert code(gone) == "NoSuchKey"


# --- executions and their tokens -------------------------------------------------------------------------------------
def test_a_name_starts_one_execution_and_no_other(services: Services) -> None:
    def start(text: str) -> str:
        asked = {"stateMachineArn": services.machine, "name": "A-g1", "input": text}
        answer: str = services.stepfunctions.start_execution(**asked)["executionArn"]
        return answer

    given = '{"case_id": "A", "generation": 1}'
    assert start(given) == start(given), "the same again while it runs is harmless"
    with pytest.raises(ClientError) as refused:
        start('{"case_id": "A", "generation": 2}')
    assert code(refused) == "ExecutionAlreadyExists"


class Waiting:
    """An execution in memory that is about to wait. How the real definition does it is tested in tests/workflow."""

    def __init__(self) -> None:
        self.world = Quiet()
        self.table = Dynamo(self.world)
        self.machine = Machine(self.world, self.table)
        wait = {"version": "3", "seconds": 60, "due": "2005-06-09T00:00"}
        data = {"pk": "A", "sk": "S", "generation": 1, "then": "Assess", "wait": wait}
        self.execution = Execution("A-g1", data, 0.0)
        self.machine.executions["A-g1"] = self.execution

    def with_version(self, version: str, generation: str = "1") -> "Waiting":
        item = {**key("A"), "version": {"N": version}, "generation": {"N": generation}}
        self.table.put_item(TableName=TABLE, Item=item)
        self.machine._enter(self.execution, 0, "WaitForNews")
        return self

    @property
    def stored(self) -> Any:
        return self.table.items["A", "S"].get("token")


def test_a_wait_stores_its_token_and_is_ended_by_it_once() -> None:
    waiting = Waiting().with_version("3")
    assert waiting.stored == {"S": waiting.execution.token}
    assert waiting.execution.ends_at == 60
    waiting.machine.send_task_success(taskToken=waiting.execution.token, output="{}")
    waiting.world.settle()
    assert waiting.execution.state == "Assess"
    with pytest.raises(ClientError) as refused:
        waiting.machine.send_task_success(taskToken=waiting.stored["S"], output="{}")
    assert code(refused) == "TaskTimedOut"


@pytest.mark.parametrize(("version", "generation"), [("4", "1"), ("3", "2")])
def test_a_wait_whose_case_has_moved_on_stores_nothing_and_decides_again(version: str, generation: str) -> None:
    waiting = Waiting().with_version(version, generation)
    waiting.world.settle()
    assert waiting.stored is None
    assert waiting.execution.state == "Assess"


def test_a_wait_that_is_over_decides_again_and_its_token_is_dead() -> None:
    waiting = Waiting().with_version("3")
    waiting.machine._times_out(waiting.execution, waiting.execution.entered)
    waiting.world.settle()
    assert waiting.execution.state == "Assess"
    with pytest.raises(ClientError):
        waiting.machine.send_task_success(taskToken=waiting.stored["S"], output="{}")


def test_the_template_of_the_table_is_the_one_in_memory() -> None:
    ((_, body),) = resources(load(), "AWS::DynamoDB::Table").items()
    properties = Resolver(load())(body["Properties"])
    (index,) = properties["GlobalSecondaryIndexes"]
    assert [each["AttributeName"] for each in properties["KeySchema"]] == ["pk", "sk"]
    assert index["IndexName"] == "WorkIndex"
    assert [each["AttributeName"] for each in index["KeySchema"]] == ["queue", "due"]
    assert properties["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
