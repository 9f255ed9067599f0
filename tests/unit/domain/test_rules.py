"""The thirteen rules of docs/policy.md, each on both sides of its edge."""

from typing import Any

import pytest

from arrears.domain.policy import Policy
from arrears.simulate.player import DatedFact, Player
from tests.unit.domain.told import (
    REMINDER,
    called,
    day,
    extract,
    happens,
    hold,
    letter,
    only,
    paid,
    policy,
    returned,
)

TEXT: dict[str, Any] = {"action": "send_sms"}
CALL: dict[str, Any] = {"action": "queue_call"}
LETTER: dict[str, Any] = {"action": "queue_letter"}
PLACE: dict[str, Any] = {"action": "place_with_agency", "at_most": 1}
FILE: dict[str, Any] = {"action": "file_legal", "at_most": 1}


def stage(name: str, threshold: dict[str, Any], *steps: dict[str, Any], **rest: Any) -> tuple[str, dict[str, Any]]:
    return name, {"from": threshold, "steps": list(steps), **rest}


# --- rule 1: when a case opens ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("owed", "due", "opens"),
    [
        ("1.01", "05-31", ["06-01"]),
        ("1.00", "05-31", []),  # within the tolerance
        ("1.01", "06-01", ["06-02"]),  # 0 DPD on the date of the extract, 1 on the next
    ],
)
def test_1_a_case_opens_above_the_tolerance_and_at_1_dpd(owed: str, due: str, opens: list[str]) -> None:
    told = policy(REMINDER, cure_tolerance={"CNY": "1.00"})
    assert only("case_opened", happens(told, [extract("06-01", owed, due)], "06-01", "06-30")) == opens


def test_1_a_case_opens_while_the_account_is_on_hold() -> None:
    facts = [extract("06-01", "100", "05-31"), hold("05-20")]
    assert happens(policy(REMINDER), facts, "06-01", "06-30") == ["06-01 - case_opened"]


def test_1_what_was_paid_since_the_extract_is_taken_off() -> None:
    facts = [extract("06-01", "100", "06-01"), paid("06-02", "100")]
    assert happens(policy(REMINDER), facts, "06-01", "06-30") == []


# --- rule 2: days and months past due --------------------------------------------------------------------------------
def test_2_days_past_due_count_from_the_oldest_due_date() -> None:
    told = policy(stage("call", {"days_past_due": 15}, CALL))
    assert only("queue_call", happens(told, [extract("06-02", "100", "06-01")], "06-02", "06-15")) == []
    assert only("queue_call", happens(told, [extract("06-02", "100", "06-01")], "06-02", "06-16")) == ["06-16"]


@pytest.mark.parametrize(
    ("due", "months", "begins"),
    [
        ("03-10", 3, "06-11"),  # later than 10 June
        ("01-31", 1, "03-01"),  # 31 January and a month is 28 February
        ("2004-01-31", 1, "03-01"),  # 29 February in a leap year
        ("2004-11-30", 3, "03-01"),
        ("03-31", 1, "05-01"),  # 30 April
        ("12-31", 2, "03-01"),  # over the turn of the year
    ],
)
def test_2_months_past_due_hold_on_dates_later_than_so_many_calendar_months(due: str, months: int, begins: str) -> None:
    told = policy(stage("late", {"months_past_due": months}, LETTER))
    known = due if len(due) > len("01-31") else f"2005-{due}"
    facts = [extract(known, "100", known)]
    assert only("queue_letter", happens(told, facts, known, "2006-12-31")) == [begins]


def test_2_both_thresholds_of_a_stage_must_hold() -> None:
    told = policy(stage("late", {"days_past_due": 40, "months_past_due": 1}, LETTER))
    assert only("enters", happens(told, [extract("06-01", "100", "06-01")], "06-01", "12-31")) == ["07-11"]
    told = policy(stage("late", {"days_past_due": 20, "months_past_due": 1}, LETTER))
    assert only("enters", happens(told, [extract("06-01", "100", "06-01")], "06-01", "12-31")) == ["07-02"]


# --- rule 3: the stage -----------------------------------------------------------------------------------------------
LADDER = (
    stage("reminder", {"days_past_due": 1}, TEXT),
    stage("call", {"days_past_due": 15}, CALL),
    stage("lawyer_letter", {"days_past_due": 60}, LETTER),
)


