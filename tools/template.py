"""template.yaml as plain data: what the build, the checks and the tests all read."""

import re
from collections.abc import Callable, Mapping
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


class Resolver:
    """Works out intrinsic functions, for a stack whose physical names are known, or guessed when they do not matter.

    Args:
        template: the template, as `load` gives it.
        parameters: values for parameters; the template's defaults stand for the rest.
        physical: what `Ref X` gives for a resource, under "X", and what `GetAtt X.Y` gives, under "X.Y". A resource
            that is not here is called by its logical id.
        region: the region.
        account: the account's number.
        stack: the stack's name.
    """

    def __init__(
        self,
        template: dict[str, Any],
        *,
        parameters: Mapping[str, str] | None = None,
        physical: Mapping[str, str] | None = None,
        region: str = "us-east-1",
        account: str = "000000000000",
        stack: str = "arrears",
    ) -> None:
        self._template = template
        defaults = {name: body["Default"] for name, body in template.get("Parameters", {}).items() if "Default" in body}
        self._parameters: dict[str, Any] = {**defaults, **(parameters or {})}
        self._physical = physical or {}
        self._region, self._account = region, account
        self._pseudo = {
            "AWS::AccountId": account,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{account}:stack/{stack}/0",
            "AWS::StackName": stack,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def __call__(self, value: Any) -> Any:
        """The value with every intrinsic in it worked out; `AWS::NoValue` entries are gone."""
        if isinstance(value, list):
            return [result for item in value if (result := self(item)) is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if _is_intrinsic(value):
            ((name, argument),) = value.items()
            return self._intrinsic(name, argument)
        return {key: result for key, item in value.items() if (result := self(item)) is not _NO_VALUE}

    def environment(self, logical_id: str) -> dict[str, str]:
        """The environment variables that a function gets."""
        variables = functions(self._template)[logical_id].get("Environment", {}).get("Variables", {})
        return {name: _as_text(value) for name, value in self(variables).items()}

    def _intrinsic(self, name: str, argument: Any) -> Any:
        simple: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._sub,
            "Fn::If": lambda item: self(item[1] if self._condition(item[0]) else item[2]),
            "Fn::Join": lambda item: str(item[0]).join(map(_as_text, self(item[1]))),
            "Fn::Select": lambda item: self(item[1])[int(self(item[0]))],
            "Fn::Split": lambda item: str(self(item[1])).split(str(item[0])),
            "Fn::FindInMap": lambda item: self(self._template["Mappings"][self(item[0])][self(item[1])][self(item[2])]),
            "Fn::Equals": lambda item: _as_text(self(item[0])) == _as_text(self(item[1])),
            "Fn::Not": lambda item: not self(item[0]),
            "Fn::And": lambda item: all(self(item)),
            "Fn::Or": lambda item: any(self(item)),
        }
        if name not in simple:
            raise NotImplementedError(f"{name} is not worked out here")
        return simple[name](argument)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._parameters:
            return self._parameters[name]
        return self._physical.get(name, name)

    def _condition(self, name: str) -> bool:
        return bool(self(self._template["Conditions"][name]))

    def _attribute(self, argument: list[str]) -> str:
        name, attribute = argument[0], ".".join(argument[1:])
        known = self._physical.get(f"{name}.{attribute}")
        if known is not None:
            return known
        physical = self._physical.get(name, name)
        if attribute != "Arn":
            return f"{physical}.{attribute}"
        kind = self._template["Resources"][name]["Type"]
        pattern = _ARNS.get(kind, "arn:aws:unknown:{region}:{account}:{name}")
        return pattern.format(region=self._region, account=self._account, name=physical)

    def _sub(self, argument: str | list[Any]) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else (argument[0], self(argument[1]))

        def value_of(found: re.Match[str]) -> str:
            name = found.group(1)
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in given:
                return _as_text(given[name])
            return _as_text(self._attribute(name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", value_of, str(text))


_NO_VALUE = object()
_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
}


def _as_text(value: Any) -> str:
    """A value as CloudFormation writes it into text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
