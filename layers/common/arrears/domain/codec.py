"""Events, cases and accounts as JSON text, and back. The text of an event is what the hash chain covers.

Cases and accounts leave out what has its default, and a case is packed: every event writes it anew, so its size is
what the table costs. It is the fold of its events, which are stored as plain text.
"""

import json
import zlib
from functools import cache
from typing import Annotated, Any

from pydantic import Discriminator, TypeAdapter

from arrears.domain.case import Case
from arrears.domain.events import Event
from arrears.domain.facts import Account


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    if kind == "event":
        return TypeAdapter(Annotated[Event, Discriminator("type")])
    return TypeAdapter(Case if kind == "case" else Account)


def _text(kind: str, value: object) -> str:
    data = _adapter(kind).dump_python(value, mode="json", exclude_defaults=kind != "event")
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def event_to_json(event: Event) -> str:
    """Return an event as canonical JSON: sorted keys, no spaces; the same event always gives the same text."""
    return _text("event", event)


def event_from_json(text: str) -> Event:
    """Return the event that a stored text holds."""
    event: Event = _adapter("event").validate_json(text)
    return event


def case_to_bytes(case: Case) -> bytes:
    """Return a case as packed JSON."""
    return zlib.compress(_text("case", case).encode(), 9)


def case_from_bytes(packed: bytes) -> Case:
    """Return the case that stored bytes hold."""
    case: Case = _adapter("case").validate_json(zlib.decompress(packed))
    return case


def account_to_json(account: Account) -> str:
    """Return an account's facts as JSON."""
    return _text("account", account)


def account_from_json(text: str) -> Account:
    """Return the account facts that a stored text holds."""
    account: Account = _adapter("account").validate_json(text)
    return account
