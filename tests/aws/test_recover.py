"""Recover: the net. Whatever ended an execution badly, its case is on the queue again, one generation later."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from arrears.adapters.table import StaleError
from arrears.errors import TransientConflictError
from arrears.usecases.assess import Assess
from arrears.usecases.recover import Recover
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, account, extract, paid
from tests.support.stack import Stack

DAY = timedelta(days=1)


@pytest.fixture
def recover(stack: Stack) -> Recover:
    stack.report(account())
    return Recover(stack.table, stack.settings)


def assess(stack: Stack, generation: int = 1, case_id: str = CASE_ID) -> str:
    take_turn = Assess(stack.table, stack.settings, lambda *_: None)
    return take_turn({"case_id": case_id, "generation": generation})["next"]


def test_an_open_case_is_put_back_where_the_scan_finds_it_one_generation_later(stack: Stack, recover: Recover) -> None:
    assess(stack)
    stack.on(OPENS + 3 * DAY)

    assert recover(CASE_ID, 1)

    assert stack.queued() == {ACCOUNT_ID: (OPENS + 3 * DAY).isoformat()}
    (entry,) = [one for shard in range(stack.table.shards) for one in stack.table.queued("scan", shard)]
    assert (entry.case_id, entry.generation) == (CASE_ID, 2)
    assert stack.case(CASE_ID).generation == 2
    assert stack.table.account(ACCOUNT_ID).open_case == CASE_ID


def test_the_next_execution_takes_it_off_again_on_its_first_turn(stack: Stack, recover: Recover) -> None:
    assess(stack)
    recover(CASE_ID, 1)

    assert assess(stack, 2) == "SendSms"

    assert stack.queued() == {}


def test_a_case_that_was_never_opened_is_found_again_by_its_account(stack: Stack, recover: Recover) -> None:
    assert recover(CASE_ID, 1)

    assert stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}
    assert stack.table.account(ACCOUNT_ID).generation == 2
    assert assess(stack, 2) == "SendSms"


def test_an_event_that_comes_twice_raises_the_generation_once(stack: Stack, recover: Recover) -> None:
    assess(stack)

    assert [recover(CASE_ID, 1), recover(CASE_ID, 1)] == [True, False]
    assert stack.case(CASE_ID).generation == stack.table.account(ACCOUNT_ID).generation == 2


def test_an_event_that_comes_when_a_later_execution_has_the_case_is_harmless(stack: Stack, recover: Recover) -> None:
    assess(stack)
    recover(CASE_ID, 1)
    assess(stack, 2)
    before = stack.case(CASE_ID), stack.table.account(ACCOUNT_ID)

    assert not recover(CASE_ID, 1)

    assert (stack.case(CASE_ID), stack.table.account(ACCOUNT_ID)) == before


def test_an_event_of_a_case_that_has_closed_is_harmless(stack: Stack, recover: Recover) -> None:
    assess(stack)
    stack.news(CASE_ID, paid(on=OPENS))
    stack.on(OPENS + DAY)
    stack.news(CASE_ID, paid(on=OPENS + DAY, payment_id="PAY-2"))
    assert assess(stack) == "Closed"

    assert not recover(CASE_ID, 1)
    assert stack.queued() == {}


def test_an_event_of_an_account_that_is_not_known_is_harmless(stack: Stack) -> None:
    assert not Recover(stack.table, stack.settings)(CASE_ID, 1)
    assert stack.table.account(ACCOUNT_ID).version == 0


def test_an_execution_that_failed_before_another_opened_the_case_leaves_that_one_alone(
    stack: Stack, recover: Recover
) -> None:
    """Its event comes late: the account would be queued although its case has an execution, and for good."""
    stack.on(OPENS + DAY)
    today = f"{ACCOUNT_ID}-{OPENS + DAY:%Y%m%d}"
    assert assess(stack, case_id=today) == "SendSms"

    assert not recover(CASE_ID, 1)

    assert stack.queued() == {}
    assert stack.table.account(ACCOUNT_ID).generation == stack.case(today).generation == 1


def test_a_case_that_is_not_due_any_more_is_not_queued(stack: Stack, recover: Recover) -> None:
    stack.report(account(extract("0.00", oldest_due=None)))

    assert recover(CASE_ID, 1)
    assert stack.queued() == {}


def test_a_case_is_recovered_again_and_again(stack: Stack, recover: Recover) -> None:
    for generation in (1, 2, 3):
        assert assess(stack, generation) == "SendSms"
        assert recover(CASE_ID, generation)
    assert stack.case(CASE_ID).generation == 4


def test_what_was_handed_over_and_failed_before_it_began_is_recovered_past_both(stack: Stack, recover: Recover) -> None:
    assess(stack)

    assert recover(CASE_ID, 2), "the second execution was started and died before its first turn"
    assert stack.case(CASE_ID).generation == 3


def test_a_row_that_comes_in_before_the_scan_does_not_undo_it(stack: Stack, recover: Recover) -> None:
    assess(stack)
    recover(CASE_ID, 1)

    record = stack.table.account(ACCOUNT_ID)
    assert record.due == OPENS.isoformat(), "whoever writes the account sees that it is queued"
    with pytest.raises(StaleError):
        stack.table.transact([stack.table.put_account(replace(record, version=record.version - 1), None)])


def test_the_net_keeps_trying_while_the_account_changes(
    stack: Stack, recover: Recover, monkeypatch: pytest.MonkeyPatch
) -> None:
    assess(stack)
    transact, refusals = stack.table.transact, [StaleError([0]), StaleError([1])]

    def busy(items: Any) -> None:
        if refusals:
            raise refusals.pop()
        transact(items)

    monkeypatch.setattr(stack.table, "transact", busy)
    assert recover(CASE_ID, 1)

    def contended(_items: Any) -> None:
        raise StaleError([0])

    monkeypatch.setattr(stack.table, "transact", contended)
    with pytest.raises(TransientConflictError, match=CASE_ID):
        recover(CASE_ID, 2)
