"""The part of DynamoDB's expression language that Arrears uses; anything else is refused."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

Item = dict[str, Any]
#: An item, its names and its values, to an answer.
Condition = Callable[[Item, Mapping[str, str], Mapping[str, Any]], bool]

_TERM = re.compile(
    r"(?P<function>attribute_exists|attribute_not_exists|begins_with)\((?P<of>[#\w]+)(?:,\s*(?P<with>:\w+))?\)"
    r"|(?P<left>[#\w]+)\s*(?:(?P<is>=|<>|<=|>=|<|>)\s*(?P<value>:\w+)|BETWEEN\s+(?P<low>:\w+)\s+AND\s+(?P<high>:\w+))"
)
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def plain(value: Mapping[str, Any]) -> Any:
    """An attribute's value so that two of the same type compare as DynamoDB compares them."""
    ((kind, content),) = value.items()
    return (kind, Decimal(content) if kind == "N" else content)


@cache
def condition(expression: str) -> Condition:
    """Compile a condition: terms joined by AND, or by OR."""
    terms, at, joined = [], 0, set()
    while True:
        found = _TERM.match(expression, at)
        if found is None:
            raise NotImplementedError(f"condition: {expression[at:]}")
        terms.append(_term(found.groupdict()))
        at = found.end()
        if at == len(expression):
            break
        word = re.match(r"\s+(AND|OR)\s+", expression[at:])
        if word is None:
            raise NotImplementedError(f"condition: {expression[at:]}")
        joined.add(word[1])
        at += word.end()
    if len(joined) > 1:
        raise NotImplementedError(f"AND and OR: {expression}")
    if joined == {"OR"}:
        return lambda item, names, values: any(term(item, names, values) for term in terms)
    return lambda item, names, values: all(term(item, names, values) for term in terms)


def _term(part: dict[str, str | None]) -> Condition:
    name = str(part["of"] or part["left"])
    if part["function"] == "attribute_exists":
        return lambda item, names, _: names.get(name, name) in item
    if part["function"] == "attribute_not_exists":
        return lambda item, names, _: names.get(name, name) not in item
    if part["function"] == "begins_with":
        prefix = str(part["with"])
        return lambda item, names, values: (
            item.get(names.get(name, name), {"S": ""}).get("S", "").startswith(values[prefix]["S"])
        )
    if part["low"] is not None:
        low, high = str(part["low"]), str(part["high"])

        def between(item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
            found = item.get(names.get(name, name))
            return found is not None and plain(values[low]) <= plain(found) <= plain(values[high])

        return between
    compare, value = _COMPARED[str(part["is"])], str(part["value"])

    def compared(item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
        found = item.get(names.get(name, name))
        return found is not None and compare(plain(found), plain(values[value]))

    return compared


@cache
def _clauses(expression: str) -> list[tuple[str, list[str]]]:
    parts = re.split(r"\b(SET|REMOVE|ADD)\b\s*", expression)[1:]
    return [(parts[i], [one.strip() for one in parts[i + 1].split(",")]) for i in range(0, len(parts), 2)]


def updated(item: Item, expression: str, names: Mapping[str, str], values: Mapping[str, Any]) -> Item:
    """Return an item after an update."""
    after = dict(item)
    for clause, parts in _clauses(expression):
        for part in parts:
            if clause == "REMOVE":
                after.pop(names.get(part, part), None)
            elif clause == "SET":
                name, value = (word.strip() for word in part.split("="))
                if not value.startswith(":"):
                    raise NotImplementedError(f"update: {part}")
                after[names.get(name, name)] = values[value]
            else:
                name, value = part.split()
                known = after.get(names.get(name, name), {"N": "0"})["N"]
                after[names.get(name, name)] = {"N": str(Decimal(known) + Decimal(values[value]["N"]))}
    return after
