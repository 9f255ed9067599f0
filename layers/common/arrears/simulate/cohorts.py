"""Accounts that go the same way: what was decided for one of them is told for the others.

Whole statement cycles fall behind on the same few dates, so that most of what is decided has been decided before, for
another account and for the same reasons. Here `decide` is given an account of which nothing can be seen without asking:
every field of the extract that it reads, and every amount that it compares the arrears with, is a question, which is
answered for the account that is being played. Another account that comes to the same place on the same date and gives
the same answers goes on in the same way, since nothing else was looked at.

So nobody keeps a list of what matters: a rule that looks at something more asks one question more. What is no question
raises, and the account is played by itself: sums with the arrears, arrears of an earlier date, single payments. Where a
reason names the arrears there is a mark, and each account has its own amount there; its name is not known at all.

By themselves are played, from the start: accounts of which more is known than extracts and payments (`_Member`), all
accounts where the day's allocation looks at the cases of a date together, and those of a roll-out of a second policy.
"""

import gc
import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, cast

from arrears.domain.case import Case
from arrears.domain.facts import ZERO, Account, Extract, Payment, Phone
from arrears.domain.money import Money
from arrears.domain.timeline import Row, timeline
from arrears.domain.value import changed, value
from arrears.simulate.player import AccountPlay, DatedFact, Fact, Played, Player, in_order

#: So many steps are remembered (a kilobyte each); what is new beyond them is played for one account and forgotten.
MOST_STEPS = 32_000
#: Is in no text that comes from a file.
_MARK = "\x00"
_NAME = f"{_MARK}account"


class _ByItselfError(Exception):
    """Something is known, or was asked, that only the account itself can tell."""


#: What shows in the middle of a decision that something was asked for which there is no question.
_NO_QUESTION = (_ByItselfError, TypeError, AttributeError)


