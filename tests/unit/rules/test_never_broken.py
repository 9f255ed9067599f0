"""For any policy that loads and any news, no contact breaks a rule of its packs; a stricter one never contacts earlier.

Whether a rule is broken is read off what happened, in the plainest way there is, and not by the code that keeps it.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st

from arrears.domain.decide import Act, decide
from arrears.domain.events import ActionDone, ActionPlanned, HoldLifted
from arrears.domain.facts import CONVERSATIONS, PHONES, Call, Extract
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.policy_parts import WEEKDAYS
from arrears.domain.rules import Pack
from arrears.domain.value import changed
from arrears.simulate.player import DatedFact, Player
from tests.support.builders import ACCOUNT_ID, OPENS
from tests.support.played import called
from tests.unit.contacts.test_waits import LAST, dates_, news, policies
from tests.unit.rules.ruled import PACKS, bound, many, pack, somebody

TEXTS_AND_CALLS = ["send_sms", "queue_call"]
CONTACTS = [*TEXTS_AND_CALLS, "queue_letter"]
some_actions = st.lists(st.sampled_from(CONTACTS), min_size=1, max_size=3, unique=True)
hours_rules = st.fixed_dictionaries(
    {
        "kind": st.just("hours"),
        "hours": st.just(["08:00", "21:00"]),
        "by_weekday": st.dictionaries(st.sampled_from(WEEKDAYS), st.none() | st.just(["10:00", "12:00"]), max_size=4),
        "holidays": st.lists(dates_.map(lambda day: day.isoformat()), max_size=9),
    }
)
cap_rules = st.fixed_dictionaries(
    {
        "kind": st.just("cap"),
        "actions": some_actions,
        "counting": st.sampled_from(["attempts", "attempts", "conversations"]),
        "per": st.sampled_from(["account", "account", "number", "third_party"]),
        "at_most": st.integers(1, 3),
        "in_days": st.integers(1, 20),
    }
)
pause_rules = st.fixed_dictionaries(
    {"kind": st.just("pause_after_conversation"), "actions": some_actions, "days": st.integers(1, 15)}
)
wish_rules = st.fixed_dictionaries(
    {"kind": st.just("wishes"), "numbers": st.lists(st.sampled_from(PHONES), min_size=1, max_size=5, unique=True)}
)
other_rules = st.fixed_dictionaries(
    {"kind": st.just("third_parties"), "but": st.sampled_from(["guarantors", "nobody"])}
)
packs = st.lists(hours_rules | cap_rules | pause_rules | wish_rules | other_rules, min_size=1, max_size=4).map(
    lambda rules: pack(*rules)
)


#: No two facts of a kind on one date.
stories = st.lists(news(), max_size=10, unique_by=lambda dated: (dated.on, type(dated.fact)))


#: A stage in which much is due each day, so that it is the rules that leave things undone.
busy = st.fixed_dictionaries(
    {
        "stages": st.lists(
            st.fixed_dictionaries({"action": st.sampled_from(CONTACTS), "every_days": st.integers(1, 2)}),
            min_size=1,
            max_size=3,
        ).map(lambda steps: {"only": {"from": {"days_past_due": 1}, "steps": steps}}),
    },
    optional={
        "calls": st.fixed_dictionaries(
            {
                "numbers": st.lists(st.sampled_from(PHONES), min_size=1, max_size=5, unique=True),
                "tries_per_number": st.integers(1, 2),
                "again_after_days": st.integers(0, 1),
            }
        )
    },
)
results = st.sampled_from(["no_answer", "message_left", "right_party", "refused", "disputed"])
many_calls = st.lists(
    st.builds(called, dates_, st.sampled_from(PHONES), results), max_size=6, unique_by=lambda dated: dated.on
)


class Contact(NamedTuple):
    """What was done."""

    on: date
    action: str
    phone: str | None


class Heard(NamedTuple):
    """What came in, without what was refused."""

    calls: list[Call]
    extracts: list[Extract]


def happened(policy: Policy, facts: Iterable[DatedFact], first: Extract) -> tuple[list[Contact], Heard]:
    refused: set[int] = set()

    def refusing(number: int) -> Callable[[str, str], None]:
        return lambda _field, _reason: refused.add(number)

    numbered = [dated._replace(refuse=refusing(number)) for number, dated in enumerate(facts)]
    played = Player(policy, first.as_of, LAST).play(ACCOUNT_ID, [DatedFact(first.as_of, first), *numbered])
    contacts = []
    for story in played.stories:
        plans = {event.action_id: event for event in story if isinstance(event, ActionPlanned)}
        for event in story:
            if isinstance(event, ActionDone):
                plan = plans[event.action_id]
                contacts.append(Contact(event.on, plan.action, plan.phone))
    taken = [dated.fact for number, dated in enumerate(numbered) if number not in refused]
    calls = [fact for fact in taken if isinstance(fact, Call)]
    return contacts, Heard(calls, [first, *(fact for fact in taken if isinstance(fact, Extract))])


@settings(max_examples=150)
@given(packs, policies() | busy, stories | many_calls, st.data())
def test_no_contact_breaks_a_rule(made: Pack, keys: dict[str, Any], told: list[DatedFact], data: st.DataObject) -> None:
    wishes = st.lists(st.sampled_from(PHONES), max_size=2, unique=True).map(tuple)
    guarantors = st.sampled_from([(), ("family",), ("family", "contact")])
    facts = [
        dated._replace(fact=changed(dated.fact, not_wanted=data.draw(wishes)))
        if isinstance(dated.fact, Call)
        else dated
        for dated in told
    ]
    first = somebody(guarantors=data.draw(guarantors))

    contacts, heard = happened(bound(made, **keys), facts, first)

    assert [broken for rule in made.rules for broken in _broken(rule.model_dump(), contacts, heard)] == []


def _broken(rule: dict[str, Any], contacts: list[Contact], heard: Heard) -> list[object]:
    limited = [contact for contact in contacts if contact.action in rule.get("actions", ("queue_call",))]
    match rule["kind"]:
        case "hours":
            return [each for each in limited if _is_closed(rule, each.on)]
        case "pause_after_conversation":
            return [
                (each, call.called_on)
                for each in limited
                for call in heard.calls
                if call.result in CONVERSATIONS and 0 <= (each.on - call.called_on).days < rule["days"]
            ]
        case "wishes":
            return [
                (each, call.called_on)
                for each in limited
                for call in heard.calls
                if each.phone in call.not_wanted and each.phone in rule["numbers"] and call.called_on <= each.on
            ]
        case "third_parties":
            return [each for each in limited if each.phone in ("family", "contact") and not _owes(rule, each, heard)]
        case "cap":
            return _over(rule, limited, heard)
    raise AssertionError(rule["kind"])


def _is_closed(rule: dict[str, Any], on: date) -> bool:
    return on in rule["holidays"] or rule["by_weekday"].get(WEEKDAYS[on.weekday()], "open") is None


def _owes(rule: dict[str, Any], contact: Contact, heard: Heard) -> bool:
    known = max((each for each in heard.extracts if each.as_of <= contact.on), key=lambda each: each.as_of)
    return rule["but"] == "guarantors" and contact.phone in known.guarantors


def _over(rule: dict[str, Any], limited: list[Contact], heard: Heard) -> list[object]:
    """Look at each contact: how many of what is counted lie in the window that ends on its date, itself not counted?"""
    found: list[object] = []
    for index, contact in enumerate(limited):
        first = contact.on - timedelta(days=rule["in_days"] - 1)
        if rule["counting"] == "attempts":
            counted = [each.phone for each in limited[:index] if each.on >= first]
        else:
            spoken = [call for call in heard.calls if call.result in CONVERSATIONS]
            counted = [call.phone for call in spoken if first <= call.called_on <= contact.on]
        if rule["per"] != "account":
            if contact.phone is None or (rule["per"] == "third_party" and contact.phone not in ("family", "contact")):
                continue
            counted = [phone for phone in counted if phone == contact.phone]
        if len(counted) >= rule["at_most"]:
            found.append(contact)
    return found


# --- by the clock ----------------------------------------------------------------------------------------------------
ZONES = ["America/New_York", "America/Los_Angeles", "Europe/London", "Asia/Shanghai", "Asia/Taipei", "Pacific/Honolulu"]


@given(
    st.sampled_from([name for name in PACKS if PACKS[name].rules]),
    st.sampled_from([*ZONES, "UTC"]),
    st.sampled_from(TEXTS_AND_CALLS),
    st.datetimes(datetime(2005, 6, 2), datetime(2006, 6, 2)),  # noqa: DTZ001 - at the cardholder's place
)
def test_nobody_is_contacted_outside_the_hours_at_their_place(
    name: str, timezone: str, action: str, here: datetime
) -> None:
    policy, first = bound(PACKS[name], stages=many(action, 1)), somebody(timezone)
    case = Player(policy, OPENS, OPENS).play(ACCOUNT_ID, [DatedFact(OPENS, first)]).last
    assert case is not None

    decision = decide(changed(case, done=()), policy, Moment(here.date(), here.time()))

    places = [timezone] if timezone != "UTC" else PACKS[name].zones
    clocks = [here.replace(tzinfo=ZoneInfo(timezone)).astimezone(ZoneInfo(place)).time() for place in places]
    assert isinstance(decision, Act) is all(time(8) <= clock < time(21) for clock in clocks)


# --- stricter --------------------------------------------------------------------------------------------------------
@settings(max_examples=80)
@given(packs, policies(), stories)
def test_a_policy_that_is_bound_contacts_nobody_earlier_than_one_that_is_not(
    made: Pack, keys: dict[str, Any], told: list[DatedFact]
) -> None:
    """What is done instead is left out: a number that may not be called brings a letter at once."""
    keys["contact"].pop("fallback", None)

    loose, _ = happened(bound(**keys), told, somebody())
    strict, _ = happened(bound(made, **keys), told, somebody())

    assert _first(strict) >= _first(loose)


def _first(contacts: list[Contact]) -> date:
    return min((contact.on for contact in contacts if contact.action in CONTACTS), default=date.max)


@settings(max_examples=80)
@given(
    packs,
    st.sampled_from(CONTACTS),
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=2),
    stories,
)
def test_of_one_kind_of_contact_no_stricter_policy_makes_any_earlier(
    made: Pack, action: str, every: int, caps: list[tuple[int, int]], told: list[DatedFact]
) -> None:
    step = {"action": action, "every_days": every}
    stages = {"only": {"from": {"days_past_due": 1}, "steps": [step], "promise_windows_days": [7]}}
    contact = {"caps": [{"at_most": most, "in_days": days} for most, days in caps]}
    loose, _ = happened(bound(stages=stages), told, somebody())
    capped, _ = happened(bound(stages=stages, contact=contact), told, somebody())
    strict, _ = happened(bound(made, stages=stages, contact=contact), told, somebody())

    for looser, stricter in ((loose, capped), (capped, strict)):
        dates = [[each.on for each in contacts if each.action == action] for contacts in (looser, stricter)]
        assert len(dates[1]) <= len(dates[0])
        assert all(later >= earlier for earlier, later in zip(*dates, strict=False))


@settings(max_examples=80)
@given(packs, policies() | busy, stories | many_calls)
def test_a_wait_ends_on_the_first_date_on_which_the_rules_let_something_be_done(
    made: Pack, keys: dict[str, Any], told: list[DatedFact]
) -> None:
    """Whoever looks only when a wait is over sees what looking on every date would have seen."""
    policy = bound(made, **keys)
    days = (OPENS + timedelta(days=number) for number in range((LAST - OPENS).days + 1))
    looks = [DatedFact(day, HoldLifted("no-such-hold", "other", day)) for day in days]

    jumping, _ = happened(policy, told, somebody())
    daily, _ = happened(policy, [*told, *looks], somebody())

    assert jumping == daily
