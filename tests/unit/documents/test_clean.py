import unicodedata

import pytest
from hypothesis import given, strategies as st

from arrears.documents.clean import clean, clean_name, in_script_of


@given(st.text(max_size=200), st.integers(min_value=1, max_value=80))
def test_nothing_that_is_not_seen_is_left(text: str, limit: int) -> None:
    cleaned = clean(text, limit=limit)
    assert len(cleaned) <= limit
    assert all(not unicodedata.category(character).startswith("C") for character in cleaned)
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    assert clean(cleaned, limit=limit) == cleaned


@pytest.mark.parametrize(
    ("given_name", "harmless"),
    [
        ("Anna\u202eelpmaxE", "AnnaelpmaxE"),  # a right-to-left override
        ("Anna\x00\x1b[31m Example", "Anna31m Example"),
        ("Anna\r\n\r\nBcc: all", "Anna Bcc all"),
        ("<b>Anna</b> & Co", "bAnna b & Co"),
        ("Anna {amount_overdue}", "Anna amount overdue"),
        ("www.evil.example/pay", "www. evil. example pay"),
        ("=HYPERLINK(1)", "HYPERLINK(1)"),
        ("阿依古丽·买买提", "阿依古丽·买买提"),
        ("O'Brien-Smith, Jr.", "O'Brien-Smith, Jr."),
        ("José Nuñez", "José Nuñez"),
        ("Z\u0300\u0301\u0302\u0303\u0304algo", "Z\u0300\u0301algo"),
        ("\U0001f600 Anna", "Anna"),
        ("   ", ""),
    ],
)
def test_a_name_is_no_link_no_markup_and_no_placeholder(given_name: str, harmless: str) -> None:
    assert clean_name(given_name) == harmless


def test_a_long_name_ends_in_an_ellipsis() -> None:
    assert clean_name("x" * 5000, limit=20) == "x" * 19 + "…"


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("示範銀行 Sample Bank", "Sample Bank", "示範銀行"),
        ("Sample Bank", "Sample Bank", "Sample Bank"),
        ("示範銀行", "示範銀行", "示範銀行"),
        ("", "", ""),
        ("示範法律事務所 Sample & Partners", "Sample & Partners", "示範法律事務所"),
    ],
)
def test_of_a_name_in_two_scripts_a_reader_gets_theirs(name: str, english: str, chinese: str) -> None:
    assert in_script_of(name, "en") == english
    assert in_script_of(name, "zh-TW") == chinese