def test_3_the_furthest_stage_is_entered_and_others_are_skipped() -> None:
    rows = happens(policy(*LADDER), [extract("06-01", "100", "04-02")], "06-01", "06-30")
    assert rows == ["06-01 - case_opened", "06-01 lawyer_letter enters", "06-01 lawyer_letter queue_letter"]


def test_3_a_stage_never_goes_back() -> None:
    facts = [extract("06-01", "100", "05-10"), extract("06-10", "100", "06-09")]
    rows = happens(policy(*LADDER), facts, "06-01", "08-31")
    assert [row for row in rows if "enters" in row] == ["06-01 call enters", "08-08 lawyer_letter enters"]


def test_3_a_case_may_be_in_no_stage_yet() -> None:
    told = policy(stage("call", {"days_past_due": 15}, CALL))
    assert happens(told, [extract("06-02", "100", "06-01")], "06-02", "06-15") == ["06-02 - case_opened"]


@pytest.mark.parametrize(("owed", "enters"), [("100.00", ["06-02"]), ("99.99", [])])
def test_3_a_minimum_that_is_reached_exactly_is_reached(owed: str, enters: list[str]) -> None:
    told = policy(stage("court", {"days_past_due": 1}, LETTER, minimum_arrears={"CNY": "100.00"}))
    assert only("enters", happens(told, [extract("06-01", owed, "06-01")], "06-01", "06-30")) == enters


def test_3_a_case_below_a_minimum_may_go_on_later() -> None:
    told = policy(stage("court", {"days_past_due": 1}, LETTER, minimum_arrears={"CNY": "100.00"}))
    facts = [extract("06-01", "60", "05-01"), extract("07-01", "120", "05-01")]
    assert only("enters", happens(told, facts, "06-01", "07-31")) == ["07-01"]


def test_3_a_stage_below_its_minimum_is_passed_over_for_one_before_it() -> None:
    told = policy(*LADDER[:2], stage("court", {"days_past_due": 15}, LETTER, minimum_arrears={"CNY": "100.00"}))
    assert only("enters", happens(told, [extract("06-01", "60", "05-01")], "06-01", "06-30")) == ["06-01"]
    assert "06-01 call enters" in happens(told, [extract("06-01", "60", "05-01")], "06-01", "06-30")


# --- rule 4: steps ---------------------------------------------------------------------------------------------------
def test_4_a_step_is_due_when_its_stage_is_entered_and_then_every_so_many_days_at_most_so_often() -> None:
    told = policy(stage("reminder", {"days_past_due": 1}, {**TEXT, "every_days": 7, "at_most": 3}))
    rows = happens(told, [extract("06-01", "100", "06-01")], "06-01", "12-31")
    assert only("send_sms", rows) == ["06-02", "06-09", "06-16"]


def test_4_without_a_limit_a_step_goes_on_as_long_as_the_stage() -> None:
    told = policy(
        stage("reminder", {"days_past_due": 1}, {**TEXT, "every_days": 7}), stage("call", {"days_past_due": 22})
    )
    rows = happens(told, [extract("06-01", "100", "06-01")], "06-01", "12-31")
    assert only("send_sms", rows) == ["06-02", "06-09", "06-16"]  # not the 23rd: the next stage is entered that day


def test_4_without_every_days_a_step_is_done_once() -> None:
    told = policy(stage("reminder", {"days_past_due": 1}, {**TEXT, "at_most": 3}))
    assert only("send_sms", happens(told, [extract("06-01", "100", "06-01")], "06-01", "12-31")) == ["06-02"]


def test_4_the_next_one_counts_from_when_the_one_before_was_done() -> None:
    """It was due on 9 June, on hold until the 12th, and the next one is due 7 days after the 12th."""
    told = policy(stage("reminder", {"days_past_due": 1}, {**TEXT, "every_days": 7, "at_most": 3}))
    facts = [extract("06-01", "100", "06-01"), hold("06-05"), hold("06-12", "lifted")]
    assert only("send_sms", happens(told, facts, "06-01", "12-31")) == ["06-02", "06-12", "06-19"]


def test_4_steps_of_one_kind_in_one_stage_count_apart() -> None:
    told = policy(
        stage("reminder", {"days_past_due": 1}, {**CALL, "every_days": 5, "at_most": 2}, {**CALL, "at_most": 1})
    )
    assert only("queue_call", happens(told, [extract("06-01", "100", "06-01")], "06-01", "12-31")) == [
        "06-02",
        "06-02",
        "06-07",
    ]


