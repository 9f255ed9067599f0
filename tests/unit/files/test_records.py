"""Every check of every cell, on both sides of its edge."""

import re
import unicodedata
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from arrears.domain.facts import Extract
from arrears.domain.money import Money
from arrears.files import (
    COLUMNS,
    Kind,
    PortfolioRow,
    Profile,
    RowError,
    parse,
    parse_call,
    parse_hold,
    parse_letter,
    parse_payment,
    parse_portfolio,
    parse_return,
    records,
)
from arrears.files.cells import CONTROLS
from tests.unit.files.rows import GOOD, good

TAIPEI = timezone(timedelta(hours=8))


def reason(kind: Kind, **cells: Any) -> str:
    with pytest.raises(RowError) as refused:
        parse(kind, good(kind, **cells))
    return str(refused.value)


# --- portfolio -------------------------------------------------------------------------------------------------------
def test_a_portfolio_row_becomes_an_extract_without_personal_data_and_a_profile() -> None:
    row = parse_portfolio(good("portfolio"))
    assert row == PortfolioRow(
        "TW000001",
        Extract(
            as_of=date(2005, 6, 19),
            past_due=Money(Decimal("2345.67"), "TWD"),
            oldest_due=date(2005, 6, 4),
            timezone="Asia/Taipei",
            balance=Decimal("23456.70"),
            minimum_due=Decimal("2345.67"),
            credit_limit=Decimal("120000.00"),
            risk_grade="medium",
            language="zh-TW",
            country="TW",
            region=None,
            postal_code="100",
            sms_opt_out=False,
            phones=("mobile", "home"),
            mailable=True,
        ),
        Profile(
            name="王小明",
            address_line1="No. 7, Sample Road",
            city="Taipei",
            postal_code="100",
            country="TW",
            phone_mobile="+447700900060",
            phone_home="+44 20 7946 0521",
            card_last4="0042",
        ),
    )
    assert "王小明" not in repr(row.extract)


def test_what_may_be_empty_is_not_known() -> None:
    needed = {"account_id", "as_of", "currency", "past_due_amount"}
    empty = {column: "" for column in COLUMNS["portfolio"] if column not in needed}
    row = parse_portfolio(good("portfolio", **empty, past_due_amount="0.00"))
    assert row.extract == Extract(date(2005, 6, 19), Money(Decimal("0.00"), "TWD"), None)
    assert row.extract.timezone == "UTC"
    assert row.profile == Profile()
    absent = {column: value for column, value in good("portfolio").items() if column in needed}
    assert parse_portfolio({**absent, "past_due_amount": "0.00"}) == row


@pytest.mark.parametrize("field", ["account_id", "as_of", "currency", "past_due_amount"])
@pytest.mark.parametrize("empty", ["", None])
def test_what_must_be_known_is_named(field: str, empty: str | None) -> None:
    assert reason("portfolio", **{field: empty}) == f"{field}: is missing"


@pytest.mark.parametrize("account_id", ["A", "a-b_C9", "9" * 12, "x" * 32, "4111111111111112", "41111111111111111111"])
def test_account_ids_that_are_good(account_id: str) -> None:
    assert parse_portfolio(good("portfolio", account_id=account_id)).account_id == account_id


@pytest.mark.parametrize("account_id", ["x" * 33, "a b", "a.b", "é", "a/b", "TW\uff11", "a\n"])
def test_account_ids_that_are_none(account_id: str) -> None:
    assert reason("portfolio", account_id=account_id).startswith("account_id: ")


@pytest.mark.parametrize(
    "card",
    [
        "4222222222222",  # 13 digits
        "4111111111111111",  # 16
        "6304000000000000000",  # 19
        "4111-1111-1111-1111",
    ],
)
def test_a_card_number_is_no_account_id(card: str) -> None:
    for kind in ("portfolio", "payments", "holds", "calls"):
        assert reason(kind, account_id=card) == "account_id: is a card number"


