"""The recorded reason of a stage entry says what the policy asked for: it goes into the chain and to the court."""

from typing import Any

import pytest

from arrears.simulate.player import DatedFact, Player
from tests.unit.domain.told import ACCOUNT, day, extract, hold, letter, policy

LETTER: dict[str, Any] = {"action": "queue_letter", "template": "final_notice"}


def reason(requirement: dict[str, Any], *facts: DatedFact, **keys: Any) -> str:
    """Why the second stage was entered: 20 days past due, and what is required."""
    told = policy(
        ("letter", {"from": {"days_past_due": 1}, "steps": [LETTER]}),
        ("court", {"from": {"days_past_due": 20}, "requires": [requirement] if requirement else [], "steps": []}),
        **keys,
    )
    known = [extract("06-02", "100", "06-01"), *facts]
    rows = Player(told, day("06-02"), day("07-31")).play(ACCOUNT, known).rows()
    return next(row.reason for row in rows if (row.action, row.stage) == ("stage_entered", "court"))


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        ({}, ""),
        ({"at_least_days_ago": 14}, "; queue_letter done at least 14 days before 2005-06-21"),
        ({"at_least_days_ago": 0}, "; queue_letter done at least 1 day before 2005-06-21"),
        ({"template": "final_notice"}, "; queue_letter final_notice done at least 1 day before 2005-06-21"),
    ],
)
def test_it_names_what_was_done(requirement: dict[str, Any], says: str) -> None:
    asked = {"action": "queue_letter", **requirement} if requirement else {}
    assert reason(asked) == f"stage court: 20 DPD reached on 2005-06-21{says}"


@pytest.mark.parametrize(
    ("requirement", "status", "says"),
    [
        ({"counts_from": "dispatched", "at_least_days_ago": 3}, "dispatched", "dispatched at least 3 days"),
        ({"counts_from": "delivered"}, "delivered", "delivered at least 1 day"),
        ({"counts_from": "delivered", "or_returned": True}, "returned", "delivered or returned at least 1 day"),
    ],
)
def test_it_names_the_mailing_houses_word_where_that_counts(
    requirement: dict[str, Any], status: str, says: str
) -> None:
    told = reason({"action": "queue_letter", **requirement}, letter("07-01", "A-20050602.letter.0.1", status))

    on = "2005-07-04" if "3 days" in says else "2005-07-02"
    assert told == f"stage court: 20 DPD reached on 2005-06-21; queue_letter {says} before {on}"


def test_it_says_which_days_were_not_counted() -> None:
    facts = [hold("06-05"), hold("06-10", "lifted")]
    told = reason({}, *facts, holds={"dispute": {"counts_days": False}})

    assert told == "stage court: 20 DPD reached on 2005-06-26, 5 days on hold or under a plan not counted"
