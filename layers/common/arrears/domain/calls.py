"""A round of calls: one number at a time, in the policy's order, until the cardholder is reached.

A round begins when the step is due. A number that nobody answers, or that is busy, is tried again so many times; where
a message was left with somebody else the next number is called; an invalid number is dropped for good. A conversation
with the cardholder ends the round, and so does the last number. A call without a result counts as not answered.
"""

from datetime import date, timedelta

from arrears.domain.case import Case, Done
from arrears.domain.facts import Call, Phone
from arrears.domain.keeping import why_not_called
from arrears.domain.policy import Policy
from arrears.domain.rules import THIRD_PARTIES
from arrears.domain.value import value

#: What the name of a step has behind it for the second and later calls of a round.
AGAIN = ".again"


@value
class NextCall:
    """The next call of a round.

    Attributes:
        due_on: the date on which it is due.
        try_number: of all calls of the round, from 1.
        reason: why this number, and why again.
    """

    phone: Phone
    due_on: date
    try_number: int
    reason: str


def round_of(case: Case, step: str) -> list[Done]:
    """Return the calls of the last round that was begun, oldest first."""
    calls = [done for done in case.done if done.step in (step, step + AGAIN)]
    begins = [index for index, done in enumerate(calls) if done.step == step]
    return calls[begins[-1] :] if begins else []


def first_call(case: Case, policy: Policy, on: date) -> NextCall | None:
    """Return the first call of a new round; None when no number is left to call."""
    phone = next(iter(numbers_to_call(case, policy, on)), None)
    return None if phone is None else NextCall(phone, on, 1, f"to the {phone} number")


def next_call(case: Case, policy: Policy, step: str, on: date) -> NextCall | None:
    """Return what follows in the round that is running; None when it is over."""
    calls = policy.calls
    tried = round_of(case, step)
    if calls is None or not tried:
        return None
    began = tried[0].on
    if any(call.is_conversation and began <= call.called_on <= on for call in case.calls):
        return None
    last = tried[-1]
    result = case.result_of(last, on)
    again_on = last.on + timedelta(days=calls.again_after_days)
    if result is not None and result.result in ("invalid_number", "message_left"):
        again_on = max(last.on, result.called_on)
    for phone in numbers_to_call(case, policy, on):
        tries = [done for done in tried if done.phone == phone]
        left = any((told := case.result_of(done, on)) is not None and told.result == "message_left" for done in tries)
        if len(tries) < calls.tries_per_number and not left:
            number = len(tried) + 1
            why = f"try {len(tries) + 1} of {calls.tries_per_number}"
            return NextCall(phone, again_on, number, f"to the {phone} number, {why} in this round")
    return None


def numbers_to_call(case: Case, policy: Policy, on: date) -> list[Phone]:
    """Return the numbers that may be called, in order: on file, not known to be invalid, and allowed by the rules."""
    calls = policy.calls
    extract = case.account.extract(on)
    if extract is None:
        return []
    if calls is None:
        # Without rounds every number on file is called, one that is invalid too: the call centre knows.
        numbers = list(extract.phones)
    else:
        account = case.account
        numbers = [
            phone for phone in calls.numbers if phone in extract.phones and not account.is_unusable(phone, "call", on)
        ]
        if calls.other_people == "guarantors":
            numbers = [phone for phone in numbers if phone not in THIRD_PARTIES or phone in extract.guarantors]
    rules = policy.bound
    if rules is None or not (rules.third_parties or rules.wishes):
        return numbers
    return [phone for phone in numbers if not why_not_called(case.account, extract, rules, phone, on)]


def why_refused(case: Case, policy: Policy, call: Call) -> str | None:
    """Return why a result is refused: its task was withdrawn before; None for one that counts.

    A policy without rounds of calls hears of every conversation that there was while a case was held (rule 12).
    """
    withdrawn = case.withdrawn_call(call)
    if withdrawn is None or (case.is_open and policy.calls is None and call.is_conversation):
        return None
    why = "the case was held, or a promise was standing" if case.is_open else case.closed_reason
    return f"is for the call {withdrawn.action_id}, which was withdrawn on {withdrawn.withdrawn_on}: {why}"
