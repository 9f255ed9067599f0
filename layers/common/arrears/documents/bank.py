"""What texts, letters and calls say of the bank, in a language."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from arrears.domain.policy import Bank

#: The template of a text whose step, or whose monthly reminder, names none.
DEFAULT_SMS: Final = "just_overdue"
DEFAULT_MONTHLY: Final = "monthly"
#: The template of a letter whose step names none.
DEFAULT_LETTER: Final = "lawyer_letter"
#: What stands in, outside production, for what a policy does not say of its bank: numbers that are kept for fiction.
#: In production nothing stands in, and a policy that lacks what it needs is not published there (`policy_bank.py`).
_PLACEHOLDERS: Final[Mapping[str, str | tuple[str, ...] | date]] = {
    "phone": "+44 1632 960001",
    "hours": "08:00-20:00",
    "address": ("1 Sample Square",),
    "website": "https://bank.example",
    "payment_account": "000-000000-00",
    "law_firm": "Sample & Partners",
    "law_firm_address": ("2 Sample Square",),
    "law_firm_phone": "+44 1632 960002",
    "lawyer": "A. Sample",
    "mandate": "PA-001",
    "mandate_date": date(2005, 1, 3),
}
_HOW_TO_PAY: Final[Mapping[str, str]] = {
    "zh-CN": "手机银行或存入账号{account}",
    "zh-TW": "行動銀行或存入帳號{account}",
    "en": "the bank's app or account {account}",
}


def presented(bank: Bank, language: str, *, production: bool) -> Bank:
    """Return the bank as it presents itself in a language."""
    if not production:
        missing = {name: value for name, value in _PLACEHOLDERS.items() if not getattr(bank, name)}
        bank = bank.model_copy(update=missing)
    return in_language(bank, language)


def in_language(bank: Bank, language: str) -> Bank:
    """Return the bank with how to pay in words, made from its account where the policy does not say it."""
    if bank.how_to_pay or not bank.payment_account:
        return bank
    words = _HOW_TO_PAY.get(language, _HOW_TO_PAY["en"])
    return bank.model_copy(update={"how_to_pay": words.format(account=bank.payment_account)})


def sms_variables(bank: Bank, language: str) -> dict[str, str]:
    """Return the variables of a text that are the same for every cardholder, as far as the policy says them."""
    bank = in_language(bank, language)
    values = {"bank": bank.name, "phone": bank.phone, "hours": bank.hours, "how_to_pay": bank.how_to_pay}
    return {name: value for name, value in values.items() if value}
