"""Every alarm rings for what it is there for, and for nothing that happens every day; no alarm and no widget is blind.

A handler of the template is run until it tells what an alarm waits for. The metrics that it wrote are then held against
the alarm as the template has it: namespace, name, dimensions, statistic, threshold.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from arrears import runtime
from arrears.adapters import aws
from arrears.adapters.sms import SnsSms
from arrears.domain.events import ApprovalAsked, CaseOpened, OperatorListed
from arrears.domain.facts import CallOutcome
from arrears.domain.policy_parts import Action
from arrears.errors import UncertainError
from arrears.runtime import handler, observe
from arrears.usecases.carry_out import _ENDS
from tests.aws.effects.world import World
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, account, paid
from tests.support.inbox import AGENCY, INBOUND, Inbox
from tests.support.rows import CALL, PAYMENT, PORTFOLIO, csv_of
from tests.support.stack import Context
from tests.support.states import STATE_MACHINE, States
from tools.template import ROOT, Resolver, load, resources

DAY = timedelta(days=1)
ALARMS = resources(load(), "AWS::CloudWatch::Alarm")
OURS = {name: body for name, body in ALARMS.items() if body["Properties"]["Namespace"] == "Arrears"}
Metrics = list[tuple[str, dict[str, str], float]]


# --- what is told ----------------------------------------------------------------------------------------------------
@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], Metrics]:
    """Gives the metrics that were written since it was asked last: name, dimensions, value."""
    runtime.metrics.clear_metrics()

    def read() -> Metrics:
        found: Metrics = []
        for line in capsys.readouterr().out.splitlines():
            if '"_aws"' not in line:
                continue
            fields = json.loads(line)
            for directive in fields["_aws"]["CloudWatchMetrics"]:
                assert directive["Namespace"] == "Arrears"
                dimensions = {name: fields[name] for name in directive["Dimensions"][0]}
                for metric in directive["Metrics"]:
                    values = fields[metric["Name"]]
                    values = values if isinstance(values, list) else [values]
                    found += [(metric["Name"], dimensions, float(value)) for value in values]
        return found

    return read


def rings(name: str, metrics: Metrics) -> bool:
    """Say whether an alarm rings when each of its periods brings these metrics."""
    alarm = Resolver(load())(ALARMS[name]["Properties"])
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    values = [value for metric, of, value in metrics if metric == alarm["MetricName"] and of == dimensions]
    if not values:
        return bool(alarm["TreatMissingData"] == "breaching")
    reached = sum(values) if alarm["Statistic"] == "Sum" else max(values)
    if alarm["ComparisonOperator"] == "GreaterThanThreshold":
        return bool(reached > float(alarm["Threshold"]))
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    return bool(reached >= float(alarm["Threshold"]))


# --- what makes them ring --------------------------------------------------------------------------------------------
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


def six_uncertain(world: World) -> None:
    def broke_off(*_: Any) -> str:
        raise UncertainError("read timeout")

    world.monkeypatch.setattr(SnsSms, "send", broke_off)
    for number in range(6):
        world.act(world.assess(world.report(f"CARD-{number:04d}")))


def budget_nearly_spent(world: World) -> None:
    world.stack.publish(sms={"segment_price": "0.05", "monthly_budget": {"total": "0.20"}})
    for number in range(2):
        world.act(world.assess(world.report(f"CARD-{number:04d}")))


def file_with(*rows: dict[str, Any], kind: str = "payments") -> Callable[[World], None]:
    def drop(world: World) -> None:
        world.stack.physical |= {"InboundBucket": INBOUND, "AgencyBucket": AGENCY}
        inbox = Inbox(world.stack)
        detail = inbox.put(f"{kind}/a.csv", csv_of(*rows))
        split = world.invoke("split_import", {"detail": detail})
        for piece in split["pieces"]:
            world.invoke("import_rows", {"drop": split["drop"], "piece": piece})
        world.invoke("report_import", {"detail": detail, "split": split})

    return drop


def import_broke_off(world: World) -> None:
    world.stack.physical |= {"InboundBucket": INBOUND, "AgencyBucket": AGENCY}
    detail = Inbox(world.stack).put("payments/a.csv", csv_of(PAYMENT))
    world.invoke("report_import", {"detail": detail, "error": {"Error": "States.Timeout", "Cause": ""}})


def ack_that_does_not_fit(world: World) -> None:
    world.stack.physical |= {"InboundBucket": INBOUND, "AgencyBucket": AGENCY}
    inbox = Inbox(world.stack)
    ack = {"manifest": "agency_id=default/placements/date=2005-06-02/manifest.json", "sha256": "0" * 64, "accepted": 1}
    detail = inbox.put("agency_id=default/acks/1.json", json.dumps(ack).encode())
    split = world.invoke("split_import", {"detail": detail})
    for piece in split["pieces"]:
        world.invoke("import_rows", {"drop": split["drop"], "piece": piece})
    world.invoke("report_import", {"detail": detail, "split": split})


def silent_agency(world: World) -> None:
    stage = {"from": {"days_past_due": 1}, "steps": [{"action": "place_with_agency"}]}
    world.stack.publish(stages={"agency": stage})
    world.report()
    world.act(world.assess())
    world.close()
    world.stack.on(OPENS + 5 * DAY)
    world.close()


def observed(*events: Any) -> Callable[[World], None]:
    """What any function tells of events that it appends."""

    def tell(_world: World) -> None:
        handler(lambda _event, _context: observe(events))({}, Context())  # type: ignore[arg-type]

    return tell


def unscanned(world: World) -> None:
    world.report()
    world.stack.on(OPENS + DAY)
    scan(world)


def paused_for_a_day(world: World) -> None:
    at = world.stack.settings.clock().at("UTC")
    world.stack.settings.turn("pause", on=True, by="I. Operator", why="wrong rates", at=at)
    world.stack.on(OPENS + DAY)
    scan(world)


def nobody_pays(world: World) -> None:
    world.report()
    world.assess()
    world.stack.on(OPENS + 3 * DAY)
    world.close()


MANY = [CaseOpened(CASE_ID, account(), OPENS, "due")] * 5001
SCENARIOS: dict[str, Callable[[World], None]] = {
    "ParkedAlarm": parked,
    "ExecutionsAlarm": execution_failed,
    "UncertainAlarm": six_uncertain,
    "SmsBudgetAlarm": budget_nearly_spent,
    "ImportAlarm": file_with({**PAYMENT, "amount": "much"}),
    "ImportFailedAlarm": import_broke_off,
    "HandoverOverdueAlarm": silent_agency,
    "HandoverRefusedAlarm": ack_that_does_not_fit,
    "ApprovalAlarm": observed(ApprovalAsked("escalated", OPENS, "asked long ago")),
    "OperatorAlarm": observed(OperatorListed("limitation", OPENS, "barred")),
    "UnscannedAlarm": unscanned,
    "PausedAlarm": paused_for_a_day,
    "CasesAlarm": observed(*MANY),
    "CuresAlarm": nobody_pays,
}


@pytest.fixture
def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with Step Functions beside it."""
    states = States()
    monkeypatch.setattr(aws, "stepfunctions", lambda: states.client)
    world.stack.physical["Escalation"] = STATE_MACHINE
    return world