@pytest.mark.parametrize(
    "reference",
    [
        "X4111111111111111",
        "4111111111111111X",
        "A-4111-1111-1111-1111",
        "A_378282246310005",
        "C1-6221260000000000-2005",
    ],
)
def test_nor_is_one_with_something_before_or_after_it(reference: str) -> None:
    for kind in ("portfolio", "payments", "holds", "calls"):
        assert reason(kind, account_id=reference) == "account_id: holds a card number"


@pytest.mark.parametrize(
    "reference",
    [
        "TW000026",
        "A4111111111111112",
        "CN20050618000123",
        "0000000000000018-X",
        "A41111111111111111111111111",
        "X999999-1",
    ],
)
def test_a_reference_with_many_digits_is_none(reference: str) -> None:
    assert parse_portfolio(good("portfolio", account_id=reference)).account_id == reference


@pytest.mark.parametrize("currency", ["TWD", "CNY", "USD", "JPY", "KWD"])
def test_currencies(currency: str) -> None:
    assert parse_portfolio(good("portfolio", currency=currency)).extract.past_due.currency == currency


@pytest.mark.parametrize("currency", ["NTD", "twd", "TW", "XXX", "XTS", "XAU", "DEM", "TWD ", "$"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    assert reason("portfolio", currency=currency) == "currency: is no ISO 4217 currency code"


@pytest.mark.parametrize("amount", ["0", "0.00", "1", "1.5", "0.0001", "9" * 15, "9" * 15 + ".9999"])
def test_amounts_are_exact(amount: str) -> None:
    assert str(parse_portfolio(good("portfolio", past_due_amount=amount)).extract.past_due.amount) == amount


@pytest.mark.parametrize(
    "amount",
    [
        *("abc", "1,000.00", "1.000,00", "1e3", "NaN", "Infinity", "-inf", ".5", "5.", "+1", "0x10", "1_000", "١٢"),
        *(" 1", "1 ", "9" * 16, "0.00001", "--1", "TWD 1"),
    ],
)
def test_what_is_no_amount(amount: str) -> None:
    assert reason("portfolio", past_due_amount=amount).startswith("past_due_amount: is no amount")
    assert reason("portfolio", balance=amount).startswith("balance: is no amount")


def test_a_balance_may_be_below_zero_and_arrears_may_not() -> None:
    assert parse_portfolio(good("portfolio", balance="-12.50")).extract.balance == Decimal("-12.50")
    assert reason("portfolio", past_due_amount="-0.01") == "past_due_amount: is below zero"
    assert reason("portfolio", minimum_due="-1") == "minimum_due: is below zero"
    assert reason("portfolio", credit_limit="-1") == "credit_limit: is below zero"


def test_the_due_date_may_be_the_date_of_the_extract_and_not_later() -> None:
    assert parse_portfolio(good("portfolio", oldest_due_date="2005-06-19")).extract.oldest_due == date(2005, 6, 19)
    assert reason("portfolio", oldest_due_date="2005-06-20") == "oldest_due_date: is later than as_of"
    late_and_paid = reason("portfolio", oldest_due_date="2005-06-20", past_due_amount="0.00")
    assert late_and_paid == "oldest_due_date: is later than as_of"


def test_arrears_have_a_due_date() -> None:
    refused = reason("portfolio", oldest_due_date="")
    assert refused == "oldest_due_date: is missing although past_due_amount is above zero"
    assert parse_portfolio(good("portfolio", oldest_due_date="", past_due_amount="0")).extract.oldest_due is None


@pytest.mark.parametrize("field", ["as_of", "oldest_due_date"])
@pytest.mark.parametrize(
    "day",
    [
        "2005-06-31",
        "19.06.2005",
        "20050619",
        "2005-W24-7",
        "2005-6-9",
        "1899-12-31",
        "2200-01-01",
        "today",
        "\uff12005-06-19",
    ],
)
def test_what_is_no_date(field: str, day: str) -> None:
    assert reason("portfolio", **{field: day}) == f"{field}: is no date such as 2005-06-18"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Taipei", "America/Argentina/Buenos_Aires", "Etc/GMT+8"])
def test_timezones(zone: str) -> None:
    assert parse_portfolio(good("portfolio", timezone=zone)).extract.timezone == zone


@pytest.mark.parametrize(
    "zone",
    ["Taipei", "+08:00", "Asia", "../etc/passwd", "/etc/localtime", "localtime", "right/Asia/Taipei", "Asia/Taipei "],
)
def test_what_is_no_timezone(zone: str) -> None:
    assert reason("portfolio", timezone=zone) == "timezone: is no IANA time zone such as Asia/Taipei"


@pytest.mark.parametrize(("cell", "opted_out"), [("true", True), ("True", True), ("FALSE", False), ("", False)])
def test_opting_out(cell: str, opted_out: bool) -> None:
    assert parse_portfolio(good("portfolio", sms_opt_out=cell)).extract.sms_opt_out is opted_out


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sms_opt_out", "yes", "is neither true nor false"),
        ("risk_grade", "Low", "is none of high, low, medium"),
        ("card_last4", "12345", "is no four digits"),
        ("card_last4", "4111111111111111", "is no four digits"),
        ("country", "Taiwan", "is no ISO 3166 country code such as TW"),
        ("language", "Chinese!", "is no language tag such as zh-TW"),
        ("phone_mobile", "none", "is no telephone number"),
        ("phone_contact", "+44 <b>", "is no telephone number"),
    ],
)
def test_cells_of_a_known_shape(field: str, value: str, message: str) -> None:
    assert reason("portfolio", **{field: value}) == f"{field}: {message}"


