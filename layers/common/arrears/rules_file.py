"""Packs of rules of contact: where they lie, read and checked."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from arrears.domain.rules import Pack
from arrears.policy_problems import PolicyFileError, Problem, problem_of, read_located
from arrears.resources import policies_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def pack_places(beside: Path | None = None) -> Sequence[Path]:
    """Return the folders in which a policy's packs are looked up: `rules` beside its file, then those that ship."""
    shipped = policies_folder() / "rules"
    return [shipped] if beside is None else [beside / "rules", shipped]


def find_pack(name: str, beside: Path | None = None) -> Path | None:
    """Return the file of a pack; None where there is none of that name."""
    if not _NAME.fullmatch(name):
        return None
    paths = (folder / f"{name}.yaml" for folder in pack_places(beside))
    return next((path.resolve() for path in paths if path.is_file()), None)


def pack_names(beside: Path | None = None) -> list[str]:
    """Return the names of the packs that there are."""
    return sorted({path.stem for folder in pack_places(beside) for path in folder.glob("*.yaml")})


def load_pack(path: Path) -> Pack:
    """Read and check the file of a pack.

    Raises:
        PolicyFileError: the file cannot be read, or is no pack.
    """
    located = read_located(path)
    source = located.value
    if not isinstance(source, dict):
        raise PolicyFileError([Problem(str(path), 1, "", "is no pack of rules: a mapping with name, title and rules")])
    if source.get("name", path.stem) != path.stem:
        reason = f"the pack is named {source['name']}, its file {path.stem}"
        raise PolicyFileError([Problem(str(path), located.line(("name",)), "name", reason)])
    try:
        return Pack.model_validate(source)
    except ValidationError as error:
        problems = []
        for each in error.errors(include_url=False):
            # The kind of a rule is in the place of what is wrong with it, though not in the file.
            if each["loc"][:1] == ("rules",) and len(each["loc"]) > 2:  # noqa: PLR2004 - rules, number, kind
                each["loc"] = (*each["loc"][:2], *each["loc"][3:])
            problems.append(problem_of(path, located, each, Pack, "is no key of a pack here"))
        raise PolicyFileError(problems) from None


def load_packs(names: Iterable[str], beside: Path | None = None) -> tuple[Pack, ...]:
    """Read the packs that a policy names.

    Raises:
        PolicyFileError: one of them is no pack.
        FileNotFoundError: there is none of that name.
    """
    packs = []
    for name in names:
        path = find_pack(name, beside)
        if path is None:
            raise FileNotFoundError(f"no pack of rules is named {name}; there are {', '.join(pack_names(beside))}")
        packs.append(load_pack(path))
    return tuple(packs)


def rules_named(source: object) -> list[str]:
    """Return the packs that a policy's file names; none where what it says is no name or list of names."""
    named = source.get("rules", []) if isinstance(source, dict) else []
    if isinstance(named, str):
        return [named]
    return [each for each in named if isinstance(each, str)] if isinstance(named, list) else []
