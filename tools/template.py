"""template.yaml as plain data: what the build, the checks and the tests all read."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each as its long form: `!Ref X` is `{"Ref": "X"}`."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise yaml.YAMLError(f"an intrinsic of no known kind: {node}")
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)
# YAML 1.1 reads 2010-09-09 as a date, which no CloudFormation value is.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> dict[str, Any]:
    """Parse a CloudFormation template."""
    loaded = yaml.load(text, Loader=_Loader)  # noqa: S506  (a SafeLoader with constructors for intrinsics)
    if not isinstance(loaded, dict):
        raise TypeError("a template is a mapping")
    return loaded


@cache
def load(path: Path = ROOT / "template.yaml") -> dict[str, Any]:
    """The template at a path, parsed once."""
    return parse(path.read_text(encoding="utf-8"))


def resources(template: dict[str, Any], *types: str) -> dict[str, dict[str, Any]]:
    """The resources of the given types, by logical id."""
    return {name: body for name, body in template.get("Resources", {}).items() if body.get("Type") in types}


def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each function's properties by logical id, the template's `Globals` folded in as SAM does it."""
    shared = template.get("Globals", {}).get("Function", {})
    found = resources(template, "AWS::Serverless::Function")
    return {name: merged(shared, body.get("Properties", {})) for name, body in found.items()}


def merged(shared: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """SAM's way with Globals: mappings are joined, lists are concatenated, anything else is the function's own."""
    result = dict(shared)
    for key, value in own.items():
        under = shared.get(key)
        if (
            isinstance(under, dict)
            and isinstance(value, dict)
            and not _is_intrinsic(under)
            and not _is_intrinsic(value)
        ):
            result[key] = merged(under, value)
        elif isinstance(under, list) and isinstance(value, list):
            result[key] = [*under, *value]
        else:
            result[key] = value
    return result


def _is_intrinsic(value: dict[str, Any]) -> bool:
    return len(value) == 1 and (next(iter(value)).startswith("Fn::") or next(iter(value)) in {"Ref", "Condition"})
