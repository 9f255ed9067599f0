"""What an operator may do with `infra/operator-access.yaml`: a table of requests, and proof that the table can fail."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from arrears.cli.ops import _SOURCES, QUEUES
from tests.support.iam import Request, is_allowed
from tools.template import ROOT, Resolver, load, resources

TEMPLATE = ROOT / "infra" / "operator-access.yaml"
TABLE, INBOUND, AGENCIES = "arrears-DelinquencyTable-ABC", "arrears-inboundbucket", "arrears-agencybucket"
KEY = "arn:aws:kms:eu-west-2:111111111111:key/0000-1111"
PARAMETERS = {
    "ArrearsStack": "arrears",
    "TableName": TABLE,
    "InboundBucket": INBOUND,
    "AgencyBucket": AGENCIES,
    "DataKeyArn": KEY,
}
ITEMS = ("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")


def of(service: str, action: str, name: str, **context: str) -> Request:
    return Request(f"{service}:{action}", arn(service, name), context)


def arn(service: str, name: str) -> str:
    return f"arn:aws:s3:::{name}" if service == "s3" else f"arn:aws:{service}:eu-west-2:111111111111:{name}"


def through(service: str, **more: str) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.eu-west-2.amazonaws.com", **more}


GRANT = {"kms:GrantIsForAWSResource": "true"}
#: What each command asks for.
ALLOWED: dict[str, Request] = {
    "find the stack": of("cloudformation", "DescribeStacks", "stack/arrears/0-1"),
    **{f"{each} of the table": of("dynamodb", each, f"table/{TABLE}") for each in (*ITEMS, "ConditionCheckItem")},
    "read the queues of cases": of("dynamodb", "Query", f"table/{TABLE}/index/WorkIndex"),
    "restore from the table": of("dynamodb", "RestoreTableToPointInTime", f"table/{TABLE}"),
    "restore into a table": of("dynamodb", "RestoreTableToPointInTime", f"table/{TABLE}-restored-1"),
    **{f"{each} of what was restored": of("dynamodb", each, f"table/{TABLE}-restored-1") for each in ITEMS},
    "delete what was restored": of("dynamodb", "DeleteTable", f"table/{TABLE}-restored-1"),
    "list broken imports": of("s3", "ListBucket", INBOUND, **{"s3:prefix": "errors/"}),
    "list broken imports of agencies": of("s3", "ListBucket", AGENCIES, **{"s3:prefix": "errors/"}),
    "read why one broke": of("s3", "GetObject", f"{INBOUND}/errors/a.json"),
    "read why an agency's broke": of("s3", "GetObject", f"{AGENCIES}/errors/a.json"),
    **{
        f"{action} of {queue}": of("sqs", action, f"arrears-{queue}-ABC")
        for queue in QUEUES
        for action in ("GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage")
    },
    **{
        f"send to {queue}": of("sqs", "SendMessage", f"arrears-{queue.removesuffix('Url')}-ABC.fifo")
        for queue in _SOURCES.values()
    },
    "invoke a function again": of("lambda", "InvokeFunction", "function:arrears-RecoverCaseFunction-ABC"),
    "import again": of("states", "StartExecution", "stateMachine:arrears-import"),
    "wake a case": of("states", "SendTaskSuccess", "stateMachine:arrears-escalation"),
    **{f"read through {each}": Request("kms:Decrypt", KEY, through(each)) for each in ("dynamodb", "s3", "sqs")},
    "write through SQS": Request("kms:GenerateDataKey", KEY, through("sqs")),
    "give a restored table the key": Request("kms:CreateGrant", KEY, through("dynamodb", **GRANT)),
}
DENIED: dict[str, Request] = {
    "find another stack": of("cloudformation", "DescribeStacks", "stack/arrears-other/0-1"),
    "change the stack": of("cloudformation", "UpdateStack", "stack/arrears/0-1"),
    "delete the table": of("dynamodb", "DeleteTable", f"table/{TABLE}"),
    "unprotect the table": of("dynamodb", "UpdateTable", f"table/{TABLE}"),
    "read another table": of("dynamodb", "GetItem", "table/other"),
    "restore into a table of another name": of("dynamodb", "RestoreTableToPointInTime", "table/other"),
    "list the bank's files": of("s3", "ListBucket", INBOUND, **{"s3:prefix": "portfolio/"}),
    "list all": of("s3", "ListBucket", INBOUND),
    "read a portfolio": of("s3", "GetObject", f"{INBOUND}/portfolio/a.csv"),
    "drop a file": of("s3", "PutObject", f"{INBOUND}/payments/a.csv"),
    "read an agency's cases": of("s3", "GetObject", f"{AGENCIES}/agency_id=north/placements/cases.csv"),
    "read a file for court": of("s3", "GetObject", "arrears-legalbucket/date=2005-09-01/a.pdf"),
    "read tasks of the dialler": of("sqs", "ReceiveMessage", "arrears-CallQueue-ABC.fifo"),
    "send to the dead letters": of("sqs", "SendMessage", "arrears-DeadLetters-ABC"),
    "empty a queue": of("sqs", "PurgeQueue", "arrears-DeadLetters-ABC"),
    "invoke another's function": of("lambda", "InvokeFunction", "function:other"),
    "change a function": of("lambda", "UpdateFunctionCode", "function:arrears-RecoverCaseFunction-ABC"),
    "start an escalation": of("states", "StartExecution", "stateMachine:arrears-escalation"),
    "text somebody": Request("sns:Publish", "*"),
    "decrypt by itself": Request("kms:Decrypt", KEY),
    "decrypt through another service": Request("kms:Decrypt", KEY, through("lambda")),
    "use another key": Request("kms:Decrypt", KEY.replace("1111-", "2222-").replace("0000", "9999"), through("s3")),
    "delete the key": Request("kms:ScheduleKeyDeletion", KEY, through("dynamodb")),
    "give the key to somebody": Request(
        "kms:CreateGrant", KEY, through("dynamodb", **{"kms:GrantIsForAWSResource": "false"})
    ),
}


def documents(template: dict[str, Any]) -> list[dict[str, Any]]:
    resolve = Resolver(template, parameters=PARAMETERS, region="eu-west-2", account="111111111111")
    (policy,) = resources(template, "AWS::IAM::ManagedPolicy").values()
    return [resolve(policy["Properties"]["PolicyDocument"])]


def wrongly_judged(template: dict[str, Any]) -> set[str]:
    given = documents(template)
    return {what for what, request in ALLOWED.items() if not is_allowed(given, request)} | {
        what for what, request in DENIED.items() if is_allowed(given, request)
    }


def test_an_operator_may_do_what_the_commands_need_and_nothing_else() -> None:
    assert wrongly_judged(load(TEMPLATE)) == set()
    assert not set(ALLOWED) & set(DENIED)


def statement(template: dict[str, Any], sid: str) -> dict[str, Any]:
    (policy,) = resources(template, "AWS::IAM::ManagedPolicy").values()
    return next(each for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Sid"] == sid)


LOOSENED: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("ListErrorsOfImports", lambda s: s.pop("Condition"), "list the bank's files"),
    ("ReadErrorsOfImports", lambda s: s.update(Resource="arn:aws:s3:::*"), "read a portfolio"),
    ("ReadAndWriteTheTable", lambda s: s.update(Action="dynamodb:*"), "delete the table"),
    ("UseTheKeyThroughTheseServices", lambda s: s.pop("Condition"), "decrypt by itself"),
    ("GiveTheKeyToARestoredTable", lambda s: s["Condition"].pop("Bool"), "give the key to somebody"),
    ("ImportAgain", lambda s: s.update(Resource="*"), "start an escalation"),
    ("FindTheStack", lambda s: s.update(Resource="*"), "find another stack"),
]


@pytest.mark.parametrize(("sid", "loosen", "found"), LOOSENED, ids=[sid for sid, _, _ in LOOSENED])
def test_the_table_notices_a_policy_that_is_loosened(
    sid: str, loosen: Callable[[dict[str, Any]], object], found: str
) -> None:
    template = copy.deepcopy(load(TEMPLATE))
    loosen(statement(template, sid))

    assert found in wrongly_judged(template)


def test_each_statement_is_needed_by_a_command() -> None:
    template = load(TEMPLATE)
    (policy,) = resources(template, "AWS::IAM::ManagedPolicy").values()
    for each in policy["Properties"]["PolicyDocument"]["Statement"]:
        less = copy.deepcopy(template)
        statement(less, each["Sid"])["Effect"] = "Deny"
        assert wrongly_judged(less), each["Sid"]


def test_the_parameters_are_named_as_the_outputs_they_come_from() -> None:
    assert set(load(TEMPLATE)["Parameters"]) - {"ArrearsStack"} <= set(load()["Outputs"])
