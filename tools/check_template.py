"""Check template.yaml and infra/*.yaml for what no other linter looks at.

Rights: no wildcard in an action, none in a resource but behind the name of one of our own, unless a list here says why.
Functions: each with a log group of its own that forgets, with memory, timeout and environment that were chosen, with a
handler that exists; whoever is invoked without anybody waiting has a place for what fails; and a task of a workflow
outlives the function it invokes. What SAM makes of it all is looked at by `check_translated`.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import check_asl, check_translated
from tools.check_asl import SUBSTITUTION
from tools.template import ROOT, functions, load, merged, resources

# Actions that AWS allows on no resource but "*" (Service Authorization Reference), and what they are for.
WITHOUT_RESOURCE = {
    "dynamodb:ListStreams": "the event source looks for the stream",
    "logs:CreateLogDelivery": "a state machine's logs",
    "logs:DeleteLogDelivery": "a state machine's logs",
    "logs:DescribeLogGroups": "a state machine's logs",
    "logs:DescribeResourcePolicies": "a state machine's logs",
    "logs:GetLogDelivery": "a state machine's logs",
    "logs:ListLogDeliveries": "a state machine's logs",
    "logs:PutResourcePolicy": "a state machine's logs",
    "logs:UpdateLogDelivery": "a state machine's logs",
    "sns:CheckIfPhoneNumberIsOptedOut": "it asks for a number, which is no resource",
    "sns:Publish": "a text message goes to a number, which is no resource",
    "xray:GetSamplingRules": "traces",
    "xray:GetSamplingTargets": "traces",
    "xray:PutTelemetryRecords": "traces",
    "xray:PutTraceSegments": "traces",
}
# Statements that may have a wildcard in an action, by template, resource and Sid, and why.
WILDCARD_ACTIONS = {
    (
        "template.yaml",
        key,
        "TheAccountGovernsTheKey",
    ): 'without it nobody could ever change the key\'s policy (AWS KMS, "Default key policy")'
    for key in ("DataKey", "SigningKey")
}
#: IAM's: any characters, and any one.
_WILDCARD = re.compile(r"[*?]")
IDENTITY_POLICIES = {"AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy"}
PSEUDO_PARAMETERS = {"AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix"}
ASYNCHRONOUS_EVENTS = {"CloudWatchEvent", "EventBridgeRule", "S3", "SNS", "Schedule", "ScheduleV2"}
STREAM_EVENTS = {"DynamoDB", "Kinesis"}
RULED_EVENTS = ASYNCHRONOUS_EVENTS - {"S3", "SNS"}


def check(template: Mapping[str, Any], *, file: str = "template.yaml", root: Path = ROOT) -> list[str]:
    """What is wrong with a template; an empty list when nothing is."""
    found = [*_check_rights(template, file), *_check_functions(template, root), *_check_machines(template, root)]
    return [f"{file}: {finding}" for finding in found]


# --- rights ---------------------------------------------------------------------------------------------------------


def statements(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every policy statement: whose it is, itself, and whether it hangs on a resource (rather than on who acts)."""
    for name, body in template.get("Resources", {}).items():
        properties = body.get("Properties", {})
        for policy in _as_list(properties.get("Policies", [])):
            document = policy.get("PolicyDocument", policy) if isinstance(policy, dict) else {}
            yield from ((name, statement, False) for statement in _as_list(document.get("Statement", [])))
        for key in ("PolicyDocument", "KeyPolicy", "ResourcePolicy", "AssumeRolePolicyDocument"):
            of_resource = key != "PolicyDocument" or body["Type"] not in IDENTITY_POLICIES
            for statement in _as_list(properties.get(key, {}).get("Statement", [])):
                yield name, statement, of_resource


