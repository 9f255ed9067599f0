"""An execution that comes to an end by itself loses no case, and no report."""

import json

from arrears.domain.decide import case_id_of
from arrears.usecases.next_step import execution_name
from tests.e2e.test_going_on import owing, payments, portfolio
from tests.support.embedded import Embedded, eventually


def test_a_case_whose_execution_is_aborted_goes_on_in_another(stack: Embedded) -> None:
    account_id, opened_on = "E2E-ABORTED", stack.today
    case_id = case_id_of(account_id, opened_on)
    stack.drop("portfolio/e2e-aborted.csv", portfolio(owing(account_id, opened_on, 2)))
    stack.advance()
    first, second = execution_name(case_id, 1), execution_name(case_id, 2)
    known = stack.events(case_id)

    stack.states.stop_execution(executionArn=stack.execution(first)["executionArn"])
    eventually("the case is put back", lambda: stack.stack.table.account(account_id).due)
    stack.advance()

    assert stack.execution(first)["status"] == "ABORTED"
    assert stack.execution(second)["status"] == "RUNNING"
    assert stack.events(case_id)[: len(known)] == known
    assert [type(event).__name__ for event in stack.events(case_id)].count("CaseOpened") == 1
    stack.drop("payments/e2e-aborted.csv", payments(account_id, stack.today))


def test_a_file_whose_import_dies_with_its_report_unwritten_has_one_and_is_imported_again(stack: Embedded) -> None:
    key, bucket = "portfolio/e2e-unreported.csv", stack.stack.output("InboundBucket")
    # Of a version that is none the file cannot be split; and the report's own state fails on what it is given.
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 9, "version-id": "0" * 32}}
    given = json.dumps({"detail": detail, "split": "nothing that can be read"})
    died = stack.states.start_execution(stateMachineArn=stack.stack.output("ImportArn"), input=given)["executionArn"]

    eventually("its report", lambda: f"reports/{key}.json" in stack.keys("InboundBucket", f"reports/{key}"))

    assert stack.states.describe_execution(executionArn=died)["status"] == "FAILED"
    assert "GiveUp" in {event.get("stateEnteredEventDetails", {}).get("name") for event in stack.history(died)}
    report = json.loads(stack.read("InboundBucket", f"reports/{key}.json"))
    assert (report["rows"], report["accepted"], report["rejected"]) == (1, 0, 1)
    listed = stack.arrears("ops", "imports").stdout
    assert f"{key}  {report['finished_at']}  {report['error']}" in listed
    again = stack.arrears("ops", "reimport", key)
    assert (again.returncode, f"{key} is imported again" in again.stdout) == (0, True), again.stderr

    stack.drop(key, portfolio(owing("E2E-UNREPORTED", stack.today, 0)))
    assert stack.imported(key)["accepted"] == 1
    assert key not in stack.arrears("ops", "imports").stdout
