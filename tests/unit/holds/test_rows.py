"""Rows of `plans/`, and what rows of `holds/` may say beside what they must."""

from datetime import date
from decimal import Decimal

import pytest

from arrears.domain.events import HoldPlaced, PlanAgreed, PlanCancelled
from arrears.domain.facts import Plan
from arrears.domain.money import Money
from arrears.files import Duplicates, RowError, key_of, parse, parse_hold, parse_plan
from tests.unit.files.rows import GOOD


def plan(**cells: str) -> dict[str, str]:
    return GOOD["plans"] | cells


def hold(**cells: str) -> dict[str, str]:
    return GOOD["holds"] | cells


def test_a_plan_has_its_terms() -> None:
    row = parse_plan(plan(every=""))

    terms = Plan("IP-1", date(2005, 6, 20), 6, Money(Decimal("500.00"), "TWD"), date(2005, 7, 20))
    assert (row.account_id, row.told, row.on) == ("TW000001", PlanAgreed(terms), date(2005, 6, 20))
    assert parse("plans", plan(every="two_weeks")).told.plan.every == "two_weeks"  # type: ignore[union-attr]


def test_a_cancelled_one_has_its_date_and_needs_no_terms() -> None:
    bare = dict.fromkeys(GOOD["plans"], "") | {"plan_id": "IP-1", "account_id": "TW000001", "status": "cancelled"}

    assert parse_plan(bare | {"cancelled_on": "2005-08-01"}).told == PlanCancelled("IP-1", date(2005, 8, 1))
    with pytest.raises(RowError, match="cancelled_on: is missing"):
        parse_plan(bare)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"plan_id": ""}, "plan_id: is missing"),
        ({"status": "kept"}, "status: is none of agreed, cancelled"),
        ({"agreed_on": ""}, "agreed_on: is missing"),
        ({"instalments": "0"}, "instalments: is no whole number from 1 to 600"),
        ({"instalments": "601"}, "instalments: is no whole number from 1 to 600"),
        ({"instalments": "2.5"}, "instalments: is no whole number from 1 to 600"),
        ({"instalments": ""}, "instalments: is missing"),
        ({"amount": "0.00"}, "amount: is not above zero"),
        ({"amount": "-1"}, "amount: is below zero"),
        ({"currency": "XXX"}, "currency: is no ISO 4217 currency code"),
        ({"first_due": "2005-06-19"}, "first_due: is before agreed_on"),
        ({"every": "year"}, "every: is none of month, two_weeks, week"),
    ],
)
def test_a_bad_plan_is_refused_with_the_reason(cells: dict[str, str], reason: str) -> None:
    with pytest.raises(RowError) as refused:
        parse_plan(plan(**cells))
    assert str(refused.value) == reason


def test_agreed_and_cancelled_are_two_facts_and_other_terms_contradict() -> None:
    duplicates = Duplicates("plans")
    rows = [plan(), plan(status="cancelled", cancelled_on="2005-08-01"), plan(), plan(amount="501.00")]

    assert len({key_of(parse_plan(row)) for row in rows}) == 2
    assert [duplicates.check(parse_plan(row), row, line) for line, row in enumerate(rows[:3], 2)] == [
        False,
        False,
        True,
    ]
    with pytest.raises(RowError, match="contradicts line 2"):
        duplicates.check(parse_plan(rows[3]), rows[3], 5)


def test_a_hold_may_name_its_end_and_its_review() -> None:
    row = hold(until="2005-07-01", review_on="2005-06-25")

    on = date(2005, 6, 20)
    event = HoldPlaced("H-1", "dispute", on, None, date(2005, 7, 1), date(2005, 6, 25))
    assert parse_hold(row).event("Asia/Taipei") == event


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"until": "2005-06-20"}, "until: is not after at"),
        ({"review_on": "2005-06-19"}, "review_on: is not after at"),
        ({"until": "soon"}, "until: is no date such as 2005-06-18"),
        ({"status": "lifted", "until": "2005-07-01"}, "until: is for a hold that is placed"),
    ],
)
def test_a_hold_that_cannot_be_so_is_refused(cells: dict[str, str], reason: str) -> None:
    with pytest.raises(RowError) as refused:
        parse_hold(hold(**cells))
    assert str(refused.value) == reason


@pytest.mark.parametrize("reason", ["represented", "complaint", "natural_disaster", "breathing_space"])
def test_there_are_further_reasons(reason: str) -> None:
    assert parse_hold(hold(reason=reason)).reason == reason
