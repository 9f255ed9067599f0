"""Texts, calls and letters on the deployed stack, with everything that comes back from outside."""

import base64
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from arrears.adapters import aws
from arrears.domain.dates import ONE_DAY
from arrears.domain.events import (
    ActionDone,
    CaseClosed,
    FreezeAnswered,
    LetterMailed,
    LetterWithdrawn,
    OptedOut,
    SmsReported,
)
from arrears.files import COLUMNS
from arrears.local.driver import Driver
from arrears.usecases.build_worklist import worklist_key
from arrears.usecases.dispatch_letters import mail_folder
from tests.support.embedded import Embedded

POLICY: dict[str, Any] = {
    "name": "contacts",
    "version": "1",
    "cure_tolerance": {"TWD": "1.00"},
    "stages": {
        "reminder": {
            "from": {"days_past_due": 1},
            "steps": [
                {"action": "send_sms", "template": "just_overdue", "every_days": 2, "at_most": 2},
                {"action": "queue_call", "every_days": 9, "at_most": 2},
            ],
            "promise_windows_days": [7],
        },
        # Never reached here; the stack has open cases in these stages, and a policy must know them.
        **{
            name: {"from": {"days_past_due": 3000}, "steps": []}
            for name in ("call", "lawyer_letter", "agency", "legal")
        },
    },
    "freeze": {"arrears_over": {"TWD": "50000.00"}, "after_collections": 1},
    "contact": {"fallback": {"send_sms": {"action": "queue_letter", "template": "reminder_letter"}}},
    "calls": {"numbers": ["mobile", "home"], "tries_per_number": 2, "again_after_days": 4, "capacity_per_day": 2},
    "sms": {"segment_price": "0.90", "monthly_budget": {"total": "500.00"}, "max_price": "0.20"},
    "bank": {"name": "Sample Bank", "phone": "+44 1632 960001", "address": ["1 Sample Square"]},
}
NUMBERS = {"CON-A": "+447700900801", "CON-B": "+447700900802", "CON-C": "+447700900803", "CON-D": "+447700900804"}
OWED = {"CON-A": "60000.00", "CON-B": "4000.00", "CON-C": "9000.00", "CON-D": "100.00"}
#: They want no texts, and get a letter at once: a whole batch, every other one in Chinese.
BY_LETTER = {f"CON-L{number:02}": f"+4477009008{number}" for number in range(10, 32)}
PAYS = "CON-L10"


@dataclass
class BeforeTheMail(Driver):
    """Plays a day on which something happens between the day's work and the mail."""

    happens: Callable[[], None] = field(default=lambda: None)

    def _dispatch_letters(self, on: date) -> None:
        self.happens()
        self.wait_for_files()
        super()._dispatch_letters(on)


@pytest.fixture
def contacts(stack: Embedded) -> Iterator[Embedded]:
    """The stack with a policy of this test's own, and afterwards with the one before."""
    with stack.playing(POLICY):
        yield stack