# --- rule 5: requirements --------------------------------------------------------------------------------------------
def requires(ago: int | None, **rest: Any) -> Policy:
    need = {"action": "queue_letter", **({} if ago is None else {"at_least_days_ago": ago}), **rest}
    return policy(
        stage("letter", {"days_past_due": 10}, LETTER),
        stage("agency", {"days_past_due": 12}, PLACE, requires=[need]),
    )


@pytest.mark.parametrize(("ago", "placed"), [(14, "06-25"), (2, "06-13"), (1, "06-13"), (0, "06-13"), (None, "06-13")])
def test_5_so_many_days_must_lie_between(ago: int | None, placed: str) -> None:
    """The letter goes on 11 June, 10 DPD; 12 DPD is 13 June."""
    rows = happens(requires(ago), [extract("06-02", "100", "06-01")], "06-02", "12-31")
    assert only("place_with_agency", rows) == [placed]


def test_5_an_action_of_the_same_date_is_too_late_for_its_stage() -> None:
    """The stage is found before its steps are done."""
    told = policy(
        stage("letter", {"days_past_due": 10}, LETTER),
        stage("agency", {"days_past_due": 10}, PLACE, requires=[{"action": "queue_letter", "at_least_days_ago": 0}]),
    )
    rows = happens(told, [extract("06-02", "100", "06-01")], "06-02", "12-31")
    assert (only("queue_letter", rows), only("place_with_agency", rows)) == (["06-11"], ["06-12"])


def test_5_the_first_such_action_counts_in_whatever_stage() -> None:
    told = policy(
        stage("letter", {"days_past_due": 1}, {**LETTER, "every_days": 10}),
        stage("call", {"days_past_due": 15}, CALL),
        stage("agency", {"days_past_due": 20}, PLACE, requires=[{"action": "queue_letter", "at_least_days_ago": 18}]),
    )
    rows = happens(told, [extract("06-01", "100", "06-01")], "06-01", "12-31")
    assert only("queue_letter", rows) == ["06-02", "06-12"]
    assert only("place_with_agency", rows) == ["06-21"]  # 20 DPD; 19 days after the first letter, 9 after the second


def test_5_an_action_that_cannot_be_done_keeps_the_stage_shut() -> None:
    rows = happens(requires(0), [extract("06-02", "100", "06-01", mailable=False)], "06-02", "12-31")
    assert only("place_with_agency", rows) == []


def test_5_a_policy_may_count_from_the_mailing_houses_word() -> None:
    told = requires(14, counts_from="dispatched")
    facts = [extract("06-02", "100", "06-01")]
    assert only("place_with_agency", happens(told, facts, "06-02", "12-31")) == []
    facts.append(letter("06-15", "A-20050602.letter.0.1", "dispatched"))
    assert only("place_with_agency", happens(told, facts, "06-02", "12-31")) == ["06-29"]
    told = requires(14, counts_from="delivered")
    assert only("place_with_agency", happens(told, facts, "06-02", "12-31")) == []


def test_5_the_mailing_houses_word_is_about_a_letter() -> None:
    told, refused = policy(stage("reminder", {"days_past_due": 1}, {"action": "send_sms"})), list[str]()
    report = letter("06-10", "A-20050602.reminder.0.1", "delivered")
    facts = [
        extract("06-02", "100", "06-01"),
        report._replace(refuse=lambda field, why: refused.append(f"{field} {why}")),
    ]
    happens(told, facts, "06-02", "06-30")
    assert refused == ["letter_id is not the id of a letter that was queued"]


# --- rule 6: the agency ----------------------------------------------------------------------------------------------
AGENCY = (
    stage("agency", {"days_past_due": 1}, PLACE, term_days=30),
    stage("legal", {"agency": "failed"}, FILE),
)


def test_6_a_term_is_over_so_many_days_after_the_placement() -> None:
    rows = happens(policy(*AGENCY), [extract("06-01", "100", "06-01")], "06-01", "07-01")
    assert rows == ["06-02 - case_opened", "06-02 agency enters", "06-02 agency place_with_agency"]
    rows = happens(policy(*AGENCY), [extract("06-01", "100", "06-01")], "06-01", "07-02")
    assert rows[3:] == ["07-02 agency recall_from_agency", "07-02 legal enters", "07-02 legal file_legal"]


