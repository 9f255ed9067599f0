"""Scan: starts an execution for each account whose time has come, and writes nothing."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from arrears.adapters.settings import Clock
from arrears.adapters.table import AccountRecord
from arrears.domain.facts import Account
from arrears.errors import TransientServiceError
from arrears.usecases.assess import Assess
from arrears.usecases.recover import Recover
from arrears.usecases.scan import Scan, ScanReport
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, account, extract
from tests.support.stack import Stack
from tests.support.states import STATE_MACHINE, States

DAY = timedelta(days=1)


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def scan(stack: Stack, states: States) -> Scan:
    return Scan(stack.table, stack.settings, states.client, STATE_MACHINE)


def in_time() -> bool:
    return False


def report(started: int = 0, running: int = 0, *failed: str, left: bool = False, oldest_days: int = 0) -> ScanReport:
    return {
        "started": started,
        "running": running,
        "failed": list(failed),
        "left": left,
        "oldest_days": oldest_days,
    }


def test_an_account_whose_time_has_come_gets_an_execution(stack: Stack, scan: Scan, states: States) -> None:
    stack.report(account())

    assert scan(in_time) == report(started=1)
    assert states.started == {f"{CASE_ID}-g1": {"case_id": CASE_ID, "generation": 1}}


def test_a_scan_writes_nothing(stack: Stack, scan: Scan) -> None:
    stack.report(account())
    before = stack.table.account(ACCOUNT_ID)

    scan(in_time)

    assert stack.table.account(ACCOUNT_ID) == before
    assert stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}


def test_a_scan_that_is_repeated_starts_nothing_twice(stack: Stack, scan: Scan, states: States) -> None:
    stack.report(account())

    scan(in_time)
    scan(in_time)

    assert list(states.started) == [f"{CASE_ID}-g1"]


def test_an_execution_that_has_ended_is_not_started_again(stack: Stack, scan: Scan, states: States) -> None:
    stack.report(account())
    scan(in_time)
    states.ended.add(f"{CASE_ID}-g1")

    assert scan(in_time) == report(running=1)


def test_an_account_that_is_due_later_waits(stack: Stack, scan: Scan, states: States) -> None:
    stack.report(account(extract(oldest_due=OPENS, as_of=OPENS)))

    assert scan(in_time) == report()
    assert states.started == {}
    stack.on(OPENS + DAY)
    assert scan(in_time) == report(started=1)


def test_an_account_with_an_open_case_is_not_found(stack: Stack, scan: Scan, states: States) -> None:
    stack.report(account())
    Assess(stack.table, stack.settings, lambda *_: None)({"case_id": CASE_ID, "generation": 1})

    assert scan(in_time) == report()
    assert states.started == {}


def test_a_case_that_the_net_has_put_back_is_started_under_its_own_id_and_the_next_generation(
    stack: Stack, scan: Scan, states: States
) -> None:
    stack.report(account())
    Assess(stack.table, stack.settings, lambda *_: None)({"case_id": CASE_ID, "generation": 1})
    stack.on(OPENS + 5 * DAY)
    Recover(stack.table, stack.settings)(CASE_ID, 1)

    scan(in_time)

    assert states.started == {f"{CASE_ID}-g2": {"case_id": CASE_ID, "generation": 2}}


def test_what_there_is_no_time_for_is_left_for_the_next_scan(stack: Stack, scan: Scan, states: States) -> None:
    for number in range(5):
        stack.report(account(account_id=f"CARD-{number}"))
    looks = itertools.count()

    assert scan(lambda: next(looks) >= 2) == report(started=2, left=True)
    assert len(states.started) == 2
    assert scan(in_time)["started"] == 5
    assert len(states.started) == 5


def at_midnight(account_id: str, timezone: str) -> Account:
    return account(extract(timezone=timezone), account_id=account_id)


def test_each_account_is_looked_at_by_the_date_at_its_own_place(stack: Stack, scan: Scan, states: States) -> None:
    for account_id, timezone in {
        "KIRIBATI": "Pacific/Kiritimati",
        "CHINA": "Asia/Shanghai",
        "ENGLAND": "Europe/London",
        "SAMOA": "Pacific/Pago_Pago",
    }.items():
        stack.report(at_midnight(account_id, timezone))

    names: dict[str, list[str]] = {}
    for instant in ("2005-06-01T09:59", "2005-06-01T10:00", "2005-06-01T16:00", "2005-06-01T23:00", "2005-06-02T11:00"):
        stack.settings.held = Clock(datetime.fromisoformat(instant).replace(tzinfo=UTC))
        before = set(states.started)
        scan(in_time)
        names[instant] = sorted(set(states.started) - before)

    assert names == {
        "2005-06-01T09:59": [],
        "2005-06-01T10:00": ["KIRIBATI-20050602-g1"],
        "2005-06-01T16:00": ["CHINA-20050602-g1"],
        "2005-06-01T23:00": ["ENGLAND-20050602-g1"],
        "2005-06-02T11:00": ["KIRIBATI-20050603-g1", "SAMOA-20050602-g1"],
    }


def test_a_case_opens_under_the_date_at_its_own_place(stack: Stack, scan: Scan, states: States) -> None:
    stack.report(at_midnight("SAMOA", "Pacific/Pago_Pago"))
    stack.settings.held = Clock(datetime(2005, 6, 3, 5, tzinfo=UTC))

    scan(in_time)

    assert list(states.started) == ["SAMOA-20050602-g1"]


def test_one_account_that_cannot_be_started_keeps_no_other_from_it(stack: Stack, scan: Scan, states: States) -> None:
    """What goes wrong with one entry goes wrong at every scan: those behind it would never be looked at."""
    stack.table.shards = 1
    for number in range(3):
        stack.report(account(account_id=f"CARD-{number}"))
    states.errors += [None, "InvalidName", None]

    assert scan(in_time) == report(2, 0, "CARD-1: PermanentActionError")


def test_an_account_at_a_place_that_nobody_knows_keeps_no_other_from_being_started(
    stack: Stack, scan: Scan, states: States
) -> None:
    stack.table.shards = 1
    nowhere = AccountRecord(account(extract(timezone="Asia/Nowhere"), account_id="CARD-0"))
    stack.table.transact([stack.table.put_account(nowhere, OPENS)])
    stack.report(account(account_id="CARD-1"))
    stack.settings.held = Clock(datetime(2005, 6, 2, 3, tzinfo=UTC) + DAY)

    assert scan(in_time) == report(1, 0, "CARD-0: ZoneInfoNotFoundError", oldest_days=1)
    assert list(states.started) == [f"CARD-1-{OPENS + DAY:%Y%m%d}-g1"]


def test_a_service_that_is_too_busy_ends_the_scan(stack: Stack, scan: Scan, states: States) -> None:
    stack.report(account())
    states.errors.append("ThrottlingException")

    with pytest.raises(TransientServiceError):
        scan(in_time)


def test_each_start_is_held_back_by_the_pace(stack: Stack, states: States) -> None:
    for number in range(3):
        stack.report(account(account_id=f"A-{number}"))
    paced: list[int] = []

    Scan(stack.table, stack.settings, states.client, STATE_MACHINE, lambda: paced.append(len(states.started)))(in_time)

    assert paced == [0, 1, 2]


def test_the_account_that_waited_longest_is_told_in_days_at_its_own_place(stack: Stack, scan: Scan) -> None:
    stack.report(account())
    stack.report(account(account_id="CARD-0002"), on=OPENS + 2 * DAY)
    stack.on(OPENS + 3 * DAY)

    assert scan(in_time)["oldest_days"] == 3
