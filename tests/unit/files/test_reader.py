"""Reading files: what comes out of good, bad and broken ones, and on which line."""

import gzip
import io
import json
import random
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from arrears.files import COLUMNS, Kind, RowError, read_rows
from arrears.files.reader import MAX_LINE
from tests.unit.files.rows import csv_text, good

HEADER = b"payment_id,account_id,paid_at,amount,currency\n"
NAMES = COLUMNS["payments"]


def read(data: bytes, kind: Kind = "payments", name: str = "x.csv") -> list[tuple[int, Any]]:
    return [
        (line, str(row) if isinstance(row, RowError) else row) for line, row in read_rows(io.BytesIO(data), kind, name)
    ]


def row(*cells: str) -> dict[str, str]:
    return dict(zip(NAMES, cells, strict=True))


ABCDE = row("a", "b", "c", "d", "e")


# --- CSV -------------------------------------------------------------------------------------------------------------
def test_rows_have_the_number_of_their_line() -> None:
    assert read(HEADER + b"a,b,c,d,e\nf,g,h,i,j\n") == [(2, ABCDE), (3, row("f", "g", "h", "i", "j"))]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_line_ends_and_byte_order_marks(newline: bytes, mark: bytes, end: bytes) -> None:
    assert read(mark + HEADER.strip() + newline + b"a,b,c,d,e" + end) == [(2, ABCDE)]


def test_quoted_cells_may_hold_anything_and_a_row_counts_from_its_first_line() -> None:
    quoted = b'"a","b,""c""","d\ne",f,g\nh,i,j,k,l\n'
    assert read(HEADER + quoted) == [(2, row("a", 'b,"c"', "d\ne", "f", "g")), (4, row("h", "i", "j", "k", "l"))]


def test_blank_lines_are_no_rows() -> None:
    assert read(HEADER + b"\n\r\n  \na,b,c,d,e\n\n") == [(5, ABCDE)]


def test_columns_in_any_order_and_more_of_them() -> None:
    data = b"currency,branch,amount,paid_at,account_id,payment_id\ne,9,d,c,b,a\n"
    assert read(data) == [(2, {**ABCDE, "branch": "9"})]


def test_a_header_that_lacks_a_column_refuses_every_row() -> None:
    data = b"payment_id,account_id,paid_at,amount\n1,2,3,4\n\n5,6,7,8\n"
    assert read(data) == [(2, "header: column currency is missing"), (4, "header: column currency is missing")]
    assert read(data[:37]) == [(1, "header: column currency is missing")]
    assert read(b"a;b;c\n1;2;3\n") == [(2, f"header: columns {', '.join(NAMES)} are missing")]
    assert read(b"") == [(1, f"header: columns {', '.join(NAMES)} are missing")]


def test_a_header_that_names_a_column_twice_refuses_every_row() -> None:
    assert read(HEADER.strip() + b",amount\na,b,c,d,e,f\n") == [(2, "header: column amount is there twice")]
    assert len(read(HEADER.strip() + b",x,x\na,b,c,d,e,f,g\n")) == 1


def test_a_header_alone_is_a_file_without_rows() -> None:
    assert read(HEADER) == []


@pytest.mark.parametrize(("cells", "count"), [(b"a,b,c,d", 4), (b"a,b,c,d,e,f", 6), (b"a", 1)])
def test_too_few_or_too_many_cells(cells: bytes, count: int) -> None:
    result = read(HEADER + cells + b"\na,b,c,d,e\n")
    assert result == [(2, f"row: has {count} cells, the header has 5"), (3, ABCDE)]


def test_the_cells_of_a_bad_row_come_with_its_error() -> None:
    _, error = next(read_rows(io.BytesIO(HEADER + b"a,b,c\n"), "payments", "x"))
    assert isinstance(error, RowError)
    assert error.row == {"payment_id": "a", "account_id": "b", "paid_at": "c"}
    assert "a" not in str(error).split()


@pytest.mark.parametrize("stray", [b'a,"b,c,d,e', b'a,"b"b,c,d,e', b'"a,b,c,d,e', b'a,b,c,d,"'])
def test_a_stray_quotation_mark_costs_its_own_line_only(stray: bytes) -> None:
    good_lines = b"a,b,c,d,e\n" * 3
    result = read(HEADER + b"a,b,c,d,e\n" + stray + b"\n" + good_lines)
    assert [line for line, found in result if found == ABCDE] == [2, 4, 5, 6]
    assert [line for line, found in result if isinstance(found, str)] == [3]


