"""Words that a policy is told in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from textwrap import wrap

#: How wide a line is that people read.
WIDTH = 110

ACTIONS = {
    "send_sms": "text message",
    "queue_call": "call",
    "queue_letter": "letter",
    "freeze_account": "the account is frozen",
    "place_with_agency": "given to the collection agency",
    "recall_from_agency": "taken back from the agency, its time is over",
    "file_legal": "handed to the legal department, for court",
    "withdraw_calls": "queued calls are taken back",
    "lift_freeze": "the freeze is to be lifted",
    "withdraw_legal": "the court is told that the claim is withdrawn",
}


def section(title: str, lines: Iterable[str], *, hanging: int) -> Iterator[str]:
    """Yield a part of an explanation with its title, or nothing where it has no lines.

    Args:
        title: of the part.
        lines: of the part; a long one goes on below itself,
        hanging: so many spaces further in.
    """
    body = list(lines)
    if body:
        yield ""
        yield title
        yield "-" * len(title)
        for line in body:
            indent = " " * (len(line) - len(line.lstrip()) + hanging)
            yield from wrap(line, WIDTH, subsequent_indent=indent, drop_whitespace=True) or [""]


def amounts(amounts: Mapping[str, Decimal]) -> str:
    """Return amounts in one or several currencies."""
    return " or ".join(f"{amount:,} {currency}" for currency, amount in amounts.items())


def days(count: int) -> str:
    """Return a number of days."""
    return "1 day" if count == 1 else f"{count} days"


def named(what: str, template: str | None) -> str:
    """Return what is sent, with the name of its text."""
    return f'{what} "{template}"' if template else what


def joined(words: Sequence[str]) -> str:
    """Return words in a row."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
