"""Splitting a file takes no more memory when it is longer."""

import io
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from arrears.adapters.objects import Objects, Opened
from arrears.usecases import split_file
from arrears.usecases.split_file import SplitFile
from tests.support.rows import PORTFOLIO, csv_of


class Endless(io.RawIOBase):
    """A portfolio of so many accounts that is never whole in memory."""

    def __init__(self, rows: int) -> None:
        self._header, self._row = csv_of(PORTFOLIO).splitlines(keepends=True)
        self._rest = self._header
        self._rows, self._made = rows, 0

    def read(self, size: int = -1, /) -> bytes:
        while len(self._rest) < size and self._made < self._rows:
            self._made += 1
            self._rest += self._row.replace(b"CARD-0001", b"A%07d" % self._made)
        out, self._rest = self._rest[:size], self._rest[size:]
        return out


class Stored:
    """Stands for the objects: one file to read, and sizes of what is put."""

    def __init__(self, rows: int) -> None:
        self.rows, self.puts = rows, 0

    def open(self, *_: str) -> Opened:
        return Opened(Endless(self.rows), "1", "etag", datetime.now(UTC), 250 * self.rows)

    def read(self, *_: str) -> None:
        return None

    def put_file(self, _bucket: str, _key: str, path: Path, _type: str) -> None:
        self.puts += path.stat().st_size

    def put(self, *_: object) -> None:
        """What the file was split into is small."""


def peak(rows: int, folder: Path) -> int:
    """The most memory, in bytes, that Python held while a file was split."""
    stored = Stored(rows)
    split = SplitFile(cast("Objects", stored), "inbound", "agency", folder)
    tracemalloc.start()
    try:
        answer = split({"bucket": {"name": "inbound"}, "object": {"key": "portfolio/endless.csv"}})
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert len(answer["pieces"]) <= split_file.MOST_PIECES
        assert stored.puts > 500 * rows


def test_memory_stays_flat_when_the_file_gets_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_file, "MOST_PIECES", 4)  # the open files' buffers are the same for both

    assert peak(16_000, tmp_path) < 1.5 * peak(4_000, tmp_path), "four times the rows"
