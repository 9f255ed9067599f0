"""When and how people may be contacted: caps, days, holidays, hours, fallbacks, the monthly reminder, the freeze."""

from datetime import date, time
from typing import Any

import pytest

from arrears.domain.case import Case
from arrears.domain.decide import Act, Wait, decide
from arrears.domain.events import ActionDone, FreezeAnswered, LetterReported, SmsReported
from arrears.domain.moment import Moment
from arrears.domain.value import changed
from tests.support.builders import CASE_ID, OPENS, extract, payment, policy
from tests.support.played import ALL_PHONES, called, dates, day, decided, fact, last_case, play, reasons, rows, stages


def only(*steps: dict[str, Any]) -> dict[str, Any]:
    """One stage for ever, of some steps."""
    return {"stages": {"reminder": {"from": {"days_past_due": 1}, "steps": list(steps)}}}


def sms_every(days: int, at_most: int = 50) -> dict[str, Any]:
    """One stage for ever, of texts."""
    return only({"action": "send_sms", "template": "just_overdue", "every_days": days, "at_most": at_most})


# --- days, holidays, caps --------------------------------------------------------------------------------------------
def test_nobody_is_texted_on_another_day_of_the_week_than_the_policy_says() -> None:
    # 2 June 2005 is a Thursday; each text is due three days after the one before.
    played = play(contact={"days": ["mon", "tue", "wed", "thu", "fri"]}, last=day("06-20"), **sms_every(3))

    assert dates(played, "send_sms") == ["06-02", "06-06", "06-09", "06-13", "06-16", "06-20"]


def test_a_holiday_moves_a_contact_to_the_next_day_that_is_none() -> None:
    contact = {"holidays": ["2005-06-09", "2005-06-10"]}

    assert dates(play(contact=contact, last=day("06-20"), **sms_every(7)), "send_sms") == ["06-02", "06-11", "06-18"]


def test_letters_go_out_on_holidays() -> None:
    contact = {"holidays": ["2005-07-31"], "days": ["mon"]}

    assert dates(play(contact=contact, last=day("08-05")), "queue_letter") == ["07-31"]


def test_a_cap_rolls_over_the_days() -> None:
    contact = {"caps": [{"actions": ["send_sms"], "at_most": 2, "in_days": 7}]}

    played = play(contact=contact, last=day("06-18"), **sms_every(1))

    assert dates(played, "send_sms") == ["06-02", "06-03", "06-09", "06-10", "06-16", "06-17"]


def test_a_cap_over_all_channels_counts_them_together() -> None:
    steps = [
        {"action": "send_sms", "template": "just_overdue", "every_days": 2, "at_most": 9},
        {"action": "queue_call", "every_days": 2, "at_most": 9},
    ]
    both = only(*steps)

    played = play(contact={"caps": [{"at_most": 3, "in_days": 7}]}, last=day("06-10"), **both)

    assert rows(played, "send_sms", "queue_call") == [
        ("06-02", "send_sms"),
        ("06-02", "queue_call"),
        ("06-04", "send_sms"),
        ("06-09", "queue_call"),
        ("06-09", "send_sms"),
    ] or rows(played, "send_sms", "queue_call")[3:] == [("06-09", "send_sms"), ("06-09", "queue_call")]


def test_one_contact_of_a_kind_a_day() -> None:
    twice = [{"action": "send_sms", "template": name} for name in ("just_overdue", "monthly")]
    both = only(*twice)

    assert dates(play(last=day("06-10"), **both), "send_sms") == ["06-02", "06-02"]
    contact = {"one_of_a_kind_a_day": True}
    assert dates(play(contact=contact, last=day("06-10"), **both), "send_sms") == ["06-02", "06-03"]


# --- hours -----------------------------------------------------------------------------------------------------------
HOURS = {"hours": ["08:00", "21:00"]}


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (time(7, 59), Moment(OPENS, time(8))),
        (time(21), Moment(day("06-03"), time(8))),
        (time(23, 30), Moment(day("06-03"), time(8))),
    ],
)
def test_outside_the_hours_it_waits_for_the_next_opening(at: time, until: Moment) -> None:
    waits = decide(_opened(contact=HOURS), policy(contact=HOURS), Moment(OPENS, at))

    assert isinstance(waits, Wait)
    assert waits.until == until
    assert waits.reason == "send_sms is due but it is outside the contact hours"


