"""A policy as the stack keeps it: one JSON document with the policy and the templates that came with it."""

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import yaml

from arrears.domain.policy import Policy
from arrears.errors import PermanentSetupError
from arrears.resources import resource
from arrears.rules_file import load_packs, rules_named

if TYPE_CHECKING:
    from pathlib import Path


def document_of(policy: Policy, templates: Mapping[str, object]) -> str:
    """Return the document of a checked policy.

    Args:
        policy: as loaded from its file.
        templates: as data, see `documents.templates`; empty for those that ship.
    """
    fields = policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return json.dumps({"policy": fields, "templates": templates}, ensure_ascii=False, separators=(",", ":"))


@cache
def shipped_document(name: str) -> str:
    """Return the document of a policy that ships, by its name; it uses the templates that ship.

    Raises:
        PermanentSetupError: none of that name ships.
    """
    try:
        path: Path = resource(f"{name}.yaml")
    except FileNotFoundError as error:
        raise PermanentSetupError(f"no policy {name!r} ships, and none is published") from error
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    packs = load_packs(rules_named(fields))
    return document_of(Policy.model_validate({**fields, "packs": packs} if packs else fields), {})
