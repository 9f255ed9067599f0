"""Send a text message to the cardholder's mobile number."""

import hashlib
from dataclasses import dataclass
from typing import Final

import phonenumbers

from arrears.documents.templates import SmsText
from arrears.effects.folders import message_key
from arrears.effects.known import Known, known_for
from arrears.effects.ports import Objects, SmsGateway
from arrears.effects.wording import DEFAULT_MONTHLY, DEFAULT_SMS, Wordings, document_errors, sms_values
from arrears.errors import PermanentActionError
from arrears.usecases.carry_out import Effect, Work

#: A text in plain words, as evidence: UTF-8, nothing added.
_CONTENT_TYPE: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class SendSms:
    """Writes the text from the template that the step names, keeps it, and sends it once.

    The text is kept before it is sent, so that what a cardholder got can be proved; the event has its hash only. A
    message has no key on the other side: what may have been sent is not sent again (`carry_out.UncertainError`).
    """

    gateway: SmsGateway
    documents: Objects
    wordings: Wordings

    def __call__(self, work: Work) -> Effect:
        """Send the message of an action.

        Raises:
            PermanentDocumentError: there is no such template, or a value that it needs is not on file.
            PermanentActionError: the number on file is none, or the message was refused.
            UncertainError: it may have been sent.
            TransientServiceError: it was certainly not sent.
        """
        known = known_for(work)
        to = mobile_number(known)
        template = work.act.template or (DEFAULT_MONTHLY if work.act.step == "monthly" else DEFAULT_SMS)
        text = self._write(work, known, template)
        body = text.text.encode()
        self.documents.put(message_key(work.act.action_id), body, _CONTENT_TYPE)
        message_id = self.gateway.send(to, text.text)
        details = (
            ("template", template),
            ("language", text.language),
            ("encoding", text.encoding),
            ("segments", str(text.segments)),
            ("sha256", hashlib.sha256(body).hexdigest()),
        )
        return Effect(message_id, details)

    def _write(self, work: Work, known: Known, template: str) -> SmsText:
        templates = self.wordings.templates(work.active)
        with document_errors(work.act.action_id):
            templates.get(template, "sms")
            language = templates.language(template, known.language)
            return templates.sms(
                template,
                known.language,
                known.case.stage,
                known.extract.risk_grade,
                sms_values(known, self.wordings.bank(work.active, language)),
                country=known.extract.country,
            )


def mobile_number(known: Known) -> str:
    """Return the mobile number in E.164 form.

    Raises:
        PermanentActionError: it is no number that could be dialled.
    """
    case_id, number = known.case.case_id, known.profile.phone("mobile") or ""
    try:
        parsed = phonenumbers.parse(number, known.extract.country or known.profile.country)
    except phonenumbers.NumberParseException as error:
        raise PermanentActionError(f"{case_id}: the mobile number on file is no number") from error
    if not phonenumbers.is_possible_number(parsed):
        raise PermanentActionError(f"{case_id}: the mobile number on file is not possible")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
