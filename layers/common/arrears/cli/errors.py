"""What ends a command, and the type of what its parser is added to."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    #: What `add_parser` of a group is given.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no other name
else:
    Subparsers = Any


class CommandError(Exception):
    """A command cannot do what it was asked; its text is all that the user needs to see.

    Attributes:
        exit_code: 1, refused or failed; 2, the command line makes no sense.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
