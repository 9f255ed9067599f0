"""Check the workflows in infra/*.asl.json for what no other linter looks at.

`sam validate`, `cfn-lint` and the local engines all take a `Next` that leads nowhere. This does not: every state exists
and is reached; every task has a timeout, a retry with backoff and jitter, and a catch for whatever else goes wrong;
every error is one that somebody raises; every `${Substitution}` is supplied, and none for nothing.
"""

import importlib
import inspect
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from botocore.exceptions import UnknownServiceError
from botocore.session import get_session

from tools.template import ROOT, functions, load, resources

STATE_MACHINES = ("AWS::Serverless::StateMachine",)

# The errors that Step Functions itself raises (Developer Guide, "Handling errors in Step Functions workflows").
STATES_ERRORS = {
    "States.ALL",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.TaskFailed",
    "States.Timeout",
}
# Errors that end an execution whatever its Catch says: naming one promises what will not happen.
NEVER_CAUGHT = {"States.Runtime", "States.DataLimitExceeded"}
# How Lambda says that it, or the function's process, failed (same guide, "Lambda service exceptions").
LAMBDA_ERRORS = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
}
# Step Functions takes its names from the SDK for Java, which calls some services otherwise than botocore.
SERVICES = {
    "DynamoDb": "dynamodb",
    "EventBridge": "events",
    "Lambda": "lambda",
    "S3": "s3",
    "Scheduler": "scheduler",
    "Sfn": "stepfunctions",
    "Sns": "sns",
    "Sqs": "sqs",
}
# Raised by the SDK or by every service, and in no service's model.
COMMON_SDK_ERRORS = {
    "InternalServerErrorException",
    "SdkClientException",
    "ServiceUnavailableException",
    "ThrottlingException",
}
SUBSTITUTION = re.compile(r"\$\{([^}]+)\}")
LEAST_BACKOFF = 1.5


@dataclass
class Report:
    """What is wrong with one workflow, each finding with its place."""

    file: str
    findings: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Note one finding."""
        self.findings.append(f"{self.file}: {place}: {message}")


def check(
    definition: Mapping[str, Any],
    *,
    file: str = "workflow",
    substitutions: Collection[str] | None = None,
    errors: Collection[str] | None = None,
) -> list[str]:
    """What is wrong with a workflow; an empty list when nothing is.

    Args:
        definition: the workflow, parsed.
        file: what to call it in the findings.
        substitutions: the names that the template supplies; None to leave them unchecked.
        errors: the names of the errors that functions raise; those of `arrears.errors` when None.
    """
    report = Report(file)
    _check_states(definition, "", report)
    raised = error_classes() if errors is None else errors
    for place, state in all_states(definition):
        if state.get("Type") == "Task":
            _check_task(place, state, report)
        for rule in (*state.get("Retry", ()), *state.get("Catch", ())):
            for name in rule.get("ErrorEquals", ()):
                _check_error(place, name, raised, report)
        _check_rules(place, state, report)
    if substitutions is not None:
        used = set(SUBSTITUTION.findall(json.dumps(definition)))
        for name in sorted(used - set(substitutions)):
            report.add("DefinitionSubstitutions", f"${{{name}}} is used, and the template does not supply it")
        for name in sorted(set(substitutions) - used):
            report.add("DefinitionSubstitutions", f"{name} is supplied, and not used")
    return report.findings


def all_states(definition: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every state with its place: `TakeIn/ImportRows` is inside a map."""
    for name, state in definition.get("States", {}).items():
        place = f"{prefix}{name}"
        yield place, state
        for inner in inner_workflows(state):
            yield from all_states(inner, f"{place}/")


