"""Builds accounts, cases and events with sensible values, so that a test names only what it is about.

The account is in Shanghai and owes yuan. It was due on 1 June 2005, so on the default day, 2 June, it is one day past
due and its case opens.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from arrears.domain.events import ActionRetried, ArrearsReported, HoldLifted, HoldPlaced, PaymentReceived
from arrears.domain.facts import Account, Extract, HoldReason, Payment, Phone
from arrears.domain.money import Money
from arrears.domain.policy import Policy
from arrears.files.records import Profile
from arrears.records import Stamp

ACCOUNT_ID = "CARD-0001"
DUE = date(2005, 6, 1)
OPENS = DUE + timedelta(days=1)
CASE_ID = f"{ACCOUNT_ID}-{OPENS:%Y%m%d}"
SHANGHAI = "Asia/Shanghai"

#: Who the cardholder is. None of it may ever show in a log or in an execution (invariant 6).
PROFILE = Profile(
    name="Wang Xiaoming",
    address_line1="7 Nanjing Road",
    address_line2="Flat 12",
    city="Huangpu",
    region="Shanghai",
    postal_code="200001",
    country="CN",
    phone_mobile="+8613800138000",
    phone_work="+862155550100",
    phone_home="+862155550101",
    phone_family="+8613900139000",
    phone_contact="+8613700137000",
    card_last4="4242",
)

#: A policy of every kind of step, short enough to be overseen.
POLICY: dict[str, Any] = {
    "name": "test",
    "version": "1",
    "cure_tolerance": {"CNY": "1.00"},
    "stages": {
        "reminder": {
            "from": {"days_past_due": 1},
            "steps": [{"action": "send_sms", "template": "just_overdue", "every_days": 7, "at_most": 2}],
        },
        "call": {
            "from": {"days_past_due": 15},
            "steps": [{"action": "queue_call", "every_days": 3, "at_most": 2}],
            "promise_windows_days": [7, 5],
        },
        "lawyer_letter": {
            "from": {"days_past_due": 60},
            "steps": [{"action": "queue_letter", "template": "lawyer_letter", "at_most": 1}],
        },
        "agency": {
            "from": {"months_past_due": 3},
            "requires": [{"action": "queue_letter", "at_least_days_ago": 14}],
            "steps": [{"action": "place_with_agency", "at_most": 1}],
            "term_days": 90,
        },
        "legal": {"from": {"agency": "failed"}, "steps": [{"action": "file_legal", "at_most": 1}]},
    },
    "freeze": {"arrears_over": {"CNY": "50000.00"}, "after_collections": 2, "apart_days": 7},
}


def policy(**changes: Any) -> Policy:
    """A policy as the tests play it, with some of its keys replaced."""
    return Policy.model_validate(POLICY | changes)


def money(amount: str, currency: str = "CNY") -> Money:
    """An amount, in yuan unless said otherwise."""
    return Money(Decimal(amount), currency)


def extract(
    past_due: str = "1000.00",
    *,
    as_of: date = OPENS,
    oldest_due: date | None = DUE,
    currency: str = "CNY",
    timezone: str = SHANGHAI,
    sms_opt_out: bool = False,
    phones: tuple[Phone, ...] = ("mobile", "work", "home"),
    mailable: bool = True,
) -> Extract:
    """The bank's report of an account; 1,000 yuan past due on the day a case opens."""
    return Extract(
        as_of,
        Money(Decimal(past_due), currency),
        oldest_due,
        timezone,
        balance=Decimal("8000.00"),
        minimum_due=Decimal("500.00"),
        credit_limit=Decimal("20000.00"),
        language="zh-CN",
        country="CN",
        sms_opt_out=sms_opt_out,
        phones=phones,
        mailable=mailable,
    )


def account(*extracts: Extract, account_id: str = ACCOUNT_ID, payments: Sequence[Payment] = ()) -> Account:
    """An account with some extracts, or with the one that opens a case."""
    return Account(account_id, extracts or (extract(),), tuple(payments))


def payment(amount: str = "1000.00", *, on: date = OPENS + timedelta(days=1), payment_id: str = "PAY-1") -> Payment:
    """A payment in full, unless said otherwise, at noon of a date."""
    return Payment(payment_id, _noon(on), money(amount), on)


def paid(
    amount: str = "1000.00", *, on: date = OPENS + timedelta(days=1), payment_id: str = "PAY-1"
) -> PaymentReceived:
    """The news of a payment."""
    return PaymentReceived(payment(amount, on=on, payment_id=payment_id))


def reported(past_due: str, *, as_of: date, oldest_due: date | None = DUE) -> ArrearsReported:
    """The news of a later extract."""
    return ArrearsReported(extract(past_due, as_of=as_of, oldest_due=oldest_due), as_of)


def held(on: date, *, hold_id: str = "HOLD-1", reason: HoldReason = "dispute") -> HoldPlaced:
    """The news of a hold."""
    return HoldPlaced(hold_id, reason, on)


def lifted(on: date, *, hold_id: str = "HOLD-1", reason: HoldReason = "dispute") -> HoldLifted:
    """The news that a hold is lifted."""
    return HoldLifted(hold_id, reason, on)


def retried(action_id: str, on: date = OPENS) -> ActionRetried:
    """What `arrears case retry` records."""
    return ActionRetried(action_id, on, "operator")


def stamp(on: date = OPENS, label: str = "test 1") -> Stamp:
    """The record of when something was appended."""
    return Stamp(_noon(on), on, label)


def personal_data(profile: Profile = PROFILE) -> list[str]:
    """Every text of a profile that may not show where anybody could read it; country and region are no secret."""
    public = {"country", "region", "city"}
    return [text for field, text in profile.to_dict().items() if field not in public]


def _noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 12, tzinfo=ZoneInfo(SHANGHAI))