@pytest.mark.parametrize("phone", ["+886 2 1234 5678", "(02) 1234-5678", "02.1234.5678 ext. 12", "112"])
def test_telephone_numbers(phone: str) -> None:
    assert parse_portfolio(good("portfolio", phone_work=phone)).profile.phone("work") == phone


@pytest.mark.parametrize("character", ["\x00", "\x07", "\n", "\r", "\t", "\x7f", "\x85", "\u2028", "\u202e", "\u2066"])
def test_control_characters_are_refused(character: str) -> None:
    refused = reason("portfolio", cardholder_name=f"Wang{character}Xiaoming")
    assert refused == f"cardholder_name: holds the control character U+{ord(character):04X}"


@pytest.mark.parametrize("character", ["\u200e", "\u200f", "\u061c", "\u00ad", "\u200b", "\ufeff", "\U000e0041"])
def test_characters_that_nobody_sees_are_refused(character: str) -> None:
    seen = f"holds the control character U+{ord(character):04X}"
    assert reason("portfolio", cardholder_name=f"Wang{character}Xiaoming") == f"cardholder_name: {seen}"
    assert reason("holds", note=f"a{character}b") == f"note: {seen}"


def test_every_character_of_that_kind_but_the_joiners_is_refused() -> None:
    hidden = {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"}
    taken = {each for each in hidden if re.search(f"[{CONTROLS}]", each) is None}
    assert taken == {"\u200c", "\u200d"}


def test_half_a_character_is_refused() -> None:
    assert reason("portfolio", city="Tai\ud800pei") == "city: is not valid UTF-8"


@pytest.mark.parametrize(
    "name", ["王小明", "José Álvarez-Ñandú", "O'Brien", "نجيب محفوظ", "Nguyễn Văn A", "王\u3000小明", "😀"]
)
def test_names_of_the_world(name: str) -> None:
    assert parse_portfolio(good("portfolio", cardholder_name=name)).profile.name == name


def test_long_cells() -> None:
    assert parse_portfolio(good("portfolio", address_line1="x" * 256)).profile.address_line1 == "x" * 256
    assert reason("portfolio", address_line1="x" * 257) == "address_line1: is longer than 256 characters"


def test_blanks_around_a_text_are_left_out() -> None:
    row = parse_portfolio(good("portfolio", cardholder_name="  Ann Lee ", address_line1="   "))
    assert row.profile.name == "Ann Lee"
    assert row.profile.address_line1 is None
    assert not row.extract.mailable


def test_extra_columns_are_ignored_whatever_they_hold() -> None:
    assert parse_portfolio({**good("portfolio"), "branch": "\x00" * 999}) == parse_portfolio(good("portfolio"))


def test_an_error_never_shows_the_value_of_a_cell() -> None:
    secret = "\x01SECRET\x01"
    for kind in GOOD:
        for field in COLUMNS[kind]:
            assert "SECRET" not in reason(kind, **{field: secret}), (kind, field)


def test_a_profile_keeps_what_is_known() -> None:
    profile = parse_portfolio(good("portfolio")).profile
    assert "address_line2" not in profile.to_dict()
    assert Profile.from_dict(profile.to_dict()) == profile
    assert Profile.from_dict({**profile.to_dict(), "fax": "1"}) == profile
    assert profile.address_lines() == ("No. 7, Sample Road", "100 Taipei")


_cells = st.one_of(
    st.sampled_from(
        ["", " ", "0", "0.00", "-1", "1e5", "2005-06-19", "2005-06-20", "2005-02-30", "true", "TRUE", "TWD", "XXX"]
    ),
    st.sampled_from(["Asia/Taipei", "Nowhere", "en", "zh-TW", "low", "1234567890123", "4111111111111111", "a" * 300]),
    st.text(max_size=12),
    st.none(),
)


@given(st.dictionaries(st.sampled_from(COLUMNS["portfolio"]), _cells, max_size=4))
@example({"timezone": "Nowhere"})
@example({"currency": "XXX"})
@example({"oldest_due_date": "2005-02-30"})
@example({"account_id": "4111111111111111"})
def test_the_quick_way_says_the_same_as_the_thorough_one(cells: dict[str, str | None]) -> None:
    row = good("portfolio", **cells)

    def outcome(check: Any) -> Any:
        try:
            return check(row)
        except RowError as refused:
            return str(refused)

    assert outcome(parse_portfolio) == outcome(records._checked_portfolio)


# --- payments --------------------------------------------------------------------------------------------------------
def test_a_payment_counts_on_the_date_at_the_accounts_place() -> None:
    row = parse_payment(good("payments", paid_at="2005-06-20T23:30:00+00:00"))
    assert row.payment("Asia/Taipei").paid_on == date(2005, 6, 21)
    assert row.payment("America/New_York").paid_on == date(2005, 6, 20)
    assert row.payment("UTC").amount == Money(Decimal("1000.00"), "TWD")
    assert row.payment("UTC").source == "bank"


@pytest.mark.parametrize(
    "at",
    ["2005-06-20T09:30:00Z", "2005-06-20 09:30:00+08:00", "2005-06-20T09:30+08:00", "2005-06-20T09:30:00.123456-0330"],
)
def test_times_with_an_offset(at: str) -> None:
    assert parse_payment(good("payments", paid_at=at)).paid_at.tzinfo is not None


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("2005-06-20T09:30:00", "has no UTC offset such as +08:00"),
        ("2005-06-20", "is no time with a UTC offset such as 2005-06-18T09:30:00+08:00"),
        ("2005-06-20T25:00:00Z", "is no time with a UTC offset such as 2005-06-18T09:30:00+08:00"),
        ("2005-06-20T09:30:00+99:00", "is no time with a UTC offset such as 2005-06-18T09:30:00+08:00"),
        ("0001-01-01T00:00:00+14:00", "is no time with a UTC offset such as 2005-06-18T09:30:00+08:00"),
        ("", "is missing"),
    ],
)
def test_times_without_one(at: str, message: str) -> None:
    assert reason("payments", paid_at=at) == f"paid_at: {message}"


