import hashlib
import io
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings, strategies as st
from pypdf import PdfReader

from arrears.documents.clean import clean
from arrears.documents.errors import DocumentError, MissingPartError
from arrears.documents.letters import AccountStatus, render_letter
from arrears.documents.parts import Repayment
from arrears.documents.templates import Templates, load_templates, shipped_templates
from arrears.documents.typeset import qr_rows
from arrears.domain.money import CurrencyMismatchError, Money
from tests.unit.documents.made_up import BANKS, LANGUAGES, LAW_FIRMS, NAMES, letter, money, templates
from tests.unit.documents.reading import fonts_of, packed, pages_of, placed, text_of

KINDS = ("reminder_letter", "lawyer_letter", "final_notice")

#: What must be found in each letter, by language: part by part.
PARTS: dict[str, dict[str, str]] = {
    "zh-CN": {
        "who the cardholder is": "欧阳晓明",
        "address": "广东省广州市示例区样本路272号8栋1203室",
        "balance of arrears": "人民币24,702.50元",
        "arithmetic: reported": "26,202.50",
        "arithmetic: paid since": "−1,500.00",
        "arithmetic: result": "逾期应还金额2005年6月18日24,702.50",
        "balance of the account": "人民币258,610.00元",
        "days past due": "64天",
        "reason": "致函原因",
        "rights": "您的权利",
        "obligations": "您的义务",
        "account status": "已停止用卡，仍可还款",
        "how to inquire": "www.bank.example查询",
        "repayments so far": "迄今还款",
        "earlier repayment": "2005年5月20日1,000.00",
        "sum of repayments": "合计2,500.00",
        "how to object, with a date": "请在2005年7月9日（含）前以电话",
        "evidence": "证据",
        "pay by": "2005年7月2日",
        "what may follow": "依法可能采取的措施",
        "legal basis": "《商业银行信用卡业务监督管理办法》第六十七条至第七十条",
        "seal": "电子印章：示例商业银行股份有限公司",
        "contact": "+441632960001",
        "letter id": "TW000050-20050416-lawyer_letter-1",
        "case": "TW000050-20050416",
    },
    "zh-TW": {
        "who the cardholder is": "吳美玲",
        "address": "臺南市範例區樣本路一段272號8樓之3",
        "balance of arrears": "新台幣24,702.50元",
        "arithmetic: reported": "26,202.50",
        "arithmetic: paid since": "−1,500.00",
        "arithmetic: result": "逾期應繳金額2005年6月18日24,702.50",
        "balance of the account": "新台幣258,610.00元",
        "days past due": "64天",
        "reason": "致函原因",
        "rights": "您的權利",
        "obligations": "您的義務",
        "account status": "已停止用卡，仍可繳款",
        "how to inquire": "www.bank.example查詢",
        "repayments so far": "迄今繳款",
        "earlier repayment": "2005年5月20日1,000.00",
        "sum of repayments": "合計2,500.00",
        "how to object, with a date": "請於2005年7月9日（含）前以電話",
        "evidence": "證據",
        "pay by": "2005年7月2日",
        "what may follow": "依法可能採取之措施",
        "legal basis": "信用卡契約（含約定條款），以及民法",
        "seal": "電子印章：範例商業銀行股份有限公司",
        "contact": "+441632960001",
        "letter id": "TW000050-20050416-lawyer_letter-1",
        "case": "TW000050-20050416",
    },
    "en": {
        "who the cardholder is": "Anna Example",
        "address": "No. 220, Sample Road",
        "balance of arrears": "TWD 24,702.50",
        "arithmetic: reported": "26,202.50",
        "arithmetic: paid since": "−1,500.00",
        "arithmetic: result": "Arrears June 18, 2005 24,702.50",
        "balance of the account": "TWD 258,610.00",
        "days past due": "64 days past due",
        "reason": "Why we write",
        "rights": "Your rights",
        "obligations": "Your obligations",
        "account status": "spending stopped; payments are still accepted",
        "how to inquire": "You can inquire about your balance",
        "repayments so far": "Repayments so far",
        "earlier repayment": "May 20, 2005 1,000.00",
        "sum of repayments": "Total 2,500.00",
        "how to object, with a date": "by July 9, 2005, by phone on",
        "evidence": "your evidence",
        "pay by": "by July 2, 2005",
        "what may follow": "What may lawfully follow",
        "legal basis": "Civil Code of Taiwan",
        "seal": "electronic seal: Sample Bank",
        "contact": "+44 1632 960001",
        "letter id": "TW000050-20050416-lawyer_letter-1",
        "case": "TW000050-20050416",
    },
}
LONGEST = {
    "zh-CN": (
        "阿不都热西提·买买提吐尔逊·艾合买提江",
        (
            "510000",
            "广东省广州市示例区样本街道办事处样本社区样本大道中段二百七十二号示例国际广场商务中心北塔十八层一千八百零三室",
            "转示例科技发展有限责任公司财务共享服务中心收",
        ),
    ),
    "zh-TW": (
        "歐陽阿依古麗·吐爾遜江·艾合買提江",
        (
            "70001",
            "臺南市範例區樣本里樣本路一段二百七十二巷三十四弄五十六號範例國際廣場商務中心北棟十八樓之三",
            "範例科技股份有限公司代收",
        ),
    ),
    "en": (
        "Maximiliane-Alexandra von Hohenstein-Walde und zu Beispielhausen-Musterburg",
        (
            "Apartment 1204, Building 17, The Sample Gardens Residential Estate, Phase III, North Tower Block",
            "care of Example International Trading and Logistics Holdings (Far East) Company Limited",
            "300 Hsinchu",
            "Hsinchu County",
            "Taiwan",
        ),
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_part_is_found_in_the_text_taken_out_of_the_pdf(kind: str, language: str) -> None:
    made = render_letter(letter(kind, language), templates(), language)
    found = text_of(made.pdf)
    for part, words in PARTS[language].items():
        assert packed(words) in found, part
        assert packed(words) in packed(made.text), part
    assert made.missing_glyphs == ()
    assert made.clipped == ()
    assert made.language == language
    assert made.sha256 == hashlib.sha256(made.pdf).hexdigest()
    assert made.pages == len(pages_of(made.pdf)) <= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lawyers_letter_names_the_law_firm_and_its_mandate(language: str) -> None:
    firm = LAW_FIRMS[language]
    found = text_of(render_letter(letter("lawyer_letter", language), templates(), language).pdf)
    for words in (firm.name, firm.lawyer, firm.mandate, firm.phone, *firm.address):
        assert packed(words) in found
    assert packed("January 10, 2005" if language == "en" else "2005年1月10日") in found


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_status_of_an_account_has_words_of_its_own(language: str) -> None:
    words = [templates().labels(language)[f"status_{status}"] for status in get_args(AccountStatus)]
    assert len(set(words)) == len(words) == 3


def test_labels_from_before_a_status_had_words_do_not_stop_a_letter() -> None:
    stored: dict[str, Any] = templates().to_data()
    for words in stored["labels"].values():
        del words["status_freeze_asked"]
    pdf = render_letter(
        letter("reminder_letter", "en", account_status="freeze_asked"), Templates.from_data(stored), "en"
    ).pdf
    assert packed("Status of your account: open.") in text_of(pdf)


def test_a_letter_of_a_cardholder_who_paid_nothing_says_so() -> None:
    content = letter("reminder_letter", "en", repayments=(), arrears=money("26202.50"))
    found = text_of(render_letter(content, templates(), "en").pdf)
    assert packed("We have received no payment since the oldest due date.") in found
    assert packed("Payments received since: none") in found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("cardholder", {"cardholder_name": ""}),
        ("cardholder", {"cardholder_name": "\u200b\u202e"}),
        ("address", {"address": ()}),
        ("address", {"address": ("", " ")}),
        ("letter id", {"letter_id": ""}),
        ("case", {"case_id": ""}),
        ("account", {"account_id": ""}),
        ("card", {"card_last4": ""}),
        ("account status", {"account_status": ""}),
        ("account status", {"account_status": "unknown"}),
        ("bank", {"bank": replace(BANKS["en"], name="")}),
        ("contact details", {"bank": replace(BANKS["en"], phone="")}),
        ("contact details", {"bank": replace(BANKS["en"], hours="")}),
        ("contact details", {"bank": replace(BANKS["en"], address=())}),
        ("how to inquire", {"bank": replace(BANKS["en"], website="")}),
        ("how to pay", {"bank": replace(BANKS["en"], how_to_pay="")}),
        ("balance of arrears", {"arrears": money("0"), "reported_past_due": money("1500.00")}),
    ],
)
def test_a_letter_lacking_a_part_cannot_be_made(kind: str, part: str, changes: dict[str, Any]) -> None:
    with pytest.raises(MissingPartError, match=f"the {kind} cannot be made") as caught:
        letter(kind, "en", **changes)
    assert caught.value.part == part


