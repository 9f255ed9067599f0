"""Least privilege, proved both ways: what the functions called in all these tests, and what the template grants."""

from typing import Any

import pytest

from tests.support.embedded import Embedded
from tests.support.grants import Grants, read_calls
from tools.template import functions, load

FUNCTIONS = sorted(functions(load()))
_DEAD = {"sqs:SendMessage on DeadLetters": "Lambda sends what a function could not do to the dead letters, in its name"}
_ITS_END = "an object that is not there answers 403 without it"
_AGAIN = "what is written a second time is compared with what is there"
_BROKEN_OFF = "a large upload breaks off"
_STREAM = {
    f"dynamodb:{action}": "Lambda reads the stream in the function's name"
    for action in (
        "DescribeStream on DelinquencyTable.StreamArn",
        "GetRecords on DelinquencyTable.StreamArn",
        "GetShardIterator on DelinquencyTable.StreamArn",
        "ListStreams on *",
    )
}


def _absent(*buckets: str) -> dict[str, str]:
    return {f"s3:ListBucket on {bucket}": _ITS_END for bucket in buckets}


#: Granted for what these tests do not come to: by function, the action on the resource, and when it is needed.
SELDOM: dict[str, dict[str, str]] = {
    "BuildWorklistFunction": _DEAD,
    "CloseExportDayFunction": _absent("AgencyBucket"),
    "DispatchLettersFunction": _DEAD,
    "ExportLegalFunction": {"s3:GetObject on LegalBucket/date=*": _AGAIN, **_absent("DocumentsBucket", "LegalBucket")},
    "ImportRowsFunction": _absent("AgencyBucket", "InboundBucket"),
    "QueueLetterFunction": {"s3:GetObject on DocumentsBucket/letters/*": _AGAIN, **_absent("DocumentsBucket")},
    "RecordFreezeFunction": {**_DEAD, "dynamodb:Query on DelinquencyTable": "the answer comes when the case is closed"},
    "ReportImportFunction": {
        "s3:GetObject on AgencyBucket/reports/*": _AGAIN,
        "s3:GetObject on InboundBucket/reports/*": _AGAIN,
        "s3:PutObject on AgencyBucket/errors/*": "the import of an agency's file breaks off",
        "s3:AbortMultipartUpload on AgencyBucket/rejects/*": _BROKEN_OFF,
        "s3:AbortMultipartUpload on InboundBucket/rejects/*": _BROKEN_OFF,
        **_absent("AgencyBucket", "InboundBucket"),
    },
    "RollOutPolicyFunction": _DEAD,
    "ScanDelinquenciesFunction": {"dynamodb:UpdateItem on DelinquencyTable": "the sweep puts a dead case back"},
    "SendSmsFunction": {"s3:GetObject on DocumentsBucket/messages/*": _AGAIN},
    "SplitImportFunction": {
        "s3:AbortMultipartUpload on InboundBucket/work/*": _BROKEN_OFF,
        **_absent("AgencyBucket", "InboundBucket"),
    },
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
    seldom = set(SELDOM.get(name, {}))
    assert grants.unused(name, noted) <= seldom, "granted and used by nobody, for no reason that is written down"
    assert seldom <= set(grants.granted(name)), "a reason for what is not granted"
