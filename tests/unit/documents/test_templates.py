import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from arrears.documents.errors import DocumentError, MissingPartError, TemplateError
from arrears.documents.templates import LAWYER_PARTS, LETTER_PARTS, Templates, load_templates, shipped_templates
from arrears.documents.variables import VARIABLES, Value, reference
from tests.unit.documents.made_up import BANKS, LANGUAGES, money, templates

SMS = ("just_overdue", "monthly", "promise_reminder", "instalment_reminder")
LETTERS = ("reminder_letter", "lawyer_letter", "final_notice", "dispute_received", "statement_of_account")


def values(language: str, **changes: Value) -> dict[str, Value]:
    bank = BANKS[language]
    return {
        "bank": bank.name,
        "cardholder_name": "Anna Example",
        "card_last4": "9415",
        "amount_overdue": money("1234.50", language),
        "as_of": date(2005, 6, 8),
        "days_past_due": 17,
        "pay_by": date(2005, 6, 15),
        "how_to_pay": bank.how_to_pay,
        "phone": bank.phone,
        "hours": bank.hours,
        "promise_amount": money("500.00", language),
        "promise_date": date(2005, 6, 20),
        "instalment_amount": money("500.00", language),
        "instalment_date": date(2005, 6, 20),
        **changes,
    }


def write(folder: Path, text: str, name: str = "mine") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path, text: str, **options: Any) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        load_templates([write(folder, text)], **options)
    assert str(folder / "mine.yaml") in str(caught.value)
    return caught.value


# --- what ships ------------------------------------------------------------


def test_what_ships_is_written_in_every_language() -> None:
    for name in (*SMS, *LETTERS):
        assert templates().by_name[name].languages == LANGUAGES
    keys = [set(templates().labels(language)) for language in LANGUAGES]
    assert keys[0] == keys[1] == keys[2]


@pytest.mark.parametrize("name", SMS)
def test_the_longest_text_keeps_to_its_segments(name: str) -> None:
    assert templates().max_segments(name) <= templates().by_name[name].max_segments == 3


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", ["reminder", "call"])
def test_a_text_says_who_how_much_until_when_how_and_whom_to_ask(language: str, stage: str) -> None:
    bank = BANKS[language]
    text = templates().sms("just_overdue", language, stage, "high", values(language)).text
    amount = {"zh-CN": "人民币1,234.50元", "zh-TW": "新台幣1,234.50元", "en": "TWD 1,234.50"}[language]
    until = "Jun 15, 2005" if language == "en" else "2005年6月15日"
    for part in (bank.name, amount, until, bank.how_to_pay, bank.phone, "9415"):
        assert part in text
    assert "{" not in text


def test_an_english_text_stays_in_the_cheap_alphabet() -> None:
    text = templates().sms(
        "just_overdue", "en", "reminder", "low", values("en", bank="示範銀行 Sample Bank", hours="8–20")
    )
    assert text.encoding == "GSM-7"
    assert text.segments <= 2
    assert text.text.startswith("Sample Bank: ")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SMS)
def test_on_a_shared_phone_no_debt_is_named(language: str, name: str) -> None:
    text = templates().sms(name, language, "reminder", "high", values(language), shared_phone=True).text
    assert "1,234" not in text
    assert "9415" not in text
    assert "2005" not in text
    assert BANKS[language].name in text
    assert BANKS[language].phone in text


def test_stage_and_risk_grade_choose_the_variant() -> None:
    def text(name: str, stage: str | None, grade: str | None) -> str:
        return templates().sms(name, "en", stage, grade, values("en")).text

    assert text("just_overdue", "call", "high") != text("just_overdue", "reminder", "high")
    assert text("just_overdue", "legal", None) == text("just_overdue", "reminder", "low")
    assert "You may have missed it" in text("monthly", "call", "low")
    assert "You may have missed it" not in text("monthly", "call", "high")


