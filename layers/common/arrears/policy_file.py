"""A policy's file: read, and checked with everything it names.

YAML or JSON (YAML holds it). What is wrong is told as `file:line: field: reason`, all of it at once. Amounts are read
as they are written, never through a float.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from arrears.documents.errors import TemplateError
from arrears.documents.yaml_lines import Located, load_located
from arrears.domain.policy import Policy
from arrears.resources import policies_folder, resource

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from arrears.documents.templates import Templates

#: No policy that a person writes is longer, in bytes.
MAX_POLICY = 256 * 1024
#: Which kind of template an action takes.
_CHANNELS = {"send_sms": "sms", "queue_letter": "letter"}
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


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy that was read from a file and is good.

    Attributes:
        policy: the policy.
        templates: those beside the file, then those that ship; None where they were not to be checked.
        warnings: what is no error but should be known (rule 9 among it).
    """

    policy: Policy
    templates: "Templates | None"
    warnings: tuple[Problem, ...] = ()

    def document(self) -> str:
        """Return what is stored on a stack when the policy is published, with the templates that it uses."""
        from arrears.policy_document import document_of

        return document_of(self.policy, {} if self.templates is None else self.templates.to_data())


def load_policy(path: Path | str, *, check_templates: bool = True) -> PolicyFile:
    """Read and check a policy's file and the templates that it names.

    Args:
        path: the file.
        check_templates: whether a template that is missing or bad is an error; otherwise it is a warning, as for a
            simulation, which writes no texts.

    Raises:
        PolicyFileError: the file cannot be read, is no policy, or names templates that are not there or are bad.
    """
    path = Path(path)
    located = _read(path)
    source = located.value
    if not isinstance(source, dict):
        raise PolicyFileError([Problem(str(path), 1, "", "is no policy: a mapping with name, version and stages")])
    try:
        policy = Policy.model_validate(source)
    except ValidationError as error:
        problems = [_problem(path, located, each) for each in error.errors(include_url=False, include_input=False)]
        raise PolicyFileError(sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)) from None
    warnings = [_warning(path, located, text) for text in policy.warnings()]
    templates, problems = _check_templates(path, located, policy)
    if problems and check_templates:
        raise PolicyFileError(problems)
    return PolicyFile(policy, templates, (*warnings, *problems))


def shipped_policy(name: str) -> Path:
    """Return the file of a policy that ships, by its name such as `cn-credit-card`.

    Raises:
        FileNotFoundError: none of that name ships.
    """
    return resource(f"{name}.yaml")


