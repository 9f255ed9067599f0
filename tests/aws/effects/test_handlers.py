"""The functions as Lambda has them: what they import, and what they say to an event of theirs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from arrears.errors import PermanentSetupError
from tests.aws.effects.world import FUNCTIONS, World
from tools.template import ROOT, Resolver, load

#: What only the functions that write texts or documents may import.
HEAVY = ("reportlab", "babel", "phonenumbers", "segno", "PIL")
DRAWS = {"reportlab", "babel", "segno", "PIL"}
#: By use case: its function in the template, and what of that it may import.
ALLOWED: dict[str, tuple[str, set[str]]] = {
    "send_sms": ("SendSmsFunction", {"babel", "phonenumbers"}),
    "queue_call": ("QueueCallFunction", set()),
    "queue_letter": ("QueueLetterFunction", DRAWS),
    "freeze_account": ("FreezeAccountFunction", set()),
    "place_with_agency": ("ExportAgencyFunction", DRAWS),
    "recall_from_agency": ("ExportAgencyFunction", set()),
    "file_legal": ("ExportLegalFunction", DRAWS),
    "close_day": ("CloseExportDayFunction", DRAWS),
}


@pytest.mark.parametrize("use_case", ALLOWED)
def test_a_function_imports_no_more_than_it_needs(use_case: str) -> None:
    code = (
        f"import sys, arrears.bootstrap_effects as made; made.{use_case}();"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    logical_id, allowed = ALLOWED[use_case]
    environment = Resolver(load()).environment(logical_id) | {"AWS_DEFAULT_REGION": "us-east-1"}
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert set(loaded.stdout.split()) <= allowed


@pytest.mark.parametrize("folder", sorted({*FUNCTIONS.values(), "close_export_day"}))
def test_a_handler_is_imported_with_an_empty_environment(folder: str) -> None:
    code = "import app; assert app.handle"
    path = {"PYTHONPATH": str(ROOT / "functions" / folder)}
    subprocess.run([sys.executable, "-c", code], env=path, check=True, timeout=60)


#: Asks for a set of a day again, which has to be there: refused, and tested with the agencies.
NEEDS_A_SET = "write_again"
EVENTS = sorted(
    path
    for folder in {*FUNCTIONS.values(), "close_export_day"}
    for path in (ROOT / "events" / folder).glob("*.json")
    if path.stem != NEEDS_A_SET
)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_event_of_a_case_that_is_not_there_changes_nothing(world: World, path: Path) -> None:
    event = json.loads(path.read_text(encoding="utf-8"))
    if "reissue" in event:
        with pytest.raises(PermanentSetupError, match="has no set of"):
            world.invoke(path.parent.name, event)
        return
    answer = world.invoke(path.parent.name, event)
    if path.parent.name == "close_export_day":
        assert answer["placements"] == 0
    else:
        assert answer["next"] == "Closed"
    assert not world.texts()


@pytest.mark.parametrize("state", FUNCTIONS)
def test_there_is_an_event_for_each_action(state: str) -> None:
    events = [json.loads(path.read_text()) for path in (ROOT / "events" / FUNCTIONS[state]).glob("*.json")]
    assert state in {event["next"] for event in events}
