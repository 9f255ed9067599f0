"""What falls due at once for many cases is spread: evenly, inside the hours, and each case in its own second."""

from collections import Counter
from datetime import date, datetime, time, timedelta

from hypothesis import given, strategies as st

from arrears.domain.moment import Moment
from arrears.domain.peaks import spread
from arrears.domain.policy import Policy
from tests.support.builders import policy

ON = date(2005, 6, 2)
HOURS = policy(contact={"hours": ["08:00", "21:00"]})
keys = st.text("0123456789ABCDEFGHIJ-", min_size=1, max_size=40)
lengths = st.integers(0, 1440).map(lambda minutes: timedelta(minutes=minutes))
minutes_of_day = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))


@st.composite
def windows(draw: st.DrawFn) -> Policy:
    begins, ends = sorted(draw(st.lists(minutes_of_day, min_size=2, max_size=2, unique=True)))
    return policy(contact={"hours": [f"{begins:%H:%M}", f"{ends:%H:%M}"]})


@given(windows(), keys, lengths)
def test_never_before_the_hours_never_behind_their_end_never_on_another_date(
    ladder: Policy, key: str, over: timedelta
) -> None:
    opening = ladder.opening_of_hours()

    drawn = spread(Moment(ON, opening), key, ladder, over)

    assert drawn.on == ON
    assert drawn.at is not None
    assert ladder.within_hours(drawn.at)
    ahead = datetime.combine(ON, drawn.at) - datetime.combine(ON, opening)
    assert timedelta(0) <= ahead
    assert ahead < over or over == timedelta(0)


@given(minutes_of_day, keys, lengths)
def test_without_hours_it_stays_on_its_date(at: time, key: str, over: timedelta) -> None:
    drawn = spread(Moment(ON, at), key, policy(), over)

    assert drawn.on == ON
    assert drawn.at is not None
    assert drawn.at >= at


@given(keys, lengths)
def test_a_case_that_is_decided_again_keeps_its_second(key: str, over: timedelta) -> None:
    moment = Moment(ON, time(8))

    assert spread(moment, key, HOURS, over) == spread(moment, key, HOURS, over)
    assert spread(Moment(ON + timedelta(days=9), time(8)), key, HOURS, over).at == spread(moment, key, HOURS, over).at


def test_cases_with_ids_in_a_row_lie_evenly_over_the_time() -> None:
    """120 minutes in twelve parts: none has a tenth more or less than its share of 24,000 cases."""
    drawn = [spread(Moment(ON, time(8)), f"A{n:06d}-20050602", HOURS, timedelta(minutes=120)).at for n in range(24_000)]

    parts = Counter((at.hour * 60 + at.minute - 480) // 10 for at in drawn if at is not None)
    assert set(parts) == set(range(12))
    assert all(1_800 < count < 2_200 for count in parts.values()), parts
    seconds = Counter(drawn)
    assert max(seconds.values()) < 20  # 3.3 on average: none is a peak
    assert len(seconds) > 6_900


def test_what_happens_at_midnight_is_spread_too() -> None:
    drawn = {spread(Moment(ON), f"A{n}-20050602", policy(), timedelta(minutes=60)).at for n in range(100)}

    assert len(drawn) > 90
    assert all(at is not None and at < time(1) for at in drawn)


def test_no_time_to_spread_over_leaves_the_moment_as_it_is() -> None:
    assert spread(Moment(ON, time(8)), "A", HOURS, timedelta(0)) == Moment(ON, time(8))
