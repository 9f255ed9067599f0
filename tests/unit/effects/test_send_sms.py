import hashlib
from dataclasses import replace

import pytest

from arrears.adapters.settings import ActivePolicy
from arrears.effects.folders import message_key
from arrears.effects.send_sms import SendSms
from arrears.effects.wording import Wordings
from arrears.errors import PermanentActionError, PermanentDocumentError, TransientServiceError
from arrears.usecases.carry_out import UncertainError
from tests.support.builders import PROFILE, extract, personal_data, policy
from tests.unit.effects.made import Folder, Play, Texts, without

BANK = {"name": "Sample Bank", "phone": "+44 1632 960001", "hours": "08:00-20:00", "payment_account": "000-1"}


def sending(texts: Texts, folder: Folder, *, production: bool = False) -> SendSms:
    return SendSms(texts, folder, Wordings(production=production))


def test_the_text_is_kept_before_it_is_sent() -> None:
    texts, folder = Texts(fails=UncertainError("sns:Publish: ReadTimeoutError")), Folder()
    work = Play().until("send_sms")
    with pytest.raises(UncertainError):
        sending(texts, folder)(work)
    assert list(folder.objects) == [message_key(work.act.action_id)]


def test_what_is_recorded_proves_the_text_and_holds_nothing_of_it() -> None:
    texts, folder = Texts(), Folder()
    work = Play().until("send_sms")
    effect = sending(texts, folder)(work)
    ((number, text),) = texts.sent
    assert number == PROFILE.phone_mobile
    assert folder.objects[message_key(work.act.action_id)].decode() == text
    details = dict(effect.details)
    assert details["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (details["template"], details["language"], details["encoding"]) == ("just_overdue", "zh-CN", "UCS-2")
    assert 1 <= int(details["segments"]) <= 3
    assert not [value for value in personal_data() if value in str(effect)]


def test_the_text_says_who_how_much_and_until_when() -> None:
    texts = Texts()
    sending(texts, Folder())(Play(rules=policy(bank=BANK)).until("send_sms"))
    ((_, text),) = texts.sent
    for part in ("Sample Bank", "1,000.00", "2005年6月2日", "2005年6月5日", "4242", "+44 1632 960001", "000-1"):
        assert part in text


@pytest.mark.parametrize(
    ("language", "country", "expected"),
    [("en", "CN", "en"), (None, "TW", "zh-TW"), (None, "CN", "zh-CN"), (None, "GB", "en"), ("fr", "GB", "en")],
)
def test_the_language_is_the_extracts_or_the_usual_one_of_the_country(
    language: str | None, country: str, expected: str
) -> None:
    work = Play(reported=replace(extract(), language=language, country=country)).until("send_sms")
    assert dict(sending(Texts(), Folder())(work).details)["language"] == expected


def test_a_step_without_a_template_uses_the_usual_one() -> None:
    rules = policy(stages={"reminder": {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms"}]}})
    assert dict(sending(Texts(), Folder())(Play(rules=rules).until("send_sms")).details)["template"] == "just_overdue"


def test_the_monthly_reminder_without_a_template_uses_its_own() -> None:
    rules = policy(
        stages={"reminder": {"from": {"days_past_due": 1}}},
        monthly_reminder={"day": 5, "stages": ["reminder"]},
    )
    assert dict(sending(Texts(), Folder())(Play(rules=rules).until("send_sms")).details)["template"] == "monthly"


def test_a_template_that_does_not_exist_parks_the_action() -> None:
    rules = policy(
        stages={"reminder": {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms", "template": "none"}]}}
    )
    with pytest.raises(PermanentDocumentError, match="no template is named none"):
        sending(Texts(), Folder())(Play(rules=rules).until("send_sms"))


def test_in_production_nothing_stands_in_for_the_banks_details() -> None:
    texts = Texts()
    with pytest.raises(PermanentDocumentError, match=r"needs a value for \{(phone|how_to_pay|hours)\}"):
        sending(texts, Folder(), production=True)(Play().until("send_sms"))
    assert texts.sent == []
    sending(texts, Folder(), production=True)(Play(rules=policy(bank=BANK)).until("send_sms"))
    assert len(texts.sent) == 1


@pytest.mark.parametrize(
    ("number", "country", "dialled"),
    [
        ("13800138000", "CN", "+8613800138000"),
        ("(07700) 900-123", "GB", "+447700900123"),
        ("+44 7700 900123", None, "+447700900123"),
    ],
)
def test_numbers_are_dialled_in_their_international_form(number: str, country: str | None, dialled: str) -> None:
    texts = Texts()
    profile = replace(PROFILE, phone_mobile=number, country=country)
    work = Play(profile=profile, reported=replace(extract(), country=country)).until("send_sms")
    sending(texts, Folder())(work)
    assert texts.sent[0][0] == dialled


@pytest.mark.parametrize("number", ["12", "0000000000000000000000000000", None])
def test_what_is_no_number_is_refused_without_naming_it(number: str | None) -> None:
    work = Play(profile=replace(PROFILE, phone_mobile=number)).until("send_sms")
    with pytest.raises(PermanentActionError) as refused:
        sending(Texts(), Folder())(work)
    assert number is None or number not in str(refused.value)


def test_a_card_whose_digits_are_not_on_file_is_masked() -> None:
    texts = Texts()
    sending(texts, Folder())(Play(profile=without(PROFILE, "card_last4")).until("send_sms"))
    assert "****" in texts.sent[0][1]


def test_templates_are_prepared_once_for_a_policy() -> None:
    wordings = Wordings(production=False)
    first, other = ActivePolicy(policy()), ActivePolicy(policy(version="2"))
    assert wordings.templates(first) is wordings.templates(first)
    assert wordings.templates(first) is not wordings.templates(other)


def test_a_refused_or_throttled_message_is_passed_on_as_it_is() -> None:
    for error in (
        PermanentActionError("sns:Publish: InvalidParameter"),
        TransientServiceError("sns:Publish: Throttled"),
    ):
        with pytest.raises(type(error)):
            sending(Texts(fails=error), Folder())(Play().until("send_sms"))