def test_a_missing_language_falls_back_as_the_policy_says(tmp_path: Path) -> None:
    shipped = templates()
    assert shipped.language("monthly", "zh-HK") == "zh-TW"
    assert shipped.language("monthly", "zh_SG") == "zh-CN"
    assert shipped.language("monthly", "zh-Hant-HK") == "zh-TW"
    assert shipped.language("monthly", "en-GB") == "en"
    assert shipped.language("monthly", "fr") == "en"
    assert shipped.language("monthly", "fr", ["vi", "zh-TW"]) == "zh-TW"
    folder = write(
        tmp_path, "channel: sms\nfallback: [zh-TW]\ntexts: [{language: zh-TW, text: 好}, {language: en, text: ok}]"
    )
    assert load_templates([folder]).sms("mine", "fr", None, None, {}).text == "好"
    only = write(tmp_path, "channel: sms\ntexts: [{language: zh-TW, text: 好}]")
    assert load_templates([only]).sms("mine", "fr", None, None, {}).language == "zh-TW"


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_names_its_lawful_basis_by_country(name: str, language: str) -> None:
    here = templates().wording(name, language, country="CN").fields["legal_basis"]
    elsewhere = templates().wording(name, language, country="GB").fields["legal_basis"]
    assert (here != elsewhere) == (language != "zh-TW")


def test_plain_data_and_back_is_the_same() -> None:
    data = json.loads(json.dumps(templates().to_data(), ensure_ascii=False))
    again = Templates.from_data(data)
    assert again == templates()
    assert again.to_data() == templates().to_data()


def test_data_of_another_format_is_refused() -> None:
    with pytest.raises(TemplateError, match="format 1"):
        Templates.from_data({"format": 2, "templates": {}})


def test_published_data_is_checked_like_a_file() -> None:
    data = templates().to_data()
    data["templates"] = {"mine": {"channel": "sms", "texts": [{"language": "en", "text": "{secret}"}]}}
    with pytest.raises(TemplateError, match=r"published policy, mine: unknown variable \{secret\}"):
        Templates.from_data(data)


# --- what is refused ------------------------------------------------------------


