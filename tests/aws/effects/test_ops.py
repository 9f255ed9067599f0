"""`arrears ops` on a stack: how it stands, what it could not do and why, trying again, and the switches."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

import arrears.stack
from arrears.adapters import aws, dead_letters
from arrears.cli import main
from arrears.cli.ops import QUEUES
from arrears.domain.events import ActionRetried, CallResult, LetterWithdrawn
from arrears.domain.facts import Call
from arrears.errors import TransientConflictError
from arrears.usecases.end_shadow import EndShadow
from arrears.usecases.open_cases import OpenCases
from arrears.usecases.recover import Recover
from arrears.usecases.retry import Retry
from tests.aws.effects.world import World
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, paid
from tests.support.states import States, client_error

Run = Callable[..., str]
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function"


class Invoked:
    """Functions that remember what they were invoked with."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def invoke(self, *, FunctionName: str, Payload: bytes, **_: Any) -> None:  # noqa: N803 - boto3's names
        self.events.append((FunctionName, json.loads(Payload)))


@pytest.fixture
def invoked() -> Invoked:
    return Invoked()


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> States:
    states = States()
    monkeypatch.setattr(aws, "stepfunctions", lambda: states.client)
    return states


@pytest.fixture
def ops(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    invoked: Invoked,
    states: States,  # noqa: ARG001 - asked for its effect
) -> Run:
    """Runs a command on the stack; returns what it prints."""
    outputs = {"TableName": world.stack.table.name, "WakeCaseFunction": f"{FUNCTION}:wake_case"}
    outputs |= {
        "CallQueueUrl": world.stack.physical["CallQueue"],
        "LetterQueueUrl": world.stack.physical["LetterQueue"],
    }
    aws.s3().create_bucket(Bucket="inboundbucket")
    world.stack.physical["InboundBucket"] = "inboundbucket"
    outputs |= {name: world.stack.physical[name] for name in ("InboundBucket", "AgencyBucket")}
    outputs["ImportArn"] = RULE["TARGET_ARN"]
    for name, output in QUEUES.items():
        fifo: dict[Any, str] = {} if name == "DeadLetters" else {"FifoQueue": "true"}
        suffix = ".fifo" if fifo else ""
        outputs[output] = aws.sqs().create_queue(QueueName=f"{name}{suffix}", Attributes=fifo)["QueueUrl"]
        world.stack.physical[name] = outputs[output]
    connected = SimpleNamespace(
        table=world.stack.table,
        settings=world.stack.settings,
        outputs=outputs,
        output=outputs.__getitem__,
        parameters={"BusinessTimezone": "Asia/Shanghai"},
        functions=invoked,
    )
    monkeypatch.setattr(arrears.stack, "connect", lambda _: connected)
    monkeypatch.setattr(dead_letters, "_WAIT", 0)

    def run(*arguments: str, expect: int = 0) -> str:
        assert main(["ops", *arguments]) == expect
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run


def dead(world: World, queue: str, body: object, attributes: dict[str, str] | None = None, group: str = "") -> str:
    """Put a message among the dead ones; return its id."""
    more: dict[str, Any] = {"MessageGroupId": group, "MessageDeduplicationId": json.dumps(body)[:128]} if group else {}
    told: dict[str, Any] = {
        name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()
    }
    url = world.stack.physical[queue]
    answer = aws.sqs().send_message(QueueUrl=url, MessageBody=json.dumps(body), MessageAttributes=told, **more)
    return answer["MessageId"]


