"""The template and the code, held together: what one names, the other has."""

import ast
import importlib
import inspect
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.outside import Outside
from tests.support.stack import CREDENTIALS, Stack, folders
from tests.support.states import STATE_MACHINE
from tools.template import ROOT, functions, load

FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
BY_FOLDER = {folder.removeprefix("functions/"): logical_id for logical_id, folder in folders().items()}


class Recording(dict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def composed(folder: str) -> Iterator[tuple[str, str]]:
    """What a handler takes from the composition roots: module and name."""
    tree = ast.parse((ROOT / "functions" / folder / "app.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("arrears.bootstrap"):
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_every_function_folder_is_a_function_of_the_template_and_the_other_way_round() -> None:
    assert sorted(BY_FOLDER) == FOLDERS
    assert all((ROOT / uri).is_dir() for uri in folders().values())


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_is_named_after_its_folder_and_its_handler_is_there(folder: str) -> None:
    properties = functions(load())[BY_FOLDER[folder]]
    module, _, name = properties["Handler"].partition(".")

    assert BY_FOLDER[folder] == "".join(word.capitalize() for word in folder.split("_")) + "Function"
    tree = ast.parse((ROOT / "functions" / folder / f"{module}.py").read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_function_reads_of_its_environment_is_what_the_template_gives_it(
    stack: Stack, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Outside(stack)
    stack.physical["Escalation"] = STATE_MACHINE
    given = stack.environment(BY_FOLDER[folder])
    shared = set(load()["Globals"]["Function"]["Environment"]["Variables"])
    environment = Recording(given | CREDENTIALS)
    monkeypatch.setattr(os, "environ", environment)

    roots = list(composed(folder))
    for module, name in roots:
        compose = getattr(importlib.import_module(module), name)
        # Some look at the event too: an empty one, as a schedule sends it.
        compose(*({} for _ in inspect.signature(compose).parameters))

    assert roots, "a handler takes its use case from a composition root"
    asked = {name for name in environment.asked if not name.startswith(("AWS_", "BOTO"))}
    assert set(given) - shared <= asked, "a variable of a function's own that it does not read"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_sample_event_ships_for_each_function(folder: str) -> None:
    assert list((ROOT / "events" / folder).glob("*.json"))