@pytest.mark.parametrize("at", [time(8), time(20, 59, 59), None])
def test_inside_the_hours_it_is_done(at: time | None) -> None:
    assert isinstance(decide(_opened(contact=HOURS), policy(contact=HOURS), Moment(OPENS, at)), Act)


def test_after_hours_before_a_weekend_it_waits_for_monday() -> None:
    contact = HOURS | {"days": ["mon", "tue", "wed", "thu"]}

    waits = decide(_opened(contact=contact), policy(contact=contact), Moment(OPENS, time(21, 5)))

    assert isinstance(waits, Wait)
    assert waits.until == Moment(day("06-06"), time(8))


def _opened(**changes: Any) -> Case:
    """The case in its first stage, with nothing done yet: contacts are not allowed on its first date."""
    contact = {**changes.get("contact", {}), "holidays": [OPENS.isoformat()]}
    return last_case(play(last=OPENS, contact=contact))


# --- fallbacks -------------------------------------------------------------------------------------------------------
FALLBACK = {
    "fallback": {
        "send_sms": {"action": "queue_letter", "template": "reminder_letter"},
        "queue_letter": {"action": "queue_call"},
    }
}


def test_who_has_opted_out_gets_the_fallback_at_once_and_it_counts_for_the_step() -> None:
    opted_out = extract(sms_opt_out=True, phones=ALL_PHONES)

    played = play(account=opted_out, contact=FALLBACK, last=day("06-12"))

    assert dates(played, "queue_letter") == ["06-02", "06-09"]
    due, why = reasons(played, "queue_letter")[0].split("; ")
    assert due == "stage reminder: send_sms 1 of 2, due 2005-06-02"
    assert why == "queue_letter instead, since the cardholder has opted out of SMS"
    assert dates(play(account=opted_out, last=day("06-12")), "send_sms") == [], "without a fallback: silence"


def test_a_number_that_fails_for_good_is_not_used_again() -> None:
    failed = fact(day("06-05"), SmsReported(f"{CASE_ID}.reminder.0.1", "failed", day("06-05"), final=True))

    played = play([failed], contact=FALLBACK, last=day("06-12"))

    assert dates(played, "send_sms") == ["06-02"]
    assert dates(played, "queue_letter") == ["06-09"]


def test_a_text_that_failed_once_is_no_reason_to_stop() -> None:
    failed = fact(day("06-05"), SmsReported(f"{CASE_ID}.reminder.0.1", "failed", day("06-05")))

    assert dates(play([failed], contact=FALLBACK, last=day("06-12")), "send_sms") == ["06-02", "06-09"]


def test_a_returned_letter_marks_the_address() -> None:
    back = fact(day("08-05"), LetterReported(f"{CASE_ID}.lawyer_letter.0.1", "returned", day("08-05")))
    twice = {"action": "queue_letter", "template": "lawyer_letter", "every_days": 10, "at_most": 3}
    letters = stages(lawyer_letter={"from": {"days_past_due": 60}, "steps": [twice]})

    played = play([back], contact=FALLBACK, last=day("08-25"), **letters)

    assert dates(played, "queue_letter") == ["07-31"]
    assert [on for on in dates(played, "queue_call") if on > "07-31"] == ["08-10", "08-20"]


@pytest.mark.parametrize(("or_returned", "entered"), [(True, ["09-04"]), (False, [])])
def test_a_letter_that_came_back_moves_the_case_on_where_the_policy_says_so(
    or_returned: bool, entered: list[str]
) -> None:
    back = fact(day("08-21"), LetterReported(f"{CASE_ID}.lawyer_letter.0.1", "returned", day("08-21")))
    needs = {"action": "queue_letter", "at_least_days_ago": 14, "counts_from": "delivered", "or_returned": or_returned}
    agency = stages(agency={"from": {"months_past_due": 2}, "requires": [needs], "steps": [], "term_days": 90})

    played = play([back], last=day("09-30"), **agency)

    assert [on for on, action in rows(played) if action == "stage_entered"][3:] == entered


# --- the monthly reminder --------------------------------------------------------------------------------------------
MONTHLY = {"day": 5, "template": "monthly", "stages": ["reminder"]}
QUIET = only()