def csv_of(kind: Any, *rows: dict[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS[kind], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def known(day: date, account_id: str) -> dict[str, str]:
    """A row of the portfolio: one day past due, in English."""
    return {
        "account_id": account_id,
        "as_of": day.isoformat(),
        "currency": "TWD",
        "past_due_amount": OWED.get(account_id, "700.00"),
        "oldest_due_date": (day - ONE_DAY).isoformat(),
        "cardholder_name": "Anna Sample",
        "country": "GB",
        "address_line1": "1 Sample Road",
        "city": "Sampleton",
        "language": "zh-TW" if account_id in list(BY_LETTER)[1::2] else "en",
        "timezone": "Asia/Taipei",
        "phone_mobile": (NUMBERS | BY_LETTER)[account_id],
        "sms_opt_out": "true" if account_id in BY_LETTER else "false",
        "phone_home": "+442079460001",
        "balance": "70000.00",
    }


def texts(stack: Embedded, account_id: str) -> list[dict[str, Any]]:
    """The texts as SNS got them."""
    found: dict[str, list[dict[str, Any]]] = stack.ask("/_ministack/sns/sms-messages")["sms_messages"]
    return found.get(NUMBERS[account_id], [])


def rows_of(stack: Embedded, key: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(stack.read("DocumentsBucket", key).decode())))


def test_everything_that_comes_back_from_outside(contacts: Embedded) -> None:
    first = contacts.today
    cases = {name: f"{name}-{first:%Y%m%d}" for name in NUMBERS}
    contacts.drop(f"portfolio/contacts-{first}.csv", csv_of("portfolio", *(known(first, name) for name in NUMBERS)))
    contacts.advance()

    # The text as SNS got it: transactional, no dearer than allowed, in one language, with every part.
    (text,) = texts(contacts, "CON-A")
    assert "Sample Bank: TWD 60,000.00 on your card ending" in text["Message"]
    assert "Reply STOP to opt out" in text["Message"]
    sent = {name: value.get("StringValue", value.get("Value")) for name, value in text["MessageAttributes"].items()}
    assert sent["AWS.SNS.SMS.SMSType"] == "Transactional"
    assert sent["AWS.SNS.SMS.MaxPrice"] == "0.20"

    # On the second day: one has opted out, one number is none, one has paid, the core system has frozen an account.
    second = contacts.today
    (of_b,) = texts(contacts, "CON-B")
    entry = {
        "notification": {"messageId": of_b["MessageId"], "timestamp": f"{first} 04:00:05.558"},
        "delivery": {"destination": NUMBERS["CON-B"], "providerResponse": "Invalid phone number"},
        "status": "FAILURE",
    }
    batch = {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": json.dumps(entry)}]}
    packed = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()
    counts = contacts.driver.invoke("RecordReceiptsFunction", {"awslogs": {"data": packed}})
    assert counts["recorded"] == 1
    contacts.drop(f"optouts/{second}.csv", csv_of("optouts", {"account_id": "CON-A", "at": second.isoformat()}))
    paid = {"payment_id": "CON-P1", "account_id": "CON-C", "paid_at": f"{second}T09:00:00+08:00"}
    contacts.drop(
        f"payments/contacts-{second}.csv", csv_of("payments", paid | {"amount": "9000.00", "currency": "TWD"})
    )
    contacts.advance()
    listed = rows_of(contacts, worklist_key(second))
    ours = [row["account_id"] for row in listed if row["account_id"] in NUMBERS]
    assert ours == ["CON-A", "CON-B"], "best first, capped at two, and nobody who has paid"

    third = contacts.today
    aws.events().put_events(
        Entries=[
            {
                "Source": "core-banking",
                "DetailType": "FreezeAnswered",
                "Detail": json.dumps({"action_id": f"{cases['CON-A']}.freeze", "status": "frozen", "at": str(third)}),
                "EventBusName": contacts.stack.output("BusName"),
            }
        ]
    )
    late = {"call_id": "CON-L1", "account_id": "CON-C", "called_at": f"{third}T10:00:00+08:00", "phone": "mobile"}
    key = f"calls/contacts-{third}.csv"
    contacts.drop(key, csv_of("calls", late | {"result": "no_answer"}))
    assert contacts.imported(key)["rejected"] == 1
    (refused,) = contacts.read("InboundBucket", f"rejects/{key}l".replace(".csvl", ".csv.jsonl")).decode().splitlines()
    assert "was withdrawn on" in refused
    contacts.advance()

    # On the third day the second text is due: two get a letter instead, which is in the day's mail.
    mailed = {row["case_id"] for row in rows_of(contacts, f"{mail_folder(third)}index.csv")}
    assert {cases["CON-A"], cases["CON-B"]} <= mailed
    assert len(texts(contacts, "CON-A")) == len(texts(contacts, "CON-B")) == 1
    assert len(texts(contacts, "CON-D")) == 2
    kinds = {name: {type(event) for event in contacts.events(case_id)} for name, case_id in cases.items()}
    assert {OptedOut, LetterMailed, FreezeAnswered} <= kinds["CON-A"]
    assert {SmsReported, LetterMailed} <= kinds["CON-B"]
    assert any(
        isinstance(event, ActionDone) and event.action_id.endswith(".withdraw.1")
        for event in contacts.events(cases["CON-C"])
    )
    register = contacts.arrears("letters", "CON-A").stdout
    assert "reminder_letter" in register
    assert "in the mail" in register


def test_a_letter_that_is_paid_for_an_hour_before_the_mail_is_not_in_it(contacts: Embedded) -> None:
    first = contacts.today
    cases = {name: f"{name}-{first:%Y%m%d}" for name in BY_LETTER}
    letters = {name: f"{case_id}.reminder.0.1" for name, case_id in cases.items()}
    rows = [known(first - ONE_DAY, name) for name in BY_LETTER]
    contacts.drop(f"portfolio/mail-{first}.csv", csv_of("portfolio", *rows))

    def is_paid() -> None:
        done = {event.action_id for event in contacts.events(cases[PAYS]) if isinstance(event, ActionDone)}
        assert letters[PAYS] in done, "the letter is queued by now"
        row = {"payment_id": "CON-P2", "account_id": PAYS, "amount": "700.00", "currency": "TWD"}
        contacts.drop(f"payments/mail-{first}.csv", csv_of("payments", row | {"paid_at": f"{first}T17:00:00+08:00"}))

    BeforeTheMail(contacts.stack, happens=is_paid).advance(first + timedelta(days=1))

    mail = {row["letter_id"]: row for row in rows_of(contacts, f"{mail_folder(first)}index.csv")}
    ours = {name: letter_id for name, letter_id in letters.items() if name != PAYS}
    assert set(ours.values()) <= set(mail)
    assert letters[PAYS] not in mail
    manifest = json.loads(contacts.read("DocumentsBucket", f"{mail_folder(first)}manifest.json"))
    assert set(manifest["letters"]) == set(mail)
    assert len(mail) > 20
    assert f"{mail_folder(first)}{letters[PAYS]}.pdf" not in contacts.keys("DocumentsBucket", mail_folder(first))
    (taken_out,) = [event for event in contacts.events(cases[PAYS]) if isinstance(event, LetterWithdrawn)]
    assert "cured" in taken_out.reason or "paid" in taken_out.reason
    assert any(isinstance(event, CaseClosed) for event in contacts.events(cases[PAYS]))
    assert "taken out" in contacts.arrears("letters", PAYS).stdout

    # Text taken out of the PDFs again, in the language of each.
    for row, (name, letter_id) in zip(rows[1:], ours.items(), strict=True):
        pages = PdfReader(io.BytesIO(contacts.read("DocumentsBucket", f"{mail_folder(first)}{letter_id}.pdf"))).pages
        text = "".join("".join(page.extract_text() for page in pages).split())
        title = "繳款提醒函" if row["language"] == "zh-TW" else "Paymentreminder"
        for part in (title, letter_id, name, "AnnaSample", "1SampleRoad", "700.00", "SampleBank", "+441632960001"):
            assert part in text, (letter_id, part)
