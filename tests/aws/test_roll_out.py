"""A policy for new cases only, or from a date on: which case is decided under which, and when it is woken."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from arrears.adapters.settings import Clock, Settings
from arrears.domain.facts import Account
from arrears.errors import TransientConflictError
from arrears.usecases.assess import Assess
from arrears.usecases.next_step import NextStep
from arrears.usecases.roll_out import TURNS_END, RollOut
from tests.support.builders import CASE_ID, OPENS, account, extract
from tests.support.stack import Stack
from tests.support.states import States

DAY = timedelta(days=1)
#: Nothing is done in it, so that a case only waits.
QUIET: dict[str, Any] = {"reminder": {"from": {"days_past_due": 1}}, "call": {"from": {"days_past_due": 40}}}
SOONER: dict[str, Any] = {"reminder": {"from": {"days_past_due": 1}}, "call": {"from": {"days_past_due": 5}}}
SAME: dict[str, Any] = {"stages": QUIET, "freeze": None}


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def roll_out(stack: Stack, states: States) -> RollOut:
    return RollOut(stack.table, stack.settings, states.client)


def in_time() -> bool:
    return False


def assess(stack: Stack, case_id: str = CASE_ID) -> NextStep:
    return Assess(stack.table, stack.settings, lambda *_: None)({"case_id": case_id, "generation": 1})


def waits(stack: Stack, case_id: str = CASE_ID) -> str:
    """Let a case take a turn and wait, as the state machine does; return until when."""
    step = assess(stack, case_id)
    assert step["next"] == "WaitForNews"
    stack.client.update_item(
        TableName=stack.table.name,
        Key={"pk": {"S": step["pk"]}, "sk": {"S": step["sk"]}},
        UpdateExpression="SET #token = :token, token_version = :version, #due = :due",
        ConditionExpression="version = :version",
        ExpressionAttributeNames={"#token": "token", "#due": "due"},
        ExpressionAttributeValues={
            ":token": {"S": f"token of {case_id}"},
            ":version": {"N": step["wait"]["version"]},
            ":due": {"S": step["wait"]["due"]},
        },
    )
    return step["wait"]["due"]


def labels(stack: Stack, case_id: str = CASE_ID) -> list[str]:
    """Under which policy each event of a case was decided."""
    return [envelope.policy for envelope in stack.table.envelopes(case_id)]


def other(number: int = 2, *, on: date = OPENS) -> Account:
    return account(extract(as_of=on, oldest_due=on - DAY), account_id=f"CARD-{number:04d}")


# --- which policy ----------------------------------------------------------------------------------------------------
def test_a_policy_for_new_cases_leaves_the_running_ones_theirs(stack: Stack) -> None:
    stack.publish(**SAME)
    stack.report(account())
    waits(stack)
    later = OPENS + 10 * DAY
    stack.on(later)
    stack.publish(version="2", stages=SOONER, freeze=None, scope="new_cases")
    stack.report(other(on=later), on=later)

    waits(stack)
    waits(stack, f"CARD-0002-{later:%Y%m%d}")

    assert stack.case(CASE_ID).case.stage == "reminder", "10 DPD: under the new one it would be called"
    assert labels(stack)[-1] == "test 1"
    assert labels(stack, f"CARD-0002-{later:%Y%m%d}") == ["test 2", "test 2"]


@pytest.mark.parametrize(("days", "stage"), [(9, "reminder"), (10, "call")])
def test_a_policy_from_a_date_on_counts_for_a_running_case_on_that_date(stack: Stack, days: int, stage: str) -> None:
    stack.publish(**SAME)
    stack.report(account())
    waits(stack)
    stack.publish(version="2", stages=SOONER, freeze=None, since=OPENS + 10 * DAY)

    stack.on(OPENS + days * DAY)
    waits(stack)

    assert stack.case(CASE_ID).case.stage == stage
    assert labels(stack)[-1] == ("test 2" if stage == "call" else "test 1")


def test_a_policy_from_a_date_on_does_not_count_before(stack: Stack) -> None:
    stack.publish(version="2", since=OPENS + DAY)

    assert stack.settings.active(OPENS).policy.label == "test 1"
    assert stack.settings.active().policy.label == "test 1"
    assert stack.settings.active(OPENS + DAY).policy.label == "test 2"


def test_before_the_first_that_was_published_counts_the_one_that_ships_is_played_and_kept(stack: Stack) -> None:
    stack.client.delete_item(TableName=stack.table.name, Key={"pk": {"S": "SETTINGS"}, "sk": {"S": "POLICY"}})

    stack.publish(version="2", since=OPENS + DAY)

    assert stack.settings.active(OPENS).policy.name == "cn-credit-card"
    assert stack.item("POLICIES", stack.settings.active(OPENS).policy.label) is not None


def test_two_that_publish_at_the_same_moment_do_not_lose_one(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Settings._get

    def overtaken(self: Settings, pk: str, sk: str) -> Any:
        item = read(self, pk, sk)
        if sk == "POLICY":
            monkeypatch.setattr(Settings, "_get", read)
            stack.publish(version="2")
        return item

    monkeypatch.setattr(Settings, "_get", overtaken)
    with pytest.raises(TransientConflictError, match="publish again"):
        stack.publish(version="3")

    assert stack.settings.active().policy.label == "test 2"


# --- what was published stays ----------------------------------------------------------------------------------------
def test_what_an_event_was_decided_under_can_be_read_though_its_label_was_published_again(stack: Stack) -> None:
    stack.settings.held = Clock(datetime(2026, 1, 10, tzinfo=UTC))
    stack.publish(version="7", cure_tolerance={"CNY": "5.00"})
    stack.settings.held = Clock(datetime(2026, 1, 20, tzinfo=UTC))
    stack.publish(version="7", cure_tolerance={"CNY": "6.00"})

    before = stack.settings.recorded("test 7", datetime(2026, 1, 15, tzinfo=UTC))
    after = stack.settings.recorded("test 7", datetime(2026, 1, 25, tzinfo=UTC))

    assert before is not None
    assert after is not None
    assert before.policy.tolerance("CNY") == 5
    assert after.policy.tolerance("CNY") == 6


def test_every_publication_is_on_record_in_its_order(stack: Stack) -> None:
    stack.publish(version="2", scope="new_cases")
    stack.publish(version="3", since=OPENS + DAY)

    found = [(each.label, each.scope, each.since) for each in stack.settings.publications()]

    assert found[0][0].startswith("cn-credit-card "), "the one that ships, which was played before"
    assert found[1:] == [("test 1", "all", None), ("test 2", "new_cases", OPENS), ("test 3", "all", OPENS + DAY)]


def test_a_label_that_nobody_published_is_not_made_up(stack: Stack) -> None:
    assert stack.settings.recorded("gone 1", datetime(2026, 1, 15, tzinfo=UTC)) is None


# --- cases that wait -------------------------------------------------------------------------------------------------
def test_a_case_waits_no_longer_than_until_another_policy_counts(stack: Stack) -> None:
    stack.publish(**SAME)
    stack.publish(version="2", stages=SOONER, freeze=None, since=OPENS + 10 * DAY)
    stack.report(account())

    assert waits(stack)[:10] == (OPENS + 10 * DAY).isoformat()


def test_cases_that_waited_when_it_was_published_are_woken_once(
    stack: Stack, roll_out: RollOut, states: States
) -> None:
    stack.publish(**SAME)
    stack.settings.sweep_on(_sweep(stack), done=True)
    stack.report(account())
    stack.report(other())
    waits(stack)
    waits(stack, f"CARD-0002-{OPENS:%Y%m%d}")
    stack.publish(version="2", stages=SOONER, freeze=None)

    assert roll_out(in_time) == {"woken": 2, "left": False}
    assert roll_out(in_time) == {"woken": 0, "left": False}
    assert sorted(states.answered) == sorted(f"token of CARD-000{n}-{OPENS:%Y%m%d}" for n in (1, 2))


def test_a_case_that_is_looked_at_before_the_policy_counts_is_left_to_wait(
    stack: Stack, roll_out: RollOut, states: States
) -> None:
    """It learns of the policy then. So one that is published 30 days ahead wakes nobody."""
    stack.publish(**SAME)
    stack.report(account())
    due = date.fromisoformat(waits(stack)[:10])
    stack.publish(version="2", since=due + DAY)

    assert roll_out(in_time)["woken"] == 0
    assert states.answered == []


def test_a_policy_for_new_cases_wakes_nobody(stack: Stack, roll_out: RollOut) -> None:
    stack.publish(**SAME)
    stack.settings.sweep_on(_sweep(stack), done=True)
    stack.report(account())
    waits(stack)

    stack.publish(version="2", scope="new_cases")

    assert roll_out(in_time) == {"woken": 0, "left": False}


def test_a_sweep_that_runs_out_of_time_goes_on_where_it_stopped(
    stack: Stack, roll_out: RollOut, states: States
) -> None:
    stack.publish(**SAME)
    case_ids = []
    for number in range(1, 9):
        stack.report(other(number))
        case_ids.append(f"CARD-{number:04d}-{OPENS:%Y%m%d}")
        waits(stack, case_ids[-1])
    stack.publish(version="2", stages=SOONER, freeze=None)

    runs = 0
    while roll_out(lambda: True)["left"]:
        runs += 1

    assert runs == stack.table.shards, "a page of each shard in each run"
    assert sorted(states.answered) == [f"token of {case_id}" for case_id in case_ids]


def test_pages_of_a_shard_follow_each_other_from_where_a_run_stopped(stack: Stack) -> None:
    stack.publish(**SAME)
    for number in range(1, 30):
        stack.report(other(number))
        waits(stack, f"CARD-{number:04d}-{OPENS:%Y%m%d}")
    shard = next(s for s in range(stack.table.shards) if len(list(stack.table.queued("open", s))) > 1)
    whole = [entry.case_id for entry in stack.table.queued("open", shard)]

    (first, place), *_ = stack.table.waiting(shard, "2005", "2006", limit=1)
    rest = [entry.case_id for page, _ in stack.table.waiting(shard, "2005", "2006", place, limit=1) for entry in page]

    assert [*(entry.case_id for entry in first), *rest] == whole


def test_a_later_publication_begins_a_sweep_of_its_own(stack: Stack, roll_out: RollOut) -> None:
    stack.publish(version="2")
    first = _sweep(stack)
    stack.publish(version="3")

    assert not stack.settings.sweep_on(first, done=True)
    assert _sweep(stack).number == first.number + 1
    assert roll_out(in_time) == {"woken": 0, "left": False}


def test_turns_that_did_not_know_of_it_come_to_their_waits_before_the_sweep_begins(
    stack: Stack, roll_out: RollOut
) -> None:
    published = datetime(2026, 1, 10, tzinfo=UTC)
    stack.settings.held = Clock(published)
    stack.publish(version="2")

    stack.settings.held = Clock(published + TURNS_END - timedelta(seconds=1))
    roll_out(in_time)
    assert stack.settings.sweep() is not None

    stack.settings.held = Clock(published + TURNS_END)
    roll_out(in_time)
    assert stack.settings.sweep() is None


def _sweep(stack: Stack) -> Any:
    sweep = stack.settings.sweep()
    assert sweep is not None
    return sweep