# --- reading ---------------------------------------------------------------------------------------------------------
def _read(path: Path) -> Located:
    def refuse(reason: str, line: int | None = None) -> PolicyFileError:
        return PolicyFileError([Problem(str(path), line, "", reason)])

    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_POLICY + 1)
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    if len(raw) > MAX_POLICY:
        raise refuse(f"is longer than {MAX_POLICY // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("is not UTF-8", raw.count(b"\n", 0, error.start) + 1) from None
    if text.lstrip().startswith("{"):
        # Tabs may indent JSON but not YAML; inside a JSON text they are written \t, so no text changes.
        text = text.replace("\t", " ")
    try:
        return load_located(text, str(path))
    except TemplateError as error:
        raise refuse(error.message, error.line) from None
    except RecursionError:
        raise refuse("is nested too deeply") from None


# --- what is wrong ---------------------------------------------------------------------------------------------------
def _path_text(path: Iterable[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_REASONS = {
    "extra_forbidden": "is no key of a policy here",
    "missing": "is missing",
}


def _problem(path: Path, located: Located, error: "ErrorDetails") -> Problem:
    at = tuple(part for part in error["loc"] if part != "[key]")
    reason = _REASONS.get(error["type"], error["msg"].removeprefix("Value error, "))
    if error["type"] == "string_pattern_mismatch" and "[key]" in error["loc"]:
        reason = f"is no name that can stand here ({error['ctx']['pattern']})"
    elif error["type"] == "value_error" and (match := _PLACE_IN_MESSAGE.match(reason)):
        at, reason = (*at, *match[1].split(".")), reason[match.end() :]
    if reason[1:2].islower():
        reason = reason[0].lower() + reason[1:]
    return Problem(str(path), located.line(at), _path_text(at), reason)


def _warning(path: Path, located: Located, text: str) -> Problem:
    match = _PLACE_IN_MESSAGE.match(text)
    if match is None:
        return Problem(str(path), None, "", text)
    at = match[1].split(".")
    return Problem(str(path), located.line(at), match[1], text[match.end() :])


# --- templates -------------------------------------------------------------------------------------------------------
def named_templates(policy: Policy) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Return the templates that a policy names: where, the action's kind of template, and the name."""
    named: list[tuple[tuple[str | int, ...], str, str]] = []
    for stage_name, stage in policy.stages.items():
        for index, step in enumerate(stage.steps):
            if step.template is not None:
                at = ("stages", stage_name, "steps", index, "template")
                named.append((at, _CHANNELS.get(step.action, ""), step.template))
    for action, instead in policy.contact.fallback.items():
        if instead.template is not None:
            named.append(
                (("contact", "fallback", action, "template"), _CHANNELS.get(instead.action, ""), instead.template)
            )
    if policy.promises.remind_days_before is not None:
        named.append((("promises", "template"), "sms", policy.promises.template))
    if policy.monthly_reminder is not None and policy.monthly_reminder.template is not None:
        named.append((("monthly_reminder", "template"), "sms", policy.monthly_reminder.template))
    return named


def _default_texts(policy: Policy) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the templates of the texts for which a policy names none: where, and the name."""
    from arrears.documents.bank import DEFAULT_MONTHLY, DEFAULT_SMS

    steps = [
        (("stages", stage_name, "steps", index), step)
        for stage_name, stage in policy.stages.items()
        for index, step in enumerate(stage.steps)
    ]
    used: list[tuple[tuple[str | int, ...], str]] = [
        (at, DEFAULT_SMS) for at, step in steps if step.action == "send_sms" and step.template is None
    ]
    if policy.monthly_reminder is not None and policy.monthly_reminder.template is None:
        used.append((("monthly_reminder",), DEFAULT_MONTHLY))
    return used


def _check_templates(path: Path, located: Located, policy: Policy) -> tuple["Templates | None", list[Problem]]:
    from arrears.documents.templates import load_templates

    def problem(at: tuple[str | int, ...], reason: str) -> Problem:
        return Problem(str(path), located.line(at), _path_text(at), reason)

    named = named_templates(policy)
    beside = [path.parent / f"{name}.yaml" for name in dict.fromkeys(name for _, _, name in named)]
    places = [*(place for place in beside if place != path), path.parent / "templates", policies_folder() / "templates"]
    try:
        templates = load_templates(places)
    except TemplateError as error:
        return None, [Problem(error.file or str(path), error.line, "", error.message)]
    problems = []
    for at, channel, name in named:
        if not channel:
            problems.append(problem(at, "this action takes no template"))
        elif name not in templates:
            known = ", ".join(sorted(each for each, one in templates.by_name.items() if one.channel == channel))
            problems.append(problem(at, f"no template is named {name}; there are {known}"))
        elif templates.by_name[name].channel != channel:
            problems.append(problem(at, f"{name} is a template for {templates.by_name[name].channel}, not {channel}"))
        elif channel == "sms":
            problems += [problem(at, reason) for reason in _too_long(policy, templates, name)]
    for at, name in _default_texts(policy):
        problems += [problem(at, reason) for reason in _too_long(policy, templates, name)]
    return templates, problems


def _too_long(policy: Policy, templates: "Templates", name: str) -> Iterator[str]:
    """Yield why a text is over the limit with its longest plausible values, the bank's as the policy has them."""
    from arrears.documents.bank import sms_variables

    segments = templates.max_segments(name, lambda language: sms_variables(policy.bank, language))
    if segments > policy.sms.max_segments:
        allowed = f"sms.max_segments allows {policy.sms.max_segments}"
        yield f"{name} takes {segments} messages with its longest values; {allowed}"
