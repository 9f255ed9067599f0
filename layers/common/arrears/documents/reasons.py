"""Recorded reasons in the words of a dossier's language.

A reason is stored in English with its event and never changed. Where its shape is a known one, and the language is
another, the dossier says it in that language and shows the record beside it; any other is shown as it was recorded.
"""

import re
from collections.abc import Mapping
from datetime import date

from arrears.documents.written import write_date

_DAY = r"\d{4}-\d{2}-\d{2}"
_STAGE = r"stage (?P<stage>[\w-]+): "
_STEP = _STAGE + r"(?P<action>send_sms|queue_call|queue_letter|place_with_agency) (?P<number>\d+)"
_AGAIN = rf"(?: again after [^,;]+)?, due (?P<date>{_DAY})"
#: The label that says it, and the beginning of a reason that it says. What follows is only in the record.
_SHAPES = tuple(
    (label, re.compile(pattern, re.ASCII))
    for label, pattern in (
        ("reason_step_of", rf"{_STEP} of (?P<at_most>\d+){_AGAIN}"),
        ("reason_step", f"{_STEP}{_AGAIN}"),
        ("reason_days", rf"{_STAGE}(?P<days>\d+) DPD reached on (?P<date>{_DAY})"),
        ("reason_months", rf"{_STAGE}more than (?P<months>\d+) months past due since (?P<date>{_DAY})"),
        ("reason_failed", rf"{_STAGE}the agency failed on (?P<date>{_DAY})"),
        ("reason_monthly", r"monthly reminder on day (?P<day>\d+) "),
        ("reason_freeze", r"arrears (?P<arrears>[\d.]+ [A-Z]{3}) exceed the freeze threshold after (?P<count>\d+) "),
        ("reason_term", rf"(?:recalled: )?the term of the placement of (?P<placed>{_DAY}) is over on (?P<date>{_DAY})"),
    )
)
_CHANNELS = {
    "send_sms": "channel_sms",
    "queue_call": "channel_call",
    "queue_letter": "channel_letter",
    "place_with_agency": "placement",
}


def in_language(reason: str, labels: Mapping[str, str], language: str) -> str:
    """Return a recorded reason in a language; empty where it is English, or the reason's shape is not known."""
    if language.startswith("en"):
        return ""
    for label, shape in _SHAPES:
        found = shape.match(reason)
        if found is not None and label in labels:
            return labels[label].format(
                **{key: _word(key, text, labels, language) for key, text in found.groupdict().items()}
            )
    return ""


def _word(key: str, text: str, labels: Mapping[str, str], language: str) -> str:
    if key in ("date", "placed"):
        return write_date(date.fromisoformat(text), language, "medium")
    if key == "stage":
        return labels.get(f"stage_{text}", text)
    return labels[_CHANNELS[text]] if key == "action" else text
