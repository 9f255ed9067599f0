"""The hold matrix: what goes on under a hold, when it ends, who looks at it, and whether the clock stands."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from arrears.domain.case import evolve, opening
from arrears.domain.decide import open_case
from arrears.domain.events import HoldLifted, HoldPlaced, OperatorListed
from arrears.domain.facts import Hold, HoldReason
from arrears.domain.holds import hold_periods, stopped_clock
from arrears.domain.mail import why_not_mailed
from arrears.domain.stages import stage_starts_on
from arrears.domain.value import changed
from tests.support.builders import OPENS, account, extract, payment, policy
from tests.support.played import dates, day, decided, fact, last_case, play, reasons, rows

STATEMENT = {"action": "queue_letter", "template": "statement_of_account"}


def held(since: str, until: str | None = None, *, reason: HoldReason = "dispute", hold_id: str = "H") -> list[Any]:
    """A hold from one date to another, which is not included."""
    placed = [fact(day(since), HoldPlaced(hold_id, reason, day(since)))]
    return placed if until is None else [*placed, fact(day(until), HoldLifted(hold_id, reason, day(until)))]


def matrix(reason: HoldReason = "dispute", **rule: Any) -> dict[str, Any]:
    """A policy's hold matrix of one row."""
    return {"holds": {reason: rule}}


# --- what goes on ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("reason", ["represented", "complaint", "natural_disaster", "breathing_space", "deceased"])
def test_a_reason_that_the_matrix_does_not_name_is_as_rule_11_has_it(reason: HoldReason) -> None:
    told = held("06-05", "06-20", reason=reason)

    played, without = (play(told, last=day("06-25"), **keys) for keys in (matrix("fraud", recalls=False), {}))

    assert rows(played) == rows(without)
    assert dates(played, "send_sms") == ["06-02"]
    assert dates(played, "queue_call")[0] == "06-20"


def test_an_action_that_is_allowed_goes_on_and_another_does_not() -> None:
    told, allows = held("06-05"), [{"action": "send_sms"}]

    played = play(told, last=day("06-30"), **matrix(allows=allows))

    assert dates(played, "send_sms") == ["06-02", "06-09"]
    assert not dates(played, "queue_call")
    assert dates(played, "stage_entered") == ["06-02"], "no stage is entered"


def test_a_template_that_is_allowed_lets_no_other_out() -> None:
    allows = [{"action": "send_sms", "template": "monthly"}]
    monthly: dict[str, Any] = {"monthly_reminder": {"day": 9, "template": "monthly", "stages": ["reminder"]}}

    played = play(held("06-05"), last=day("06-30"), **matrix(allows=allows), **monthly)

    assert reasons(played, "send_sms")[1:] == ["monthly reminder on day 9 (rule 7)"]


def test_stages_are_entered_where_the_matrix_says_so() -> None:
    rule: dict[str, Any] = {"enters_stages": True, "allows": [{"action": "queue_call"}]}

    played = play(held("06-05"), last=day("06-30"), **matrix(**rule))

    assert dates(played, "stage_entered") == ["06-02", "06-16"]
    assert dates(played, "queue_call") == ["06-16", "06-19"]
    assert dates(played, "send_sms") == ["06-02"]


def test_under_two_holds_only_what_both_let_through_is_done() -> None:
    told = [*held("06-05"), *held("06-08", "06-12", reason="complaint", hold_id="H2")]
    both = {"dispute": {"allows": [{"action": "send_sms"}]}, "complaint": {"allows": [{"action": "queue_letter"}]}}

    assert dates(play(told, last=day("06-30"), holds=both), "send_sms") == ["06-02", "06-12"]


def test_a_fallback_goes_out_only_where_the_hold_lets_it() -> None:
    told = [fact(day("06-03"), extract(as_of=day("06-03"), sms_opt_out=True)), *held("06-05")]
    contact: dict[str, Any] = {"contact": {"fallback": {"send_sms": {"action": "queue_letter", "template": "instead"}}}}
    allows: list[dict[str, str]] = [{"action": "send_sms"}]

    assert not dates(play(told, last=day("06-30"), **matrix(allows=allows), **contact), "queue_letter")
    allows.append({"action": "queue_letter"})
    assert dates(play(told, last=day("06-30"), **matrix(allows=allows), **contact), "queue_letter") == ["06-09"]


def test_what_the_hold_sends_is_sent_and_repeated_while_it_lasts() -> None:
    step: dict[str, Any] = {**STATEMENT, "after_days": 2, "every_days": 10, "at_most": 3}

    played = play(held("06-05", "07-20"), last=day("07-25"), **matrix(steps=[step]))

    assert dates(played, "queue_letter") == ["06-07", "06-17", "06-27"]
    assert (
        reasons(played, "queue_letter")[0] == "dispute hold since 2005-06-05 (rule 11): queue_letter 1, due 2005-06-07"
    )
    assert dates(played, "queue_call")[0] == "07-20"


