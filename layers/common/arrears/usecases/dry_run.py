"""Dry run: what a policy would do for the open cases on the next dates, and the one in force would not.

Nothing is written and nobody contacted: both policies are played ahead, purely, on the cases as they are stored.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.domain.ahead import play_ahead
from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY
from arrears.domain.events import ActionPlanned, CaseClosed, StageEntered
from arrears.domain.policy import Policy
from arrears.domain.policy_parts import COLLECTIONS
from arrears.usecases.open_cases import OpenCases

#: How the next dates of a case differ. A contact is a text, a call or a letter.
Change = Literal[
    "contacted and would not have been",
    "no longer contacted",
    "contacted in another way or on another date",
    "not contacted differently, but another stage or step",
]
CHANGES: tuple[Change, ...] = get_args(Change)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that would be done.

    Attributes:
        what: an action, or `stage <name>` for a stage that is entered, or `close`.
        reason: in terms of the policy.
    """

    on: date
    what: str
    template: str
    stage: str
    reason: str = field(compare=False)
    is_contact: bool = False

    def __str__(self) -> str:
        """Return it as it is listed."""
        named = f"{self.what} {self.template}" if self.template else self.what
        return f"{self.on} {named}" + (f" ({self.stage})" if self.stage else "")


@dataclass(frozen=True, slots=True)
class Different:
    """A case that is treated differently."""

    case_id: str
    account_id: str
    change: Change
    before: tuple[Step, ...]
    after: tuple[Step, ...]

    def row(self) -> dict[str, str]:
        """Return it as a row of the list."""
        reasons = "; ".join(step.reason for step in self.after if step not in self.before)
        return {
            "account_id": self.account_id,
            "case_id": self.case_id,
            "change": self.change,
            "before": "; ".join(map(str, self.before)),
            "after": "; ".join(map(str, self.after)),
            "reason": reasons,
        }


#: The columns of the list.
COLUMNS = ("account_id", "case_id", "change", "before", "after", "reason")


@dataclass
class DryRun:
    """Compares a policy with the one in force, over the open cases of a stack.

    Attributes:
        policy: that is tried.
        last: the last date looked at; None for tomorrow alone, at each account's place.
        cases: how many open cases were looked at so far.
        counts: how many of them differ in what way.
    """

    table: Table
    settings: Settings
    policy: Policy
    last: date | None = None
    cases: int = 0
    counts: Counter[Change] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Different]:
        """Yield the cases that are treated differently, page by page through the index."""
        clock, policies = self.settings.clock(), self.settings.policies()
        for case in OpenCases(self.table, self.settings):
            first = clock.now(case.account.timezone).on + ONE_DAY
            last = max(first, self.last or first)
            self.cases += 1
            found = compared(case, policies.for_case(case, first).policy, self.policy, first, last)
            if found is not None:
                self.counts[found.change] += 1
                yield found


def compared(case: Case, before: Policy, after: Policy, first: date, last: date) -> Different | None:
    """Return how a case is treated differently from a date through another, if nothing new comes in; None for no way.

    Args:
        case: as it stands.
        before: the policy in force.
        after: the one that is tried.
        first: the first date.
        last: the last one.
    """
    one, other = (tuple(_steps(case, policy, first, last)) for policy in (before, after))
    if one == other:
        return None
    contacts, others = ([step for step in steps if step.is_contact] for steps in (one, other))
    if contacts == others:
        change = CHANGES[3]
    elif not contacts:
        change = CHANGES[0]
    else:
        change = CHANGES[2] if others else CHANGES[1]
    return Different(case.case_id, case.account_id, change, one, other)


def _steps(case: Case, policy: Policy, first: date, last: date) -> Iterator[Step]:
    for on, event in play_ahead(case, policy, first, last):
        match event:
            case StageEntered(stage=stage, reason=reason):
                yield Step(on, f"stage {stage}", "", "", reason)
            case ActionPlanned():
                is_contact = event.action in COLLECTIONS
                yield Step(on, event.action, event.template or "", event.stage or "", event.reason, is_contact)
            case CaseClosed(reason=reason):
                yield Step(on, "close", "", "", reason)
            case _:
                pass
