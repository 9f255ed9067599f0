"""Made-up people, banks and cases for the tests of documents."""

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any

from arrears.documents.agency import AgencySheet, ContactNumber, HistoryLine, PromiseLine
from arrears.documents.dossier import (
    AgencyReturn,
    Anchor,
    ChainLink,
    ClaimLine,
    ContactLine,
    DossierContent,
    Exhibit,
    LetterLine,
    OtherLine,
    PaymentLine,
    PlacementLine,
    StatementLine,
)
from arrears.documents.letters import LetterContent
from arrears.documents.parts import Bank, LawFirm, Repayment
from arrears.documents.templates import Templates, load_templates, shipped_templates
from arrears.domain.chain import GENESIS, link
from arrears.domain.money import Money

LANGUAGES = ("zh-CN", "zh-TW", "en")
TAIPEI = timezone(timedelta(hours=8))

BANKS = {
    "en": Bank(
        name="Sample Bank",
        address=("12 Example Road", "Taipei 100"),
        phone="+44 1632 960001",
        hours="Mon-Fri 08-20:00",
        website="www.bank.example",
        email="cards@bank.example",
        how_to_pay="account 000-123-456789, or the bank's app",
    ),
    "zh-TW": Bank(
        name="範例商業銀行",
        address=("10001 臺北市範例區樣本路12號",),
        phone="+44 1632 960001",
        hours="週一至週五8:00-20:00",
        website="www.bank.example",
        email="cards@bank.example",
        how_to_pay="行動銀行或存入帳號000-123-456789",
        seal="範例商業銀行股份有限公司",
    ),
    "zh-CN": Bank(
        name="示例商业银行",
        address=("100000 北京市示例区样本大街12号",),
        phone="+44 1632 960001",
        hours="每日8:00-20:00",
        website="www.bank.example",
        email="cards@bank.example",
        how_to_pay="手机银行或存入账号6000 1234 5678",
        seal="示例商业银行股份有限公司",
    ),
}
LAW_FIRMS = {
    "en": LawFirm(
        name="Example & Partners",
        address=("3 Sample Lane, Taipei",),
        phone="+44 1632 960002",
        lawyer="Lin Ya-ting",
        mandate="POA-2005-0017",
        mandate_date=date(2005, 1, 10),
    ),
    "zh-TW": LawFirm(
        name="樣本法律事務所",
        address=("臺北市範例區樣本路3號5樓",),
        phone="+44 1632 960002",
        lawyer="林雅婷",
        mandate="委字第2005-0017號",
        mandate_date=date(2005, 1, 10),
    ),
    "zh-CN": LawFirm(
        name="北京样本律师事务所",
        address=("北京市示例区样本大街3号5层",),
        phone="+44 1632 960002",
        lawyer="林雅婷",
        mandate="授字第2005-0017号",
        mandate_date=date(2005, 1, 10),
    ),
}
NAMES = {"en": "Anna Example", "zh-TW": "吳美玲", "zh-CN": "欧阳晓明"}
ADDRESSES = {
    "en": ("No. 220, Sample Road", "300 Hsinchu"),
    "zh-TW": ("70001", "臺南市範例區樣本路一段272號8樓之3"),
    "zh-CN": ("510000", "广东省广州市示例区样本路272号8栋1203室"),
}


@cache
def templates() -> Templates:
    return load_templates([shipped_templates()])


def money(amount: str, language: str = "en") -> Money:
    return Money(Decimal(amount), "CNY" if language == "zh-CN" else "TWD")


def letter(kind: str, language: str, **changes: Any) -> LetterContent:
    given: dict[str, Any] = {
        "kind": kind,
        "letter_id": "TW000050-20050416-lawyer_letter-1",
        "case_id": "TW000050-20050416",
        "account_id": "TW000050",
        "card_last4": "9415",
        "dated": date(2005, 6, 18),
        "cardholder_name": NAMES[language],
        "address": ADDRESSES[language],
        "bank": BANKS[language],
        "law_firm": LAW_FIRMS[language] if kind == "lawyer_letter" else None,
        "reported_past_due": money("26202.50", language),
        "as_of": date(2005, 6, 5),
        "arrears": money("24702.50", language),
        "repayments": (
            Repayment(date(2005, 5, 20), money("1000.00", language)),
            Repayment(date(2005, 6, 10), money("1500.00", language)),
        ),
        "oldest_due_date": date(2005, 4, 15),
        "days_past_due": 64,
        "account_status": "frozen",
        "pay_by": date(2005, 7, 2),
        "objection_by": date(2005, 7, 9),
        "balance": money("258610.00", language),
        "minimum_due": money("25861.00", language),
        "country": "CN" if language == "zh-CN" else "TW",
        "stage": "lawyer_letter",
        "risk_grade": "high",
    }
    return LetterContent(**{**given, **changes})


