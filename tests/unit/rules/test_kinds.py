"""What each kind of rule means, beyond the edges of those that ship."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from arrears.domain.decide import Act, Wait, decide
from arrears.domain.events import ActionPlanned
from arrears.domain.facts import Extract
from arrears.domain.keeping import windows
from arrears.domain.moment import Moment
from arrears.domain.rules import Pack
from arrears.domain.timeline import timeline
from arrears.domain.value import changed
from arrears.simulate.player import DatedFact, Player
from tests.support.builders import ACCOUNT_ID, OPENS, extract
from tests.support.played import called
from tests.unit.rules.ruled import PACKS, bound, dates_of, many, pack, somebody, why_not

EIGHT_TO_NINE = {"kind": "hours", "hours": ["08:00", "21:00"]}
DAILY = {"call": {"from": {"days_past_due": 1}, "steps": [{"action": "queue_call", "every_days": 1, "at_most": 99}]}}


def allowed(made: Pack, on: str, who: Extract | None = None) -> list[str]:
    """When texts are allowed on a date."""
    rules = bound(made).bound
    assert rules is not None
    found = windows(rules, "send_sms", who or somebody(), date.fromisoformat(on))
    return [f"{start:%H:%M}-{'24:00' if end == time.max else f'{end:%H:%M}'}" for start, end in found]


# --- hours -----------------------------------------------------------------------------------------------------------
def test_hours_by_the_day_of_the_week_and_on_holidays() -> None:
    rule = EIGHT_TO_NINE | {
        "by_weekday": {"sat": ["09:00", "17:00"], "sun": None},
        "holidays": ["2005-06-09"],
        "on_holidays": ["10:00", "12:00"],
    }
    made = pack(rule)

    assert allowed(made, "2005-06-03") == ["08:00-21:00"]  # a Friday
    assert allowed(made, "2005-06-04") == ["09:00-17:00"]
    assert allowed(made, "2005-06-05") == []
    assert allowed(made, "2005-06-09") == ["10:00-12:00"]
    assert allowed(pack(rule | {"on_holidays": None}), "2005-06-09") == []


def test_a_day_without_contacts_moves_a_text_to_the_next_and_says_by_which_rule() -> None:
    made = pack(EIGHT_TO_NINE | {"by_weekday": {"sun": None}, "holidays": ["2005-06-06"]})
    steps = {"action": "send_sms", "template": "just_overdue", "every_days": 3, "at_most": 3}
    policy = bound(made, stages={"reminder": {"from": {"days_past_due": 1}, "steps": [steps]}})

    # 2 June 2005 is a Thursday: the second text would be due on Sunday, the 5th, and Monday is a holiday.
    assert dates_of(policy, "send_sms", last=OPENS + timedelta(days=7)) == ["06-02", "06-07"]
    assert "2005-06-05 is a Sunday without contacts (own: rule-1, A law art. 1)" in why_not(policy, on=date(2005, 6, 5))


def test_of_bank_and_packs_the_narrower_hours_count() -> None:
    made = pack(EIGHT_TO_NINE, EIGHT_TO_NINE | {"hours": ["07:00", "20:00"]})
    policy = bound(made, stages=many("send_sms", 1), contact={"hours": ["09:00", "21:00"]})

    assert why_not(policy, at=time(8, 59)).startswith("send_sms is due but it is outside the contact hours")
    assert why_not(policy, at=time(9)) == ""
    assert why_not(policy, at=time(19, 59)) == ""
    assert why_not(policy, at=time(20)) != ""


def test_a_letter_has_no_hours() -> None:
    assert why_not(bound(pack(EIGHT_TO_NINE), stages=many("queue_letter", 1)), at=time(3)) == ""


def test_hours_of_an_unknown_place_are_those_of_all_zones_of_the_country() -> None:
    known = PACKS["us-reg-f"]
    nowhere = somebody("UTC")

    # In winter 08:00 in Honolulu is 18:00 in UTC, and 21:00 in Puerto Rico 01:00. In summer the Aleutians are an hour
    # earlier, Honolulu and Puerto Rico stay.
    assert allowed(known, "2006-01-10", nowhere) == ["00:00-01:00", "18:00-24:00"]
    assert allowed(known, "2005-06-10", nowhere) == ["00:00-01:00", "18:00-24:00"]


def test_hours_of_a_place_of_which_the_region_is_known() -> None:
    known = PACKS["us-reg-f"]

    assert allowed(known, "2006-01-10", somebody("UTC", "CA")) == ["00:00-05:00", "16:00-24:00"]
    assert allowed(known, "2005-06-10", somebody("UTC", "CA")) == ["00:00-04:00", "15:00-24:00"]
    # Texas has two zones: within the hours of both.
    assert allowed(known, "2006-01-10", somebody("UTC", "TX")) == ["00:00-03:00", "15:00-24:00"]
    assert allowed(known, "2005-06-10", somebody("America/Los_Angeles", "TX")) == ["08:00-21:00"]


def test_an_unknown_place_over_a_change_of_clocks() -> None:
    known = PACKS["uk-conc"]

    assert allowed(known, "2005-03-26", somebody("UTC")) == ["08:00-21:00"]
    assert allowed(known, "2005-03-27", somebody("UTC")) == ["07:00-20:00"]


@pytest.mark.parametrize("name", [name for name in PACKS if PACKS[name].rules])
@pytest.mark.parametrize("on", ["2005-01-15", "2005-04-03", "2005-07-15", "2005-10-30"])
def test_every_pack_leaves_somebody_of_an_unknown_place_some_hours(name: str, on: str) -> None:
    assert allowed(PACKS[name], on, somebody("UTC"))
    for region in PACKS[name].regions:
        assert allowed(PACKS[name], on, somebody("UTC", region)), region


@pytest.mark.parametrize("region", [None, "CA", "FL", "AK", "PR"])
@pytest.mark.parametrize("on", ["2005-04-02", "2005-04-03", "2005-10-30", "2006-01-10"])
def test_each_minute_that_is_allowed_is_within_the_hours_of_all_places(region: str | None, on: str) -> None:
    known, who = PACKS["us-reg-f"], somebody("UTC", region)
    rules = bound(known).bound
    assert rules is not None
    found = windows(rules, "send_sms", who, date.fromisoformat(on))
    places = [ZoneInfo(name) for name in (known.regions[region] if region else known.zones)]

    for minute in range(0, 24 * 60, 15):
        here = datetime.fromisoformat(on).replace(tzinfo=ZoneInfo("UTC")) + timedelta(minutes=minute)
        everywhere = all(time(8) <= here.astimezone(place).time() < time(21) for place in places)
        assert any(start <= here.time() < end for start, end in found) is everywhere, here


def test_a_text_to_an_unknown_place_waits_for_the_second_window_of_the_day() -> None:
    policy, who = bound(PACKS["us-reg-f"], stages=many("send_sms", 1)), somebody("UTC")
    case = Player(policy, OPENS, OPENS).play(ACCOUNT_ID, [DatedFact(OPENS, who)]).last
    assert case is not None
    fresh = changed(case, done=())

    assert isinstance(decide(fresh, policy, Moment(OPENS, time(0, 30))), Act)
    early = decide(fresh, policy, Moment(OPENS, time(1, 0)))
    assert isinstance(early, Wait)
    assert early.until == Moment(OPENS, time(18))
    assert isinstance(decide(fresh, policy, Moment(OPENS, time(18))), Act)


# --- caps ------------------------------------------------------------------------------------------------------------
def cap(**keys: Any) -> dict[str, Any]:
    return {"kind": "cap", "actions": ["queue_call"], "at_most": 1, "in_days": 3} | keys


def test_a_cap_counts_the_day_itself_and_the_days_before() -> None:
    assert dates_of(bound(pack(cap()), stages=DAILY), "queue_call", last=date(2005, 6, 9)) == [
        "06-02",
        "06-05",
        "06-08",
    ]


def test_of_two_caps_each_is_kept() -> None:
    made = pack(cap(at_most=2, in_days=2))
    policy = bound(made, stages=DAILY, contact={"caps": [{"actions": ["queue_call"], "at_most": 3, "in_days": 7}]})

    assert dates_of(policy, "queue_call", last=date(2005, 6, 10)) == ["06-02", "06-03", "06-04", "06-09", "06-10"]


def test_a_cap_over_channels_counts_them_together() -> None:
    steps = [{"action": "send_sms", "template": "just_overdue"}, {"action": "queue_call"}, {"action": "queue_letter"}]
    stages = {"reminder": {"from": {"days_past_due": 1}, "steps": steps}}
    policy = bound(pack(cap(actions=["send_sms", "queue_call"])), stages=stages)

    assert dates_of(policy, "send_sms", last=date(2005, 6, 9)) == ["06-02"]
    assert dates_of(policy, "queue_call", last=date(2005, 6, 9)) == ["06-05"]
    assert dates_of(policy, "queue_letter", last=date(2005, 6, 9)) == ["06-02"]


def test_a_cap_per_number_lets_another_number_be_called() -> None:
    rounds = {"numbers": ["mobile", "home"], "tries_per_number": 2, "again_after_days": 0}
    stages = {"call": {"from": {"days_past_due": 1}, "steps": [{"action": "queue_call"}]}}

    each = bound(pack(cap(per="number")), stages=stages, calls=rounds)
    together = bound(pack(cap(per="account")), stages=stages, calls=rounds)

    assert dates_of(each, "queue_call", last=date(2005, 6, 30))[:2] == ["06-02", "06-05"]
    assert dates_of(together, "queue_call", last=date(2005, 6, 30)) == ["06-02", "06-05", "06-08", "06-11"]
    assert _numbers(each, date(2005, 6, 30)) == ["mobile", "mobile", "home", "home"]


def test_a_cap_per_third_party_limits_calls_to_other_people_only() -> None:
    rounds = {"numbers": ["family", "mobile"], "tries_per_number": 2, "again_after_days": 0}
    stages = {"call": {"from": {"days_past_due": 1}, "steps": [{"action": "queue_call"}]}}
    policy = bound(pack(cap(per="third_party")), stages=stages, calls=rounds)

    assert dates_of(policy, "queue_call", last=date(2005, 6, 9)) == ["06-02", "06-05", "06-05", "06-05"]


def _numbers(policy: Any, last: date) -> list[str | None]:
    first = somebody()
    (story,) = Player(policy, OPENS, last).play(ACCOUNT_ID, [DatedFact(OPENS, first)]).stories
    return [event.phone for event in story if isinstance(event, ActionPlanned) and event.action == "queue_call"]


def test_a_call_that_names_no_number_counts_for_each() -> None:
    assert dates_of(bound(pack(cap(per="number")), stages=DAILY), "queue_call", last=date(2005, 6, 6)) == [
        "06-02",
        "06-05",
    ]


def test_a_cap_on_conversations_counts_no_call_that_nobody_answered() -> None:
    made = pack(cap(counting="conversations", in_days=5))
    nobody = [called(OPENS + timedelta(days=days), "mobile", "no_answer") for days in range(3)]
    somebody_there = called(OPENS + timedelta(days=3), "mobile", "refused")
    policy = bound(made, stages=DAILY)

    made_on = dates_of(policy, "queue_call", *nobody, somebody_there, last=date(2005, 6, 11))

    assert made_on == ["06-02", "06-03", "06-04", "06-10", "06-11"]


def test_a_call_that_nobody_asked_for_counts_too() -> None:
    extra = [called(OPENS + timedelta(days=1), "mobile", "no_answer", number=number) for number in (1, 2)]
    policy = bound(pack(cap(at_most=2, in_days=2)), stages=DAILY)

    assert "06-04" not in dates_of(policy, "queue_call", *extra, last=date(2005, 6, 9))


def test_what_was_done_in_an_earlier_case_counts_in_the_next() -> None:
    paid, owes = date(2005, 6, 3), date(2005, 6, 4)
    first = somebody()
    facts = [
        DatedFact(OPENS, first),
        DatedFact(paid, extract("0.00", as_of=paid, oldest_due=None)),
        DatedFact(owes, changed(first, as_of=owes)),
    ]
    policy = bound(pack(cap(in_days=7)), stages=DAILY)

    played = Player(policy, OPENS, date(2005, 6, 20)).play(ACCOUNT_ID, facts)

    rows = [row for story in played.stories for row in timeline(story) if row.action == "queue_call"]
    assert [(f"{row.date:%m-%d}", row.case_id[-4:]) for row in rows] == [
        ("06-02", "0602"),
        ("06-09", "0604"),
        ("06-16", "0604"),
    ]


# --- pauses ----------------------------------------------------------------------------------------------------------
def test_a_conversation_before_the_case_counts_for_the_pause() -> None:
    made = pack({"kind": "pause_after_conversation", "days": 7})
    before = called(OPENS, "mobile", "right_party")

    assert dates_of(bound(made, stages=DAILY), "queue_call", before, last=date(2005, 6, 10)) == ["06-09", "06-10"]


def test_what_is_queued_is_taken_back_when_the_pause_begins() -> None:
    rounds = {"numbers": ["mobile", "home"], "again_after_days": 0}
    made = pack({"kind": "pause_after_conversation", "days": 7})
    first = somebody()
    policy = bound(made, stages=DAILY, calls=rounds)
    spoken = called(OPENS + timedelta(days=1), None, "refused")
    spoken = DatedFact(spoken.on, changed(spoken.fact, phone="work"))  # type: ignore[type-var]  # a call

    player = Player(policy, OPENS, OPENS + timedelta(days=2))
    (story,) = player.play(ACCOUNT_ID, [DatedFact(OPENS, first), spoken]).stories

    taken_back = [event for event in story if isinstance(event, ActionPlanned) and event.action == "withdraw_calls"]
    assert [event.on for event in taken_back] == [OPENS + timedelta(days=1)]
    assert "there was a conversation on 2005-06-03 (own: rule-1, A law art. 1)" in taken_back[0].reason


# --- other people ----------------------------------------------------------------------------------------------------
def test_a_guarantor_is_called_where_the_policy_says_so() -> None:
    made = pack({"kind": "third_parties", "but": "guarantors"})
    rounds = {"numbers": ["mobile", "family", "contact"], "again_after_days": 1}
    stages = {"call": {"from": {"days_past_due": 1}, "steps": [{"action": "queue_call"}]}}
    guaranteed = DatedFact(OPENS, changed(somebody(), guarantors=("contact",)))

    def called_at(packs: list[Pack], calls: dict[str, Any]) -> list[str | None]:
        player = Player(bound(*packs, stages=stages, calls=calls), OPENS, date(2005, 6, 9))
        (story,) = player.play(ACCOUNT_ID, [guaranteed]).stories
        return [event.phone for event in story if isinstance(event, ActionPlanned) and event.action == "queue_call"]

    assert called_at([], rounds) == ["mobile", "family", "contact"]
    assert called_at([], rounds | {"other_people": "guarantors"}) == ["mobile", "contact"]
    assert called_at([made], rounds) == ["mobile", "contact"]
    assert called_at([pack({"kind": "third_parties", "but": "nobody"})], rounds) == ["mobile"]


# --- notice ----------------------------------------------------------------------------------------------------------
def test_notice_is_given_before_a_case_is_placed() -> None:
    made = pack({"kind": "notice", "before": "place_with_agency", "action": "queue_letter", "days": 10})
    stages = {
        "letter": {"from": {"days_past_due": 1}, "steps": [{"action": "queue_letter", "template": "lawyer_letter"}]},
        "agency": {"from": {"days_past_due": 2}, "steps": [{"action": "place_with_agency"}]},
    }

    assert dates_of(bound(made, stages=stages), "place_with_agency", last=date(2005, 6, 20)) == ["06-12"]
    assert "10 days must have passed since a queue_letter (own: rule-1" in why_not(
        bound(made, stages=stages), on=date(2005, 6, 11)
    )
    other = pack({"kind": "notice", "before": "place_with_agency", "template": "final_notice", "days": 10})
    assert dates_of(bound(other, stages=stages), "place_with_agency", last=date(2005, 8, 20)) == []


# --- packs and policies ----------------------------------------------------------------------------------------------
def test_a_rule_that_is_not_verified_can_be_left_out() -> None:
    made = pack(cap(verified=False))

    kept, left_out = bound(made, stages=DAILY), bound(made, stages=DAILY, without=["own/rule-1"])

    assert dates_of(kept, "queue_call", last=date(2005, 6, 4)) == ["06-02"]
    assert dates_of(left_out, "queue_call", last=date(2005, 6, 4)) == ["06-02", "06-03", "06-04"]
    assert "not verified)" in why_not(kept, on=date(2005, 6, 3))


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [("own/rule-1", "own/rule-1 is verified (A law art. 1)"), ("own/rule-9", "own/rule-9 is no rule of its packs")],
)
def test_a_verified_rule_cannot_be_left_out(left_out: str, reason: str) -> None:
    with pytest.raises(ValueError, match="without: ") as refused:
        bound(pack(cap()), without=[left_out])
    assert reason in str(refused.value)


def test_a_policy_that_names_a_pack_is_not_played_without_it() -> None:
    with pytest.raises(ValueError, match="the packs come with the policy when it is read from its file"):
        bound(rules=["cn"])


def test_a_policy_without_rules_is_bound_by_none() -> None:
    assert bound().bound is None
    assert bound(PACKS["tw"]).bound is None


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"zones": ["Asia/Nowhere"]}, "Asia/Nowhere is no IANA time zone"),
        ({"regions": {"XX": ["Mars"]}}, "Mars is no IANA time zone"),
    ],
)
def test_a_pack_with_a_place_that_is_none_is_refused(keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        pack(cap(), **keys)


@pytest.mark.parametrize("rule", [EIGHT_TO_NINE | {"hours": ["21:00", "08:00"]}, cap(in_days=93), cap(source={})])
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="rules"):
        pack(rule)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="rule-1 is there twice"):
        pack(cap(id="rule-1"), cap(id="rule-1"))
