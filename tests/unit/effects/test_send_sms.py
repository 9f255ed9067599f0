import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from arrears.adapters.settings import ActivePolicy
from arrears.domain.events import OptedOut, SmsReported
from arrears.domain.policy import Policy
from arrears.effects.folders import message_key
from arrears.effects.ports import OptedOutError
from arrears.effects.send_sms import SendSms
from arrears.effects.wording import Wordings
from arrears.errors import PermanentActionError, PermanentDocumentError, TransientServiceError, UncertainError
from arrears.usecases.carry_out import PostponedError, UnreachableError
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


@pytest.mark.parametrize("number", ["12", "0000000000000000000000000000", "+862155550100", "+448081570000", None])
def test_what_takes_no_texts_is_not_tried_and_said_of_the_number_for_good(number: str | None) -> None:
    texts, work = Texts(), Play(profile=replace(PROFILE, phone_mobile=number)).until("send_sms")

    with pytest.raises(UnreachableError) as refused:
        sending(texts, Folder())(work)

    news = refused.value.news
    assert isinstance(news, SmsReported)
    assert (news.action_id, news.status, news.final) == (work.act.action_id, "failed", True)
    assert texts.sent == []
    assert number is None or number not in f"{refused.value} {news}"


@pytest.mark.parametrize("texts", [Texts(opted_out=True), Texts(fails=OptedOutError("sns:Publish: OptedOut"))])
def test_who_is_on_the_networks_list_gets_nothing_and_it_is_news(texts: Texts) -> None:
    with pytest.raises(UnreachableError) as refused:
        sending(texts, Folder())(Play().until("send_sms"))

    assert isinstance(refused.value.news, OptedOut)
    assert refused.value.news.source == "network"
    assert texts.sent == []


# --- what it costs ---------------------------------------------------------------------------------------------------
@dataclass
class Purse:
    """What was spent before, and what is written."""

    before: dict[str, Decimal] = field(default_factory=dict)
    added: list[tuple[str, Decimal, int]] = field(default_factory=list)

    def spent(self, month: date) -> Mapping[str, Decimal]:
        assert month.year == 2005
        return self.before

    def add(self, month: date, stage: str, cost: Decimal, segments: int, key: str) -> dict[str, Any]:
        assert month.year == 2005
        self.added.append((stage, cost, segments))
        return {"Update": key}

    def sent(self, message_id: str, action_id: str) -> dict[str, Any]:
        return {"Put": f"{message_id} {action_id}"}


def priced(**more: Any) -> Policy:
    return policy(bank=BANK, sms={"segment_price": "0.05", **more})


def test_what_it_cost_is_recorded_and_counted_with_the_confirmation() -> None:
    texts, purse = Texts(), Purse()
    work = Play(rules=priced(max_price="0.20")).until("send_sms")

    effect = SendSms(texts, Folder(), Wordings(production=False), purse)(work)

    details = dict(effect.details)
    assert details["cost"] == f"{Decimal('0.05') * int(details['segments']):f}"
    assert purse.added == [("reminder", Decimal(details["cost"]), int(details["segments"]))]
    assert list(effect.writes) == [
        {"Update": work.act.action_id},
        {"Put": f"message-1 {work.act.action_id}"},
    ]
    assert texts.prices == [Decimal("0.20")]


def test_a_text_that_may_have_gone_out_is_paid_for() -> None:
    texts, purse = Texts(fails=UncertainError("sns:Publish: ReadTimeoutError")), Purse()
    with pytest.raises(UncertainError) as uncertain:
        SendSms(texts, Folder(), Wordings(production=False), purse)(Play(rules=priced()).until("send_sms"))
    assert len(uncertain.value.writes) == 1


@pytest.mark.parametrize(
    ("budget", "before", "postponed", "told"),
    [
        ({"total": "1.00"}, {"reminder": "0.50"}, False, [65]),
        ({"total": "1.00"}, {"reminder": "0.50", "call": "0.45"}, True, [100]),
        ({"reminder": "1.00"}, {"reminder": "0.80", "call": "900"}, False, [95]),
        ({"reminder": "1.00"}, {"reminder": "0.95"}, True, [100]),
        ({"call": "1.00"}, {"reminder": "900"}, False, []),
    ],
)
def test_at_the_months_budget_a_text_waits_for_the_next_month(
    budget: dict[str, str], before: dict[str, str], postponed: bool, told: list[int]
) -> None:
    texts = Texts()
    heard: list[int] = []
    purse = Purse({stage: Decimal(spent) for stage, spent in before.items()})
    send = SendSms(texts, Folder(), Wordings(production=False), purse, heard.append)
    work = Play(rules=priced(monthly_budget=budget)).until("send_sms")

    if postponed:
        with pytest.raises(PostponedError) as later:
            send(work)
        assert later.value.until == date(2005, 7, 1)
        assert "the month's budget for" in str(later.value)
    else:
        send(work)
    assert len(texts.sent) == (0 if postponed else 1)
    assert heard == told


# --- who may read it -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("shared", "family", "names_a_debt"),
    [
        ("never", PROFILE.phone_mobile, True),
        ("same_number", PROFILE.phone_mobile, False),
        ("same_number", PROFILE.phone_family, True),
        ("always", None, False),
    ],
)
def test_a_phone_that_others_read_is_told_of_no_debt(shared: str, family: str | None, names_a_debt: bool) -> None:
    texts = Texts()
    rules = policy(bank=BANK, sms={"shared_phone": shared})

    sending(texts, Folder())(Play(profile=replace(PROFILE, phone_family=family), rules=rules).until("send_sms"))

    assert ("逾期" in texts.sent[0][1]) is names_a_debt
    assert ("1,000" in texts.sent[0][1]) is names_a_debt


def test_a_language_that_is_missing_falls_back_as_the_policy_says() -> None:
    french = replace(extract(), language="fr", country="FR")
    rules = policy(bank=BANK, sms={"languages": ["zh-TW"]})

    assert dict(sending(Texts(), Folder())(Play(reported=french, rules=rules).until("send_sms")).details)[
        "language"
    ] == ("zh-TW")


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
