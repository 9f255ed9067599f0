"""What texts and letters say of the bank, in a language."""

from collections.abc import Mapping
from typing import Final

from arrears.domain.policy import Bank

#: The template of a text whose step, or whose monthly reminder, names none.
DEFAULT_SMS: Final = "just_overdue"
DEFAULT_MONTHLY: Final = "monthly"
_HOW_TO_PAY: Final[Mapping[str, str]] = {
    "zh-CN": "手机银行或存入账号{account}",
    "zh-TW": "行動銀行或存入帳號{account}",
    "en": "the bank's app or account {account}",
}


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
