"""The register of letters, made from a case's events: each letter's kind, hash, dates and tracking number."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from arrears.domain.events import ActionDone, ActionPlanned, Event, LetterMailed, LetterReported, LetterWithdrawn


@dataclass
class Letter:
    """A letter in the register.

    Attributes:
        sha256: of the PDF.
        dates: what happened to it, and when, in that order.
    """

    letter_id: str
    kind: str
    sha256: str
    dates: list[tuple[str, date]] = field(default_factory=list)
    tracking_number: str | None = None


def register_of(events: Iterable[Event]) -> list[Letter]:
    """Return the letters of a case, in the order in which they were written."""
    letters: dict[str, Letter] = {}
    planned: set[str] = set()
    for event in events:
        match event:
            case ActionPlanned(action_id, "queue_letter"):
                planned.add(action_id)
            case ActionDone(action_id, on, _, details) if action_id in planned:
                told = dict(details)
                letter = Letter(action_id, told.get("kind", ""), told.get("sha256", ""), [("queued", on)])
                letters[action_id] = letter
            case LetterMailed(letter_id, on) if letter_id in letters:
                letters[letter_id].dates.append(("in the mail", on))
            case LetterWithdrawn(letter_id, on, reason) if letter_id in letters:
                letters[letter_id].dates.append((f"taken out: {reason}", on))
            case LetterReported(letter_id, status, on, tracking_number) if letter_id in letters:
                letters[letter_id].dates.append((status, on))
                letters[letter_id].tracking_number = tracking_number or letters[letter_id].tracking_number
            case _:
                pass
    return list(letters.values())
