import re
import tomllib
from typing import Any

import pytest

from tools.lock import name_of, split_layers
from tools.template import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def pinned(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {name_of(line): line for line in lines if line and not line.startswith("#")}


@pytest.mark.parametrize("lock", ["common", "documents", "dev"])
def test_layers_and_tests_take_the_versions_of_one_lock(lock: str) -> None:
    runtime, other = pinned("runtime"), pinned(lock)
    assert {name: other[name] for name in other if name in runtime} == {
        name: runtime[name] for name in other if name in runtime
    }


def test_the_two_layers_together_are_the_runtime_without_the_command_line_and_share_nothing() -> None:
    common, documents = pinned("common"), pinned("documents")
    of_commands = {name_of(requirement) for requirement in split_layers(PROJECT)[2]}
    assert of_commands
    assert common | documents == {name: line for name, line in pinned("runtime").items() if name not in of_commands}
    assert not set(common) & set(documents)


def test_every_dependency_is_locked() -> None:
    common, documents, commands = split_layers(PROJECT)
    assert {name_of(requirement) for requirement in common} <= set(pinned("common"))
    assert {name_of(requirement) for requirement in documents} <= set(pinned("documents"))
    assert {name_of(requirement) for requirement in commands} <= set(pinned("runtime"))


def test_a_layer_that_names_no_dependency_is_refused() -> None:
    project = {"project": {"dependencies": ["a>=1"]}, "tool": {"arrears": {"layers": {"documents": ["b"]}}}}
    with pytest.raises(ValueError, match="no dependency: b"):
        split_layers(project)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_names_a_place_to_download_from(lock: Any) -> None:
    assert not re.search(r"://|--index|--find-links| @ ", lock.read_text(encoding="utf-8"))


def test_the_layer_keeps_the_model_of_every_service_that_is_used() -> None:
    kept = {*PROJECT["tool"]["arrears"]["layers"]["services"]}
    used = {
        service
        for path in (ROOT / "layers" / "common" / "arrears").rglob("*.py")
        if path.relative_to(ROOT / "layers" / "common" / "arrears").parts[0] not in {"cli", "local", "stack.py"}
        for service in re.findall(r"""make\(\s*["']([a-z0-9-]+)["']""", path.read_text(encoding="utf-8"))
    }
    assert used == kept
