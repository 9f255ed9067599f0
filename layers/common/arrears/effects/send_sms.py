"""Send a text message to the cardholder's mobile number."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from arrears.documents.bank import DEFAULT_MONTHLY, DEFAULT_SMS
from arrears.documents.templates import SmsText
from arrears.domain.dates import add_months
from arrears.domain.events import OptedOut, SmsReported
from arrears.domain.facts import PHONES
from arrears.domain.policy import Sms
from arrears.effects.folders import message_key
from arrears.effects.known import Known, known_for
from arrears.effects.ports import Objects, OptedOutError, SmsGateway, Spending
from arrears.effects.wording import Wordings, document_errors, sms_values
from arrears.errors import UncertainError
from arrears.usecases.carry_out import Effect, PostponedError, UnreachableError, Work

#: A text in plain words, as evidence: UTF-8, nothing added.
_CONTENT_TYPE: Final = "text/plain; charset=utf-8"
#: Numbers of these kinds ring somewhere, but take no text.
_TAKE_NO_TEXT: Final = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)


def _nobody(_percent: int) -> None:
    pass


@dataclass(frozen=True)
class SendSms:
    """Writes the text from the template that the step names, keeps it, and sends it once.

    The text is kept before it is sent, so that what a cardholder got can be proved; the event has its hash only. A
    message has no key on the other side: what may have been sent is not sent again (`UncertainError`).

    Attributes:
        spending: what the texts of a month have cost; None where nobody counts.
        near: told how much of the month's budget is spent, in percent, whenever a text is sent.
    """

    gateway: SmsGateway
    documents: Objects
    wordings: Wordings
    spending: Spending | None = None
    near: Callable[[int], None] = _nobody

    def __call__(self, work: Work) -> Effect:
        """Send the message of an action.

        Raises:
            PermanentDocumentError: there is no such template, or a value that it needs is not on file.
            PermanentActionError: the message was refused.
            UnreachableError: the number takes no texts, or its owner wants none.
            PostponedError: the month's budget is spent.
            UncertainError: it may have been sent.
            TransientServiceError: it was certainly not sent.
        """
        known, rules = known_for(work), work.active.policy.sms
        to = self._number(work, known)
        template = work.act.template or (DEFAULT_MONTHLY if work.act.step == "monthly" else DEFAULT_SMS)
        text = self._write(work, known, template)
        cost = None if rules.segment_price is None else rules.segment_price * text.segments
        self._keep_to_budget(work, rules, cost)
        body = text.text.encode()
        self.documents.put(message_key(work.act.action_id), body, _CONTENT_TYPE)
        writes = self._spend(work, cost, text.segments)
        try:
            message_id = self.gateway.send(to, text.text, rules.max_price)
        except OptedOutError as opted_out:
            raise UnreachableError(OptedOut(work.now.on, "network"), str(opted_out)) from opted_out
        except UncertainError as uncertain:
            uncertain.writes = writes
            raise
        details = (
            ("template", template),
            ("language", text.language),
            ("encoding", text.encoding),
            ("segments", str(text.segments)),
            *((("cost", f"{cost:f}"),) if cost is not None else ()),
            ("sha256", hashlib.sha256(body).hexdigest()),
        )
        if self.spending is not None:
            writes = [*writes, self.spending.sent(message_id, work.act.action_id)]
        return Effect(message_id, details, writes)

    def _number(self, work: Work, known: Known) -> str:
        """Return the number to text; what cannot take a text, or wants none, is news for the case."""
        to = mobile_number(known)
        if to is None:
            reason = "the mobile number on file takes no texts"
            failed = SmsReported(work.act.action_id, "failed", work.now.on, final=True, reason=reason)
            raise UnreachableError(failed, reason)
        if self.gateway.has_opted_out(to):
            raise UnreachableError(OptedOut(work.now.on, "network"), "the number is on the network's opt-out list")
        return to

    def _write(self, work: Work, known: Known, template: str) -> SmsText:
        templates, rules = self.wordings.templates(work.active), work.active.policy.sms
        with document_errors(work.act.action_id):
            templates.get(template, "sms")
            language = templates.language(template, known.language, rules.languages)
            return templates.sms(
                template,
                known.language,
                known.case.stage,
                known.extract.risk_grade,
                sms_values(known, self.wordings.bank(work.active, language), work.active.policy),
                country=known.extract.country,
                shared_phone=_is_shared(known, rules),
                fallback=rules.languages,
            )

    # --- what it costs -----------------------------------------------------------------------------------------------
    def _keep_to_budget(self, work: Work, rules: Sms, cost: Decimal | None) -> None:
        """Let the text wait for the next month when it would go over the budget of its stage, or of all."""
        if self.spending is None or cost is None or not rules.monthly_budget:
            return
        month, stage = work.now.on, work.act.stage or ""
        spent = self.spending.spent(month)
        sums = {stage: spent.get(stage, Decimal(0)), "total": sum(spent.values(), Decimal(0))}
        for name, before in sums.items():
            budget = rules.monthly_budget.get(name)
            if budget is None:
                continue
            of_what = "all texts" if name == "total" else f"the texts of stage {name}"
            if before + cost > budget:
                self.near(100)
                reason = f"the month's budget for {of_what} is spent: {before:f} of {budget:f}"
                raise PostponedError(_next_month(month), reason)
            self.near(int((before + cost) * 100 / budget))

    def _spend(self, work: Work, cost: Decimal | None, segments: int) -> list[dict[str, object]]:
        if self.spending is None or cost is None:
            return []
        stage, action_id = work.act.stage or "", work.act.action_id
        return [self.spending.add(work.now.on, stage, cost, segments, action_id)]


def _next_month(day: date) -> date:
    return add_months(day.replace(day=1), 1)


def _is_shared(known: Known, rules: Sms) -> bool:
    """Say whether others may read what is sent to the mobile number, as the policy sees it."""
    if rules.shared_phone == "same_number":
        mobile = known.profile.phone("mobile")
        return any(known.profile.phone(kind) == mobile for kind in PHONES if kind != "mobile")
    return rules.shared_phone == "always"


def mobile_number(known: Known) -> str | None:
    """Return the mobile number in E.164 form; None where it is no number that takes texts."""
    number = known.profile.phone("mobile") or ""
    try:
        parsed = phonenumbers.parse(number, known.extract.country or known.profile.country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed) or phonenumbers.number_type(parsed) in _TAKE_NO_TEXT:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
