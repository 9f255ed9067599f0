"""Instalment plans: accepted or refused, kept, missed, cancelled, paid; and what happens meanwhile."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from arrears.describe import holds_and_plans
from arrears.domain.case import Case
from arrears.domain.decide import Wait, decide
from arrears.domain.events import PlanAccepted, PlanAgreed, PlanCancelled, PlanEnded, PlanRefused
from arrears.domain.facts import Plan
from arrears.domain.mail import why_not_mailed
from arrears.domain.moment import Moment
from arrears.domain.money import Money
from arrears.domain.plans import PlanOffer, plan_offer
from arrears.simulate.player import DatedFact, Played
from tests.support.builders import extract, held, lifted, money, payment, policy
from tests.support.played import called, dates, day, decided, fact, last_case, play, reasons, rows, stages

#: Four instalments of 250 yuan for the 1,000 that are owed, from 1 July on, agreed on 10 June.
PLAN = Plan("IP-1", day("06-10"), 4, money("250.00"), day("07-01"))
KEYS: dict[str, Any] = {"instalments": {"grace_days": 3}}
CONTACTS = ("send_sms", "queue_call", "queue_letter")


def agreed(**changes: Any) -> DatedFact:
    """The plan, some of its terms replaced."""
    plan = replace(PLAN, **changes)
    return fact(plan.agreed_on, PlanAgreed(plan))


def paid(on: str, amount: str = "250.00") -> DatedFact:
    """An instalment that comes in."""
    return fact(day(on), payment(amount, on=day(on), payment_id=f"P-{on}"))


def outcomes(played: Played) -> list[tuple[str, str]]:
    """How plans ended, and when."""
    return [(f"{ended.on:%m-%d}", ended.outcome) for ended in decided(played, PlanEnded)]


# --- accepted or refused ---------------------------------------------------------------------------------------------
def test_it_is_accepted_and_nothing_is_done_while_it_is_kept() -> None:
    told = [agreed(), paid("07-01"), paid("08-01"), paid("08-31")]

    played = play(told, last=day("09-30"), **KEYS)

    (accepted,) = decided(played, PlanAccepted)
    assert accepted.reason == "plan of 4 instalments of 250.00 CNY from 2005-07-01, for arrears of 1000.00 CNY"
    assert accepted.owed == Decimal("1000.00")
    assert [row for row in rows(played) if row[0] > "06-10"] == []
    assert not outcomes(played)


def test_without_instalments_in_the_policy_it_is_refused_and_changes_nothing() -> None:
    played, without = play([agreed()]), play([])

    (refused,) = decided(played, PlanRefused)
    assert refused.reason == "plan refused: the policy names no instalment plans"
    assert rows(played) == rows(without)


TERMS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    ({"at_most": 4}, {}, {"instalments": 5}, "5 instalments are more than 4"),
    (
        {"minimum_instalment": {"CNY": "250.00"}},
        {},
        {"amount": money("249.99"), "instalments": 5},
        "an instalment of 249.99 CNY is less than 250.00",
    ),
    (
        {"minimum_share": "1"},
        {},
        {"amount": money("249.99")},
        "999.96 in all is less than the policy's share (1) of the arrears 1000.00 CNY",
    ),
    (
        {"first_within_days": 21},
        {},
        {"first_due": day("07-02")},
        "the first instalment on 2005-07-02 is more than 21 days after 2005-06-10",
    ),
    (
        {"minimum_arrears": {"CNY": "1000.00"}},
        {"account": extract("999.99")},
        {},
        "arrears 999.99 CNY are below 1000.00",
    ),
    ({"stages": ["reminder"]}, {}, {"agreed_on": day("06-17")}, "none is agreed in stage call"),
]


@pytest.mark.parametrize(("rule", "account", "terms", "reason"), TERMS, ids=[next(iter(each[0])) for each in TERMS])
def test_it_is_refused_beyond_what_the_policy_allows_with_the_reason(
    rule: dict[str, Any], account: dict[str, Any], terms: dict[str, Any], reason: str
) -> None:
    within = {"agreed_on": day("06-16")} if "agreed_on" in terms else {}
    keys: dict[str, Any] = {"instalments": rule}

    accepted = play([agreed(**within)], last=day("06-20"), **keys)
    refused = play([agreed(**terms)], last=day("06-20"), **account, **keys)

    assert decided(accepted, PlanAccepted)
    (said,) = decided(refused, PlanRefused)
    assert said.reason == f"plan refused: {reason}"


def test_a_second_plan_is_refused_while_the_first_is_kept() -> None:
    played = play([agreed(), agreed(plan_id="IP-2", agreed_on=day("06-12"))], last=day("06-20"), **KEYS)

    (refused,) = decided(played, PlanRefused)
    assert refused.reason == "plan refused: the plan IP-1 is kept; that one would have to be cancelled first"


@pytest.mark.parametrize(("allowed", "accepted"), [(1, 1), (2, 2)])
def test_only_so_many_plans_are_accepted_in_a_case(allowed: int, accepted: int) -> None:
    told = [agreed(), agreed(plan_id="IP-2", agreed_on=day("07-10"), first_due=day("08-01"))]

    played = play(told, last=day("07-20"), instalments={"plans_per_case": allowed})

    assert len(decided(played, PlanAccepted)) == accepted


def test_it_may_be_replaced_once_it_is_cancelled() -> None:
    told = [
        agreed(),
        fact(day("06-20"), PlanCancelled("IP-1", day("06-20"))),
        agreed(plan_id="IP-2", agreed_on=day("06-20"), amount=money("100.00"), instalments=10),
    ]

    played = play(told, last=day("07-04"), instalments={"plans_per_case": 1})

    assert outcomes(played) == [("06-20", "cancelled"), ("07-02", "missed")]
    assert [each.plan_id for each in decided(played, PlanAccepted)] == ["IP-1", "IP-2"]


# --- kept or missed --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("paid_on", "missed"), [("07-04", []), ("07-05", [("07-05", "missed")])])
def test_an_instalment_is_missed_on_the_day_after_its_grace(paid_on: str, missed: list[tuple[str, str]]) -> None:
    played = play([agreed(), paid(paid_on)], last=day("07-31"), **KEYS)

    assert outcomes(played) == missed
    if missed:
        (ended,) = decided(played, PlanEnded)
        assert (
            ended.reason
            == "instalment 1 of 250.00 CNY was due on 2005-07-01: after 2005-07-04 250.00 of 250.00 is lacking"
        )


@pytest.mark.parametrize(("amount", "missed"), [("249.00", False), ("248.99", True)])
def test_an_instalment_that_lacks_no_more_than_the_tolerance_is_paid(amount: str, missed: bool) -> None:
    keys: dict[str, Any] = {"instalments": {"tolerance": {"CNY": "1.00"}}}

    assert bool(outcomes(play([agreed(), paid("06-28", amount)], last=day("07-31"), **keys))) is missed


def test_what_is_paid_ahead_covers_later_instalments() -> None:
    played = play([agreed(), paid("06-20", "600.00")], last=day("09-30"), **KEYS)

    assert outcomes(played) == [("09-05", "missed")], "the third: 150 of it is lacking"


def test_what_was_paid_before_it_was_agreed_pays_no_instalment() -> None:
    assert outcomes(play([paid("06-09"), agreed()], last=day("07-31"), **KEYS)) == [("07-05", "missed")]


def test_what_shows_in_an_extract_only_is_paid_too() -> None:
    later = fact(day("07-03"), extract("750.00", as_of=day("07-03")))

    assert not outcomes(play([agreed(), later], last=day("07-31"), **KEYS))


def test_a_missed_one_lets_the_case_go_on_where_it_was() -> None:
    """It was 9 days past due, in the first stage with one text sent, when the plan was agreed."""
    played = play([agreed()], last=day("07-31"), **KEYS)

    assert outcomes(played) == [("07-05", "missed")]
    assert [row for row in rows(played) if row[0] > "06-10"] == [
        ("07-11", "stage_entered"),
        ("07-11", "queue_call"),
        ("07-14", "queue_call"),
    ], "the clock stood from 10 June to 4 July: 25 days; nothing was due before the next stage"


def test_what_fell_due_meanwhile_is_due_when_it_is_missed() -> None:
    played = play([agreed(agreed_on=day("06-08"))], last=day("07-06"), **KEYS)

    assert dates(played, "send_sms") == ["06-02", "07-05"]


def test_the_days_of_a_plan_count_where_the_policy_says_so() -> None:
    played = play([agreed()], last=day("07-31"), instalments={"grace_days": 3, "counts_days": True})

    assert dates(played, "stage_entered") == ["06-02", "07-05", "07-31"]


def test_days_of_a_plan_and_of_a_hold_count_once() -> None:
    """A plan of 25 days, 10 June to 4 July, and a hold from 1 July to 9 July."""
    told = [agreed(), fact(day("07-01"), held(day("07-01"))), fact(day("07-10"), lifted(day("07-10")))]

    played = play(told, last=day("08-31"), **KEYS, holds={"dispute": {"counts_days": False}})

    assert dates(played, "queue_call")[0] == "07-16", "30 days later than 16 June"


def test_paid_in_full_it_is_cured() -> None:
    told = [agreed(), *(paid(on) for on in ("07-01", "08-01", "09-01", "10-01"))]

    played = play(told, last=day("10-31"), **KEYS)

    assert dates(played, "case_closed") == ["10-01"]


def test_a_plan_that_is_paid_while_arrears_are_left_is_over() -> None:
    told = [agreed(), *(paid(on, "260.00") for on in ("07-01", "08-01", "09-01", "10-01"))]

    played = play(told, account=extract("1200.00"), last=day("10-31"), **KEYS)

    assert outcomes(played) == [("10-01", "completed")]
    assert rows(played)[-1][0] > "10-01"


def test_weeks_and_months_are_counted_from_the_first_instalment() -> None:
    months, weeks = replace(PLAN, first_due=date(2005, 8, 31)), replace(PLAN, every="two_weeks")

    assert [months.due_on(number) for number in (1, 2, 3)] == [date(2005, 8, 31), date(2005, 9, 30), date(2005, 10, 31)]
    assert [weeks.due_on(number) for number in (1, 2)] == [day("07-01"), day("07-15")]


# --- meanwhile -------------------------------------------------------------------------------------------------------
def test_one_text_goes_out_before_each_instalment_that_is_not_paid() -> None:
    keys: dict[str, Any] = {"instalments": {"grace_days": 3, "remind_days_before": 3}}

    played = play([agreed(), paid("06-30"), paid("07-15")], last=day("09-30"), **keys)

    assert dates(played, "send_sms")[2:] == ["06-28", "08-29"], "the second was paid on 15 July"
    assert reasons(played, "send_sms")[2] == "reminder of instalment 1 of 4, due 2005-07-01"


def test_no_letter_goes_out_instead_of_the_reminder() -> None:
    told = [agreed(), fact(day("06-11"), extract(as_of=day("06-11"), sms_opt_out=True))]
    contact = {"fallback": {"send_sms": {"action": "queue_letter", "template": "reminder_letter"}}}

    played = play(told, last=day("07-04"), instalments={"remind_days_before": 3, "grace_days": 3}, contact=contact)

    assert not [row for row in rows(played, *CONTACTS) if row[0] > "06-10"]


def test_queued_calls_are_taken_back_and_queued_letters_not_sent() -> None:
    played = play([agreed(agreed_on=day("06-17"))], last=day("06-30"), **KEYS)

    case = last_case(played)
    assert [done.withdrawn_on for done in case.done if done.action == "queue_call"] == [day("06-17")]
    assert (
        why_not_mailed(case, policy(**KEYS), day("06-30"), "lawyer_letter")
        == "the instalment plan of 2005-06-17 is kept"
    )


def test_a_promise_that_stands_makes_way_for_a_plan() -> None:
    told = [called(day("06-17"), "mobile", "promise", promised_on=day("06-24")), agreed(agreed_on=day("06-18"))]

    played = play(told, last=day("07-04"), **KEYS)

    assert dates(played, "queue_call") == ["06-16"]


@pytest.mark.parametrize(("agency", "recalled", "placed"), [("keeps", [], 1), ("recalled", ["09-10"], 2)])
def test_an_agency_keeps_the_case_or_gives_it_back_as_the_policy_says(
    agency: str, recalled: list[str], placed: int
) -> None:
    terms = agreed(agreed_on=day("09-10"), first_due=day("10-01"))

    played = play([terms], last=day("10-10"), instalments={"agency": agency})

    assert dates(played, "recall_from_agency") == recalled
    assert dates(played, "place_with_agency") == ["09-02", "10-02"][:placed], "again when the plan is missed"
    placements = [row.reason for row in played.rows() if row.action == "place_with_agency"]
    assert [reason.partition(": ")[2] for reason in placements] == [
        "place_with_agency 1 of 1, due 2005-09-02",
        "place_with_agency 1 of 1 again after the instalment plan, due 2005-10-02",
    ][:placed]
    assert last_case(played).placement is not None


def test_a_hold_goes_before_a_plan() -> None:
    keys: dict[str, Any] = {"instalments": {"remind_days_before": 3, "grace_days": 3}}
    told = [agreed(), fact(day("06-20"), held(day("06-20"), reason="deceased"))]

    played = play(told, last=day("08-31"), **keys)

    assert not [row for row in rows(played) if row[0] > "06-10"]


def test_it_is_looked_at_next_on_its_reminder_and_then_when_it_would_be_missed() -> None:
    rules = policy(instalments={"remind_days_before": 3, "grace_days": 3})

    def next_look(last: str) -> date:
        case = last_case(play([agreed()], last=day(last), instalments={"remind_days_before": 3, "grace_days": 3}))
        decision = decide(case, rules, Moment(day(last)))
        assert isinstance(decision, Wait)
        assert decision.until is not None
        assert decision.reason == "the instalment plan of 2005-06-10 is kept"
        return decision.until.on

    assert next_look("06-15") == day("06-28")
    assert next_look("06-28") == day("07-05")


def test_one_that_comes_before_its_case_waits_for_it() -> None:
    on = day("05-30")
    first = fact(on, extract("0.00", as_of=on, oldest_due=None))

    played = play([first, agreed(agreed_on=on)], last=day("06-30"), **KEYS)

    assert dates(played, "send_sms") == []
    assert decided(played, PlanAccepted)


def test_what_a_caller_may_offer() -> None:
    keys: dict[str, Any] = {
        "instalments": {"at_most": 12, "minimum_instalment": {"CNY": "100"}, "minimum_arrears": {"CNY": "500"}}
    }
    case, kept = (last_case(play(told, last=day("06-12"), **keys)) for told in ([], [agreed()]))

    def offer(of: Case, **changes: Any) -> PlanOffer | None:
        return plan_offer(of, policy(instalments=keys["instalments"] | changes), day("06-12"))

    assert offer(case) == PlanOffer(12, Money(Decimal(100), "CNY"), None)
    assert offer(kept) is None
    assert offer(case, minimum_arrears={"CNY": "1000.01"}) is None
    assert offer(case, stages=["call"]) is None
    assert plan_offer(case, policy(), day("06-12")) is None


def test_a_case_with_a_plan_in_a_stage_of_calls_calls_nobody_until_it_is_missed() -> None:
    daily = stages(call={"from": {"days_past_due": 5}, "steps": [{"action": "queue_call", "every_days": 1}]})

    played = play([agreed(), paid("07-01")], last=day("08-10"), **KEYS, **daily)

    silent = [PLAN.agreed_on + timedelta(days=ahead) for ahead in range((day("08-04") - PLAN.agreed_on).days + 1)]
    assert not {f"{on:%m-%d}" for on in silent} & set(dates(played, "queue_call"))
    assert "08-05" in dates(played, "queue_call")


def test_what_is_shown_of_holds_and_plans() -> None:
    keys: dict[str, Any] = {
        "instalments": {"at_most": 12, "minimum_instalment": {"CNY": "100"}, "minimum_share": "0.5"},
        "holds": {"breathing_space": {"ends_after_days": 60, "not_again_within_months": 12}},
    }
    told = [
        fact(day("06-03"), held(day("06-03"), reason="breathing_space")),
        fact(day("06-04"), lifted(day("06-04"), reason="breathing_space")),
        fact(day("06-05"), held(day("06-05"), hold_id="B2", reason="breathing_space")),
        fact(day("06-11"), held(day("06-11"), hold_id="D", reason="dispute")),
    ]
    free, kept = (last_case(play([*told, *more], last=day("06-12"), **keys)) for more in ([], [agreed()]))

    lines = list(holds_and_plans(free, policy(**keys), day("06-12")))
    why = "the breathing_space hold before ended on 2005-06-04, and no other counts before 2006-06-04"
    assert lines == [
        f"hold without effect: breathing_space since 2005-06-05: {why}",
        "hold: dispute since 2005-06-11, until it is lifted",
        "may be offered: a plan of at most 12 instalments of at least 100 CNY, 500.00 CNY or more in all",
    ]
    assert list(holds_and_plans(kept, policy(**keys), day("06-12")))[-1] == (
        "instalment plan IP-1: 4 of 250.00 CNY, a month; the next is due on 2005-07-01"
    )
