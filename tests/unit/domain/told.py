"""Tells accounts and policies in a few words, and what the domain makes of them."""

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from arrears.domain.events import AgencyReported, HoldLifted, HoldPlaced, LetterReported
from arrears.domain.facts import PHONES, Call, CallOutcome, Extract, Payment, Phone
from arrears.domain.money import Money
from arrears.domain.policy import Policy
from arrears.simulate.player import DatedFact, Player, ReturnedCase

ACCOUNT = "A"


def day(text: str) -> date:
    """A date of 2005, written as month and day, or in full."""
    return date.fromisoformat(text if len(text) > len("06-01") else f"2005-{text}")


def money(text: str) -> Money:
    """`100 CNY`, or `100`, which are yuan too."""
    amount, _, currency = text.partition(" ")
    return Money(Decimal(amount), currency or "CNY")


def extract(as_of: str, past_due: str, oldest_due: str | None = None, **rest: Any) -> DatedFact:
    """What the bank saw on a date, of somebody who can be reached in every way."""
    known: dict[str, Any] = {"phones": PHONES, "mailable": True, **rest}
    on = day(as_of)
    return DatedFact(on, Extract(on, money(past_due), None if oldest_due is None else day(oldest_due), **known))


def paid(on: str, amount: str) -> DatedFact:
    at = datetime.combine(day(on), datetime.min.time())
    return DatedFact(day(on), Payment(f"P{on}", at, money(amount), day(on)))


def hold(on: str, status: str = "placed", hold_id: str = "H", at: str | None = None) -> DatedFact:
    event = HoldPlaced if status == "placed" else HoldLifted
    return DatedFact(day(on), event(hold_id, "dispute", day(on), None if at is None else time.fromisoformat(at)))


def called(
    on: str, result: CallOutcome, promised_on: str | None = None, *, amount: str | None = None, phone: Phone = "mobile"
) -> DatedFact:
    at = datetime.combine(day(on), datetime.min.time())
    promised = None if promised_on is None else day(promised_on)
    call = Call(f"C{on}", at, day(on), phone, result, None if amount is None else Decimal(amount), promised)
    return DatedFact(day(on), call)


def returned(on: str, case_id: str, outcome: Any = "returned") -> DatedFact:
    return DatedFact(day(on), ReturnedCase(case_id, AgencyReported(f"R{on}", "default", outcome, day(on)), None))


def letter(on: str, letter_id: str, status: Any) -> DatedFact:
    return DatedFact(day(on), LetterReported(letter_id, status, day(on)))


def policy(*stages: tuple[str, dict[str, Any]], **rest: Any) -> Policy:
    """A policy of these stages, without tolerance, reminder or freeze unless they are given."""
    return Policy.model_validate({"name": "told", "version": "1", "stages": dict(stages), **rest})


#: One stage with one text, from the first day past due.
REMINDER = ("reminder", {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms"}]})


def happens(told: Policy, facts: Iterable[DatedFact], first: str, last: str) -> list[str]:
    """What happens, as `MM-DD stage action`; the stage is `-` before any, and `stage_entered` is `enters`."""
    rows = Player(told, day(first), day(last)).play(ACCOUNT, facts).rows()
    return [
        f"{row.date:%m-%d} {row.stage or '-'} {'enters' if row.action == 'stage_entered' else row.action}"
        for row in rows
    ]


def only(action: str, rows: Iterable[str]) -> list[str]:
    """The dates on which something of a kind happens."""
    return [row.split()[0] for row in rows if row.endswith(f" {action}")]
