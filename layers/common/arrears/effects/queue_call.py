"""Queue a call for the call centre (schema `call-task-1`)."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

from arrears.documents.bank import presented
from arrears.documents.clean import in_script_of
from arrears.domain.calls import numbers_to_call
from arrears.domain.contact import call_hours
from arrears.domain.facts import PHONES, Phone
from arrears.domain.policy import Bank
from arrears.effects.known import Known, known_for, plan_of, written
from arrears.effects.ports import Tasks
from arrears.files.records import Profile
from arrears.usecases.carry_out import Effect, Work

SCHEMA: Final = "call-task-1"

#: What a caller may say to whoever answers. `cardholder`: speak of the debt once it is the cardholder who answers, and
#: to anybody else only leave the message. `message_only`: never speak of a debt; only leave the message.
#: `guarantor`: as `cardholder`, of the guarantor, who owes the debt too.
May = Literal["cardholder", "message_only", "guarantor"]
_MAY: Final[Mapping[Phone, May]] = {
    "mobile": "cardholder",
    "work": "cardholder",
    "home": "cardholder",
    "family": "message_only",
    "contact": "message_only",
}
#: All that may be said to anybody but the cardholder. It says nothing of a debt, a card or a payment (invariant 8).
_MESSAGES: Final[Mapping[str, str]] = {
    "zh-CN": "请转告{name}方便时与{bank}联系，电话{phone}。谢谢。",
    "zh-TW": "請轉告{name}方便時與{bank}聯絡，電話{phone}。謝謝。",
    "en": "Please ask {name} to contact {bank} on {phone}. Thank you.",
}
_NOBODY: Final[Mapping[str, str]] = {"zh-CN": "持有此号码的人", "zh-TW": "持有此號碼的人", "en": "the person"}


class CallNumber(TypedDict):
    """A number to try."""

    kind: Phone
    number: str
    may_be_told: May


def call_numbers(
    profile: Profile,
    only: Phone | None = None,
    allowed: Collection[Phone] = PHONES,
    guarantors: Collection[Phone] = (),
) -> list[CallNumber]:
    """Return the numbers to call, in order; the same number is named once.

    Args:
        profile: the numbers on file.
        only: the one that the policy's round has come to; without rounds, all of them are named.
        allowed: those that the policy and its rules of contact let be called.
        guarantors: those that are a guarantor's.
    """
    numbers: list[CallNumber] = []
    for kind in PHONES:
        number = profile.phone(kind)
        if only not in (None, kind) or kind not in allowed:
            continue
        if number and number not in {other["number"] for other in numbers}:
            may: May = "guarantor" if kind in guarantors else _MAY[kind]
            numbers.append({"kind": kind, "number": number, "may_be_told": may})
    return numbers


def message_for_others(known: Known, bank: Bank) -> str:
    """Return what may be said to anybody but the cardholder, in the cardholder's language."""
    language = known.language if known.language in _MESSAGES else "en"
    name = known.profile.name or _NOBODY[language]
    return _MESSAGES[language].format(name=name, bank=in_script_of(bank.name, language), phone=bank.phone)


@dataclass(frozen=True)
class QueueCall:
    """Queues a task that names the numbers in order and what may be said to whom.

    The queue drops a second task of the same id for five minutes, and its readers drop an action id they have seen,
    so repeating this does no harm.

    Attributes:
        production: whether nothing may stand in for what the policy leaves out of its bank.
    """

    calls: Tasks
    production: bool

    def __call__(self, work: Work) -> Effect:
        """Queue the call of an action.

        Raises:
            PermanentActionError: the queue refused the task.
            TransientServiceError: the queue is busy.
        """
        known = known_for(work)
        policy = work.active.policy
        allowed = PHONES if policy.bound is None else numbers_to_call(known.case, policy, known.on)
        numbers = call_numbers(known.profile, work.act.phone, allowed, known.extract.guarantors)
        task = _task(work, known, numbers, presented(policy.bank, known.language, production=self.production))
        message_id = self.calls.send(
            group=known.case.account_id,
            task_id=work.act.action_id,
            body=json.dumps(task, ensure_ascii=False, sort_keys=True),
        )
        details = (("schema", SCHEMA), ("numbers", " ".join(number["kind"] for number in numbers)))
        return Effect(message_id, details)


def _task(work: Work, known: Known, numbers: Sequence[CallNumber], bank: Bank) -> dict[str, object]:
    policy, extract = work.active.policy, known.extract
    hours = call_hours(known.case, policy, known.on)
    window = policy.promise_window_days(known.case.stage, sum(call.is_conversation for call in known.case.calls))
    return {
        "schema": SCHEMA,
        "action_id": work.act.action_id,
        "case_id": known.case.case_id,
        "account_id": known.case.account_id,
        "stage": known.case.stage,
        "planned_on": plan_of(work).on.isoformat(),
        "cardholder_name": known.profile.name,
        "card_last4": known.profile.card_last4,
        "language": known.language,
        "timezone": extract.timezone,
        "contact_hours": [f"{hour:%H:%M}" for hour in hours] if hours else None,
        "risk_grade": extract.risk_grade,
        "currency": known.arrears.currency,
        "arrears": written(known.arrears),
        "days_past_due": known.days_past_due,
        "promise_within_days": window,
        "numbers": list(numbers),
        "message_for_others": message_for_others(known, bank),
    }
