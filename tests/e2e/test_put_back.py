"""An execution that comes to an end by itself loses no case."""

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