def test_6_a_case_given_back_has_failed_and_is_not_recalled() -> None:
    facts = [extract("06-01", "100", "06-01"), returned("06-10", "A-20050602")]
    rows = happens(policy(*AGENCY), facts, "06-01", "12-31")
    assert rows[3:] == ["06-10 legal enters", "06-10 legal file_legal"]


@pytest.mark.parametrize("outcome", ["payment", "promise", "uncontactable"])
def test_6_other_words_of_an_agency_are_no_failure(outcome: str) -> None:
    facts = [extract("06-01", "100", "06-01"), returned("06-10", "A-20050602", outcome)]
    assert only("enters", happens(policy(*AGENCY), facts, "06-01", "06-30")) == ["06-02"]


def test_6_without_a_term_a_placement_lasts() -> None:
    told = policy(stage("agency", {"days_past_due": 1}, PLACE), AGENCY[1])
    rows = happens(told, [extract("06-01", "100", "06-01")], "06-01", "2006-12-31")
    assert only("recall_from_agency", rows) == []


def test_6_a_cured_case_is_recalled_and_then_closed() -> None:
    facts = [extract("06-01", "100", "06-01"), paid("06-20", "100")]
    rows = happens(policy(*AGENCY), facts, "06-01", "12-31")
    assert rows[3:] == ["06-20 agency recall_from_agency", "06-20 agency case_closed"]


def test_6_a_case_cured_after_its_term_is_recalled_once() -> None:
    facts = [extract("06-01", "100", "06-01"), paid("07-20", "100")]
    rows = happens(policy(*AGENCY), facts, "06-01", "12-31")
    assert only("recall_from_agency", rows) == ["07-02"]
    assert only("case_closed", rows) == ["07-20"]


# --- rule 7: the monthly reminder ------------------------------------------------------------------------------------
def monthly(day: int, *stages: str) -> Policy:
    return policy(
        stage("reminder", {"days_past_due": 1}),
        stage("call", {"days_past_due": 40}),
        monthly_reminder={
            "day": day,
            "stages": list(stages) or ["reminder", "call"],
        },
    )


def test_7_a_text_on_its_day_of_each_month() -> None:
    rows = happens(monthly(5), [extract("06-01", "100", "06-01")], "06-01", "08-31")
    assert only("send_sms", rows) == ["06-05", "07-05", "08-05"]


def test_7_on_the_last_day_of_a_shorter_month() -> None:
    facts = [extract("2005-01-15", "100", "2005-01-10")]
    assert only("send_sms", happens(monthly(31), facts, "2005-01-15", "2005-05-01")) == [
        "01-31",
        "02-28",
        "03-31",
        "04-30",
    ]
    assert only("send_sms", happens(monthly(30), facts, "2005-01-15", "2005-05-01")) == [
        "01-30",
        "02-28",
        "03-30",
        "04-30",
    ]


def test_7_only_in_its_stages() -> None:
    """The call stage begins on 11 July."""
    facts = [extract("06-01", "100", "06-01")]
    assert only("send_sms", happens(monthly(5, "reminder"), facts, "06-01", "08-31")) == ["06-05", "07-05"]
    assert only("send_sms", happens(monthly(11, "reminder"), facts, "06-01", "07-31")) == ["06-11"]
    assert only("send_sms", happens(monthly(11, "call"), facts, "06-01", "07-31")) == ["07-11"]


def test_7_not_when_a_text_goes_out_that_day_anyway() -> None:
    told = policy(
        stage("reminder", {"days_past_due": 1}, {**TEXT, "every_days": 7, "at_most": 2}),
        monthly_reminder={"day": 9, "stages": ["reminder"]},
    )
    rows = happens(told, [extract("06-01", "100", "06-01")], "06-01", "07-31")
    assert only("send_sms", rows) == ["06-02", "06-09", "07-09"]


def test_7_one_that_fell_on_a_hold_is_not_made_up_for() -> None:
    facts = [extract("06-01", "100", "06-01"), hold("06-04"), hold("06-06", "lifted")]
    assert only("send_sms", happens(monthly(5), facts, "06-01", "07-31")) == ["07-05"]


# --- rule 8: the cure ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("left", "closes"), [("1.00", ["06-10"]), ("1.01", [])])
def test_8_a_case_closes_when_the_arrears_are_within_the_tolerance(left: str, closes: list[str]) -> None:
    told = policy(REMINDER, cure_tolerance={"CNY": "1.00"})
    facts = [extract("06-01", "100", "05-31"), extract("06-10", left, "05-31")]
    assert only("case_closed", happens(told, facts, "06-01", "12-31")) == closes


