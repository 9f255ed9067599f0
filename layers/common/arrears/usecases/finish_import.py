"""Finish import: put together what came of the pieces, in line order, and write the report, last of all."""

import heapq
import json
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypedDict, cast

from arrears.adapters.objects import Objects
from arrears.usecases.drop import (
    Counts,
    Drop,
    drop_of,
    error_key,
    piece_rejects_key,
    rejects_key,
    report_key,
    result_key,
    split_key,
)

logger = logging.getLogger(__name__)

#: The reason of a row that nothing is known of, because the machinery failed.
NOT_TAKEN_IN = "error: not taken in, the import broke off; drop the file again"

#: The error of a report whose file could be split, when some of its pieces were given up.
PIECES_GIVEN_UP = "PiecesGivenUp"


#: So many bytes of refused rows are written down; there is room for twice as many, and they are merged.
MOST_REJECTS = 1024 * 1024 * 1024
#: A piece has a share of that, and never less than this.
_LEAST_SHARE = 1024 * 1024


class Finished(TypedDict):
    """What the workflow learns of a report."""

    failed: bool
    rows: int
    rejected: int


@dataclass(frozen=True)
class FinishImport:
    """The last step of an import, also of one that broke off.

    Attributes:
        count: adds to a metric.
        folder: where the rejects are put together; the system's own folder by default.
    """

    objects: Objects
    inbound_bucket: str
    agency_bucket: str
    count: Callable[[str, int], None]
    folder: Path | None = None

    def __call__(self, execution: Mapping[str, Any]) -> Finished:
        """Write the rejects, if any, and then the report.

        Args:
            execution: the state of the execution: the event, `split` when the file could be split, `error` when
                something failed.

        Raises:
            TransientServiceError: S3 is busy.
        """
        split = execution.get("split")
        if split is None:
            drop, pieces = drop_of(execution["detail"], self.inbound_bucket, self.agency_bucket), None
        else:
            drop, pieces = cast("Drop", split["drop"]), cast("list[str]", split["pieces"])
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            counts, refused, failed = self._collect(pieces, folder)
            error = str(execution.get("error", {}).get("Error", PIECES_GIVEN_UP)) if failed else ""
            if self._overtaken(drop):
                logger.info("a later version of the file has its report: this one is not written")
            else:
                self._write(drop, counts, refused, folder, error)
        self.count("FilesImported", 1)
        self.count("RowsAccepted", counts["accepted"])
        self.count("RowsUnchanged", counts["unchanged"])
        self.count("RowsRejected", counts["rejected"])
        self.count("ImportsFailed", int(failed))
        if drop["kind"] == "acks":
            self.count("AcknowledgementsRefused", counts["rejected"])
        return {"failed": failed, "rows": counts["rows"], "rejected": counts["rejected"]}

    def of_ended(self, ended: Mapping[str, Any]) -> Finished | None:
        """Write the report of an import whose execution is over without one: of what is known by now.

        Where every piece was taken in, that is the whole report; otherwise it says that the import broke off.

        Args:
            ended: the `detail` of Step Functions' "Execution Status Change" event.

        Returns:
            what a report says; None where this version of the file has one.

        Raises:
            TransientServiceError: S3 is busy.
        """
        detail = json.loads(ended["input"])["detail"]
        drop = drop_of(detail, self.inbound_bucket, self.agency_bucket)
        stored = self.objects.read(drop["bucket"], report_key(drop["key"]))
        if stored is not None and json.loads(stored).get("version_id") == drop["version"]:
            return None
        split = self.objects.read(self.inbound_bucket, split_key(drop["run"]))
        execution = {"detail": detail, "error": {"Error": ended.get("error") or f"Execution.{ended['status']}"}}
        logger.warning("the execution ended without a report: it is made now", extra={"run": drop["run"]})
        return self(execution if split is None else execution | {"split": json.loads(split)})

    def _collect(self, pieces: list[str] | None, folder: Path) -> tuple[Counts, list[Path], bool]:
        """Fetch what came of the pieces: the sums, the refused rows as local files, and whether anything failed."""
        counts: Counts = {"rows": 0, "accepted": 0, "unchanged": 0, "rejected": 0}
        if pieces is None:
            _write_some(folder / "all", [_reject(1, None).encode()], MOST_REJECTS)
            return {**counts, "rows": 1, "rejected": 1}, [folder / "all"], True
        failed, refused = False, []
        share = max(MOST_REJECTS // max(len(pieces), 1), _LEAST_SHARE)
        for number, piece in enumerate(pieces):
            path = folder / f"{number:04d}"
            stored = self.objects.read(self.inbound_bucket, result_key(piece))
            if stored is None:
                failed = True
                result = self._not_taken_in(piece, path, share)
            else:
                result = json.loads(stored)
                if result["rejected"]:
                    _write_some(path, self.objects.lines(self.inbound_bucket, piece_rejects_key(piece)), share)
            if result["rejected"]:
                refused.append(path)
            for name in ("rows", "accepted", "unchanged", "rejected"):
                counts[name] += result[name]
        return counts, refused, failed

    def _not_taken_in(self, piece: str, path: Path, share: int) -> Counts:
        """Write down all rows of a piece that failed as refused: which of them were taken in is not known."""
        entries = (json.loads(line) for line in self.objects.lines(self.inbound_bucket, piece))
        rows = _write_some(
            path, (_reject(entry["line"], entry["row"]).encode("utf-8", "replace") for entry in entries), share
        )
        return {"rows": rows, "accepted": 0, "unchanged": 0, "rejected": rows}

    def _overtaken(self, drop: Drop) -> bool:
        """Say whether a later version of the file has its report already."""
        if not drop["version"]:
            return False
        latest = self.objects.latest_version(drop["bucket"], drop["key"])
        if latest in ("", drop["version"]):
            return False
        report = self.objects.read(drop["bucket"], report_key(drop["key"]))
        return report is not None and json.loads(report).get("version_id") == latest

    def _write(self, drop: Drop, counts: Counts, refused: list[Path], folder: Path, error: str) -> None:
        bucket, key = drop["bucket"], drop["key"]
        if refused:
            merged = folder / "merged"
            _merge(refused, merged)
            self.objects.put_file(bucket, rejects_key(key), merged, "application/x-ndjson")
        else:
            # An earlier version of the file may have left some.
            self.objects.delete(bucket, rejects_key(key))
        finished_at = datetime.now(UTC).isoformat(timespec="seconds")
        report: dict[str, object] = {**counts, "finished_at": finished_at, "version_id": drop["version"]}
        if error:
            report["error"] = error
            broken = {"bucket": bucket, "key": key, "version_id": drop["version"], "error": error, "at": finished_at}
            self.objects.put(bucket, error_key(key), json.dumps(broken).encode(), "application/json")
        else:
            self.objects.delete(bucket, error_key(key))
        self.objects.put(bucket, report_key(key), json.dumps(report).encode(), "application/json")


def _reject(line: int, row: object) -> str:
    return json.dumps({"line": line, "reason": NOT_TAKEN_IN, "row": row}, ensure_ascii=False)


def _write_some(path: Path, lines: Iterable[bytes], most: int) -> int:
    """Write the lines of a rejects file as far as they fit, and of the others how many there are; the number of all.

    They would fill the function's disk, and the import would be left without its report.
    """
    written = number = left_out = first = 0
    with path.open("wb") as file:
        for line in lines:
            number += 1
            written += len(line) + 1
            if written <= most:
                file.write(line + b"\n")
            else:
                left_out += 1
                first = first or _line_number(line)
        if left_out:
            reason = f"row: this row and {left_out - 1} more of its part of the file were refused and are not listed"
            told = {"line": first, "reason": reason, "row": None}
            file.write(json.dumps(told).encode() + b"\n")
    return number


def _line_number(text: bytes) -> int:
    """Return the line number that a line of a rejects file begins with."""
    return int(text[len(b'{"line": ') : text.index(b",")])


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    yield from file


def _merge(refused: list[Path], target: Path) -> None:
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")) for path in refused]
        merged: Iterator[bytes] = heapq.merge(*map(_lines, files), key=_line_number)
        stack.enter_context(target.open("wb")).writelines(merged)