def test_what_a_hold_sends_ends_with_it_and_begins_anew_with_the_next() -> None:
    step: dict[str, Any] = {**STATEMENT, "every_days": 10}
    told = [*held("06-05", "06-15"), *held("07-01", "07-05", hold_id="H2")]

    assert dates(play(told, last=day("07-25"), **matrix(steps=[step])), "queue_letter") == ["06-05", "07-01"]


def test_an_answer_does_not_go_out_while_another_hold_stops_everything() -> None:
    told = [*held("06-05"), *held("06-01", "06-20", reason="deceased", hold_id="D")]
    rules = {"dispute": {"steps": [STATEMENT]}, "deceased": {}}

    assert dates(play(told, last=day("06-30"), holds=rules), "queue_letter") == ["06-20"]


def test_a_letter_that_is_queued_leaves_only_where_the_hold_lets_it() -> None:
    played = play(held("06-05"), last=day("06-10"), **matrix(steps=[STATEMENT]))
    case, rule = last_case(played), policy(**matrix(steps=[STATEMENT]))

    assert why_not_mailed(case, rule, day("06-10"), "statement_of_account") is None
    assert why_not_mailed(case, rule, day("06-10"), "lawyer_letter") == "dispute hold since 2005-06-05 (rule 11)"


# --- placements ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("recalls", "recalled"), [(True, ["09-10"]), (False, [])])
def test_a_placement_is_recalled_unless_the_matrix_says_that_the_agency_keeps_it(
    recalls: bool,
    recalled: list[str],
) -> None:
    played = play(held("09-10", "09-20"), last=day("09-25"), **matrix(recalls=recalls))

    assert dates(played, "recall_from_agency") == recalled
    assert dates(played, "place_with_agency") == (["09-02", "09-20"] if recalls else ["09-02"])


def test_the_term_of_a_placement_that_is_kept_ends_all_the_same() -> None:
    played = play(held("09-10"), last=day("12-20"), **matrix(recalls=False, allows=[{"action": "send_sms"}]))

    assert dates(played, "recall_from_agency") == ["12-01"]


# --- how it ends -----------------------------------------------------------------------------------------------------
def test_it_ends_by_itself_after_the_days_of_the_matrix() -> None:
    played = play(
        held("06-05", reason="breathing_space"), last=day("08-31"), **matrix("breathing_space", ends_after_days=60)
    )

    assert dates(played, "queue_letter") == ["08-04"], "60 days: 5 June to 3 August"


def test_it_ends_when_it_is_lifted_before() -> None:
    told = held("06-05", "06-20", reason="breathing_space")

    assert dates(play(told, **matrix("breathing_space", ends_after_days=60)), "queue_call")[0] == "06-20"


def test_it_ends_on_the_date_that_its_row_names_also_without_a_matrix() -> None:
    told = [fact(day("06-05"), HoldPlaced("H", "dispute", day("06-05"), until=day("06-21")))]

    assert dates(play(told), "queue_call")[0] == "06-21"


@pytest.mark.parametrize(("again", "counts"), [("2006-06-19", False), ("2006-06-20", True)])
def test_one_that_comes_too_soon_after_another_does_not_count_and_is_listed(again: str, counts: bool) -> None:
    on = date.fromisoformat(again)
    told = [
        *held("06-05", "06-20", reason="breathing_space"),
        fact(on, HoldPlaced("B2", "breathing_space", on)),
    ]

    played = play(told, last=on + timedelta(days=3), **matrix("breathing_space", not_again_within_months=12))

    case, rule = last_case(played), policy(**matrix("breathing_space", not_again_within_months=12))
    assert any(period.is_in_force(on) for period in hold_periods(case, rule, on)) is counts
    why = "the breathing_space hold before ended on 2005-06-20, and no other counts before 2006-06-20"
    listed = [] if counts else [f"the breathing_space hold of 2006-06-19 does not count: {why}"]
    assert [each.reason for each in case.listed] == listed


def test_a_hold_that_was_over_before_the_last_extract_is_remembered() -> None:
    later = date(2005, 7, 15)
    told = [
        *held("06-05", "06-20", reason="breathing_space"),
        fact(later, extract(as_of=later)),
        fact(later, HoldPlaced("B2", "breathing_space", later)),
    ]

    played = play(told, last=later, **matrix("breathing_space", not_again_within_months=12))

    assert [each.why for each in decided(played, OperatorListed)] == ["hold_again"]


# --- who looks at it -------------------------------------------------------------------------------------------------
def test_it_is_listed_for_review_on_the_day_and_until_it_is_lifted() -> None:
    rule = matrix("breathing_space", review_after_days=25, review_within_days=35, ends_after_days=60)
    told = held("06-05", reason="breathing_space")

    before, on = (play(told, last=day(last), **rule) for last in ("06-29", "06-30"))
    after = play([*told, *held("06-05", "07-01", reason="breathing_space")[1:]], last=day("07-02"), **rule)

    assert not decided(before, OperatorListed)
    (listed,) = decided(on, OperatorListed)
    assert (listed.on, listed.why) == (day("06-30"), "hold_review")
    assert listed.reason == "the breathing_space hold of 2005-06-05 is to be reviewed from 2005-06-30, by 2005-07-10"
    assert not last_case(after).listed


