"""Holds and plans that nobody chose: what may never happen, worked out from the facts and not from the case."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings, strategies as st

from arrears.domain.events import (
    ActionPlanned,
    HoldLifted,
    HoldPlaced,
    PlanAccepted,
    PlanAgreed,
    PlanCancelled,
    PlanEnded,
    StageEntered,
)
from arrears.domain.facts import HoldReason, Plan
from arrears.simulate.player import DatedFact
from tests.support.builders import DUE, OPENS, extract, money, payment
from tests.support.played import fact, play

LAST = OPENS + timedelta(days=140)
DAYS = st.integers(-5, 130).map(lambda days: OPENS + timedelta(days=days))
REASONS: tuple[HoldReason, ...] = ("dispute", "breathing_space")
CONTACTS = ("send_sms", "queue_call", "queue_letter")
LETTER = {"action": "queue_letter", "template": "statement_of_account"}
#: Contacts every few days in each of two stages, so that a silence is one.
STAGES = {
    "reminder": {
        "from": {"days_past_due": 1},
        "steps": [{"action": "send_sms", "every_days": 2}, {"action": "queue_letter", "every_days": 9}],
    },
    "call": {
        "from": {"days_past_due": 40},
        "steps": [{"action": "queue_call", "every_days": 2}, {"action": "send_sms", "every_days": 5}],
    },
}

allowed = st.lists(
    st.fixed_dictionaries({"action": st.sampled_from(CONTACTS)}), max_size=2, unique_by=lambda each: each["action"]
)
rules = st.fixed_dictionaries(
    {"counts_days": st.booleans(), "allows": allowed},
    optional={
        "steps": st.just([{**LETTER, "after_days": 2, "every_days": 10}]),
        "enters_stages": st.booleans(),
        "ends_after_days": st.integers(4, 40),
        "review_after_days": st.integers(1, 3),
        "not_again_within_months": st.integers(1, 3),
    },
)
instalments = st.fixed_dictionaries(
    {"counts_days": st.booleans(), "grace_days": st.integers(0, 5)},
    optional={"remind_days_before": st.integers(0, 5), "agency": st.sampled_from(["keeps", "recalled"])},
)


@dataclass
class Told:
    """Holds as they were told: reason, first date, first date after it; and everything as facts."""

    holds: list[tuple[HoldReason, date, date | None]] = field(default_factory=list)
    facts: list[DatedFact] = field(default_factory=list)


@st.composite
def told(draw: st.DrawFn) -> Told:
    """Some holds, which may overlap; some plans; some payments."""
    made = Told()
    for number in range(draw(st.integers(0, 4))):
        reason, since = draw(st.sampled_from(REASONS)), draw(DAYS)
        days = draw(st.none() | st.integers(1, 60))
        until = None if days is None else since + timedelta(days=days)
        made.holds.append((reason, since, until))
        made.facts.append(fact(since, HoldPlaced(f"H{number}", reason, since)))
        if until is not None:
            made.facts.append(fact(until, HoldLifted(f"H{number}", reason, until)))
    for number in range(draw(st.integers(0, 2))):
        agreed_on = draw(DAYS)
        first_due = agreed_on + timedelta(days=draw(st.integers(0, 20)))
        plan = Plan(f"IP{number}", agreed_on, draw(st.integers(1, 5)), money("200.00"), first_due, "two_weeks")
        made.facts.append(fact(agreed_on, PlanAgreed(plan)))
        if draw(st.booleans()):
            cancelled_on = agreed_on + timedelta(days=draw(st.integers(0, 40)))
            made.facts.append(fact(cancelled_on, PlanCancelled(plan.plan_id, cancelled_on)))
    for number, on in enumerate(draw(st.lists(DAYS, max_size=4))):
        made.facts.append(fact(on, payment("200.00", on=on, payment_id=f"P{number}")))
    return made


policies = st.fixed_dictionaries(
    {},
    optional={"holds": st.dictionaries(st.sampled_from(REASONS), rules), "instalments": instalments},
)


def held(policy: dict[str, Any], known: Told) -> list[tuple[HoldReason, date, date]]:
    """The holds that count, each with its first date and the first one after it, as a clerk would list them."""
    listed: list[tuple[HoldReason, date, date]] = []
    for reason, since, until in sorted(known.holds, key=lambda each: (each[1], each[0])):
        rule = policy.get("holds", {}).get(reason, {})
        ends = [until or date.max, since + timedelta(days=rule.get("ends_after_days", 9999))]
        listed.append((reason, since, min(ends)))
    return listed


def planned(policy: dict[str, Any], known: Told) -> list[ActionPlanned]:
    """What is done."""
    story = [event for story in play(known.facts, last=LAST, stages=STAGES, **policy).stories for event in story]
    return [event for event in story if isinstance(event, ActionPlanned)]


@settings(max_examples=80, deadline=None)
@given(policies, told())
def test_nobody_is_contacted_while_held_unless_the_matrix_lets_it(policy: dict[str, Any], known: Told) -> None:
    for rule in policy.get("holds", {}).values():
        rule.pop("not_again_within_months", None)
    for act in planned(policy, known):
        for reason, since, until in held(policy, known):
            if act.action in CONTACTS and since <= act.on < until:
                rule = policy.get("holds", {}).get(reason, {})
                own = act.step.startswith("hold.") and any(
                    step["template"] == act.template for step in rule.get("steps", ())
                )
                assert own or act.action in [each["action"] for each in rule.get("allows", ())], (act, reason)


@settings(max_examples=80, deadline=None)
@given(policies, told())
def test_while_a_plan_is_kept_only_its_reminders_go_out(policy: dict[str, Any], known: Told) -> None:
    for story in play(known.facts, last=LAST, stages=STAGES, **policy).stories:
        kept = ""
        for event in story:
            if isinstance(event, PlanAccepted):
                kept = event.plan_id
            elif isinstance(event, PlanEnded):
                kept = ""
            elif isinstance(event, ActionPlanned) and event.action in CONTACTS and kept:
                assert event.step.startswith("plan."), event
            elif isinstance(event, StageEntered):
                assert not kept, event
        reminders = [
            event.action_id for event in story if isinstance(event, ActionPlanned) and event.step[:5] == "plan."
        ]
        assert len(set(reminders)) == len(reminders)


@settings(max_examples=100, deadline=None)
@given(st.booleans(), st.booleans(), told())
def test_a_stage_is_reached_after_its_days_without_those_of_holds_each_counted_once(
    dispute: bool,
    space: bool,
    known: Told,
) -> None:
    """Day by day: a day past due counts unless some hold that stops the clock stood on it."""
    counts = {"dispute": dispute, "breathing_space": space}
    policy: dict[str, Any] = {"holds": {reason: {"counts_days": count} for reason, count in counts.items()}}
    facts = [dated for dated in known.facts if isinstance(dated.fact, HoldPlaced | HoldLifted)]
    on, days, expected = DUE, 0, None
    while expected is None and on < LAST:
        on += timedelta(days=1)
        standing = [reason for reason, since, until in held(policy, known) if since <= on < until]
        days += all(counts[reason] for reason in standing)
        expected = on if days >= 40 and not standing else None

    played = play(facts, last=LAST, stages=STAGES, **policy)

    entered = [event for story in played.stories for event in story if isinstance(event, StageEntered)]
    assert [event.on for event in entered if event.stage == "call"] == ([] if expected is None else [expected])


@settings(max_examples=60, deadline=None)
@given(policies, told())
def test_jumping_to_the_next_date_is_looking_on_every_date(policy: dict[str, Any], known: Told) -> None:
    first = extract(phones=("mobile", "home"))
    every = [OPENS + timedelta(days=ahead) for ahead in range((LAST - OPENS).days + 1)]
    looks = [fact(on, PlanCancelled("no-such-plan", on)) for on in every]

    jumping = play(known.facts, last=LAST, account=first, stages=STAGES, **policy)
    daily = play([*known.facts, *looks], last=LAST, account=first, stages=STAGES, **policy)

    assert [story[1:] for story in jumping.stories] == [story[1:] for story in daily.stories]
