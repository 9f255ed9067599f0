"""Split: unpack a file and split it into pieces that can be taken in side by side.

All rows of an account are in one piece, in file order and with their line numbers. The pieces are written to local
files first, so that memory stays flat however large the file is; the same version always gives the same pieces.
"""

import json
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from arrears.adapters.objects import Objects, Opened, Reads
from arrears.domain.decide import account_of
from arrears.domain.policy import AgencyFiles
from arrears.errors import PermanentActionError
from arrears.files import Kind, RowError, read_rows
from arrears.files.strict_json import strict_object
from arrears.files.unpack import GZIP, gunzip
from arrears.usecases.agency_files import check_key, read_limited
from arrears.usecases.bank_files import check_bank_key
from arrears.usecases.drop import Drop, Split, drop_of, kind_of_rows, piece_key, report_key, run_of, split_key

#: So much of a file, unpacked, makes a piece: one to several thousand rows, which take some ten seconds to take in.
PIECE_BYTES = 512 * 1024
#: A piece that gets larger than this, as it is written, is more than one function takes in within its time.
MOST_PIECE: Final = 32 << 20
#: All pieces of a file together: what the function's disk takes, with room to spare.
MOST_WRITTEN: Final = 3 << 30
#: More than this many local files are not opened at a time, and their keys are a small part of what a state may hold.
MOST_PIECES = 256
#: How much larger CSV gets by unpacking, about.
_GZIP_RATIO = 5
#: The column that says whose row it is; a letter's and a case's id begin with the account.
_ACCOUNT_COLUMN = {"letters": "letter_id", "returns": "case_id", "court": "case_id"}


@dataclass(frozen=True)
class SplitFile:
    """The first step of an import.

    Attributes:
        folder: where the pieces are written before they are stored; the system's own folder by default.
        files_of: what an agency may write, by its id.
    """

    objects: Objects
    inbound_bucket: str
    agency_bucket: str
    folder: Path | None = None
    files_of: Callable[[str], AgencyFiles] = lambda _: AgencyFiles()

    def __call__(self, detail: Mapping[str, Any]) -> Split:
        """Split the object that an "Object Created" event tells of.

        Raises:
            PermanentActionError: the object is gone.
            PermanentSetupError: it is none of ours.
            TransientServiceError: S3 is busy, or broke off.
        """
        drop = drop_of(detail, self.inbound_bucket, self.agency_bucket)
        if not drop["kind"]:
            return {"drop": drop, "pieces": [], "next": "Done"}
        opened = self.objects.open(drop["bucket"], drop["key"], drop["version"])
        if opened is None:
            raise PermanentActionError("s3:GetObject: the file is gone")
        drop["version"] = opened.version
        drop["run"] = run_of(drop, opened.etag)
        drop["dropped_at"] = opened.modified.isoformat()
        if self._reported(drop):
            return {"drop": drop, "pieces": [], "next": "Done"}
        pieces = self._split(drop, opened)
        split: Split = {"drop": drop, "pieces": pieces, "next": "TakeIn" if pieces else "Report"}
        # For whoever reports an import whose execution is gone.
        self.objects.put(self.inbound_bucket, split_key(drop["run"]), json.dumps(split).encode(), "application/json")
        return split

    def _reported(self, drop: Drop) -> bool:
        """Say whether this very version has its report: events come at least once, and some twice."""
        stored = self.objects.read(drop["bucket"], report_key(drop["key"])) if drop["version"] else None
        if stored is None:
            return False
        report = json.loads(stored)
        return report.get("version_id") == drop["version"] and "error" not in report

    def _split(self, drop: Drop, opened: Opened) -> list[str]:
        count = _pieces(opened.size, drop["key"])
        keys = []
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            paths = [Path(folder, f"{number:04d}") for number in range(count)]
            with ExitStack() as stack:
                files = [stack.enter_context(path.open("w", encoding="ascii")) for path in paths]
                self._write(drop, opened.body, files)
            for number, path in enumerate(paths):
                if path.stat().st_size:
                    key = piece_key(drop["run"], number)
                    self.objects.put_file(self.inbound_bucket, key, path, "application/x-ndjson")
                    keys.append(key)
        return keys

    def _write(self, drop: Drop, body: Reads, files: Sequence[IO[str]]) -> None:
        """Write the rows of a file; of one that breaks a limit nothing but that."""
        try:
            if drop["agency_id"]:
                limits = self.files_of(drop["agency_id"])
                check_key(drop, limits)
                if drop["kind"] == "acks":
                    json.dump(_ack(body, limits.acks_bytes), files[0])
                    files[0].write("\n")
                    return
                body = read_limited(body, limits)
            else:
                check_bank_key(drop)
            _write(drop, body, files)
        except RowError as refused:
            for file in files:
                file.seek(0)
                file.truncate()
            json.dump({"line": 1, "reason": str(refused), "row": None}, files[0])
            files[0].write("\n")


def _pieces(size: int, key: str) -> int:
    unpacked = size * _GZIP_RATIO if key.lower().endswith(".gz") else size
    return max(1, min(MOST_PIECES, -(-unpacked // PIECE_BYTES)))


def _write(drop: Drop, body: Reads, files: Sequence[IO[str]]) -> None:
    kind = kind_of_rows(drop)
    column = _ACCOUNT_COLUMN.get(kind, "account_id")
    # ASCII with escapes: what the reader could not decode can be written down all the same.
    encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
    written, total = [0] * len(files), 0
    for line, entry, owner in _entries(body, kind, drop["key"], column):
        number = zlib.crc32(owner.encode("utf-8", "replace")) % len(files)
        text = f"{encode(entry | {'line': line})}\n"
        written[number] += len(text)
        total += len(text)
        if written[number] > MOST_PIECE or total > MOST_WRITTEN:
            raise RowError("file", "holds more than one import takes, or too much of few accounts: send it in parts")
        files[number].write(text)


def _entries(body: Reads, kind: Kind, name: str, column: str) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Yield for each row its line, what the piece will say of it, and whose row it is."""
    for line, row in read_rows(body, kind, name):
        if isinstance(row, RowError):
            # Nobody's row: they are spread over the pieces, since it may be all of them.
            yield line, {"reason": str(row), "row": row.row}, str(line)
        else:
            owner = row.get(column) or ""
            yield line, {"row": row}, owner if column == "account_id" else account_of(owner)


def _ack(body: Reads, most: int) -> dict[str, Any]:
    """Return the one row of an acknowledgement.

    Raises:
        RowError: it is none that can be read in one way only.
    """
    data = body.read(most + 1)
    try:
        if data.startswith(GZIP):
            data = b"".join(gunzip(iter([data]), most))
        if len(data) <= most:
            return {"line": 1, "row": strict_object(data)}
    except RowError as found:
        raise RowError("file", found.reason) from None
    except (ValueError, EOFError, zlib.error):
        pass
    raise RowError("file", f"is no JSON object of at most {most} bytes")