def test_8_a_payment_closes_it_on_its_date_without_waiting_for_an_extract() -> None:
    facts = [extract("06-01", "100", "05-31"), paid("06-07", "60"), paid("06-08", "40")]
    assert only("case_closed", happens(policy(REMINDER), facts, "06-01", "12-31")) == ["06-08"]


def test_8_later_arrears_open_a_new_case() -> None:
    facts = [extract("06-01", "100", "05-31"), extract("06-10", "0"), extract("06-20", "50", "06-15")]
    assert happens(policy(REMINDER), facts, "06-01", "12-31")[3:] == [
        "06-10 reminder case_closed",
        "06-20 - case_opened",
        "06-20 reminder enters",
        "06-20 reminder send_sms",
    ]


def test_8_a_case_closes_while_the_account_is_on_hold() -> None:
    facts = [extract("06-01", "100", "05-31"), hold("06-05"), paid("06-07", "100")]
    assert only("case_closed", happens(policy(REMINDER), facts, "06-01", "12-31")) == ["06-07"]


# --- rule 9: a currency without an amount ----------------------------------------------------------------------------
def test_9_a_threshold_is_not_applied_to_a_currency_that_it_does_not_name() -> None:
    told = policy(
        stage("reminder", {"days_past_due": 1}, TEXT),
        stage("court", {"days_past_due": 5}, LETTER, minimum_arrears={"CNY": "1000"}),
        cure_tolerance={"CNY": "10"},
        freeze={"arrears_over": {"CNY": "1"}},
    )
    yuan = happens(told, [extract("06-01", "5 CNY", "05-01")], "06-01", "06-30")
    dollars = happens(told, [extract("06-01", "5 USD", "05-01")], "06-01", "06-30")
    assert yuan == []  # within the tolerance
    assert dollars == ["06-01 - case_opened", "06-01 court enters", "06-01 court queue_letter"]
    assert happens(told, [extract("06-01", "0.01 USD", "05-31")], "06-01", "06-01")[0] == "06-01 - case_opened"


def test_9_loading_the_policy_says_so() -> None:
    told = policy(
        REMINDER,
        stage("court", {"days_past_due": 5}, LETTER, minimum_arrears={"CNY": "1000"}),
        cure_tolerance={"CNY": "10", "TWD": "10"},
        freeze={"arrears_over": {"USD": "1"}},
    )
    warnings = "\n".join(told.warnings())
    assert "stages.court.minimum_arrears: no amount in TWD" in warnings
    assert "stages.court.minimum_arrears: no amount in USD" in warnings
    assert "freeze.arrears_over: no amount in CNY" in warnings
    assert "cure_tolerance: no amount in USD" in warnings
    assert policy(REMINDER, cure_tolerance={"CNY": "10"}).warnings() == []


# --- rule 10: what is left out does not apply ------------------------------------------------------------------------
def test_10_a_bare_policy_has_no_hours_caps_freeze_or_reminder() -> None:
    told = policy(stage("call", {"days_past_due": 1}, *[CALL] * 5))
    rows = happens(told, [extract("06-01", "1000000", "05-31")], "06-01", "12-31")
    assert only("queue_call", rows) == ["06-01"] * 5
    assert only("freeze_account", rows) == only("send_sms", rows) == []


def test_10_every_placement_goes_to_one_agency() -> None:
    assert policy(*AGENCY).agency_id == "default"


def test_10_nobody_is_reached_in_another_way_instead() -> None:
    rows = happens(policy(*LADDER), [extract("06-01", "100", "05-31", sms_opt_out=True)], "06-01", "06-10")
    assert rows == ["06-01 - case_opened", "06-01 reminder enters"]


# --- rule 11: holds --------------------------------------------------------------------------------------------------
def test_11_nothing_is_done_from_the_date_it_is_placed_to_the_date_it_is_lifted() -> None:
    told = policy(stage("call", {"days_past_due": 1}, {**CALL, "every_days": 1}))
    facts = [extract("06-01", "100", "05-31"), hold("06-03"), hold("06-06", "lifted")]
    assert only("queue_call", happens(told, facts, "06-01", "06-07")) == ["06-01", "06-02", "06-06", "06-07"]


