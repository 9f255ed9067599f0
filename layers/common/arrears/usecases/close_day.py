"""Close a day of exports: the files that agencies get, each folder's manifest last, and the heads of the day's chains.

Everything is made from what the table recorded for the day, without a clock, so a day closed again gives the same
bytes, and a run that broke off is finished by the next one.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypedDict

from arrears.adapters.table import StaleError, Table
from arrears.csv_safe import write_csv
from arrears.domain.dates import ONE_DAY
from arrears.effects.agency_rows import CASE_COLUMNS, CASE_SCHEMA, RECALL_COLUMNS
from arrears.effects.exports import ExportRow, Exports, SheetText
from arrears.effects.folders import placements_folder, public_key_key, recalls_folder, schema_key, sheet_key
from arrears.effects.ports import Objects, Signer
from arrears.errors import PermanentSetupError, TransientConflictError
from arrears.resources import resource
from arrears.usecases.assess import TRIES

MANIFEST_SCHEMA: Final = "manifest-1"
#: How far back a stack that never closed a day is looked through.
_LOOK_BACK: Final = timedelta(days=366)

Row = Mapping[str, object]


class FileEntry(TypedDict):
    """A file as a manifest lists it.

    Attributes:
        key: in the same bucket.
        rows: of a table of rows, without the header; 0 for a PDF.
    """

    key: str
    bytes: int
    sha256: str
    rows: int


class DayReport(TypedDict):
    """What closing did.

    Attributes:
        days: the dates that were closed, oldest first.
    """

    days: list[str]
    placements: int
    recalls: int
    heads: int


@dataclass(frozen=True)
class CloseDay:
    """Closes export days.

    Attributes:
        agencies: the agency bucket.
        legal: the legal bucket, where the heads of the chains are locked away.
        signer: signs the manifests; None leaves them unsigned.
        allocate: says which agency gets the cases that wait for it; None where none can.
        draw: draws the sheet of a placement, whose id it is given.
        is_stopped: says whether what goes out is stopped now.
        state: writes the statements of a month, on its last day.
    """

    table: Table
    exports: Exports
    agencies: Objects
    legal: Objects
    draw: Callable[[SheetText, str], bytes]
    is_stopped: Callable[[], bool]
    signer: Signer | None = None
    allocate: Callable[[date], None] | None = None
    state: Callable[[date], None] | None = None

    def __call__(self, day: date) -> DayReport:
        """Close a day, and before it those that were missed since the last one that was closed.

        Raises:
            PermanentDocumentError: a sheet cannot be drawn.
            TransientServiceError: a service is busy; closing again goes on where it stopped.
        """
        report: DayReport = {"days": [], "placements": 0, "recalls": 0, "heads": 0}
        last = self.exports.closed_through()
        for due in _from_to(min(day, (last or day - _LOOK_BACK) + ONE_DAY), day):
            if due != day and last is None and not self._has_rows(due):
                continue
            self._close(due, report)
            report["days"].append(due.isoformat())
            if self.state is not None and (due + ONE_DAY).day == 1:
                self.state(due)
        if last is None or last < day:
            report["heads"] = self._lock_heads(day, last)
            self.exports.set_closed_through(day)
        return report

    def _has_rows(self, day: date) -> bool:
        return next(self.exports.rows(day), None) is not None

    def _close(self, day: date, report: DayReport) -> None:
        self.exports.close(day)
        if self.allocate is not None:
            self.allocate(day)
        by_agency: dict[str, list[ExportRow]] = {}
        for row in self.exports.rows(day):
            by_agency.setdefault(row.agency_id, []).append(row)
        for agency_id, rows in sorted(by_agency.items()):
            # Looked at for each agency, since the set is what lets the agency begin.
            if self.is_stopped() and not self._is_under_way(agency_id, day):
                rows = self._without_placements(day, rows)  # noqa: PLW2901 - what is left of them
            placements, recalls = self._write_day(agency_id, day, rows)
            report["placements"] += placements
            report["recalls"] += recalls

    def _is_under_way(self, agency_id: str, day: date) -> bool:
        """Say whether a set has begun to be written, by a run that may have broken off: it goes on."""
        return self.agencies.get(f"{placements_folder(agency_id, day)}cases.csv") is not None

    def _without_placements(self, day: date, rows: Sequence[ExportRow]) -> list[ExportRow]:
        """Have the placements go with the next day; what takes a case back goes out.

        Raises:
            TransientConflictError: others keep changing a case.
        """
        for row in rows:
            if row.kind == "PLACEMENT":
                self._put_off(day, row)
        return [row for row in self.exports.rows(day) if row.agency_id == rows[0].agency_id]

    def _put_off(self, day: date, row: ExportRow) -> None:
        for _ in range(TRIES):
            with suppress(StaleError):
                self.table.transact(self.exports.putting_off(day, row))
                return
        raise TransientConflictError(f"{row.fields['case_id']}: others keep changing the case")

    def _write_day(self, agency_id: str, day: date, rows: Sequence[ExportRow]) -> tuple[int, int]:
        placements = _sorted(row for row in rows if row.kind == "PLACEMENT")
        recalls = _sorted(row for row in rows if row.kind == "RECALL")
        if rows:
            self._publish(agency_id)
        if placements:
            self._write_placements(agency_id, day, placements)
        if recalls:
            self._write_recalls(agency_id, day, recalls)
        return len(placements), len(recalls)

    def _publish(self, agency_id: str) -> None:
        """Publish to an agency what its rows and manifests go by, and the key that checks the signatures."""
        for name in (CASE_SCHEMA, MANIFEST_SCHEMA):
            body = resource("schemas", f"{name}.schema.json").read_bytes()
            self.agencies.put(schema_key(agency_id, name), body, "application/schema+json")
        if self.signer is not None:
            self.agencies.put(public_key_key(agency_id), self.signer.public_key(), "application/x-pem-file")

    def reissue(self, day: date, agency_id: str) -> DayReport:
        """Write an agency's set of a closed day again, from what was recorded: the same to the byte.

        What lies in the bucket as it should is left; what is missing or was changed there is put back.

        Raises:
            PermanentSetupError: the day is not closed, the agency has nothing of it, or what would be written is not
                what the manifest says, since a release has changed how sheets are drawn.
        """
        rows = [row for row in self.exports.rows(day) if row.agency_id == agency_id]
        if not self.exports.is_closed(day) or not rows:
            raise PermanentSetupError(f"{agency_id} has no set of {day}")
        folder = placements_folder(agency_id, day)
        told = self._listed(folder)
        for row in rows:
            if row.sheet is not None:
                key, body = sheet_key(agency_id, day, str(row.fields["case_id"])), self._drawn(row)
                if told.get(key, hashlib.sha256(body).hexdigest()) != hashlib.sha256(body).hexdigest():
                    raise PermanentSetupError(f"{key}: the sheet made again is not the one that the manifest lists")
                self.agencies.put(key, body, "application/pdf")
        placements, recalls = self._write_day(agency_id, day, rows)
        return {"days": [day.isoformat()], "placements": placements, "recalls": recalls, "heads": 0}

    def _listed(self, folder: str) -> dict[str, str]:
        """Return the hashes of the files that a manifest lists, by key; none where there is none that can be read."""
        body = self.agencies.get(f"{folder}manifest.json")
        try:
            return {entry["key"]: entry["sha256"] for entry in json.loads(body or b"{}").get("files", [])}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _write_placements(self, agency_id: str, day: date, placed: Sequence[ExportRow]) -> None:
        folder, rows = placements_folder(agency_id, day), [row.fields for row in placed]
        lines = "".join(json.dumps({"schema": CASE_SCHEMA, **row}, ensure_ascii=False) + "\n" for row in rows)
        files = [
            self._write(f"{folder}cases.csv", write_csv(CASE_COLUMNS, rows), "text/csv; charset=utf-8", len(rows)),
            self._write(f"{folder}cases.jsonl", lines.encode(), "application/x-ndjson", len(rows)),
            *(self._sheet(day, row) for row in placed),
        ]
        self._write_manifest(folder, agency_id, day, rows, files)

    def _write_recalls(self, agency_id: str, day: date, recalled: Sequence[ExportRow]) -> None:
        folder, rows = recalls_folder(agency_id, day), [row.fields for row in recalled]
        body = write_csv(RECALL_COLUMNS, rows)
        files = [self._write(f"{folder}recalls.csv", body, "text/csv; charset=utf-8", len(rows))]
        self._write_manifest(folder, agency_id, day, rows, files)

    def _write(self, key: str, body: bytes, content_type: str, rows: int) -> FileEntry:
        self.agencies.put(key, body, content_type)
        return _entry(key, body, rows)

    def _sheet(self, day: date, row: ExportRow) -> FileEntry:
        key = sheet_key(row.agency_id, day, str(row.fields["case_id"]))
        body = self.agencies.get(key)
        # It is there where a run broke off: the next one does not draw them all again.
        return self._write(key, self._drawn(row), "application/pdf", 0) if body is None else _entry(key, body, 0)

    def _drawn(self, row: ExportRow) -> bytes:
        if row.sheet is None:
            raise PermanentSetupError(
                f"{row.fields['case_id']}: nothing is recorded that its sheet could be drawn from"
            )
        return self.draw(row.sheet, str(row.fields["placement_id"]))

    def _write_manifest(
        self, folder: str, agency_id: str, day: date, rows: Sequence[Row], files: Sequence[FileEntry]
    ) -> None:
        totals: dict[str, Decimal] = {}
        for row in rows:
            currency = str(row["currency"])
            totals[currency] = totals.get(currency, Decimal(0)) + Decimal(str(row["arrears"]))
        manifest: dict[str, object] = {
            "schema": MANIFEST_SCHEMA,
            "agency_id": agency_id,
            "date": day.isoformat(),
            "case_count": len({row["case_id"] for row in rows}),
            "totals_by_currency": {currency: f"{total:f}" for currency, total in sorted(totals.items())},
            "files": sorted(files, key=lambda entry: entry["key"]),
        }
        if self.signer is not None:
            signed = {"algorithm": self.signer.algorithm, "key_id": self.signer.key_id, "file": "manifest.sig"}
            manifest["signature"] = signed
        body = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()
        if self.signer is not None:
            # Before the manifest, whose presence says that the set is complete.
            self.agencies.put(f"{folder}manifest.sig", self.signer.sign(body), "application/octet-stream")
        self.agencies.put(f"{folder}manifest.json", body, "application/json")

    # --- the heads of the chains -------------------------------------------------------------------------------------
    def _lock_heads(self, day: date, last: date | None) -> int:
        """Write the heads of the chains that grew since the last day was closed; once for a day.

        Who can write the table could write a whole new chain; not so that it ends in a head that lies here. What is
        recorded with a date after its day was closed (a place further west is still on it) goes with the next day.
        """
        key = heads_key(day)
        if self.legal.notes(key) is not None:
            return 0
        locked = self._heads_of(last) if last is not None else {}
        since = (last or date.min).isoformat()
        heads: dict[str, Row] = {}
        for shard in range(self.table.shards):
            for entry in (
                *self.table.queued("open", shard),
                *self.table.queued("closed", shard, day.isoformat(), since=since),
            ):
                case_id = str(entry.case_id)
                if since <= entry.updated_on <= day.isoformat() and locked.get(case_id) != entry.version:
                    heads[case_id] = {"case_id": case_id, "version": entry.version, "head": entry.head}
        body = "".join(json.dumps(heads[case_id]) + "\n" for case_id in sorted(heads))
        self.legal.put(key, body.encode(), "application/x-ndjson")
        return len(heads)

    def _heads_of(self, day: date) -> dict[str, int]:
        body = self.legal.get(heads_key(day)) or b""
        rows = [json.loads(line) for line in body.decode().splitlines()]
        return {row["case_id"]: row["version"] for row in rows}


def heads_key(day: date) -> str:
    """Return where the heads of a day's chains lie, in the legal bucket."""
    return f"chain-heads/date={day.isoformat()}/heads.jsonl"


def _entry(key: str, body: bytes, rows: int) -> FileEntry:
    return {"key": key, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rows": rows}


def _sorted(rows: Iterator[ExportRow]) -> list[ExportRow]:
    return sorted(rows, key=lambda row: (str(row.fields["case_id"]), str(row.fields.get("recall_id", ""))))


def _from_to(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += ONE_DAY