@dataclass(slots=True)
class Told:
    """What happened to an account that went the way of others.

    Attributes:
        happened: the rows of the timeline, in the order in which they happened.
        owed: for each row, the arrears on its date.
        last: the case that is open at the end, without name and amounts; None for none.
        arrears: on the last date; None where no extract is known.
    """

    happened: list[Row] = field(default_factory=list)
    owed: list[Money] = field(default_factory=list)
    last: Case | None = None
    arrears: Money | None = None

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the timeline, in the order in which they happened."""
        return iter(self.happened)


# --- the account that is played, and what is asked of it -------------------------------------------------------------
class _Member:
    """An account, and what is to be known of it on the date that is played.

    Attributes:
        extract, arrears: those in force; None while no extract is known.
        currency, oldest_due: what every decision asks for.
        reached: the contacts of its closed cases.
    """

    __slots__ = ("_account", "_paid", "arrears", "currency", "extract", "oldest_due", "reached")

    def __init__(self, account_id: str) -> None:
        self._account = Account(account_id)
        self._paid: set[str] = set()
        self.extract: Extract | None = None
        self.arrears: Money | None = None
        self.currency, self.oldest_due = "", cast("date | None", None)
        self.reached = self._account.reached

    def comes_in(self, fact: Fact, on: date) -> None:
        """Take in an extract or a payment.

        Raises:
            _ByItselfError: it is of a later date, which the account would wait for; it tells of another time zone or
                number; or the payment was told before.
        """
        known = self._account
        if isinstance(fact, Extract):
            if fact.as_of > on or fact.renewed or (known.extracts and fact.timezone != known.extracts[-1].timezone):
                raise _ByItselfError
            if not known.extracts or known.extracts[-1].as_of < fact.as_of:
                # All that was known is in it; quicker than to put it beside that first.
                later = tuple(payment for payment in known.payments if payment.paid_on > fact.as_of)
                self._account = Account(known.account_id, (fact,), later)
            else:
                self._account = known.with_extract(fact).pruned(on)
        elif isinstance(fact, Payment):
            if fact.paid_on > on or fact.payment_id in self._paid:
                raise _ByItselfError
            self._paid.add(fact.payment_id)
            self._account = known.with_payment(fact)
        else:
            raise _ByItselfError

    def look(self, on: date) -> None:
        """Find what is in force from a date on, until something else comes in."""
        self.extract, self.arrears = self._account.extract(on), self._account.arrears(on)
        if self.extract is not None and self.arrears is not None:
            self.currency, self.oldest_due = self.arrears.currency, self.extract.oldest_due


_Question = Callable[[_Member], Any]
_Answers = tuple[tuple[_Question, Any], ...]
_FIELDS: dict[str, _Question] = {each.name: attrgetter(f"extract.{each.name}") for each in fields(Extract)}


@cache
def _whether(compare: Callable[[Any, Any], bool], what: str, other: object) -> _Question:
    """Return the question how something compares with something else."""
    found = attrgetter(what)
    return lambda member: compare(found(member), other)


@cache
def _has(what: str) -> _Question:
    found = attrgetter(what)
    return lambda member: bool(found(member))


class _Asked:
    """Answers for one account on one date, and remembers what was asked."""

    __slots__ = ("_member", "answers", "on")

    def __init__(self, member: _Member, on: date) -> None:
        self._member, self.on = member, on
        self.answers: dict[_Question, Any] = {}

    @property
    def mark(self) -> str:
        """Stands in a text for the arrears of the date."""
        return f"{_MARK}{self.on}{_MARK}"

    def ask(self, question: _Question) -> Any:  # noqa: ANN401 - of whatever type the field is
        if question not in self.answers:
            self.answers[question] = question(self._member)
        return self.answers[question]


class _Amount:
    """The arrears: they can be compared with an amount, and named."""

    __slots__ = ("_asked",)

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked

    def _compared(self, compare: Callable[[Any, Any], bool], other: object) -> bool:
        if not isinstance(other, Decimal):
            raise _ByItselfError
        return bool(self._asked.ask(_whether(compare, "arrears.amount", other)))

    def __lt__(self, other: object) -> bool:
        return self._compared(operator.lt, other)

    def __le__(self, other: object) -> bool:
        return self._compared(operator.le, other)

    def __gt__(self, other: object) -> bool:
        return self._compared(operator.gt, other)

    def __ge__(self, other: object) -> bool:
        return self._compared(operator.ge, other)

    def __eq__(self, other: object) -> bool:
        return self._compared(operator.eq, other)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self._asked.ask(_has("arrears.amount")))

    def __repr__(self) -> str:
        return self._asked.mark


class _Several:
    """Values of which it is asked whether there are any, or one; or what they are."""

    __slots__ = ("_asked", "_what")

    def __init__(self, asked: _Asked, what: str) -> None:
        self._asked, self._what = asked, what

    def __contains__(self, one: object) -> bool:
        return bool(self._asked.ask(_whether(operator.contains, self._what, one)))

    def __bool__(self) -> bool:
        return bool(self._asked.ask(_has(self._what)))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._asked.ask(_whether(_itself, self._what, None)))

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise _ByItselfError


def _itself(found: Any, _: object) -> Any:  # noqa: ANN401 - of whatever type the field is
    return found


class _Extract:
    """The extract in force: each field is asked for when it is read, and known from then on."""

    def __init__(self, asked: _Asked, currency: str, oldest_due: date | None) -> None:
        self._asked = asked
        self.past_due, self.oldest_due = Money(cast("Decimal", _Amount(asked)), currency), oldest_due
        self.phones = cast("tuple[Phone, ...]", _Several(asked, "extract.phones"))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of whatever type the field is
        question = _FIELDS.get(name)
        if question is None:
            raise _ByItselfError
        found = self._asked.ask(question)
        setattr(self, name, found)
        return found

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise _ByItselfError


class _Unknown:
    """What nothing can be asked of."""

    def __bool__(self) -> bool:
        raise _ByItselfError


_UNKNOWN = cast("tuple[Any, ...]", _Unknown())


@value
class _Account(Account):
    """An account as `decide` sees it: what is in force on the date that is played, and from then on without news."""

    on: date = date.max
    seen: _Extract | None = None

    def extract(self, on: date) -> Extract | None:
        if on < self.on:
            raise _ByItselfError
        return cast("Extract", self.seen)

    def arrears(self, on: date) -> Money | None:
        if on < self.on or self.seen is None:
            raise _ByItselfError
        return self.seen.past_due

    @property
    def timezone(self) -> str:
        return cast("Extract", self.seen).timezone

    @property
    def most_owed(self) -> Decimal:
        # Only what an agency reports is held against it, and who has such a report is played alone.
        return ZERO

    def fact_dates(self) -> Iterator[date]:
        return iter(())

    def pruned(self, on: date) -> Account:  # noqa: ARG002 - as it is for any account
        return self


_NOBODY = Account(_NAME, _UNKNOWN, _UNKNOWN, reached=_UNKNOWN)


# --- the ways --------------------------------------------------------------------------------------------------------
class _Place:
    """Where accounts come that have gone different ways: the case that is open, without name and amounts."""

    __slots__ = ("case",)

    def __init__(self, case: Case | None) -> None:
        self.case = case


@dataclass(slots=True)
class _Step:
    """What follows on a date for whoever gives the same answers.

    Attributes:
        asked: the questions, and their answers.
        rows: what happens, without account; the reasons are split where they name the arrears.
        reached: the contacts of closed cases from then on; None where they stay as they are.
        place: where the account is then.
        wake: the next date on which something can change without news; None for never.
        other: what follows from other answers.
    """

    asked: _Answers
    rows: tuple[tuple[str, str, str, str, tuple[str, ...]], ...]
    reached: Any
    place: _Place
    wake: date | None
    other: "_Step | None" = None

    def for_(self, member: _Member) -> "_Step | None":
        """Return the step of this and the others that an account's answers lead to."""
        step: _Step | None = self
        while step is not None:
            for question, answer in step.asked:
                if question(member) != answer:
                    break
            else:
                return step
            step = step.other
        return None


