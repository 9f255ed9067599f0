"""`arrears case explain`: what is said of a date is what was known, decided and done, and what is done next."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Any

import pytest

from arrears.case_explained import Happened, Told, explain_case
from arrears.domain.ahead import play_ahead
from arrears.domain.events import ActionDone, ActionPlanned
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.rollout import Scope
from arrears.domain.value import changed
from arrears.simulate.player import DatedFact, Player, Then
from arrears.simulate.told import told_of
from tests.support.builders import policy
from tests.unit.domain.told import ACCOUNT, called, day, extract, hold, paid

OWES = extract("06-02", "1000", "06-01")


def told(on: str, *facts: DatedFact, rules: Policy | None = None) -> Told:
    found = told_of(ACCOUNT, [OWES, *facts], rules or policy(), day(on))
    assert not isinstance(found, str), found
    return found[0]


def explained(on: str, *facts: DatedFact, **changes: Any) -> str:
    """The explanation as one text, without its line breaks."""
    return " ".join(" ".join(explain_case(told(on, *facts, rules=policy(**changes)))).split())


def why_none(on: str, *facts: DatedFact) -> str:
    found = told_of(ACCOUNT, [OWES, *facts], policy(), day(on))
    assert isinstance(found, str)
    return found


# --- the facts -------------------------------------------------------------------------------------------------------
def test_it_says_what_was_owed_and_for_how_long_and_by_which_policy() -> None:
    text = explained("06-19")

    assert text.startswith(f"Account {ACCOUNT} on 19 June 2005, case {ACCOUNT}-20050602, policy test 1")
    assert "1,000 CNY were owed, unpaid since 1 June 2005: 18 days past due." in text


def test_it_says_why_the_case_is_in_its_stage() -> None:
    assert "is in stage call since 16 June 2005: stage call: 15 DPD reached on 16 June 2005" in explained("06-19")


def test_what_came_in_after_the_date_is_not_known_on_it() -> None:
    later = paid("06-21", "400")

    assert "Nothing was paid since it opened." in explained("06-20", later)
    assert "1,000 CNY were owed" in explained("06-20", later)
    assert "600 CNY were owed" in explained("06-21", later)
    assert "400 CNY were paid on 21 June 2005." in explained("06-21", later)


# --- what was decided ------------------------------------------------------------------------------------------------
def test_what_was_done_is_told_with_its_reason_and_its_policy() -> None:
    text = explained("06-16")

    assert "- stage call: 15 DPD reached on 16 June 2005 [test 1]" in text
    assert "- call planned: stage call: call 1 of 2, due 16 June 2005 [test 1]" in text
    assert "Nothing more was to be done: nothing is due before 19 June 2005." in text


@pytest.mark.parametrize(
    "key",
    [
        "agency_id=a/recalls/date=2005-06-16/recalls.csv",
        "letters/2005-06-16/L.pdf",
        "2005-06-16/x",
        "mail/2005-06-16.csv",
    ],
)
def test_the_key_of_an_object_stays_as_it_is(key: str) -> None:
    asked = told("06-16")
    lines = explain_case(replace(asked, happened=[Happened(ActionDone("A", day("06-16"), key))]))

    assert f"- done: A ({key})" in " ".join(" ".join(lines).split())


def test_a_date_on_which_nothing_was_done_has_its_reason_too() -> None:
    assert "Nothing was to be done: nothing is due before 19 June 2005." in explained("06-17")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ([hold("06-10")], "Nothing was to be done: dispute hold since 10 June 2005 (rule 11)."),
        (
            [called("06-17", "promise", "06-21", amount="1000")],
            "Nothing was to be done: a promise to pay stands through 21 June 2005 (rule 12).",
        ),
    ],
)
def test_a_hold_and_a_promise_are_reasons(facts: Sequence[DatedFact], reason: str) -> None:
    text = explained("06-19", *facts)

    assert reason in text
    assert "No stage is entered now, whatever the dates" in text


def test_who_has_opted_out_is_not_texted_and_it_says_so() -> None:
    opted_out = extract("06-03", "1000", "06-01", sms_opt_out=True)

    text = explained("06-09", opted_out)

    assert "No text can reach the cardholder: the cardholder has opted out of SMS." in text
    assert "Nothing was to be done: text message is due but the cardholder has opted out of SMS." in text
    assert "the next is due on 9 June 2005, but the cardholder has opted out of SMS" in text


def test_a_cap_that_is_reached_is_named_with_the_date_until_which_it_holds() -> None:
    text = explained("06-05", contact={"caps": [{"at_most": 1, "in_days": 30}]})

    assert "but the cap of 1 in 30 days is reached; not before 2 July 2005" in text


def test_outside_the_hours_it_says_when_they_begin() -> None:
    """The case of a text that is due, looked at by an operator at seven in the morning."""
    rules = policy(contact={"hours": ["08:00", "21:00"]})
    case = changed(told("06-02", rules=rules).case, done=())

    text = " ".join(" ".join(explain_case(Told(case, rules, Moment(day("06-02"), time(7))))).split())

    assert "text message is due but it is outside the contact hours" in text
    assert "not before 2 June 2005 at 08:00" in text


# --- the stages to come ----------------------------------------------------------------------------------------------
def test_every_later_stage_says_what_is_missing_and_until_when() -> None:
    text = explained("06-19")

    assert "lawyer_letter: not before 31 July 2005, 42 days from this date" in text
    assert "no: 60 days past due, only on 31 July 2005 (42 days)" in text
    assert "no: overdue for more than 3 months, only on 2 September 2005 (75 days)" in text
    assert "no: letter carried out at least 14 days ago: not by what is known" in text


def test_a_requirement_that_is_met_says_since_when() -> None:
    text = explained("08-20")

    assert "yes: letter carried out at least 14 days ago since 14 August 2005" in text
    assert "agency: not before 2 September 2005" in text


def test_a_minimum_that_is_not_reached_has_no_date() -> None:
    stages: dict[str, Any] = {"reminder": {"from": {"days_past_due": 1}}, "call": {"from": {"days_past_due": 2}}}
    stages["call"]["minimum_arrears"] = {"CNY": "5000.00"}

    text = explained("06-19", stages=stages, freeze=None)

    assert "yes: 2 days past due since 3 June 2005" in text
    assert "no: arrears of at least 5,000.00: not by what is known" in text
    assert "By what is known nothing more is done" in text


# --- what comes next -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("facts", [(), (extract("06-20", "60000", "06-01"),), (paid("07-01", "500"),)])
def test_the_next_step_that_it_names_is_the_one_that_is_done_then(facts: tuple[DatedFact, ...]) -> None:
    last = day("2006-03-01")
    played = Player(policy(), day("06-02"), last).play(ACCOUNT, [OWES, *facts])
    plans = [event for event in played.stories[0] if isinstance(event, ActionPlanned)]
    assert len(plans) >= 8
    known = max((fact.on for fact in facts), default=day("06-02"))

    for before, after in pairwise(plans):
        if before.on < known or before.on == after.on:
            continue
        middle = before.on + (after.on - before.on) // 2
        case = told(str(middle), *facts).case
        following = next(e for _, e in play_ahead(case, policy(), middle, last) if isinstance(e, ActionPlanned))
        assert following == after


def test_the_next_step_is_told_with_its_date_and_reason() -> None:
    assert "On 19 June 2005: call; call 2 of 2, due 19 June 2005." in explained("06-17")
    assert 'On 31 July 2005: letter "lawyer_letter" in stage lawyer_letter; letter 1 of 1' in explained("06-20")


def test_a_policy_that_counts_later_is_named() -> None:
    asked = told("06-17")
    lines = explain_case(Told(asked.case, asked.policy, asked.now, later=("bank 2", date(2005, 7, 1))))

    assert "From 1 July 2005 the policy bank 2 counts for this case." in "\n".join(lines)


# --- no case ---------------------------------------------------------------------------------------------------------
def test_of_a_case_that_closed_it_says_when_and_why() -> None:
    full = paid("06-10", "1000")

    assert "cured: arrears 0 CNY are within the tolerance" in explained("06-10", full)
    assert "closed on 2005-06-10: cured" in why_none("06-11", full)


def test_before_a_case_opens_it_says_when_it_did() -> None:
    found = told_of(ACCOUNT, [extract("06-01", "0"), OWES], policy(), day("06-01"))

    assert found == f"no case of account {ACCOUNT} was open on 2005-06-01; {ACCOUNT}-20050602 opened on 2005-06-02"


def test_before_the_first_date_that_is_played_no_case_is_told_of() -> None:
    """The case opens on 2 June, the first date known: on 1 June it was not there."""
    assert why_none("06-01") == (
        f"no case of account {ACCOUNT} was open on 2005-06-01; {ACCOUNT}-20050602 opened on 2005-06-02; "
        "the first date played is 2005-06-02"
    )


def test_between_two_cases_it_names_both() -> None:
    again = extract("07-10", "500", "07-09")

    assert why_none("06-20", paid("06-10", "1000"), again) == (
        f"no case of account {ACCOUNT} was open on 2005-06-20; {ACCOUNT}-20050602 closed on 2005-06-10: cured: "
        f"arrears 0 CNY are within the tolerance of 1.00 (rule 8); {ACCOUNT}-20050710 opened on 2005-07-10"
    )


# --- what is assumed -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("scope", "label"), [("all", "bank 2"), ("new_cases", "test 1")])
def test_a_second_policy_counts_as_it_is_rolled_out(scope: Scope, label: str) -> None:
    then = Then(policy(name="bank", version="2"), day("06-18"), scope)

    before = told_of(ACCOUNT, [OWES], policy(), day("06-16"), then=then)
    after = told_of(ACCOUNT, [OWES], policy(), day("06-19"), then=then)

    assert not isinstance(before, str)
    assert not isinstance(after, str)
    assert before[0].policy.label == "test 1"
    assert before[0].later == (("bank 2", day("06-18")) if scope == "all" else None)
    assert {each.policy for each in before[0].happened} == {"test 1"}
    assert after[0].policy.label == label
    assert {each.policy for each in after[0].happened} == {label}
    assert after[0].later is None


def test_a_case_that_opens_under_the_second_policy_is_told_by_it() -> None:
    then = Then(policy(name="bank", version="2"), day("06-01"), "new_cases")
    found = told_of(ACCOUNT, [OWES], policy(), day("06-10"), then=then)

    assert not isinstance(found, str)
    assert found[0].policy.label == "bank 2"


@pytest.mark.parametrize("days", range(0, 300, 23))
def test_every_date_can_be_explained_without_codes_or_dates_in_figures(days: int) -> None:
    on = day("06-02") + timedelta(days=days)

    lines = list(explain_case(told(str(on), called("06-20", "refused"), hold("08-01"), hold("08-09", "lifted"))))

    body = "\n".join(lines[1:])
    assert "queue_" not in body
    assert "send_sms" not in body
    assert "None" not in body
    assert "2005-" not in body.replace("A-20050602", "")
