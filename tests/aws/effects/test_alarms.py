"""Every alarm rings for what it is there for, and is quiet just short of it; no alarm and no widget is blind.

A handler of the template is run until it tells what an alarm waits for, on both sides of the threshold. What it wrote,
or what a queue then holds, is held against the alarm as the template has it (`tests.support.alarms`).
"""

import ast
import functools
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from arrears import runtime
from arrears.adapters import aws
from arrears.adapters.sms import SnsSms
from arrears.domain.events import ApprovalAsked, CaseOpened, OperatorListed
from arrears.domain.facts import CallOutcome
from arrears.domain.policy_parts import Action
from arrears.effects.folders import placements_folder
from arrears.errors import PermanentActionError, UncertainError
from arrears.runtime import _ENDS, handler, observe
from tests.aws.effects.world import World
from tests.support.alarms import ALARMS, Alarm, Datum
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, account, paid
from tests.support.inbox import AGENCY, INBOUND, Inbox
from tests.support.rows import CALL, PAYMENT, PORTFOLIO, csv_of
from tests.support.stack import Context
from tests.support.states import STATE_MACHINE, States
from tools.template import ROOT, Resolver, load, resources

DAY = timedelta(days=1)
OURS = {name for name, alarm in ALARMS.items() if alarm["Namespace"] == "Arrears"}
QUEUES = resources(load(), "AWS::SQS::Queue")
#: What SQS tells of a queue each minute, with the one dimension QueueName, of those that an alarm may wait for:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
SQS_METRICS = {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}
#: What other services tell by themselves, each with its namespace and its dimensions.
#: What the account is charged has none.
#: https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
TOLD_BY_AWS: dict[str, tuple[str, dict[str, str]]] = {
    "SMSMonthToDateSpentUSD": ("AWS/SNS", {}),
    "IteratorAge": ("AWS/Lambda", {"FunctionName": "WakeCaseFunction"}),
    "AsyncEventsDropped": ("AWS/Lambda", {"FunctionName": "RecordReceiptsFunction"}),
}
Read = Callable[[], list[Datum]]


# --- what is told ----------------------------------------------------------------------------------------------------
@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Read:
    """Gives the metrics that were written since it was asked last."""
    runtime.metrics.clear_metrics()

    def read() -> list[Datum]:
        found = []
        for line in capsys.readouterr().out.splitlines():
            if '"_aws"' not in line:
                continue
            fields = json.loads(line)
            for directive in fields["_aws"]["CloudWatchMetrics"]:
                dimensions = {name: fields[name] for name in directive["Dimensions"][0]}
                for metric in directive["Metrics"]:
                    values = fields[metric["Name"]]
                    found += [
                        Datum(metric["Name"], float(value), dimensions, directive["Namespace"])
                        for value in (values if isinstance(values, list) else [values])
                    ]
        return found

    return read


def told_by_queues(world: World, now: float) -> list[Datum]:
    """What SQS tells of the stack's queues at a time."""
    found = []
    for name in QUEUES:
        url, dimensions = world.stack.physical[name], {"QueueName": f"{name}.QueueName"}
        answer = aws.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        visible = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        found.append(Datum("ApproximateNumberOfMessagesVisible", visible, dimensions, "AWS/SQS"))
        looked_at = aws.sqs().receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageSystemAttributeNames=["SentTimestamp"]
        )
        for message in looked_at.get("Messages", [])[:1]:
            age = now - int(message["Attributes"]["SentTimestamp"]) / 1000
            found.append(Datum("ApproximateAgeOfOldestMessage", age, dimensions, "AWS/SQS"))
    return found


# --- what makes them ring --------------------------------------------------------------------------------------------
Scenario = Callable[[World], None]


def scan(world: World) -> None:
    world.invoke("scan_delinquencies", {})


