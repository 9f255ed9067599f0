"""Says whether IAM would allow a request, by policy documents as a template has them once it is resolved.

What it does not know it refuses to judge, so that no policy passes a test by being misread. After "Policy evaluation
logic" and "IAM JSON policy elements: Condition operators" of the IAM user guide: an explicit deny wins, what nobody
allows is denied; values of one key are alternatives, keys and operators must all hold.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_STATEMENT = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Request:
    """What somebody wants to do.

    Attributes:
        resource: the ARN; empty for the role itself, in its trust policy.
        context: the condition keys that the request carries, such as `s3:prefix`.
        principal: the account that asks, which only a trust policy looks at.
    """

    action: str
    resource: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    principal: str = ""


def is_allowed(documents: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """Say whether a request is allowed by all of these policies together."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in as_list(document["Statement"])
        if _applies(statement, request)
    }
    if not effects <= {"Allow", "Deny"}:
        raise ValueError(f"effects {effects}")
    return effects == {"Allow"}


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    if unknown := set(statement) - _STATEMENT:
        raise NotImplementedError(f"a statement with {sorted(unknown)}")
    if "${" in str(statement):
        raise NotImplementedError("policy variables, or a template that is not resolved")
    return (
        _named(statement, "Action", request.action, ignore_case=True)
        and ("Principal" in statement or _named(statement, "Resource", request.resource))
        and _is_principal(statement.get("Principal"), request.principal)
        and _holds(statement.get("Condition", {}), request.context)
    )


def _named(statement: Mapping[str, Any], element: str, name: str, *, ignore_case: bool = False) -> bool:
    if element in statement:
        return any(_is_like(name, pattern, ignore_case=ignore_case) for pattern in as_list(statement[element]))
    return not any(_is_like(name, pattern, ignore_case=ignore_case) for pattern in as_list(statement[f"Not{element}"]))


def _is_principal(wanted: Any, principal: str) -> bool:
    if wanted is None or wanted == "*":
        return True
    if set(wanted) != {"AWS"}:
        raise NotImplementedError(f"principals {sorted(wanted)}")
    return principal in as_list(wanted["AWS"])


# --- conditions ------------------------------------------------------------------------------------------------------
def _holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    carried = {key.lower(): value for key, value in context.items()}
    return all(
        _operator(operator, carried.get(key.lower()), [_text(value) for value in as_list(values)])
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _operator(operator: str, carried: str | None, wanted: Sequence[str]) -> bool:
    if operator == "Null":
        return (_text(carried is None)) in wanted
    name = operator.removesuffix("IfExists")
    if name not in _OPERATORS:
        raise NotImplementedError(f"the condition operator {operator}")
    matches, negated = _OPERATORS[name]
    if carried is None:
        return negated or operator != name
    return any(matches(carried, value) for value in wanted) is not negated


def _is_like(text: str, pattern: str, *, ignore_case: bool = False) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(character) or re.escape(character) for character in pattern)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.fullmatch(expression, text, flags) is not None


def _equals(text: str, wanted: str) -> bool:
    return text == wanted


def _equals_whatever_case(text: str, wanted: str) -> bool:
    return text.lower() == wanted.lower()


#: What each operator compares with, and whether it asks for the contrary.
_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringLike": (_is_like, False),
    "StringNotLike": (_is_like, True),
    "ArnLike": (_is_like, False),
    "Bool": (_equals_whatever_case, False),
}


def as_list(value: Any) -> list[Any]:
    """Return what a policy document may write as one value or as a list of them."""
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
