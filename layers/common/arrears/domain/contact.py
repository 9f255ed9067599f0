"""Whether and when a cardholder can be contacted."""

from datetime import date

from arrears.domain.case import Case
from arrears.domain.policy import Action


def cannot_be_contacted(case: Case, action: Action, on: date) -> str:
    """Return why the cardholder cannot be reached this way, or an empty text."""
    extract = case.account.extract(on)
    if extract is None:
        return ""
    if action == "send_sms":
        if extract.sms_opt_out:
            return "the cardholder has opted out of SMS"
        if "mobile" not in extract.phones:
            return "there is no mobile number on file"
    if action == "queue_call" and not extract.phones:
        return "there is no phone number on file"
    if action == "queue_letter" and not extract.mailable:
        return "there is no billing address on file"
    return ""
