"""The three functions of an import as built, one after the other, on a file that is really there."""

import json
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.rie.conftest import Cloud, Running
from tests.support.inbox import counts
from tests.support.rows import PORTFOLIO, csv_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.rie

# The stack may be one that stays up, with the reports of earlier runs in it.
KEY = f"portfolio/built functions {uuid.uuid4()}.csv"


def answer(running: Running, function: str, event: Any) -> Any:
    """What a built function answers to an event."""
    given = running.emulator(function).invoke(event)
    assert given.error is None, f"{given.payload}\n{given.log}"
    return given.payload


def test_the_built_functions_import_a_file(running: Running, cloud: Cloud) -> None:
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    bucket = cloud.physical["InboundBucket"]
    body = csv_of(PORTFOLIO, {**PORTFOLIO, "account_id": "BUILT-2", "currency": "XXX"})
    version = client.put_object(Bucket=bucket, Key=KEY, Body=body)["VersionId"]
    # The stack imports it first; an event that comes again would find that it has its report.
    client.get_waiter("object_exists").wait(
        Bucket=bucket, Key=f"reports/{KEY}.json", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    client.delete_object(Bucket=bucket, Key=f"reports/{KEY}.json")
    detail = {"bucket": {"name": bucket}, "object": {"key": KEY, "version-id": version}}

    split = answer(running, "SplitImportFunction", {"detail": detail})
    for piece in split["pieces"]:
        answer(running, "ImportRowsFunction", {"drop": split["drop"], "piece": piece})
    finished = answer(running, "ReportImportFunction", {"detail": detail, "split": split})

    report = json.loads(client.get_object(Bucket=bucket, Key=f"reports/{KEY}.json")["Body"].read())
    assert finished == {"failed": False, "rows": 2, "rejected": 1}
    assert report["version_id"] == version
    # The same version taken in again is told as it was the first time.
    assert {name: report[name] for name in counts()} == counts(accepted=1, rejected=1)