def test_two_stray_quotation_marks_far_apart() -> None:
    result = read(HEADER + b'a,"b,c,d,e\n' + b"a,b,c,d,e\n" * 5 + b'a,"b,c,d,e\n' + b"a,b,c,d,e\n")
    assert [line for line, found in result if found == ABCDE] == [3, 4, 5, 6, 7, 9]


def test_a_line_in_another_encoding_is_refused_and_the_others_are_not() -> None:
    result = read(HEADER + b"a,b,c,d,e\n" + "a,é,c,d,e\n".encode("latin-1") + b"a,b,c,d,e\n")
    assert result == [(2, ABCDE), (3, "row: is not valid UTF-8"), (4, ABCDE)]


def test_a_file_in_utf_16_has_a_bad_header() -> None:
    result = read((HEADER + b"a,b,c,d,e\n").decode().encode("utf-16"))
    assert result
    assert all(str(found).startswith("header: ") for _, found in result)


def test_a_line_too_long_is_refused_and_the_next_one_is_not() -> None:
    result = read(HEADER + b"a," + b"x" * (2 * MAX_LINE) + b",c,d,e\na,b,c,d,e\n")
    assert result == [(2, f"row: the line is longer than {MAX_LINE} bytes"), (3, ABCDE)]


def test_a_cell_too_long_for_csv_is_refused_and_the_next_row_is_not() -> None:
    result = read(HEADER + b"a," + b"x" * (MAX_LINE // 2) + b",c,d,e\na,b,c,d,e\n")
    assert [found if isinstance(found, dict) else line for line, found in result] == [2, ABCDE]


# --- gzip ------------------------------------------------------------------------------------------------------------
def test_gzip_is_seen_by_its_content_and_not_by_its_name() -> None:
    assert read(gzip.compress(HEADER + b"a,b,c,d,e\n"), name="x.csv") == [(2, ABCDE)]
    assert read(HEADER + b"a,b,c,d,e\n", name="x.csv.gz") == [(2, ABCDE)]


def test_gzip_in_several_members_and_padded() -> None:
    data = gzip.compress(HEADER) + gzip.compress(b"a,b,c,d,e\n") + b"\0" * 512
    assert read(data) == [(2, ABCDE)]


def _many(count: int) -> bytes:
    return HEADER + b"".join(b"%d,b,c,%d,e\n" % (number, number * 7919 % 10_007) for number in range(count))


@pytest.mark.parametrize("lost", [1, 8, 9, 500, 5000])
def test_a_truncated_gzip_gives_the_rows_before_the_break_and_then_its_error(lost: int) -> None:
    packed = gzip.compress(_many(5000))
    result = read(packed[:-lost])
    *rows, (line, error) = result
    assert error == "file: the gzip file is truncated"
    assert line == len(rows) + 2
    assert [int(found["payment_id"]) for _, found in rows] == list(range(len(rows)))
    assert len(rows) > (4900 if lost < 10 else 500)


def test_a_gzip_truncated_in_its_header_is_one_error() -> None:
    assert read(gzip.compress(HEADER)[:12]) == [(1, "file: the gzip file is truncated")]


def test_a_damaged_gzip_is_an_error() -> None:
    packed = bytearray(gzip.compress(_many(50_000)))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    *rows, (line, error) = read(bytes(packed))
    assert error in {"file: the gzip file is damaged", "row: is not valid UTF-8"} or "cells" in error
    assert rows
    assert line > 2


def test_what_follows_a_gzip_and_is_none_is_an_error() -> None:
    assert read(gzip.compress(HEADER + b"a,b,c,d,e\n") + b"rubbish")[-1] == (3, "file: the gzip file is damaged")


def test_a_stream_that_breaks_is_an_error_after_the_rows_before() -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                raise OSError("connection reset")
            return data

    result = [found for _, found in read_rows(Breaks(HEADER + b"a,b,c,d,e\n"), "payments", "x.csv")]
    assert result[0] == ABCDE
    assert str(result[1]) == "file: the file could not be read to its end"


def test_a_stream_that_gives_a_byte_at_a_time() -> None:
    class Slow:
        def __init__(self, data: bytes) -> None:
            self.rest = iter(data)

        def read(self, size: int = -1, /) -> bytes:
            del size
            byte = next(self.rest, None)
            return b"" if byte is None else bytes([byte])

    packed = gzip.compress(HEADER + b"a,b,c,d,e\n")
    assert [found for _, found in read_rows(Slow(packed), "payments", "x.csv")] == [ABCDE]


# --- JSON lines ------------------------------------------------------------------------------------------------------
def test_json_lines() -> None:
    data = b'\xef\xbb\xbf{"amount": 100.50, "currency": "TWD", "note": null}\n\n{"amount": 7, "x": true}\n'
    assert read(data, name="payments/x.jsonl") == [
        (1, {"amount": "100.50", "currency": "TWD", "note": None}),
        (3, {"amount": "7", "x": "true"}),
    ]
    assert read(gzip.compress(data), name="x.JSONL.gz")[1][0] == 3
    assert read(b"", name="x.jsonl") == []


def test_a_number_stays_the_text_it_is() -> None:
    assert read(b'{"amount": 0.10}\n{"amount": 12345678901234567890.1}\n{"amount": 1e5}', name="x.jsonl") == [
        (1, {"amount": "0.10"}),
        (2, {"amount": "12345678901234567890.1"}),
        (3, {"amount": "1e5"}),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[]", "row: is no JSON object"),
        (b"{", "row: is no JSON object"),
        (b'{"a": 1} x', "row: is no JSON object"),
        (b"nonsense", "row: is no JSON object"),
        (b"[" * 100_000, "row: is no JSON object"),
        (b'{"a": [1]}', "a: is neither a text nor a number nor true or false"),
        (b'{"a": {"b": 1}}', "a: is neither a text nor a number nor true or false"),
        (b'{"a": NaN}', "row: NaN and Infinity are no numbers"),
        (b'{"a": 1, "a": 2}', "row: a key is there twice"),
        (b'{"a": "\xff"}', "row: is not valid UTF-8"),
    ],
)
def test_bad_json_lines(line: bytes, message: str) -> None:
    assert read(line + b'\n{"a": "b"}\n', name="x.jsonl") == [(1, message), (2, {"a": "b"})]


def test_json_lines_truncated() -> None:
    packed = gzip.compress(b"".join(b'{"a": "%d"}\n' % (number * 7919 % 10_007) for number in range(5000)))
    *rows, (line, error) = read(packed[:-300], name="x.jsonl")
    assert error == "file: the gzip file is truncated"
    assert line == len(rows) + 1


# --- whatever comes --------------------------------------------------------------------------------------------------
@given(st.binary(max_size=300))
def test_no_file_makes_reading_fall_over(data: bytes) -> None:
    for name in ("x.csv", "x.jsonl"):
        for content in (data, HEADER + data, b"\x1f\x8b" + data, gzip.compress(HEADER + data)):
            numbers = [line for line, _ in read_rows(io.BytesIO(content), "payments", name)]
            assert numbers == sorted(numbers)


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8), min_size=5, max_size=5)
    )
)
def test_what_is_written_comes_back(cells: list[list[str]]) -> None:
    rows = [row(*each) for each in cells if any(cell.strip() for cell in each)]
    data = csv_text("payments", *rows).encode()  # type: ignore[arg-type] # rows without None
    assert [found for _, found in read(data)] == rows