def test_11_a_stage_that_was_reached_meanwhile_is_entered_on_the_date_of_lifting() -> None:
    """Days past due go on: 60 DPD is 31 July, during the hold."""
    facts = [extract("06-01", "100", "06-01"), hold("06-20"), hold("08-10", "lifted")]
    rows = happens(policy(*LADDER), facts, "06-01", "12-31")
    assert [row for row in rows if "enters" in row][-1] == "08-10 lawyer_letter enters"
    assert only("queue_letter", rows) == ["08-10"]


def test_11_a_placement_is_recalled_and_made_again() -> None:
    facts = [extract("06-01", "100", "06-01"), hold("06-10"), hold("06-20", "lifted")]
    rows = happens(policy(*AGENCY), facts, "06-01", "07-20")
    assert rows[3:] == [
        "06-10 agency recall_from_agency",
        "06-20 agency place_with_agency",
        "07-20 agency recall_from_agency",  # 30 days after the second placement, not the first
        "07-20 legal enters",
        "07-20 legal file_legal",
    ]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ([hold("06-10"), hold("06-20", "lifted")], "place_with_agency 1 of 1 again after the dispute hold, due 06-20"),
        (
            [
                *(hold("06-10", hold_id="one"), hold("06-15", hold_id="two")),
                *(hold("06-18", "lifted", "one"), hold("06-25", "lifted", "two")),
            ],
            "place_with_agency 1 of 1 again after the dispute hold, due 06-25",
        ),
        (
            [*(hold("06-10"), hold("06-20", "lifted")), *(hold("06-22"), hold("06-27", "lifted"))],
            "place_with_agency 1 of 1 again after the dispute hold, due 06-27",
        ),
    ],
)
def test_11_a_placement_that_is_made_again_says_since_when_it_is_due(facts: list[DatedFact], reason: str) -> None:
    played = Player(policy(*AGENCY), day("06-01"), day("06-30")).play("A", [extract("06-01", "100", "06-01"), *facts])
    placed = [row for row in played.rows() if row.action == "place_with_agency"]

    assert placed[0].reason == "stage agency: place_with_agency 1 of 1, due 2005-06-02"
    assert placed[-1].reason.replace("2005-", "") == f"stage agency: {reason}"
    assert f"due {placed[-1].date}" in placed[-1].reason


def test_11_two_holds_end_with_the_later_one() -> None:
    told = policy(stage("call", {"days_past_due": 1}, {**CALL, "every_days": 1}))
    facts = [
        *(extract("06-01", "100", "05-31"), hold("06-02", hold_id="one"), hold("06-03", hold_id="two")),
        *(hold("06-04", "lifted", "one"), hold("06-06", "lifted", "two")),
    ]
    assert only("queue_call", happens(told, facts, "06-01", "06-06")) == ["06-01", "06-06"]


def test_11_a_hold_placed_and_lifted_on_one_date_is_none() -> None:
    told = policy(stage("call", {"days_past_due": 1}, {**CALL, "every_days": 1}))
    facts = [extract("06-01", "100", "05-31"), hold("06-02"), hold("06-02", "lifted")]
    assert only("queue_call", happens(told, facts, "06-01", "06-02")) == ["06-01", "06-02"]


def test_11_a_hold_placed_again_counts_again() -> None:
    told = policy(stage("call", {"days_past_due": 1}, {**CALL, "every_days": 1}))
    facts = [extract("06-01", "100", "05-31"), hold("06-02"), hold("06-03", "lifted"), hold("06-05")]
    assert only("queue_call", happens(told, facts, "06-01", "06-09")) == ["06-01", "06-03", "06-04"]


@pytest.mark.parametrize(
    ("of_the_third", "calls"),
    [
        ((("lifted", "09:00"), ("placed", "15:00")), ["06-01"]),
        ((("placed", "15:00"), ("lifted", "09:00")), ["06-01"]),  # whichever comes in first
        ((("lifted", "09:00"), ("placed", "15:00"), ("lifted", "17:30")), ["06-01", "06-03", "06-04"]),
        ((("lifted", None), ("placed", "15:00")), ["06-01", "06-03", "06-04"]),  # a date alone lifts at its end
        ((("lifted", "09:00"), ("placed", None)), ["06-01", "06-03", "06-04"]),  # and places at its start
    ],
)
def test_11_what_is_told_of_a_hold_on_one_date_counts_in_the_order_of_its_times(
    of_the_third: tuple[tuple[str, str | None], ...], calls: list[str]
) -> None:
    told = policy(stage("call", {"days_past_due": 1}, {**CALL, "every_days": 1}))
    facts = [extract("06-01", "100", "05-31"), hold("06-02")]
    facts += [hold("06-03", status, at=at) for status, at in of_the_third]
    assert only("queue_call", happens(told, facts, "06-01", "06-04")) == calls


