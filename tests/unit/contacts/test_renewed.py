"""What failed says nothing of another number, or address, that the bank reports: it is tried again."""

import csv
from datetime import date
from pathlib import Path

import pytest

from arrears.domain.dates import ONE_DAY
from arrears.domain.events import LetterReported, SmsReported
from arrears.domain.facts import Account, Extract, Means
from arrears.domain.value import changed
from arrears.files import COLUMNS
from arrears.files.records import Profile
from arrears.simulate import Inputs, simulate
from arrears.simulate.player import DatedFact
from tests.support.builders import OPENS, extract, policy
from tests.support.played import called, dates, day, fact, last_case, play, stages

CASE = f"CARD-0001-{OPENS:%Y%m%d}"
CALLS = {"numbers": ["mobile"], "tries_per_number": 9, "again_after_days": 2}
EVERY_WEEK = stages(reminder={"from": {"days_past_due": 1}, "steps": [{"action": "send_sms", "every_days": 7}]})
LETTERS = stages(
    reminder={
        "from": {"days_past_due": 1},
        "steps": [{"action": "queue_letter", "template": "reminder_letter", "every_days": 7}],
    }
)
ROUND = stages(reminder={"from": {"days_past_due": 1}, "steps": [{"action": "queue_call", "every_days": 30}]})
LAST = day("06-15")


def reported(on: str, *renewed: Means) -> DatedFact:
    told = changed(extract(as_of=day(on)), renewed=renewed)
    return fact(told.as_of, told)


def test_a_number_that_was_invalid_is_called_again_when_it_is_another_one() -> None:
    invalid = called(day("06-03"), "mobile", "invalid_number")
    only = {"last": LAST, "calls": CALLS, **ROUND}
    assert dates(play([invalid], **only), "queue_call") == ["06-02"]
    assert dates(play([invalid, reported("06-09")], **only), "queue_call") == ["06-02"]
    assert dates(play([invalid, reported("06-09", "work")], **only), "queue_call") == ["06-02"]
    assert dates(play([invalid, reported("06-09", "mobile")], **only), "queue_call")[:2] == ["06-02", "06-09"]


def test_the_other_number_may_be_invalid_too() -> None:
    facts = [
        called(day("06-03"), "mobile", "invalid_number"),
        reported("06-09", "mobile"),
        called(day("06-10"), "mobile", "invalid_number"),
    ]
    assert dates(play(facts, last=LAST, calls=CALLS, **ROUND), "queue_call") == ["06-02", "06-09"]


def test_a_number_that_takes_no_text_is_texted_again_when_it_is_another_one() -> None:
    failed = fact(day("06-03"), SmsReported(f"{CASE}.reminder.0.1", "failed", day("06-03"), final=True))
    assert dates(play([failed], last=LAST, **EVERY_WEEK), "send_sms") == ["06-02"]
    again = play([failed, reported("06-10", "mobile")], last=LAST, **EVERY_WEEK)
    assert dates(again, "send_sms") == ["06-02", "06-10"]


@pytest.mark.parametrize(
    ("moved", "letters"),
    [
        (None, ["06-02"]),
        ("06-12", ["06-02", "06-12"]),
        ("06-04", ["06-02", "06-09"]),  # the letter that came back was sent to the address before
        ("06-02", ["06-02"]),  # it was sent to this one
    ],
)
def test_a_letter_goes_to_another_address(moved: str | None, letters: list[str]) -> None:
    back = fact(day("06-08"), LetterReported(f"{CASE}.reminder.0.1", "returned", day("06-08")))
    facts = [back] if moved is None else [back, reported(moved, "address")]
    assert dates(play(facts, last=LAST, **LETTERS), "queue_letter") == letters


def test_what_is_told_in_any_order_says_the_same() -> None:
    told = changed(extract(as_of=day("06-10")), renewed=("mobile",))
    for order in ((5, 20), (20, 5)):
        known = Account("CARD-0001").with_extract(told)
        for number in order:
            known = known.with_unusable("mobile", "call", date(2005, 6, number))
        assert known.is_unusable("mobile", "call", day("06-20"))
    once = Account("CARD-0001").with_unusable("mobile", "call", day("06-05")).with_extract(told)
    assert once.is_unusable("mobile", "call", day("06-09"))
    assert not once.is_unusable("mobile", "call", day("06-10"))


def test_only_the_last_renewal_is_kept() -> None:
    known = Account("CARD-0001")
    for number in (1, 2, 3, 9):
        known = known.with_extract(changed(extract(as_of=date(2005, 6, number)), renewed=("mobile", "address")))
    assert [(each.means, each.on.day) for each in known.pruned(day("06-03")).renewed] == [
        ("address", 3),
        ("mobile", 3),
        ("address", 9),
        ("mobile", 9),
    ]


@pytest.mark.parametrize(
    ("before", "now", "renewed"),
    [
        ({"phone_mobile": "+44 7700 900001"}, {"phone_mobile": "+447700900001"}, ()),
        ({"phone_mobile": "+44 7700 900001"}, {"phone_mobile": "+447700900002"}, ("mobile",)),
        ({"phone_work": "+442079460001"}, {}, ()),
        ({}, {"phone_work": "+442079460001"}, ("work",)),
        ({"address_line1": "1  Sample Road"}, {"address_line1": "1 SAMPLE ROAD"}, ()),
        ({"address_line1": "1 Sample Road"}, {"address_line1": "1 Sample Road", "city": "Bath"}, ("address",)),
    ],
)
def test_which_is_another_one(before: dict[str, str], now: dict[str, str], renewed: tuple[Means, ...]) -> None:
    assert Profile(**now).renewed_since(Profile(**before)) == renewed


def test_the_simulator_tells_another_number_from_the_rows(tmp_path: Path) -> None:
    row = {"account_id": "CARD-0001", "currency": "CNY", "past_due_amount": "600.00", "oldest_due_date": "2005-06-01"}
    row |= {"timezone": "Asia/Shanghai", "address_line1": "7 Nanjing Road"}
    numbers = {"2005-06-02": "+8613800138000", "2005-06-09": "+86 138 0013 8000", "2005-06-12": "+8613800138999"}
    files = {
        "portfolio": [row | {"as_of": on, "phone_mobile": number} for on, number in numbers.items()],
        "receipts": [
            {"action_id": f"{CASE}.reminder.0.1", "status": "failed", "final": "true", "at": "2005-06-03T10:00:00"}
        ],
    }
    paths = {}
    for kind, rows in files.items():
        paths[kind] = [tmp_path / f"{kind}.csv"]
        with paths[kind][0].open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, COLUMNS[kind])  # type: ignore[index] # a kind
            writer.writeheader()
            writer.writerows(rows)
    simulate(Inputs(**paths), policy(**EVERY_WEEK), OPENS, day("06-20"), tmp_path / "out")
    with (tmp_path / "out/timeline.csv").open(encoding="utf-8", newline="") as opened:
        sent = [each["date"][5:] for each in csv.DictReader(opened) if each["action"] == "send_sms"]
    assert sent == ["06-02", "06-12"]


def test_a_case_that_is_open_hears_of_it() -> None:
    played = play([reported("06-09", "mobile")], last=LAST)
    (heard,) = last_case(played).account.renewed
    assert (heard.means, heard.on) == ("mobile", day("06-09"))
    assert isinstance(last_case(played).account.extract(LAST + ONE_DAY), Extract)