def _check_rights(template: Mapping[str, Any], file: str) -> Iterator[str]:
    for name, body in template.get("Resources", {}).items():
        properties = body.get("Properties", {})
        for policy in _as_list(properties.get("Policies", [])):
            if isinstance(policy, str):
                yield f"{name}: the managed policy {policy} is wider than what is needed: say the actions"
            elif body["Type"].startswith("AWS::Serverless") and "Statement" not in policy:
                yield f"{name}: {next(iter(policy))} hides what it allows: say the actions"
        for policy in _as_list(properties.get("ManagedPolicyArns", [])):
            yield f"{name}: the managed policy {policy} is wider than what is needed: say the actions"
    for name, statement, of_resource in statements(template):
        if statement.get("Effect") != "Allow":
            continue
        yield from _check_statement(name, statement, of_resource=of_resource, file=file)


def _check_statement(name: str, statement: Mapping[str, Any], *, of_resource: bool, file: str) -> Iterator[str]:
    actions = [str(action) for action in _as_list(statement.get("Action", []))]
    sid = str(statement.get("Sid", ""))
    for key in ("NotAction", "NotResource", "NotPrincipal"):
        if key in statement:
            yield f"{name}: {key} in an Allow gives everything else"
    if (file, name, sid) not in WILDCARD_ACTIONS:
        yield from (f"{name}: the action {action} has a wildcard" for action in actions if _WILDCARD.search(action))
    if of_resource:
        # Its Resource is what it hangs on; what matters is who.
        if statement.get("Principal") in ("*", {"AWS": "*"}) and "Condition" not in statement:
            yield f"{name}: {sid or 'a statement'} lets anybody in"
        return
    for resource in _as_list(statement.get("Resource", [])):
        if resource == "*":
            yield from (f"{name}: {action} on every resource" for action in actions if action not in WITHOUT_RESOURCE)
        elif not _is_narrow(resource):
            yield f"{name}: {json.dumps(resource)} reaches further than what is ours"


def _is_narrow(resource: Any) -> bool:
    """Whether a resource has no wildcard, or has it behind the name of a resource of this stack.

    `${Bucket.Arn}/work/*` and `...:execution:${AWS::StackName}-import/*` are ours; `arn:aws:s3:::*` is not.
    """
    text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
    before, *behind = _WILDCARD.split(str(text[0] if isinstance(text, list) else text), maxsplit=1)
    named = set(SUBSTITUTION.findall(before)) - PSEUDO_PARAMETERS
    return not behind or bool(named)


# --- functions ------------------------------------------------------------------------------------------------------


def _check_functions(template: Mapping[str, Any], root: Path) -> Iterator[str]:
    logs: dict[str, str] = {}
    for name, properties in functions(dict(template)).items():
        for key in ("Timeout", "MemorySize", "Runtime", "Architectures", "Tracing", "Environment"):
            if key not in properties:
                yield f"{name}: no {key}"
        yield from _check_log(template, name, properties, logs)
        yield from _check_failures(template, name, properties)
        yield from _check_handler(name, properties, root)


def _check_log(
    template: Mapping[str, Any], name: str, properties: Mapping[str, Any], logs: dict[str, str]
) -> Iterator[str]:
    group = properties.get("LoggingConfig", {}).get("LogGroup", {})
    log = group.get("Ref", "") if isinstance(group, dict) else ""
    body = template.get("Resources", {}).get(log, {})
    if body.get("Type") != "AWS::Logs::LogGroup":
        yield f"{name}: no log group of its own (LoggingConfig: LogGroup)"
        return
    if "RetentionInDays" not in body.get("Properties", {}):
        yield f"{name}: its log group {log} keeps everything for ever"
    if properties["LoggingConfig"].get("LogFormat") != "JSON":
        yield f"{name}: its log is not JSON"
    if log in logs:
        yield f"{name}: shares its log group with {logs[log]}"
    logs.setdefault(log, name)


