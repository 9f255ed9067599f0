"""Roll rates: how a portfolio went from one bucket of days past due to the next, as it really was."""

from bisect import bisect_right
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from arrears.simulate.facts import Kept, past_due

#: The buckets, by days past due: the names, and the days from which each but the first begins.
BUCKETS = ("current", "1-29", "30-59", "60-89", "90+")
_FROM = (1, 30, 60, 90)
#: Year and month.
Month = tuple[int, int]


@dataclass(slots=True)
class Rolls:
    """Counts of accounts that went from one bucket at the end of a month to another at the end of the next.

    An account stands, at the end of a month, as the latest extract up to that day says, and ages as last reported. The
    months end with that of the account's own last extract: what comes after it is not known.

    Attributes:
        counts: by the month that the account went into, the bucket before and the bucket after.
    """

    counts: Counter[tuple[Month, int, int]] = field(default_factory=Counter)

    @classmethod
    def of(cls, accounts: Iterable[list[Kept]]) -> "Rolls":
        """Count the months of all accounts."""
        rolls = cls()
        for rows in accounts:
            rolls.add(past_due(rows))
        return rolls

    def add(self, extracts: list[tuple[date, date | None]]) -> None:
        """Count one account: its extracts by date, each with the oldest due date while something is past due."""
        before: int | None = None
        for month, bucket in _months(extracts):
            if before is not None:
                self.counts[month, before, bucket] += 1
            before = bucket

    def matrix(self) -> list[list[int]]:
        """Return how many accounts went from each bucket (rows) to each (columns), over all months."""
        table = [[0] * len(BUCKETS) for _ in BUCKETS]
        for (_, before, after), count in self.counts.items():
            table[before][after] += count
        return table

    def by_month(self) -> list[tuple[Month, list[tuple[int, int]]]]:
        """Return for each month and each bucket before: how many accounts were in it, how many got worse.

        In the last bucket nothing is worse: there it is how many stayed.
        """
        months: dict[Month, list[tuple[int, int]]] = {}
        for (month, before, after), count in sorted(self.counts.items()):
            row = months.setdefault(month, [(0, 0)] * len(BUCKETS))
            accounts, worse = row[before]
            is_worse = after > before or before == after == len(BUCKETS) - 1
            row[before] = accounts + count, worse + count * is_worse
        return list(months.items())


def _months(extracts: list[tuple[date, date | None]]) -> Iterator[tuple[Month, int]]:
    if not extracts:
        return
    dates = [as_of for as_of, _ in extracts]
    year, month = dates[0].year, dates[0].month
    while (year, month) <= (dates[-1].year, dates[-1].month):
        end = date(year, month, monthrange(year, month)[1])
        oldest = extracts[bisect_right(dates, end) - 1][1]
        days = 0 if oldest is None else (end - oldest).days
        yield (year, month), bisect_right(_FROM, days)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - December
