"""The parts of the documents that are made are as they would be made now."""

import copy
import json
from typing import Any

import pytest

from arrears import errors
from arrears.domain.policy import Policy
from tests.unit.docs.markdown import read
from tools import make_docs
from tools.make_docs import PARTS, made
from tools.template import ROOT


@pytest.mark.parametrize("file", PARTS)
def test_a_document_is_up_to_date(file: str) -> None:
    text = read(ROOT / file)

    assert made(file, text) == text, "run tools/make_docs.py with the project's Python"


def test_every_key_of_a_policy_is_described() -> None:
    text = make_docs.policy_keys()

    def keys(schema: dict[str, Any]) -> set[str]:
        return {
            *schema["properties"],
            *(key for part in schema.get("$defs", {}).values() for key in part["properties"]),
        }

    assert [key for key in keys(Policy.model_json_schema(by_alias=True)) if f"| `{key}` |" not in text] == []


def test_a_key_without_a_description_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(make_docs.SILENT, "Bank", {"phone": "The number to call."})

    with pytest.raises(SystemExit, match=r"Bank\.name"):
        make_docs.policy_keys()


def test_a_description_of_a_key_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(make_docs.SILENT, "Bank", {**make_docs.SILENT["Bank"], "fax": "A number."})

    with pytest.raises(SystemExit, match="fax"):
        make_docs.policy_keys()


def test_the_diagram_has_every_state_and_every_way() -> None:
    states = make_docs.machine("escalation")["States"]
    diagram = make_docs.state_diagram()

    assert [name for name in states if name not in diagram] == []


def test_the_diagram_follows_the_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    before = make_docs.state_diagram()
    changed = copy.deepcopy(make_docs.machine("escalation"))
    changed["States"]["SendSms"]["Catch"][0]["Next"] = "GiveUp"
    monkeypatch.setattr(make_docs, "machine", lambda _: changed)

    assert make_docs.state_diagram() != before


def test_every_error_of_ours_is_in_the_table_and_every_name_of_the_workflows() -> None:
    text = make_docs.error_table()
    named = {
        name
        for path in (ROOT / "infra").glob("*.asl.json")
        for clause in _clauses(json.loads(read(path)))
        for name in clause["ErrorEquals"]
    }

    ours = [
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.PermanentError | errors.TransientError)
    ]

    assert [name for name in {*ours, *named} - {*make_docs.BASES, "States.ALL"} if name not in text] == []


def _clauses(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [clause for item in value for clause in _clauses(item)]
    if not isinstance(value, dict):
        return []
    return ([value] if "ErrorEquals" in value else []) + [c for item in value.values() for c in _clauses(item)]


def test_a_document_without_a_place_for_its_part_is_noticed() -> None:
    with pytest.raises(SystemExit, match="no place for keys"):
        made("docs/policy.md", "# Nothing\n")
