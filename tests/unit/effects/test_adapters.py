"""What each answer of AWS means for an effect, with botocore's own stubs: no network."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from arrears.adapters import aws
from arrears.adapters.bus import EventBus
from arrears.adapters.dead_letters import DeadLetterQueue
from arrears.adapters.queues import FifoQueue
from arrears.adapters.s3_objects import Bucket
from arrears.adapters.sms import SnsSms
from arrears.errors import PermanentActionError, TransientServiceError, UncertainError

NUMBER, TEXT = "+447700900123", "made up"


def client(service: Any) -> Any:
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client(
        service, region_name="us-east-1", config=once, aws_access_key_id="test", aws_secret_access_key="test"
    )


def gateway(arrange: Callable[[Stubber], None]) -> tuple[SnsSms, Stubber, list[float]]:
    made = client("sns")
    pauses: list[float] = []
    stub = Stubber(made)
    arrange(stub)
    stub.activate()
    return SnsSms(made, "BANK", pause=pauses.append), stub, pauses


def refuse(code: str, status: int) -> Callable[[Stubber], None]:
    return lambda stub: stub.add_client_error("publish", code, http_status_code=status)


def test_a_message_is_transactional_and_names_its_sender() -> None:
    def arrange(stub: Stubber) -> None:
        attributes = {
            "AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"},
            "AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "BANK"},
        }
        expected = {"PhoneNumber": NUMBER, "Message": TEXT, "MessageAttributes": attributes}
        stub.add_response("publish", {"MessageId": "message-1"}, expected)

    sms, stub, _ = gateway(arrange)
    assert sms.send(NUMBER, TEXT) == "message-1"
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("InvalidParameter", 400, PermanentActionError),
        ("AuthorizationError", 403, PermanentActionError),
        ("InternalError", 500, UncertainError),
        ("ServiceUnavailable", 503, UncertainError),
    ],
)
def test_a_refusal_is_for_good_and_a_servers_error_leaves_it_open(
    code: str, status: int, error: type[Exception]
) -> None:
    sms, _, pauses = gateway(refuse(code, status))
    with pytest.raises(error) as raised:
        sms.send(NUMBER, TEXT)
    assert pauses == []
    assert NUMBER not in str(raised.value)
    assert TEXT not in str(raised.value)


def test_a_throttled_message_was_not_sent_and_is_tried_again() -> None:
    def arrange(stub: Stubber) -> None:
        refuse("Throttling", 400)(stub)
        refuse("ThrottledException", 429)(stub)
        stub.add_response("publish", {"MessageId": "message-1"})

    sms, stub, pauses = gateway(arrange)
    assert sms.send(NUMBER, TEXT) == "message-1"
    assert len(pauses) == 2
    stub.assert_no_pending_responses()


def test_a_message_that_stays_throttled_is_left_for_later() -> None:
    def arrange(stub: Stubber) -> None:
        for _ in range(5):
            refuse("Throttling", 400)(stub)

    sms, _, _ = gateway(arrange)
    with pytest.raises(TransientServiceError):
        sms.send(NUMBER, TEXT)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (ReadTimeoutError(endpoint_url="https://sns"), UncertainError),
        (ConnectTimeoutError(endpoint_url="https://sns"), TransientServiceError),
        (EndpointConnectionError(endpoint_url="https://sns"), TransientServiceError),
    ],
)
def test_a_connection_that_breaks_off_is_uncertain_only_once_it_was_made(
    broken: Exception, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client("sns")
    calls = []

    def publish(**arguments: Any) -> None:
        calls.append(arguments)
        raise broken

    monkeypatch.setattr(made, "publish", publish)
    with pytest.raises(error):
        SnsSms(made, "", pause=lambda _: None).send(NUMBER, TEXT)
    assert (len(calls) == 1) == (error is UncertainError)
    assert "AWS.SNS.SMS.SenderID" not in calls[0]["MessageAttributes"]


def test_the_sns_client_makes_one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    aws.sns.cache_clear()
    try:
        config: Any = aws.sns().meta.config
        assert config.retries["total_max_attempts"] == 1
    finally:
        aws.sns.cache_clear()


def test_an_entry_that_failed_on_the_bus_is_noticed() -> None:
    for code, error in (("InternalFailure", TransientServiceError), ("NotAuthorized", PermanentActionError)):
        made = client("events")
        with Stubber(made) as stub:
            answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "x"}]}
            stub.add_response("put_events", answer)
            with pytest.raises(error):
                EventBus(made, "bank").put("FreezeRequested", {"action_id": "a"})


def test_a_queue_that_is_busy_is_tried_again_and_one_that_is_gone_is_not() -> None:
    for code, error in (("ThrottlingException", TransientServiceError), ("QueueDoesNotExist", PermanentActionError)):
        made = client("sqs")
        with Stubber(made) as stub:
            stub.add_client_error("send_message", code, http_status_code=400)
            with pytest.raises(error):
                FifoQueue(made, "https://queue/1").send(group="a", task_id="b", body="{}")


def test_an_object_that_is_being_written_at_the_same_time_is_looked_at() -> None:
    made = client("s3")
    with Stubber(made) as stub:
        stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
        stub.add_client_error("head_object", "404", http_status_code=404)
        stub.add_response("put_object", {})
        Bucket(made, "bucket").put("key", b"body", "text/plain")
        stub.assert_no_pending_responses()


def test_dead_letters_are_waited_for_and_not_followed_for_ever_where_new_ones_keep_coming() -> None:
    class Failing:
        """A queue to which everything that is tried again comes back at once."""

        def __init__(self) -> None:
            self.waited: list[int] = []

        def get_queue_attributes(self, **_: Any) -> Any:
            return {"Attributes": {"ApproximateNumberOfMessages": "12", "ApproximateNumberOfMessagesNotVisible": "3"}}

        def receive_message(self, *, WaitTimeSeconds: int, **_: Any) -> Any:  # noqa: N803 - boto3's name
            self.waited.append(WaitTimeSeconds)
            ids = (f"{len(self.waited)}.{number}" for number in range(10))
            return {"Messages": [{"MessageId": name, "Body": "{}", "ReceiptHandle": name} for name in ids]}

    client: Any = Failing()

    taken = [letter.message_id for batch in DeadLetterQueue(client, "DeadLetters", "url").batches() for letter in batch]

    assert len(set(taken)) == 20, "the 15 there were, in whole batches"
    assert min(client.waited) > 0