def test_an_unknown_variable_is_refused_with_file_and_line(tmp_path: Path) -> None:
    error = refused(
        tmp_path,
        "channel: sms\ntexts:\n  - language: en\n    text: >-\n      {bank}: pay\n      {amout_overdue} now\n",
    )
    assert error.line == 6
    assert "unknown variable {amout_overdue}" in str(error)
    assert f"{tmp_path / 'mine.yaml'}:6: " in str(error)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("channel: sms\ntexts:\n- language: en\n  text: 'we will have you arrested'\n", 4, "must not threaten: arrest"),
        ("channel: sms\ntexts:\n- language: zh-CN\n  text: 后果自负\n", 4, "must not threaten"),
        ("channel: sms\ntexts:\n- language: en\n  text: hi {bank\n", 4, "a brace is left open"),
        ("channel: sms\ntexts:\n- language: en\n  text: '{bank.__class__}'\n", 4, "unknown variable {bank.__class__}"),
        ("channel: sms\ntexts:\n- language: en\n  text: '{0}'\n", 4, "unknown variable {0}"),
        ("channel: sms\ntexts:\n- language: en\n  text: '{}'\n", 4, "unknown variable {}"),
        ("channel: sms\ntexts:\n- language: en\n  text: '{letter_id}'\n", 4, "cannot be used in an sms"),
        ("channel: sms\ntexts:\n- language: en\n  text: ''\n", 4, "a text is expected"),
        ("channel: sms\ntexts:\n- language: en\n  text: 7\n", 4, "a text is expected"),
        ("channel: sms\ntexts:\n- language: en\n", 3, "a text is expected"),
        ("channel: sms\ntexts:\n- text: hi\n", 3, "names its language"),
        ("channel: sms\ntexts: []\n", 2, "at least one text"),
        ("channel: sms\ntexts:\n- language: en\n  txt: hi\n", 4, "unknown key txt"),
        ("channel: sms\nlimit: 3\ntexts:\n- language: en\n  text: hi\n", 2, "unknown key limit"),
        ("channel: fax\n", 1, "channel is sms or letter"),
        ("channel: sms\nname: yours\n", 2, "the template is named yours"),
        ("channel: sms\nmax_segments: 0\n", 2, "max_segments"),
        ("channel: sms\nmax_segments: true\n", 2, "max_segments"),
        ("channel: sms\nfallback: en\n", 2, "fallback"),
        ("channel: letter\nkind: ultimatum\n", 2, "kind is one of"),
        ("channel: sms\ntexts:\n- language: en\n  risk_grade: awful\n  text: hi\n", 4, "risk_grade"),
        ("channel: sms\ntexts:\n- language: en\n  shared_phone: perhaps\n  text: hi\n", 4, "shared_phone"),
        ("channel: sms\ntexts:\n- language: en\n  stage: call\n  text: hi\n", 2, "variants only"),
        ("channel: sms\nchannel: sms\n", 2, "channel is given twice"),
        ("channel: sms\ntexts: !!python/object:os.system\n", 2, "python/object"),
        ("channel: !own sms\n", 1, "the tag !own is not allowed"),
        ("channel: [sms\n", 2, "a comma is missing"),
        ("- channel\n", None, "a template is a mapping"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_line(tmp_path: Path, text: str, line: int | None, why: str) -> None:
    error = refused(tmp_path, text)
    assert why in str(error)
    assert error.line in {line, 1 if line is None else line}


@pytest.mark.parametrize("word", ["your debt of", "{amount_overdue}", "逾期", "please pay us", "{oldest_due_date}"])
def test_a_text_for_a_shared_phone_that_tells_of_a_debt_is_refused(tmp_path: Path, word: str) -> None:
    lines = ("channel: sms", "texts:", "- language: en", "  text: hi", "- language: en", "  shared_phone: true")
    text = "\n".join((*lines, f"  text: 'call {word}'\n"))
    assert refused(tmp_path, text).line == 7


def test_a_text_longer_than_its_segments_is_refused_with_what_it_takes(tmp_path: Path) -> None:
    text = "channel: sms\nmax_segments: 1\ntexts:\n- language: en\n  text: '{bank} {how_to_pay} " + "x" * 80 + "'\n"
    error = refused(tmp_path, text)
    assert "takes 2 messages (164 units, GSM-7); 1 are allowed" in str(error)
    assert error.line == 5


def test_the_policys_limit_and_its_known_values_count_too(tmp_path: Path) -> None:
    text = "channel: sms\nmax_segments: 2\ntexts:\n- language: en\n  text: '{bank} " + "x" * 130 + "'\n"
    folder = write(tmp_path, text)
    load_templates([folder])
    refused(tmp_path, text, max_segments=1)
    load_templates([folder], max_segments=1, longest={"bank": "Sample Bank"})


def test_a_name_in_chinese_makes_an_english_text_dear_and_is_counted_so(tmp_path: Path) -> None:
    error = refused(
        tmp_path,
        "channel: sms\nmax_segments: 1\ntexts:\n- language: en\n  text: 'Dear {cardholder_name}, " + "x" * 60 + "'\n",
    )
    assert "UCS-2" in str(error)


def test_a_variant_for_a_stage_that_the_policy_does_not_have_is_refused(tmp_path: Path) -> None:
    text = "channel: sms\ntexts:\n- {language: en, text: hi}\n- {language: en, stage: calling, text: hi}\n"
    load_templates([write(tmp_path, text)])
    assert refused(tmp_path, text, stages=["reminder", "call"]).line == 4


@pytest.mark.parametrize("part", [*LETTER_PARTS, *LAWYER_PARTS])
def test_a_letter_template_without_one_of_its_parts_is_refused_by_name(tmp_path: Path, part: str) -> None:
    lines = ["channel: letter", "kind: lawyer_letter", "texts:", "- language: en"]
    lines += [f"  {key}: words" for key in (*LETTER_PARTS, *LAWYER_PARTS) if key != part]
    error = refused(tmp_path, "\n".join(lines))
    assert f"en lacks {part} ({ {**LETTER_PARTS, **LAWYER_PARTS}[part] })" in str(error)


def test_a_letter_made_of_tampered_wording_names_the_part(tmp_path: Path) -> None:
    lines = ["channel: letter", "kind: final_notice", "texts:", "- language: en"]
    lines += [f"  {key}: words" for key in LETTER_PARTS]
    loaded = load_templates([write(tmp_path, "\n".join(lines))])
    for text in loaded.by_name["mine"].texts:
        del text.fields["rights"]  # type: ignore[attr-defined]
    with pytest.raises(MissingPartError) as caught:
        loaded.wording("mine", "en")
    assert caught.value.part == "rights of the cardholder"


def test_labels_that_differ_between_languages_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "channel: labels\ntexts:\n  en: {a: x, b: 'y {n}'}\n  zh-CN: {a: x}\n", "labels")
    with pytest.raises(TemplateError, match="zh-CN lack b"):
        load_templates([tmp_path])
    write(tmp_path, "channel: labels\ntexts:\n  en: {a: 'x {n}'}\n  zh-CN: {a: 'x {m}'}\n", "labels")
    with pytest.raises(TemplateError, match="other variables"):
        load_templates([tmp_path])