def test_ten_thousand_rows_of_which_three_are_bad(tmp_path: Path) -> None:
    lines = csv_text("payments", *[good("payments", payment_id=f"P{number}") for number in range(10_000)]).splitlines()
    lines[5] = "half a row"
    lines[500] = 'a,"b,c,d,e'
    lines[9999] += ",too much"
    path = tmp_path / "payments.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    result = list(read_rows(path, "payments"))
    assert [line for line, found in result if isinstance(found, RowError)] == [6, 501, 10_000]
    assert sum(isinstance(found, dict) for _, found in result) == 9_997


def test_memory_does_not_grow_with_the_file() -> None:
    class Long:
        """A gzip of as many rows as wanted, made while it is read."""

        def __init__(self, rows: int) -> None:
            self.pieces = self._pieces(rows)
            self.rest = b""

        def _pieces(self, rows: int) -> Iterator[bytes]:
            pack = zlib.compressobj(wbits=31)
            yield pack.compress(HEADER)
            noise = random.Random(1)  # noqa: S311 - what does not pack
            for _ in range(rows):
                yield pack.compress(b"%s,b,c,d,e\n" % noise.randbytes(200).hex().encode())
            yield pack.flush()

        def read(self, size: int = -1, /) -> bytes:
            while len(self.rest) < size and (piece := next(self.pieces, None)) is not None:
                self.rest += piece
            data, self.rest = self.rest[:size], self.rest[size:]
            return data

    def peak(rows: int) -> int:
        tracemalloc.start()
        assert sum(1 for _ in read_rows(Long(rows), "payments", "x.csv")) == rows
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)
    assert peak(10_000) < 1.2 * peak(5_000)


def test_bad_rows_do_not_pile_up() -> None:
    assert json.dumps(read(HEADER + b"\xff\n" * 1000)).count("UTF-8") == 1000
