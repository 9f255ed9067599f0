"""The variables that a template may use: what each is, how it is written, and how long it can plausibly get."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from arrears.documents.clean import clean, clean_name, in_script_of
from arrears.documents.written import write_amount, write_count, write_date
from arrears.domain.money import Money

Kind = Literal["text", "name", "bilingual", "money", "date", "count"]
Value = str | int | date | Money
Channel = Literal["sms", "letter"]


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable.

    Attributes:
        meaning: for the person who writes templates.
        kind: how a value is checked and written.
        private: whether it is not for others: a text for a shared phone must not use it.
        channels: where it may be used.
        longest: the longest plausible text in Latin and in Chinese script, for the count of segments.
    """

    meaning: str
    kind: Kind
    private: bool = False
    channels: frozenset[Channel] = frozenset({"sms", "letter"})
    longest: tuple[str, str] = ("", "")


_LETTER: frozenset[Channel] = frozenset({"letter"})
#: What is longer than these is cut, whatever it is.
_LONGEST_NAME = 90
_LONGEST_TEXT = 300
_LATIN_NAME = "Maximiliane-Alexandra von Hohenstein-Walde"
_CHINESE_NAME = "欧阳阿依古丽·买买提明·吐尔逊江"

VARIABLES: Mapping[str, Variable] = {
    "bank": Variable(
        "who writes: the bank's name; given in two scripts, the one of the language is used",
        "bilingual",
        longest=("Sample Commercial Bank Card Centre", "示例商业银行股份有限公司信用卡中心"),
    ),
    "cardholder_name": Variable("the cardholder", "name", longest=(_LATIN_NAME, _CHINESE_NAME)),
    "card_last4": Variable("the last four digits of the card", "text", private=True, longest=("0000", "0000")),
    "account_id": Variable("the bank's reference of the account", "text", private=True, longest=("W" * 32, "W" * 32)),
    "amount_overdue": Variable("the arrears on the day of writing", "money", private=True),
    "balance": Variable("the whole balance of the account", "money", private=True),
    "minimum_due": Variable("the minimum payment last asked for", "money", private=True),
    "as_of": Variable("the date that the arrears are stated for", "date", private=True),
    "oldest_due_date": Variable("the oldest unpaid due date", "date", private=True),
    "days_past_due": Variable("days since the oldest unpaid due date", "count", private=True),
    "pay_by": Variable("the last day for payment", "date", private=True),
    "how_to_pay": Variable(
        "where and how to pay",
        "text",
        private=True,
        longest=("the bank's app or account 000-0000-0000-0000-000", "手机银行或存入还款账号0000-0000-0000-0000"),
    ),
    "phone": Variable("whom to ask: the number", "text", longest=("+86 400 0000 0000 00", "+86 400 0000 0000 00")),
    "hours": Variable("when somebody answers", "text", longest=("Mon-Fri 08-20:00", "周一至周五8:00-20:00")),
    "promise_amount": Variable("the amount promised", "money", private=True),
    "promise_date": Variable("the date promised for", "date", private=True),
    "instalment_amount": Variable("the next instalment of the plan", "money", private=True),
    "instalment_date": Variable("when it is due", "date", private=True),
    "website": Variable("the bank's website", "text", channels=_LETTER),
    "email": Variable("the bank's e-mail address", "text", channels=_LETTER),
    "case_id": Variable("the case", "text", channels=_LETTER),
    "letter_id": Variable("the letter", "text", channels=_LETTER),
    "letter_date": Variable("the date of the letter", "date", channels=_LETTER),
    "objection_by": Variable("the last day for an objection", "date", channels=_LETTER),
    "objection_address": Variable("where objections and evidence go", "text", channels=_LETTER),
    "account_status": Variable("the account's status, in words", "text", channels=_LETTER),
    "repaid_total": Variable("what was repaid so far, in all", "money", channels=_LETTER),
    "law_firm": Variable("the law firm", "bilingual", channels=_LETTER),
    "lawyer": Variable("the lawyer who signs", "bilingual", channels=_LETTER),
    "mandate": Variable("the reference of the law firm's power of attorney", "text", channels=_LETTER),
    "mandate_date": Variable("the date of the power of attorney", "date", channels=_LETTER),
}

#: A debt that a card can plausibly reach, in currencies whose names are among the longest.
_LARGEST = Decimal("99999999.99")
_CURRENCIES = ("CNY", "TWD", "HKD", "USD")
_LONGEST_DAYS = tuple(date(2028, month, 28) for month in range(1, 13))


def write_value(name: str, value: Value, language: str, length: Literal["medium", "long"]) -> str:
    """Write a value as the language writes it, harmless whatever it holds.

    Raises:
        TypeError: for a value that is not of the variable's kind.
    """
    variable = VARIABLES[name]
    if variable.kind == "money" and isinstance(value, Money):
        return write_amount(value, language)
    if variable.kind == "date" and isinstance(value, date):
        return write_date(value, language, length)
    if variable.kind == "count" and isinstance(value, int):
        return write_count(value, language)
    if variable.kind == "name" and isinstance(value, str):
        return clean_name(value, limit=_LONGEST_NAME)
    if variable.kind == "text" and isinstance(value, str):
        return clean(value, limit=_LONGEST_TEXT)
    if variable.kind == "bilingual" and isinstance(value, str):
        return in_script_of(clean(value, limit=_LONGEST_TEXT), language)
    raise TypeError(f"{name} is of kind {variable.kind}, not {type(value).__name__}")


@lru_cache(maxsize=1024)
def longest_values(name: str, language: str) -> tuple[str, ...]:
    """Return the longest plausible writings of a variable in a language; a name is tried in both scripts."""
    variable = VARIABLES[name]
    length: Callable[[str], int] = len
    if variable.kind == "money":
        return (max((write_amount(Money(_LARGEST, each), language) for each in _CURRENCIES), key=length),)
    if variable.kind == "date":
        return (max((write_date(each, language, "medium") for each in _LONGEST_DAYS), key=length),)
    if variable.kind == "count":
        return (write_count(9999, language),)
    latin, chinese = variable.longest
    if variable.kind == "name":
        return latin, chinese
    return (chinese if language.startswith("zh") else latin,)


def reference() -> str:
    """Return the table of all variables, for the documentation."""
    lines = ["| variable | what it is | in | on a shared phone |", "|---|---|---|---|"]
    for name, variable in VARIABLES.items():
        where = "texts and letters" if "sms" in variable.channels else "letters"
        shared = "-" if "sms" not in variable.channels else "no" if variable.private else "yes"
        lines.append(f"| `{name}` | {variable.meaning} | {where} | {shared} |")
    return "\n".join(lines) + "\n"
