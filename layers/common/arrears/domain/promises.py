"""Promises to pay: accepted or refused by their window, kept or broken (rule 12)."""

from datetime import date, timedelta

from arrears.domain.case import Case, Promise
from arrears.domain.decisions import Act, Record
from arrears.domain.events import PromiseAccepted, PromiseEnded, PromiseRefused
from arrears.domain.facts import Call
from arrears.domain.policy import Policy


def settle_promises(case: Case, policy: Policy, on: date) -> Record | None:
    """Accept or refuse a promise that came in, or end one whose date has passed; None where there is none."""
    for call in case.calls:
        if call.result != "promise" or call.called_on > on or call.call_id in case.settled_calls:
            continue
        window = policy.promise_window_days(case.stage, case.conversations_before(call))
        if call.promised_on is None:
            refusal = "no date was promised"
        elif window is None:
            refusal = "the policy names no promise windows"
        elif call.promised_on < call.called_on:
            refusal = f"{call.promised_on} is before the call of {call.called_on}"
        elif call.promised_on > call.called_on + timedelta(days=window):
            refusal = f"{call.promised_on} is more than {window} days after the call of {call.called_on}"
        elif _too_little(case, policy, call):
            refusal = f"less than the policy's share of the arrears was promised ({policy.promises.minimum_share})"
        else:
            reason = f"promised for {call.promised_on}, within {window} days of the call of {call.called_on} (rule 12)"
            return Record(
                PromiseAccepted(
                    call.call_id,
                    call.called_on,
                    call.promised_on,
                    call.promised_amount,
                    reason,
                    case.arrears(call.called_on).amount,
                )
            )
        return Record(PromiseRefused(call.call_id, on, f"promise refused: {refusal} (rule 12)"))
    for promise in case.promises:
        if promise.outcome == "standing" and on > promise.until:
            return Record(_promise_ended(case, promise, on))
    return None


def _too_little(case: Case, policy: Policy, call: Call) -> bool:
    share = policy.promises.minimum_share
    if share is None or call.promised_amount is None:
        return False
    return call.promised_amount < share * case.arrears(call.called_on).amount


def promise_reminder(case: Case, policy: Policy, promise: Promise, on: date) -> Act | None:
    """Return the one text that goes out while a promise stands, when it is due."""
    due_on = promise_reminder_on(case, policy, promise)
    if due_on is None or on < due_on:
        return None
    number = [known.call_id for known in case.promises].index(promise.call_id) + 1
    step = f"promise.{number}"
    reason = f"reminder of the promise for {promise.until}"
    return Act("send_sms", case.stage, step, f"{case.case_id}.{step}", reason, policy.promises.template)


def promise_reminder_on(case: Case, policy: Policy, promise: Promise) -> date | None:
    """Return the date of that text, never that of the call itself; None when there is none, or it has gone out."""
    days = policy.promises.remind_days_before
    if days is None:
        return None
    number = [known.call_id for known in case.promises].index(promise.call_id) + 1
    due_on = promise.until - timedelta(days=days)
    if due_on <= promise.on or case.steps_done(f"promise.{number}"):
        return None
    return due_on


def _promise_ended(case: Case, promise: Promise, on: date) -> PromiseEnded:
    """Say how a promise ended: kept where payments, or arrears that fell by as much, show what was promised.

    What is paid at a counter may show in the bank's next extract only.
    """
    paid = sum(payment.amount.amount for payment in case.payments if promise.on <= payment.paid_on <= promise.until)
    if promise.owed is not None:
        paid = max(paid, promise.owed - case.arrears(promise.until).amount)
    if promise.amount is not None and paid >= promise.amount:
        return PromiseEnded(promise.call_id, on, "kept", f"{paid} paid by {promise.until}, {promise.amount} promised")
    return PromiseEnded(promise.call_id, on, "broken", f"unpaid on the day after {promise.until} (rule 12)")
