"""The evaluator that judges policies in tests is itself held to what the IAM user guide says."""

from typing import Any

import pytest

from tests.support.iam import Request, is_allowed

READ = Request("s3:GetObject", "arn:aws:s3:::b/k", {"s3:prefix": "x/y", "aws:SecureTransport": "true"})


def allow(**elements: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **elements}]}


DENY = {"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}


def test_what_nobody_allows_is_denied_and_a_denial_wins() -> None:
    assert not is_allowed([], READ)
    assert is_allowed([allow()], READ)
    assert not is_allowed([allow(), DENY], READ)
    assert not is_allowed([DENY], READ)


@pytest.mark.parametrize(
    ("elements", "allowed"),
    [
        ({"Action": "S3:getobject"}, True),
        ({"Action": "s3:Get?bject"}, True),
        ({"Action": "s3:Get"}, False),
        ({"Resource": "arn:aws:s3:::b/*"}, True),
        ({"Resource": "arn:aws:s3:::B/*"}, False),
        ({"Resource": ["arn:aws:s3:::c/*", "arn:aws:s3:::b/k"]}, True),
        ({"Condition": {"StringEquals": {"S3:Prefix": ["a", "x/y"]}}}, True),
        ({"Condition": {"StringEquals": {"s3:prefix": "x/*"}}}, False),
        ({"Condition": {"StringLike": {"s3:prefix": "x/*"}}}, True),
        ({"Condition": {"StringNotEquals": {"s3:prefix": "x/y"}}}, False),
        ({"Condition": {"StringNotLike": {"s3:prefix": "a/*"}}}, True),
        ({"Condition": {"StringEquals": {"sts:ExternalId": "e"}}}, False),
        ({"Condition": {"StringNotEquals": {"sts:ExternalId": "e"}}}, True),
        ({"Condition": {"StringEqualsIfExists": {"sts:ExternalId": "e"}}}, True),
        ({"Condition": {"StringEqualsIfExists": {"s3:prefix": "e"}}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": True}}}, True),
        ({"Condition": {"Null": {"sts:ExternalId": "true"}}}, True),
        ({"Condition": {"Null": {"s3:prefix": "true"}}}, False),
        ({"Condition": {"StringLike": {"s3:prefix": "x/*"}, "Bool": {"aws:SecureTransport": "false"}}}, False),
    ],
)
def test_elements_are_judged_as_the_guide_says(elements: dict[str, Any], allowed: bool) -> None:
    assert is_allowed([allow(**elements)], READ) is allowed


@pytest.mark.parametrize(
    "elements",
    [
        {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        {"Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}},
        {"Resource": "arn:aws:s3:::${aws:PrincipalAccount}/*"},
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"NotPrincipal": {"AWS": "*"}},
    ],
)
def test_what_it_does_not_know_it_does_not_judge(elements: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        is_allowed([allow(**elements)], READ)


def test_not_action_names_what_is_left_out() -> None:
    statement = {"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}

    assert is_allowed([{"Statement": statement}], READ)
    assert not is_allowed([{"Statement": statement}], Request("s3:PutObject", "arn:aws:s3:::b/k"))
