"""A small sample played from October 2005 through May 2006 on the deployed stack: what must be true of it."""

import csv
import hashlib
import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from arrears.domain.events import ActionDone, ActionPlanned, Event, StageEntered
from arrears.domain.timeline import Row
from arrears.effects.folders import legal_folder, letter_key, placements_folder, recalls_folder
from arrears.local.diary import is_closed
from arrears.local.funnel import funnel
from arrears.simulate import Inputs, simulate
from arrears.usecases.next_step import STATES, execution_name
from tests.e2e.conftest import FIRST, LAST, Played
from tests.support.embedded import Embedded

LADDER = ["reminder", "call", "lawyer_letter", "agency", "legal"]
#: What a turn of the loop may cost: Assess, What next?, the action, WaitForNews.
MOST_TRANSITIONS = 4


def done(history: list[Event], action: str) -> list[ActionDone]:
    plans = {event.action_id: event for event in history if isinstance(event, ActionPlanned)}
    return [event for event in history if isinstance(event, ActionDone) and plans[event.action_id].action == action]


def through_all_stages(played: Played) -> tuple[str, list[Event]]:
    """A case that went through all five stages and was texted and called on the way."""
    actions = ("send_sms", "queue_call", "queue_letter", "place_with_agency", "recall_from_agency", "file_legal")
    for case_id, history in played.histories.items():
        stages = [event.stage for event in history if isinstance(event, StageEntered)]
        if stages == LADDER and all(done(history, action) for action in actions):
            return case_id, history
    raise AssertionError("no case went through all five stages")


def test_the_stack_and_the_simulator_give_the_same_timeline(stack: Embedded, played: Played, tmp_path: Path) -> None:
    inputs = Inputs(drops=[played.drops.folder], approvals=[played.approvals])
    summary = simulate(inputs, stack.stack.settings.active().policy, FIRST, LAST, tmp_path)
    with (tmp_path / "timeline.csv").open(encoding="utf-8", newline="") as opened:
        theirs = [Row(date.fromisoformat(row[0]), *row[1:]) for row in list(csv.reader(opened))[1:]]
    ours = played.diary.rows()
    assert [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]][:3] == []
    assert len(ours) == len(theirs) > 400
    assert summary["rejected"] == 0


def test_every_file_of_the_sample_was_good(stack: Embedded, played: Played) -> None:
    reports = stack.keys("InboundBucket", "reports/")
    assert len(reports) == sum(not file.is_agencys for day in played.drops.dates for file in played.drops.on(day))
    assert stack.keys("InboundBucket", "rejects/") == []
    assert len(stack.keys("AgencyBucket", "reports/")) == len(played.drops.of("returns")) > 0
    assert stack.keys("AgencyBucket", "rejects/") == []


def test_cases_are_cured_in_every_stage_placed_recalled_returned_and_in_court(stack: Embedded, played: Played) -> None:
    found = funnel(played.histories, stack.stack.settings.active().policy, LAST)
    assert {stage.name for stage in found.stages if stage.cured} == set(LADDER)
    assert set(found.recalled) == {"cured", "term", "hold"}
    assert found.returned
    assert found.with_agency
    assert found.in_court
    assert found.frozen


def test_a_case_through_all_five_stages_leaves_every_trace(stack: Embedded, played: Played) -> None:
    case_id, history = through_all_stages(played)
    person = played.people[case_id[:-9]]

    texts = stack.texts()[person["phone_mobile"]]
    assert len(texts) >= len(done(history, "send_sms"))

    calls = {message["action_id"]: message for message in stack.queued("CallQueueUrl")}
    assert {event.action_id for event in done(history, "queue_call")} <= set(calls)
    assert calls[done(history, "queue_call")[0].action_id]["numbers"][0]["number"] == person["phone_mobile"]

    (letter,) = done(history, "queue_letter")
    assert stack.read("DocumentsBucket", letter_key(letter.action_id)).startswith(b"%PDF")
    batch = stack.read("DocumentsBucket", f"mail/date={letter.on}/index.csv").decode()
    assert letter.action_id in {row["letter_id"] for row in csv.DictReader(batch.splitlines())}
    assert stack.queued("LetterQueueUrl") == []

    (placed,), (recalled,) = done(history, "place_with_agency"), done(history, "recall_from_agency")
    for on, folder, name in (
        (placed.on, placements_folder, "cases.csv"),
        (recalled.on, recalls_folder, "recalls.csv"),
    ):
        rows = list(csv.reader(stack.read("AgencyBucket", f"{folder('default', on)}{name}").decode().splitlines()))
        assert [case_id, case_id[:-9]] in [row[:2] for row in rows[1:]]

    (filed,) = done(history, "file_legal")
    claim = json.loads(stack.read("LegalBucket", f"{legal_folder(case_id, filed.on)}claim.json"))
    assert (claim["case_id"], claim["account_id"]) == (case_id, case_id[:-9])
    assert stack.read("LegalBucket", f"{legal_folder(case_id, filed.on)}dossier.pdf").startswith(b"%PDF")