def test_there_is_a_way_to_make_each_alarm_ring() -> None:
    assert set(SCENARIOS) == set(OURS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_alarm_rings_for_what_it_is_there_for(name: str, watched: World, told: Callable[[], Metrics]) -> None:
    SCENARIOS[name](watched)

    assert rings(name, told())


def test_no_alarm_rings_on_a_day_like_any_other(watched: World, told: Callable[[], Metrics]) -> None:
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

    metrics = told()

    names = {name for name, _, _ in metrics}
    assert {"CasesOpened", "CasesCured", "Done_send_sms", "SmsCost", "SmsSegments", "RowsAccepted"} <= names
    assert [name for name in OURS if rings(name, metrics)] == []


def test_results_of_calls_and_payments_are_counted_as_they_come_in(watched: World, told: Callable[[], Metrics]) -> None:
    watched.report(ACCOUNT_ID)
    watched.assess()
    file_with({**CALL, "account_id": ACCOUNT_ID, "result": "refused"}, kind="calls")(watched)
    assert ("Calls_refused", {"service": "arrears"}, 1.0) in told()

    file_with({**PAYMENT, "account_id": ACCOUNT_ID})(watched)
    assert ("PaymentsTakenIn", {"service": "arrears"}, 1.0) in told()


def test_what_is_held_by_a_pause_is_counted_by_its_kind(watched: World, told: Callable[[], Metrics]) -> None:
    watched.report()
    watched.stack.settings.turn("pause", on=True, by="I. Operator", why="wrong rates")
    watched.act(watched.assess())

    assert ("Held_send_sms", {"service": "arrears"}, 1.0) in told()


# --- what nobody tells -----------------------------------------------------------------------------------------------
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
    assert {body["Properties"]["MetricName"] for body in OURS.values()} <= emitted()


def test_an_alarm_hears_its_own_stack_and_no_other_of_the_account() -> None:
    service = load()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]

    assert service == {"Ref": "AWS::StackName"}
    assert all(body["Properties"]["Dimensions"] == [{"Name": "service", "Value": service}] for body in OURS.values())


def widgets() -> list[dict[str, Any]]:
    (dashboard,) = resources(load(), "AWS::CloudWatch::Dashboard").values()
    shown: list[dict[str, Any]] = json.loads(Resolver(load())(dashboard["Properties"]["DashboardBody"]))["widgets"]
    return shown


def test_no_widget_shows_a_metric_that_nobody_writes() -> None:
    metrics = [metric for widget in widgets() for metric in widget["properties"]["metrics"]]
    assert len(metrics) > 40
    for namespace, name, *rest in metrics:
        if namespace == "Arrears":
            assert name in emitted(), name
            assert rest[:2] == ["service", "arrears"]
        else:
            assert (namespace, rest[0]) == ("AWS/SQS", "QueueName")


def test_the_dashboard_shows_what_every_alarm_waits_for() -> None:
    shown = {metric[1] for widget in widgets() for metric in widget["properties"]["metrics"]}
    waited = {body["Properties"]["MetricName"] for body in ALARMS.values()}
    # What is done uncertainly is shown by its kind.
    assert waited - shown <= {"ActionsUncertain"}


def test_an_alarm_of_a_queue_names_a_queue_of_the_template_and_every_dead_letter_queue_has_one() -> None:
    queues = resources(load(), "AWS::SQS::Queue")
    named: dict[str, str] = {}
    for name, body in ALARMS.items():
        if body["Properties"]["Namespace"] == "AWS/SQS":
            (dimension,) = body["Properties"]["Dimensions"]
            queue, attribute = dimension["Value"]["Fn::GetAtt"]
            assert (dimension["Name"], attribute) == ("QueueName", "QueueName")
            assert queue in queues
            named[queue] = name
            assert body["Properties"]["MetricName"] in (
                "ApproximateNumberOfMessagesVisible",
                "ApproximateAgeOfOldestMessage",
            )
    assert {queue for queue in queues if "DeadLetters" in queue} <= set(named)


def test_every_alarm_calls_somebody_and_says_what_it_means() -> None:
    for name, body in ALARMS.items():
        alarm = body["Properties"]
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}], name
        assert re.search(r"\w+ \w+", alarm["AlarmDescription"]), name
