import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tools.check_asl import check, parse, timeouts

RETRY = {
    "ErrorEquals": ["TransientError", "Lambda.TooManyRequestsException"],
    "IntervalSeconds": 1,
    "MaxAttempts": 5,
    "BackoffRate": 2,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}
GOOD: dict[str, Any] = {
    "StartAt": "Do",
    "States": {
        "Do": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${DoFunction}"},
            "TimeoutSeconds": 60,
            "Retry": [RETRY],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "What next?"}],
            "Next": "What next?",
        },
        "What next?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "Wait"}],
            "Default": "Pieces",
        },
        "Wait": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
            "TimeoutSecondsPath": "$.seconds",
            "Retry": [
                {**RETRY, "ErrorEquals": ["DynamoDb.TransactionConflictException", "DynamoDb.SdkClientException"]}
            ],
            "Catch": [
                {"ErrorEquals": ["DynamoDb.ConditionalCheckFailedException", "States.Timeout"], "Next": "Do"},
                {"ErrorEquals": ["States.ALL"], "Next": "Failed"},
            ],
            "Next": "Do",
        },
        "Pieces": {
            "Type": "Map",
            "ItemProcessor": {
                "StartAt": "Piece",
                "States": {
                    "Piece": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:::lambda:invoke",
                        "Parameters": {"FunctionName": "${PieceFunction}"},
                        "TimeoutSeconds": 60,
                        "Retry": [RETRY],
                        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Skipped"}],
                        "End": True,
                    },
                    "Skipped": {"Type": "Pass", "End": True},
                },
            },
            "Next": "Done",
        },
        "Failed": {"Type": "Fail"},
        "Done": {"Type": "Succeed"},
    },
}
SUPPLIED = {
    "DoFunction": {"Fn::GetAtt": ["DoFunction", "Arn"]},
    "PieceFunction": {"Fn::GetAtt": ["PieceFunction", "Arn"]},
}
ERRORS = {"TransientError", "PermanentError"}

Edit = Callable[[dict[str, Any]], object]


def findings(edit: Edit | None = None) -> list[str]:
    definition = copy.deepcopy(GOOD)
    if edit:
        edit(definition["States"])
    return check(definition, substitutions=SUPPLIED, errors=ERRORS)


