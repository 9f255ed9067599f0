"""Wake: news ends the wait of the execution that has not seen it, and of no other."""

from dataclasses import replace

import pytest

from arrears.adapters.table import CaseRecord
from arrears.domain.decide import open_case
from arrears.domain.events import CaseClosed
from arrears.errors import PermanentActionError, TransientServiceError
from arrears.usecases.wake import Wake
from tests.support.builders import CASE_ID, OPENS, account, held, paid, policy, stamp
from tests.support.stack import Stack
from tests.support.states import States


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def wake(stack: Stack, states: States) -> Wake:
    return Wake(stack.table, stack.settings, states.client)


@pytest.fixture
def waiting(stack: Stack) -> CaseRecord:
    """A case whose execution waits, having seen its first event."""
    stack.report(account())
    opened = open_case(account(), policy(), OPENS)
    assert opened is not None
    return store_token(stack, stack.table.append(None, [opened], stamp()), "the token")


def store_token(stack: Stack, record: CaseRecord, token: str) -> CaseRecord:
    """Store a token the way the state machine does."""
    stack.client.update_item(
        TableName=stack.table.name,
        Key={"pk": {"S": f"ACCOUNT#{record.case.account_id}"}, "sk": {"S": f"CASE#{record.case.case_id}"}},
        UpdateExpression="SET #token = :token, token_version = :version",
        ExpressionAttributeNames={"#token": "token"},
        ExpressionAttributeValues={":token": {"S": token}, ":version": {"N": str(record.case.version)}},
    )
    return replace(record, token=token, token_version=record.case.version)


def news(stack: Stack) -> int:
    """Let a payment come in; return the number of its event."""
    return stack.news(CASE_ID, paid("1.00")).case.version


@pytest.mark.usefixtures("waiting")
def test_news_ends_the_wait(stack: Stack, wake: Wake, states: States) -> None:
    number = news(stack)

    assert wake(CASE_ID, number)
    assert states.answered == ["the token"]


def test_an_execution_that_has_seen_the_event_is_left_to_wait(wake: Wake, waiting: CaseRecord, states: States) -> None:
    assert not wake(CASE_ID, waiting.case.version)
    assert states.answered == []


def test_an_event_that_comes_again_after_the_next_wait_began_wakes_nobody(
    stack: Stack, wake: Wake, waiting: CaseRecord, states: States
) -> None:
    number = news(stack)
    store_token(stack, stack.case(waiting.case.case_id), "the next token")

    assert not wake(CASE_ID, number)
    assert states.answered == []


def test_an_execution_that_does_not_wait_yet_is_not_woken(stack: Stack, wake: Wake, states: States) -> None:
    """It is on its way to the wait, and will find there that the version is not the one it has seen."""
    stack.report(account())
    opened = open_case(account(), policy(), OPENS)
    assert opened is not None
    stack.table.append(None, [opened], stamp())

    assert not wake(CASE_ID, news(stack))
    assert states.answered == []


def test_a_case_that_is_not_there_wakes_nobody(wake: Wake, states: States) -> None:
    assert not wake("CARD-9999-20050602", 2)
    assert states.answered == []


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
@pytest.mark.usefixtures("waiting")
def test_a_token_that_is_answered_too_late_is_no_error(stack: Stack, wake: Wake, states: States, code: str) -> None:
    states.errors.append(code)

    assert not wake(CASE_ID, news(stack))


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", TransientServiceError), ("AccessDeniedException", PermanentActionError)]
)
@pytest.mark.usefixtures("waiting")
def test_a_wake_up_that_does_not_arrive_is_an_error_and_comes_again(
    stack: Stack, wake: Wake, states: States, code: str, error: type[Exception]
) -> None:
    number = news(stack)
    states.errors.append(code)

    with pytest.raises(error):
        wake(CASE_ID, number)

    assert wake(CASE_ID, number)


@pytest.mark.usefixtures("waiting")
def test_nobody_is_woken_on_a_set_date_before_all_its_facts_are_in(stack: Stack, wake: Wake, states: States) -> None:
    stack.on(OPENS, is_open=False)
    number = news(stack)

    assert not wake(CASE_ID, number)
    stack.on(OPENS)
    assert wake(CASE_ID, number)
    assert states.answered == ["the token"]


@pytest.mark.usefixtures("waiting")
def test_a_case_that_was_closed_from_outside_ends_its_execution_even_before_the_day_is_opened(
    stack: Stack, wake: Wake, states: States
) -> None:
    number = stack.news(CASE_ID, CaseClosed(OPENS, "shadow mode is over")).case.version
    stack.on(OPENS, is_open=False)

    assert wake(CASE_ID, number)
    assert states.answered == ["the token"]


@pytest.mark.usefixtures("waiting")
def test_several_news_wake_once_each_and_the_later_ones_come_too_late(stack: Stack, wake: Wake, states: States) -> None:
    first = stack.news(CASE_ID, held(OPENS)).case.version
    second = news(stack)
    states.errors += [None, "TaskDoesNotExist"]

    assert [wake(CASE_ID, first), wake(CASE_ID, second)] == [True, False]
    assert states.answered == ["the token"]
