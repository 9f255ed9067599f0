"""`arrears case explain` on the deployed table: a date is told by what was known and published then."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from arrears.case_explained import Told, explain_case
from arrears.cli import main
from arrears.errors import PermanentSetupError
from arrears.usecases.assess import Assess
from arrears.usecases.explain import Explain
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, account, extract, held, paid
from tests.support.stack import Stack

DAY = timedelta(days=1)


@pytest.fixture
def turn(stack: Stack) -> Callable[[int], None]:
    """Have the case take a turn so many days after it opened; the first one opens it."""
    stack.report(account())

    def taken(days: int) -> None:
        stack.on(OPENS + days * DAY)
        Assess(stack.table, stack.settings, lambda *_: None)({"case_id": CASE_ID, "generation": 1})

    return taken


def told(stack: Stack, on: date | None = None) -> Told:
    found = Explain(stack.table, stack.settings)(ACCOUNT_ID, on)
    assert not isinstance(found, str), found
    return found[0]


def text(stack: Stack, on: date | None = None) -> str:
    return " ".join(" ".join(explain_case(told(stack, on))).split())


def test_without_a_date_it_is_the_business_date_now(stack: Stack, turn: Callable[[int], None]) -> None:
    turn(0)

    assert told(stack).now.on == OPENS
    assert "due now: text message, since stage reminder: text message 1 of 2" in text(stack)


def test_a_past_date_is_told_by_what_was_recorded_by_then(stack: Stack, turn: Callable[[int], None]) -> None:
    turn(0)
    turn(14)
    stack.news(CASE_ID, paid("400.00", on=OPENS + 16 * DAY), on=OPENS + 16 * DAY)
    stack.on(OPENS + 20 * DAY)

    before, after = text(stack, OPENS + 15 * DAY), text(stack, OPENS + 16 * DAY)

    assert "1,000.00 CNY were owed" in before
    assert "Nothing was paid" in before
    assert "600.00 CNY were owed" in after
    assert "- payment of 400.00 CNY" in after


def test_a_payment_that_was_booked_later_was_not_known_though_it_was_made_before(
    stack: Stack, turn: Callable[[int], None]
) -> None:
    turn(0)
    stack.news(CASE_ID, paid("400.00", on=OPENS + 2 * DAY), on=OPENS + 5 * DAY)
    stack.on(OPENS + 6 * DAY)

    assert "1,000.00 CNY were owed" in text(stack, OPENS + 3 * DAY)
    assert "600.00 CNY were owed" in text(stack, OPENS + 6 * DAY)


def test_a_past_date_is_told_by_the_policy_that_counted_then(stack: Stack, turn: Callable[[int], None]) -> None:
    turn(0)
    stack.on(OPENS + 5 * DAY)
    stack.publish(version="2", cure_tolerance={"CNY": "7.00"})
    turn(14)

    assert told(stack, OPENS + DAY).policy.label == "test 1"
    assert told(stack, OPENS + 5 * DAY).policy.label == "test 2"
    assert told(stack, OPENS + 14 * DAY).policy.label == "test 2"


def test_a_date_of_a_decision_is_told_by_the_policy_that_the_decision_names(
    stack: Stack, turn: Callable[[int], None]
) -> None:
    """The case was decided in the morning and a new policy published at noon: the letter went out under the old one."""
    turn(0)
    turn(14)
    stack.publish(version="2")
    stack.on(OPENS + 15 * DAY)

    assert told(stack, OPENS + 14 * DAY).policy.label == "test 1"
    assert told(stack, OPENS + 15 * DAY).policy.label == "test 2"


def test_a_policy_that_was_published_again_under_its_label_is_told_as_it_was_then(
    stack: Stack, turn: Callable[[int], None]
) -> None:
    turn(0)
    stack.on(OPENS + 5 * DAY)
    stack.publish(cure_tolerance={"CNY": "7.00"})
    stack.on(OPENS + 6 * DAY)

    assert told(stack, OPENS + DAY).policy.tolerance("CNY") == 1
    assert told(stack, OPENS + 5 * DAY).policy.tolerance("CNY") == 7


def test_a_policy_that_counts_later_is_announced_from_its_publication_on(
    stack: Stack, turn: Callable[[int], None]
) -> None:
    turn(0)
    stack.on(OPENS + 5 * DAY)
    stack.publish(version="2", since=OPENS + 20 * DAY)
    stack.on(OPENS + 6 * DAY)

    assert told(stack, OPENS + 4 * DAY).later is None
    assert told(stack).later == ("test 2", OPENS + 20 * DAY)


def test_a_hold_says_why_nobody_was_contacted(stack: Stack, turn: Callable[[int], None]) -> None:
    turn(0)
    stack.news(CASE_ID, held(OPENS + 3 * DAY), on=OPENS + 3 * DAY)
    stack.on(OPENS + 10 * DAY)

    assert "Nothing was to be done: dispute hold since 5 June 2005 (rule 11)." in text(stack)


def test_while_what_goes_out_is_paused_it_says_so_and_by_whom(stack: Stack, turn: Callable[[int], None]) -> None:
    turn(0)
    for days, is_on in ((3, True), (6, False)):
        at = datetime.combine(OPENS + days * DAY, time(9), UTC)
        stack.settings.turn("pause", on=is_on, by="Sample Operator", why="a wrong template", at=at)
    stack.on(OPENS + 10 * DAY)
    said = (
        "Whatever is due waits: what goes out is paused since 5 June 2005 09:00 by Sample Operator: a wrong template."
    )

    assert said in text(stack, OPENS + 4 * DAY)
    assert "paused" not in text(stack, OPENS + 2 * DAY)
    assert "paused" not in text(stack, OPENS + 6 * DAY)
    assert "paused" not in text(stack)


# --- no case ---------------------------------------------------------------------------------------------------------
def why_none(stack: Stack, on: date | None = None) -> str:
    found = Explain(stack.table, stack.settings)(ACCOUNT_ID, on)
    assert isinstance(found, str)
    return found


def test_after_a_cure_it_says_when_the_case_closed_and_why(stack: Stack, turn: Callable[[int], None]) -> None:
    turn(0)
    stack.news(CASE_ID, paid("1000.00", on=OPENS + 2 * DAY), on=OPENS + 2 * DAY)
    turn(2)
    stack.on(OPENS + 4 * DAY)

    assert "case closed: cured" in text(stack, OPENS + 2 * DAY)
    assert f"{CASE_ID} closed on {OPENS + 2 * DAY}: cured" in why_none(stack)
    assert f"{CASE_ID} opened on {OPENS}" in why_none(stack, OPENS - DAY)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (extract(), "one is opened by the next scan: 1000.00 CNY past due, 1 DPD"),
        (extract(oldest_due=OPENS + 5 * DAY), f"one opens on {OPENS + 6 * DAY} by what is known"),
        (extract("0.50"), "0.50 CNY are past due, and a case opens above 1.00 from 1 day past due (rule 1)"),
    ],
)
def test_an_account_without_a_case_says_why_it_has_none(stack: Stack, known: Any, reason: str) -> None:
    stack.report(account(known))

    assert reason in why_none(stack)


def test_an_account_that_is_not_known_and_a_date_to_come_are_errors(stack: Stack) -> None:
    with pytest.raises(PermanentSetupError, match="is not known"):
        Explain(stack.table, stack.settings)("NOBODY")
    stack.report(account())
    with pytest.raises(PermanentSetupError, match="still to come"):
        Explain(stack.table, stack.settings)(ACCOUNT_ID, OPENS + DAY)


def test_the_command_prints_it(
    stack: Stack,
    turn: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("arrears.stack.connect", lambda _: stack)
    turn(0)

    assert main(["case", "explain", ACCOUNT_ID]) == 0
    assert capsys.readouterr().out.startswith(f"Account {ACCOUNT_ID} on 2 June 2005")
    assert main(["case", "explain", ACCOUNT_ID, "--on", "2005-06-01"]) == 1
    assert "no case of account" in capsys.readouterr().out
