import csv
import io

import pytest
from hypothesis import given, strategies as st

from arrears.csv_safe import safe_cell, write_csv

#: The last ones begin with the full-width forms and the minus sign.
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u3000=1", "'x"]
FORMULAS += ["\uff1d1", "\uff0b1", "\uff0d1", "\uff20A", "\u22121"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=b", "陳 Sample", "1.50", "2005-06-18", "a-b", "O'Neil"])
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Flat 3;=1+1", "Flat 3;'=1+1"),
        ('x; "=1+1"', """x;' "=1+1\""""),
        ("a;b;\u3000@A1", "a;b;'\u3000@A1"),
        (";-1", ";'-1"),
        ("Flat 3; B=2", "Flat 3; B=2"),
    ],
)
def test_what_begins_a_formula_where_semicolons_separate_cells_gets_one_too(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


@given(st.text().filter(lambda text: ";" not in text))
def test_the_text_comes_back_when_one_apostrophe_is_taken_away(text: str) -> None:
    assert safe_cell(text).removeprefix("'") == text or safe_cell(text) == text


@given(
    st.lists(
        st.lists(
            st.text(alphabet=st.characters(codec="utf-8", exclude_characters=";")) | st.none(), min_size=2, max_size=2
        ),
        max_size=5,
    )
)
def test_a_file_is_read_back_and_no_cell_of_it_is_a_formula(rows: list[list[str | None]]) -> None:
    body = write_csv(("a", "b"), [dict(zip("ab", row, strict=True)) for row in rows])
    assert not body.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
    assert read[0] == ["a", "b"]
    assert [[cell.removeprefix("'") for cell in row] for row in read[1:]] == [
        [(cell or "").removeprefix("'") if not (cell or "").startswith("'") else (cell or "") for cell in row]
        for row in rows
    ]
    assert not [cell for row in read[1:] for cell in row if cell.lstrip()[:1] in set("=+-@")]
