"""The wording of texts and letters: the policy's templates, and the bank's details that they name.

Needs babel (through `documents.templates`), but nothing that draws.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from arrears.adapters.settings import ActivePolicy
from arrears.documents.bank import presented
from arrears.documents.errors import DocumentError
from arrears.documents.templates import Templates, load_templates, shipped_templates
from arrears.documents.variables import Value
from arrears.domain.money import Money
from arrears.domain.plans import next_instalment
from arrears.domain.policy import Bank, Policy
from arrears.effects.known import Known
from arrears.errors import PermanentDocumentError

#: How long a text, a letter and an objection give. A policy that wants others will say so with keys of its own.
SMS_PAY_WITHIN: Final = timedelta(days=3)
LETTER_PAY_WITHIN: Final = timedelta(days=14)
OBJECTION_WITHIN: Final = timedelta(days=14)
#: So many policies' templates are kept: while one is rolled out, cases under both versions take turns.
_MOST_PREPARED: Final = 4
#: Stands for card digits that are not on file.
UNKNOWN_DIGITS: Final = "****"


@contextmanager
def document_errors(what: str) -> Iterator[None]:
    """Turn what is wrong with a document into the error that parks the action; its text holds nothing personal."""
    try:
        yield
    except DocumentError as error:
        raise PermanentDocumentError(f"{what}: {error}") from error


@dataclass
class Wordings:
    """The templates of the policies that count and their banks, prepared once for each version of a policy.

    Attributes:
        production: whether nothing may stand in for what the policy leaves out.
    """

    production: bool
    _prepared: list[tuple[ActivePolicy, Templates]] = field(default_factory=list)

    def templates(self, active: ActivePolicy) -> Templates:
        """Return the templates that came with the policy, or those that ship where none did.

        Raises:
            PermanentDocumentError: a template is refused.
        """
        known = next((templates for policy, templates in self._prepared if policy is active), None)
        if known is None:
            with document_errors(active.policy.label):
                data = active.templates
                known = Templates.from_data(data) if data else load_templates([shipped_templates()])
            self._prepared = [*self._prepared[1 - _MOST_PREPARED :], (active, known)]
        return known

    def bank(self, active: ActivePolicy, language: str) -> Bank:
        """Return the bank as it presents itself in a language."""
        return presented(active.policy.bank, language, production=self.production)


def sms_values(known: Known, bank: Bank, policy: Policy) -> dict[str, Value]:
    """Return the values of a text's variables; what is not known is left out, and a text that needs it is refused."""
    profile, extract, currency = known.profile, known.extract, known.arrears.currency
    values: dict[str, Value | None] = {
        "account_id": known.case.account_id,
        "amount_overdue": known.arrears,
        "as_of": known.on,
        "balance": None if extract.balance is None else Money(extract.balance, currency),
        "bank": bank.name,
        "card_last4": profile.card_last4 or UNKNOWN_DIGITS,
        "cardholder_name": profile.name,
        "days_past_due": known.days_past_due,
        "hours": bank.hours,
        "how_to_pay": bank.how_to_pay,
        "minimum_due": None if extract.minimum_due is None else Money(extract.minimum_due, currency),
        "oldest_due_date": known.oldest_due,
        "pay_by": known.on + SMS_PAY_WITHIN,
        "phone": bank.phone,
    }
    promise = known.case.standing_promise(known.on)
    if promise is not None:
        values["promise_date"] = promise.until
        values["promise_amount"] = known.arrears if promise.amount is None else Money(promise.amount, currency)
    instalment = next_instalment(known.case, policy, known.on)
    if instalment is not None:
        values["instalment_date"], values["instalment_amount"] = instalment
    return {name: value for name, value in values.items() if value not in (None, "")}
