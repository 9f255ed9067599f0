"""JSON from outside: an object in which nothing is said twice, and no number is none."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from arrears.files.errors import RowError

#: An acknowledgement is two deep; nobody needs more than this.
MOST_DEEP: Final = 8
#: So many digits a whole number may have.
_MOST_DIGITS: Final = 18
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object, of whose keys none is there twice: of two readers each would take another one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RowError("row", "a key is there twice")
    return found


def no_number(_: str) -> object:
    """Refuse NaN and Infinity, which Python reads and JSON does not know."""
    raise RowError("row", "NaN and Infinity are no numbers")


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise RowError("row", f"a number has more than {_MOST_DIGITS} digits")
    return int(text)


#: Numbers with a point stay as they are written.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=once, parse_int=_whole, parse_float=str, parse_constant=no_number)


def strict_object(data: bytes) -> dict[str, Any]:
    """Read one JSON object, in UTF-8.

    Raises:
        ValueError: it is none; a `RowError`, which is one, where it can be said what is wrong with it.
    """
    try:
        found = _DECODER.decode(data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError from None
    if not isinstance(found, dict):
        raise ValueError  # noqa: TRY004 - as for any other bytes that are no JSON object
    _check_inside(found)
    return found


def _check_inside(found: Mapping[str, object]) -> None:
    """Refuse what is nested deeply, and texts that are none; one level after the other, so that no depth harms."""
    level: list[object] = [found]
    for _ in range(MOST_DEEP):
        below: list[object] = []
        for value in level:
            if isinstance(value, str):
                if _SURROGATE.search(value):
                    raise RowError("row", "is not valid UTF-8")
            elif isinstance(value, Mapping):
                below += [*value.keys(), *value.values()]
            elif isinstance(value, Sequence):
                below += value
        level = below
    if level:
        raise RowError("row", f"is nested more than {MOST_DEEP} deep")