def test_every_manifest_is_true_and_every_case_is_in_exactly_one(stack: Embedded, played: Played) -> None:
    manifests = [key for key in stack.keys("AgencyBucket", "agency_id=") if key.endswith("/manifest.json")]
    listed: Counter[tuple[str, str, str]] = Counter()
    for key in manifests:
        manifest = json.loads(stack.read("AgencyBucket", key))
        for file in manifest["files"]:
            body = stack.read("AgencyBucket", file["key"])
            assert (len(body), hashlib.sha256(body).hexdigest()) == (file["bytes"], file["sha256"])
            if file["key"].endswith(("cases.csv", "recalls.csv")):
                rows = list(csv.DictReader(body.decode().splitlines()))
                assert manifest["case_count"] == file["rows"] == len(rows)
                listed.update((key.split("/")[1], row["case_id"], manifest["date"]) for row in rows)
    expected: Counter[tuple[str, str, str]] = Counter()
    for case_id, history in played.histories.items():
        for folder, action in (("placements", "place_with_agency"), ("recalls", "recall_from_agency")):
            expected.update((folder, case_id, str(event.on)) for event in done(history, action))
    assert listed == expected


def test_an_action_that_falls_due_in_time_costs_three_transitions(stack: Embedded, played: Played) -> None:
    case_id, history = through_all_stages(played)
    arn = stack.execution(execution_name(case_id, 1))["executionArn"]
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in stack.history(arn)
        if event["type"].endswith("StateEntered")
    ]
    turns: list[list[str]] = [[]]
    for name in entered:
        if turns[-1][-1:] == ["WaitForNews"]:
            turns.append([])
        turns[-1].append("(action)" if name in STATES.values() else name)
    actions = [turn for turn in turns if "(action)" in turn]
    assert len(actions) == len([event for event in history if isinstance(event, ActionDone)])
    assert actions[0] == ["Assess", "What next?", "(action)", "WaitForNews"]
    assert ["What now?", "(action)", "WaitForNews"] in actions
    assert max(map(len, turns)) == MOST_TRANSITIONS


def test_no_execution_failed_and_those_of_closed_cases_have_ended(stack: Embedded, played: Played) -> None:
    bad: tuple[Literal["FAILED", "TIMED_OUT", "ABORTED"], ...] = ("FAILED", "TIMED_OUT", "ABORTED")
    for bad_status in bad:
        for output in ("EscalationArn", "ImportArn"):
            found = stack.states.list_executions(
                stateMachineArn=stack.stack.output(output),
                statusFilter=bad_status,
            )
            assert found["executions"] == []
    for case_id, history in played.histories.items():
        status = stack.execution(execution_name(case_id, 1))["status"]
        assert status == ("SUCCEEDED" if is_closed(history) else "RUNNING"), case_id


def test_the_audit_passes_and_fails_after_one_event_is_changed(stack: Embedded, played: Played) -> None:
    verified = stack.arrears("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"{len(played.histories)} cases" in verified.stdout

    case_id, _ = through_all_stages(played)
    table, client = stack.stack.table, stack.stack.table.client
    key = {"pk": {"S": f"ACCOUNT#{case_id[:-9]}"}, "sk": {"S": f"EVENT#{case_id}#000001"}}
    item = client.get_item(TableName=table.name, Key=key)["Item"]
    body = item["body"]["S"]
    changed = body.replace("past due", "past  due")
    assert changed != body
    client.put_item(TableName=table.name, Item={**item, "body": {"S": changed}})
    try:
        refused = stack.arrears("audit", "verify")
        assert refused.returncode == 1
        assert f"{case_id}, event 1: was changed" in refused.stdout
        assert stack.arrears("audit", "verify", case_id[:-9]).returncode == 1
        others = [other for other in played.histories if other[:-9] != case_id[:-9]]
        assert stack.arrears("audit", "verify", others[0][:-9]).returncode == 0
    finally:
        client.put_item(TableName=table.name, Item=item)
    assert stack.arrears("audit", "verify").returncode == 0


def test_nothing_personal_is_in_logs_inputs_and_histories(stack: Embedded, played: Played) -> None:
    personal = {
        cell
        for row in played.people.values()
        for column in ("cardholder_name", "address_line1", "address_line2", *(name for name in row if "phone" in name))
        if (cell := row[column])
    }
    assert len(personal) > 100
    logs = "\n".join(
        event["message"]
        for group in stack.logs.describe_log_groups()["logGroups"]
        for page in stack.logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    )
    histories = "\n".join(
        json.dumps(stack.history(arn), default=str, ensure_ascii=False)
        for output in ("EscalationArn", "ImportArn")
        for arn in stack.executions(output)
    )
    for text, where in ((logs, "logs"), (histories, "histories")):
        assert next(iter(played.histories)) in text, f"the {where} are not read"
        # As written, and as JSON writes what is not ASCII.
        found = [cell for cell in personal if cell in text or json.dumps(cell)[1:-1] in text]
        assert found == [], where


def test_the_clock_is_refused_once_there_are_cases(stack: Embedded, played: Played) -> None:
    assert played.histories
    refused = stack.arrears("local", "clock", stack.today + timedelta(days=1))
    assert refused.returncode == 1
    assert "before the first case" in refused.stderr
