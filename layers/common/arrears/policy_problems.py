"""What is wrong with a policy, or with a pack of rules that it names, and where: `file:line: field: reason`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from arrears.documents import yaml_lines
from arrears.documents.errors import TemplateError
from arrears.documents.yaml_lines import MAX_FILE, Located
from arrears.policy_words import reason_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: The longest file of a policy or a pack, in bytes.
MAX_POLICY = MAX_FILE
_PLACE_IN_MESSAGE = re.compile(r"([a-z_]+(?:\.[a-z0-9_]+)*): ")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a policy, or worth knowing.

    Attributes:
        line: counted from 1; None where no line can be named.
        field: where in the policy, such as `stages.call.steps[0]`; empty for the file as a whole.
    """

    file: str
    line: int | None
    field: str
    reason: str

    def __str__(self) -> str:
        """`file:line: field: reason`, which editors can follow."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.field}: {self.reason}" if self.field else f"{place}: {self.reason}"


class PolicyFileError(ValueError):
    """A policy is refused; `problems` says why, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


# --- reading ---------------------------------------------------------------------------------------------------------
def read_located(path: Path) -> Located:
    """Read a file of YAML or JSON.

    Raises:
        PolicyFileError: it cannot be read, or is neither.
    """
    try:
        return yaml_lines.read_located(path)
    except TemplateError as error:
        raise PolicyFileError([Problem(str(path), error.line, "", error.message)]) from None


# --- what is wrong ---------------------------------------------------------------------------------------------------
def path_text(path: Iterable[str | int]) -> str:
    """Return a place in a file, such as `stages.call.steps[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def problem_of(
    path: Path,
    located: Located,
    error: "ErrorDetails",
    of: type[BaseModel],
    unknown_key: str = "is no key of a policy here",
) -> Problem:
    """Return what pydantic found wrong with what a file holds, with its place in the file."""
    at = tuple(part for part in error["loc"] if part != "[key]")
    reason = reason_of(error, of, unknown_key)
    if error["type"] == "value_error" and (match := _PLACE_IN_MESSAGE.match(reason)):
        at, reason = (*at, *match[1].split(".")), reason[match.end() :]
    return Problem(str(path), located.line(at), path_text(at), reason)


def warning_of(path: Path, located: Located, text: str) -> Problem:
    """Return a warning, with its place in the file where the text begins with one."""
    match = _PLACE_IN_MESSAGE.match(text)
    if match is None:
        return Problem(str(path), None, "", text)
    at = match[1].split(".")
    return Problem(str(path), located.line(at), match[1], text[match.end() :])