def park(world: World) -> None:
    """Have the first text refused for good: the policy names no such template."""
    reminder = {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms", "template": "nosuch"}]}
    world.stack.publish(stages={"reminder": reminder})
    world.report()
    world.act(world.assess())
    assert world.stack.case(CASE_ID).case.failed is not None


# --- how it stands ---------------------------------------------------------------------------------------------------
def test_a_stack_on_which_nothing_waits_for_anybody_is_well(world: World, ops: Run) -> None:
    world.stack.settings.note_scan(3, 0)

    said = ops("status")

    for line in (
        "clock         2005-06-02 (set, being played)",
        "policy        test 1",
        "goes out      yes",
        "shadow        off",
    ):
        assert line in said
    assert "3 executions started" in said
    assert "open cases    0: 0 wait, 0 take a turn" in said
    assert "dead letters  0\ndead calls    0\ndead mail     0" in said


def test_the_status_tells_stages_parked_dead_letters_the_queue_and_the_pause(world: World, ops: Run) -> None:
    park(world)
    world.report("CARD-0002")
    dead(world, "CallDeadLetters", {"schema": "call-task-1", "action_id": "A.call.0.1"}, group="A")
    ops("pause", "--by", "I. Operator", "--why", "wrong rates")

    said = ops("status", expect=1)

    assert "goes out      NOTHING: PAUSED since 2005-06-02 12:00 by I. Operator: wrong rates" in said
    assert "unscanned     1 accounts, the oldest due 0 days before today" in said
    assert "open cases    1: 0 wait, 1 take a turn" in said
    assert "by stage      reminder 1" in said
    assert "parked        1 (arrears ops parked)" in said
    assert "dead calls    1 (arrears ops dead)" in said
    quick = ops("status", "--quick", expect=1)
    assert "by stage" not in quick


# --- parked ----------------------------------------------------------------------------------------------------------
def test_parked_actions_are_listed_with_their_reason_and_tried_again_one_by_one_or_all(world: World, ops: Run) -> None:
    park(world)

    said = ops("parked")
    assert f"{CASE_ID}  since {OPENS}  send_sms: PermanentDocumentError" in said
    assert "1 parked" in said
    assert "reminder.0.1 is tried again" in ops("retry", CASE_ID, "--by", "I. Operator")
    assert [event.by for event in world.events(ActionRetried)] == ["I. Operator"]
    assert "nothing of" in ops("retry", CASE_ID, expect=1)
    world.act(world.assess())
    assert "1 tried again" in ops("retry", "--all")
    assert "0 parked" in ops("parked")


def test_one_that_somebody_else_has_tried_again_meanwhile_keeps_no_other_back(
    world: World, ops: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    park(world)
    for name in ("CARD-0002", "CARD-0003"):
        world.act(world.assess(world.report(name)))
    parked = OpenCases.parked

    def then_tried_again(cases: OpenCases) -> Any:
        found = parked(cases)
        Retry(cases.table, cases.settings)(CASE_ID, "a colleague")
        return found

    monkeypatch.setattr(OpenCases, "parked", then_tried_again)

    said = ops("retry", "--all", expect=1)

    assert f"{CASE_ID}  NOT DONE: nothing of {CASE_ID} is parked" in said
    assert "2 tried again\n1 could not be done" in said


# --- dead letters ----------------------------------------------------------------------------------------------------
RULE = {
    "TARGET_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:arrears-import",
    "RULE_ARN": "arn:aws:events:us-east-1:123456789012:rule/arrears-BankFile",
    "ERROR_CODE": "ThrottlingException",
    "ERROR_MESSAGE": "Rate exceeded",
}
SCHEDULE = {
    "TARGET_ARN": f"{FUNCTION}:arrears-scan",
    "SCHEDULE_ARN": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/arrears-Scan",
    "ERROR_CODE": "AWS.Scheduler.InternalServerError",
}
FAILED = {
    "requestContext": {"functionArn": f"{FUNCTION}:arrears-close:$LATEST", "condition": "RetriesExhausted"},
    "requestPayload": {"time": "2005-06-02T15:45:00Z"},
    "responsePayload": {"errorType": "TransientServiceError", "errorMessage": "s3:PutObject: SlowDown"},
}
STREAM = {
    "requestContext": {"functionArn": f"{FUNCTION}:arrears-wake", "condition": "RetryAttemptsExhausted"},
    "DDBStreamBatchInfo": {"batchSize": 7},
}
RECORD = {
    "Records": [{"dynamodb": {"SequenceNumber": "1", "NewImage": {"case_id": {"S": CASE_ID}, "number": {"N": "3"}}}}]
}
TASK = {"schema": "call-task-1", "action_id": f"{CASE_ID}.call.0.1", "cardholder_name": "Wang Xiaoming"}


@pytest.mark.parametrize(
    ("body", "attributes", "group", "said"),
    [
        ({"detail": {}}, RULE, "", "rule arrears-BankFile for arrears-import: ThrottlingException: Rate exceeded"),
        ({}, SCHEDULE, "", "schedule arrears-Scan for arrears-scan: AWS.Scheduler.InternalServerError"),
        (FAILED, {}, "", "an event for arrears-close: TransientServiceError"),
        (STREAM, {}, "", "7 news of cases: RetryAttemptsExhausted"),
        (RECORD, {}, "", f"news of {CASE_ID}: the record could not be read"),
        (TASK, {}, ACCOUNT_ID, f"call-task-1 {CASE_ID}.call.0.1: its reader failed on it"),
        (["what?"], {}, "", "a message of a kind not known here: not told"),
    ],
)
def test_dead_letters_are_listed_with_their_reason_and_nothing_personal_and_stay(
    world: World, ops: Run, body: Any, attributes: dict[str, str], group: str, said: str
) -> None:
    message = dead(world, "CallDeadLetters" if group else "DeadLetters", body, attributes, group)

    for _ in range(2):
        listed = ops("dead")
        assert message in listed
        assert said in listed
        assert "1 dead letters" in listed
        assert "Wang" not in listed


def test_a_dead_letter_of_a_rule_a_schedule_or_a_function_is_done_again(
    world: World, ops: Run, invoked: Invoked, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, Any]] = []
    client = SimpleNamespace(start_execution=lambda **given: started.append((given["stateMachineArn"], given["input"])))
    monkeypatch.setattr(aws, "stepfunctions", lambda: client)
    dead(world, "DeadLetters", {"detail": {"object": {"key": "payments/a.csv"}}}, RULE)
    one = dead(world, "DeadLetters", {}, SCHEDULE)
    dead(world, "DeadLetters", FAILED)
    dead(world, "DeadLetters", RECORD)

    assert "arrears-scan does it again" in ops("redrive", one)
    assert invoked.events == [(f"{FUNCTION}:arrears-scan", {})]
    assert "3 tried again" in ops("redrive", "--all")

    assert started == [(RULE["TARGET_ARN"], '{"detail": {"object": {"key": "payments/a.csv"}}}')]
    assert (f"{FUNCTION}:arrears-close:$LATEST", FAILED["requestPayload"]) in invoked.events
    assert (f"{FUNCTION}:wake_case", RECORD) in invoked.events
    assert "0 dead letters" in ops("dead")
    assert "there is no dead letter" in ops("redrive", one, expect=1)


def test_what_nobody_knows_and_what_fails_stay_and_keep_nothing_else_back(
    world: World, ops: Run, invoked: Invoked, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = dead(world, "DeadLetters", ["what?"])
    refused = dead(world, "DeadLetters", {}, SCHEDULE)
    dead(world, "DeadLetters", FAILED)
    whole = invoked.invoke

    def invoke(*, FunctionName: str, **given: Any) -> None:  # noqa: N803 - boto3's names
        if FunctionName == SCHEDULE["TARGET_ARN"]:
            raise client_error("AccessDeniedException", "Invoke")
        whole(FunctionName=FunctionName, **given)

    monkeypatch.setattr(invoked, "invoke", invoke)

    said = ops("redrive", "--all", expect=1)

    assert f"{unknown}  LEFT: nobody knows what it is for" in said
    assert f"{refused}  LEFT: lambda:Invoke: AccessDeniedException" in said
    assert "1 tried again, 2 left" in said
    assert [name for name, _ in invoked.events] == [f"{FUNCTION}:arrears-close:$LATEST"]
    listed = ops("dead")
    assert unknown in listed
    assert refused in listed
    assert "2 dead letters" in listed


def test_more_dead_letters_than_one_request_has_are_listed_and_tried_again(
    world: World, ops: Run, invoked: Invoked
) -> None:
    for _ in range(23):
        dead(world, "DeadLetters", {}, SCHEDULE)

    assert "23 dead letters" in ops("dead")
    assert "23 tried again" in ops("redrive", "--all")

    assert len(invoked.events) == 23
    assert "0 dead letters" in ops("dead")


# --- dead calls and letters ------------------------------------------------------------------------------------------
CALLS = {"reminder": {"from": {"days_past_due": 1}, "steps": [{"action": "queue_call", "every_days": 3}]}}
LETTERS = {
    "reminder": {
        "from": {"days_past_due": 1},
        "steps": [{"action": "queue_letter", "template": "lawyer_letter", "at_most": 1}],
    }
}


def die(world: World, name: str, stages: Any = CALLS) -> dict[str, Any]:
    """Queue a task, and have its reader fail on it for good; return it."""
    world.stack.publish(stages=stages)
    world.report()
    world.act(world.assess())
    (task,) = world.queued(f"{name}Queue")
    dead(world, f"{name}DeadLetters", task, group=ACCOUNT_ID)
    return task


@pytest.mark.parametrize(("name", "stages"), [("Call", CALLS), ("Letter", LETTERS)])
def test_a_task_that_a_reader_failed_on_goes_back_to_its_queue(world: World, ops: Run, name: str, stages: Any) -> None:
    task = die(world, name, stages)

    assert "queued again" in ops("redrive", "--all")

    assert world.queued(f"{name}Queue") == [task]
    assert "0 dead letters" in ops("dead")


@pytest.mark.parametrize(("name", "stages"), [("Call", CALLS), ("Letter", LETTERS)])
def test_nothing_is_handed_over_while_what_goes_out_is_stopped(world: World, ops: Run, name: str, stages: Any) -> None:
    task = die(world, name, stages)
    ops("pause", "--by", "I. Operator", "--why", "wrong rates")

    said = ops("redrive", "--all", expect=1)

    assert "LEFT: stays here: what goes out is paused since" in said
    assert not world.queued(f"{name}Queue")
    ops("resume")
    assert "1 tried again" in ops("redrive", "--all")
    assert world.queued(f"{name}Queue") == [task]


def test_what_takes_calls_back_is_handed_over_whatever_the_switches_say(world: World, ops: Run) -> None:
    withdrawal = {"schema": "call-withdrawal-1", "action_id": f"{CASE_ID}.withdraw.1", "case_id": CASE_ID}
    dead(world, "CallDeadLetters", withdrawal, group=ACCOUNT_ID)
    ops("pause", "--by", "I. Operator", "--why", "wrong rates")

    assert "1 tried again" in ops("redrive", "--all")

    assert world.queued("CallQueue") == [withdrawal]


def test_a_call_of_a_case_that_is_paid_is_dropped(world: World, ops: Run) -> None:
    die(world, "Call")
    world.stack.news(CASE_ID, paid("60000.00"))
    world.act(world.until("WithdrawCalls"))
    world.queued("CallQueue")

    assert "DROPPED: it was taken back on" in ops("redrive", "--all")

    assert not world.queued("CallQueue")
    assert "0 dead letters" in ops("dead")


def test_a_call_whose_result_is_on_file_is_dropped(world: World, ops: Run) -> None:
    die(world, "Call")
    tomorrow = OPENS + timedelta(days=1)
    called = Call("CALL-1", datetime(2005, 6, 3, 12, tzinfo=UTC), tomorrow, None, "no_answer")
    world.stack.on(tomorrow)
    world.stack.news(CASE_ID, CallResult(called))

    assert "DROPPED: its result is on file" in ops("redrive", "--all")

    assert not world.queued("CallQueue")


def test_a_letter_of_a_case_that_is_paid_is_left_to_the_mail_which_records_that_it_is_taken_out(
    world: World, ops: Run
) -> None:
    die(world, "Letter", LETTERS)
    world.stack.news(CASE_ID, paid("60000.00"))
    world.until("Closed")

    assert "1 tried again" in ops("redrive", "--all")

    assert world.invoke("dispatch_letters", {})["taken_out"] == 1
    assert world.events(LetterWithdrawn)


def test_a_task_that_the_record_does_not_have_stays(world: World, ops: Run) -> None:
    die(world, "Call")
    dead(world, "CallDeadLetters", TASK | {"case_id": "CARD-0009-20050602"}, group="CARD-0009")
    dead(world, "CallDeadLetters", TASK | {"case_id": CASE_ID, "action_id": "another"}, group="CARD-0008")

    said = ops("redrive", "--all", expect=1)

    assert "LEFT: there is no case CARD-0009-20050602" in said
    assert f"LEFT: the record of {CASE_ID} does not have it" in said
    assert "1 tried again, 2 left" in said


def test_news_that_the_stream_gave_up_wakes_every_case_that_has_not_seen_its_own(
    world: World, ops: Run, states: States
) -> None:
    world.report()
    version = world.act(world.assess())["wait"]["version"]
    table = world.stack.table
    table.client.update_item(
        TableName=table.name,
        Key={"pk": {"S": f"ACCOUNT#{ACCOUNT_ID}"}, "sk": {"S": f"CASE#{CASE_ID}"}},
        UpdateExpression="SET #t = :t, token_version = :v",
        ExpressionAttributeNames={"#t": "token"},
        ExpressionAttributeValues={":t": {"S": "token-1"}, ":v": {"N": version}},
    )
    dead(world, "DeadLetters", STREAM)
    assert "0 cases woken" in ops("redrive", "--all")
    world.stack.news(CASE_ID, paid("1.00"))
    for _ in range(3):
        dead(world, "DeadLetters", STREAM)

    assert ops("redrive", "--all").count("1 cases woken") == 3

    assert states.answered == ["token-1"], "all cases are looked at once for all of it"


# --- imports that broke off ------------------------------------------------------------------------------------------
def test_files_whose_import_broke_off_are_listed_with_their_error_and_imported_again_one_by_one_or_all(
    world: World, ops: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, Any]] = []
    client = SimpleNamespace(
        start_execution=lambda **given: started.append((given["stateMachineArn"], json.loads(given["input"])))
    )
    monkeypatch.setattr(aws, "stepfunctions", lambda: client)
    returns = "agency_id=default/returns/1.csv"
    for name, key in (("InboundBucket", "payments/a.csv"), ("AgencyBucket", returns)):
        kept = {"bucket": name.lower(), "key": key, "version_id": "v1", "error": "Sandbox.Timedout", "at": "2005-06-02"}
        world.bucket(name).put(f"errors/{key}.json", json.dumps(kept).encode(), "application/json")

    assert "imports       2 broke off (arrears ops imports)" in ops("status", expect=1)
    said = ops("imports")
    assert "payments/a.csv  2005-06-02  Sandbox.Timedout" in said
    assert "2 broke off" in said
    assert "payments/a.csv is imported again" in ops("reimport", "payments/a.csv")
    again = {"bucket": {"name": "inboundbucket"}, "object": {"key": "payments/a.csv", "version-id": "v1"}}
    assert started == [(RULE["TARGET_ARN"], {"detail": again})]
    assert "2 imported again" in ops("reimport", "--all")
    assert "no import of payments/b.csv broke off" in ops("reimport", "payments/b.csv", expect=1)


def test_one_that_cannot_be_recovered_or_closed_keeps_no_other_back(
    world: World, ops: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops("shadow", "on", "--by", "I. Operator", "--why", "first month")
    for name in ("CARD-0002", ACCOUNT_ID, "CARD-0003"):
        world.assess(world.report(name))

    def busy(whole: Any) -> Any:
        def call(self: Any, case_id: str, *given: Any) -> Any:
            if case_id == CASE_ID:
                raise TransientConflictError(f"{case_id}: others keep changing it")
            return whole(self, case_id, *given)

        return call

    monkeypatch.setattr(Recover, "__call__", busy(Recover.__call__))
    monkeypatch.setattr(EndShadow, "_end", busy(EndShadow._end))

    said = ops("recover", "--all", expect=1) + ops("shadow", "off", expect=1)

    assert "2 cases are one generation on" in said
    assert "2 cases that lived in it are closed" in said
    assert said.count("NOT DONE") == said.count("1 could not be done") == 2


# --- after a restore -------------------------------------------------------------------------------------------------
def test_every_open_case_gets_a_fresh_execution_and_the_old_one_ends(world: World, ops: Run) -> None:
    world.report()
    world.act(world.assess())

    assert "1 cases are one generation on" in ops("recover", "--all")

    assert world.stack.case(CASE_ID).generation == 2
    assert world.stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}
    assert world.assess()["next"] == "Closed", "the execution of the first generation"
    assert "there is no open case" in ops("recover", "CARD-9999-20050602", expect=1)


# --- the switches ----------------------------------------------------------------------------------------------------
def test_pause_wants_a_name_and_a_reason_and_resume_ends_it(world: World, ops: Run) -> None:
    with pytest.raises(SystemExit):
        main(["ops", "pause", "--by", "I. Operator"])
    assert "what goes out is paused since 2005-06-02 12:00 by I. Operator: wrong rates" in ops(
        "pause", "--by", "I. Operator", "--why", "wrong rates"
    )
    assert "on since" in ops("pause", "--by", "I. Operator", "--why", "again", expect=1)
    assert world.stack.settings.switches().pause is not None
    assert "it goes on" in ops("resume", "--by", "I. Operator")
    assert world.stack.settings.switches().pause is None
    assert "off already" in ops("resume", expect=1)


def test_shadow_mode_off_closes_what_lived_in_it_and_may_be_said_again(world: World, ops: Run) -> None:
    assert "say who" in ops("shadow", "on", expect=1)
    assert "nothing of them leaves" in ops("shadow", "on", "--why", "first month")
    world.report()
    world.assess()

    assert "in shadow     1" in ops("status")
    assert "1 cases that lived in it are closed" in ops("shadow", "off")
    assert "0 cases that lived in it are closed" in ops("shadow", "off")
    assert cast("Any", world.stack.case(CASE_ID).case).closed_on == OPENS