@pytest.mark.parametrize(
    ("part", "law_firm"),
    [
        ("law firm", None),
        ("law firm", replace(LAW_FIRMS["en"], name="")),
        ("law firm", replace(LAW_FIRMS["en"], lawyer=" ")),
        ("law firm", replace(LAW_FIRMS["en"], phone="")),
        ("law firm", replace(LAW_FIRMS["en"], address=())),
        ("mandate of the law firm", replace(LAW_FIRMS["en"], mandate="")),
    ],
)
def test_a_lawyers_letter_without_its_lawyer_cannot_be_made(part: str, law_firm: object) -> None:
    with pytest.raises(MissingPartError) as caught:
        letter("lawyer_letter", "en", law_firm=law_firm)
    assert caught.value.part == part


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"arrears": money("24702.49")}, "does not add up"),
        ({"repayments": ()}, "does not add up"),
        ({"days_past_due": 63}, "days past due"),
        ({"oldest_due_date": date(2005, 6, 18), "days_past_due": 0}, "days past due"),
        ({"as_of": date(2005, 6, 19), "arrears": money("26202.50")}, "the dates of a letter"),
        ({"pay_by": date(2005, 6, 17)}, "the dates of a letter"),
        ({"objection_by": date(2005, 6, 17)}, "the dates of a letter"),
    ],
)
def test_a_letter_that_contradicts_itself_cannot_be_made(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(DocumentError, match=why):
        letter("final_notice", "en", **changes)


def test_a_repayment_after_the_letter_or_in_another_currency_is_refused() -> None:
    late = (Repayment(date(2005, 6, 19), money("1500.00")),)
    with pytest.raises(DocumentError, match="dated after the letter"):
        letter("final_notice", "en", repayments=late)
    foreign = (Repayment(date(2005, 6, 10), Money(Decimal("1500.00"), "CNY")),)
    with pytest.raises(CurrencyMismatchError):
        letter("final_notice", "en", repayments=foreign)


def test_a_template_of_another_kind_is_refused(tmp_path: Path) -> None:
    text = (shipped_templates() / "lawyer_letter.yaml").read_text(encoding="utf-8")
    (tmp_path / "stern.yaml").write_text(text, encoding="utf-8")
    loaded = load_templates([tmp_path, shipped_templates()])
    assert render_letter(letter("lawyer_letter", "en", template="stern"), loaded, "en").pages == 2
    with pytest.raises(DocumentError, match="stern is no final_notice"):
        render_letter(letter("final_notice", "en", template="stern"), loaded, "en")


def test_the_policys_own_legal_basis_replaces_the_templates() -> None:
    content = letter("final_notice", "en", legal_basis=("Section 7 of the Sample Act",))
    found = text_of(render_letter(content, templates(), "en").pdf)
    assert packed("Section 7 of the Sample Act") in found
    assert packed("Civil Code of Taiwan") not in found


# --- the form ------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_letter_has_two_pages_and_shows_all_of_the_address(kind: str, language: str) -> None:
    name, address = LONGEST[language]
    since = date(2005, 5, 1)
    repayments = tuple(Repayment(since + timedelta(days=day), money("10.00", language)) for day in range(-10, 40))
    content = letter(
        kind,
        language,
        cardholder_name=name,
        address=address,
        as_of=since,
        repayments=repayments,
        reported_past_due=money("99999999.99", language),
        arrears=money("99999609.99", language),
        account_id="W" * 32,
        case_id="W" * 32 + "-20050416",
        letter_id="W" * 32 + "-20050416-lawyer_letter-1",
    )
    made = render_letter(content, templates(), language)
    assert made.pages == 2
    assert made.clipped == ()
    found = text_of(made.pdf)
    for words in (name, *address):
        assert packed(words) in found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("long", [False, True])
def test_the_address_and_nothing_else_lies_in_the_window(language: str, long: bool) -> None:
    name, address = LONGEST[language] if long else (NAMES[language], letter("final_notice", language).address)
    content = letter("final_notice", language, cardholder_name=name, address=address)
    made = render_letter(content, templates(), language)
    window = [(text, x, y) for text, x, y in placed(made.pdf) if 20 <= x <= 105 and 62.7 < y < 90]
    shown = packed("".join(text for text, _, _ in window))
    assert shown == packed(name + "".join(address))
    assert all(x == pytest.approx(25, abs=0.5) or x > 25 for _, x, _ in window)
    above = [text for text, x, y in placed(made.pdf) if 20 <= x <= 105 and 45 <= y <= 62.7]
    assert packed(BANKS[language].name) in packed("".join(above))  # where to send it back to
    left = [text for text, x, y in placed(made.pdf) if 20 <= x < 105 and 90 <= y < 98]
    assert left == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_font_is_embedded_and_can_be_read_back(language: str) -> None:
    made = render_letter(letter("lawyer_letter", language), templates(), language)
    fonts = fonts_of(made.pdf)
    assert fonts
    for font in fonts:
        descriptor = font["/FontDescriptor"].get_object()
        assert "/FontFile2" in descriptor  # type: ignore[operator]
        assert "/ToUnicode" in font
        assert "Noto" in str(font["/BaseFont"])
    assert len(made.pdf) < 150_000


def test_the_qr_code_on_the_page_is_the_letters_id() -> None:
    content = letter("final_notice", "en")
    made = render_letter(content, templates(), "en")
    stream = PdfReader(io.BytesIO(made.pdf)).pages[0].get_contents()
    assert stream is not None
    rectangles = re.findall(r"([-.\d]+) ([-.\d]+) ([-.\d]+) ([-.\d]+) re", stream.get_data().decode("latin-1"))
    runs = [[float(number) for number in rectangle] for rectangle in rectangles]
    expected = qr_rows(content.letter_id)
    side = 18 / 25.4 * 72
    module = side / len(expected)
    modules = [run for run in runs if abs(run[3] - module) < 0.01]
    left = min(run[0] for run in modules)
    top = max(run[1] for run in modules)
    drawn = [[False] * len(expected) for _ in expected]
    for x, y, width, _ in modules:
        row, first = round((top - y) / module), round((x - left) / module)
        for column in range(first, first + round(width / module)):
            drawn[row][column] = True
    assert drawn == [list(row) for row in expected]
    assert left / 72 * 25.4 > 105  # outside the window


def test_the_document_says_what_it_is_without_naming_anybody() -> None:
    made = render_letter(letter("lawyer_letter", "zh-CN"), templates(), "zh-CN")
    reader = PdfReader(io.BytesIO(made.pdf))
    properties = reader.metadata
    assert properties is not None
    assert properties.title == "律师函 TW000050-20050416-lawyer_letter-1"
    assert properties.creation_date is not None
    assert properties.creation_date.date() == date(2005, 6, 18)
    assert NAMES["zh-CN"] not in str(properties)
    assert reader.trailer["/Root"]["/Lang"] == "zh-CN"  # type: ignore[index]


# --- the same input, the same bytes ------------------------------------------------------------


def test_the_same_letter_is_the_same_to_the_byte_in_another_process() -> None:
    here = [render_letter(letter("lawyer_letter", each), templates(), each).sha256 for each in LANGUAGES]
    program = (
        "from tests.unit.documents.made_up import *\n"
        "from arrears.documents.letters import AccountStatus, render_letter\n"
        "for each in reversed(LANGUAGES):\n"
        "    print(render_letter(letter('lawyer_letter', each), templates(), each).sha256)\n"
    )
    root = Path(__file__).parents[3]
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={
                "PYTHONPATH": f"{root / 'layers' / 'common'}:{root}",
                "PYTHONHASHSEED": seed,
                "SOURCE_DATE_EPOCH": seed,
                "TZ": "Asia/Tokyo",
                "LANG": "C",
            },
        )
        assert done.stdout.split() == here[::-1]


