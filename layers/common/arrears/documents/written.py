"""Amounts and dates as a language writes them (CLDR, through babel)."""

from datetime import date
from functools import lru_cache
from typing import Literal

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_name

from arrears.domain.money import Money

#: In Chinese the name stands before the amount and the unit behind it: 人民币1,234.00元.
_NAMED_UNIT = frozenset({"CNY", "TWD"})
_CHINESE_TRADITIONAL = frozenset({"TW", "HK", "MO", "HANT"})
_PLAIN_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})


@lru_cache(maxsize=64)
def locale_of(language: str) -> Locale:
    """Return the CLDR locale of a language tag such as `zh-TW`; English when the tag is of no known language."""
    parts = language.replace("_", "-").split("-")
    if parts[0].lower() == "zh":
        hant = any(part.upper() in _CHINESE_TRADITIONAL for part in parts[1:])
        return Locale.parse("zh_Hant_TW" if hant else "zh_Hans_CN")
    try:
        return Locale.parse("-".join(parts), sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def write_date(day: date, language: str, length: Literal["short", "medium", "long"] = "long") -> str:
    """Write a date: `June 18, 2005`, `2005年6月18日`."""
    return format_date(day, format=length, locale=locale_of(language)).translate(_PLAIN_SPACES)


def write_amount(money: Money, language: str) -> str:
    """Write an amount so that its currency is clear to everybody: `TWD 1,234.00`, `新台幣1,234.00元`."""
    locale = locale_of(language)
    if locale.language == "zh":
        number = write_number(money, language)
        name = get_currency_name(money.currency, locale=locale)
        if money.currency in _NAMED_UNIT:
            return f"{name}{number}元" if not number.startswith("-") else f"-{name}{number[1:]}元"
        return f"{number}{name}"
    written = format_currency(money.amount, money.currency, format="¤¤ #,##0.00", locale=locale)
    return written.translate(_PLAIN_SPACES)


def write_number(money: Money, language: str) -> str:
    """Write an amount without its currency, with the digits that the currency has: for a column that names it."""
    locale = locale_of(language)
    number = format_currency(money.amount, money.currency, format="#,##0.00", locale=locale)
    return number.translate(_PLAIN_SPACES).strip()


def write_count(number: int, language: str) -> str:
    """Write a whole number."""
    return format_decimal(number, locale=locale_of(language)).translate(_PLAIN_SPACES)


def currency_name(currency: str, language: str) -> str:
    """Name a currency: `New Taiwan Dollar`, `新台幣`; its code when it has no name."""
    return get_currency_name(currency, locale=locale_of(language))


def language_name(tag: str, language: str) -> str:
    """Name a language in another one; its tag when it has no name."""
    return locale_of(tag).get_display_name(locale_of(language)) or tag


def colon_of(language: str) -> str:
    """Return what stands between a label and its value."""
    return "：" if locale_of(language).language == "zh" else ": "
