"""What is known of a case and its account on a date, as the effects put it into messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from arrears.adapters.table import AccountRecord
from arrears.domain.case import Case
from arrears.domain.events import ActionPlanned
from arrears.domain.facts import Extract
from arrears.domain.money import Money
from arrears.errors import PermanentDocumentError, TransientConflictError
from arrears.files.records import Profile
from arrears.usecases.carry_out import Work

#: What is written in where the extract names no language.
_LANGUAGES: Final[Mapping[str, str]] = {"CN": "zh-CN", "SG": "zh-CN", "TW": "zh-TW", "HK": "zh-TW", "MO": "zh-TW"}


@dataclass(frozen=True, slots=True)
class Known:
    """A case on the date for which something is written.

    Attributes:
        on: the date at the cardholder's place.
        extract: the bank's report in force on it.
        arrears: what remains of it on that date.
        days_past_due: counted from the oldest unpaid due date.
        profile: who the cardholder is; empty where the bank has not said.
    """

    case: Case
    on: date
    extract: Extract
    oldest_due: date
    arrears: Money
    days_past_due: int
    profile: Profile

    @property
    def language(self) -> str:
        """The language to write in: the extract's, else the usual one of the country, else English."""
        return self.extract.language or language_of(self.extract.country)


def language_of(country: str | None) -> str:
    """Return the language that a country's banks, agencies and courts write in; English where none is known here."""
    return _LANGUAGES.get(country or "", "en")


def written(money: Money) -> str:
    """Return an amount as files and messages have it: plain digits with a point, never an exponent."""
    return f"{money.amount:f}"


def known(case: Case, account: AccountRecord, on: date) -> Known:
    """Return what is known of a case on a date.

    Raises:
        PermanentDocumentError: nothing is past due by then, so there is nothing to write about.
    """
    extract = case.account.extract(on)
    if extract is None or extract.oldest_due is None:
        raise PermanentDocumentError(f"{case.case_id}: nothing is past due on {on}")
    days = (on - extract.oldest_due).days
    return Known(case, on, extract, extract.oldest_due, case.arrears(on), days, account.profile_on(on) or Profile())


def known_for(work: Work) -> Known:
    """Return what is known for an action on the date on which it was planned (see `plan_of`).

    Where a newer extract has come in since and the one of that date is not kept any more: on the date of today.
    """
    case, planned_on = work.record.case, plan_of(work).on
    return known(case, work.account, planned_on if case.account.extract(planned_on) is not None else work.now.on)


def plan_of(work: Work) -> ActionPlanned:
    """Return the plan of an action, which was recorded before it is carried out.

    What is made for an action is made for the date of its plan: a function that died is run again later, perhaps on
    another date, and must make the same thing.

    Raises:
        TransientConflictError: the plan is gone: another invocation has brought the action to its end meanwhile.
    """
    pending = work.record.case.pending
    if pending is None or pending.action_id != work.act.action_id:
        raise TransientConflictError(f"{work.act.action_id}: its plan is gone")
    return pending
