"""A drop: one version of a file as the bank or an agency put it into its bucket, and where what comes of it lies.

    work/<run>/split.json           what the file was split into, written when all pieces are there
    work/<run>/pieces/0007.jsonl    rows of some accounts, {line, row} or {line, reason, row}, in file order
    work/<run>/results/0007.json    what came of a piece: {rows, accepted, unchanged, rejected}
    work/<run>/rejects/0007.jsonl   the rows of a piece that were refused, as the rejects file will have them
    reports/<key>.json              the report, in the bucket of the file; written last
    rejects/<key>.jsonl             the rows that were refused
    errors/<key>.json               a file whose import broke off, and why; gone when it is taken in after all

All of `work/` is in the inbound bucket, which agencies cannot read, under a prefix that no rule names.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict, cast, get_args

from arrears.errors import PermanentSetupError
from arrears.files import Kind

#: The longest key, in bytes, whose report has its name; a longer one is refused, in a report named by its SHA-256.
MOST_KEY: Final = 1000

#: The files whose import broke off, in the bucket of each.
ERRORS: Final = "errors/"

DropKind = Kind | Literal["acks"]

#: The prefixes of the inbound bucket, which are the names of the kinds. Who may put files there can have nobody sued.
_PREFIXES = frozenset(get_args(Kind)) - {"returns", "approvals"}
_AGENCY_KEY = re.compile(r"agency_id=([A-Za-z0-9][A-Za-z0-9._-]{0,63})/(returns|acks)/.+", re.DOTALL)


class Drop(TypedDict):
    """One version of a file. Goes through the execution, so it holds nothing personal.

    Attributes:
        version: the version's id; empty where the bucket keeps none.
        kind: of the rows; empty for an object that is no file of ours.
        agency_id: whose file it is; empty for the bank's.
        run: names the drop in short; the same for the same version.
        dropped_at: when it was dropped, ISO 8601 in UTC; of two that contradict each other the later one counts.
    """

    bucket: str
    key: str
    version: str
    kind: DropKind | Literal[""]
    agency_id: str
    run: str
    dropped_at: str


class Split(TypedDict):
    """What a file was split into.

    Attributes:
        next: `TakeIn` for pieces to take in, `Report` for a file without rows, `Done` where nothing is to be done.
        pieces: the keys of the pieces; no rows, since what is in an execution is no place for personal data.
    """

    drop: Drop
    pieces: list[str]
    next: Literal["TakeIn", "Report", "Done"]


class Counts(TypedDict):
    """How many rows there were, and what became of them."""

    rows: int
    accepted: int
    unchanged: int
    rejected: int


def drop_of(detail: Mapping[str, Any], inbound_bucket: str, agency_bucket: str) -> Drop:
    """Return the drop that the `detail` of an "Object Created" event tells of.

    Raises:
        PermanentSetupError: the event is of a bucket that is not the stack's.
    """
    bucket, stored = str(detail["bucket"]["name"]), detail["object"]
    key, version = str(stored["key"]), str(stored.get("version-id") or "")
    kind, agency_id = "", ""
    if bucket == inbound_bucket:
        prefix = key.partition("/")[0]
        kind = prefix if prefix in _PREFIXES and "/" in key else ""
    elif bucket == agency_bucket:
        match = _AGENCY_KEY.fullmatch(key)
        if match is not None:
            agency_id, kind = match[1], match[2]
    else:
        raise PermanentSetupError("the event is of a bucket that is not the stack's")
    drop: Drop = {
        "bucket": bucket,
        "key": key,
        "version": version,
        "kind": cast("DropKind", kind),
        "agency_id": agency_id,
        "run": "",
        "dropped_at": "",
    }
    drop["run"] = run_of(drop, str(stored.get("etag", "")))
    return drop


def run_of(drop: Drop, etag: str) -> str:
    """Return the name of a drop: the same whenever the same version of the same object is imported."""
    what = "\n".join((drop["bucket"], drop["key"], drop["version"] or etag))
    return hashlib.sha256(what.encode()).hexdigest()[:20]


def kind_of_rows(drop: Drop) -> Kind:
    """Return the kind of a drop whose rows are about accounts, which an acknowledgement's are not."""
    if drop["kind"] in ("", "acks"):
        raise ValueError("no rows of accounts")
    return cast("Kind", drop["kind"])


def piece_key(run: str, number: int) -> str:
    """Return the key of a piece."""
    return f"work/{run}/pieces/{number:04d}.jsonl"


def split_key(run: str) -> str:
    """Return the key of what a drop was split into."""
    return f"work/{run}/split.json"


def result_key(piece: str) -> str:
    """Return the key of what came of a piece."""
    return piece.replace("/pieces/", "/results/").removesuffix("l")


def piece_rejects_key(piece: str) -> str:
    """Return the key of the rows of a piece that were refused."""
    return piece.replace("/pieces/", "/rejects/")


def report_key(key: str) -> str:
    """Return the key of a file's report."""
    return f"reports/{_shorter(key)}.json"


def error_key(key: str) -> str:
    """Return the key of what is kept of a file whose import broke off."""
    return f"{ERRORS}{_shorter(key)}.json"


def rejects_key(key: str) -> str:
    """Return the key of the rows of a file that were refused."""
    return f"rejects/{_shorter(key)}.jsonl"


def _shorter(key: str) -> str:
    """Return a key that still fits with something before and behind it; S3 takes 1,024 bytes."""
    raw = key.encode("utf-8", "replace")
    if len(raw) <= MOST_KEY:
        return key
    return f"{key.partition('/')[0]}/{hashlib.sha256(raw).hexdigest()}"
