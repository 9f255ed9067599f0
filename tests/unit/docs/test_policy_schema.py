"""The JSON Schema of policies: as the models are now, and never stricter than they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from arrears.documents.yaml_lines import load_located
from arrears.domain.policy import Policy
from arrears.rules_file import load_packs, rules_named
from tests.unit.docs.markdown import read
from tools import make_schema
from tools.template import ROOT

SCHEMA: dict[str, Any] = json.loads(read(make_schema.TARGET))
RULES: dict[str, Any] = json.loads(read(make_schema.RULES_TARGET))
PACKS = sorted((ROOT / "infra" / "policies" / "rules").glob("*.yaml"))
SHIPPED = sorted((ROOT / "infra" / "policies").glob("*.yaml"))
CHECK = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def written(path: Path) -> dict[str, Any]:
    """A policy as it stands in its file."""
    value = load_located(read(path), path.name).value
    assert isinstance(value, dict)
    return value


def test_it_is_up_to_date() -> None:
    assert make_schema.policy_schema() == SCHEMA, "run tools/make_schema.py with the project's Python"
    assert make_schema.rules_schema() == RULES, "run tools/make_schema.py with the project's Python"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_the_packs_that_ship_follow_theirs_and_name_it(path: Path) -> None:
    jsonschema.Draft202012Validator(RULES, format_checker=jsonschema.FormatChecker()).validate(written(path))
    schema = read(path).splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / schema).resolve() == make_schema.RULES_TARGET


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_policies_that_ship_follow_it_and_name_it(path: Path) -> None:
    CHECK.validate(written(path))
    schema = read(path).splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / schema).resolve() == make_schema.TARGET


def test_every_key_says_what_it_means() -> None:
    parts = {"Policy": SCHEMA, **SCHEMA["$defs"]}
    silent = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, field in part["properties"].items()
        if not field.get("description")
    ]
    assert silent == []


def refused(value: object) -> bool:
    return not CHECK.is_valid(value)


def changed(**keys: Any) -> dict[str, Any]:
    return {**written(SHIPPED[0]), **keys}


def test_what_an_editor_can_see_is_refused() -> None:
    assert not refused(changed())
    assert refused(changed(colour="red"))
    assert refused({key: value for key, value in changed().items() if key != "version"})
    assert refused(changed(cure_tolerance={"TWD": 1.5})), "an amount without quotes"
    assert refused(changed(cure_tolerance={"twd": "1.5"}))
    assert refused(changed(stages={"Reminder": {"from": {"days_past_due": 1}}}))
    assert refused(changed(stages={"reminder": {"from": {"days_past_due": -1}}}))
    assert refused(changed(stages={"reminder": {"from": {"days_past_due": 1}, "steps": [{"action": "shout"}]}}))
    assert refused(changed(contact={"hours": ["8", "21:00"]}))
    assert refused(changed(contact={"holidays": ["2005-02-30"]}))
    assert not refused(changed(contact={"hours": ["08:00", "24:00"]}))


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(item, (*path, key))


def test_it_refuses_nothing_that_the_models_take() -> None:
    """One place of the fullest policy after the other holds something else of its kind: what loads follows the schema.

    Of its kind, since the models also read "30" as 30, which no document promises.
    """
    full = written(ROOT / "infra" / "policies" / "tw-credit-card-full.yaml")
    others: list[Any] = [None, 0, 1, 30, 400, "30", "0.5", "08:00", "text", "2005-06-18", "sms", True, [], {}, ["mon"]]
    packs = load_packs(rules_named(full))
    taken = 0
    for path in places(full):
        for other in others:
            altered = json.loads(json.dumps(full))
            place = altered
            for key in path[:-1]:
                place = place[key]
            if other is not None and type(other) is not type(place[path[-1]]):
                continue
            place[path[-1]] = other
            try:
                Policy.model_validate(altered | {"packs": packs})
            except ValueError:
                continue
            taken += 1
            assert [error.message for error in CHECK.iter_errors(altered)] == [], (path, other)
    assert taken > 200


def test_an_old_schema_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "policy-1.schema.json"
    old.write_text("{}")
    monkeypatch.setattr(make_schema, "TARGET", old)
    monkeypatch.setattr(make_schema, "RULES_TARGET", tmp_path / "rules-1.schema.json")
    monkeypatch.setattr(make_schema, "ROOT", tmp_path)
    assert make_schema.main(["--check"]) == 1
    assert old.read_text() == "{}"
    assert make_schema.main([]) == 0
    assert make_schema.main(["--check"]) == 0