def test_a_monthly_reminder_that_falls_on_a_holiday_is_moved_and_sent_once() -> None:
    contact = {"holidays": ["2005-07-05", "2005-07-06"]}

    played = play(monthly_reminder=MONTHLY, contact=contact, last=day("08-31"), **QUIET)

    assert dates(played, "send_sms") == ["06-05", "07-07", "08-05"]
    assert reasons(played, "send_sms")[1] == "monthly reminder on day 5 (rule 7), moved from 2005-07-05"


def test_a_monthly_reminder_that_a_cap_moves_is_sent_once() -> None:
    contact = {"caps": [{"at_most": 1, "in_days": 10}]}

    played = play(monthly_reminder=MONTHLY, contact=contact, last=day("08-31"), **sms_every(30))

    # The text of 2 July fills the cap until 11 July; the reminder of 5 July goes out on 12 July.
    assert dates(played, "send_sms") == ["06-02", "06-12", "07-02", "07-12", "08-01", "08-11", "08-31"]


def test_there_is_no_reminder_where_a_text_goes_out_on_its_day_anyway() -> None:
    assert dates(play(monthly_reminder=MONTHLY, last=day("06-30"), **sms_every(3, at_most=2)), "send_sms") == [
        "06-02",
        "06-05",
    ]


def test_a_reminder_falls_back_once_a_month() -> None:
    opted_out = extract(sms_opt_out=True)

    played = play(account=opted_out, monthly_reminder=MONTHLY, contact=FALLBACK, last=day("08-31"), **QUIET)

    assert dates(played, "queue_letter") == ["06-05", "07-05", "08-05"]


# --- by risk grade ---------------------------------------------------------------------------------------------------
def test_a_step_is_for_the_grades_it_names() -> None:
    steps = [
        {"action": "send_sms", "template": "just_overdue", "risk_grades": ["low", "medium"]},
        {"action": "queue_call", "risk_grades": ["high"]},
    ]
    by_grade = stages(reminder={"from": {"days_past_due": 1}, "steps": steps})

    assert rows(play(last=OPENS, **by_grade), "send_sms", "queue_call") == [("06-02", "send_sms")], "no grade is medium"
    risky = changed(extract(), risk_grade="high")
    assert rows(play(account=risky, last=OPENS, **by_grade), "send_sms", "queue_call") == [("06-02", "queue_call")]


# --- the freeze ------------------------------------------------------------------------------------------------------
FREEZE = {"arrears_over": {"CNY": "500.00"}, "after_collections": 2, "apart_days": 7}


def test_only_effective_collections_count_where_the_policy_says_so() -> None:
    delivered = fact(day("06-03"), SmsReported(f"{CASE_ID}.reminder.0.1", "delivered", day("06-03")))
    spoken = called(day("06-17"), "mobile", "right_party")
    freeze = FREEZE | {"effective_only": True}

    assert dates(play(freeze=FREEZE, last=day("07-20")), "freeze_account") == ["06-10"]
    assert dates(play(freeze=freeze, last=day("07-20")), "freeze_account") == []
    played = play([delivered, spoken], freeze=freeze, last=day("07-20"))
    assert dates(played, "freeze_account") == ["06-17"], "the text of 2 June and the call of 16 June reached somebody"


def test_which_results_are_effective_is_policy() -> None:
    left = [called(day(on), "mobile", "message_left") for on in ("06-17", "06-20")]
    counted = {"effective_only": True, "effective": ["message_left"], "apart_days": 2}

    assert dates(play(left, freeze=FREEZE | {"effective_only": True}, last=day("07-20")), "freeze_account") == []
    assert dates(play(left, freeze=FREEZE | counted, last=day("07-20")), "freeze_account") == ["06-20"]


@pytest.mark.parametrize(("answer", "asked"), [(None, 1), ("frozen", 1), ("refused", 0), ("lifted", 0)])
def test_a_cured_case_asks_for_its_freeze_to_be_lifted_once(answer: str | None, asked: int) -> None:
    facts = [fact(day("06-20"), payment(on=day("06-20")))]
    if answer is not None:
        facts.append(fact(day("06-12"), FreezeAnswered(f"{CASE_ID}.freeze", answer, day("06-12"))))  # type: ignore[arg-type]  # one of its literals

    played = play(facts, freeze=FREEZE, last=day("07-20"))

    assert [e.action_id for e in decided(played, ActionDone) if e.action_id.endswith(".lift")] == [
        f"{CASE_ID}.freeze.lift"
    ] * asked
    assert last_case(played).closed_on == date(2005, 6, 20)
