"""Reading a file line by line: CSV or JSON lines, gzip or not, in constant memory.

A bad line never hides the good ones: it is handed out as a `RowError` with its number, and reading goes on. A stray
quotation mark, which makes a CSV reader swallow the lines after it, costs its own line only. A file full of them, each
of which swallows all that follows, would be read over and over: when that gets too much, the lines that were swallowed
are refused with the first, so that the work grows with the file and no faster.
"""

import csv
import io
import json
import zlib
from collections import deque
from collections.abc import Iterator
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from arrears.files.columns import COLUMNS, Kind
from arrears.files.errors import RowError
from arrears.files.strict_json import no_number, once
from arrears.files.unpack import GZIP, MOST_RATIO, MOST_UNPACKED, UnpacksToTooMuchError, gunzip

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: The longest physical line, in bytes, and the longest row, in characters.
MAX_LINE = 1 << 20
#: The most physical lines that a row may take: a note has 10,000 characters.
MAX_ROW_LINES = 10_000
#: The most columns, or keys, that are read.
MAX_COLUMNS = 256
#: The most blank lines: they are no rows, so that nothing else would bound them.
MAX_BLANK = 100_000
#: What is read again after stray quotation marks: so many times what the file has, and so many characters beside.
_AGAIN_TIMES = 8
_AGAIN_FREELY = 4 << 20
#: What a line costs beside its characters.
_LINE_COST = 64
#: Stands for a line that is not read.
_UNREADABLE = "?\n"
_BLANK = f"has more than {MAX_BLANK} blank lines"
_OUT_OF_PLACE = "a quotation mark is out of place (RFC 4180)"
_CHUNK = 1 << 16
_BOM = "\ufeff"


class Readable(Protocol):
    """What bytes are read from: an open file, or the body of an object."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most `size` bytes; none at the end."""


Rows = Iterator[tuple[int, dict[str, str | None] | RowError]]


def read_rows(source: str | PathLike[str] | Readable, kind: Kind, name: str | None = None) -> Rows:
    """Yield each row of a file with the physical line on which it starts; the header is line 1.

    Blank lines are no rows. A header that lacks a column makes every row an error; a file with such a header and no
    rows has one error, on line 1. Where the file breaks off (a truncated gzip), the rows before that come first.

    Args:
        source: a path, or an open binary file.
        kind: says which columns must be there.
        name: the file's name, which tells JSON lines (`.jsonl`, `.jsonl.gz`) from CSV; the path's own by default.
    """
    if isinstance(source, str | PathLike):
        with Path(source).open("rb") as opened:
            yield from _read(opened, kind, str(source) if name is None else name)
    else:
        yield from _read(source, kind, name or "")


def is_jsonl(name: str) -> bool:
    """Say whether a file of that name holds JSON lines."""
    lowered = name.lower()
    return lowered.removesuffix(".gz").endswith((".jsonl", ".ndjson"))


def _read(source: Readable, kind: Kind, name: str) -> Rows:
    lines = _Lines(_unzipped(source))
    return _jsonl_rows(lines) if is_jsonl(name) else _csv_rows(lines, COLUMNS[kind])


class _Raw(io.RawIOBase):
    """Bytes in pieces as they come, as a stream that can be buffered."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        target = memoryview(buffer)
        size = min(len(target), len(self._piece))
        target[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size


def _unzipped(source: Readable) -> BinaryIO:
    head = source.read(2)
    while 0 < len(head) < len(GZIP) and (more := source.read(1)):
        head += more
    pieces = chain([head] if head else [], iter(lambda: source.read(_CHUNK), b""))
    return io.BufferedReader(_Raw(gunzip(pieces) if head == GZIP else pieces), _CHUNK)


class _Lines:
    """The physical lines of a file as text, and those of the row that is being read.

    Attributes:
        taken: number and text of the lines handed out since `start_row`.
        problems: why a line cannot be read, by its number.
        broken: why the file ends here though it should not, once that is known.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._readline = stream.readline
        self._next_number = 1
        self._again: deque[tuple[int, str]] = deque()
        self._credit = _AGAIN_FREELY
        self.taken: list[tuple[int, str]] = []
        self.problems: dict[int, str] = {}
        self.broken: RowError | None = None
        self._row_size = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
            self.taken.append(line)
            if len(self.taken) > 1:
                self._check_row()
            return line[1]
        number = self._next_number
        try:
            raw = self._readline(MAX_LINE + 1)
            if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
                raw = self._skip_rest(number)
        except (EOFError, zlib.error, UnpacksToTooMuchError, OSError) as error:
            self.broken = RowError("file", _what_broke(error))
            raise StopIteration from None
        if not raw:
            raise StopIteration
        self._next_number = number + 1
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace")
            self.problems[number] = "is not valid UTF-8"
        self.taken.append((number, text))
        self._credit += _AGAIN_TIMES * (len(text) + _LINE_COST)
        if len(self.taken) > 1:
            self._check_row()
        return text

    def _check_row(self) -> None:
        """Break off a row without end: one whose quotation marks open a cell on each line that the next one closes."""
        self._row_size += len(self.taken[-1][1])
        if len(self.taken) > MAX_ROW_LINES or self._row_size > MAX_LINE:
            raise csv.Error

    def _skip_rest(self, number: int) -> bytes:
        self.problems[number] = f"the line is longer than {MAX_LINE} bytes"
        while (more := self._readline(MAX_LINE)) and not more.endswith(b"\n"):
            pass
        return _UNREADABLE.encode()

    @property
    def number(self) -> int:
        """The number of the next line that will be handed out."""
        return self._again[0][0] if self._again else self._next_number

    def start_row(self) -> None:
        """Forget the lines of the row before, but for those that were given back."""
        if self.problems:
            for number, _ in self.taken:
                self.problems.pop(number, None)
        self.taken.clear()
        self._row_size = 0

    def problem(self) -> str | None:
        """Return why the lines of this row cannot be read, or None."""
        if not self.problems:
            return None
        return next((self.problems[number] for number, _ in self.taken if number in self.problems), None)

    def give_back(self) -> None:
        """Hand out again all lines of this row but the first; refused ones, where that was done too often."""
        back = self.taken[1:]
        del self.taken[1:]
        self._credit -= sum(len(text) + _LINE_COST for _, text in back)
        if self._credit < 0:
            for number, _ in back:
                self.problems.setdefault(number, _OUT_OF_PLACE)
            back = [(number, _UNREADABLE) for number, _ in back]
        self._again.extendleft(reversed(back))


