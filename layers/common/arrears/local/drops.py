"""Files that are dropped on dates, into the stack's buckets (see `files.drops`)."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from arrears.files import drops

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from arrears.stack import Stack


class Drops(drops.Drops):
    """What is dropped on which date."""

    def put(self, stack: "Stack", client: "S3Client", days: Iterable[date]) -> int:
        """Put what is dropped on these dates into the stack's buckets; the number of files."""
        files = [file for day in days for file in self.on(day)]
        for file in files:
            bucket = stack.output("AgencyBucket" if file.is_agencys else "InboundBucket")
            client.put_object(Bucket=bucket, Key=file.key, Body=file.path.read_bytes())
        return len(files)
