"""Check what CloudFormation gets, SAM's own resources included, for what only AWS would show.

Names: nothing has a physical name that a second stack in the same account and region would have too.
Keys: whoever sends to what is encrypted with a key of ours may use that key, or it is refused, often in silence.
"""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tools.template import ROOT, resources

# Resources whose name is the same in every stack, and why.
SHARED_NAMES = {
    "SmsDeliveredLog": "SNS writes to the group of this name; the parameter SmsReceipts says that one stack has it",
    "SmsFailedLog": "the same",
}
# Where the key of an encrypted resource is named, by type, and the action that sends to it.
ENCRYPTED = {
    "AWS::SQS::Queue": ("KmsMasterKeyId", "sqs:SendMessage"),
    "AWS::SNS::Topic": ("KmsMasterKeyId", "sns:Publish"),
    "AWS::Events::EventBus": ("KmsKeyIdentifier", "events:PutEvents"),
}
# What a sender asks of the key (SQS and SNS, "Key management"), and what EventBridge asks for a bus besides
# (EventBridge, "Authorizing EventBridge to use a customer managed key").
TO_SEND = frozenset({"kms:Decrypt", "kms:GenerateDataKey"})
FOR_A_BUS = TO_SEND | {"kms:DescribeKey"}
EVENT_BRIDGE, ALARMS = "events.amazonaws.com", "cloudwatch.amazonaws.com"


def translated() -> dict[str, Any]:
    """template.yaml as SAM translates it, in the environment that has SAM.

    Raises:
        subprocess.CalledProcessError: SAM does not take it; it says why.
    """
    command = [str(ROOT / ".venv-tools" / "bin" / "python"), str(ROOT / "tools" / "translate.py")]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(template: Mapping[str, Any]) -> list[str]:
    """What is wrong with a template that has no resources of SAM's; an empty list when nothing is."""
    return [*_check_names(template), *_check_roles(template), *_check_services(template), *_check_schedules(template)]


# --- names ----------------------------------------------------------------------------------------------------------
def _check_names(template: Mapping[str, Any]) -> Iterator[str]:
    for name, body in template["Resources"].items():
        # A name is called Name, or after the type: QueueName of a Queue, LayerName of a LayerVersion.
        kind = body["Type"].rpartition("::")[2].removesuffix("Version")
        for key in ("Name", f"{kind}Name"):
            given = body.get("Properties", {}).get(key)
            if given is not None and "AWS::StackName" not in json.dumps(given) and name not in SHARED_NAMES:
                yield f"{name}: {key} {json.dumps(given)} is the same in every stack"


# --- keys -----------------------------------------------------------------------------------------------------------
def _check_roles(template: Mapping[str, Any]) -> Iterator[str]:
    for name, body in resources(dict(template), "AWS::IAM::Role").items():
        for target, key, action in _encrypted(template):
            if action in _allowed(body, target) and (missing := TO_SEND - _allowed(body, key)):
                yield f"{name}: sends to {target} without {', '.join(sorted(missing))} on {key}"


def _check_services(template: Mapping[str, Any]) -> Iterator[str]:
    for service, target, needed in dict.fromkeys(_services(template)):
        key = next((key for encrypted, key, _ in _encrypted(template) if encrypted == target), None)
        if key is None:
            continue
        statements = [
            statement
            for statement in template["Resources"][key]["Properties"]["KeyPolicy"]["Statement"]
            if service in _services_of(statement)
        ]
        given = {action for statement in statements for action in _as_list(statement["Action"])}
        if missing := needed - given:
            yield f"{key}: {service} uses it for {target} without {', '.join(sorted(missing))}"
        if any("Condition" in statement for statement in statements):
            yield f"{key}: {service} may use it on a condition, which it does not say that it meets"


def _services(template: Mapping[str, Any]) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield which service sends where by itself, and what it asks of a key there."""
    for body in resources(dict(template), "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy").values():
        properties = body["Properties"]
        for statement in properties["PolicyDocument"]["Statement"]:
            for target in _as_list(properties.get("Queues", properties.get("Topics", []))):
                yield from ((service, _called(target), TO_SEND) for service in _services_of(statement))
    for body in resources(dict(template), "AWS::CloudWatch::Alarm").values():
        yield from ((ALARMS, _called(target), TO_SEND) for target in body["Properties"].get("AlarmActions", []))
    for name in resources(dict(template), "AWS::Events::EventBus"):
        yield EVENT_BRIDGE, name, FOR_A_BUS


def _check_schedules(template: Mapping[str, Any]) -> Iterator[str]:
    """A schedule's dead letters go out under its role (EventBridge Scheduler, "Configuring a dead-letter queue")."""
    for name, body in resources(dict(template), "AWS::Scheduler::Schedule").items():
        target = body["Properties"]["Target"]
        role = template["Resources"].get(_called(target["RoleArn"]), {})
        dead = _called(target.get("DeadLetterConfig", {}).get("Arn", ""))
        if "lambda:InvokeFunction" not in _allowed(role, _called(target["Arn"])):
            yield f"{name}: its role may not invoke its target"
        if dead and "sqs:SendMessage" not in _allowed(role, dead):
            yield f"{name}: its role may not send to {dead}"


def _encrypted(template: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what is encrypted with a key of the template: its name, the key's, and the action that sends to it."""
    for kind, (key, action) in ENCRYPTED.items():
        for name, body in resources(dict(template), kind).items():
            if key in body.get("Properties", {}):
                yield name, _called(body["Properties"][key]), action


def _allowed(role: Mapping[str, Any], resource: str) -> set[str]:
    """The actions that a role's own policies allow on a resource of the template."""
    return {
        action
        for policy in role.get("Properties", {}).get("Policies", [])
        for statement in _as_list(policy["PolicyDocument"]["Statement"])
        if statement["Effect"] == "Allow" and resource in map(_called, _as_list(statement["Resource"]))
        for action in _as_list(statement["Action"])
    }


def _services_of(statement: Mapping[str, Any]) -> Iterable[str]:
    principal = statement.get("Principal", {})
    allows = statement["Effect"] == "Allow" and isinstance(principal, dict)
    return [str(service) for service in _as_list(principal.get("Service", []))] if allows else []


def _called(value: Any) -> str:
    """The logical id that a value refers to, or itself."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
    return str(value)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
