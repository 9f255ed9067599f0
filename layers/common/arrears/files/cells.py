"""Checks of single cells: each returns the value or raises `RowError` with the name of the field.

Written by hand and with caches, because every row of every file goes through here.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from arrears.files.currencies import CURRENCIES
from arrears.files.errors import RowError

Row = Mapping[str, str | None]

#: The longest a cell may be, in characters; free notes may be longer.
MAX_CELL = 256
MAX_NOTE = 10_000
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#+=@-]{0,127}", re.ASCII)
#: At most 15 digits before the point and 4 after it: what a currency has, and what a table's number holds exactly.
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_AMOUNT = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,4})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
#: Names that a system's zone folder holds beside the IANA names.
_NO_ZONES = ("posix/", "right/", "localtime", "posixrules", "Factory")
#: Characters that cannot be seen and say how others are written (Unicode's category Cf): direction, tags, marks. Not
#: the two joiners, which Persian and Indian names need.
_FORMATS = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001-\U000e007f"
)
#: Control and format characters, line and paragraph separators, lone surrogates.
CONTROLS = f"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_FORMATS}"
_CONTROL = re.compile(f"[{CONTROLS}]")
#: A note may have lines; a return to the beginning of one, without a new one, would write over it on a terminal.
_CONTROL_IN_NOTE = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff{_FORMATS}]|\r(?!\n)")
_CARD_NUMBER_DIGITS = range(13, 20)
#: So many digits, grouped or not.
_DIGITS = re.compile(r"[0-9](?:[_-]?[0-9]){12,}", re.ASCII)
#: How the numbers of payment cards begin, and how long they are (ISO/IEC 7812-1): Visa, Mastercard, American Express,
#: Diners, JCB, Discover, Maestro, UnionPay.
_PAYMENT_CARD = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|35[0-9]{14}|6[02-7][0-9]{14,17}",
    re.ASCII,
)
_YEARS = range(1900, 2200)


def passes_luhn(digits: str) -> bool:
    """Say whether digits end in the check digit that card numbers have (ISO/IEC 7812-1, annex B)."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of a two-digit number's digits
    return total % 10 == 0


def check_clean(row: Row, columns: tuple[str, ...]) -> None:
    """Refuse control characters, what is no UTF-8, and cells that are too long; `note` may hold line breaks."""
    for field in columns:
        value = row.get(field)
        if not value:
            continue
        if len(value) > (MAX_NOTE if field == "note" else MAX_CELL):
            raise RowError(field, f"is longer than {MAX_NOTE if field == 'note' else MAX_CELL} characters")
        if not value.isprintable() and (found := (_CONTROL_IN_NOTE if field == "note" else _CONTROL).search(value)):
            if "\ud800" <= found[0] <= "\udfff":
                raise RowError(field, "is not valid UTF-8")
            raise RowError(field, f"holds the control character U+{ord(found[0]):04X}")


def text(row: Row, field: str) -> str | None:
    """Return a free text, without blanks around it; None for an empty cell, which is "not known"."""
    value = row.get(field)
    return (value.strip() or None) if value else None


def required(row: Row, field: str) -> str:
    """Return a cell that must not be empty."""
    value = row.get(field)
    if not value:
        raise RowError(field, "is missing")
    return value


def account_id(row: Row) -> str:
    """Return the bank's reference of the account; it shows in logs, so a card number is refused."""
    value = row.get("account_id")
    if not value:
        raise RowError("account_id", "is missing")
    if _ACCOUNT_ID.fullmatch(value) is None:
        raise RowError("account_id", "is not 1 to 32 of A-Z a-z 0-9 - _")
    if len(value) >= _CARD_NUMBER_DIGITS.start:
        if is_card_number(value):
            raise RowError("account_id", "is a card number")
        if holds_card_number(value):
            raise RowError("account_id", "holds a card number")
    return value


def is_card_number(value: str) -> bool:
    """Say whether a text, grouped or not, is 13 to 19 digits that pass the Luhn check."""
    digits = value.replace("-", "").replace("_", "")
    return digits.isdecimal() and len(digits) in _CARD_NUMBER_DIGITS and passes_luhn(digits)


def holds_card_number(value: str) -> bool:
    """Say whether a reference has the number of a payment card in it, with something before or after it."""
    for run in _DIGITS.findall(value):
        for digits in {run.replace("-", "").replace("_", ""), *re.split("[_-]", run)}:
            if _PAYMENT_CARD.fullmatch(digits) and passes_luhn(digits):
                return True
    return False


def identifier(row: Row, field: str) -> str:
    """Return an id that another system gave: at most 128 characters that are safe in a key."""
    value = required(row, field)
    if _ID.fullmatch(value) is None:
        raise RowError(field, "is not 1 to 128 letters, digits and . _ : / # + = @ -")
    return value


@lru_cache(maxsize=4096)
def iso_date(value: str) -> date | None:
    """Return a date written as 2005-06-18; None for anything else."""
    if _DATE.fullmatch(value) is None:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if day.year in _YEARS else None


