"""Sweep: a case that nobody looks at any more is found, although nothing has told that its execution ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from arrears.adapters.settings import Clock
from arrears.errors import TransientServiceError
from arrears.usecases.assess import Assess
from arrears.usecases.scan import Scan
from arrears.usecases.sweep import Sweep
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, account, paid
from tests.support.stack import Stack
from tests.support.states import STATE_MACHINE, States

DAY = timedelta(days=1)


def in_time() -> bool:
    return False


@pytest.fixture
def sweep(stack: Stack) -> Sweep:
    """Sweeps a stack on which a case waits for its second text, a week after the first."""
    stack.report(account())
    assess(stack)
    wait_until(stack, f"{OPENS + 7 * DAY}T00:00")
    return Sweep(stack.table, stack.settings)


def assess(stack: Stack, generation: int = 1) -> str:
    take_turn = Assess(stack.table, stack.settings, lambda *_: None)
    return take_turn({"case_id": CASE_ID, "generation": generation})["next"]


def wait_until(stack: Stack, due: str, generation: int = 1) -> None:
    """Store a token the way the state machine does."""
    record = stack.case(CASE_ID)
    stack.client.update_item(
        TableName=stack.table.name,
        Key={"pk": {"S": f"ACCOUNT#{ACCOUNT_ID}"}, "sk": {"S": f"CASE#{CASE_ID}"}},
        UpdateExpression="SET #token = :token, token_version = :version, #due = :due",
        ConditionExpression="version = :version AND generation = :generation",
        ExpressionAttributeNames={"#token": "token", "#due": "due"},
        ExpressionAttributeValues={
            ":token": {"S": "token"},
            ":version": {"N": str(record.case.version)},
            ":generation": {"N": str(generation)},
            ":due": {"S": due},
        },
    )


@pytest.mark.parametrize(("days", "recovered"), [(6, []), (7, []), (8, []), (9, [CASE_ID])])
def test_a_case_is_put_back_more_than_a_day_after_the_end_of_its_wait(
    stack: Stack, sweep: Sweep, days: int, recovered: list[str]
) -> None:
    stack.on(OPENS + days * DAY)

    assert sweep(in_time) == {"recovered": recovered, "failed": []}
    assert (ACCOUNT_ID in stack.queued()) == bool(recovered)


def test_the_next_scan_starts_a_fresh_execution_for_it(stack: Stack, sweep: Sweep) -> None:
    states = States()
    stack.on(OPENS + 9 * DAY)
    sweep(in_time)

    Scan(stack.table, stack.settings, states.client, STATE_MACHINE)(in_time)

    assert list(states.started) == [f"{CASE_ID}-g2"]
    assert assess(stack, generation=2) == "SendSms"
    assert stack.queued() == {}


def test_an_execution_that_runs_after_all_cannot_wait_any_more_and_ends(stack: Stack, sweep: Sweep) -> None:
    stack.on(OPENS + 9 * DAY)
    sweep(in_time)

    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        wait_until(stack, f"{OPENS + 14 * DAY}T00:00", generation=1)
    assert assess(stack, generation=1) == "Closed"
    assert stack.case(CASE_ID).case.is_open


def test_a_case_that_died_before_its_first_wait_is_found_too(stack: Stack) -> None:
    stack.report(account())
    assess(stack)
    stack.on(OPENS + 2 * DAY)

    assert Sweep(stack.table, stack.settings)(in_time)["recovered"] == [CASE_ID]


def test_the_next_sweep_finds_a_case_whose_fresh_execution_died_too(stack: Stack, sweep: Sweep) -> None:
    """Its name is blocked, so a scan cannot start it again."""
    stack.on(OPENS + 9 * DAY)
    sweep(in_time)
    stack.on(OPENS + 11 * DAY)

    assert sweep(in_time)["recovered"] == [CASE_ID]
    assert stack.case(CASE_ID).generation == stack.table.account(ACCOUNT_ID).generation == 3


@pytest.mark.parametrize("days", [9, 10])
def test_a_case_that_was_put_back_is_left_to_the_execution_that_the_scan_starts(
    stack: Stack, sweep: Sweep, days: int
) -> None:
    """Raised with every scan, it would take the case away from each fresh execution before its first turn."""
    stack.on(OPENS + 9 * DAY)
    sweep(in_time)
    stack.on(OPENS + days * DAY)

    assert sweep(in_time)["recovered"] == []
    assert assess(stack, generation=2) == "SendSms"


def test_a_case_that_began_another_wait_meanwhile_is_left_alone(
    stack: Stack, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index may be behind, and the execution may come back between the look and the write."""
    stack.on(OPENS + 9 * DAY)
    transact = stack.table.transact

    def late(items: Any) -> None:
        monkeypatch.setattr(stack.table, "transact", transact)
        wait_until(stack, f"{OPENS + 14 * DAY}T00:00")
        transact(items)

    monkeypatch.setattr(stack.table, "transact", late)

    assert sweep(in_time) == {"recovered": [], "failed": []}
    assert stack.case(CASE_ID).generation == 1
    assert stack.case(CASE_ID).token == "token"
    assert stack.queued() == {}


