"""A policy's file: read, and checked with everything it names.

YAML or JSON (YAML holds it). What is wrong is told as `file:line: field: reason`, all of it at once. Amounts are read
as they are written, never through a float.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from arrears.documents.errors import TemplateError
from arrears.documents.yaml_lines import Located
from arrears.domain.policy import Policy
from arrears.domain.rules import Pack
from arrears.files.currencies import CURRENCIES
from arrears.policy_bank import missing_of_the_bank, used_templates
from arrears.policy_problems import (
    MAX_POLICY,
    PolicyFileError,
    Problem,
    path_text,
    problem_of,
    read_located,
    warning_of,
)
from arrears.policy_sense import never_entered, senseless
from arrears.resources import policies_folder, resource
from arrears.rules_check import looser, looser_templates
from arrears.rules_file import find_pack, load_pack, pack_names, rules_named

if TYPE_CHECKING:
    from arrears.documents.templates import Templates

__all__ = ["MAX_POLICY", "PolicyFile", "PolicyFileError", "Problem", "load_policy", "shipped_policy"]

#: Which kind of template an action takes.
_CHANNELS = {"send_sms": "sms", "queue_letter": "letter"}


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy that was read from a file and is good.

    Attributes:
        policy: the policy.
        templates: those beside the file, then those that ship; None where they were not to be checked.
        warnings: what is no error but should be known (rule 9 among it).
        lacking: what a policy in production must say of its bank and this one does not. Elsewhere placeholders stand
            in. Empty where the templates were not to be checked.
    """

    policy: Policy
    templates: "Templates | None"
    warnings: tuple[Problem, ...] = ()
    lacking: tuple[Problem, ...] = ()

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
    located = read_located(path)
    source = located.value
    if not isinstance(source, dict):
        raise PolicyFileError([Problem(str(path), 1, "", "is no policy: a mapping with name, version and stages")])
    if source.get("packs"):
        raise PolicyFileError([Problem(str(path), located.line(("packs",)), "packs", "is no key of a policy here")])
    packs = _packs(path, located)
    try:
        fields = {**source, "packs": packs} if packs else source
        policy = Policy.model_validate(fields, context={"currencies": CURRENCIES})
    except ValidationError as error:
        problems = [problem_of(path, located, each, Policy) for each in error.errors(include_url=False)]
        raise PolicyFileError(sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)) from None
    refused = [_problem(path, located, at, reason) for at, reason in (*senseless(policy), *looser(policy))]
    if refused:
        raise PolicyFileError(sorted(refused, key=lambda problem: problem.line or 0))
    warnings = [warning_of(path, located, text) for text in policy.warnings()] + _own_packs(path, located)
    warnings += [_problem(path, located, at, reason) for at, reason in never_entered(policy)]
    templates, problems = _check_templates(path, located, policy)
    if problems and check_templates:
        raise PolicyFileError(problems)
    lacking: tuple[Problem, ...] = ()
    if templates is not None and check_templates:
        warnings += _unused_texts(path, policy, templates)
        lacking = tuple(
            Problem(str(path), located.line(("bank", key)), f"bank.{key}", reason)
            for key, reason in missing_of_the_bank(policy, templates)
        )
    return PolicyFile(policy, templates, (*warnings, *problems), lacking)


def _problem(path: Path, located: Located, at: tuple[str | int, ...], reason: str) -> Problem:
    return Problem(str(path), located.line(at), path_text(at), reason)


def shipped_policy(name: str) -> Path:
    """Return the file of a policy that ships, by its name such as `cn-credit-card`.

    Raises:
        FileNotFoundError: none of that name ships.
    """
    return resource(f"{name}.yaml")


def _packs(path: Path, located: Located) -> tuple[Pack, ...]:
    """Return the packs that a policy's file names."""
    packs, problems = [], []
    for name in rules_named(located.value):
        found = find_pack(name, path.parent)
        if found is None:
            reason = f"no pack of rules is named {name}; there are {', '.join(pack_names(path.parent))}"
            problems.append(Problem(str(path), located.line(("rules",), name), "rules", reason))
            continue
        try:
            packs.append(load_pack(found))
        except PolicyFileError as error:
            problems += error.problems
    if problems:
        raise PolicyFileError(problems)
    return tuple(packs)


