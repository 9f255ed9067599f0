"""What the end-to-end tests and those of the built functions share: one embedded stack for the session."""

from collections.abc import Iterator

import pytest

from tests.support.embedded import Embedded


@pytest.fixture(scope="session")
def embedded_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """The embedded stack, up on a free port, in a folder of its own; this process's clients do not talk to it yet."""
    made = Embedded.up(tmp_path_factory.mktemp("embedded"))
    try:
        yield made
    finally:
        made.down()