def test_11_the_account_is_not_frozen_on_hold() -> None:
    told = policy(REMINDER, freeze={"arrears_over": {"CNY": "50"}})
    facts = [extract("06-01", "100", "05-31"), hold("06-01"), hold("06-05", "lifted")]
    assert only("freeze_account", happens(told, facts, "06-01", "06-30")) == ["06-05"]


# --- rule 12: promises -----------------------------------------------------------------------------------------------
PROMISES = policy(
    stage("call", {"days_past_due": 1}, {**CALL, "every_days": 1}, promise_windows_days=[7, 5, 3]),
)


@pytest.mark.parametrize(
    ("promised_on", "calls"),
    [
        ("06-02", ["06-03"]),  # for the day of the call itself
        ("06-09", ["06-10"]),  # seven days later, still accepted
        ("06-10", ["06-02", "06-03"]),  # eight: refused
        ("06-01", ["06-02", "06-03"]),  # for a day before the call: refused
    ],
)
def test_12_a_promise_within_its_window_stands_through_its_date(promised_on: str, calls: list[str]) -> None:
    facts = [extract("06-01", "100", "05-31"), called("06-02", "promise", promised_on)]
    rows = only("queue_call", happens(PROMISES, facts, "06-01", "06-20"))
    assert rows[0] == "06-01"
    assert rows[1 : 1 + len(calls)] == calls


@pytest.mark.parametrize(
    ("before", "accepted", "refused"),
    [
        ([], "06-12", "06-13"),
        (["right_party"], "06-10", "06-11"),
        (["refused", "disputed"], "06-08", "06-09"),
        (["right_party", "refused", "disputed", "right_party"], "06-08", "06-09"),  # the last window repeats
        (["no_answer", "busy", "message_left", "invalid_number"], "06-12", "06-13"),  # no conversations
    ],
)
def test_12_each_conversation_with_the_cardholder_shortens_the_time(
    before: list[Any], accepted: str, refused: str
) -> None:
    facts = [extract("06-01", "100", "05-31")]
    facts += [called(f"06-0{2 + number % 3}", result) for number, result in enumerate(before)][:3]
    if len(before) > 3:
        facts.append(called("2005-06-04", before[3]))
    for promised_on, stands in ((accepted, True), (refused, False)):
        rows = happens(PROMISES, [*facts, called("06-05", "promise", promised_on)], "06-01", "06-06")
        assert ("06-06" not in only("queue_call", rows)) is stands


def test_12_a_broken_promise_was_a_conversation_too() -> None:
    facts = [
        *(extract("06-01", "100", "05-31"), called("06-02", "promise", "06-03")),
        called("06-04", "promise", "06-10"),  # the window is five days now
    ]
    assert only("queue_call", happens(PROMISES, facts, "06-01", "06-05")) == ["06-01", "06-04", "06-05"]


def test_12_a_promise_recalls_nothing_but_a_term_ends_all_the_same() -> None:
    told = policy(
        stage("agency", {"days_past_due": 1}, PLACE, term_days=10, promise_windows_days=[30]),
        stage("legal", {"agency": "failed"}, FILE),
    )
    facts = [extract("06-01", "100", "05-31"), called("06-05", "promise", "06-20")]
    assert happens(told, facts, "06-01", "12-31")[2:] == [
        "06-01 agency place_with_agency",
        "06-11 agency recall_from_agency",
        "06-21 legal enters",
        "06-21 legal file_legal",
    ]


def test_12_a_promise_that_is_kept_closes_the_case() -> None:
    facts = [extract("06-01", "100", "05-31"), called("06-02", "promise", "06-08"), paid("06-07", "100")]
    assert happens(PROMISES, facts, "06-01", "12-31")[3:] == ["06-07 call case_closed"]


def test_12_a_policy_without_windows_accepts_no_promise() -> None:
    told = policy(stage("call", {"days_past_due": 1}, {**CALL, "every_days": 1}))
    facts = [extract("06-01", "100", "05-31"), called("06-02", "promise", "06-05")]
    assert only("queue_call", happens(told, facts, "06-01", "06-03")) == ["06-01", "06-02", "06-03"]


