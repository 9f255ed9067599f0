"""Rows that a file tells twice."""

from arrears.files.cells import Row
from arrears.files.columns import COLUMNS, OPTIONAL, Kind
from arrears.files.errors import RowError
from arrears.files.kinds import Record, key_of


class Duplicates:
    """Remembers the rows of one file, or of a piece of it that holds all rows of its accounts.

    Holds a hash and a line number for each key, not the rows: about 200 bytes a row.
    """

    def __init__(self, kind: Kind) -> None:
        self._columns = (*COLUMNS[kind], *OPTIONAL.get(kind, ()))
        self._seen: dict[int, tuple[int, int]] = {}

    def check(self, record: Record, row: Row, line: int) -> bool:
        """Return whether the file told the same before; such a row is `unchanged`.

        Raises:
            RowError: an earlier row of the file says something else of the same; the error names its line.
        """
        key = key_of(record)
        content = hash(tuple([row.get(column) or "" for column in self._columns]))
        first = self._seen.setdefault(hash(key), (content, line))
        if first[1] == line:
            return False
        if first[0] == content:
            return True
        field = self._columns[0]
        raise RowError(field, f"contradicts line {first[1]} of the same file, which was taken")

    def forget(self, record: Record) -> None:
        """Forget a row that was refused after all, so that a later one of its key is judged for itself."""
        self._seen.pop(hash(key_of(record)), None)
