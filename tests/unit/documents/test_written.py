from datetime import date
from decimal import Decimal

import pytest

from arrears.documents.written import currency_name, language_name, write_amount, write_count, write_date, write_number
from arrears.domain.money import Money


@pytest.mark.parametrize(
    ("language", "currency", "amount"),
    [
        ("zh-CN", "CNY", "人民币1,234.50元"),
        ("zh-TW", "TWD", "新台幣1,234.50元"),
        ("zh-TW", "USD", "1,234.50美元"),
        ("zh-CN", "HKD", "1,234.50港元"),
        ("en", "TWD", "TWD 1,234.50"),
        ("en", "JPY", "JPY 1,234"),
        ("en-GB", "GBP", "GBP 1,234.50"),
        ("de", "EUR", "EUR 1.234,50"),
    ],
)
def test_amounts_are_written_as_the_language_writes_them(language: str, currency: str, amount: str) -> None:
    assert write_amount(Money(Decimal("1234.50"), currency), language) == amount


def test_a_negative_amount_keeps_its_sign_in_front() -> None:
    assert write_amount(Money(Decimal(-5), "CNY"), "zh-CN") == "-人民币5.00元"
    assert write_number(Money(Decimal("-1234.5"), "TWD"), "en") == "-1,234.50"


@pytest.mark.parametrize(
    ("language", "medium", "long"),
    [
        ("zh-CN", "2005年6月8日", "2005年6月8日"),
        ("zh-TW", "2005年6月8日", "2005年6月8日"),
        ("en", "Jun 8, 2005", "June 8, 2005"),
        ("en-GB", "8 Jun 2005", "8 June 2005"),
        ("xx", "Jun 8, 2005", "June 8, 2005"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(language: str, medium: str, long: str) -> None:
    assert write_date(date(2005, 6, 8), language, "medium") == medium
    assert write_date(date(2005, 6, 8), language) == long


def test_no_space_is_one_that_a_text_message_cannot_hold() -> None:
    for language in ("en", "fr", "de", "pl"):
        written = write_amount(Money(Decimal("1234567.89"), "EUR"), language)
        assert not {"\u00a0", "\u202f", "\u2009"} & set(written)


def test_names_of_currencies_and_languages() -> None:
    assert currency_name("TWD", "zh-TW") == "新台幣"
    assert language_name("zh-TW", "en").startswith("Chinese")
    assert write_count(1234, "en") == "1,234"