def test_a_case_that_took_its_turn_meanwhile_is_left_alone(
    stack: Stack, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.on(OPENS + 9 * DAY)
    load = stack.table.case

    def just_before(case_id: str) -> Any:
        monkeypatch.setattr(stack.table, "case", load)
        wait_until(stack, f"{OPENS + 14 * DAY}T00:00")
        return load(case_id)

    monkeypatch.setattr(stack.table, "case", just_before)

    assert sweep(in_time) == {"recovered": [], "failed": []}


def test_a_closed_case_is_not_looked_for(stack: Stack, sweep: Sweep) -> None:
    stack.on(OPENS + DAY)
    stack.news(CASE_ID, paid(on=OPENS + DAY))
    assert assess(stack) == "Closed"
    stack.on(OPENS + 40 * DAY)

    assert sweep(in_time) == {"recovered": [], "failed": []}


def test_the_time_at_the_accounts_own_place_counts(stack: Stack, sweep: Sweep) -> None:
    """It waits until midnight in Shanghai, which is 16:00 UTC."""
    due = datetime(2005, 6, 8, 16, tzinfo=UTC)
    for late, recovered in [(timedelta(hours=24), []), (timedelta(hours=24, minutes=1), [CASE_ID])]:
        stack.settings.held = Clock(due + late)
        assert sweep(in_time)["recovered"] == recovered


def test_what_there_is_no_time_for_is_left_for_the_next_sweep(stack: Stack, sweep: Sweep) -> None:
    stack.on(OPENS + 9 * DAY)

    assert sweep(lambda: True)["recovered"] == []
    assert sweep(in_time)["recovered"] == [CASE_ID]


def test_one_case_that_cannot_be_put_back_keeps_no_other_from_it(
    stack: Stack, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.table.shards = 1
    stack.report(account(account_id="CARD-0"))
    other = f"CARD-0-{OPENS:%Y%m%d}"
    stack.on(OPENS)
    Assess(stack.table, stack.settings, lambda *_: None)({"case_id": other, "generation": 1})
    stack.on(OPENS + 9 * DAY)
    load = stack.table.case

    def broken(case_id: str) -> Any:
        if case_id == other:
            raise ValueError("cannot be read")
        return load(case_id)

    stack.client.update_item(  # one shard: the first case was put on the index under another one
        TableName=stack.table.name,
        Key={"pk": {"S": f"ACCOUNT#{ACCOUNT_ID}"}, "sk": {"S": f"CASE#{CASE_ID}"}},
        UpdateExpression="SET #queue = :queue",
        ExpressionAttributeNames={"#queue": "queue"},
        ExpressionAttributeValues={":queue": {"S": "open#00"}},
    )
    monkeypatch.setattr(stack.table, "case", broken)

    assert sweep(in_time) == {"recovered": [CASE_ID], "failed": [f"{other}: ValueError"]}


def test_a_service_that_is_too_busy_ends_the_sweep(stack: Stack, sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.on(OPENS + 9 * DAY)

    def busy(_case_id: str) -> Any:
        raise TransientServiceError("dynamodb:GetItem: ThrottlingException")

    monkeypatch.setattr(stack.table, "case", busy)
    with pytest.raises(TransientServiceError):
        sweep(in_time)