def case_sheet(language: str, **changes: Any) -> AgencySheet:
    given: dict[str, Any] = {
        "agency_id": "north",
        "agency_name": "Northern Receivables",
        "case_id": "TW000050-20050416",
        "account_id": "TW000050",
        "card_last4": "9415",
        "placed_on": date(2005, 8, 1),
        "term_ends": date(2005, 10, 30),
        "cardholder_name": NAMES[language],
        "speaks": language,
        "timezone": "Asia/Taipei",
        "contact_hours": ("08:00", "21:00"),
        "numbers": (
            ContactNumber("home", "+44 20 7946 0298"),
            ContactNumber("mobile", "+44 7700 900916"),
            ContactNumber("work", "+44 20 7946 0518"),
        ),
        "other_people_may_be_called": False,
        "bank": BANKS[language],
        "mandate": "MAND-2005-03",
        "mandate_date": date(2005, 3, 1),
        "reported_past_due": money("26202.50", language),
        "as_of": date(2005, 6, 5),
        "repayments": (
            Repayment(date(2005, 5, 20), money("1000.00", language)),
            Repayment(date(2005, 6, 10), money("1500.00", language)),
        ),
        "arrears": money("24702.50", language),
        "oldest_due_date": date(2005, 4, 15),
        "days_past_due": 108,
        "risk_grade": "high",
        "history": (
            HistoryLine(date(2005, 4, 18), "sms", "sent", "just_overdue"),
            HistoryLine(date(2005, 5, 2), "call", "no_answer", "mobile"),
            HistoryLine(date(2005, 6, 14), "letter", "dispatched", "RR123456785TW"),
        ),
        "promises": (PromiseLine(date(2005, 5, 15), money("24702.50", language), "broken"),),
    }
    return AgencySheet(**{**given, **changes})


def event_chain(count: int) -> tuple[ChainLink, ...]:
    previous, links = GENESIS, []
    for number in range(1, count + 1):
        at = datetime(2005, 4, 16, 12, tzinfo=TAIPEI) + timedelta(days=number)
        body = json.dumps({"at": at.isoformat(), "event": {"type": "ActionDone"}, "number": number}, sort_keys=True)
        links.append(ChainLink(number, body, previous, link(previous, body)))
        previous = links[-1].hash
    return tuple(links)


def dossier(language: str, **changes: Any) -> DossierContent:
    chain = event_chain(30)
    given: dict[str, Any] = {
        "case_id": "TW000050-20050416",
        "account_id": "TW000050",
        "card_last4": "9415",
        "opened_on": date(2005, 4, 16),
        "dated": date(2006, 2, 1),
        "bank": BANKS[language],
        "law_firm": LAW_FIRMS[language],
        "cardholder_name": NAMES[language],
        "address": ADDRESSES[language],
        "claim": (
            ClaimLine("reported", date(2006, 1, 8), money("26202.50", language)),
            ClaimLine("payment", date(2006, 1, 15), money("-1500.00", language)),
            ClaimLine("interest", date(2006, 1, 31), money("812.37", language), "clause 14"),
        ),
        "claimed": money("25514.87", language),
        "oldest_due_date": date(2005, 4, 15),
        "days_past_due": 292,
        "statement": (
            StatementLine(
                date(2005, 5, 1),
                money("10000.50", language),
                money("258610.00", language),
                money("25861.00", language),
                date(2005, 4, 15),
            ),
            StatementLine(date(2006, 1, 8), money("26202.50", language)),
        ),
        "payments": (
            PaymentLine("P-1", datetime(2005, 5, 20, 9, 30, tzinfo=TAIPEI), date(2005, 5, 20), money("1000", language)),
            PaymentLine(
                "P-2",
                datetime(2006, 1, 15, 17, 45, tzinfo=TAIPEI),
                date(2006, 1, 15),
                money("1500.00", language),
                "agency:north",
            ),
        ),
        "contacts": (
            ContactLine(
                datetime(2005, 4, 16, 12, 0, tzinfo=TAIPEI),
                "sms",
                "mobile",
                "delivered",
                "Sample Bank: TWD 11,202.50 was overdue.",
                "stage reminder: 1 DPD reached on 2005-04-16",
                4,
            ),
            ContactLine(datetime(2005, 5, 7, 10, 5, tzinfo=TAIPEI), "call", "family", "message_left", "", "", 9),
        ),
        "letters": (
            LetterLine(
                "TW000050-20050416-lawyer_letter-1",
                "lawyer_letter",
                date(2005, 6, 18),
                "ab" * 32,
                "RR123456785TW",
                date(2005, 6, 20),
                date(2005, 6, 22),
            ),
        ),
        "placements": (
            PlacementLine(
                "north",
                date(2005, 8, 1),
                date(2005, 10, 30),
                "term over",
                (AgencyReturn(date(2005, 9, 3), "payment", money("500.00", language), "paid at a branch"),),
            ),
        ),
        "others": (OtherLine(date(2005, 5, 17), "hold_placed", "dispute"),),
        "chain": chain,
        "anchors": (Anchor(date(2005, 12, 31), chain[-3].hash),),
        "exhibits": (Exhibit("evidence/letter-1.pdf", "lawyer's letter", "ab" * 32),),
        "court": "Sample Court",
        "policy": "tw-credit-card 2026.1",
    }
    return DossierContent(**{**given, **changes})
