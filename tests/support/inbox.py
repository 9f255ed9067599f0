"""The buckets that files are dropped into, and the three functions of an import, run one after the other."""

import functools
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from arrears.adapters.objects import Objects
from arrears.usecases.drop import Split
from arrears.usecases.finish_import import Finished, FinishImport
from arrears.usecases.import_piece import ImportPiece
from arrears.usecases.split_file import SplitFile
from tests.support.stack import REGION, Stack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INBOUND, AGENCY = "arrears-inbound", "arrears-agency"


@functools.cache
def _s3() -> "S3Client":
    """One client for all tests: making one costs more than most tests do."""
    return boto3.client("s3", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


def make_buckets(client: "S3Client") -> None:
    """Create the inbound and the agency bucket, which keep versions."""
    for name in (INBOUND, AGENCY):
        client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


@dataclass
class Inbox:
    """Drops files and imports them, the way the state machine does, but in this process.

    Attributes:
        counted: the metrics that were added to.
    """

    stack: Stack
    client: "S3Client" = field(default_factory=_s3)
    counted: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        make_buckets(self.client)
        objects = Objects(self.client)
        self.split_file = SplitFile(objects, INBOUND, AGENCY)
        self.import_piece = ImportPiece(self.stack.table, self.stack.settings, objects, INBOUND)
        self.finish_import = FinishImport(objects, INBOUND, AGENCY, self._count)

    def _count(self, name: str, value: int) -> None:
        self.counted[name] = self.counted.get(name, 0) + value

    # --- dropping ----------------------------------------------------------------------------------------------------
    def put(self, key: str, body: bytes) -> dict[str, Any]:
        """Drop a file; return the `detail` of the event that S3 sends."""
        bucket = AGENCY if key.startswith("agency_id=") else INBOUND
        stored = self.client.put_object(Bucket=bucket, Key=key, Body=body)
        version = stored["VersionId"]
        return {"bucket": {"name": bucket}, "object": {"key": key, "size": len(body), "version-id": version}}

    def run(self, detail: Mapping[str, Any], *, between: Callable[[Split], object] = lambda _: None) -> Finished | None:
        """Import what an event tells of; `between` is done with the split before the pieces are taken in."""
        split = self.split_file(detail)
        if split["next"] == "Done":
            return None
        between(split)
        for piece in split["pieces"]:
            self.import_piece(split["drop"], piece)
        return self.finish_import({"detail": detail, "split": split})

    def drop(self, key: str, body: bytes) -> dict[str, Any]:
        """Drop a file and import it; return its report."""
        self.run(self.put(key, gzip.compress(body, mtime=0) if key.endswith(".gz") else body))
        return self.report(key)

    # --- what came of it ---------------------------------------------------------------------------------------------
    def read(self, key: str, bucket: str = "") -> bytes | None:
        """The bytes of an object, or None."""
        bucket = bucket or (AGENCY if "agency_id=" in key else INBOUND)
        return Objects(self.client).read(bucket, key)

    def report(self, key: str) -> dict[str, Any]:
        """A file's report, without the version and the time."""
        stored = self.read(f"reports/{key}.json")
        assert stored is not None, f"{key} has no report"
        report: dict[str, Any] = json.loads(stored)
        assert report.pop("finished_at")
        assert report.pop("version_id")
        return report

    def rejects(self, key: str) -> list[dict[str, Any]]:
        """The rows of a file that were refused."""
        stored = self.read(f"rejects/{key}.jsonl")
        return [] if stored is None else [json.loads(line) for line in stored.splitlines()]


def counts(accepted: int = 0, unchanged: int = 0, rejected: int = 0) -> dict[str, int]:
    """What a report says."""
    return {
        "rows": accepted + unchanged + rejected,
        "accepted": accepted,
        "unchanged": unchanged,
        "rejected": rejected,
    }
