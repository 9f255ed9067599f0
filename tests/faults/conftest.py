"""The worlds need nothing but Python: no network, nothing of this machine's settings."""

import pytest

from tests.support.stack import CREDENTIALS


@pytest.fixture(autouse=True)
def _shut_in(monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> None:  # noqa: ARG001 - asked for its effect
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
