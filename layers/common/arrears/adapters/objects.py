"""Objects that are too big to hold: read as a stream, one version at a time, and written from a file.

A connection that breaks off while an object is read is an error of its own (`TransientServiceError`), so that it can
not be taken for a file that ends early.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from arrears.adapters.aws import error_code, translated
from arrears.errors import PermanentActionError, TransientServiceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: What a missing object, or a missing version of it, is answered with. `InvalidArgument` is a malformed version id.
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})
_CHUNK = 1 << 16


class Reads(Protocol):
    """What bytes are read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most `size` bytes; none at the end."""


class _Body:
    """The body of an object, whose errors are ours."""

    def __init__(self, body: Reads) -> None:
        self._body = body

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, all for -1; none at the end."""
        with translated("s3:GetObject"):
            try:
                return self._body.read() if size < 0 else self._body.read(size)
            except OSError as broken:
                raise TransientServiceError(f"s3:GetObject: {type(broken).__name__}") from broken


@dataclass(frozen=True, slots=True)
class Opened:
    """An object that is being read.

    Attributes:
        body: its bytes, as they come.
        version: the version that is read; empty where the bucket keeps none.
        etag: changes with the content.
        modified: when this version was written.
        size: in bytes.
    """

    body: Reads
    version: str
    etag: str
    modified: datetime
    size: int


class Objects:
    """Objects of any bucket. Putting the same bytes at the same key again is harmless."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def open(self, bucket: str, key: str, version: str = "") -> Opened | None:
        """Open one version of an object, the latest by default; None when there is none.

        Raises:
            TransientServiceError: S3 is busy; also from reading the body.
        """
        arguments: dict[str, Any] = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        with translated("s3:GetObject"):
            try:
                answer = self._client.get_object(**arguments)
            except ClientError as error:
                if error_code(error) in _ABSENT:
                    return None
                raise
        return Opened(
            _Body(answer["Body"]),
            _version(answer.get("VersionId")),
            answer["ETag"].strip('"'),
            answer["LastModified"],
            answer["ContentLength"],
        )

    def read(self, bucket: str, key: str) -> bytes | None:
        """Return a small object; None when there is none."""
        opened = self.open(bucket, key)
        return None if opened is None else opened.body.read()

    def lines(self, bucket: str, key: str) -> Iterator[bytes]:
        """Yield the lines of an object that has to be there, without their ends, in constant memory."""
        opened = self.open(bucket, key)
        if opened is None:
            raise PermanentActionError("s3:GetObject: an object of the import is gone")
        rest = b""
        while chunk := opened.body.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
        if rest:
            yield rest

    def latest_version(self, bucket: str, key: str) -> str:
        """Return the id of an object's latest version; empty when there is none."""
        with translated("s3:HeadObject"):
            try:
                return _version(self._client.head_object(Bucket=bucket, Key=key).get("VersionId"))
            except ClientError as error:
                if error_code(error) in _ABSENT:
                    return ""
                raise

    def put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Store a small object."""
        with translated("s3:PutObject"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def put_file(self, bucket: str, key: str, path: Path, content_type: str) -> None:
        """Store a file of any size; one of more than 8 MB is sent in parts."""
        from boto3.exceptions import S3UploadFailedError
        from boto3.s3.transfer import S3Transfer

        with translated("s3:PutObject"):
            try:
                S3Transfer(self._client).upload_file(str(path), bucket, key, extra_args={"ContentType": content_type})
            except S3UploadFailedError as failed:
                # boto3 wraps the service's error: hand out what it wraps.
                raise (failed.__context__ or failed) from None

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with translated("s3:DeleteObject"):
            self._client.delete_object(Bucket=bucket, Key=key)


def _version(answered: str | None) -> str:
    """Return a version id as one; S3 calls what was written before versioning `null`."""
    return "" if answered in (None, "null") else str(answered)
