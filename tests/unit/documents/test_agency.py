import hashlib
import io
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from arrears.documents.agency import ContactNumber, HistoryLine, PromiseLine, render_case_sheet
from arrears.documents.errors import DocumentError, MissingPartError
from arrears.documents.parts import Repayment
from arrears.domain.facts import PHONES
from tests.unit.documents.made_up import BANKS, LANGUAGES, NAMES, case_sheet, money, templates
from tests.unit.documents.reading import packed, text_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_caller_finds_everything_on_one_page(language: str) -> None:
    made = render_case_sheet(case_sheet(language), templates(), language)
    found = text_of(made.pdf)
    labels = templates().labels(language)
    amount = {"zh-CN": "人民币24,702.50元", "zh-TW": "新台幣24,702.50元", "en": "TWD24,702.50"}[language]
    for words in (
        *("TW000050-20050416", NAMES[language], amount, "26,202.50", "−1,500.00", "9415", "108", "Asia/Taipei"),
        *("+44 7700 900916", "+44 20 7946 0518", "MAND-2005-03", BANKS[language].phone, "Northern Receivables"),
        *(labels["say_identify"], labels["say_never"], labels["say_objection"], labels["result_no_answer"]),
        *(labels["promise_broken"], labels["may_holder"], labels["confidential"]),
    ):
        assert packed(words) in found, words
        if words != labels["confidential"]:
            assert packed(words) in packed(made.text), words
    assert made.pages == 1
    assert made.missing_glyphs == ()
    assert made.clipped == ()
    assert made.sha256 == hashlib.sha256(made.pdf).hexdigest()


def test_numbers_stand_in_the_lawful_order() -> None:
    numbers = tuple(ContactNumber(kind, f"+44 20 7946 000{at}") for at, kind in enumerate(reversed(PHONES)))
    content = case_sheet("en", numbers=numbers, other_people_may_be_called=True)
    assert [each.kind for each in content.ordered_numbers] == ["mobile", "work", "home", "family", "contact"]
    found = text_of(render_case_sheet(content, templates(), "en").pdf)
    places = [found.index(packed(each.number)) for each in content.ordered_numbers]
    assert places == sorted(places)
    assert found.count(packed(templates().labels("en")["may_others"])) == 2


@pytest.mark.parametrize("kind", ["family", "contact"])
def test_other_peoples_numbers_are_not_given_where_they_may_not_be_called(kind: Any) -> None:
    with pytest.raises(DocumentError, match=f"the {kind} number must not be given"):
        case_sheet("en", numbers=(ContactNumber(kind, "+44 20 7946 0185"),))


def test_a_guarantor_may_be_spoken_to_of_the_debt() -> None:
    content = case_sheet("en", numbers=(ContactNumber("family", "+44 20 7946 0185", guarantor=True),))
    found = text_of(render_case_sheet(content, templates(), "en").pdf)
    assert "Guarantor" in found
    assert packed(templates().labels("en")["may_others"]) not in found


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("cardholder", {"cardholder_name": " "}),
        ("case", {"case_id": ""}),
        ("account", {"account_id": ""}),
        ("agency", {"agency_id": ""}),
        ("mandate", {"mandate": ""}),
        ("bank", {"bank": replace(BANKS["en"], name="")}),
        ("contact details", {"bank": replace(BANKS["en"], phone="")}),
        ("balance of arrears", {"arrears": money("0"), "reported_past_due": money("1500.00")}),
    ],
)
def test_a_sheet_lacking_a_part_cannot_be_made(part: str, changes: dict[str, Any]) -> None:
    with pytest.raises(MissingPartError) as caught:
        case_sheet("en", **changes)
    assert caught.value.part == part


def test_amounts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(DocumentError, match="does not add up"):
        case_sheet("en", arrears=money("1.00"))


def test_a_long_history_is_cut_and_the_sheet_says_so() -> None:
    first = date(2005, 4, 18)
    content = case_sheet(
        "en",
        cardholder_name="Maximiliane-Alexandra von Hohenstein-Walde und zu Beispielhausen-Musterburg",
        history=tuple(HistoryLine(first + timedelta(days=at), "call", "busy", f"try {at}") for at in range(60)),
        promises=tuple(PromiseLine(first + timedelta(days=at), None, "refused") for at in range(20)),
        repayments=tuple(Repayment(date(2005, 6, 6) + timedelta(days=at), money("10.00")) for at in range(30)),
        arrears=money("25902.50"),
        numbers=(),
        term_ends=None,
        contact_hours=None,
        risk_grade=None,
    )
    made = render_case_sheet(content, templates(), "en")
    found = text_of(made.pdf)
    assert made.pages <= 2
    assert packed("Earlier contacts that are not shown: 50.") in found
    assert "try59" in found
    assert "try49" not in found
    assert packed("Less 24 payments received") in found
    assert packed(templates().labels("en")["no_numbers"]) in found


def test_a_hostile_sheet_is_harmless_and_still_two_pages_at_most() -> None:
    bad = "<b>x</b>\x00\u202e) Tj 👩‍👧 " + "y" * 3000
    content = case_sheet(
        "zh-TW",
        cardholder_name=bad,
        agency_name=bad,
        history=(HistoryLine(date(2005, 4, 18), "other", bad, bad),),
        numbers=(ContactNumber("mobile", bad),),
        mandate=bad,
    )
    made = render_case_sheet(content, templates(), "zh-TW")
    assert len(PdfReader(io.BytesIO(made.pdf), strict=True).pages) == made.pages <= 2


def test_the_same_sheet_is_the_same_to_the_byte() -> None:
    first, second = (render_case_sheet(case_sheet("zh-CN"), templates(), "zh-CN").pdf for _ in range(2))
    assert first == second