def test_the_date_of_its_row_has_it_reviewed_also_without_a_matrix() -> None:
    told = [fact(day("06-05"), HoldPlaced("H", "dispute", day("06-05"), review_on=day("06-12")))]

    assert [each.on for each in decided(play(told, last=day("06-30")), OperatorListed)] == [day("06-12")]


# --- disasters -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("place", "is_held"),
    [
        ({"region": "hualien"}, True),
        ({"postal_code": "970"}, True),
        ({"region": "Taipei", "postal_code": "100"}, False),
        ({}, False),
    ],
)
def test_a_disaster_holds_the_accounts_of_its_regions_through_its_last_date(
    place: dict[str, Any],
    is_held: bool,
) -> None:
    disaster = {
        "name": "Typhoon",
        "regions": ["Hualien"],
        "postal_codes": ["97"],
        "from": "2005-06-05",
        "to": "2005-06-19",
    }

    played = play(account=changed(extract(), **place), last=day("06-30"), disasters=[disaster])

    assert dates(played, "queue_call")[0] == ("06-20" if is_held else "06-16")
    assert len(dates(played, "send_sms")) == (1 if is_held else 2)


# --- the clock -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("counts_days", "called_on"), [(True, "06-20"), (False, "06-26")])
def test_the_clock_stands_where_the_matrix_says_so(counts_days: bool, called_on: str) -> None:
    """Ten days of hold from 5 to 14 June: 15 days past due are reached ten days later."""
    told = held("06-05", "06-15") if not counts_days else held("06-05", "06-20")

    played = play(told, **matrix(counts_days=counts_days))

    assert dates(played, "queue_call")[0] == called_on
    if not counts_days:
        reason = "stage call: 15 DPD reached on 2005-06-26, 10 days on hold or under a plan not counted"
        assert reasons(played, "stage_entered")[1] == reason


def test_months_past_due_are_reached_later_too() -> None:
    played = play(held("06-05", "06-15"), last=day("09-30"), **matrix(counts_days=False))

    assert dates(played, "place_with_agency") == ["09-12"]


@pytest.mark.parametrize(
    "told",
    [
        [("06-05", "06-12"), ("06-08", "06-15")],
        [("06-05", "06-15"), ("06-07", "06-09")],
        [("06-05", "06-10"), ("06-10", "06-15")],
        [("06-07", "06-09"), ("06-05", "06-15")],
    ],
)
def test_days_of_several_holds_count_once(told: list[tuple[str, str]]) -> None:
    facts = [each for number, dates_ in enumerate(told) for each in held(*dates_, hold_id=f"H{number}")]

    assert dates(play(facts, **matrix(counts_days=False)), "queue_call")[0] == "06-26"


def test_days_before_the_oldest_due_date_count_for_nothing() -> None:
    """A hold of May, and one that began on the due date itself."""
    told = [
        fact(OPENS, HoldPlaced("H", "dispute", day("05-20"))),
        fact(OPENS, HoldLifted("H", "dispute", day("06-03"))),
    ]

    assert dates(play(told, **matrix(counts_days=False)), "queue_call")[0] == "06-17", "2 June is the only day held"


def test_a_hold_that_is_entered_after_the_fact_stops_the_clock_from_its_date() -> None:
    """Placed for 5 June, told on the 10th with its end on the 15th: the same as told in time."""
    from tests.support.builders import policy

    rules = policy(**matrix(counts_days=False))
    opened = open_case(account(), rules, OPENS)
    assert opened is not None
    case = evolve(opening(opened), HoldPlaced("H", "dispute", day("06-05"), until=day("06-15")))

    assert stage_starts_on(case, rules, rules.stages["call"], day("06-10")) == day("06-26")
    assert stopped_clock(case, rules, day("06-10")) == [(day("06-05"), day("06-15"))]


def test_while_the_clock_stands_without_an_end_no_stage_is_foreseen() -> None:
    played = play(held("06-05"), last=day("12-31"), **matrix(counts_days=False, enters_stages=True))

    assert dates(played, "stage_entered") == ["06-02"]


def test_a_cure_closes_the_case_under_whatever_hold() -> None:
    told = [*held("06-05"), fact(day("06-10"), payment(on=day("06-10")))]

    assert dates(play(told, **matrix(allows=[{"action": "send_sms"}])), "case_closed") == ["06-10"]


def test_the_periods_of_a_hold_say_what_it_says_of_each_date() -> None:
    hold = Hold(
        "H",
        "dispute",
        tuple(datetime.combine(day(at), time.min) for at in ("06-03", "06-05", "06-12")),
        tuple(datetime.combine(day(at), time.max) for at in ("06-07", "06-09", "06-12", "06-20")),
    )
    for ahead in range(30):
        on = day("06-01") + timedelta(days=ahead)
        inside = any(since <= on and (until is None or on < until) for since, until in hold.periods())
        assert (hold.since(on) is not None) is inside, on