def _what_broke(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the gzip file is truncated"
    if isinstance(error, zlib.error):
        return "the gzip file is damaged"
    if isinstance(error, UnpacksToTooMuchError):
        return f"the gzip file unpacks to far too much: {MOST_RATIO} times its size, or {MOST_UNPACKED >> 30} GiB"
    return "the file could not be read to its end"


def _records(lines: _Lines) -> Iterator[tuple[int, list[str] | RowError]]:
    """Yield the cells of each CSV record, with the line on which it starts."""
    reader = csv.reader(lines, strict=True)
    blank = 0
    while True:
        lines.start_row()
        number = lines.number
        try:
            values = next(reader)
        except StopIteration:
            break
        except csv.Error:
            why = lines.problem() or _OUT_OF_PLACE
            lines.give_back()
            yield number, RowError("row", why)
            continue
        problem = lines.problem()
        if problem is not None:
            lines.give_back()
            yield number, RowError("row", problem)
        elif values and not (len(values) == 1 and not values[0].strip()):
            yield number, values
        else:
            blank += 1
            if blank > MAX_BLANK:
                yield number, RowError("file", _BLANK)
                return
    if lines.broken is not None:
        yield lines.number, lines.broken


def _csv_rows(lines: _Lines, columns: tuple[str, ...]) -> Rows:
    records = _records(lines)
    number, first = next(records, (1, []))
    if isinstance(first, RowError):
        yield from _without_header(records, number, first, [])
        return
    header = [name.removeprefix(_BOM).strip() for name in first]
    problem = _header_problem(header, columns)
    if problem is not None:
        yield from _without_header(records, number, problem, header[:MAX_COLUMNS])
        return
    width = len(header)
    for number, values in records:
        if isinstance(values, RowError):
            yield number, values
        elif len(values) == width:
            yield number, dict(zip(header, values, strict=True))
        else:
            lines.give_back()
            known = dict(zip(header, values, strict=False))
            yield number, RowError("row", f"has {len(values)} cells, the header has {width}", known)


def _without_header(
    records: Iterator[tuple[int, list[str] | RowError]], number: int, problem: RowError, header: list[str]
) -> Rows:
    """Refuse every row of a file whose header is bad."""
    broken = problem if problem.field == "file" else RowError("header", problem.reason)
    rows = 0
    for line, values in records:
        known = dict(zip(header, values, strict=False)) if isinstance(values, list) else None
        yield line, values if isinstance(values, RowError) else RowError(broken.field, broken.reason, known)
        rows += 1
    if not rows:
        yield number, broken


def _header_problem(header: list[str], columns: tuple[str, ...]) -> RowError | None:
    if len(header) > MAX_COLUMNS:
        return RowError("header", f"has {len(header)} columns; at most {MAX_COLUMNS} are read")
    present = set(header)
    missing = [column for column in columns if column not in present]
    if len(missing) == 1:
        return RowError("header", f"column {missing[0]} is missing")
    if missing:
        return RowError("header", f"columns {', '.join(missing)} are missing")
    if len(present) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        return RowError("header", f"column {twice} is there twice") if twice in columns else None
    return None


# --- JSON lines ------------------------------------------------------------------------------------------------------
#: Numbers stay the text they are written as, so that an amount is exact.
_DECODER = json.JSONDecoder(object_pairs_hook=once, parse_float=str, parse_int=str, parse_constant=no_number)


def _jsonl_rows(lines: _Lines) -> Rows:
    blank = 0
    while True:
        lines.start_row()
        number = lines.number
        text = next(lines, None)
        if text is None:
            break
        if number == 1:
            text = text.removeprefix(_BOM)
        problem = lines.problem()
        if problem is not None:
            yield number, RowError("row", problem)
        elif text.strip():
            try:
                yield number, _json_row(text)
            except RowError as error:
                yield number, error
        else:
            blank += 1
            if blank > MAX_BLANK:
                yield number, RowError("file", _BLANK)
                return
    if lines.broken is not None:
        yield lines.number, lines.broken


def _json_row(text: str) -> dict[str, str | None]:
    try:
        found = _DECODER.decode(text.strip())
    except (json.JSONDecodeError, RecursionError):
        raise RowError("row", "is no JSON object") from None
    if not isinstance(found, dict):
        raise RowError("row", "is no JSON object")
    if len(found) > MAX_COLUMNS:
        raise RowError("row", f"has {len(found)} keys; at most {MAX_COLUMNS} are read")
    row: dict[str, str | None] = {}
    for key, value in found.items():
        if value is None or isinstance(value, str):
            row[key] = value
        elif isinstance(value, bool):
            row[key] = "true" if value else "false"
        else:
            raise RowError(key[:64], "is neither a text nor a number nor true or false")
    return row
