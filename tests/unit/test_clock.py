"""The stack's clock: the business date at the account's place, and how long a wait is."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from arrears.adapters.settings import LONGEST_WAIT, Clock
from arrears.domain.moment import Moment

SHANGHAI = "Asia/Shanghai"
NEW_YORK = "America/New_York"


def at(text: str) -> Clock:
    return Clock(datetime.fromisoformat(text))


def test_the_business_date_is_that_of_the_accounts_place() -> None:
    clock = at("2005-06-01T17:30:00+00:00")

    assert clock.now(SHANGHAI) == Moment(date(2005, 6, 2), time(1, 30))
    assert clock.now(NEW_YORK) == Moment(date(2005, 6, 1), time(13, 30))


def test_a_set_date_is_the_same_everywhere_and_inside_any_contact_hours() -> None:
    clock = Clock(datetime(2026, 1, 1, tzinfo=UTC), set_to=date(2005, 6, 2))

    assert clock.now(SHANGHAI) == clock.now(NEW_YORK) == Moment(date(2005, 6, 2), None)
    assert clock.at(SHANGHAI).isoformat() == "2005-06-02T12:00:00+08:00"


def test_what_is_recorded_names_the_instant() -> None:
    assert at("2005-06-01T17:30:00.250000+00:00").at(SHANGHAI) == datetime(2005, 6, 1, 17, 30, tzinfo=UTC)


def test_a_wait_lasts_until_the_moment_at_the_accounts_place() -> None:
    clock = at("2005-06-01T17:30:00+00:00")

    assert clock.until(Moment(date(2005, 6, 2), time(8)), SHANGHAI) == (6 * 3600 + 1800, "2005-06-02T08:00")
    assert clock.until(Moment(date(2005, 6, 2)), NEW_YORK) == (10 * 3600 + 1800, "2005-06-02T00:00")


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        ("2005-06-01T23:59:50.900000+00:00", 10),
        ("2005-06-01T23:59:50.000001+00:00", 10),
        ("2005-06-01T23:59:50.000000+00:00", 10),
        ("2005-06-01T23:59:59.999999+00:00", 1),
    ],
)
def test_a_wait_never_ends_before_its_moment(now: str, seconds: int) -> None:
    """It would cost a turn for nothing: the execution would wake, find the time not come, and wait a second more."""
    clock = at(now)

    waited, _ = clock.until(Moment(date(2005, 6, 2), time(8)), SHANGHAI)

    assert waited == seconds
    assert clock.instant + timedelta(seconds=waited) >= datetime(2005, 6, 2, tzinfo=UTC)


def test_a_moment_that_has_passed_is_waited_for_one_second() -> None:
    assert at("2005-06-03T00:00:00+00:00").until(Moment(date(2005, 6, 2), time(8)), SHANGHAI)[0] == 1


@pytest.mark.parametrize("moment", [None, Moment(date(2006, 6, 2))], ids=["no date", "a date in a year"])
def test_no_wait_is_longer_than_thirty_days(moment: Moment | None) -> None:
    clock = at("2005-06-01T16:00:00+00:00")

    assert clock.until(moment, SHANGHAI) == (30 * 86400, "2005-07-02T00:00")
    assert timedelta(days=30) == LONGEST_WAIT


def test_a_wait_over_the_change_to_summer_time_is_an_hour_shorter() -> None:
    clock = at("2005-04-02T13:00:00+00:00")  # 08:00 in New York; clocks go forward in the night

    seconds, due = clock.until(Moment(date(2005, 4, 3), time(8)), NEW_YORK)

    assert (seconds, due) == (23 * 3600, "2005-04-03T08:00")


def test_a_wait_of_a_set_date_counts_from_its_midnight() -> None:
    clock = Clock(datetime(2026, 1, 1, tzinfo=UTC), set_to=date(2005, 6, 2))

    assert clock.until(Moment(date(2005, 6, 9), time(8)), SHANGHAI) == (7 * 86400 + 8 * 3600, "2005-06-09T08:00")
