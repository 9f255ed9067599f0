"""How the rules of a policy's packs are kept: at what hours, on which dates and at which numbers a contact is allowed.

Each answer names the rule and its source. A policy without packs never gets here.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY, zone
from arrears.domain.facts import Account, Extract, Phone, Reached
from arrears.domain.holds import holds_in_force
from arrears.domain.policy import Policy
from arrears.domain.policy_parts import WEEKDAYS, Window
from arrears.domain.rules import THIRD_PARTIES, CapRule, HoursRule, InForce, NoticeRule, RulesInForce

#: So many worked-out windows are remembered; a whole portfolio on a date needs a handful.
_MOST_REMEMBERED = 4096
#: Zones in which nobody lives: the place of an account whose time zone was left empty.
_NOWHERE = frozenset({"UTC", "Etc/UTC"})
ALL_DAY: Window = (time.min, time.max)
_Span = tuple[datetime, datetime]


# --- hours -----------------------------------------------------------------------------------------------------------
def windows(rules: RulesInForce, action: str, extract: Extract | None, on: date) -> tuple[Window, ...]:
    """Return when an action is allowed on a date, by the clock that the account's business date goes by.

    Where the cardholder's time zone is not known that clock is UTC, and a window is what lies within the hours of all
    zones of the region or, failing that, of the country; so there may be two, with the night between them.
    """
    here = "UTC" if extract is None else extract.timezone
    key = action, here, extract.region if extract is not None and here in _NOWHERE else None, on
    known = rules.windows.get(key)
    if known is not None:
        return known
    allowed: tuple[Window, ...] = (ALL_DAY,)
    for each, rule in rules.hours:
        if action in rule.actions:
            zones = _zones(each, extract)
            allowed = _common(allowed, _in_all(rule, zones, here, on) if zones else _local(rule, on))
    if len(rules.windows) >= _MOST_REMEMBERED:
        rules.windows.clear()
    rules.windows[key] = allowed
    return allowed


def _local(rule: HoursRule, on: date) -> tuple[Window, ...]:
    """Return the rule's windows of a date at one place."""
    window: Window | None
    window = rule.on_holidays if on in rule.holidays else rule.by_weekday.get(WEEKDAYS[on.weekday()], rule.hours)
    return () if window is None else (window,)


def _zones(each: InForce, extract: Extract | None) -> tuple[str, ...]:
    """Return the zones in which the cardholder may be; none where the account's own zone is known."""
    pack = each.pack
    if extract is not None:
        if extract.timezone not in _NOWHERE or extract.timezone in pack.zones:
            return ()
        if extract.region in pack.regions:
            return pack.regions[extract.region]
    return pack.zones


def _in_all(rule: HoursRule, zones: Sequence[str], here: str, on: date) -> tuple[Window, ...]:
    """Return what lies within the hours of all zones, on a date by another clock."""
    clock = zone(here)
    start = datetime.combine(on, time.min, clock).astimezone(UTC)
    end = datetime.combine(on + ONE_DAY, time.min, clock).astimezone(UTC)
    spans: list[_Span] = [(start, end)]
    for name in zones:
        # Around the date by the other clock lie parts of three dates at the most.
        days = (on - ONE_DAY, on, on + ONE_DAY)
        theirs = [_span(day, window, name) for day in days for window in _local(rule, day)]
        spans = [(max(a, c), min(b, d)) for a, b in spans for c, d in theirs if max(a, c) < min(b, d)]
    return tuple(
        (a.astimezone(clock).time(), time.max if b == end else b.astimezone(clock).time()) for a, b in sorted(spans)
    )


def _span(day: date, window: Window, name: str) -> _Span:
    there, (start, end) = zone(name), window
    until = datetime.combine(day + ONE_DAY, time.min, there) if end == time.max else datetime.combine(day, end, there)
    return datetime.combine(day, start, there).astimezone(UTC), until.astimezone(UTC)


def _common(one: Iterable[Window], other: Sequence[Window]) -> tuple[Window, ...]:
    return tuple((max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) < min(b, d))


def with_bank_hours(allowed: Iterable[Window], hours: Window | None) -> tuple[Window, ...]:
    """Return windows within the bank's own hours too: the narrower of both."""
    return tuple(allowed) if hours is None else _common(allowed, (hours,))


