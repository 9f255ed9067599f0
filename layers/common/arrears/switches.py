"""Two switches that operators turn: one stops what goes out, one has everything decided and recorded in shadow.

They are looked at where something leaves, each time and not from memory, so they hold at once. What takes something
back (a recall, a withdrawal, a lifted freeze) goes on whatever they say: it is for the cardholder.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from arrears.domain.policy_parts import TAKES_BACK, Action

Name = Literal["pause", "shadow"]


@dataclass(frozen=True)
class Switch:
    """A switch that is on.

    Attributes:
        since: when it was turned on; by a set clock where the stack has one.
        by: who turned it.
        why: the reason, for the record.
    """

    since: datetime
    by: str
    why: str

    def __str__(self) -> str:
        """Say since when, by whom and why, as reasons and lists have it."""
        return f"since {self.since:%Y-%m-%d %H:%M} by {self.by}: {self.why}"


@dataclass(frozen=True)
class Turned:
    """A turn of a switch, as it is kept for the record."""

    name: Name
    on: bool
    at: datetime
    by: str
    why: str


@dataclass(frozen=True)
class Switches:
    """Both switches as they stand; None for one that is off.

    Attributes:
        pause: nothing goes out; what is due waits.
        shadow: cases that open now do all in shadow, and nothing goes out for the others.
    """

    pause: Switch | None = None
    shadow: Switch | None = None

    @property
    def stopping(self) -> Name | None:
        """Which one stops what goes out for real; its name alone, for logs, which name no person."""
        return "pause" if self.pause is not None else "shadow" if self.shadow is not None else None

    def holds(self, *, shadow_case: bool) -> str | None:
        """Return why nothing may go out for a case; None where it may."""
        if self.pause is not None:
            return f"what goes out is paused {self.pause}"
        if self.shadow is not None and not shadow_case:
            return f"the stack is in shadow mode {self.shadow}"
        return None


def may_be_held(action: Action) -> bool:
    """Say whether an action waits while what goes out is stopped."""
    return action not in TAKES_BACK