def test_a_payment_is_not_below_zero() -> None:
    assert parse_payment(good("payments", amount="0.00")).amount.amount == 0
    assert reason("payments", amount="-1.00") == "amount: is below zero"


@pytest.mark.parametrize("payment_id", ["", "a b", "x" * 129, "-x", "<script>", "é"])
def test_ids_of_other_systems(payment_id: str) -> None:
    assert reason("payments", payment_id=payment_id).startswith("payment_id: ")


# --- holds, calls, letters, returns ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("at", "zone", "on"),
    [
        ("2005-06-20", "America/New_York", date(2005, 6, 20)),
        ("2005-06-20T23:59:00", "Asia/Taipei", date(2005, 6, 20)),
        ("2005-06-20T23:59:00Z", "Asia/Taipei", date(2005, 6, 21)),
    ],
)
def test_a_hold_counts_from_a_date_at_the_accounts_place(at: str, zone: str, on: date) -> None:
    assert parse_hold(good("holds", at=at)).event(zone).on == on


def test_a_hold_has_a_reason_and_a_status() -> None:
    assert reason("holds", reason="lazy").startswith("reason: is none of bankruptcy, ")
    assert reason("holds", status="on") == "status: is none of lifted, placed"
    assert reason("holds", at="soon").startswith("at: is no date or time")


