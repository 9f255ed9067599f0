"""Objects that are written once: documents, exports, evidence."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from arrears.adapters.aws import error_code, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
#: There is an object already, or somebody is writing one just now.
_PRESENT = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class Bucket:
    """A bucket, encrypted by its own default. Each object carries its SHA-256 in its metadata."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client, self.name = client, name

    def put(self, key: str, body: bytes, content_type: str, notes: Mapping[str, str] | None = None) -> None:
        """Store an object; see `effects.ports.Objects`.

        The same bytes are not written again: in a versioned bucket, and the more in one with object lock, every
        repeat would stay for good.
        """
        metadata = {**(notes or {}), "sha256": hashlib.sha256(body).hexdigest()}
        with translated("s3:PutObject"):
            try:
                self._client.put_object(
                    Bucket=self.name, Key=key, Body=body, ContentType=content_type, Metadata=metadata, IfNoneMatch="*"
                )
            except ClientError as error:
                if error_code(error) not in _PRESENT:
                    raise
            else:
                return
        if self.notes(key) == metadata:
            return
        with translated("s3:PutObject"):
            self._client.put_object(Bucket=self.name, Key=key, Body=body, ContentType=content_type, Metadata=metadata)

    def get(self, key: str) -> bytes | None:
        """Return an object; None when there is none."""
        with translated("s3:GetObject"):
            try:
                return self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
            except ClientError as error:
                if error_code(error) in _ABSENT:
                    return None
                raise

    def notes(self, key: str) -> Mapping[str, str] | None:
        """Return the metadata of an object; None when there is no such object."""
        with translated("s3:HeadObject"):
            try:
                return self._client.head_object(Bucket=self.name, Key=key)["Metadata"]
            except ClientError as error:
                if error_code(error) in _ABSENT:
                    return None
                raise

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix, in the order of their UTF-8 bytes."""
        arguments = {"Bucket": self.name, "Prefix": prefix}
        while True:
            with translated("s3:ListObjectsV2"):
                answer = self._client.list_objects_v2(**arguments)  # type: ignore[arg-type] # only these keys
            for entry in answer.get("Contents", []):
                yield entry["Key"]
            if not answer.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = answer["NextContinuationToken"]

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with translated("s3:DeleteObject"):
            self._client.delete_object(Bucket=self.name, Key=key)