def test_a_good_workflow_has_no_findings() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (lambda s: s["Do"].update(Next="Nowhere"), "Do: Next leads to 'Nowhere', which does not exist"),
        (lambda s: s["What next?"].update(Default="Nowhere"), "What next?: Default leads to 'Nowhere'"),
        (lambda s: s["What next?"]["Choices"][0].update(Next="Nowhere"), "Choices.Next leads to 'Nowhere'"),
        (lambda s: s["Do"]["Catch"][0].update(Next="Nowhere"), "Do: Catch.Next leads to 'Nowhere'"),
        (lambda s: s["Do"]["Catch"][0].update(Next="Piece"), "Do: Catch.Next leads to 'Piece'"),
        (lambda s: s.update(Orphan={"Type": "Pass", "Next": "Done"}), "Orphan: no other state leads here"),
        (lambda s: s.update(Loop={"Type": "Pass", "Next": "Loop"}), "Loop: no other state leads here"),
        (
            lambda s: s["Pieces"]["ItemProcessor"].update(StartAt="Nowhere"),
            "Pieces/StartAt: there is no state 'Nowhere'",
        ),
        (
            lambda s: s["Pieces"]["ItemProcessor"]["States"].update(Orphan={"Type": "Pass", "End": True}),
            "Pieces/Orphan: no other state leads here",
        ),
        (lambda s: s["Pieces"].pop("Next"), "Pieces: needs either Next or End"),
        (lambda s: s["Pieces"].update(End=True), "Pieces: needs either Next or End"),
        (lambda s: s["What next?"].pop("Default"), "What next?: a choice without Default"),
        (lambda s: s["Do"].pop("TimeoutSeconds"), "Do: a task without TimeoutSeconds"),
        (lambda s: s["Wait"].pop("TimeoutSecondsPath"), "Wait: a task without TimeoutSeconds"),
        (lambda s: s["Do"].pop("Retry"), "Do: a task without Retry"),
        (lambda s: s["Do"].pop("Catch"), "Do: no Catch for States.ALL"),
        (lambda s: s["Wait"]["Catch"].pop(), "Wait: no Catch for States.ALL"),
        (lambda s: s["Wait"]["Catch"].reverse(), "Wait: Catch 0: States.ALL stands alone, and in the last rule"),
        (lambda s: s["Do"]["Retry"][0].pop("JitterStrategy"), "Do: Retry 0 has no backoff and jitter"),
        (lambda s: s["Do"]["Retry"][0].update(BackoffRate=1), "Do: Retry 0 has no backoff and jitter"),
        (lambda s: s["Do"]["Retry"][0].pop("MaxAttempts"), "Do: Retry 0 does not say how often"),
        (lambda s: s["Do"]["Retry"][0].update(ErrorEquals=["PermanentError"]), "Do: Retry 0 repeats PermanentError"),
        (lambda s: s["Do"]["Retry"].append(RETRY), "Do: Retry 1 names TransientError once more"),
        (lambda s: s["Do"]["Retry"][0].update(ErrorEquals=["TransientEror"]), "TransientEror is no class in arrears"),
        (lambda s: s["Do"]["Retry"][0].update(ErrorEquals=["Lambda.Wrong"]), "Lambda.Wrong is no error of Lambda"),
        (lambda s: s["Do"]["Retry"][0].update(ErrorEquals=["States.Wrong"]), "States.Wrong is no error of Step"),
        (lambda s: s["Do"]["Retry"][0].update(ErrorEquals=["States.Runtime"]), "States.Runtime cannot be caught"),
        (lambda s: s["Do"]["Retry"][0].update(ErrorEquals=["DynamoDB.ThrottlingException"]), "DynamoDB is no service"),
        (lambda s: s["Wait"]["Catch"][0].update(ErrorEquals=["DynamoDb.ConditionalCheck"]), "is no error of DynamoDb"),
        (lambda s: s["Do"]["Parameters"].update(FunctionName="${Other}"), "${Other} is used, and the template"),
        (lambda s: s["Do"]["Parameters"].update(FunctionName="x"), "DoFunction is supplied, and not used"),
    ],
)
def test_each_fault_is_found(edit: Edit, finding: str) -> None:
    assert any(finding in found for found in findings(edit)), findings(edit)


def test_a_task_that_gives_up_before_its_function_is_found() -> None:
    function = {"Type": "AWS::Serverless::Function", "Properties": {"Timeout": 60}}
    quick = {"Type": "AWS::Serverless::Function", "Properties": {"Timeout": 59}}
    template = {"Resources": {"DoFunction": function, "PieceFunction": quick}}

    assert [*timeouts(GOOD, SUPPLIED, template)] == ["Do: TimeoutSeconds 60 is no longer than DoFunction's own 60"]


def test_a_state_that_stands_twice_is_refused() -> None:
    assert parse(json.dumps(GOOD)) == GOOD
    with pytest.raises(ValueError, match="stands twice: Do"):
        parse('{"States": {"Do": {"Type": "Pass"}, "Do": {"Type": "Task"}}}')


def test_names_that_the_sdk_for_java_gives_are_known() -> None:
    def edit(states: dict[str, Any]) -> None:
        states["Do"]["Retry"][0]["ErrorEquals"] = [
            "DynamoDb.InternalServerErrorException",
            "DynamoDb.RequestLimitExceededException",
            "DynamoDb.ThrottlingException",
            "Sfn.ExecutionAlreadyExistsException",
        ]

    assert findings(edit) == []