def parked(world: World) -> None:
    reminder = {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms", "template": "nosuch"}]}
    world.stack.publish(stages={"reminder": reminder})
    world.report()
    world.act(world.assess())


def execution_failed(world: World) -> None:
    event = json.loads((ROOT / "events/recover_case/execution_failed.json").read_text(encoding="utf-8"))
    world.invoke("recover_case", event)


def uncertain(times: int) -> Scenario:
    def broke_off(*_: Any) -> str:
        raise UncertainError("read timeout")

    def send(world: World) -> None:
        world.monkeypatch.setattr(SnsSms, "send", broke_off)
        for number in range(times):
            world.act(world.assess(world.report(f"CARD-{number:04d}")))

    return send


def two_texts_of(budget: str) -> Scenario:
    def send(world: World) -> None:
        world.stack.publish(sms={"segment_price": "0.05", "monthly_budget": {"total": budget}})
        for number in range(2):
            world.act(world.assess(world.report(f"CARD-{number:04d}")))

    return send


def sent(world: World) -> None:
    world.report()
    world.act(world.assess())


def take_in(world: World, detail: object) -> None:
    """Import a file, as the workflow does."""
    split = world.invoke("split_import", {"detail": detail})
    for piece in split["pieces"]:
        world.invoke("import_rows", {"drop": split["drop"], "piece": piece})
    world.invoke("report_import", {"detail": detail, "split": split})


def file_with(*rows: dict[str, Any], kind: str = "payments") -> Scenario:
    def drop(world: World) -> None:
        world.stack.physical |= {"InboundBucket": INBOUND, "AgencyBucket": AGENCY}
        inbox = Inbox(world.stack)
        detail = inbox.put(f"{kind}/a.csv", csv_of(*rows))
        take_in(world, detail)

    return drop


def import_broke_off(world: World) -> None:
    world.stack.physical |= {"InboundBucket": INBOUND, "AgencyBucket": AGENCY}
    detail = Inbox(world.stack).put("payments/a.csv", csv_of(PAYMENT))
    world.invoke("report_import", {"detail": detail, "error": {"Error": "States.Timeout", "Cause": ""}})


def placed(world: World) -> None:
    stage = {"from": {"days_past_due": 1}, "steps": [{"action": "place_with_agency"}]}
    world.stack.publish(stages={"agency": stage})
    world.report()
    world.act(world.assess())
    world.close()


def acknowledged(*, fits: bool) -> Scenario:
    def acknowledge(world: World) -> None:
        world.stack.physical |= {"InboundBucket": INBOUND, "AgencyBucket": "agencybucket"}
        placed(world)
        key = f"{placements_folder('default', OPENS)}manifest.json"
        body = world.body("AgencyBucket", key)
        inbox = Inbox(world.stack)
        inbox.client.put_object(Bucket=AGENCY, Key=key, Body=body)
        world.stack.physical["AgencyBucket"] = AGENCY
        digest = hashlib.sha256(body).hexdigest() if fits else "0" * 64
        ack = {"manifest": key, "sha256": digest, "accepted": 1}
        detail = inbox.put("agency_id=default/acks/1.json", json.dumps(ack).encode())
        take_in(world, detail)

    return acknowledge


def silent_agency(days: int) -> Scenario:
    def wait(world: World) -> None:
        placed(world)
        world.stack.on(OPENS + days * DAY)
        world.close()

    return wait


def observed(*events: Any) -> Scenario:
    """What any function tells of events that it appends."""

    def tell(_world: World) -> None:
        handler(lambda _event, _context: observe(events, None))({}, Context())  # type: ignore[arg-type]

    return tell


def due_for(days: int) -> Scenario:
    def look(world: World) -> None:
        world.report()
        world.stack.on(OPENS + days * DAY)
        scan(world)

    return look


def not_started(world: World) -> None:
    """An account is due, and its execution is refused."""
    world.report()
    cast("States", aws.stepfunctions()).errors.append("InvalidName")
    scan(world)


def paused_for(hours: int) -> Scenario:
    def look(world: World) -> None:
        world.stack.on(OPENS + 3 * DAY)
        now = world.stack.settings.clock().at("UTC")
        since = now - timedelta(hours=hours)
        world.stack.settings.turn("pause", on=True, by="I. Operator", why="wrong rates", at=since)
        scan(world)

    return look


def nobody_pays_for(days: int) -> Scenario:
    def look(world: World) -> None:
        world.report()
        world.assess()
        world.stack.on(OPENS + days * DAY)
        world.close()

    return look


def record_of_the_stream(number: str) -> Scenario:
    def bring(world: World) -> None:
        image = {"case_id": {"S": CASE_ID}, "number": {"S": number} if number == "poison" else {"N": number}}
        world.invoke("wake_case", {"Records": [{"dynamodb": {"SequenceNumber": "1", "NewImage": image}}]})

    return bring


def received(action: str, state: str, queue: str, times: int) -> Scenario:
    """A task whose reader fails on it so often."""

    def fail(world: World) -> None:
        step = {"action": action, "template": "lawyer_letter"} if action == "queue_letter" else {"action": action}
        world.stack.publish(stages={"reminder": {"from": {"days_past_due": 1}, "steps": [step]}})
        world.report()
        world.act(world.until(state))
        for _ in range(times):
            aws.sqs().receive_message(QueueUrl=world.stack.physical[queue], VisibilityTimeout=0)

    return fail


@dataclass(frozen=True)
class Case:
    """What makes an alarm ring, and what comes next to it and does not.

    Attributes:
        after: how long after it a queue is looked at, in seconds: when the alarm rings, and when it does not yet.
        told: what a service of AWS tells that nothing stands in for here: when it rings, and when it does not yet.
    """

    rings: Scenario
    quiet: Scenario
    after: tuple[float, float] = (0, 0)
    told: tuple[Sequence[Datum], Sequence[Datum]] = ((), ())


def opened(count: int) -> Scenario:
    return observed(*[CaseOpened(CASE_ID, account(), OPENS, "due")] * count)


def receipts(*, lost: bool) -> Scenario:
    """Receipts that cannot be read and, when lost, not be set aside: the function fails, and Lambda drops them."""

    def scenario(world: World) -> None:
        physical = world.stack.physical
        with pytest.MonkeyPatch.context() as patch:
            if lost:
                patch.setitem(physical, "DeadLetters", f"{physical['DeadLetters']}-that-is-gone")
            with pytest.raises(PermanentActionError) if lost else nullcontext():
                world.invoke("record_receipts", {"awslogs": {"data": ""}})

    return scenario


def told_by_aws(metric: str, *values: float) -> tuple[list[Datum], list[Datum]]:
    """A value that makes an alarm ring, and one that does not."""
    namespace, dimensions = TOLD_BY_AWS[metric]
    rings, quiet = ([Datum(metric, value, dimensions, namespace)] for value in values)
    return rings, quiet


THREE_DAYS = 259_200
CALL_TASK = received("queue_call", "QueueCall", "CallQueue", 0)
LETTER_TASK = received("queue_letter", "QueueLetter", "LetterQueue", 0)
CASES: dict[str, Case] = {
    "ParkedAlarm": Case(parked, sent),
    "ExecutionsAlarm": Case(execution_failed, sent),
    "UncertainAlarm": Case(uncertain(6), uncertain(5)),
    "SmsBudgetAlarm": Case(two_texts_of("0.20"), two_texts_of("0.40")),
    "ImportAlarm": Case(file_with({**PAYMENT, "amount": "much"}), file_with(PAYMENT)),
    "ImportFailedAlarm": Case(import_broke_off, file_with({**PAYMENT, "amount": "much"})),
    "HandoverOverdueAlarm": Case(silent_agency(5), silent_agency(1)),
    "HandoverRefusedAlarm": Case(acknowledged(fits=False), acknowledged(fits=True)),
    "ApprovalAlarm": Case(
        observed(ApprovalAsked("escalated", OPENS, "asked long ago")), observed(ApprovalAsked("asked", OPENS, "due"))
    ),
    "OperatorAlarm": Case(observed(OperatorListed("limitation", OPENS, "barred")), sent),
    "UnscannedAlarm": Case(due_for(1), due_for(0)),
    "NotStartedAlarm": Case(not_started, due_for(0)),
    "NewsLateAlarm": Case(
        record_of_the_stream("7"), record_of_the_stream("7"), told=told_by_aws("IteratorAge", 900_001, 900_000)
    ),
    "ReceiptsDroppedAlarm": Case(
        receipts(lost=True), receipts(lost=False), told=told_by_aws("AsyncEventsDropped", 1, 0)
    ),
    "SmsSpendAlarm": Case(sent, sent, told=told_by_aws("SMSMonthToDateSpentUSD", 0.8, 0.79)),
    "PausedAlarm": Case(paused_for(24), paused_for(23)),
    "CasesAlarm": Case(opened(5001), opened(5000)),
    "CuresAlarm": Case(nobody_pays_for(3), nobody_pays_for(2)),
    "DeadLetterAlarm": Case(record_of_the_stream("poison"), record_of_the_stream("7")),
    "DeadCallsAlarm": Case(
        received("queue_call", "QueueCall", "CallQueue", 6), received("queue_call", "QueueCall", "CallQueue", 4)
    ),
    "DeadMailAlarm": Case(
        received("queue_letter", "QueueLetter", "LetterQueue", 6),
        received("queue_letter", "QueueLetter", "LetterQueue", 4),
    ),
    "CallsStuckAlarm": Case(CALL_TASK, CALL_TASK, after=(THREE_DAYS + 60, THREE_DAYS - 60)),
    "LettersStuckAlarm": Case(LETTER_TASK, LETTER_TASK, after=(THREE_DAYS + 60, THREE_DAYS - 60)),
}


@pytest.fixture
def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with Step Functions and the stack's dead letters beside it."""
    states = States()
    monkeypatch.setattr(aws, "stepfunctions", lambda: states.client)
    world.stack.physical["Escalation"] = STATE_MACHINE
    arns = {}
    for name, body in QUEUES.items():
        if name not in world.stack.physical:
            fifo: Any = {"FifoQueue": "true"} if body["Properties"].get("FifoQueue") else {}
            queue = aws.sqs().create_queue(QueueName=f"{name}{'.fifo' if fifo else ''}", Attributes=fifo)
            world.stack.physical[name] = url = queue["QueueUrl"]
            answer = aws.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            arns[f"{name}.Arn"] = answer["Attributes"]["QueueArn"]
    for name, body in QUEUES.items():
        if "RedrivePolicy" in body["Properties"]:
            policy = json.dumps(Resolver(load(), physical=arns)(body["Properties"]["RedrivePolicy"]))
            aws.sqs().set_queue_attributes(QueueUrl=world.stack.physical[name], Attributes={"RedrivePolicy": policy})
    return world


def test_there_is_a_way_to_make_each_alarm_ring() -> None:
    assert set(CASES) == set(ALARMS)


@pytest.mark.parametrize("name", CASES)
def test_an_alarm_rings_for_what_it_is_there_for(name: str, watched: World, told: Read) -> None:
    case = CASES[name]

    case.rings(watched)

    data = [*told(), *told_by_queues(watched, time.time() + case.after[0]), *case.told[0]]
    assert Alarm(name).rings(data)


@pytest.mark.parametrize("name", CASES)
def test_an_alarm_is_quiet_just_short_of_it(name: str, watched: World, told: Read) -> None:
    case, alarm = CASES[name], Alarm(name)

    case.quiet(watched)

    data = [*told(), *told_by_queues(watched, time.time() + case.after[1]), *case.told[1]]
    assert not alarm.rings(data)
    if alarm.properties["Threshold"]:
        assert any(alarm.hears(datum) for datum in data), "it heard of it, and it was too little"


def test_the_scan_that_does_not_run_at_all_rings_and_one_late_hour_does_not() -> None:
    alarm, dimensions = Alarm("UnscannedAlarm"), {"service": "arrears"}
    late, well = [Datum("OldestUnscannedDays", 1, dimensions)], [Datum("OldestUnscannedDays", 0, dimensions)]

    assert alarm.rings([])
    assert alarm.rings(late, [], late)
    assert not alarm.rings(late, late, well)


def test_an_alarm_hears_no_metric_of_another_name_service_or_namespace() -> None:
    of_ours = Datum("ActionsFailed", 1, {"service": "arrears"})

    assert Alarm("ParkedAlarm").rings([of_ours])
    for other in (
        replace(of_ours, metric="ActionsUncertain"),
        replace(of_ours, dimensions={"service": "another"}),
        replace(of_ours, dimensions={"service": "arrears", "function_name": "send_sms"}),
        replace(of_ours, namespace="Other"),
    ):
        assert not Alarm("ParkedAlarm").rings([other])


def test_no_alarm_rings_on_a_day_like_any_other(watched: World, told: Read) -> None:
    watched.stack.publish(sms={"segment_price": "0.05", "monthly_budget": {"total": "20.00"}})
    watched.report()
    scan(watched)
    watched.invoke("assess_case", {"step": {"case_id": CASE_ID, "generation": 1}, "started": "2126-01-01T00:00:00Z"})
    watched.act(watched.assess())
    watched.stack.news(CASE_ID, paid("60000.00"))
    watched.stack.on(OPENS + DAY)
    again = {"case_id": CASE_ID, "generation": 1, "turns": 1}
    watched.invoke("assess_case", {"step": again, "started": "2126-01-01T00:00:00Z"})
    watched.close()
    file_with(PORTFOLIO, kind="portfolio")(watched)

    data = [*told(), *told_by_queues(watched, time.time())]

    names = {datum.metric for datum in data}
    assert {"CasesOpened", "CasesCured", "Done_send_sms", "SmsCost", "SmsSegments", "RowsAccepted"} <= names
    assert [name for name in ALARMS if Alarm(name).rings(data)] == []


def test_results_of_calls_and_payments_are_counted_as_they_come_in(watched: World, told: Read) -> None:
    watched.report(ACCOUNT_ID)
    watched.assess()
    file_with({**CALL, "account_id": ACCOUNT_ID, "result": "refused"}, kind="calls")(watched)
    assert Datum("Calls_refused", 1.0, {"service": "arrears"}) in told()

    file_with({**PAYMENT, "account_id": ACCOUNT_ID})(watched)
    assert Datum("PaymentsTakenIn", 1.0, {"service": "arrears"}) in told()


def test_what_is_held_by_a_pause_is_counted_by_its_kind(watched: World, told: Read) -> None:
    watched.report()
    watched.stack.settings.turn("pause", on=True, by="I. Operator", why="wrong rates")
    watched.act(watched.assess())

    assert Datum("Held_send_sms", 1.0, {"service": "arrears"}) in told()


def counted(told: Read) -> dict[str, float]:
    found: dict[str, float] = {}
    for datum in told():
        found[datum.metric] = found.get(datum.metric, 0) + datum.value
    return found


def looked_at_again(world: World, **more: Any) -> None:
    """The workflow comes back to the case, with or without an error of what it asked for."""
    step = {"case_id": CASE_ID, "generation": 1, "turns": 1, **more}
    world.invoke("assess_case", {"step": step, "started": "2126-01-01T00:00:00Z"})


@pytest.mark.parametrize("suffix", ["", "_shadow"])
def test_a_text_whose_function_died_is_counted_as_uncertain_by_its_kind(
    suffix: str, watched: World, told: Read
) -> None:
    if suffix:
        watched.stack.settings.turn("shadow", on=True, by="I. Operator", why="a first month")
    watched.report()
    watched.die_before_confirming(watched.assess())
    told()

    looked_at_again(watched)

    found = counted(told)
    assert (found.get(f"Uncertain_send_sms{suffix}"), found.get("ActionsUncertain")) == (1, 1)


def test_an_action_that_the_workflow_gave_up_is_counted_by_its_kind(watched: World, told: Read) -> None:
    watched.stack.publish(stages={"reminder": {"from": {"days_past_due": 1}, "steps": [{"action": "queue_call"}]}})
    watched.report()
    asked = watched.until("QueueCall")
    told()

    looked_at_again(watched, **{**asked, "error": {"Error": "PermanentActionError", "Cause": ""}})

    found = counted(told)
    assert (found.get("Failed_queue_call"), found.get("ActionsFailed")) == (1, 1)


def test_an_end_is_counted_once_by_its_kind(watched: World, told: Read) -> None:
    watched.report()
    watched.act(watched.assess())

    found = counted(told)
    assert (found["Done_send_sms"], found["ActionsDone"], found["Planned_send_sms"]) == (1, 1, 1)


# --- what nobody tells -----------------------------------------------------------------------------------------------
@functools.cache
def emitted() -> set[str]:
    """Every metric that the code names, and those whose name is put together of a kind and a result."""
    names = {f"{end}_{action}" for end in (*_ENDS.values(), "Held") for action in get_args(Action)}
    names |= {f"Calls_{result}" for result in get_args(CallOutcome)}
    names |= {"Sms_delivered", "Sms_failed", "ApprovalsEscalated", "PaymentsTakenIn"}
    for path in (*(ROOT / "layers/common/arrears").rglob("*.py"), *(ROOT / "functions").rglob("*.py")):
        names |= set(_counted(path))
    return names


def _counted(path: Path) -> Iterator[str]:
    """Yield the first arguments, as they stand in a file, of what adds to a metric."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("count", "tell"):
            for argument in node.args[:1]:
                yield from (str(each.value) for each in ast.walk(argument) if isinstance(each, ast.Constant))


def test_no_alarm_waits_for_a_metric_that_nobody_writes() -> None:
    assert {ALARMS[name]["MetricName"] for name in OURS} <= emitted()


def test_an_alarm_hears_its_own_stack_and_no_other_of_the_account() -> None:
    service = load()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    written = resources(load(), "AWS::CloudWatch::Alarm")

    assert service == {"Ref": "AWS::StackName"}
    for name in OURS:
        assert written[name]["Properties"]["Dimensions"] == [{"Name": "service", "Value": service}], name


def shown() -> list[list[Any]]:
    """Every metric of the dashboard."""
    (dashboard,) = resources(load(), "AWS::CloudWatch::Dashboard").values()
    body = json.loads(Resolver(load())(dashboard["Properties"]["DashboardBody"]))
    return [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]


def test_no_widget_shows_a_metric_that_nobody_writes() -> None:
    assert len(shown()) > 40
    for namespace, name, *rest in shown():
        if namespace == "Arrears":
            assert name in emitted(), name
            assert rest[:2] == ["service", "arrears"]
        elif name in TOLD_BY_AWS:
            dimensions = [part for pair in TOLD_BY_AWS[name][1].items() for part in pair]
            assert (namespace, rest[: len(dimensions)]) == (TOLD_BY_AWS[name][0], dimensions), name
            assert isinstance(rest[len(dimensions)], dict), name
        else:
            assert (namespace, rest[0]) == ("AWS/SQS", "QueueName")
            assert name in SQS_METRICS
            assert rest[1].removesuffix(".QueueName") in QUEUES


#: What whoever runs the stack looks for, and the metrics that show it.
LOOKED_FOR: dict[str, set[str]] = {
    "cases opened": {"CasesOpened"},
    "texts by result": {f"{end}_send_sms" for end in ("Done", "Uncertain", "Failed", "Postponed", "Held")}
    | {"Sms_delivered", "Sms_failed"},
    "calls by result": {"Done_queue_call", "Failed_queue_call", *(f"Calls_{each}" for each in get_args(CallOutcome))},
    "letters by result": {"Done_queue_letter", "LettersMailed", "LettersTakenOut", "Failed_queue_letter"},
    "cures": {"CasesCured", "CuresMissing"},
    "parked failures": {"ActionsFailed"},
    "dead letters": {"ApproximateNumberOfMessagesVisible"},
    "oldest unscanned account": {"OldestUnscannedDays"},
    "import rejects": {"RowsRejected", "ImportsFailed"},
    "unacknowledged manifests": {"AcknowledgementsOverdue", "AcknowledgementsRefused"},
    "spend": {"SmsCost", "SmsBudgetPercent", "SMSMonthToDateSpentUSD"},
    "news that is late": {"IteratorAge"},
}


def test_the_dashboard_shows_all_that_is_looked_for() -> None:
    names = {metric[1] for metric in shown()}
    for what, metrics in LOOKED_FOR.items():
        assert metrics <= names, what
    dead = {queue for queue in QUEUES if "DeadLetters" in queue}
    assert dead <= {metric[3].removesuffix(".QueueName") for metric in shown() if metric[0] == "AWS/SQS"}


def test_the_dashboard_shows_what_every_alarm_waits_for() -> None:
    waited = {alarm["MetricName"] for alarm in ALARMS.values()}
    # What is done uncertainly is shown by its kind.
    assert waited - {metric[1] for metric in shown()} <= {"ActionsUncertain"}


def test_an_alarm_of_a_queue_names_a_queue_of_the_template_and_every_dead_letter_queue_has_one() -> None:
    named = set()
    for name, alarm in ALARMS.items():
        if alarm["Namespace"] == "AWS/SQS":
            (dimension,) = alarm["Dimensions"]
            queue = dimension["Value"].removesuffix(".QueueName")
            assert (dimension["Name"], alarm["MetricName"] in SQS_METRICS) == ("QueueName", True), name
            assert queue in QUEUES
            named.add(queue)
    assert {queue for queue in QUEUES if "DeadLetters" in queue} <= named


def test_every_alarm_calls_somebody_and_says_what_it_means() -> None:
    for name, body in resources(load(), "AWS::CloudWatch::Alarm").items():
        alarm = body["Properties"]
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}], name
        assert re.search(r"\w+ \w+", alarm["AlarmDescription"]), name