def optional_date(row: Row, field: str) -> date | None:
    """Return an ISO 8601 date, or None for an empty cell."""
    value = row.get(field)
    if not value:
        return None
    day = iso_date(value)
    if day is None:
        raise RowError(field, "is no date such as 2005-06-18")
    return day


def required_date(row: Row, field: str) -> date:
    """Return an ISO 8601 date."""
    day = optional_date(row, field)
    if day is None:
        raise RowError(field, "is missing")
    return day


def instant(row: Row, field: str, *, offset: bool = False) -> datetime | date:
    """Return a date, or a date with a time.

    Args:
        row: the row.
        field: the column.
        offset: whether it must be a time with its UTC offset. Without one, a time is meant at the account's place.
    """
    value = required(row, field)
    if not offset and (day := iso_date(value)) is not None:
        return day
    if _TIME.fullmatch(value) is not None:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and at.year in _YEARS:
            if offset and at.tzinfo is None:
                raise RowError(field, "has no UTC offset such as +08:00")
            return at
    if offset:
        raise RowError(field, "is no time with a UTC offset such as 2005-06-18T09:30:00+08:00")
    raise RowError(field, "is no date or time such as 2005-06-18 or 2005-06-18T09:30:00+08:00")


def instant_time(row: Row, field: str, *, offset: bool = False) -> datetime:
    """Return a date with a time, like `instant`; a plain date is its midnight."""
    at = instant(row, field, offset=offset)
    return at if isinstance(at, datetime) else datetime.combine(at, time.min)


def optional_amount(row: Row, field: str, *, negative: bool = False) -> Decimal | None:
    """Return an exact decimal, or None for an empty cell. Exponents, separators and what is no number are refused."""
    value = row.get(field)
    if not value:
        return None
    if _AMOUNT.fullmatch(value) is None:
        raise RowError(field, "is no amount such as 1234.50 (at most 15 digits and 4 decimals)")
    amount = Decimal(value)
    if not negative and amount < 0:
        raise RowError(field, "is below zero")
    return amount


def required_amount(row: Row, field: str) -> Decimal:
    """Return an exact decimal, zero or more."""
    amount = optional_amount(row, field)
    if amount is None:
        raise RowError(field, "is missing")
    return amount


def whole_number(row: Row, field: str, least: int, most: int) -> int:
    """Return a whole number between two, both included."""
    value = required(row, field)
    if _WHOLE.fullmatch(value) is None or not least <= int(value) <= most:
        raise RowError(field, f"is no whole number from {least} to {most}")
    return int(value)


def currency(row: Row, field: str = "currency") -> str:
    """Return an ISO 4217 code of money in circulation."""
    value = required(row, field)
    if value not in CURRENCIES:
        raise RowError(field, "is no ISO 4217 currency code")
    return value


@lru_cache(maxsize=1024)
def is_timezone(name: str) -> bool:
    """Say whether a name is a zone of the IANA database."""
    if _ZONE.fullmatch(name) is None or name.startswith(_NO_ZONES):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def timezone(row: Row, field: str = "timezone") -> str:
    """Return an IANA zone; UTC where it is not known."""
    value = row.get(field)
    if not value:
        return "UTC"
    if not is_timezone(value):
        raise RowError(field, "is no IANA time zone such as Asia/Taipei")
    return value


def one_of(row: Row, field: str, values: frozenset[str]) -> str | None:
    """Return a cell that is one of some words, or None for an empty cell."""
    value = row.get(field)
    if not value:
        return None
    if value not in values:
        raise RowError(field, f"is none of {', '.join(sorted(values))}")
    return value


def some_of(row: Row, field: str, values: frozenset[str]) -> tuple[str, ...]:
    """Return a cell that holds some of some words, with spaces between them; none for an empty cell."""
    found = tuple(dict.fromkeys((row.get(field) or "").split()))
    if not values.issuperset(found):
        raise RowError(field, f"is none of {', '.join(sorted(values))}, or several with spaces between them")
    return found


def required_one_of(row: Row, field: str, values: frozenset[str]) -> str:
    """Return a cell that must be one of some words."""
    value = one_of(row, field, values)
    if value is None:
        raise RowError(field, "is missing")
    return value


def boolean(row: Row, field: str) -> bool:
    """Return true or false, in any case of letters; false where it is not known."""
    value = row.get(field)
    if not value or value == "false":
        return False
    lowered = value.lower()
    if lowered not in {"true", "false"}:
        raise RowError(field, "is neither true nor false")
    return lowered == "true"


def matching(row: Row, field: str, pattern: re.Pattern[str], what: str) -> str | None:
    """Return a text that matches a pattern, or None for an empty cell."""
    value = row.get(field)
    if not value:
        return None
    if pattern.fullmatch(value) is None:
        raise RowError(field, f"is no {what}")
    return value
