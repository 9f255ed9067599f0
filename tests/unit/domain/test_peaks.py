"""What falls due at once for many cases is spread: evenly, inside the hours, and each case in its own second."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import assume, given, strategies as st

from arrears.domain.case import Case, opening as opened_by
from arrears.domain.contact import all_hours_on, hours_on, must_wait, opening
from arrears.domain.decide import open_case
from arrears.domain.facts import Extract
from arrears.domain.moment import Moment
from arrears.domain.peaks import spread
from arrears.domain.policy_parts import Window
from tests.support.builders import OPENS, account, policy
from tests.unit.rules.ruled import PACKS, bound, pack, somebody

ON = date(2005, 6, 2)
HOURS: tuple[Window, ...] = ((time(8), time(21)),)
keys = st.text("0123456789ABCDEFGHIJ-", min_size=1, max_size=40)
lengths = st.integers(0, 1440).map(lambda minutes: timedelta(minutes=minutes))
minutes_of_day = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    begins, ends = sorted(draw(st.lists(minutes_of_day, min_size=2, max_size=2, unique=True)))
    return begins, ends


@given(windows(), st.lists(windows(), max_size=3), keys, lengths)
def test_never_before_the_hours_never_behind_their_end_never_on_another_date(
    hours: Window, others: list[Window], key: str, over: timedelta
) -> None:
    begins, _ = hours

    drawn = spread(Moment(ON, begins), key, [hours, *others], over)

    assert drawn.on == ON
    assert drawn.at is not None
    for start, end in (hours, *others):
        assert start <= drawn.at < end or not start <= begins < end, "it stays in all hours that it began in"
    ahead = datetime.combine(ON, drawn.at) - datetime.combine(ON, begins)
    assert timedelta(0) <= ahead
    assert ahead < over or over == timedelta(0)


@given(minutes_of_day, keys, lengths)
def test_without_hours_it_stays_on_its_date(at: time, key: str, over: timedelta) -> None:
    drawn = spread(Moment(ON, at), key, (), over)

    assert drawn.on == ON
    assert drawn.at is not None
    assert drawn.at >= at


def case_of(who: Extract) -> Case:
    made = open_case(account(who), policy(), OPENS)
    assert made is not None
    return opened_by(made)


NARROW = pack(
    {"kind": "hours", "actions": ["queue_call"], "hours": ["10:00", "10:30"]},
    {"kind": "hours", "actions": ["send_sms"], "hours": ["09:00", "20:00"], "by_weekday": {"fri": ["10:00", "10:15"]}},
)
places = st.sampled_from(
    [("UTC", "US", None), ("America/New_York", "US", "NY"), ("UTC", "GB", None), ("Asia/Shanghai", "CN", None)]
)


@given(
    st.sampled_from([*PACKS.values(), NARROW]),
    places,
    st.sampled_from(["send_sms", "queue_call"]),
    st.dates(OPENS, OPENS + timedelta(days=20)),
    st.none() | windows(),
    keys,
    lengths,
)
def test_what_waits_for_the_hours_of_its_rules_is_never_spread_past_them(
    rules: Any,
    place: tuple[str, str, str | None],
    action: Any,
    on: date,
    hours: Window | None,
    key: str,
    over: timedelta,
) -> None:
    """Past the narrower hours of the packs it would wait for another day, though it was due in time."""
    contact = {} if hours is None else {"contact": {"hours": [f"{at:%H:%M}" for at in hours]}}
    ladder = bound(rules, **contact)
    zone, country, region = place
    case = case_of(somebody(zone, region, country=country))
    assume(hours_on(case, ladder, action, on))
    begins = Moment(on, opening(case, ladder, action, on))
    assume(must_wait(case, ladder, action, begins) is None)

    drawn = spread(begins, key, all_hours_on(case, ladder, on), over)

    assert must_wait(case, ladder, action, drawn) is None


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
    drawn = {spread(Moment(ON), f"A{n}-20050602", (), timedelta(minutes=60)).at for n in range(100)}

    assert len(drawn) > 90
    assert all(at is not None and at < time(1) for at in drawn)


def test_no_time_to_spread_over_leaves_the_moment_as_it_is() -> None:
    assert spread(Moment(ON, time(8)), "A", HOURS, timedelta(0)) == Moment(ON, time(8))
