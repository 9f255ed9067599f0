"""Everything below runs against moto, in this process: no network, no account, nothing of this machine's settings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import CREDENTIALS, Stack, moto_stack

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.aws)


@pytest.fixture(autouse=True)
def _shut_in(monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> None:  # noqa: ARG001 - asked for its effect
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def stack() -> Iterator[Stack]:
    """The stack on the day on which the default account's case opens; nothing is reported yet."""
    with moto_stack() as made:
        yield made