@contextmanager
def without_collector() -> Iterator[None]:
    """Play without Python's collector of cycles: values make none, and to look for them takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Cohorts:
    """Plays accounts one at a time, like a player, and together what is the same for many.

    Args:
        player: plays an account that goes its own way.
        most_steps: so many steps are remembered at most; `MOST_STEPS` without it.

    Attributes:
        followed: on how many dates of all accounts something was decided, or told since it had been decided before.
        decided: how often it was decided.
        kept: how many steps are remembered.
    """

    def __init__(self, player: Player, most_steps: int | None = None) -> None:
        self._player = player
        self._shares = player.then is None and not player.policy.agencies
        self._most = MOST_STEPS if most_steps is None else most_steps
        self._start = _Place(None)
        self._places: dict[object, _Place] = {}
        self._ways: dict[object, _Step] = {}
        self._same: dict[_Answers, _Answers] = {}
        self.followed = self.decided = self.kept = 0

    def play(self, account_id: str, facts: Iterable[DatedFact]) -> Played | Told:
        """Play one account. Facts may come in any order, as in `Player.play`, and with the same rows."""
        known = list(facts)
        if self._shares:
            try:
                return self._along(account_id, in_order(known))
            except _NO_QUESTION:
                # Nothing was told yet. What is an error is one there too.
                pass
        return self._player.play(account_id, known)

    def _along(self, account_id: str, facts: list[DatedFact]) -> Told:
        """Take an account along the ways, and make those that are new."""
        member, place, told = _Member(account_id), self._start, Told([])
        count, index, on = len(facts), 0, self._player.first
        while True:
            if index < count and facts[index].on <= on:
                while index < count and facts[index].on <= on:
                    member.comes_in(facts[index].fact, on)
                    index += 1
                member.look(on)
            wake = None
            arrears = member.arrears
            # Without an extract no case opens (rule 1).
            if arrears is not None:
                first = self._ways.get((place, on, member.currency, member.oldest_due))
                step = None if first is None else first.for_(member)
                if step is None:
                    step = self._new(place, member, on)
                self.followed += 1
                for case_id, stage, action, reason, rest in step.rows:
                    why = str(arrears.amount).join((reason, *rest)) if rest else reason
                    told.happened.append(Row(on, account_id, account_id + case_id, stage, action, why))
                    told.owed.append(arrears)
                place, wake = step.place, step.wake
                if step.reached is not None:
                    member.reached = step.reached
            if index < count and (wake is None or facts[index].on < wake):
                wake = facts[index].on
            if wake is None or wake > self._player.last:
                told.last, told.arrears = place.case, arrears
                return told
            if wake <= on:
                raise RuntimeError(f"{account_id}: on {on} the next date is {wake}")
            on = wake

    def _new(self, place: _Place, member: _Member, on: date) -> _Step:
        """Play a date for an account from a place from which nobody went on with the same answers."""
        asked, before = _Asked(member, on), place.case
        seen, reached = _Extract(asked, member.currency, member.oldest_due), cast("Any", _Several(asked, "reached"))
        account = _Account(_NAME, _UNKNOWN, _UNKNOWN, reached=reached, on=on, seen=seen)
        play = AccountPlay(self._player.policy, account, case=before and changed(before, account=account))
        if self._player.approve_after is not None:
            play.assume(self._player.approve_after, set())
        wake = play.play_date(on)
        while play.is_decided(on):
            wake = play.play_date(on)
        wake = play.wakes(wake)
        then, case = play.left()
        rows = [
            (row.case_id.removeprefix(_NAME), row.stage, row.action, *_around(row.reason, asked.mark))
            for story in play.played.stories
            if story
            for row in timeline(story, before)
        ]
        met = None if then.reached is reached else then.reached
        is_kept = self.kept < self._most
        step = _Step(tuple(asked.answers.items()), tuple(rows), met, self._place(case, keep=is_kept), wake)
        self.decided += 1
        if is_kept:
            self.kept += 1
            step.asked = self._same.setdefault(step.asked, step.asked)
            key = place, on, member.currency, member.oldest_due
            step.other = self._ways.get(key)
            self._ways[key] = step
        return step

    def _place(self, case: Case | None, *, keep: bool) -> _Place:
        """Return where an account is with a case: the same place for all with an equal one."""
        if case is None:
            return self._start
        case = changed(case, version=0, account=_NOBODY, payments=_UNKNOWN)
        key = case.case_id, case.stage, tuple(done.on for done in case.done), len(case.approvals)
        known = self._places.get(key)
        if known is not None and known.case == case:
            return known
        place = _Place(case)
        if keep:
            self._places.setdefault(key, place)
        return place


def _around(reason: str, mark: str) -> tuple[str, tuple[str, ...]]:
    """Return a reason's text up to the arrears that it names, and that after each time it does."""
    if _MARK not in reason:
        return reason, ()
    first, *rest = reason.split(mark)
    if any(_MARK in part for part in (first, *rest)):
        # It names the arrears of another date.
        raise _ByItselfError
    return first, tuple(rest)