def _check_failures(template: Mapping[str, Any], name: str, properties: Mapping[str, Any]) -> Iterator[str]:
    events = properties.get("Events", {})
    kinds = {event["Type"] for event in events.values()} | _invoked_by(template, name)
    on_failure = properties.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure")
    if kinds & ASYNCHRONOUS_EVENTS and not (on_failure or properties.get("DeadLetterQueue")):
        yield f"{name}: nobody waits for it, and what fails has no place (EventInvokeConfig or DeadLetterQueue)"
    for event, body in events.items():
        settings = body.get("Properties", {})
        if body["Type"] in RULED_EVENTS:
            yield from (
                f"{name}.{event}: no {key}" for key in ("DeadLetterConfig", "RetryPolicy") if key not in settings
            )
        elif body["Type"] in STREAM_EVENTS:
            wanted = (
                "DestinationConfig",
                "MaximumRetryAttempts",
                "MaximumRecordAgeInSeconds",
                "BisectBatchOnFunctionError",
            )
            yield from (
                f"{name}.{event}: no {key}: one bad record holds up its shard" for key in wanted if key not in settings
            )
            if "ReportBatchItemFailures" not in settings.get("FunctionResponseTypes", []):
                yield f"{name}.{event}: no ReportBatchItemFailures: one bad record repeats the batch"


def _invoked_by(template: Mapping[str, Any], name: str) -> set[str]:
    """The kinds of rules and schedules, standing by themselves, that have the function as target."""
    kinds = set()
    for body in resources(dict(template), "AWS::Events::Rule", "AWS::Scheduler::Schedule").values():
        properties = body["Properties"]
        targets = [*properties.get("Targets", []), properties.get("Target", {})]
        if any(target.get("Arn") == {"Fn::GetAtt": [name, "Arn"]} for target in targets):
            kinds.add("Schedule" if body["Type"].startswith("AWS::Scheduler") else "EventBridgeRule")
    return kinds


def _check_handler(name: str, properties: Mapping[str, Any], root: Path) -> Iterator[str]:
    module, _, attribute = str(properties.get("Handler", "")).partition(".")
    file = root / str(properties.get("CodeUri", "")) / f"{module}.py"
    if not file.is_file():
        yield f"{name}: there is no {file.relative_to(root)}"
        return
    tree = ast.parse(file.read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    defined |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    if attribute not in defined:
        yield f"{name}: {file.relative_to(root)} has no {attribute}"
    folder = Path(str(properties["CodeUri"])).name
    if name != "".join(word.capitalize() for word in folder.split("_")) + "Function":
        yield f"{name}: its folder is {folder}, which would make it another name"


# --- workflows ------------------------------------------------------------------------------------------------------


def _check_machines(template: Mapping[str, Any], root: Path) -> Iterator[str]:
    shared = template.get("Globals", {}).get("StateMachine", {})
    for name, body in resources(dict(template), *check_asl.STATE_MACHINES).items():
        properties = merged(shared, body["Properties"])
        if not properties.get("Logging", {}).get("Destinations"):
            yield f"{name}: no log of what fails"
        if properties.get("Logging", {}).get("IncludeExecutionData"):
            yield f"{name}: what it carries would be in its log"
        for event, settings in properties.get("Events", {}).items():
            if settings["Type"] in RULED_EVENTS and "DeadLetterConfig" not in settings.get("Properties", {}):
                yield f"{name}.{event}: no DeadLetterConfig"
        path = root / str(properties.get("DefinitionUri", ""))
        if not path.is_file():
            yield f"{name}: there is no {properties.get('DefinitionUri')}"
            continue
        definition = check_asl.parse(path.read_text(encoding="utf-8"))
        supplied = properties.get("DefinitionSubstitutions", {})
        yield from (f"{name}: {finding}" for finding in check_asl.timeouts(definition, supplied, template))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main() -> int:
    """Check template.yaml and every CloudFormation template in infra/."""
    findings = check(load()) + [
        f"template.yaml, translated: {found}" for found in check_translated.check(check_translated.translated())
    ]
    for path in sorted((ROOT / "infra").glob("*.yaml")):
        findings += check(load(path), file=f"infra/{path.name}")
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
