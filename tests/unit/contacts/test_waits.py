"""A wait is honest: whoever looks on its date only sees what looking on every date would have seen.

Policies and news are drawn at random, with every key about contacts, calls and promises.
"""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings, strategies as st

from arrears.domain.events import HoldLifted, HoldPlaced, LetterReported, OptedOut, SmsReported
from arrears.domain.facts import PHONES
from arrears.domain.policy_parts import WEEKDAYS
from arrears.domain.timeline import Row
from arrears.domain.value import changed
from arrears.simulate.player import DatedFact
from tests.support.builders import CASE_ID, OPENS, extract, payment
from tests.support.played import called, fact, play

LAST = OPENS + timedelta(days=130)
_CONTACTS = ("send_sms", "queue_call", "queue_letter")
_GRADES = ("low", "medium", "high")

dates_ = st.integers(0, 120).map(lambda days: OPENS + timedelta(days=days))
caps = st.fixed_dictionaries(
    {
        "actions": st.lists(st.sampled_from(_CONTACTS), min_size=1, max_size=3, unique=True),
        "at_most": st.integers(1, 3),
        "in_days": st.integers(1, 20),
    }
)
fallbacks = st.dictionaries(st.sampled_from(_CONTACTS), st.sampled_from(_CONTACTS), max_size=3).map(
    lambda chosen: {action: {"action": instead} for action, instead in chosen.items() if action != instead}
)
contacts = st.fixed_dictionaries(
    {},
    optional={
        "days": st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True),
        "holidays": st.lists(dates_.map(lambda day: day.isoformat()), max_size=15),
        "one_of_a_kind_a_day": st.booleans(),
        "caps": st.lists(caps, max_size=2),
        "fallback": fallbacks,
    },
)
calls = st.none() | st.fixed_dictionaries(
    {
        "numbers": st.lists(st.sampled_from(PHONES), min_size=1, max_size=5, unique=True),
        "tries_per_number": st.integers(1, 3),
        "again_after_days": st.integers(0, 4),
        "disputed_is_hold": st.booleans(),
    }
)
promises = st.fixed_dictionaries(
    {}, optional={"minimum_share": st.just("0.3"), "remind_days_before": st.integers(0, 3)}
)
steps = st.lists(
    st.fixed_dictionaries(
        {"action": st.sampled_from(_CONTACTS), "every_days": st.integers(1, 25), "at_most": st.integers(1, 4)},
        optional={"risk_grades": st.lists(st.sampled_from(_GRADES), min_size=1, max_size=2, unique=True)},
    ),
    max_size=3,
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    """Some keys of a policy with two stages."""
    stages = {
        "reminder": {"from": {"days_past_due": draw(st.integers(1, 9))}, "steps": draw(steps)},
        "call": {
            "from": {"days_past_due": draw(st.integers(10, 60))},
            "requires": draw(
                st.just([])
                | st.just([{"action": "queue_letter", "counts_from": "delivered", "or_returned": True}])
                | st.just([{"action": "send_sms", "at_least_days_ago": 3}])
            ),
            "steps": draw(steps),
            "promise_windows_days": [7, 3],
        },
    }
    made: dict[str, Any] = {"stages": stages, "contact": draw(contacts), "promises": draw(promises)}
    if (rounds := draw(calls)) is not None:
        made["calls"] = rounds
    made["monthly_reminder"] = draw(
        st.none() | st.fixed_dictionaries({"day": st.integers(1, 31), "stages": st.just(["reminder", "call"])})
    )
    freeze = {"arrears_over": {"CNY": "10.00"}, "after_collections": 2, "apart_days": draw(st.integers(0, 9))}
    made["freeze"] = draw(st.none() | st.just(freeze) | st.just(freeze | {"effective_only": True}))
    return made


@st.composite
def news(draw: st.DrawFn) -> DatedFact:
    """Something that comes in on a date."""
    day = draw(dates_)
    number = f"{CASE_ID}.{draw(st.sampled_from(['reminder.0.1', 'reminder.1.1', 'call.0.1']))}"
    results = ["no_answer", "busy", "invalid_number", "message_left", "right_party", "promise", "refused", "disputed"]
    promised = day + timedelta(days=draw(st.integers(-1, 8)))
    later_owed = draw(st.sampled_from(["0.00", "0.50", "400.00", "1000.00"]))
    later = extract(later_owed, as_of=day, phones=draw(st.sampled_from([("mobile", "home"), ("home",), ()])))
    later = changed(later, sms_opt_out=draw(st.booleans()), risk_grade=draw(st.sampled_from(_GRADES)))
    sms_status = draw(st.sampled_from(["delivered", "failed"]))
    kinds: list[st.SearchStrategy[DatedFact]] = [
        st.just(called(day, draw(st.sampled_from(PHONES)), draw(st.sampled_from(results)), promised_on=promised)),
        st.just(fact(day, payment("300.00", on=day, payment_id=f"P{day}"))),
        st.just(fact(day, later)),
        st.just(fact(day, HoldPlaced("H", "dispute", day))),
        st.just(fact(day, HoldLifted("H", "dispute", day))),
        st.just(fact(day, OptedOut(day, "reply"))),
        st.just(fact(day, SmsReported(number, sms_status, day, final=sms_status == "failed"))),  # type: ignore[arg-type]  # literals in a list
        st.just(fact(day, LetterReported(number, draw(st.sampled_from(["dispatched", "delivered", "returned"])), day))),
    ]
    return draw(st.one_of(kinds))


@settings(max_examples=120, deadline=None)
@given(policies(), st.lists(news(), max_size=12, unique_by=lambda dated: (dated.on, type(dated.fact))))
def test_jumping_to_the_next_date_is_the_same_as_looking_on_every_date(
    keys: dict[str, Any], told: list[DatedFact]
) -> None:
    jumping = play(told, last=LAST, **keys)
    daily = play([*told, *_looks()], last=LAST, **keys)

    assert _rows(jumping.rows()) == _rows(daily.rows())


def _looks() -> list[DatedFact]:
    """A fact for each date that changes nothing, so that every date is looked at."""
    days = (OPENS + timedelta(days=number) for number in range((LAST - OPENS).days + 1))
    return [fact(day, HoldLifted("no-such-hold", "other", day)) for day in days]


def _rows(rows: Any) -> list[Row]:
    return list(rows)
