"""A name, an address or a note is text in whatever goes out: no formula, markup, operator or placeholder."""

import csv
import io
import re
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import pytest
from hypothesis import given, settings, strategies as st
from pypdf import PdfReader

from arrears.csv_safe import write_csv
from arrears.documents.clean import clean, clean_name
from arrears.documents.templates import fill
from arrears.documents.typeset import Column, Sheet
from arrears.domain.policy import Bank
from arrears.effects.queue_call import message_for_others
from arrears.simulate.report.page import _numbers
from tests.unit.hostile.fuzz import EXAMPLES, WORDS, fuzzed, words

if TYPE_CHECKING:
    from arrears.effects.known import Known

#: What a spreadsheet takes for the beginning of a formula; of what it cuts out of a cell, quotation marks too.
FORMULA = re.compile("[ \u00a0\u3000\ufeff\u200b]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
CUT_OUT = re.compile('[" \u00a0\u3000\ufeff\u200b]*[=+\\-@\uff1d\uff0b\uff0d\uff20]')
#: What a PDF reader would do something with.
ACTIVE = ("/JavaScript", "/JS", "/Launch", "/URI", "/SubmitForm", "/OpenAction", "/AA", "/EmbeddedFile", "/GoToR")


# --- spreadsheets ----------------------------------------------------------------------------------------------------
@given(st.lists(words, min_size=1, max_size=4))
@fuzzed
def test_no_cell_is_a_formula_wherever_lists_are_separated(cells: list[str]) -> None:
    columns = [str(number) for number in range(len(cells))]
    row = [cell.encode("utf-8", "replace").decode() for cell in cells]
    text = write_csv(columns, [dict(zip(columns, row, strict=True))]).decode()

    (_, read) = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(read) == len(cells), "nothing in a cell makes another one"
    assert not [cell for cell in read if FORMULA.match(cell)]
    # Where semicolons separate, the file is cut there, within quotation marks too.
    assert not [cell for part in read for cell in part.split(";")[1:] if CUT_OUT.match(cell)]


def test_a_download_of_the_simulators_page_holds_no_formula_and_no_markup() -> None:
    for word in WORDS:
        page = _numbers("n", ["a"], [[word.encode("utf-8", "replace").decode(), 1]], "c")
        (link,) = re.findall('href="data:text/csv;charset=utf-8,([^"]*)"', page)

        assert not FORMULA.match(unquote(link).split("\r\n", 1)[1])
        assert not set(re.findall("<([a-z]+)", page)) & {"b", "img", "script"}


# --- texts and messages ----------------------------------------------------------------------------------------------
SECRET = "SECRET-4711"


@given(words, words)
@fuzzed
def test_what_a_value_holds_is_no_placeholder(name: str, reference: str) -> None:
    values = {"cardholder_name": name, "account_id": reference, "how_to_pay": SECRET}

    text = fill("A {cardholder_name} B {account_id} C", values, "en", length="medium", template="t")

    assert text == f"A {clean_name(name, limit=90)} B {clean(reference, limit=300)} C"
    assert SECRET not in text


@given(words)
@fuzzed
def test_so_it_is_in_what_is_said_to_others(name: str) -> None:
    known = cast("Known", SimpleNamespace(language="en", profile=SimpleNamespace(name=name)))

    said = message_for_others(known, Bank(name="Bank", phone=SECRET))

    assert said.count(SECRET) == 1 + name.count(SECRET)
    assert not name or name in said


# --- documents -------------------------------------------------------------------------------------------------------
@given(words, st.sampled_from(["en", "zh-TW"]))
@settings(fuzzed, max_examples=max(10, EXAMPLES // 4))
def test_a_page_shows_it_as_it_stands_and_does_nothing(text: str, language: str) -> None:
    sheet = Sheet(language)
    sheet.heading(text)
    sheet.bookmark(text)
    sheet.paragraph(text)
    sheet.table((Column(200), Column(200, "right")), [(text, text)], header=(text, text))
    sheet.bullets([text])
    sheet.put_fitted(sheet.left, sheet.y, text, 9, 120)
    made = sheet.render(title=text, author=text, subject=text, on=date(2005, 6, 18))

    # Every object is read, packed or not; a text that names an action is within brackets, and no key.
    reader = PdfReader(io.BytesIO(made.pdf), strict=True)
    keys = {key for number in range(1, len(reader.xref[0]) + 1) for key in _keys(reader.get_object(number))}
    assert {"/Title", "/Contents"} <= keys
    assert not keys & set(ACTIVE)
    assert reader.metadata is not None
    assert (reader.metadata.title or "") == clean(text, limit=200)
    assert clean(text) in made.text


def _keys(found: object) -> set[str]:
    if isinstance(found, dict):
        return set(found).union(*map(_keys, found.values()))
    return set().union(*map(_keys, found)) if isinstance(found, list) else set()


@pytest.mark.parametrize("word", ["{bank}", "%s", "<b>", "&amp;", "(", ")", "\\"])
def test_a_page_says_it_to_the_letter(word: str) -> None:
    sheet = Sheet("en")
    sheet.paragraph(f"before {word} after")
    made = sheet.render(title="t", author="a", subject="s", on=date(2005, 6, 18))

    assert f"before {word} after" in PdfReader(io.BytesIO(made.pdf)).pages[0].extract_text()
