"""What pydantic finds wrong with a policy, in words for whoever writes policies."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_WHOLE = "should be a whole number such as 15, without a unit"
#: By the kind of error. What is not here is said in pydantic's words.
_WORDS = {
    "missing": "is missing",
    **dict.fromkeys(["int_parsing", "int_type", "int_from_float"], _WHOLE),
    **dict.fromkeys(["bool_parsing", "bool_type"], "should be true or false"),
    "string_type": 'should be a text: write it in quotes, such as "1"',
    "string_too_short": "is empty",
}
_DATES = ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact")
_DECIMALS = ("decimal_type", "decimal_parsing")
_LISTS = ("tuple_type", "list_type", "set_type", "frozen_set_type")
_GROUPS = ("dict_type", "model_type", "model_attributes_type", "mapping_type")
#: By the pattern of a name.
_NAMES = {
    "^[A-Z]{3}$": "a currency is its code of ISO 4217, such as CNY",
    "^[a-z][a-z0-9_]{0,31}$": "a stage has a name of small letters, digits and _, such as lawyer_letter",
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": "a name has letters, digits, '.', '_' and '-', and no space, such as my-bank",
}
#: How the value of a key is written, where a list is wanted.
_EXAMPLES = {
    "promise_windows_days": "[7, 5, 3]",
    "hours": '["08:00", "21:00"]',
    "days": "[mon, tue]",
    "holidays": "[2026-02-17]",
    "steps": "[{action: queue_call}]",
    "requires": "[{action: queue_letter}]",
    "stages": "[reminder, call]",
    "numbers": "[mobile, work]",
    "address": '["1 Sample Square", "Shanghai 200000"]',
}
_AMOUNTS = frozenset({"minimum_arrears", "cure_tolerance", "arrears_over", "minimum_instalment", "tolerance"})
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_A_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def reason_of(error: "ErrorDetails", of: type[BaseModel], unknown_key: str) -> str:
    """Return what is wrong, in words.

    Args:
        error: as pydantic has it, with the value that was given.
        of: what the file holds; the keys that there are in it are suggested for one that there is not.
        unknown_key: what is said of such a key.
    """
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return unknown_key + _meant(str(error["loc"][-1]), list(_keys_at(of, error["loc"][:-1])))
    if given is None and kind != "missing":
        return "is empty: give it a value, or leave the key out"
    found = _WORDS.get(kind) or _by_context(kind, given, error.get("ctx", {})) or _by_place(kind, given, error["loc"])
    return found or _pydantics(error)


def _by_context(kind: str, given: object, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        return _one_of(context["expected"], str(given))
    if kind == "union_tag_invalid":
        return _one_of(context["expected_tags"], context["tag"])
    if kind == "string_pattern_mismatch":
        name = _NAMES.get(context["pattern"], f"it is written as {context['pattern']}")
        return f"is no name that can stand here: {name}"
    if kind == "too_long" and "actual_length" in context:
        return f"should be a list of {context['max_length']}: there are {context['actual_length']}"
    return ""


def _pydantics(error: "ErrorDetails") -> str:
    words = error["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("Decimal input ")
    words = words.removeprefix("String ")
    return words[0].lower() + words[1:] if words[1:2].islower() else words


def _by_place(kind: str, given: object, place: Sequence[int | str]) -> str:
    key = next((str(part) for part in reversed(place) if isinstance(part, str) and part != "[key]"), "")
    if kind in _DATES:
        no_date = f"{given} is not in the calendar: " if _A_DATE.fullmatch(str(given)) else ""
        return f"{no_date}should be a date such as 2026-02-17"
    if kind in _DECIMALS and (_CURRENCY.fullmatch(key) or "monthly_budget" in place or key.endswith("_price")):
        return 'should be an amount such as "1000.00": no comma, no % and no currency'
    if kind in _DECIMALS:
        return 'should be a number such as "0.5": no comma and no %'
    if kind in _LISTS:
        return f"should be a list: write {_EXAMPLES.get(key, '[a, b]')}"
    if kind in _GROUPS and key in _AMOUNTS:
        return 'should be amounts by currency: write {CNY: "1000.00"}'
    return "should have keys of its own: write {key: value}" if kind in _GROUPS else ""


def _one_of(expected: str, given: str) -> str:
    allowed = expected.replace("'", "")
    several = re.split(r", | or ", allowed)
    return f"should be one of {allowed}{_meant(given, several)}" if len(several) > 1 else f"should be {allowed}"


def _meant(given: str, known: Sequence[str]) -> str:
    near = get_close_matches(given.lower(), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


# --- the keys that there are -----------------------------------------------------------------------------------------
def _keys_at(of: type[BaseModel], place: Sequence[int | str]) -> Iterator[str]:
    """Yield the keys that may stand at a place of what a model reads, by its schema."""
    schema = of.model_json_schema()
    parts: list[Mapping[str, Any]] = [schema]
    for step in place:
        parts = [deeper for part in parts for each in _plain(part, schema) for deeper in _into(each, step)]
    for part in parts:
        for each in _plain(part, schema):
            yield from each.get("properties", {})


def _plain(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what a part of a schema may be, its references followed."""
    if "$ref" in part:
        yield from _plain(schema["$defs"][part["$ref"].rpartition("/")[2]], schema)
        return
    yield part
    for each in (*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())):
        yield from _plain(each, schema)


def _into(part: Mapping[str, Any], step: int | str) -> Iterator[Mapping[str, Any]]:
    if isinstance(step, int):
        found = [*part.get("prefixItems", ())[step : step + 1], part.get("items")]
    elif step in part.get("properties", {}):
        found = [part["properties"][step]]
    else:
        found = [*part.get("patternProperties", {}).values(), part.get("additionalProperties")]
    yield from (each for each in found if isinstance(each, Mapping))
