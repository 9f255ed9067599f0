"""Least privilege, proved both ways: what the functions called in all these tests, and what the template grants."""

from typing import Any

import pytest

from tests.support.embedded import Embedded
from tests.support.grants import Grants, read_calls
from tools.template import functions, load

FUNCTIONS = sorted(functions(load()))
#: Granted for what these tests do not come to: by function, the action and when it is needed.
_DEAD = {"sqs:SendMessage": "Lambda sends what a function could not do to the dead letters, in the function's name"}
_AGAIN = {"s3:GetObject": "what is written a second time is compared with what is there"}
_ABSENT = {"s3:ListBucket": "an object that is not there answers 403 without it"}
_STREAM = {
    f"dynamodb:{action}": "Lambda reads the stream in the function's name"
    for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
}
_BROKEN_OFF = {"s3:AbortMultipartUpload": "a large upload breaks off"}
SELDOM: dict[str, dict[str, str]] = {
    "BuildWorklistFunction": _DEAD,
    "CloseExportDayFunction": _ABSENT,
    "DispatchLettersFunction": _DEAD,
    "ExportLegalFunction": {**_AGAIN, **_ABSENT},
    "ImportRowsFunction": _ABSENT,
    "QueueLetterFunction": {**_AGAIN, **_ABSENT},
    "RecordFreezeFunction": {**_DEAD, "dynamodb:Query": "the answer comes when the case is closed"},
    "RecordReceiptsFunction": _DEAD,
    "ReportImportFunction": {**_AGAIN, **_ABSENT, **_BROKEN_OFF},
    "RollOutPolicyFunction": _DEAD,
    "ScanDelinquenciesFunction": {"dynamodb:UpdateItem": "the sweep puts a dead case back"},
    "SendSmsFunction": _AGAIN,
    "SplitImportFunction": {**_ABSENT, **_BROKEN_OFF},
    "WakeCaseFunction": {**_DEAD, **_STREAM},
}


@pytest.fixture(scope="module")
def calls(embedded_stack: Embedded) -> dict[str, list[dict[str, Any]]]:
    """All calls of the session, by the function's logical id."""
    noted = read_calls(embedded_stack.folder / "calls.jsonl")
    return {name: noted.get(embedded_stack.resources[name].rsplit(":", 1)[-1], []) for name in FUNCTIONS}


@pytest.fixture(scope="module")
def grants(embedded_stack: Embedded) -> Grants:
    """What the template grants on this stack."""
    region, account = (
        embedded_stack.environment["AWS_REGION"],
        embedded_stack.stack.output("EscalationArn").split(":")[4],
    )
    return Grants(load(), embedded_stack.resources, region, account)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_granted_what_it_calls_and_nothing_else(
    name: str, grants: Grants, calls: dict[str, list[dict[str, Any]]]
) -> None:
    noted = calls[name]

    assert noted or name in SELDOM, "no test comes to this function"
    assert grants.missing(name, noted) == set()
    unused = {grant.split(" on ")[0] for grant in grants.unused(name, noted)}
    assert unused <= set(SELDOM.get(name, {})), "granted and used by nobody, for no reason that is written down"
