"""Whether and when a cardholder can be contacted: reachable, opted out, days, holidays, hours, caps."""

from datetime import date, timedelta

from arrears.domain.calls import numbers_to_call
from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY
from arrears.domain.facts import Extract
from arrears.domain.moment import Moment
from arrears.domain.policy import Cap, Policy
from arrears.domain.policy_parts import CONTACTS_WITH_HOURS, WEEKDAYS, Action
from arrears.domain.value import value

#: A policy whose days, holidays and caps leave no date within so many days is not looked at any further.
_HORIZON = 400


@value
class NotBefore:
    """A contact that is due must wait."""

    moment: Moment
    reason: str


def cannot_be_contacted(case: Case, policy: Policy, action: Action, on: date) -> str:
    """Return why the cardholder cannot be reached this way, or an empty text."""
    extract = case.account.extract(on)
    if extract is None:
        return ""
    if action == "send_sms":
        return _no_text(case, extract, on)
    if action == "queue_call":
        return _no_call(case, policy, extract, on)
    if action == "queue_letter":
        return _no_letter(case, extract, on)
    return ""


def _no_text(case: Case, extract: Extract, on: date) -> str:
    account = case.account
    if extract.sms_opt_out or (account.opted_out_on is not None and account.opted_out_on <= on):
        return "the cardholder has opted out of SMS"
    if "mobile" not in extract.phones:
        return "there is no mobile number on file"
    dead_on = account.unusable_on("mobile", "sms") if account.unusable else None
    return "the mobile number takes no SMS" if dead_on is not None and dead_on <= on else ""


def _no_call(case: Case, policy: Policy, extract: Extract, on: date) -> str:
    if not extract.phones:
        return "there is no phone number on file"
    if policy.calls is not None and not numbers_to_call(case, policy.calls, on):
        return "there is no number left that may be called"
    return ""


def _no_letter(case: Case, extract: Extract, on: date) -> str:
    if not extract.mailable:
        return "there is no billing address on file"
    if any(report.status == "returned" and report.on <= on for report in case.letters):
        return "a letter to the billing address came back"
    return ""


def must_wait(case: Case, policy: Policy, action: Action, now: Moment) -> NotBefore | None:
    """Return until when a contact that is due must wait, or None when it can be made now."""
    for postponed in case.postponed:
        if postponed.action == action and now.on < postponed.until:
            return NotBefore(Moment(postponed.until, policy.opening_of_hours()), postponed.reason)
    day, reason = first_date(case, policy, action, now.on)
    if day > now.on:
        return NotBefore(Moment(day, policy.opening_of_hours()), reason)
    if action in CONTACTS_WITH_HOURS and not policy.within_hours(now.at):
        opening = policy.opening_of_hours()
        start = now.on
        if now.at is not None and now.at >= opening:
            start, _ = first_date(case, policy, action, now.on + ONE_DAY)
        return NotBefore(Moment(start, opening), "it is outside the contact hours")
    return None


def first_date(case: Case, policy: Policy, action: Action, since: date) -> tuple[date, str]:
    """Return the first date from `since` on which a contact is allowed, and why it is not earlier."""
    contact = policy.contact
    if not contact.restricts_dates:
        return since, ""
    reason = ""
    for ahead in range(_HORIZON):
        day = since + timedelta(days=ahead)
        if action in CONTACTS_WITH_HOURS:
            if contact.days and WEEKDAYS[day.weekday()] not in contact.days:
                reason = reason or f"nobody is contacted on a {day:%A}"
                continue
            if day in contact.holidays:
                reason = reason or f"{day} is a holiday"
                continue
        full = next((cap for cap in contact.limits if action in cap.actions and _is_full(case, cap, day)), None)
        if full is None:
            return day, reason
        reason = reason or f"the cap of {full.at_most} in {full.in_days} days is reached"
    return since + timedelta(days=_HORIZON), reason


def _is_full(case: Case, cap: Cap, day: date) -> bool:
    first = day - timedelta(days=cap.in_days - 1)
    counted = sum(1 for done in case.done if done.action in cap.actions and first <= done.on <= day and done.counts)
    return counted >= cap.at_most