# --- dates -----------------------------------------------------------------------------------------------------------
def not_on(case: Case, rules: RulesInForce, action: str, phone: Phone | None, day: date) -> str:
    """Return why an action is not allowed on a date, or an empty text.

    Args:
        case: the case; what was done for the account's earlier cases counts too.
        rules: that bind.
        action: that is due.
        phone: the number that a call is for; None where the policy names none, so that it may be any.
        day: the date.
    """
    for each, rule in rules.hours:
        if action in rule.actions and rule.closes_days and not _local(rule, day):
            what = "is a holiday" if day in rule.holidays else f"is a {day:%A}"
            return f"{day} {what} without contacts {each.cite}"
    for each, pause in rules.pauses:
        if action in pause.actions:
            spoken = _last_conversation(case.account, day)
            if spoken is not None and day < spoken + timedelta(days=pause.days):
                return f"there was a conversation on {spoken}: a pause of {pause.days} days, it included {each.cite}"
    for each, cap in rules.caps:
        if action in cap.actions and _is_full(case, rules, cap, phone, day):
            return f"the cap of {cap.at_most} {cap.counting} in {cap.in_days} days is reached{_per(cap)} {each.cite}"
    for each, notice in rules.notices:
        if action == notice.before and not _noticed(case, notice, day):
            return f"{notice.days} days must have passed since a {notice.template or notice.action} {each.cite}"
    return ""


def suspended(case: Case, policy: Policy, rules: RulesInForce, action: str, on: date) -> str:
    """Return the hold that keeps an action from being done on a date, or an empty text.

    A hold of the bank's file counts until it is lifted, whatever end the policy's hold matrix gives it.
    """
    if not rules.suspended:
        return ""
    standing = [(hold.reason, since) for hold in case.account.holds if (since := hold.since(on)) is not None]
    standing += [(period.reason, period.since) for period in holds_in_force(case, policy, on)]
    for each, rule in rules.suspended:
        for reason, since in standing:
            if action in rule.actions and reason in rule.holds and rule.lasts(since, on):
                return f"there is a {reason} hold since {since} {each.cite}"
    return ""


def pause_on(case: Case, rules: RulesInForce, on: date) -> str:
    """Return why no call is to be made on a date for some days after a conversation, or an empty text."""
    spoken = _last_conversation(case.account, on) if rules.pauses else None
    if spoken is None:
        return ""
    return next(
        (
            f"there was a conversation on {spoken} {each.cite}"
            for each, pause in rules.pauses
            if "queue_call" in pause.actions and on < spoken + timedelta(days=pause.days)
        ),
        "",
    )


def _last_conversation(account: Account, on: date) -> date | None:
    return max((one.on for one in account.reached if one.how == "conversation" and one.on <= on), default=None)


def _per(cap: CapRule) -> str:
    return {"account": "", "number": " for the number", "third_party": " for the other person"}[cap.per]


def _is_full(case: Case, rules: RulesInForce, cap: CapRule, phone: Phone | None, day: date) -> bool:
    first = day - timedelta(days=cap.in_days - 1)
    reached: Iterable[Reached] = case.account.reached
    counted: tuple[str, ...] = ("conversation",)
    if cap.counting == "attempts":
        reached, counted = (*reached, *case.contacts()), cap.actions
    within = [one.phone for one in reached if one.how in counted and first <= one.on <= day]
    if cap.per == "account":
        return len(within) >= cap.at_most
    extract = case.account.extract(day)
    numbers: Iterable[Phone] = (phone,) if phone is not None else () if extract is None else extract.phones
    if cap.per == "third_party":
        numbers = [each for each in numbers if each in THIRD_PARTIES]
    if phone is None:
        numbers = [each for each in numbers if not why_not_called(case.account, extract, rules, each, day)]
    return any(sum(1 for number in within if number in (None, each)) >= cap.at_most for each in numbers)


def _noticed(case: Case, notice: NoticeRule, day: date) -> bool:
    return any(
        done.action == notice.action
        and done.counts
        and notice.template in (None, done.template)
        and done.on + timedelta(days=notice.days) <= day
        for done in case.done
    )


# --- numbers ---------------------------------------------------------------------------------------------------------
def why_not_called(account: Account, extract: Extract | None, rules: RulesInForce, phone: Phone, on: date) -> str:
    """Return why a number is not called at all, or an empty text."""
    for each, rule in rules.third_parties:
        if phone in THIRD_PARTIES:
            guarantor = extract is not None and phone in extract.guarantors
            if not (guarantor and rule.but == "guarantors"):
                return f"other people are not called {each.cite}"
    for each, wish in rules.wishes:
        if phone in wish.numbers:
            asked_on = account.unusable_on(phone, "not_wanted")
            if asked_on is not None and asked_on <= on:
                return f"calls to the {phone} number are not wanted since {asked_on} {each.cite}"
    return ""
