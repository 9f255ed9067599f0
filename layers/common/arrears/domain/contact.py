"""Whether and when a cardholder can be contacted: reachable, opted out, days, holidays, hours, caps."""

from datetime import date, time, timedelta

from arrears.domain.calls import numbers_to_call
from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY
from arrears.domain.facts import Extract, Phone
from arrears.domain.keeping import ALL_DAY, not_on, suspended, why_not_called, windows, with_bank_hours
from arrears.domain.moment import Moment
from arrears.domain.policy import Cap, Policy
from arrears.domain.policy_parts import CONTACTS_WITH_HOURS, WEEKDAYS, Action, Window
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
    if policy.bound is not None and (why := suspended(case, policy, policy.bound, action, on)):
        return why
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
    return "the mobile number takes no SMS" if account.is_unusable("mobile", "sms", on) else ""


def _no_call(case: Case, policy: Policy, extract: Extract, on: date) -> str:
    if not extract.phones:
        return "there is no phone number on file"
    if (policy.calls is not None or policy.bound is not None) and not numbers_to_call(case, policy, on):
        why = "there is no number left that may be called"
        if policy.bound is None:
            return why
        refused = (why_not_called(case.account, extract, policy.bound, phone, on) for phone in extract.phones)
        return "; ".join([why, *dict.fromkeys(filter(None, refused))])
    return ""


def _no_letter(case: Case, extract: Extract, on: date) -> str:
    if not extract.mailable:
        return "there is no billing address on file"
    came_back = {report.letter_id for report in case.letters if report.status == "returned" and report.on <= on}
    if came_back:
        # One that was queued before the bank reported another address was not sent to that one.
        queued = [done.on for done in case.done if done.action_id in came_back]
        if not queued or not case.account.is_renewed("address", max(queued) + ONE_DAY, on):
            return "a letter to the billing address came back"
    return ""


def must_wait(case: Case, policy: Policy, action: Action, now: Moment, phone: Phone | None = None) -> NotBefore | None:
    """Return until when a contact that is due must wait, or None when it can be made now."""
    for postponed in case.postponed:
        if postponed.action == action and now.on < postponed.until:
            return NotBefore(Moment(postponed.until, policy.opening_of_hours()), postponed.reason)
    day, reason = first_date(case, policy, action, now.on, phone)
    if day > now.on:
        return NotBefore(Moment(day, opening(case, policy, action, day)), reason)
    if action in CONTACTS_WITH_HOURS:
        return _outside_hours(case, policy, action, now, phone)
    return None


def _outside_hours(case: Case, policy: Policy, action: Action, now: Moment, phone: Phone | None) -> NotBefore | None:
    rules = policy.bound
    if rules is None:
        if policy.within_hours(now.at):
            return None
        start = policy.opening_of_hours()
        if now.at is None or now.at < start:
            return NotBefore(Moment(now.on, start), _OUTSIDE)
        tomorrow, _ = first_date(case, policy, action, now.on + ONE_DAY, phone)
        return NotBefore(Moment(tomorrow, start), _OUTSIDE)
    today = hours_on(case, policy, action, now.on)
    if today and (now.at is None or any(start <= now.at < end for start, end in today)):
        return None
    reason = f"{_OUTSIDE} {' '.join(each.cite for each, rule in rules.hours if action in rule.actions)}".rstrip()
    later = next((start for start, _ in today if now.at is not None and start > now.at), None)
    if later is not None:
        return NotBefore(Moment(now.on, later), reason)
    tomorrow, _ = first_date(case, policy, action, now.on + ONE_DAY, phone)
    return NotBefore(Moment(tomorrow, opening(case, policy, action, tomorrow)), reason)


_OUTSIDE = "it is outside the contact hours"


def hours_on(case: Case, policy: Policy, action: Action, on: date) -> tuple[Window, ...]:
    """Return when an action is allowed on a date, by the bank's hours and those of its rules: the narrower of both."""
    if policy.bound is None:
        return (policy.contact.hours or ALL_DAY,)
    return with_bank_hours(windows(policy.bound, action, case.account.extract(on), on), policy.contact.hours)


def all_hours_on(case: Case, policy: Policy, on: date) -> tuple[Window, ...]:
    """Return the hours of each kind of contact that has any, on a date; whose is whose is not said."""
    if policy.bound is None:
        return () if policy.contact.hours is None else (policy.contact.hours,)
    return tuple(window for action in CONTACTS_WITH_HOURS for window in hours_on(case, policy, action, on))


def call_hours(case: Case, policy: Policy, on: date) -> Window | None:
    """Return from when to when the cardholder may be called on a date, for whoever calls; None where it is all day.

    Of two windows of a date, which there are only where the place is not known, the longer one.
    """
    found = hours_on(case, policy, "queue_call", on)
    longest = max(found, key=lambda window: _seconds(window[1]) - _seconds(window[0]), default=None)
    return None if longest == ALL_DAY else longest


def usual_hours(case: Case, policy: Policy, since: date) -> Window | None:
    """Return the hours within those of every day of the week from a date on: what a sheet can say in one line."""
    days = (since + timedelta(days=ahead) for ahead in range(7 if policy.bound is not None else 1))
    windows_ = [window for day in days if (window := call_hours(case, policy, day)) is not None]
    if not windows_:
        return None
    start, end = max(start for start, _ in windows_), min(end for _, end in windows_)
    return (start, end) if start < end else windows_[0]


def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def opening(case: Case, policy: Policy, action: Action, on: date) -> time:
    """Return the time of day from which an action is allowed on a date; midnight where no hours are set."""
    if policy.bound is None or not policy.bound.hours:
        return policy.opening_of_hours()
    return next((start for start, _ in hours_on(case, policy, action, on)), policy.opening_of_hours())


def restricts_dates(policy: Policy, action: Action) -> bool:
    """Say whether there can be dates on which an action may not be done."""
    return policy.contact.restricts_dates or (policy.bound is not None and policy.bound.restricts(action))


def first_date(case: Case, policy: Policy, action: Action, since: date, phone: Phone | None = None) -> tuple[date, str]:
    """Return the first date from `since` on which a contact is allowed, and why it is not earlier."""
    contact, rules = policy.contact, policy.bound
    if rules is not None and not rules.restricts(action):
        rules = None
    if rules is None and not contact.restricts_dates:
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
        if full is not None:
            reason = reason or f"the cap of {full.at_most} in {full.in_days} days is reached"
            continue
        why = "" if rules is None else not_on(case, rules, action, phone, day)
        if not why:
            return day, reason
        reason = reason or why
    return since + timedelta(days=_HORIZON), reason


def _is_full(case: Case, cap: Cap, day: date) -> bool:
    first = day - timedelta(days=cap.in_days - 1)
    counted = sum(1 for done in case.done if done.action in cap.actions and first <= done.on <= day and done.counts)
    return counted >= cap.at_most
