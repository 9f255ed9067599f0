"""The harness itself, on a function of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rie.emulator import BuiltFunction, Emulator, descendants

pytestmark = pytest.mark.rie

HANDLER = """
import os
import time

import in_the_layer


def handle(event, context):
    if event.get("raise"):
        raise in_the_layer.TransientError("try again")
    if event.get("import"):
        __import__(event["import"])
    print("a line of log")
    time.sleep(event.get("sleep", 0))
    return {"event": event, "environment": dict(os.environ), "left": context.get_remaining_time_in_millis()}
"""


@pytest.fixture
def function(tmp_path: Path) -> BuiltFunction:
    code, layer = tmp_path / "code", tmp_path / "layer"
    code.mkdir()
    (layer / "python").mkdir(parents=True)
    (code / "app.py").write_text(HANDLER)
    (layer / "python" / "in_the_layer.py").write_text("class TransientError(Exception):\n    pass\n")
    return BuiltFunction("ToyFunction", "app.handle", code, (layer,), timeout=2, memory=256)


@pytest.fixture
def start(function: BuiltFunction, tmp_path: Path) -> Callable[..., Emulator]:
    work = tmp_path / "work"
    work.mkdir()

    def make(**environment: str) -> Emulator:
        return Emulator(function, environment, work=work, endpoint="http://127.0.0.1:1", region="eu-west-1")

    return make


def test_the_event_goes_in_and_the_result_comes_out(start: Callable[..., Emulator]) -> None:
    with start() as emulator:
        answer = emulator.invoke({"amount": "12.50", "name": "李"})

    assert answer.error is None
    assert answer.payload["event"] == {"amount": "12.50", "name": "李"}
    assert 0 < answer.payload["left"] <= 2000
    assert "a line of log" in answer.log


def test_the_function_sees_its_own_environment_and_nothing_of_this_process(
    start: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARREARS_SECRET", "of the test")
    with start(TABLE="t-1") as emulator:
        seen = emulator.invoke({}).payload["environment"]

    assert seen["TABLE"] == "t-1"
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert seen["AWS_REGION"] == "eu-west-1"
    assert "ARREARS_SECRET" not in seen


def test_what_no_layer_holds_is_missing(start: Callable[..., Emulator]) -> None:
    with start() as emulator:
        answer = emulator.invoke({"import": "pytest"})

    assert answer.error == "ModuleNotFoundError"


def test_an_exception_comes_out_by_its_name_and_the_function_lives_on(start: Callable[..., Emulator]) -> None:
    with start() as emulator:
        assert emulator.invoke({"raise": True}).error == "TransientError"
        assert emulator.invoke({}).error is None


def test_a_function_is_stopped_at_its_timeout(start: Callable[..., Emulator]) -> None:
    with start() as emulator:
        assert emulator.invoke({"sleep": 30}).error is not None


def test_nothing_is_left_running(start: Callable[..., Emulator]) -> None:
    with start() as emulator:
        emulator.invoke({})
        pid = emulator.pid
        processes = {pid, *descendants(pid)}
        assert len(processes) == 2

    assert not [process for process in processes if Path(f"/proc/{process}").exists()]
