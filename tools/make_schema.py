"""Write the JSON Schema of policies from the models that check them: `make_schema.py`, or `--check`.

Editors complete and check a policy with it. It says less than the models, which also hold keys against each other, and
refuses nothing that they take in the form that the documents name.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arrears.domain.policy import Policy
from arrears.domain.policy_parts import PolicyModel
from arrears.domain.rules import Pack
from tools.make_docs import SILENT, attributes, described, summary
from tools.template import ROOT

TARGET = ROOT / "infra" / "policies" / "schemas" / "policy-1.schema.json"
#: Of packs of rules of contact.
RULES_TARGET = TARGET.with_name("rules-1.schema.json")
#: A time of day as a policy writes it, and an amount; JSON Schema's own `time` has seconds and an offset.
TIME = r"^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?|24:00)$"
DECIMAL = r"^\+?[0-9]+(?:\.[0-9]*)?$"


def policy_schema() -> dict[str, Any]:
    """Return the schema of policies, with what the documents say of each key."""
    return _schema(Policy, "policy-1")


def rules_schema() -> dict[str, Any]:
    """Return the schema of packs of rules of contact."""
    return _schema(Pack, "rules-1")


def _schema(model: type[PolicyModel], title: str) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True)
    parts = {model.__name__: schema, **schema["$defs"]}
    made = {name: _part(name, part, parts) for name, part in parts.items()}
    whole = made.pop(model.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **{key: value for key, value in whole.items() if key not in {"$defs", "title"}},
        "$defs": made,
    }


def _part(name: str, part: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    told = {**SILENT["*"], **attributes(part["description"]), **SILENT.get(name, {})}
    properties = {}
    for key, field in part["properties"].items():
        said = told.get(key) or described(field, parts)
        properties[key] = ({"description": said} if said else {}) | _plain(field)
    rest = {key: value for key, value in part.items() if key not in {"title", "description", "properties", "$defs"}}
    return {"description": summary(part["description"]), **rest, "properties": properties}


def _plain(value: Any) -> Any:
    """Return a part of the schema as a policy is written: amounts and times of day in quotes, no other names."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("format") == "time":
        return {"type": "string", "pattern": TIME}
    if "anyOf" in value and any(each.get("type") == "number" for each in value["anyOf"]):
        return _amount(value)
    found = {key: _plain(each) for key, each in value.items() if key != "title" or not isinstance(each, str)}
    found.pop("uniqueItems", None)  # what is said twice is taken as said once
    if "patternProperties" in found:
        found["additionalProperties"] = False
    return found


#: Bounds that pydantic leaves in its own words where a check of ours comes first.
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _amount(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a decimal may be: a text, or a whole number; a number with a point is read inexactly."""
    number = next(each for each in value["anyOf"] if each.get("type") == "number")
    bounds = {key: bound for key, bound in number.items() if key != "type"}
    bounds |= {name: value[key] for key, name in _BOUNDS.items() if key in value}
    kinds = [{"type": "integer", **bounds}, {"type": "string", "pattern": DECIMAL}]
    kinds += [dict(each) for each in value["anyOf"] if each.get("type") not in {"number", "string"}]
    return {"anyOf": kinds} | {key: value[key] for key in ("default",) if key in value}


def main(arguments: list[str]) -> int:
    """Write the schema, or with `--check` say whether it is out of date."""
    stale = 0
    for target, schema in ((TARGET, policy_schema()), (RULES_TARGET, rules_schema())):
        text = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" not in arguments:
            target.write_text(text, encoding="utf-8")
        print(f"{'out of date' if '--check' in arguments else 'written'}: {target.relative_to(ROOT)}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
