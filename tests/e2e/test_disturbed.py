"""The deployed stack, disturbed: workers killed, one file from two people at once, messages that nobody can read.

`make chaos` kills more of them for longer, and stops and starts the whole stack as well.
"""

import base64
import csv
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from arrears.adapters import aws
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import case_id_of
from arrears.domain.events import ActionUncertain, LetterMailed, PaymentReceived
from arrears.domain.timeline import Row, timeline
from arrears.simulate import Inputs, simulate
from infra.local.chaos import Killer, Round, come_to_rest, count_texts
from tests.e2e.test_going_on import owing, payments, portfolio
from tests.support.embedded import Embedded, csv_file, eventually

#: A dead letter's queue, and the output that has its URL.
DEAD = {"DeadLetters": "DeadLettersUrl", "LetterDeadLetters": "LetterDeadLettersUrl"}


# --- killed -----------------------------------------------------------------------------------------------------------
def test_cases_whose_workers_are_killed_do_the_same_on_the_same_dates(stack: Embedded, tmp_path: Path) -> None:
    first, days = stack.today, 2
    names = [f"E2E-KILLED-{number}" for number in range(20)]
    # At the edge of a stage each, so that something happens on every date.
    overdue = {name: (0, 13, 58, 99)[place % 4] + place // 4 % 3 for place, name in enumerate(names)}
    accounts = portfolio(
        *(owing(name, first, overdue[name], phone_mobile=f"+4477009001{names.index(name):02}") for name in names)
    )
    stack.drop("portfolio/e2e-killed.csv", accounts)
    stack.imported("portfolio/e2e-killed.csv")
    draw = random.Random(7)  # noqa: S311 - a seed is what is wanted
    with Killer(stack.endpoint, draw, (0.2, 0.6), most=5) as killer:
        for _ in range(days):
            stack.advance()

    last = first + (days - 1) * ONE_DAY
    (tmp_path / "accounts.csv").write_text(accounts, encoding="utf-8")
    inputs = Inputs(portfolio=[tmp_path / "accounts.csv"])
    simulate(inputs, stack.stack.settings.active().policy, first, last, tmp_path / "out")
    with (tmp_path / "out/timeline.csv").open(encoding="utf-8", newline="") as opened:
        expected = {tuple(row) for row in list(csv.reader(opened))[1:]}

    histories = {
        record.case.case_id: stack.events(record.case.case_id)
        for name in names
        for open_case in [stack.stack.table.account(name).open_case]
        if open_case is not None
        for record in [stack.stack.table.case(open_case)]
        if record is not None
    }
    rows = [row for history in histories.values() for row in timeline(history)]
    assert killer.killed.total() >= 3, killer.killed
    assert Counter(map(_cells, rows)) == Counter(expected)
    found = Round()
    count_texts(stack.stack, histories, found, only_known=True)
    assert found.wrong == []
    uncertain = [event for history in histories.values() for event in history if isinstance(event, ActionUncertain)]
    assert len(uncertain) <= killer.killed.total()
    verified = [stack.arrears("audit", "verify", name) for name in names[:4]]
    assert [each.returncode for each in verified] == [0] * 4, verified


def _cells(row: Row) -> tuple[str, ...]:
    return (str(row.date), row.account_id, row.case_id, row.stage, row.action, row.reason)


# --- two people, one file ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("keys", [("a", "b"), ("same", "same")], ids=["two names", "one name"])
def test_a_file_that_two_people_drop_at_once_counts_once(stack: Embedded, keys: tuple[str, str]) -> None:
    on, kind = stack.today, keys[0].upper()
    names = [f"E2E-BOTH-{kind}-{number}" for number in range(8)]
    accounts = portfolio(*(owing(name, on - ONE_DAY, 4) for name in names))
    paid = [payments(name, on, "100.00").splitlines() for name in names]
    for prefix, content in (("portfolio", accounts), ("payments", csv_file(paid[0][0].split(","), _rows(paid)))):
        files = [f"{prefix}/e2e-both-{key}.csv" for key in keys]
        at_once(*(lambda key=key, content=content: stack.drop(key, content) for key in files))
        reports = [stack.imported(key) for key in files]
        for report in reports:
            assert (report["rows"], report["rejected"]) == (8, 0), report
            assert report["accepted"] + report["unchanged"] == 8, report
        if keys[0] != keys[1]:
            assert sum(report["accepted"] for report in reports) == 8, "each row is new once"
    stack.advance()

    for name in names:
        account = stack.stack.table.account(name)
        assert str(account.account.arrears(on)) == "8900.00 TWD", "paid once"
        assert account.open_case == case_id_of(name, on)
        payments_seen = [e for e in stack.events(case_id_of(name, on)) if isinstance(e, PaymentReceived)]
        assert len(payments_seen) <= 1
        cases = [item for item in stack.stack.table.query(f"ACCOUNT#{name}") if item["sk"]["S"].startswith("CASE#")]
        assert len(cases) == 1


def _rows(files: list[list[str]]) -> list[list[str]]:
    return [lines[1].split(",") for lines in files]


def at_once(*tasks: Callable[[], object]) -> None:
    """Do several things at the same moment."""
    gate = threading.Barrier(len(tasks))

    def do(task: Callable[[], object]) -> None:
        gate.wait()
        task()

    threads = [threading.Thread(target=do, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- messages that nobody can read ------------------------------------------------------------------------------------
@pytest.fixture
def dead(stack: Embedded) -> Iterator[Callable[[str], int]]:
    """How many dead letters a queue has, as its alarm counts them; none are there before, or left behind."""

    def visible(queue: str) -> int:
        answer = aws.sqs().get_queue_attributes(
            QueueUrl=stack.stack.output(DEAD[queue]), AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def purge() -> None:
        for output in DEAD.values():
            aws.sqs().purge_queue(QueueUrl=stack.stack.output(output))

    purge()
    yield visible
    purge()


def told(stack: Embedded) -> tuple[str, int]:
    """What an operator is shown: the dead letters, and whether the status says that something waits for somebody."""
    listed = stack.arrears("ops", "dead")
    assert listed.returncode == 0, listed.stderr
    return listed.stdout, stack.arrears("ops", "status").returncode


def test_a_record_of_the_stream_that_nobody_can_read_is_set_aside_and_others_are_woken(
    stack: Embedded, dead: Callable[[str], int]
) -> None:
    account_id, opened_on = "E2E-BEHIND-POISON", stack.today
    case_id = case_id_of(account_id, opened_on)
    stack.drop("portfolio/e2e-behind-poison.csv", portfolio(owing(account_id, opened_on, 5)))
    stack.advance()
    table = stack.stack.table
    key = {"pk": {"S": "ACCOUNT#E2E-POISON"}, "sk": {"S": "EVENT#poison"}}
    stack.stack.settings.set_clock(stack.today, is_open=True)

    table.client.put_item(TableName=table.name, Item={**key, "wakes": {"BOOL": True}, "number": {"S": "nine"}})
    stack.drop("payments/e2e-behind-poison.csv", payments(account_id, stack.today))

    eventually("the poison is set aside", lambda: dead("DeadLetters") == 1)
    eventually("the case behind it is closed", lambda: not _is_open(stack, case_id))
    listed, status = told(stack)
    assert "news of ?: the record could not be read" in listed
    assert status == 1
    table.client.delete_item(TableName=table.name, Key=key)
    stack.stack.settings.set_clock(stack.today, is_open=False)


def _is_open(stack: Embedded, case_id: str) -> bool:
    record = stack.stack.table.case(case_id)
    return record is None or record.case.is_open


def test_a_message_that_is_no_letter_ends_as_a_dead_letter_and_the_mail_goes_out(
    stack: Embedded, dead: Callable[[str], int]
) -> None:
    account_id, opened_on = "E2E-MAILED", stack.today
    sqs, url = aws.sqs(), stack.stack.output("LetterQueueUrl")
    stack.drop("portfolio/e2e-mailed.csv", portfolio(owing(account_id, opened_on, 70)))
    sqs.send_message(QueueUrl=url, MessageBody="{}", MessageGroupId="X", MessageDeduplicationId="e2e-poison-1")
    stack.advance()
    mailed = [e for e in stack.events(case_id_of(account_id, opened_on)) if isinstance(e, LetterMailed)]
    assert [event.on for event in mailed] == [opened_on]
    assert stack.queued("LetterQueueUrl") == [{}], "it waits to be received again"
    sqs.purge_queue(QueueUrl=url)

    sqs.send_message(QueueUrl=url, MessageBody="{}", MessageGroupId="Y", MessageDeduplicationId="e2e-poison-2")
    for _ in range(6):  # on as many days
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    assert dead("LetterDeadLetters") == 1
    assert stack.queued("LetterQueueUrl") == []
    listed, status = told(stack)
    assert "its reader failed on it" in listed
    assert status == 1


def test_entries_of_a_log_that_are_none_end_as_a_dead_letter(stack: Embedded, dead: Callable[[str], int]) -> None:
    poison = {"awslogs": {"data": base64.b64encode(b"no gzip").decode()}}
    _send(stack, "RecordReceiptsFunction", poison)

    eventually("all tries are over", lambda: dead("DeadLetters") == 1)
    listed, status = told(stack)
    assert "an event for" in listed
    assert "RecordReceipts" in listed or "record_receipts" in listed
    assert status == 1


def _send(stack: Embedded, output: str, event: dict[str, Any]) -> None:
    stack.stack.functions.invoke(
        FunctionName=stack.stack.output(output), InvocationType="Event", Payload=json.dumps(event).encode()
    )


def test_an_answer_of_the_core_system_that_says_nothing_is_refused_and_no_dead_letter(
    stack: Embedded, dead: Callable[[str], int]
) -> None:
    detail, bus = {"freeze_id": 7, "x": [None]}, stack.stack.output("BusName")
    told_on_the_bus = {"Source": "core", "DetailType": "FreezeAnswered", "Detail": json.dumps(detail)}
    begun = stack.ask("/_arrears/activity")["begun"]
    aws.events().put_events(Entries=[{**told_on_the_bus, "EventBusName": bus}])  # type: ignore[typeddict-item]

    assert stack.driver.invoke("RecordFreezeFunction", {"id": "1", "detail": detail}) == {"outcome": "refused"}
    come_to_rest(stack.endpoint)
    assert stack.ask("/_arrears/activity")["begun"] >= begun + 2, "the rule has brought it, too"
    assert dead("DeadLetters") == 0


def test_a_file_that_is_gone_has_a_report_that_says_so_and_others_are_taken_in(stack: Embedded) -> None:
    bucket, key = stack.stack.output("InboundBucket"), "portfolio/e2e-gone.csv"
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 9, "version-id": "0" * 32}}
    stack.states.start_execution(stateMachineArn=stack.stack.output("ImportArn"), input=json.dumps({"detail": detail}))
    stack.drop("portfolio/e2e-beside-gone.csv", portfolio(owing("E2E-BESIDE-GONE", stack.today, 0)))

    assert stack.imported("portfolio/e2e-beside-gone.csv")["accepted"] == 1
    report = json.loads(eventually("its report", lambda: _stored(stack, f"reports/{key}.json")))
    assert report["rejected"] == 1
    assert report["error"]


def _stored(stack: Embedded, key: str) -> bytes | None:
    return stack.read("InboundBucket", key) if key in stack.keys("InboundBucket", key) else None


def test_an_agencys_file_of_bytes_is_refused_with_a_report_and_its_next_one_is_read(stack: Embedded) -> None:
    poison, good = "agency_id=default/returns/e2e-poison.csv", "agency_id=default/returns/e2e-good.csv"
    stack.drop(poison, bytes(range(256)) * 4)
    columns = ["return_id", "case_id", "at", "outcome", "amount", "currency", "note"]
    rows = [["R-1", "E2E-NOBODY-20050101", str(stack.today), "uncontactable", "", "", ""]]
    stack.drop(good, csv_file(columns, rows))

    report, next_report = stack.imported(poison), stack.imported(good)
    assert report["rejected"] == report["rows"] > 0
    assert (next_report["rows"], next_report["rejected"]) == (1, 1), "read, and refused: there is no such case"
