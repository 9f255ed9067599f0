"""Whatever bytes a file holds: each row is taken or refused with a reason, in memory and work that are bounded."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from arrears.files import COLUMNS, Kind, RowError, parse, read_rows, reader, unpack
from tests.support.rows import PAYMENT, csv_of
from tests.unit.hostile.fuzz import Counted, at_most, counting, fuzzed, words

HEADER, GOOD = csv_of(PAYMENT).splitlines(keepends=True)
OUT_OF_PLACE = "row: a quotation mark is out of place (RFC 4180)"


def reasons(body: bytes, name: str = "a.csv", kind: Kind = "payments") -> list[str]:
    """What is said of each row of a file; nothing of one that can be read."""
    return [str(row) if isinstance(row, RowError) else "" for _, row in read_rows(io.BytesIO(body), kind, name)]


# --- archives --------------------------------------------------------------------------------------------------------
def packed(block: bytes, times: int, head: bytes = b"") -> bytes:
    """A gzip file of a block many times over, which was never whole."""
    pack = zlib.compressobj(9, wbits=31)
    return b"".join([pack.compress(head), *(pack.compress(block) for _ in range(times)), pack.flush()])


@pytest.fixture
def small_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives are bounded at a hundredth, so that a bomb is quickly made."""
    monkeypatch.setattr(unpack, "UNPACKED_FREELY", unpack.UNPACKED_FREELY // 100)


@pytest.mark.usefixtures("small_archives")
@pytest.mark.parametrize("block", [b"0" * 100_000, b"\0" * 100_000, b'"' * 100_000], ids=["line", "nul", "quote"])
def test_a_gzip_bomb_is_given_up_and_what_came_before_it_is_read(block: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(block, 20, HEADER + GOOD)
    unpacked = [0]
    monkeypatch.setattr(reader, "gunzip", lambda pieces: _summed(unpack.gunzip(pieces), unpacked))

    with at_most(8 << 20):
        found = reasons(bomb)

    assert len(bomb) < 5_000
    assert found[0] == ""
    assert found[-1] == "file: the gzip file unpacks to far too much: 200 times its size, or 8 GiB"
    assert unpacked[0] <= max(unpack.UNPACKED_FREELY, unpack.MOST_RATIO * len(bomb)) < 20 * len(block)


def _summed(pieces: Iterator[bytes], total: list[int]) -> Iterator[bytes]:
    for piece in pieces:
        total[0] += len(piece)
        yield piece


@pytest.mark.usefixtures("small_archives")
def test_rows_that_pack_well_are_no_bomb() -> None:
    rows = b"".join(GOOD.replace(b"PAY-1", b"PAY-%06d" % number) for number in range(20_000))
    body = gzip.compress(HEADER + rows)

    assert len(rows) > 1.5 * unpack.UNPACKED_FREELY
    assert reasons(body) == [""] * 20_000


def test_no_file_unpacks_to_more_than_the_disk_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_UNPACKED", 1000)

    assert reasons(gzip.compress(HEADER + GOOD * 100))[-1].startswith("file: the gzip file unpacks to far too much")


def test_a_hundred_thousand_empty_archives_in_one_are_passed_over() -> None:
    empty = gzip.compress(b"", mtime=0)

    assert reasons(empty * 100_000 + gzip.compress(HEADER + GOOD)) == [""]


# --- lines, columns and rows without end -----------------------------------------------------------------------------
def test_of_a_line_of_a_gigabyte_no_more_is_held_than_a_line_may_have() -> None:
    # 128 MiB, in steps of one: what is held does not depend on how many there are.
    source = Counted(b"x" * (1 << 20), 128, HEADER)

    with at_most(12 << 20):
        found = [str(row) for _, row in read_rows(source, "payments", "a.csv")]

    assert found == ["row: the line is longer than 1048576 bytes"]
    assert source.read_bytes == len(HEADER) + (128 << 20)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_million_columns_are_refused_and_not_written_out_for_each_row(name: str) -> None:
    count = 100_000
    if name == "a.csv":
        header = HEADER.strip() + b"".join(b",c%d" % number for number in range(count)) + b"\n"
        body = header + b"," * count + b"\n" + b"," * 500_000 + b"\n"
        said = f"header: has {count + 5} columns; at most 256 are read"
    else:
        keys = b",".join(b'"%d":1' % number for number in range(90_000))
        body, said = b"{" + keys + b"}\n{" + keys + b"}\n", "row: has 90000 keys; at most 256 are read"

    with at_most(100 << 20):
        found = [row for _, row in read_rows(io.BytesIO(body), "payments", name)]

    assert [str(row) for row in found] == [said, said]
    assert all(isinstance(row, RowError) and len(row.row or {}) <= reader.MAX_COLUMNS for row in found)


def test_a_row_with_a_million_cells_is_refused_with_the_cells_that_have_a_column() -> None:
    ((_, row),) = list(read_rows(io.BytesIO(HEADER + b"," * 1_000_000 + b"\n"), "payments"))

    assert isinstance(row, RowError)
    assert str(row) == "row: has 1000001 cells, the header has 5"
    assert len(row.row or {}) == 5


@pytest.mark.parametrize(
    "line", [b'a","\n', b'"\n', b'"x""\n', b'","\n', b',"\n', b'"a\n""\n'], ids=lambda line: line.decode().strip()
)
def test_quotation_marks_that_swallow_what_follows_cost_work_in_proportion_to_the_file(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_out = [0]
    monkeypatch.setattr(reader._Lines, "__next__", counting(reader._Lines.__next__, handed_out))
    monkeypatch.setattr(reader, "_AGAIN_FREELY", 100_000)
    count = 4_000

    with at_most(16 << 20):
        found = reasons(HEADER + line * count)

    # Each of 4,000 lines that is read with all that follow it would be eight million.
    assert handed_out[0] < 20 * (count * line.count(b"\n") + 1) + 100_000 // 64
    assert set(found) <= {OUT_OF_PLACE, "row: has 1 cells, the header has 5", "row: has 2 cells, the header has 5"}


def test_a_row_that_goes_on_and_on_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_ROW_LINES", 1_000)
    source = Counted(b'","\n' * 1_000, 60, HEADER + b'"\n')
    rows = read_rows(source, "payments", "a.csv")

    assert str(next(rows)[1]) == OUT_OF_PLACE
    # The rest was not looked at; a buffer's length more was read.
    assert source.read_bytes < 80_000 < 60 * 4_000
    assert all(isinstance(row, RowError) for _, row in rows)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_blank_lines_are_passed_over_but_not_without_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_BLANK", 500)
    source = Counted(b"\n" * 65_536, 1_000, HEADER if name == "a.csv" else b"")

    assert [str(row) for _, row in read_rows(source, "payments", name)] == ["file: has more than 100000 blank lines"]
    assert source.read_bytes < 200_000


def test_after_a_few_stray_quotation_marks_each_costs_its_own_line_only() -> None:
    body = HEADER + (b'"stray,' + GOOD + GOOD * 9) * 50

    found = reasons(body)

    assert len(found) == 500
    assert found.count("") == 450


def test_a_break_within_a_cell_hides_none_of_the_rows_before_it() -> None:
    whole = gzip.compress(HEADER + b'"stray\n' + GOOD * 2000, compresslevel=0)

    found = reasons(whole[:-5000])

    assert found[0] == OUT_OF_PLACE
    assert found[-1] == "file: the gzip file is truncated"
    assert found.count("") > 1800


# --- anything --------------------------------------------------------------------------------------------------------
_BYTES = st.sampled_from(
    [
        *(
            HEADER,
            GOOD,
            GOOD.strip(),
            b"\xff\xfe",
            "陳".encode("big5"),
            "陳,".encode("utf-16-le"),
            b"\xc0\xaf",
            b"\xed\xa0\x80",
        ),
        *(b'{"payment_id":"x"', b'{"a":' * 300, b"[" * 3000, b"9" * 5000, b'"\\ud800"', b'{"a":1,"a":2}', b'{"a":NaN}'),
        gzip.compress(HEADER + GOOD),
    ]
)
_bodies = st.lists(_BYTES | words.map(lambda text: text.encode("utf-8", "surrogatepass")), max_size=12).map(b"".join)


@given(
    _bodies,
    st.sampled_from(get_args(Kind)),
    st.sampled_from(["a.csv", "a.jsonl", "a.csv.gz"]),
    st.booleans(),
    st.sampled_from(["as it is", "packed", "broken off"]),
)
@fuzzed
def test_whatever_a_file_holds_each_row_is_read_or_refused_with_a_reason(
    body: bytes,
    kind: Kind,
    name: str,
    headed: bool,
    how: str,
) -> None:
    if headed and "csv" in name:
        body = ",".join(COLUMNS[kind]).encode() + b"\n" + body
    lines = body.count(b"\n") + 2 * body.count(unpack.GZIP) + 2  # what is packed has two
    if how != "as it is":
        body = gzip.compress(body)[: None if how == "packed" else -9]

    numbers = []
    for number, row in read_rows(io.BytesIO(body), kind, name):
        numbers.append(number)
        found = row
        if not isinstance(row, RowError):
            try:
                parse(kind, row)
            except RowError as refused:
                found = refused
        if isinstance(found, RowError):
            assert found.reason
            assert len(str(found)) < 400, "a reason is no copy of the file"
            json.dumps({"reason": str(found), "row": row.row if isinstance(row, RowError) else row})
    assert numbers == sorted(numbers)
    assert len(numbers) <= lines
