"""One account played by the simulator's player on a policy: what a test says happened, and what came of it."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from arrears.domain.case import Case
from arrears.domain.events import Event
from arrears.domain.facts import Call, CallOutcome, Extract, Phone
from arrears.domain.timeline import Row
from arrears.simulate.player import DatedFact, Fact, Played, Player
from tests.support.builders import ACCOUNT_ID, DUE, OPENS, POLICY, SHANGHAI, extract, policy

ALL_PHONES: tuple[Phone, ...] = ("mobile", "work", "home", "family", "contact")


def day(text: str) -> date:
    """A date of 2005, by month and day: `06-16`."""
    return date.fromisoformat(f"2005-{text}")


def called(
    on: date,
    phone: Phone | None,
    result: CallOutcome,
    *,
    amount: str | None = None,
    promised_on: date | None = None,
    number: int = 0,
) -> DatedFact:
    """The result of a call at noon of a date."""
    at = datetime(on.year, on.month, on.day, 12, number, tzinfo=ZoneInfo(SHANGHAI))
    promised = None if amount is None else Decimal(amount)
    call_id = f"C-{on:%m%d}-{phone}-{result}-{number}"
    return DatedFact(on, Call(call_id, at, on, phone, result, promised, promised_on))


def fact(on: date, what: Fact) -> DatedFact:
    """A fact from a date on."""
    return DatedFact(on, what)


def stages(**changes: Any) -> dict[str, Any]:
    """The stages of the tests' policy, some of them replaced."""
    return {"stages": POLICY["stages"] | changes}


def play(
    facts: Iterable[DatedFact] = (),
    *,
    last: date = date(2005, 8, 31),
    account: Extract | None = None,
    **changes: Any,
) -> Played:
    """Play the tests' policy with some keys replaced on the account that owes from 1 June 2005."""
    first = account or extract(phones=ALL_PHONES)
    player = Player(policy(**changes), OPENS, last)
    return player.play(ACCOUNT_ID, [DatedFact(first.as_of, first), *facts])


def rows(played: Played, *actions: str) -> list[tuple[str, str]]:
    """The month and day of each row of some actions, with the action."""
    return [(f"{row.date:%m-%d}", row.action) for row in _rows(played) if not actions or row.action in actions]


def reasons(played: Played, action: str) -> list[str]:
    """The reason of each row of an action."""
    return [row.reason for row in _rows(played) if row.action == action]


def dates(played: Played, action: str) -> list[str]:
    """The month and day of each row of an action."""
    return [on for on, _ in rows(played, action)]


def decided(played: Played, kind: type[Event]) -> list[Any]:
    """The decisions of a kind, over all cases."""
    return [event for story in played.stories for event in story if isinstance(event, kind)]


def last_case(played: Played) -> Case:
    """The last case as it stands."""
    assert played.last is not None, "no case opened"
    return played.last


def _rows(played: Played) -> Sequence[Row]:
    return list(played.rows())


__all__ = [
    "ALL_PHONES",
    "DUE",
    "called",
    "dates",
    "day",
    "decided",
    "fact",
    "last_case",
    "play",
    "reasons",
    "rows",
    "stages",
]
