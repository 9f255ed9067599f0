"""Broken imports: the files whose import broke off, each with the reason, and having one imported again."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from arrears.adapters.s3_objects import Bucket
from arrears.usecases.drop import ERRORS


@dataclass(frozen=True, slots=True)
class Broken:
    """A file whose import broke off.

    Attributes:
        version: the version that was not taken in, or not all of it.
        error: the name of what went wrong.
        at: when its report was written, ISO 8601 in UTC.
    """

    bucket: str
    key: str
    version: str
    error: str
    at: str


@dataclass(frozen=True)
class BrokenImports:
    """Looks through the buckets that files are dropped into.

    Attributes:
        start: starts an import with an input.
    """

    buckets: Sequence[Bucket]
    start: Callable[[str], None]

    def __iter__(self) -> Iterator[Broken]:
        """Yield the files; one that was taken in after all is none of them any more."""
        for bucket in self.buckets:
            for key in bucket.keys(ERRORS):
                stored = bucket.get(key)
                if stored is not None:
                    told = json.loads(stored)
                    yield Broken(told["bucket"], told["key"], told["version_id"], told["error"], told["at"])

    def again(self, broken: Broken) -> None:
        """Have the very version imported again, as if it had just been dropped; what is in already stays unchanged."""
        version = {"version-id": broken.version} if broken.version else {}
        detail = {"bucket": {"name": broken.bucket}, "object": {"key": broken.key, **version}}
        self.start(json.dumps({"detail": detail}))
