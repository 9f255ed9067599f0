"""Which of the published policies counts for a case, and when a case that waits looks at the next one."""

from datetime import date, time, timedelta

import pytest

from arrears.domain.decide import Act, Wait
from arrears.domain.moment import Moment
from arrears.domain.rollout import Rollout, in_force, looked_at_by, next_change, still_counting
from tests.support.builders import policy

DAY = timedelta(days=1)
FEBRUARY = date(2026, 2, 1)
OLD = Rollout("bank 1", "one")
FROM_FEBRUARY = Rollout("bank 2", "two", "all", FEBRUARY)
NEW_CASES = Rollout("bank 3", "three", "new_cases", FEBRUARY)
AT_ONCE = Rollout("bank 4", "four")


@pytest.mark.parametrize(("on", "label"), [(FEBRUARY - DAY, "bank 1"), (FEBRUARY, "bank 2")])
def test_a_policy_for_all_from_a_date_counts_for_a_running_case_from_that_date(on: date, label: str) -> None:
    rollout = in_force([OLD, FROM_FEBRUARY], date(2025, 11, 3), on)

    assert rollout is not None
    assert rollout.label == label


@pytest.mark.parametrize(("opened_on", "label"), [(FEBRUARY - DAY, "bank 1"), (FEBRUARY, "bank 3")])
def test_a_policy_for_new_cases_counts_only_for_a_case_that_opened_since(opened_on: date, label: str) -> None:
    rollout = in_force([OLD, NEW_CASES], opened_on, date(2026, 9, 1))

    assert rollout is not None
    assert rollout.label == label


def test_of_those_that_count_the_one_published_last_is_in_force() -> None:
    """A new one at once takes the place of one that was to count later."""
    assert in_force([OLD, FROM_FEBRUARY, AT_ONCE], FEBRUARY, FEBRUARY + DAY) is AT_ONCE


def test_before_anything_counts_none_is_in_force() -> None:
    assert in_force([FROM_FEBRUARY], FEBRUARY - DAY, FEBRUARY - DAY) is None


def test_the_next_change_is_the_date_from_which_another_policy_counts() -> None:
    assert next_change([OLD, FROM_FEBRUARY], date(2026, 1, 5), date(2026, 1, 20)) == FROM_FEBRUARY
    assert next_change([OLD, FROM_FEBRUARY], date(2026, 1, 5), FEBRUARY) is None


def test_a_policy_for_new_cases_changes_nothing_for_a_running_one() -> None:
    assert next_change([OLD, NEW_CASES], date(2026, 1, 5), date(2026, 1, 20)) is None


def test_a_policy_that_is_replaced_before_it_counts_is_no_change() -> None:
    assert next_change([OLD, FROM_FEBRUARY, AT_ONCE], date(2026, 1, 5), date(2026, 1, 20)) is None


def test_what_a_later_one_has_replaced_for_every_case_counts_no_more() -> None:
    assert still_counting([OLD, FROM_FEBRUARY, AT_ONCE], FEBRUARY) == (AT_ONCE,)
    assert still_counting([OLD, FROM_FEBRUARY], FEBRUARY) == (FROM_FEBRUARY,)


def test_what_still_has_cases_goes_on_counting() -> None:
    assert still_counting([OLD, NEW_CASES], date(2027, 1, 1)) == (OLD, NEW_CASES)
    assert still_counting([OLD, FROM_FEBRUARY], FEBRUARY - DAY) == (OLD, FROM_FEBRUARY)


# --- waiting ---------------------------------------------------------------------------------------------------------
def test_a_case_that_would_wait_longer_is_looked_at_on_the_date() -> None:
    decision = looked_at_by(Wait(Moment(FEBRUARY + DAY), "later"), "A-20260105", policy(), FROM_FEBRUARY)

    assert isinstance(decision, Wait)
    assert decision.until is not None
    assert decision.until.on == FEBRUARY
    assert "bank 2 counts" in decision.reason


def test_a_case_that_waits_for_news_alone_is_looked_at_on_the_date_too() -> None:
    decision = looked_at_by(Wait(None, "nothing more is due"), "A-20260105", policy(), FROM_FEBRUARY)

    assert isinstance(decision, Wait)
    assert decision.until is not None
    assert decision.until.on == FEBRUARY


def test_what_is_due_on_the_date_or_before_is_left_as_it_is() -> None:
    wait = Wait(Moment(FEBRUARY, time(8)), "the next text")
    act = Act("send_sms", "reminder", "reminder.0", "A-20260105.reminder.0.1", "due")

    assert looked_at_by(wait, "A-20260105", policy(), FROM_FEBRUARY) is wait
    assert looked_at_by(act, "A-20260105", policy(), FROM_FEBRUARY) is act


def test_the_cases_are_spread_over_the_first_half_of_the_date() -> None:
    """Five million waits that end in the same second would be a storm."""
    decisions = [looked_at_by(Wait(None, ""), f"CARD-{n:05d}-20260105", policy(), FROM_FEBRUARY) for n in range(2400)]
    by_hour = [0] * 24
    for decision in decisions:
        assert isinstance(decision, Wait)
        assert decision.until is not None
        assert decision.until.at is not None
        by_hour[decision.until.at.hour] += 1

    assert all(100 < count < 300 for count in by_hour[:12])
    assert by_hour[12:] == [0] * 12
