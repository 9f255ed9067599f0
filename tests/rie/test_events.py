"""Every event in events/ is taken by the function it is for: built, in Lambda's emulator, against a stack."""

import json
from pathlib import Path

import pytest

from tests.rie.conftest import Running
from tests.rie.emulator import folder_of
from tools.template import ROOT, functions, load

pytestmark = pytest.mark.rie

EVENTS = sorted((ROOT / "events").glob("*/*.json"))
FUNCTIONS = {folder_of(name): name for name in functions(load())} if (ROOT / "template.yaml").is_file() else {}

# Events that a function is meant to refuse, and the error by which the workflow knows it.
REFUSED: dict[str, str] = {
    # There is no such day: what is written again has been written before.
    "close_export_day/write_again": "PermanentSetupError",
    # They name files of another stack; test_import.py has the functions take in a file of this one.
    "import_rows/piece_of_a_portfolio": "PermanentActionError",
    "report_import/all_pieces_done": "PermanentActionError",
    "report_import/execution_failed": "PermanentSetupError",
    "report_import/split_broke_off": "PermanentSetupError",
    "split_import/acknowledgement": "PermanentSetupError",
    "split_import/agency_return": "PermanentSetupError",
    "split_import/court_file": "PermanentSetupError",
    "split_import/plans_file": "PermanentSetupError",
    "split_import/portfolio_file": "PermanentSetupError",
}


def name_of(event: Path) -> str:
    return f"{event.parent.name}/{event.stem}"


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_the_built_function_takes_the_event(event: Path, running: Running) -> None:
    emulator = running.emulator(FUNCTIONS[event.parent.name])

    answer = emulator.invoke(json.loads(event.read_text(encoding="utf-8")))

    assert answer.error == REFUSED.get(name_of(event)), f"{answer.payload}\n{answer.log}"


def test_every_function_has_an_event_and_every_event_a_function() -> None:
    assert {event.parent.name for event in EVENTS} == set(FUNCTIONS)


def test_every_refused_event_exists() -> None:
    assert set(REFUSED) <= {name_of(event) for event in EVENTS}
