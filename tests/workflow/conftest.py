"""The real state machine, interpreted by moto, with the real handlers; nothing reaches a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from arrears.adapters import table
from tests.support.builders import account
from tests.support.escalation import Escalation, deployed
from tests.support.stack import CREDENTIALS, Stack, moto_stack

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.workflow)


@pytest.fixture(autouse=True)
def _shut_in(monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> None:  # noqa: ARG001 - asked for its effect
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(table, "back_off", lambda _attempt: None)


@pytest.fixture
def stack() -> Iterator[Stack]:
    """The stack on the day on which the default account's case opens."""
    with moto_stack(config={"stepfunctions": {"execute_state_machine": True}}) as made:
        yield made


@pytest.fixture
def escalation(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Escalation]:
    """The state machine, deployed; the default account is past due and on the queue."""
    with deployed(stack, monkeypatch) as made:
        stack.report(account())
        yield made
