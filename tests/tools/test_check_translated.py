"""The check of what CloudFormation gets finds each fault that only AWS would show."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tools.check_translated import check

DEAD, KEY, ROLE = ({"Fn::GetAtt": [name, "Arn"]} for name in ("DeadLetters", "Key", "SchedulesRole"))
NAME = {"Fn::Sub": "${AWS::StackName}-x"}
USE = ["kms:Decrypt", "kms:GenerateDataKey"]


def allow(action: Any, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def for_service(service: str, action: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": "*"}


GOOD: dict[str, Any] = {
    "Key": {
        "Type": "AWS::KMS::Key",
        "Properties": {
            "KeyPolicy": {
                "Statement": [
                    {"Effect": "Allow", "Principal": {"AWS": "arn"}, "Action": "kms:*", "Resource": "*"},
                    for_service("events.amazonaws.com", [*USE, "kms:DescribeKey"]),
                    for_service("cloudwatch.amazonaws.com", USE),
                ]
            }
        },
    },
    "DeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
    "Open": {"Type": "AWS::SQS::Queue"},
    "DeadLettersPolicy": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "DeadLetters"}],
            "PolicyDocument": {
                "Statement": [
                    for_service("events.amazonaws.com", "sqs:SendMessage"),
                    {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": DEAD},
                ]
            },
        },
    },
    "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": NAME, "KmsKeyIdentifier": KEY}},
    "Pagers": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
    "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmActions": [{"Ref": "Pagers"}]}},
    "SchedulesRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Policies": [
                {
                    "PolicyDocument": {
                        "Statement": [
                            allow("lambda:InvokeFunction", [{"Fn::GetAtt": ["Scan", "Arn"]}]),
                            allow("sqs:SendMessage", DEAD),
                            allow(USE, KEY),
                        ]
                    }
                }
            ]
        },
    },
    "Schedule": {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Target": {"Arn": {"Fn::GetAtt": ["Scan", "Arn"]}, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": DEAD}}
        },
    },
    # Of a function's name, not its own.
    "Permission": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": "scan"}},
}
Edit = Callable[[dict[str, Any]], object]


def statement(resources: dict[str, Any], number: int) -> dict[str, Any]:
    policy = resources["SchedulesRole"]["Properties"]["Policies"][0]
    found: dict[str, Any] = policy["PolicyDocument"]["Statement"][number]
    return found


def of_key(resources: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = resources["Key"]["Properties"]["KeyPolicy"]["Statement"][number]
    return found


def findings(edit: Edit | None = None) -> list[str]:
    resources = copy.deepcopy(GOOD)
    if edit:
        edit(resources)
    return check({"Resources": resources})


def test_a_good_template_has_no_findings() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        # As SAM names a ScheduleV2 event without OmitName.
        (
            lambda r: r["Schedule"]["Properties"].update(Name="ScanFunctionScan"),
            'Schedule: Name "ScanFunctionScan" is the same',
        ),
        (lambda r: r["DeadLetters"]["Properties"].update(QueueName="dead"), "DeadLetters: QueueName"),
        (lambda r: r["Bus"]["Properties"].update(Name={"Fn::Sub": "${AWS::Region}-x"}), "Bus: Name"),
        (
            lambda r: r.update(L={"Type": "AWS::Lambda::LayerVersion", "Properties": {"LayerName": "common"}}),
            "L: LayerName",
        ),
        (
            lambda r: statement(r, 2).update(Action="kms:Decrypt"),
            "SchedulesRole: sends to DeadLetters without kms:GenerateDataKey on Key",
        ),
        (lambda r: statement(r, 2).update(Resource="other"), "without kms:Decrypt, kms:GenerateDataKey on Key"),
        (
            lambda r: (
                statement(r, 1).update(Action="events:PutEvents", Resource={"Fn::GetAtt": ["Bus", "Arn"]}),
                statement(r, 2).update(Resource="other"),
            ),
            "SchedulesRole: sends to Bus without",
        ),
        (lambda r: statement(r, 1).update(Resource="other"), "Schedule: its role may not send to DeadLetters"),
        (lambda r: statement(r, 0).update(Resource="other"), "Schedule: its role may not invoke its target"),
        (
            lambda r: of_key(r, 1).update(Action=USE),
            "Key: events.amazonaws.com uses it for Bus without kms:DescribeKey",
        ),
        (
            lambda r: of_key(r, 1).update(Principal={"Service": "sns.amazonaws.com"}),
            "Key: events.amazonaws.com uses it for DeadLetters without kms:Decrypt, kms:GenerateDataKey",
        ),
        (
            lambda r: of_key(r, 1).update(Condition={"StringEquals": {"aws:SourceAccount": "1"}}),
            "Key: events.amazonaws.com may use it on a condition",
        ),
        (lambda r: of_key(r, 2).update(Effect="Deny"), "Key: cloudwatch.amazonaws.com uses it for Pagers without"),
    ],
)
def test_each_fault_is_found(edit: Edit, finding: str) -> None:
    assert any(finding in found for found in findings(edit)), findings(edit)


def test_who_sends_to_what_is_not_encrypted_needs_no_key() -> None:
    def to_the_open(resources: dict[str, Any]) -> None:
        statement(resources, 2).update(Resource="other")
        statement(resources, 1).update(Resource={"Fn::GetAtt": ["Open", "Arn"]})
        resources["Schedule"]["Properties"]["Target"]["DeadLetterConfig"]["Arn"] = {"Fn::GetAtt": ["Open", "Arn"]}

    assert findings(to_the_open) == []