def inner_workflows(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The workflows inside a Map or Parallel state."""
    inner = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
    return [*inner, *state.get("Branches", ())]


def _check_states(definition: Mapping[str, Any], prefix: str, report: Report) -> None:
    states: Mapping[str, Any] = definition.get("States", {})
    start = definition.get("StartAt")
    if start not in states:
        report.add(f"{prefix}StartAt", f"there is no state {start!r}")
    reached = {name for name in states if name == start}
    waiting = list(reached)
    while waiting:
        name = waiting.pop()
        for key, target in _targets(states[name]):
            if target not in states:
                report.add(f"{prefix}{name}", f"{key} leads to {target!r}, which does not exist")
            elif target not in reached:
                reached.add(target)
                waiting.append(target)
    for name in states:
        if name not in reached:
            report.add(f"{prefix}{name}", "no other state leads here")
    for name, state in states.items():
        _check_end(f"{prefix}{name}", state, report)
        for inner in inner_workflows(state):
            _check_states(inner, f"{prefix}{name}/", report)


def _targets(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ("Next", "Default"):
        if key in state:
            yield key, state[key]
    for key in ("Choices", "Catch"):
        for rule in state.get(key, ()):
            if "Next" in rule:
                yield f"{key}.Next", rule["Next"]


def _check_end(place: str, state: Mapping[str, Any], report: Report) -> None:
    kind = state.get("Type")
    if kind in {"Succeed", "Fail"}:
        return
    if kind == "Choice":
        if "Default" not in state:
            report.add(place, "a choice without Default ends the execution with States.NoChoiceMatched")
        for number, rule in enumerate(state.get("Choices", ())):
            if "Next" not in rule:
                report.add(place, f"choice {number} has no Next")
    elif ("Next" in state) == bool(state.get("End")):
        report.add(place, "needs either Next or End")


def _check_task(place: str, state: Mapping[str, Any], report: Report) -> None:
    if "TimeoutSeconds" not in state and "TimeoutSecondsPath" not in state:
        report.add(place, "a task without TimeoutSeconds may hang for a year")
    if not state.get("Retry"):
        report.add(place, "a task without Retry")
    if not any("States.ALL" in rule.get("ErrorEquals", ()) for rule in state.get("Catch", ())):
        report.add(place, "no Catch for States.ALL: what nobody thought of ends the execution")


def _check_rules(place: str, state: Mapping[str, Any], report: Report) -> None:
    for kind in ("Retry", "Catch"):
        rules = state.get(kind, ())
        for number, rule in enumerate(rules):
            names = rule.get("ErrorEquals", ())
            if not names:
                report.add(place, f"{kind} {number} names no error")
            if "States.ALL" in names and (len(names) > 1 or number != len(rules) - 1):
                report.add(place, f"{kind} {number}: States.ALL stands alone, and in the last rule")
    seen: set[str] = set()
    for number, rule in enumerate(state.get("Retry", ())):
        if float(rule.get("BackoffRate", 0)) < LEAST_BACKOFF or rule.get("JitterStrategy") != "FULL":
            report.add(place, f"Retry {number} has no backoff and jitter (BackoffRate, JitterStrategy: FULL)")
        if rule.get("MaxAttempts") is None or rule.get("MaxDelaySeconds") is None:
            report.add(place, f"Retry {number} does not say how often and how long (MaxAttempts, MaxDelaySeconds)")
        for name in rule.get("ErrorEquals", ()):
            if name.startswith("Permanent"):
                report.add(place, f"Retry {number} repeats {name}, which says that repeating does not help")
            if name in seen:
                report.add(place, f"Retry {number} names {name} once more; only the first rule counts")
            seen.add(name)


def _check_error(place: str, name: str, raised: Collection[str], report: Report) -> None:
    if name in NEVER_CAUGHT:
        report.add(place, f"{name} cannot be caught")
    elif name.startswith("States."):
        if name not in STATES_ERRORS:
            report.add(place, f"{name} is no error of Step Functions")
    elif name in LAMBDA_ERRORS:
        return
    elif "." in name:
        service, _, error = name.partition(".")
        if service not in SERVICES:
            report.add(place, f"{name}: {service} is no service that is known here")
        elif error not in sdk_errors(SERVICES[service]):
            report.add(place, f"{name} is no error of {service}")
    elif name not in raised:
        report.add(place, f"{name} is no class in arrears.errors")


@cache
def sdk_errors(service: str) -> frozenset[str]:
    """The errors of a service, as Step Functions calls them: with Exception at the end, whatever the model says."""
    try:
        model = get_session().get_service_model(service)
    except UnknownServiceError:
        return frozenset()
    names = {shape.name for shape in model.error_shapes}
    return frozenset(
        names | {f"{name}Exception" for name in names if not name.endswith("Exception")} | COMMON_SDK_ERRORS
    )


@cache
def error_classes() -> frozenset[str]:
    """The names of the exceptions that `arrears.errors` defines."""
    module = importlib.import_module("arrears.errors")
    members = inspect.getmembers(module, inspect.isclass)
    return frozenset(name for name, member in members if issubclass(member, Exception))


def timeouts(definition: Mapping[str, Any], supplied: Mapping[str, Any], template: Mapping[str, Any]) -> Iterator[str]:
    """Where a task gives up before the function that it invokes does.

    Args:
        definition: the workflow, parsed.
        supplied: the template's DefinitionSubstitutions for it.
        template: the template.
    """
    by_name = functions(dict(template))
    for place, state in all_states(definition):
        invoked = str(state.get("Parameters", {}).get("FunctionName", "")) if state.get("Type") == "Task" else ""
        found = SUBSTITUTION.fullmatch(invoked.removesuffix(":live"))
        target = supplied.get(found.group(1)) if found else None
        if not isinstance(target, dict):
            continue
        ((_, reference),) = target.items()
        name = reference[0] if isinstance(reference, list) else reference
        if name not in by_name or "TimeoutSeconds" not in state:
            continue
        of_function, of_task = int(by_name[name].get("Timeout", 3)), int(state["TimeoutSeconds"])
        if of_function >= of_task:
            yield f"{place}: TimeoutSeconds {of_task} is no longer than {name}'s own {of_function}"


def parse(text: str) -> dict[str, Any]:
    """Parse a workflow; a key that stands twice is an error, where JSON would quietly take the last."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"stands twice: {', '.join(sorted(twice))}")
        return dict(pairs)

    parsed: dict[str, Any] = json.loads(text, object_pairs_hook=unique)
    return parsed


def main() -> int:
    """Check every workflow of the template, and that every workflow there is belongs to it."""
    template = load()
    findings: list[str] = []
    seen: set[Path] = set()
    for body in resources(template, *STATE_MACHINES).values():
        properties = body["Properties"]
        path = ROOT / properties["DefinitionUri"]
        seen.add(path)
        supplied = properties.get("DefinitionSubstitutions", {})
        try:
            definition = parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            findings.append(f"{properties['DefinitionUri']}: {error}")
            continue
        findings += check(definition, file=path.name, substitutions=supplied)
    findings += [
        f"{path.name}: no state machine uses it" for path in (ROOT / "infra").rglob("*.asl.json") if path not in seen
    ]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
