"""Rows a second and memory of an import: the split step and the piece step, each size in a process of its own.

The rows are generated. S3 is a folder; the table answers at once and knows no account, so that every row is new: what
is measured is the functions' own work. Memory is the most that the process ever held.
"""

import io
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from arrears.adapters.objects import Objects, Opened
from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.usecases.import_piece import ImportPiece
from arrears.usecases.split_file import SplitFile
from bench.sizes import Size
from tests.support.rows import PORTFOLIO, csv_of
from tools.template import ROOT

#: Of a larger file, so many pieces are taken in: they are alike.
_PIECES = 12


@dataclass
class Imported:
    """What importing a file of so many rows took; seconds of CPU time, memory in MB."""

    rows: int
    split_seconds: float
    split_memory: float
    pieces: int
    piece_rows: int
    taken_in: int
    piece_seconds: float
    piece_memory: float


class Made(io.RawIOBase):
    """A portfolio of so many accounts, made while it is read."""

    def __init__(self, rows: int) -> None:
        self._header, self._row = csv_of(PORTFOLIO).splitlines(keepends=True)
        self._rest, self._rows, self._made = self._header, rows, 0
        self.size = len(self._header) + rows * len(self._line(0))

    def _line(self, number: int) -> bytes:
        return self._row.replace(b"CARD-0001", b"A%07d" % number)

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""
        parts, held = [self._rest], len(self._rest)
        while held < size and self._made < self._rows:
            self._made += 1
            parts.append(self._line(self._made))
            held += len(parts[-1])
        text = b"".join(parts)
        out, self._rest = text[:size], text[size:]
        return out


class Folder:
    """S3 as a folder, as far as an import asks for it."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder, self._rows = folder, rows

    def open(self, *_: str) -> Opened:
        """The file that was dropped."""
        made = Made(self._rows)
        return Opened(made, "1", "etag", datetime.now(UTC), made.size)

    def read(self, *_: str) -> None:
        """No report is there yet."""

    def put_file(self, _bucket: str, key: str, path: Path, _type: str) -> None:
        """Keep a piece."""
        shutil.move(path, self._folder / key.replace("/", "_"))
        path.touch()

    def lines(self, _bucket: str, key: str) -> Iterator[bytes]:
        """The lines of a piece."""
        with (self._folder / key.replace("/", "_")).open("rb") as file:
            yield from file

    def put(self, *_: object) -> None:
        """What came of a piece is not looked at."""


class Empty:
    """A table's client that knows nothing and takes everything."""

    def get_item(self, **_: Any) -> dict[str, Any]:
        """Nothing is there."""
        return {}

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        """Nothing is there."""
        return {"Responses": {}}

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        """Taken."""
        return {}

    put_item = transact_write_items


def _peak() -> float:
    """Return the most memory that this program has held, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():
        # `ru_maxrss` would be that of the process that started this one, where that was larger.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure(rows: int) -> Imported:
    with tempfile.TemporaryDirectory() as folder:
        objects = cast("Objects", Folder(Path(folder), rows))
        begun = time.process_time()
        split = SplitFile(objects, "inbound", "agency")(
            {"bucket": {"name": "inbound"}, "object": {"key": "portfolio/a.csv"}}
        )
        split_seconds, split_memory = time.process_time() - begun, _peak()
        client = cast("Any", Empty())
        settings = Settings(client, "t", production=True, default_policy="cn-credit-card", agency_id="default")
        take_in = ImportPiece(Table(client, "t"), settings, objects, "inbound")
        settings.active()
        begun, taken = time.process_time(), 0
        chosen = split["pieces"][:: max(1, len(split["pieces"]) // _PIECES)]
        for piece in chosen:
            counts = take_in(split["drop"], piece)
            assert counts["rejected"] == 0, counts
            taken += counts["rows"]
        return Imported(
            rows,
            split_seconds,
            split_memory,
            len(split["pieces"]),
            taken // len(chosen),
            taken,
            time.process_time() - begun,
            _peak(),
        )


def measure(size: Size) -> list[dict[str, Any]]:
    """Import files of several sizes, each in a fresh process."""
    found = []
    for rows in size.rows:
        command = [sys.executable, "-m", "bench.imports", str(rows)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        found.append(json.loads(done.stdout))
    return found


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(int(sys.argv[1])))))
