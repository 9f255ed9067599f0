"""A temporary database on disk: what was read, sorted by account, and what happened, sorted by date."""

import marshal
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from arrears.domain.timeline import Row
from arrears.simulate.facts import Kept

#: Rows that are written at a time.
_BATCH = 1000
#: Of the database in memory, in KiB; SQLite sorts on disk what is larger.
_CACHE_KIB = 4096
#: A format of marshal without references, which is quicker to write. It is read by the process that wrote it.
_MARSHAL = 2


class Store:
    """Facts by account and rows of the timeline by date, of any number, in constant memory.

    The file has no name: the system removes it when the store is closed or the process dies.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(
            f"""
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            PRAGMA temp_store = FILE;
            PRAGMA cache_size = -{_CACHE_KIB};
            CREATE TABLE fact (account TEXT, kept BLOB);
            CREATE TABLE timeline (date TEXT, account TEXT, case_id TEXT, stage TEXT, action TEXT, reason TEXT);
            CREATE TABLE reject (file INTEGER, line INTEGER, field TEXT, reason TEXT);
            BEGIN;
            """
        )
        self._facts = _Writer(self._db, "INSERT INTO fact VALUES (?, ?)")
        self._rows = _Writer(self._db, "INSERT INTO timeline VALUES (?, ?, ?, ?, ?, ?)")
        self._rejects = _Writer(self._db, "INSERT INTO reject VALUES (?, ?, ?, ?)")

    def close(self) -> None:
        """Remove the database."""
        self._db.close()

    def add_fact(self, account_id: str, kept: Kept) -> None:
        """Keep what a row says."""
        self._facts.add((account_id, marshal.dumps(kept, _MARSHAL)))

    def accounts(self) -> Iterator[tuple[str, list[Kept]]]:
        """Yield each account, in order of the ids, with what is kept of it, in the order in which it was read."""
        self._facts.flush()
        rows = self._db.execute("SELECT account, kept FROM fact ORDER BY account, rowid")
        for account_id, group in groupby(rows, key=itemgetter(0)):
            yield account_id, [marshal.loads(kept) for _, kept in group]  # noqa: S302 - what this process wrote

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Keep what happened to an account, in the order in which it happened."""
        for row in rows:
            self._rows.add((row.date.isoformat(), row.account_id, row.case_id, row.stage, row.action, row.reason))

    def timeline(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows by date, account, and the order in which they happened."""
        self._rows.flush()
        return self._db.execute("SELECT * FROM timeline ORDER BY date, account, rowid")

    def add_reject(self, file: int, line: int, field: str, reason: str) -> None:
        """Keep that a row was refused."""
        self._rejects.add((file, line, field, reason))

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

    def add(self, row: tuple[Any, ...]) -> None:
        self._waiting.append(row)
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        self._db.executemany(self._statement, self._waiting)
        self._waiting.clear()
