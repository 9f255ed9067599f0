"""Promises to pay: every outcome, and what happens meanwhile (rule 12)."""

from decimal import Decimal

import pytest

from arrears.domain.events import ActionDone, PromiseAccepted, PromiseEnded, PromiseRefused
from tests.support.builders import extract, payment
from tests.support.played import ALL_PHONES, called, dates, day, decided, fact, last_case, play, reasons, stages

STAGES = stages(
    call={
        "from": {"days_past_due": 15},
        "steps": [{"action": "queue_call", "every_days": 3, "at_most": 20}],
        "promise_windows_days": [7, 5, 3],
    }
)
ON = day("06-17")
REMIND = {"remind_days_before": 2}


def test_it_is_accepted_up_to_the_last_day_of_its_window() -> None:
    played = play([called(ON, "mobile", "promise", promised_on=day("06-24"))], last=day("06-24"), **STAGES)

    (accepted,) = decided(played, PromiseAccepted)
    assert accepted.reason == "promised for 2005-06-24, within 7 days of the call of 2005-06-17 (rule 12)"
    assert accepted.owed == Decimal("1000.00")
    assert dates(played, "queue_call") == ["06-16"], "nothing is done while it stands, its last day included"


@pytest.mark.parametrize(
    ("promised", "reason"),
    [
        ({"promised_on": day("06-25")}, "2005-06-25 is more than 7 days after the call of 2005-06-17"),
        ({"promised_on": day("06-16")}, "2005-06-16 is before the call of 2005-06-17"),
        (
            {"promised_on": day("06-20"), "amount": "299.99"},
            "less than the policy's share of the arrears was promised (0.3)",
        ),
    ],
)
def test_it_is_refused_with_the_reason(promised: dict[str, object], reason: str) -> None:
    told = called(ON, "mobile", "promise", **promised)  # type: ignore[arg-type]  # several types in one dict

    played = play([told], last=day("06-30"), promises={"minimum_share": "0.3"}, **STAGES)

    (refused,) = decided(played, PromiseRefused)
    assert refused.reason == f"promise refused: {reason} (rule 12)"
    assert dates(played, "queue_call")[:3] == ["06-16", "06-19", "06-22"], "it goes on as if nothing was promised"


def test_the_least_share_itself_is_enough() -> None:
    told = called(ON, "mobile", "promise", promised_on=day("06-20"), amount="300.00")

    assert decided(play([told], promises={"minimum_share": "0.3"}, **STAGES), PromiseAccepted)


def test_paid_in_full_by_its_date_it_cures() -> None:
    told = called(ON, "mobile", "promise", promised_on=day("06-22"), amount="1000.00")
    paid = fact(day("06-22"), payment(on=day("06-22")))

    played = play([told, paid], **STAGES)

    assert not last_case(played).is_open
    assert last_case(played).closed_on == day("06-22")


def test_paid_in_parts_it_is_kept_and_brings_the_case_down() -> None:
    told = called(ON, "mobile", "promise", promised_on=day("06-22"), amount="600.00")
    parts = [
        fact(day(on), payment(amount, on=day(on), payment_id=on)) for on, amount in (("06-18", "250"), ("06-22", "350"))
    ]

    played = play([told, *parts], last=day("06-30"), **STAGES)

    (ended,) = decided(played, PromiseEnded)
    assert (ended.outcome, ended.on) == ("kept", day("06-23"))
    assert ended.reason == "600 paid by 2005-06-22, 600.00 promised"
    assert last_case(played).arrears(day("06-30")).amount == Decimal(400)
    assert dates(played, "queue_call")[1] == "06-23", "what is left is still collected"


def test_it_is_kept_when_only_the_banks_next_extract_shows_the_money() -> None:
    told = called(ON, "mobile", "promise", promised_on=day("06-22"), amount="600.00")
    lower = fact(day("06-21"), extract("400.00", as_of=day("06-21"), phones=ALL_PHONES))

    (ended,) = decided(play([told, lower], **STAGES), PromiseEnded)

    assert ended.outcome == "kept"


def test_unpaid_on_the_day_after_it_is_broken_and_the_next_window_is_shorter() -> None:
    told = called(ON, "mobile", "promise", promised_on=day("06-22"))
    second = called(day("06-24"), "mobile", "promise", promised_on=day("06-30"))
    third = called(day("06-25"), "mobile", "promise", promised_on=day("06-28"))

    played = play([told, second, third], last=day("07-10"), **STAGES)

    first, last = decided(played, PromiseEnded)
    assert (first.outcome, first.on) == ("broken", day("06-23"))
    assert first.reason == "unpaid on the day after 2005-06-22 (rule 12)"
    (refused,) = decided(played, PromiseRefused)
    assert "more than 5 days after the call of 2005-06-24" in refused.reason
    assert (last.outcome, last.on) == ("broken", day("06-29")), "three days, the third window"
    assert dates(played, "queue_call") == ["06-16", "06-23", "06-29", "07-02", "07-05", "07-08"]


def test_a_part_of_it_is_not_enough() -> None:
    told = called(ON, "mobile", "promise", promised_on=day("06-22"), amount="600.00")
    part = fact(day("06-20"), payment("599.99", on=day("06-20")))

    (ended,) = decided(play([told, part], **STAGES), PromiseEnded)

    assert ended.outcome == "broken"


def test_while_it_stands_only_its_one_reminder_goes_out() -> None:
    told = called(ON, "mobile", "promise", promised_on=day("06-24"))
    monthly = {"day": 20, "template": "monthly", "stages": ["reminder", "call"]}

    played = play([told], last=day("06-24"), promises=REMIND, monthly_reminder=monthly, **STAGES)

    assert dates(played, "send_sms")[-1] == "06-22"
    assert reasons(played, "send_sms")[-1] == "reminder of the promise for 2005-06-24"
    assert dates(played, "send_sms").count("06-22") == 1
    assert dates(played, "queue_call") == ["06-16"]


def test_no_reminder_of_a_promise_on_the_day_it_is_made() -> None:
    told = called(ON, "mobile", "promise", promised_on=day("06-19"))

    assert "06-17" not in dates(play([told], promises=REMIND, **STAGES), "send_sms")


def test_a_queued_call_is_taken_back_when_a_promise_is_made_on_another_number() -> None:
    told = called(day("06-18"), "work", "promise", promised_on=day("06-22"))

    played = play([told], last=day("06-19"), calls={"again_after_days": 3}, **STAGES)

    assert [e.on for e in decided(played, ActionDone) if ".withdraw." in e.action_id] == [day("06-18")]
