"""What was read, put together by account, and what happened, by date: on disk, in constant memory."""

import marshal
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from arrears.domain.timeline import Row
from arrears.simulate.facts import Kept

_BUCKET_BITS = 7
_BUCKETS = 1 << _BUCKET_BITS
#: Rows of accounts in memory before they are written.
_WAITING = 1 << 13
#: A bucket of more rows than this is sorted into buckets of its own.
_MOST_ROWS = 1 << 15
#: A format of marshal without references, which is quicker to write. It is read by the process that wrote it.
_MARSHAL = 2
#: Rows of the timeline that are written at a time.
_BATCH = 1000
#: Of the database in memory, in KiB; SQLite sorts on disk what is larger.
_CACHE_KIB = 4096

_Entry = tuple[str, Kept]


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the rows of accounts lie that were written to a named file, so that other processes can read them too.

    Attributes:
        chunks: by bucket, where each chunk begins in the file and how many bytes it has.
        rows: by bucket, how many rows it has.
    """

    path: Path
    chunks: list[list[tuple[int, int]]]
    rows: list[int]


class Facts:
    """Rows of accounts in any order, which come back account by account.

    They are sorted into buckets of a temporary file by a hash of the account, so that only a bucket has to be in memory
    at a time. Without a path the file has no name: the system removes it when it is closed or the process dies.
    """

    def __init__(self, level: int = 0, path: Path | None = None) -> None:
        self._path = path
        self._file: IO[bytes] = TemporaryFile() if path is None else path.open("w+b")  # noqa: SIM115 - closed by close()
        self._shift = level * _BUCKET_BITS
        self._waiting: list[list[_Entry]] = [[] for _ in range(_BUCKETS)]
        self._count = 0
        #: Where the chunks of each bucket lie in the file, and how many rows are in them.
        self._chunks: list[list[tuple[int, int]]] = [[] for _ in range(_BUCKETS)]
        self._rows = [0] * _BUCKETS

    @classmethod
    def opened(cls, stored: Stored) -> "Facts":
        """Open for reading what another process, or this one, has written."""
        facts = cls()
        facts._file.close()
        facts._file = stored.path.open("rb")
        facts._chunks, facts._rows = stored.chunks, stored.rows
        return facts

    def stored(self) -> Stored:
        """Return where everything lies that was added; nothing may be added after it.

        Raises:
            ValueError: the file has no name.
        """
        if self._path is None:
            raise ValueError("facts in a file without a name are for one process")
        self._flush()
        self._file.flush()
        return Stored(self._path, self._chunks, self._rows)

    def close(self) -> None:
        """Close the file, which removes it where it has no name."""
        self._file.close()

    def add(self, entry: _Entry) -> None:
        """Keep what a row says of an account."""
        self._waiting[(hash(entry[0]) >> self._shift) % _BUCKETS].append(entry)
        self._count += 1
        if self._count >= _WAITING:
            self._flush()

    def _flush(self) -> None:
        for bucket, entries in enumerate(self._waiting):
            if entries:
                data = marshal.dumps(entries, _MARSHAL)
                self._chunks[bucket].append((self._file.tell(), len(data)))
                self._rows[bucket] += len(entries)
                self._file.write(data)
                entries.clear()
        self._count = 0

    def accounts(self) -> Iterator[tuple[str, list[Kept]]]:
        """Yield each account once, with its rows in the order in which they were added."""
        self._flush()
        for bucket in range(_BUCKETS):
            if self._rows[bucket] > _MOST_ROWS and self._shift < 4 * _BUCKET_BITS:
                yield from self._smaller(bucket)
            else:
                accounts: dict[str, list[Kept]] = {}
                for account_id, kept in self._entries(bucket):
                    accounts.setdefault(account_id, []).append(kept)
                yield from accounts.items()

    def _entries(self, bucket: int) -> Iterator[_Entry]:
        for start, size in self._chunks[bucket]:
            self._file.seek(start)
            yield from marshal.loads(self._file.read(size))  # noqa: S302 - what this process wrote

    def _smaller(self, bucket: int) -> Iterator[tuple[str, list[Kept]]]:
        smaller = Facts(self._shift // _BUCKET_BITS + 1)
        try:
            for entry in self._entries(bucket):
                smaller.add(entry)
            yield from smaller.accounts()
        finally:
            smaller.close()


class Happenings:
    """Rows of the timeline and refused rows, which come back sorted."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # a temporary file without a name
        self._db.executescript(
            f"""
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            PRAGMA temp_store = FILE;
            PRAGMA cache_size = -{_CACHE_KIB};
            CREATE TABLE timeline (date TEXT, account TEXT, case_id TEXT, stage TEXT, action TEXT, reason TEXT);
            CREATE TABLE reject (file INTEGER, line INTEGER, field TEXT, reason TEXT);
            BEGIN;
            """
        )
        self._rows = _Writer(self._db, "INSERT INTO timeline VALUES (?, ?, ?, ?, ?, ?)")
        self._rejects = _Writer(self._db, "INSERT INTO reject VALUES (?, ?, ?, ?)")

    def close(self) -> None:
        """Remove the database."""
        self._db.close()

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Keep what happened to an account, in the order in which it happened."""
        self._rows.add(
            (row.date.isoformat(), row.account_id, row.case_id, row.stage, row.action, row.reason) for row in rows
        )

    def timeline(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows by date, account, and the order in which they happened."""
        self._rows.flush()
        return self._db.execute("SELECT * FROM timeline ORDER BY date, account, rowid")

    def add_reject(self, file: int, line: int, field: str, reason: str) -> None:
        """Keep that a row was refused."""
        self._rejects.add([(file, line, field, reason)])

    def rejects(self) -> Iterator[tuple[int, int, str, str]]:
        """Yield what was refused, by file and line."""
        self._rejects.flush()
        return self._db.execute("SELECT * FROM reject ORDER BY file, line, rowid")


class _Writer:
    """Inserts rows of one kind, many at a time."""

    def __init__(self, db: sqlite3.Connection, statement: str) -> None:
        self._db = db
        self._statement = statement
        self._waiting: list[tuple[Any, ...]] = []

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._waiting += rows
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        self._db.executemany(self._statement, self._waiting)
        self._waiting.clear()