# --- folders ------------------------------------------------------------


def test_the_template_beside_the_policy_wins_over_the_one_that_ships(tmp_path: Path) -> None:
    write(tmp_path, "channel: sms\ntexts: [{language: en, text: mine}]", "monthly")
    write(tmp_path, "channel: labels\ntexts: {en: {arrears: Shortfall}}", "labels")
    loaded = load_templates([tmp_path, tmp_path / "nowhere", shipped_templates()])
    assert loaded.sms("monthly", "en", None, None, {}).text == "mine"
    assert loaded.sms("just_overdue", "en", None, None, values("en")).text
    assert loaded.labels("en")["arrears"] == "Shortfall"
    assert loaded.labels("en")["date"] == "Date"


def test_a_template_that_is_not_there_or_of_another_channel_is_named() -> None:
    with pytest.raises(TemplateError, match="no template is named mnthly; there are dispute_received, final_notice"):
        templates().sms("mnthly", "en", None, None, {})
    with pytest.raises(TemplateError, match="is a letter, not a sms"):
        templates().sms("lawyer_letter", "en", None, None, {})
    with pytest.raises(TemplateError, match="is a sms, not a letter"):
        templates().wording("monthly", "en")
    assert "monthly" in templates()
    assert "mnthly" not in templates()


# --- values ------------------------------------------------------------


def test_a_value_that_is_missing_or_of_another_kind_is_named() -> None:
    given_values = values("en")
    del given_values["phone"]
    with pytest.raises(TemplateError, match=r"monthly needs a value for \{phone\}"):
        templates().sms("monthly", "en", None, None, given_values)
    with pytest.raises(TemplateError, match="amount_overdue is of kind money, not str"):
        templates().sms("monthly", "en", None, None, values("en", amount_overdue="12"))


def test_no_text_for_a_shared_phone_is_said_so(tmp_path: Path) -> None:
    loaded = load_templates([write(tmp_path, "channel: sms\ntexts: [{language: en, text: hi}]")])
    with pytest.raises(TemplateError, match="no text for a phone that others may read"):
        loaded.sms("mine", "en", None, None, {}, shared_phone=True)


@given(name=st.text(max_size=120))
def test_whatever_a_name_holds_the_text_keeps_its_shape(name: str) -> None:
    text = templates().sms("monthly", "en", None, None, values("en", cardholder_name=name), shared_phone=True)
    assert re.fullmatch(
        r"Sample Bank: a message for [^{}<>\n\r]*\. Please call us on \+44 1632 960001 \(Mon-Fri 08-20:00\) when it "
        r"suits you\. Reply STOP to opt out\.",
        text.text,
    )


def test_a_placeholder_in_a_value_is_never_filled_in() -> None:
    text = templates().sms("monthly", "en", None, None, values("en", how_to_pay="{amount_overdue} {secret}")).text
    assert "{amount_overdue} {secret}" in text


def test_errors_of_documents_are_one_family() -> None:
    assert issubclass(TemplateError, DocumentError)
    assert issubclass(MissingPartError, DocumentError)
    assert all(variable.meaning for variable in VARIABLES.values())


def test_the_documentation_lists_every_variable() -> None:
    page = (Path(__file__).parents[3] / "docs" / "texts.md").read_text(encoding="utf-8")
    assert page.endswith(reference())
    for part in (*LETTER_PARTS, *LAWYER_PARTS):
        assert f"`{part}`" in page


@pytest.mark.parametrize("number", ["--5", "+-1", "0x", "1" * 400])
def test_a_whole_number_that_is_none_is_refused_and_breaks_nothing(tmp_path: Path, number: str) -> None:
    assert "channel" in str(refused(tmp_path, f"channel: !!int '{number}'\ntexts: []\n"))