def test_a_note_may_be_long_and_have_lines_but_no_control_characters() -> None:
    assert parse_hold(good("holds", note="a\r\n\tb" * 1000)).note
    assert reason("holds", note="x" * 10_001) == "note: is longer than 10000 characters"
    assert reason("holds", note="paid\rowes") == "note: holds the control character U+000D"
    assert reason("holds", note="\x1b[2J") == "note: holds the control character U+001B"


def test_a_call_is_timed_at_the_accounts_place() -> None:
    call = parse_call(good("calls", called_at="2005-06-20T23:30:00Z")).call("Asia/Taipei")
    assert call.called_on == date(2005, 6, 21)
    assert call.called_at == datetime(2005, 6, 20, 23, 30, tzinfo=UTC)
    assert call.called_at.isoformat() == "2005-06-21T07:30:00+08:00"
    assert parse_call(good("calls", called_at="2005-06-20T23:30:00")).call("Asia/Taipei").called_on == date(2005, 6, 20)
    assert parse_call(good("calls", called_at="2005-06-20")).called_at == datetime(2005, 6, 20)  # noqa: DTZ001 - local


def test_a_promise_says_for_when_it_is() -> None:
    assert reason("calls", promised_on="") == "promised_on: is missing although the result is a promise"
    assert parse_call(good("calls", result="refused", promised_on="")).promised_on is None
    assert parse_call(good("calls", promised_amount="")).promised_amount is None
    assert parse_call(good("calls", phone="")).phone is None


@pytest.mark.parametrize(("field", "value"), [("phone", "fax"), ("result", "answered"), ("promised_amount", "lots")])
def test_cells_of_a_call(field: str, value: str) -> None:
    assert reason("calls", **{field: value}).startswith(f"{field}: ")


def test_a_letter() -> None:
    letter = parse_letter(good("letters"))
    assert letter.on("Asia/Taipei") == date(2005, 8, 6)
    assert reason("letters", status="lost") == "status: is none of delivered, dispatched, returned"


def test_a_return_names_its_case_and_account() -> None:
    row = parse_return(good("returns"))
    assert row.account_id == "TW000001"
    assert row.reported("lion", "Asia/Taipei").amount == Decimal("300.00")
    payment = row.payment("lion", "Asia/Taipei")
    assert payment is not None
    assert payment.source == "agency:lion"
    assert payment.paid_on == date(2005, 10, 1)
    assert parse_return(good("returns", case_id="a-b-20050605")).account_id == "a-b"


def test_a_return_with_a_payment_says_how_much() -> None:
    assert reason("returns", amount="") == "amount: is missing although the outcome is a payment"
    assert reason("returns", currency="") == "currency: is missing"
    row = parse_return(good("returns", outcome="returned", amount="", currency=""))
    assert row.amount is None
    assert row.payment("lion", "UTC") is None


@pytest.mark.parametrize("case_id", ["TW000001", "TW000001-2005", "-20050605", "x" * 33 + "-20050605"])
def test_what_is_no_case_id(case_id: str) -> None:
    assert reason("returns", case_id=case_id) == "case_id: is no case id such as TW000001-20050618"


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_no_row_makes_the_check_fall_over(kind: Kind, data: st.DataObject) -> None:
    row = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS[kind], _cells)))
    with suppress(RowError):
        parse(kind, row)
