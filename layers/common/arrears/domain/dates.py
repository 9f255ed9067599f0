"""Business dates: calendar months as policy rule 2 counts them, and dates at the account's place."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@lru_cache(maxsize=4096)
def add_months(start: date, months: int) -> date:
    """Return the same day `months` calendar months later; the last day where a month is shorter (rule 2).

    31 January plus one month is the last day of February.
    """
    month_index = start.month - 1 + months
    year, month = start.year + month_index // 12, month_index % 12 + 1
    return date(year, month, min(start.day, monthrange(year, month)[1]))


@lru_cache(maxsize=4096)
def monthly_date(year: int, month: int, day: int) -> date:
    """Return the day of that month, or the last day of a shorter month (rule 7)."""
    return date(year, month, min(day, monthrange(year, month)[1]))


@lru_cache(maxsize=4096)
def next_monthly_date(after: date, day: int) -> date:
    """Return the first date later than `after` that is day `day` of its month (rule 7)."""
    this_month = monthly_date(after.year, after.month, day)
    if this_month > after:
        return this_month
    year, month = (after.year + 1, 1) if after.month == 12 else (after.year, after.month + 1)  # noqa: PLR2004 - December
    return monthly_date(year, month, day)


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """Return the IANA time zone; raises `zoneinfo.ZoneInfoNotFoundError` or `ValueError` for a name that is none."""
    return ZoneInfo(name)


def local_date(at: datetime | date, timezone: str) -> date:
    """Return the date of an instant at the account's place.

    A plain date, or a time without an offset, is already meant at the account's place.
    """
    if not isinstance(at, datetime):
        return at
    return at.astimezone(zone(timezone)).date() if at.tzinfo else at.date()


def local_time(at: datetime | date, timezone: str) -> time | None:
    """Return the time of day of an instant at the account's place; None for a plain date."""
    if not isinstance(at, datetime):
        return None
    return (at.astimezone(zone(timezone)) if at.tzinfo else at).time()