# --- harmless whatever is put in ------------------------------------------------------------

HOSTILE = {
    "markup": "<b>Anna</b><script>alert(1)</script> &amp; <para>",
    "pdf operators": "Anna) Tj ET (\\ 0 0 m /F1 12 Tf",
    "controls": "An\x00na\x07 \x1b[31mEx\x9fample\r\n\x0c",
    "right to left": "\u202eelpmaxE annA\u202c \u2067אנה\u2069",
    "emoji": "Anna 👩‍👩‍👧‍👦 🏳️‍🌈 Example",
    "marks": "A" + "\u0301" * 500 + "nna",
    "surrogate": "An\ud800na",
    "template": "{bank} {amount_overdue} {{x}} %s $HOME",
    "long": "Anna " * 2000,
    "one word": "A" * 10_000,
    "one Chinese word": "安" * 10_000,
    "formula": "=cmd|' /C calc'!A0",
    "tabs": "Anna\tExample\u2028Second\u2029Third\u0085Fourth",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_addresses_are_rendered_harmlessly(name: str) -> None:
    bad = HOSTILE[name]
    content = letter(
        "lawyer_letter",
        "en",
        cardholder_name=bad,
        address=(bad, bad, "300 Hsinchu"),
        bank=replace(BANKS["en"], how_to_pay=bad),
    )
    made = render_letter(content, templates(), "en")
    assert made.pages == 2
    reader = PdfReader(io.BytesIO(made.pdf), strict=True)
    assert len(reader.pages) == 2
    assert packed("What may lawfully follow") in text_of(made.pdf)
    assert not {"/JavaScript", "/JS", "/OpenAction", "/AA", "/Launch"} & set(str(reader.trailer["/Root"]).split("'"))
    if name in {"long", "one word", "one Chinese word"}:
        assert made.clipped


@settings(max_examples=40, deadline=None)
@given(name=st.text(min_size=1, max_size=60), line=st.text(max_size=90))
def test_any_name_and_address_makes_a_letter_or_is_refused_as_missing(name: str, line: str) -> None:
    if not clean(name):
        with pytest.raises(MissingPartError, match="cardholder is missing"):
            letter("final_notice", "zh-TW", cardholder_name=name, address=(line, "70001"))
        return
    content = letter("final_notice", "zh-TW", cardholder_name=name, address=(line, "70001"))
    made = render_letter(content, templates(), "zh-TW")
    assert made.pages == 2
    assert len(PdfReader(io.BytesIO(made.pdf), strict=True).pages) == 2


def test_a_missing_glyph_is_shown_as_a_mark_and_noticed() -> None:
    content = letter("final_notice", "zh-TW", address=("臺南市\U00020000路", "م"))
    made = render_letter(content, templates(), "zh-TW")
    assert set(made.missing_glyphs) == {"\U00020000", "م"}
    assert packed("臺南市〓路") in text_of(made.pdf)


def test_a_letter_that_cannot_fit_is_refused(tmp_path: Path) -> None:
    text = (shipped_templates() / "final_notice.yaml").read_text(encoding="utf-8")
    (tmp_path / "final_notice.yaml").write_text(
        text.replace("We would still rather", "We would rather " * 900), encoding="utf-8"
    )
    loaded = load_templates([tmp_path, shipped_templates()])
    with pytest.raises(DocumentError, match="does not fit on 2 pages"):
        render_letter(letter("final_notice", "en"), loaded, "en")
