"""What differs between two policies, in words: `arrears policy diff A B`.

Every key that differs makes a line: the two policies are walked side by side, so a key that is added to the language
later is told too, by its name.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from arrears.domain.policy import Policy
from arrears.domain.rules import Rule
from arrears.explain_rules import rule_in_words

_STAGES = {"lawyer_letter": "lawyer's letter"}
_ACTIONS = {
    "send_sms": "text",
    "queue_call": "call",
    "queue_letter": "letter",
    "place_with_agency": "placement with an agency",
    "file_legal": "filing",
}
#: How the values of a key are said: what stands before them, and after.
_KEYS = {
    "days_past_due": ("", "DPD"),
    "months_past_due": ("overdue for more than", "months"),
    "agency": ("when the agency", ""),
    "every_days": ("every", "days"),
    "at_most": ("at most", "times"),
    "at_least_days_ago": ("at least", "days ago"),
    "promise_windows_days": ("time to keep a promise", "days"),
    "term_days": ("an agency's term", "days"),
    "minimum_arrears": ("only from", ""),
    "in_days": ("within", "days"),
    "apart_days": ("apart", "days"),
    "arrears_over": ("arrears over", ""),
    "commission": ("commission", ""),
}
#: Keys that tell one item of a list from another; lists of other items are compared as wholes.
_NAMES = (("id",), ("action", "template", "risk_grades"), ("actions",), ("from_days",))
#: What stands before such a key, where its value does not say what it is.
_NAMED = {"from_days": "from day "}
#: Name and version are in the line above the differences; the rules of contact have words of their own.
_NOT_TOLD = ("name", "version", "packs", "rules")
_NOTHING = object()
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_Item = Mapping[str, Any]


def policy_differences(first: Policy, second: Policy) -> list[str]:
    """Return a line for everything in which the second policy differs from the first, but its name and version.

    A line reads `where: before -> after`, such as `lawyer's letter: 60 -> 45 DPD`. The order is that of the first
    policy, with what only the second has after it.
    """
    one, other = (policy.model_dump(by_alias=True, mode="json") for policy in (first, second))
    return [*document_differences(one, other), *_rules(first, second)]


def document_differences(one: _Item, other: _Item) -> list[str]:
    """Return the same for two policies as data, with every key that there is, but for the rules of contact."""
    one, other = ({key: value for key, value in each.items() if key not in _NOT_TOLD} for each in (one, other))
    lines = list(_mapping((), one, other))
    first, second = one["stages"], other["stages"]
    if [name for name in first if name in second] != [name for name in second if name in first]:
        lines.insert(0, f"order of the stages: {', '.join(first)} -> {', '.join(second)}")
    return lines


def _rules(first: Policy, second: Policy) -> Iterator[str]:
    """Yield what differs in the rules of contact, in the words of `arrears policy explain`."""
    one, other = ({pack.name: pack for pack in policy.packs} for policy in (first, second))
    for name in dict.fromkeys((*one, *other)):
        if name not in other or name not in one:
            pack, word = (one[name], "taken out") if name in one else (other[name], "new")
            yield f"rules of contact: {name}: {word}, {len(pack.rules)} rules"
            continue
        before, after = ({rule.id: rule for rule in pack.rules} for pack in (one[name], other[name]))
        for rule_id in dict.fromkeys((*before, *after)):
            was, now = before.get(rule_id), after.get(rule_id)
            if was != now:
                said = ("none" if rule is None else _rule(rule) for rule in (was, now))
                yield f"rules of contact: {name}/{rule_id}: {' -> '.join(said)}"
        if before == after and one[name] != other[name]:
            yield f"rules of contact: {name}: what is said of the pack, its zones or regions -> others"


def _rule(rule: Rule) -> str:
    return f"{rule_in_words(rule)} ({rule.source.where}{'' if rule.verified else ', not verified'}: {rule.source.says})"


def _walk(path: tuple[str, ...], one: object, other: object) -> Iterator[str]:
    if one == other:
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        yield from _mapping(path, one, other)
    elif _is_items(one) and _is_items(other):
        yield from _items(path, one, other)
    else:
        yield _line(path, one, other)


def _mapping(path: tuple[str, ...], one: _Item, other: _Item) -> Iterator[str]:
    for key in dict.fromkeys((*one, *other)):
        before, after = one.get(key, _NOTHING), other.get(key, _NOTHING)
        if path == ("stages",) and _NOTHING in (before, after):
            yield f"{_stage(key)}: {'no such stage any more' if after is _NOTHING else 'a new stage'}" + (
                f", {_told(after)}" if before is _NOTHING else ""
            )
        else:
            yield from _walk((*path, key), before, after)


def _is_items(value: object) -> TypeGuard[list[_Item]]:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _items(path: tuple[str, ...], one: Sequence[_Item], other: Sequence[_Item]) -> Iterator[str]:
    before, after = _named(one), _named(other)
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            yield f"{_place(path)}{name}: taken out"
        elif name not in before:
            yield f"{_place(path)}{name}: new, {_told(after[name])}"
        else:
            yield from _walk((*path, name), before[name], after[name])
    kept, ordered = [name for name in before if name in after], [name for name in after if name in before]
    if kept != ordered:
        yield f"{_place(path)}order {', '.join(kept)} -> {', '.join(ordered)}"


def _named(items: Sequence[_Item]) -> dict[str, _Item]:
    """Return items by what tells them apart, in words; with a number where two would be called the same."""
    found: dict[str, _Item] = {}
    for item in items:
        keys = next((keys for keys in _NAMES if keys[0] in item), ())
        said = [_NAMED.get(key, "") + _said(item[key]) for key in keys if item.get(key) not in _EMPTY]
        name = " ".join(said) or "item"
        number = 1
        while (numbered := name if number == 1 else f"{name} ({number})") in found:
            number += 1
        found[numbered] = item
    return found


def _line(path: tuple[str, ...], one: object, other: object) -> str:
    *place, last = path
    if place and place[-1] in {"minimum_arrears", "arrears_over", "cure_tolerance"}:
        return f"{_place(place[:-1])}{_words(place[-1])} {_said(one)} -> {_said(other)} {last}"
    before, after = _KEYS.get(last, (_words(last), ""))
    values = f"{_said(one)} -> {_said(other)}"
    return _place(place) + " ".join(part for part in (before, values, after) if part)


def _words(key: str) -> str:
    return _KEYS.get(key, (key.replace("_", " "), ""))[0] or key.replace("_", " ")


def _stage(name: str) -> str:
    return _STAGES.get(name, name.replace("_", " "))


def _place(path: Sequence[str]) -> str:
    """Return where something stands, in words, with a colon; the containers that go without saying are left out."""
    if not path:
        return ""
    parts = [_stage(path[1]), *path[2:]] if path[0] == "stages" else list(path)
    said = [_ACTIONS.get(part, part.replace("_", " ")) for part in parts if part not in {"from", "steps"}]
    return f"{', '.join(said)}: " if said else ""


def _said(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case _ if value is _NOTHING or value in _EMPTY:
            return "none"
        case str():
            return _ACTIONS.get(value, value)
        case dict():
            return _told(value)
        case list():
            return ", ".join(_said(each) for each in value)
    return str(value)


def _told(item: _Item) -> str:
    """Return the keys of an item that say something, in words."""
    said = []
    for key, value in item.items():
        if value is False or value in _EMPTY:
            continue
        before, after = _KEYS.get(key, (key.replace("_", " "), ""))
        if key in {"from", "steps", "requires", "action"}:
            before = "after" if key == "requires" else ""
        unit = after.removesuffix("s") if value == 1 else after
        said.append(" ".join(part for part in (before, _said(value), unit) if part))
    return ", ".join(said)
