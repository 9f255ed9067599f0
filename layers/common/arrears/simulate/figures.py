"""What a timeline adds up to, and where two of them differ for the same account."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

#: What is done for a case and compared between policies, in the order of the ladder.
TREATMENTS = ("send_sms", "queue_call", "queue_letter", "freeze_account", "place_with_agency", "file_legal")
#: Where a case is before it has entered a stage, and where it ends.
OPENED, PAID, STILL_OPEN = "opened", "paid", "still open"

#: By treatment: the day (proleptic ordinal) on which it was done first, and how often; (0, 0) for never.
Treated = tuple[tuple[int, int], ...]
_NEVER = (0, 0)


@dataclass(slots=True)
class Figures:
    """Counts over the rows of a timeline, taken while they are written.

    Attributes:
        opened: cases that opened.
        flow: how many cases went from one place to the next; a place is `OPENED`, a stage, `PAID` or `STILL_OPEN`.
        actions: how often each action was done.
        daily: by action, how often on each date (as in the timeline, YYYY-MM-DD).
        days_to_stage: by stage, how many cases entered it how many days after they opened.
        accounts: by account, what was done for it in all its cases.
    """

    opened: int = 0
    flow: Counter[tuple[str, str]] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    daily: dict[str, Counter[str]] = field(default_factory=dict)
    days_to_stage: dict[str, Counter[int]] = field(default_factory=dict)
    accounts: dict[str, Treated] = field(default_factory=dict)
    _cases: dict[str, tuple[int, str]] = field(default_factory=dict)

    def see(self, row: tuple[str, ...]) -> None:
        """Count a row. Those of a case must come in their order."""
        on, account_id, case_id, stage, action, _ = row
        day = date.fromisoformat(on).toordinal()
        if action == "case_opened":
            self.opened += 1
            self._cases[case_id] = day, OPENED
            self.accounts.setdefault(account_id, (_NEVER,) * len(TREATMENTS))
        elif action == "stage_entered":
            since, before = self._cases[case_id]
            self.flow[before, stage] += 1
            self.days_to_stage.setdefault(stage, Counter())[day - since] += 1
            self._cases[case_id] = since, stage
        elif action == "case_closed":
            self.flow[self._cases.pop(case_id)[1], PAID] += 1
        else:
            self.actions[action] += 1
            self.daily.setdefault(action, Counter())[on] += 1
            if action in TREATMENTS:
                self._treat(account_id, TREATMENTS.index(action), day)

    def _treat(self, account_id: str, at: int, day: int) -> None:
        treated = list(self.accounts[account_id])
        first, times = treated[at]
        treated[at] = first or day, times + 1
        self.accounts[account_id] = tuple(treated)

    def end(self) -> None:
        """Count the cases that are open when the last row has been seen."""
        for _, place in self._cases.values():
            self.flow[place, STILL_OPEN] += 1
        self._cases.clear()

    def through(self, place: str) -> int:
        """Return how many cases were in a stage at some time, or ended in one of the two ways."""
        return sum(count for (_, to), count in self.flow.items() if to == place)


def quantile(days: Counter[int], share: float) -> int:
    """Return the least number of days within which so large a share of the cases lies (0 for no case).

    Args:
        days: how many cases took how many days.
        share: 0.5 is the median.
    """
    left = days.total() * share
    for day, count in sorted(days.items()):
        left -= count
        if left <= 0:
            return day
    return 0


#: How the second policy treats an account compared with the first, for one action.
KINDS = (
    *("only under the first", "only under the second", "earlier", "later"),
    *("same day, more often", "same day, less often"),
)


@dataclass(slots=True)
class Difference:
    """Who is treated differently under a second policy than under a first.

    Attributes:
        accounts: accounts with a case under either.
        differ: those among them for whom anything of `TREATMENTS` is done on another first day, or not as often.
        kinds: by action and kind (see `KINDS`), the accounts in their order; an account counts once for each action.
    """

    accounts: int = 0
    differ: int = 0
    kinds: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @classmethod
    def between(cls, first: Figures, second: Figures) -> "Difference":
        """Compare what is done for every account."""
        found = cls()
        nothing: Treated = (_NEVER,) * len(TREATMENTS)
        for account_id in sorted({*first.accounts, *second.accounts}):
            found.accounts += 1
            one, other = first.accounts.get(account_id, nothing), second.accounts.get(account_id, nothing)
            if one == other:
                continue
            found.differ += 1
            for action, before, after in zip(TREATMENTS, one, other, strict=True):
                if before != after:
                    found.kinds.setdefault((action, _kind(before, after)), []).append(account_id)
        return found

    def sample(self, most: int) -> list[str]:
        """Return a few accounts to look at: from each kind of difference in turn, none twice, in the order of ids."""
        chosen: dict[str, None] = {}
        queues = [iter(_spread(accounts, most)) for _, accounts in sorted(self.kinds.items())]
        while queues and len(chosen) < most:
            for queue in list(queues):
                account_id = next((each for each in queue if each not in chosen), None)
                if account_id is None:
                    queues.remove(queue)
                elif len(chosen) < most:
                    chosen[account_id] = None
        return sorted(chosen)


def _spread(accounts: list[str], most: int) -> Iterator[str]:
    """Yield at most so many of the accounts, taken evenly from all of them."""
    step = max(1, len(accounts) // most)
    yield from accounts[::step]


def _kind(before: tuple[int, int], after: tuple[int, int]) -> str:
    (first, times), (second, again) = before, after
    if not again:
        return KINDS[0]
    if not times:
        return KINDS[1]
    if first != second:
        return KINDS[2] if second < first else KINDS[3]
    return KINDS[4] if again > times else KINDS[5]
