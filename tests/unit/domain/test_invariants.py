"""The invariants of docs/architecture.md, on accounts and policies that nobody chose.

Every account is walked day by day here, and everything that happens to its cases is written down, the facts too; the
simulator's player, which jumps from date to date, must come to the same.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from arrears.domain.case import BrokenHistoryError, Case, evolve, opening, replay
from arrears.domain.chain import GENESIS, link
from arrears.domain.codec import (
    account_from_json,
    account_to_json,
    case_from_bytes,
    case_to_bytes,
    event_from_json,
    event_to_json,
)
from arrears.domain.decide import Act, open_case
from arrears.domain.events import (
    ActionDone,
    ActionPlanned,
    ArrearsReported,
    CallResult,
    CaseClosed,
    CaseOpened,
    Event,
    HoldLifted,
    HoldPlaced,
    PaymentReceived,
    PromiseAccepted,
    StageEntered,
)
from arrears.domain.facts import Account, Call, Extract, Payment
from arrears.domain.learn import learn, learn_before_a_case
from arrears.domain.moment import Moment
from arrears.domain.money import CurrencyMismatchError, Money
from arrears.domain.policy import Policy
from arrears.domain.timeline import Row, timeline
from arrears.domain.turn import planned, take_turn
from arrears.simulate.player import DatedFact, Player
from tests.unit.domain.drawn import FIRST, LAST, facts, policies
from tests.yardstick.plain_rules import Facts, add_months

CONTACTS = ("send_sms", "queue_call", "queue_letter")


@dataclass
class Walk:
    """What a walk through all dates wrote down.

    Attributes:
        stories: all events of each case, the facts among them.
        cases: each case as it stood at the end.
        accounts: the account as known on each date, before anything was decided.
    """

    stories: list[list[Event]] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    accounts: dict[date, Account] = field(default_factory=dict)

    def rows(self) -> list[Row]:
        return [row for story in self.stories for row in timeline(story)]


def _event(fact: Any, on: date) -> Event:
    match fact:
        case Extract():
            return ArrearsReported(fact, on)
        case Payment():
            return PaymentReceived(fact)
        case Call():
            return CallResult(fact)
        case HoldPlaced() | HoldLifted():
            return fact
    raise AssertionError(fact)


def walk(policy: Policy, dated: list[DatedFact]) -> Walk:
    """Look at an account on every date."""
    walked, account = Walk(), Account("A")
    case: Case | None = None
    for ahead in range((LAST - FIRST).days + 1):
        on = FIRST + timedelta(days=ahead)
        for each in dated:
            if each.on == on or (ahead == 0 and each.on < on):
                told = _event(each.fact, on)
                account = learn(account, told) if case is not None else learn_before_a_case(account, told)
                if case is not None:
                    walked.stories[-1].append(told)
                    case = evolve(case, told)
        walked.accounts[on] = account
        if case is None:
            opened = open_case(account, policy, on)
            if opened is not None:
                walked.stories.append([opened])
                case = opening(opened)
        while case is not None:
            case, events, decision = take_turn(case, policy, Moment(on))
            walked.stories[-1] += events
            if not isinstance(decision, Act):
                break
            for event in (planned(decision, Moment(on)), ActionDone(decision.action_id, on)):
                walked.stories[-1].append(event)
                case = evolve(case, event)
        if case is not None and not case.is_open:
            walked.cases.append(case)
            case = None
    if case is not None:
        walked.cases.append(case)
    return walked


Told = tuple[Facts, list[DatedFact]]


@settings(max_examples=60)
@given(policies(), facts())
def test_no_contact_after_a_cure_on_hold_or_after_an_opt_out(policy: dict[str, Any], told: Told) -> None:
    """Invariant 1. Worked out from the facts as the bank told them, not from what the case knows."""
    plain, dated = told
    tolerance = Decimal(policy.get("cure_tolerance", {}).get("CNY", "0"))
    for row in walk(Policy.model_validate(policy), dated).rows():
        if row.action not in CONTACTS:
            continue
        known = [extract for extract in plain.extracts if extract["on"] <= row.date][-1]
        paid = sum(
            payment["amount"]
            for payment in plain.payments
            if known["on"] < payment["on"] <= row.date and payment["currency"] == known["currency"]
        )
        assert known["arrears"] - paid > (tolerance if known["currency"] == "CNY" else 0)
        for hold_id in ("H1", "H2"):
            said = [hold for hold in plain.holds if hold["id"] == hold_id and hold["on"] <= row.date]
            placed = [hold["on"] for hold in said if hold["status"] == "placed"]
            lifted = [hold["on"] for hold in said if hold["status"] == "lifted"]
            assert not placed or (lifted and max(lifted) >= max(placed))
        assert not (row.action == "send_sms" and (known["opted_out"] or not known["mobile"]))
        assert not (row.action == "queue_call" and not known["phones"])
        assert not (row.action == "queue_letter" and not known["address"])


@settings(max_examples=60)
@given(policies(), facts())
def test_nothing_is_done_twice_and_nothing_that_was_planned_is_lost(policy: dict[str, Any], told: Told) -> None:
    """Invariant 2."""
    walked = walk(Policy.model_validate(policy), told[1])
    plans = Counter(event.action_id for story in walked.stories for event in story if isinstance(event, ActionPlanned))
    done = Counter(event.action_id for story in walked.stories for event in story if isinstance(event, ActionDone))
    assert plans == done
    assert set(done.values()) <= {1}
    ids = [event.case_id for story in walked.stories for event in story if isinstance(event, CaseOpened)]
    assert len(set(ids)) == len(ids)
    for case in walked.cases:
        assert case.pending is None
        assert sum(one.action == "freeze_account" for one in case.done) <= 1


@settings(max_examples=60)
@given(policies(), facts())
def test_a_stage_never_goes_back_and_is_never_entered_too_early(policy: dict[str, Any], told: Told) -> None:
    """Invariant 3."""
    checked = Policy.model_validate(policy)
    ladder = list(policy["stages"])
    walked = walk(checked, told[1])
    for story in walked.stories:
        entered = [event for event in story if isinstance(event, StageEntered)]
        places = [ladder.index(event.stage) for event in entered]
        assert places == sorted(set(places))
        for event in entered:
            start = policy["stages"][event.stage]["from"]
            due = [known for known in told[0].extracts if known["on"] <= event.on][-1]["oldest_due"]
            if "days_past_due" in start:
                assert (event.on - due).days >= start["days_past_due"]
            if "months_past_due" in start:
                assert event.on > add_months(due, start["months_past_due"])


@settings(max_examples=60)
@given(policies(), facts())
def test_a_recall_names_a_placement_and_a_closed_case_has_none(policy: dict[str, Any], told: Told) -> None:
    """Invariant 4, as far as the domain goes."""
    for case in walk(Policy.model_validate(policy), told[1]).cases:
        recalled = {one.action_id.removesuffix(".recall") for one in case.done if one.action == "recall_from_agency"}
        assert recalled <= {placement.action_id for placement in case.placements}
        assert all(placement.ended_on is not None for placement in case.placements[:-1])
        if not case.is_open:
            assert case.placement is None


@settings(max_examples=60)
@given(policies(), facts())
def test_replaying_the_events_gives_the_case_also_from_their_stored_text(policy: dict[str, Any], told: Told) -> None:
    """Invariant 5."""
    walked = walk(Policy.model_validate(policy), told[1])
    for story, case in zip(walked.stories, walked.cases, strict=True):
        assert replay(story) == case
        assert case.version == len(story)
        texts = [event_to_json(event) for event in story]
        assert replay(map(event_from_json, texts)) == case
        assert case_from_bytes(case_to_bytes(case)) == case
        assert account_from_json(account_to_json(case.account)) == case.account
        assert [event_to_json(event_from_json(text)) for text in texts] == texts


@settings(max_examples=60)
@given(policies(), facts())
def test_jumping_to_the_next_date_is_walking_through_all_of_them(policy: dict[str, Any], told: Told) -> None:
    """A wait is honest: nothing could have happened before its end."""
    checked = Policy.model_validate(policy)
    jumped = list(Player(checked, FIRST, LAST).play("A", told[1]).rows())
    assert jumped == walk(checked, told[1]).rows()


@given(policies(), facts())
def test_nothing_happens_to_a_case_that_is_closed(policy: dict[str, Any], told: Told) -> None:
    for story in walk(Policy.model_validate(policy), told[1]).stories:
        closed = [index for index, event in enumerate(story) if isinstance(event, CaseClosed)]
        assert closed in ([], [len(story) - 1])


def test_what_is_drawn_reaches_what_the_properties_are_about() -> None:
    """Most of them hold for an account to which nothing happens; so something must, to many of those that are drawn."""
    seen: Counter[str] = Counter()

    @settings(max_examples=100, derandomize=True, database=None)
    @given(policies(), facts())
    def look(policy: dict[str, Any], told: Told) -> None:
        walked = walk(Policy.model_validate(policy), told[1])
        kinds = {type(event) for story in walked.stories for event in story}
        done = {one.action for case in walked.cases for one in case.done}
        for name, happened in {
            "a case": bool(walked.cases),
            "a second case": len(walked.cases) > 1,
            "a hold during a case": HoldPlaced in kinds,
            "a promise accepted": PromiseAccepted in kinds,
            "a contact": not done.isdisjoint(CONTACTS),
            "a recall": "recall_from_agency" in done,
            "a freeze": "freeze_account" in done,
            "a cure": CaseClosed in kinds,
        }.items():
            seen[name] += happened

    look()
    least = {
        "a case": 80,
        "a second case": 3,
        "a hold during a case": 15,
        "a promise accepted": 10,
        "a contact": 30,
        "a recall": 5,
        "a freeze": 3,
        "a cure": 20,
    }
    assert {name: seen[name] for name in least if seen[name] < least[name]} == {}


# --- invariant 5: the chain ------------------------------------------------------------------------------------------
def test_who_changes_an_event_changes_every_hash_after_it() -> None:
    bodies = ["one", "two", "three"]

    def chain(texts: list[str]) -> list[str]:
        heads = [GENESIS]
        for text in texts:
            heads.append(link(heads[-1], text))
        return heads[1:]

    before, after = chain(bodies), chain(["one", "TWO", "three"])
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert before[2] != after[2]
    assert len(set(before)) == 3


def test_a_history_that_cannot_be_is_refused() -> None:
    opened = CaseOpened("A-20050601", Account("A"), date(2005, 6, 1), "told so")
    with pytest.raises(BrokenHistoryError, match="begins with CaseOpened"):
        replay([CaseClosed(date(2005, 6, 2), "")])
    with pytest.raises(BrokenHistoryError, match="opened twice"):
        replay([opened, opened])
    with pytest.raises(BrokenHistoryError, match="was not planned"):
        replay([opened, ActionDone("A-20050601.call.0.1", date(2005, 6, 2))])
    assert replay([]) is None


# --- invariant 7: money ----------------------------------------------------------------------------------------------
def test_money_is_never_added_across_currencies() -> None:
    yuan, dollars = Money(Decimal("1.10"), "CNY"), Money(Decimal("2.20"), "USD")
    with pytest.raises(CurrencyMismatchError, match="cannot combine CNY with USD"):
        _ = yuan + dollars
    with pytest.raises(CurrencyMismatchError):
        _ = yuan - dollars
    assert str(yuan + yuan) == "2.20 CNY"
    assert (dollars - dollars).amount == 0
