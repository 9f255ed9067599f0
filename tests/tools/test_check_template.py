import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.check_template import check

GOOD: dict[str, Any] = {
    "Globals": {"Function": {"Runtime": "python3.14", "Architectures": ["arm64"], "Tracing": "Active", "Timeout": 30}},
    "Resources": {
        "DoThisFunction": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": "functions/do_this",
                "Handler": "app.handle",
                "MemorySize": 512,
                "LoggingConfig": {"LogFormat": "JSON", "LogGroup": {"Ref": "DoThisLog"}},
                "Environment": {"Variables": {"TABLE": {"Ref": "Table"}}},
                "EventInvokeConfig": {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": "arn"}}},
                "Policies": [
                    {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "dynamodb:PutItem",
                                "Resource": {"Fn::GetAtt": ["Table", "Arn"]},
                            },
                            {
                                "Effect": "Allow",
                                "Action": ["s3:PutObject"],
                                "Resource": {"Fn::Sub": "${Bucket.Arn}/work/*"},
                            },
                            {"Effect": "Allow", "Action": ["xray:PutTraceSegments"], "Resource": "*"},
                        ],
                    }
                ],
                "Events": {
                    "Often": {
                        "Type": "ScheduleV2",
                        "Properties": {"RetryPolicy": {}, "DeadLetterConfig": {"Arn": "arn"}},
                    },
                    "News": {
                        "Type": "DynamoDB",
                        "Properties": {
                            "DestinationConfig": {},
                            "MaximumRetryAttempts": 3,
                            "MaximumRecordAgeInSeconds": 60,
                            "BisectBatchOnFunctionError": True,
                            "FunctionResponseTypes": ["ReportBatchItemFailures"],
                        },
                    },
                },
            },
        },
        "DoThisLog": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 90}},
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "PolicyDocument": {
                    "Statement": [
                        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"},
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "s3"},
                            "Action": "s3:PutObject",
                            "Resource": "x/*",
                        },
                    ]
                }
            },
        },
    },
}
SCHEDULE = {
    "Type": "AWS::Events::Rule",
    "Properties": {"Targets": [{"Id": "x", "Arn": {"Fn::GetAtt": ["DoThisFunction", "Arn"]}}]},
}

Edit = Callable[[dict[str, Any]], object]


def properties(resources: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resources["DoThisFunction"]["Properties"]
    return found


def statement(resources: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = properties(resources)["Policies"][0]["Statement"][number]
    return found


def events(resources: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = properties(resources)["Events"][name]["Properties"]
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "functions" / "do_this"
    folder.mkdir(parents=True)
    (folder / "app.py").write_text("def handle(event, context):\n    return {}\n")
    return tmp_path


def findings(root: Path, edit: Edit | None = None) -> list[str]:
    template = copy.deepcopy(GOOD)
    if edit:
        edit(template["Resources"])
    return check(template, root=root)


def test_a_good_template_has_no_findings(root: Path) -> None:
    assert findings(root) == []


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (lambda r: statement(r, 0).update(Action="dynamodb:*"), "the action dynamodb:* has a wildcard"),
        (lambda r: statement(r, 0).update(Action=["dynamodb:Put*"]), "the action dynamodb:Put* has a wildcard"),
        (lambda r: statement(r, 0).update(Action="*"), "the action * has a wildcard"),
        (lambda r: statement(r, 0).update(Action="s3:?etObject"), "the action s3:?etObject has a wildcard"),
        (
            lambda r: statement(r, 0).update(Resource="arn:aws:s3:::?ther-bucket/x"),
            "reaches further than what is ours",
        ),
        (lambda r: statement(r, 0).update(Resource="*"), "dynamodb:PutItem on every resource"),
        (lambda r: statement(r, 0).update(Resource=["*"]), "dynamodb:PutItem on every resource"),
        (
            lambda r: statement(r, 0).update(Resource="arn:aws:dynamodb:*:*:table/x"),
            "reaches further than what is ours",
        ),
        (
            lambda r: statement(r, 0).update(Resource={"Fn::Sub": "arn:${AWS::Partition}:s3:::*"}),
            "reaches further than what is ours",
        ),
        (lambda r: statement(r, 0).update(NotAction="s3:PutObject"), "NotAction in an Allow"),
        (lambda r: properties(r).update(Policies=["AmazonDynamoDBFullAccess"]), "the managed policy Amazon"),
        (lambda r: properties(r).update(Policies=[{"DynamoDBCrudPolicy": {}}]), "DynamoDBCrudPolicy hides"),
        (
            lambda r: r["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][1].update(Principal="*"),
            "BucketPolicy: a statement lets anybody in",
        ),
        (
            lambda r: r["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][1].update(Action="s3:*"),
            "BucketPolicy: the action s3:* has a wildcard",
        ),
        (
            lambda r: r.update(
                Wide={
                    "Type": "AWS::IAM::ManagedPolicy",
                    "Properties": {
                        "PolicyDocument": {
                            "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
                        }
                    },
                }
            ),
            "Wide: sqs:SendMessage on every resource",
        ),
        (lambda r: properties(r).pop("MemorySize"), "no MemorySize"),
        (lambda r: properties(r).pop("Environment"), "no Environment"),
        (lambda r: properties(r).pop("LoggingConfig"), "no log group of its own"),
        (lambda r: r["DoThisLog"]["Properties"].clear(), "keeps everything for ever"),
        (lambda r: properties(r)["LoggingConfig"].pop("LogFormat"), "its log is not JSON"),
        (
            lambda r: r.update(OtherFunction=copy.deepcopy(r["DoThisFunction"])),
            "shares its log group with DoThisFunction",
        ),
        (lambda r: properties(r).pop("EventInvokeConfig"), "nobody waits for it, and what fails has no place"),
        (
            lambda r: (properties(r).pop("EventInvokeConfig"), properties(r).pop("Events"), r.update(Rule=SCHEDULE)),
            "nobody waits for it, and what fails has no place",
        ),
        (lambda r: events(r, "Often").pop("DeadLetterConfig"), "DoThisFunction.Often: no DeadLetterConfig"),
        (lambda r: events(r, "News").pop("DestinationConfig"), "DoThisFunction.News: no DestinationConfig"),
        (lambda r: events(r, "News").pop("FunctionResponseTypes"), "no ReportBatchItemFailures"),
        (lambda r: properties(r).update(Handler="app.other"), "functions/do_this/app.py has no other"),
        (lambda r: properties(r).update(CodeUri="functions/other"), "there is no functions/other/app.py"),
        (lambda r: r.update(WrongFunction=r.pop("DoThisFunction")), "which would make it another name"),
        (
            lambda r: r.update(
                Flow={"Type": "AWS::Serverless::StateMachine", "Properties": {"DefinitionUri": "x.json"}}
            ),
            "Flow: no log of what fails",
        ),
    ],
)
def test_each_fault_is_found(root: Path, edit: Edit, finding: str) -> None:
    assert any(finding in found for found in findings(root, edit)), findings(root, edit)