# --- rule 13: the freeze ---------------------------------------------------------------------------------------------
def freezing(after: int, apart: int, *steps: dict[str, Any]) -> Policy:
    return policy(
        stage("reminder", {"days_past_due": 1}, *steps),
        freeze={"arrears_over": {"CNY": "50"}, "after_collections": after, "apart_days": apart},
    )


@pytest.mark.parametrize(("owed", "frozen"), [("50.01", ["06-02"]), ("50.00", [])])
def test_13_the_arrears_must_exceed_the_amount(owed: str, frozen: list[str]) -> None:
    rows = happens(freezing(1, 0, TEXT), [extract("06-01", owed, "05-31")], "06-01", "12-31")
    assert only("freeze_account", rows) == frozen


def test_13_without_collections_to_wait_for_it_is_frozen_at_once() -> None:
    rows = happens(freezing(0, 0, TEXT), [extract("06-01", "100", "05-31")], "06-01", "12-31")
    assert only("freeze_account", rows) == ["06-01"]


@pytest.mark.parametrize(
    ("apart", "frozen"),
    [
        (0, "06-09"),  # texts on 1, 8, 15, 22, 29 June and 6 July
        (7, "06-09"),
        (8, "06-16"),  # the one of the 8th is too close to the first
        (30, "07-07"),
    ],
)
def test_13_so_many_days_between_two_that_count_and_the_last_on_an_earlier_date(apart: int, frozen: str) -> None:
    rows = happens(freezing(2, apart, {**TEXT, "every_days": 7}), [extract("06-01", "100", "05-31")], "06-01", "12-31")
    assert only("freeze_account", rows) == [frozen]


def test_13_two_on_one_date_count_as_two_only_when_nothing_need_lie_between() -> None:
    facts = [extract("06-01", "100", "05-31")]
    assert only("freeze_account", happens(freezing(2, 0, TEXT, CALL), facts, "06-01", "12-31")) == ["06-02"]
    assert only("freeze_account", happens(freezing(2, 1, TEXT, CALL), facts, "06-01", "12-31")) == []


def test_13_once_a_case() -> None:
    facts = [extract("06-01", "100", "05-31"), extract("07-01", "40", "05-31"), extract("08-01", "100", "05-31")]
    rows = happens(freezing(1, 0, TEXT), facts, "06-01", "12-31")
    assert only("freeze_account", rows) == ["06-02"]


def test_13_when_the_arrears_grow_later_it_is_frozen_then() -> None:
    facts = [extract("06-01", "40", "05-31"), extract("08-01", "100", "05-31")]
    assert only("freeze_account", happens(freezing(1, 0, TEXT), facts, "06-01", "12-31")) == ["08-01"]


def test_13_what_an_agency_or_a_court_does_is_no_collection() -> None:
    told = policy(*AGENCY, freeze={"arrears_over": {"CNY": "50"}, "after_collections": 1})
    assert only("freeze_account", happens(told, [extract("06-01", "100", "05-31")], "06-01", "12-31")) == []


# --- who can be reached ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("action", "known"),
    [
        ("send_sms", {"sms_opt_out": True}),
        ("send_sms", {"phones": ("home", "work")}),
        ("queue_call", {"phones": ()}),
        ("queue_letter", {"mailable": False}),
    ],
)
def test_who_cannot_be_reached_is_not_and_is_when_that_changes(action: str, known: dict[str, Any]) -> None:
    told = policy(stage("reminder", {"days_past_due": 1}, {"action": action}))
    facts = [extract("06-01", "100", "05-31", **known), extract("06-20", "100", "05-31")]
    assert only(action, happens(told, facts[:1], "06-01", "12-31")) == []
    assert only(action, happens(told, facts, "06-01", "12-31")) == ["06-20"]


# --- a date, in its order --------------------------------------------------------------------------------------------
def test_within_a_date_close_open_recall_stage_steps_reminder() -> None:
    told = policy(
        stage("agency", {"days_past_due": 1}, PLACE, term_days=30),
        stage("legal", {"agency": "failed"}, FILE, {**TEXT}),
        monthly_reminder={"day": 1, "stages": ["legal"]},
        freeze={"arrears_over": {"CNY": "50"}, "after_collections": 0},
    )
    facts = [extract("06-01", "40", "05-31"), extract("07-01", "100", "05-31")]
    assert happens(told, facts, "06-01", "07-01")[3:] == [
        "07-01 agency recall_from_agency",
        "07-01 legal enters",
        "07-01 legal file_legal",
        "07-01 legal send_sms",
        "07-01 legal freeze_account",
    ]
