"""What the functions called, held against what the template grants them.

The embedded stack enforces no policies, but notes each call (`infra/local/server.py`). The action that a call needs
is that of the "Service Authorization Reference"; who reads or writes what is encrypted with a key of one's own also
needs the key (KMS, "Permissions for AWS services in key policies").
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.iam import Request, as_list, is_allowed
from tools.template import Resolver, functions

#: Operations that need another action than that of their own name, by service.
_ACTIONS = {
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "CreateMultipartUpload"): "s3:PutObject",
    ("s3", "UploadPart"): "s3:PutObject",
    ("s3", "CompleteMultipartUpload"): "s3:PutObject",
    ("s3", "DeleteObjects"): "s3:DeleteObject",
    ("sqs", "SendMessageBatch"): "sqs:SendMessage",
    ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
}
#: Whoever asks for an object that is not there learns so only with the right to list (S3, "GetObject").
_ABSENT = frozenset({"404", "NoSuchKey"})
_PREFIXES = {"stepfunctions": "states"}
_PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
#: What a call on an encrypted store makes the service ask of the key, in the caller's name.
_KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
_ENCRYPTED = ("dynamodb:", "s3:", "sqs:", "sns:Publish", "events:")


@dataclass(frozen=True)
class Need:
    """An action on a resource that a call needs."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)


def _is_encrypted(need: Need) -> bool:
    return need.action.startswith(_ENCRYPTED)


def _is_granted(need: Need, statement: Mapping[str, Any]) -> bool:
    return is_allowed([{"Statement": [statement]}], Request(need.action, need.resource, need.context))


def read_calls(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The noted calls, by the function's physical name."""
    calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            calls[call["function"]].append(call)
    return dict(calls)


class Grants:
    """The template's grants, for a stack whose physical names are known.

    Args:
        physical: physical name by logical id.
    """

    def __init__(self, template: dict[str, Any], physical: Mapping[str, str], region: str, account: str) -> None:
        # A queue is called by its address, and its ARN ends in its name.
        names = {
            name: value.rsplit("/", 1)[-1] if value.startswith("http") else value for name, value in physical.items()
        }
        self._arns = {name: value for name, value in names.items() if value.startswith("arn:")}
        by_attribute = {f"{name}.Arn": value for name, value in self._arns.items()}
        self._resolve = Resolver(template, physical=names | by_attribute, region=region, account=account)
        self._template, self._region, self._account = template, region, account
        self._key = str(self._resolve({"Fn::GetAtt": ["DataKey", "Arn"]}))
        # The longest first: one name may begin another.
        self._logical_ids = sorted(((value, name) for name, value in names.items()), key=lambda each: -len(each[0]))

    def documents(self, logical_id: str) -> list[dict[str, Any]]:
        """A function's policies, worked out."""
        documents: list[dict[str, Any]] = self._resolve(functions(self._template)[logical_id].get("Policies", []))
        return documents

    def missing(self, logical_id: str, calls: Iterable[Mapping[str, Any]]) -> set[str]:
        """What the calls need and the template does not grant."""
        documents = self.documents(logical_id)
        needs = {need for call in calls for need in self.needs(call)}
        return {
            f"{need.action} on {need.resource}"
            for need in needs
            if not is_allowed(documents, Request(need.action, need.resource, need.context))
        }

    def granted(self, logical_id: str) -> dict[str, dict[str, Any]]:
        """What the template grants: each action on each resource that a statement names with it, alone.

        A resource is called by its logical id, as in `s3:GetObject on AgencyBucket/agency_id=*`.
        """
        return {
            f"{action} on {self._logical(resource)}": {**statement, "Action": action, "Resource": resource}
            for document in self.documents(logical_id)
            for statement in as_list(document["Statement"])
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }

    def unused(self, logical_id: str, calls: Iterable[Mapping[str, Any]]) -> set[str]:
        """What of that no call needed."""
        needs = {need for call in calls for need in self.needs(call)}
        needs |= {Need(action, self._key) for action in _KEY_ACTIONS if any(map(_is_encrypted, needs))}
        return {
            grant
            for grant, statement in self.granted(logical_id).items()
            if not any(_is_granted(need, statement) for need in needs)
        }

    def _logical(self, resource: str) -> str:
        name = resource.removesuffix(":*")
        for physical, logical in self._logical_ids:
            if physical in name:
                return logical + name.rpartition(physical)[2]
        return name

    def needs(self, call: Mapping[str, Any]) -> Iterator[Need]:
        """The actions that a call needs."""
        service, operation = call["service"], call["operation"]
        if service == "dynamodb":
            yield from self._table(call)
            return
        prefix = _PREFIXES.get(service, service)
        action = _ACTIONS.get((service, operation), f"{prefix}:{operation}")
        if service == "s3":
            if call.get("VersionId") and action == "s3:GetObject":
                action = "s3:GetObjectVersion"
            bucket = f"arn:aws:s3:::{call['Bucket']}"
            if action == "s3:ListBucket":
                yield Need(action, bucket, {"s3:prefix": call.get("Prefix", "")})
            else:
                yield Need(action, f"{bucket}/{call.get('Key', '')}")
                if call.get("error") in _ABSENT:
                    yield Need("s3:ListBucket", bucket)
        elif service == "sqs":
            yield Need(action, self._arn("sqs", call["QueueUrl"].rsplit("/", 1)[-1]))
        elif service == "events":
            for bus in call["buses"]:
                yield Need(action, bus if bus.startswith("arn:") else self._arn("events", f"event-bus/{bus}"))
        else:
            yield Need(action, self._named(call))

    def _table(self, call: Mapping[str, Any]) -> Iterator[Need]:
        for part in call["parts"]:
            yield Need(f"dynamodb:{_PARTS[part['kind']]}", self._arn("dynamodb", f"table/{part['TableName']}"))
        if call["operation"].startswith("Transact"):
            return
        resource = self._arn("dynamodb", f"table/{call.get('TableName', self._resolve({'Ref': 'DelinquencyTable'}))}")
        index = f"/index/{call['IndexName']}" if "IndexName" in call else ""
        yield Need(f"dynamodb:{call['operation']}", resource + index)

    def _named(self, call: Mapping[str, Any]) -> str:
        if call["operation"] == "SendTaskSuccess":
            # A token is of an execution of the state machine that waits: there is one that does.
            return str(self._resolve({"Ref": "Escalation"}))
        named = next((call[name] for name in ("stateMachineArn", "TopicArn", "KeyId") if name in call), "*")
        return str(named)

    def _arn(self, service: str, name: str) -> str:
        return f"arn:aws:{service}:{self._region}:{self._account}:{name}"