def _own_packs(path: Path, located: Located) -> list[Problem]:
    """Return a warning for each pack beside the policy that stands in for one that ships, and says something else."""
    return [
        Problem(str(path), located.line(("rules",), name), "rules", f"{name} is {own}, not the pack that ships")
        for name in rules_named(located.value)
        if (own := find_pack(name, path.parent)) is not None
        and (shipped := find_pack(name)) is not None
        and own.read_bytes() != shipped.read_bytes()
    ]


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
    for reason, rule in policy.holds.items():
        for index, answer in enumerate(rule.steps):
            if answer.template is not None:
                at = ("holds", reason, "steps", index, "template")
                named.append((at, _CHANNELS[answer.action], answer.template))
    if policy.instalments is not None and policy.instalments.remind_days_before is not None:
        named.append((("instalments", "template"), "sms", policy.instalments.template))
    if policy.promises.remind_days_before is not None:
        named.append((("promises", "template"), "sms", policy.promises.template))
    if policy.monthly_reminder is not None and policy.monthly_reminder.template is not None:
        named.append((("monthly_reminder", "template"), "sms", policy.monthly_reminder.template))
    return named


def _required_templates(policy: Policy) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Return the templates that the stages require to have been sent, likewise."""
    return [
        (("stages", name, "requires", index, "template"), _CHANNELS.get(required.action, ""), required.template)
        for name, stage in policy.stages.items()
        for index, required in enumerate(stage.requires)
        if required.template is not None
    ]


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

    named, required = named_templates(policy), _required_templates(policy)
    beside = [path.parent / f"{name}.yaml" for name in dict.fromkeys(name for _, _, name in (*named, *required))]
    places = [*(place for place in beside if place != path), path.parent / "templates", policies_folder() / "templates"]
    try:
        templates = load_templates(places)
    except TemplateError as error:
        return None, [Problem(error.file or str(path), error.line, "", error.message)]
    found = [(at, _no_template(templates, channel, name)) for at, channel, name in (*named, *required)]
    texts = [(at, name) for at, channel, name in named if not _no_template(templates, channel, name)]
    for at, name in (*texts, *_default_texts(policy)):
        template = templates.by_name[name]
        too_long = _too_long(policy, templates, name) if template.channel == "sms" else ()
        found += [(at, reason) for reason in (*too_long, *looser_templates(policy, template))]
    return templates, [_problem(path, located, at, reason) for at, reason in found if reason]


def _no_template(templates: "Templates", channel: str, name: str) -> str:
    """Return why a template cannot be used where it is named; nothing where it can."""
    if not channel:
        return "this action takes no template"
    if name not in templates:
        known = ", ".join(sorted(each for each, one in templates.by_name.items() if one.channel == channel))
        return f"no template is named {name}; there are {known}"
    if templates.by_name[name].channel != channel:
        return f"{name} is a template for {templates.by_name[name].channel}, not {channel}"
    return ""


def _unused_texts(path: Path, policy: Policy, templates: "Templates") -> Iterator[Problem]:
    """Yield the texts of the bank's own templates that are for a stage that the policy does not have."""
    for name in used_templates(policy):
        files = (folder / f"{name}.yaml" for folder in (path.parent, path.parent / "templates"))
        file = next((each for each in files if each.is_file() and each != path), None)
        if file is None or file.parent == policies_folder() / "templates":
            continue
        for index, text in enumerate(templates.by_name[name].texts if name in templates else ()):
            if text.stage is not None and text.stage not in policy.stages:
                at = ("texts", index, "stage")
                reason = f"the policy has no stage {text.stage}, so this text is never used"
                yield Problem(str(file), read_located(file).line(at), path_text(at), reason)


def _too_long(policy: Policy, templates: "Templates", name: str) -> Iterator[str]:
    """Yield why a text is over the limit with its longest plausible values, the bank's as the policy has them."""
    from arrears.documents.bank import sms_variables

    segments = templates.max_segments(name, lambda language: sms_variables(policy.bank, language))
    if segments > policy.sms.max_segments:
        allowed = f"sms.max_segments allows {policy.sms.max_segments}"
        yield f"{name} takes {segments} messages with its longest values; {allowed}"
