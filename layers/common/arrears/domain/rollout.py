"""Which of the published policies counts for a case on a date (docs/decisions/0044).

A publication counts for all cases at once, for all from a date on, or only for cases that open from a date on. For a
case the latest publication that counts for it is in force.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from arrears.domain.decisions import Decision, Wait
from arrears.domain.moment import Moment
from arrears.domain.peaks import spread
from arrears.domain.policy import Policy
from arrears.domain.value import changed, value

Scope = Literal["all", "new_cases"]
#: Cases that wait for the date from which a policy counts are looked at over so long a time of it, not all at once: the
#: first half of the day, so that most are looked at before the usual contact hours begin.
SPREAD = timedelta(hours=12)


@value
class Rollout:
    """A policy that was published, and for which cases it counts.

    Attributes:
        label: name and version of the policy.
        digest: of its document: the same label may have been published with other content.
        scope: all cases, or only those that open from `since` on.
        since: the date at the account's place from which it counts; None for at once.
        at: when it was published, as an instant in ISO 8601; empty where that is not known.
    """

    label: str
    digest: str
    scope: Scope = "all"
    since: date | None = None
    at: str = ""

    def covers(self, opened_on: date, on: date) -> bool:
        """Say whether it counts on a date for a case that opened on another."""
        if self.since is None:
            return True
        return (opened_on if self.scope == "new_cases" else on) >= self.since


def in_force(rollouts: Sequence[Rollout], opened_on: date, on: date) -> Rollout | None:
    """Return the publication that counts for a case on a date; None where none does.

    Args:
        rollouts: in the order in which they were published.
        opened_on: when the case opened; for one that is yet to open, the date itself.
        on: the date.
    """
    return next((rollout for rollout in reversed(rollouts) if rollout.covers(opened_on, on)), None)


def next_change(rollouts: Sequence[Rollout], opened_on: date, on: date) -> Rollout | None:
    """Return the next publication that will count for a case from a later date on; None for none."""
    now = in_force(rollouts, opened_on, on)
    later = sorted({rollout.since for rollout in rollouts if rollout.since is not None and rollout.since > on})
    for day in later:
        then = in_force(rollouts, opened_on, day)
        if then is not None and then is not now:
            return changed(then, since=day)
    return None


def still_counting(rollouts: Sequence[Rollout], on: date) -> tuple[Rollout, ...]:
    """Return the publications that may still count for some case, without those that a later one has replaced.

    Args:
        rollouts: in the order in which they were published.
        on: a date that has come everywhere.
    """
    for index in range(len(rollouts) - 1, 0, -1):
        rollout = rollouts[index]
        if rollout.scope == "all" and (rollout.since is None or rollout.since <= on):
            return tuple(rollouts[index:])
    return tuple(rollouts)


def looked_at_by(decision: Decision, case_id: str, policy: Policy, change: Rollout | None) -> Decision:
    """Return a decision so that a wait is no longer than until another policy counts for the case.

    The cases are spread over the first half of that date by their ids.
    """
    if not isinstance(decision, Wait) or change is None or change.since is None:
        return decision
    if decision.until is not None and decision.until.on <= change.since:
        return decision
    hours = policy.contact.hours
    moment = spread(Moment(change.since), case_id, () if hours is None else (hours,), SPREAD)
    return Wait(moment, f"{decision.reason}; from {change.since} {change.label} counts")
