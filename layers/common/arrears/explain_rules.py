"""Rules of contact in words: for `arrears policy explain`, and for the page that a lawyer checks."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import time

from arrears.domain.policy import Policy
from arrears.domain.policy_parts import Window
from arrears.domain.rules import (
    CapRule,
    HoursRule,
    LanguageRule,
    NoticeRule,
    OptOutRule,
    Pack,
    PauseRule,
    Rule,
    SuspendedRule,
    ThirdPartiesRule,
    WishesRule,
)

_MANY = {
    "send_sms": "texts",
    "queue_call": "calls",
    "queue_letter": "letters",
    "place_with_agency": "placements with an agency",
    "file_legal": "filings for court",
}
_DAYS = {
    "mon": "Mondays",
    "tue": "Tuesdays",
    "wed": "Wednesdays",
    "thu": "Thursdays",
    "fri": "Fridays",
    "sat": "Saturdays",
    "sun": "Sundays",
}


def rule_in_words(rule: Rule) -> str:  # noqa: PLR0911 - one line for each kind of rule
    """Return what a rule asks for, with its figures, in a sentence."""
    match rule:
        case HoursRule():
            return f"{_sentence(_actions(rule.actions))} only {'; '.join(_hours(rule))}, at the cardholder's place."
        case CapRule():
            return _cap(rule)
        case PauseRule(actions=actions, days=days):
            what = f"No {_actions(actions, 'or')} within {_count(days, 'consecutive day')} of a conversation"
            return f"{what}, of which its own day is the first."
        case WishesRule(numbers=numbers):
            return f"No calls to the {_and(numbers, 'or')} number once somebody there has asked for that."
        case ThirdPartiesRule(but=but):
            return "No calls to other people" + (", but to guarantors." if but == "guarantors" else ".")
        case OptOutRule(words=words):
            said = "; ".join(f"{language}: {_and(each, 'or')}" for language, each in words.items())
            return f"Each text says how to opt out ({said})."
        case LanguageRule(languages=languages):
            return f"Texts and letters are written in {_and(languages)}."
        case NoticeRule(before=before, action=action, template=template, days=days):
            notice = _MANY[action].removesuffix("s") + (f' "{template}"' if template else "")
            return f"{_sentence(_MANY[before])} only {_count(days, 'day')} or more after a {notice}."
        case SuspendedRule(holds=holds, actions=actions, days=days):
            limit = "" if days is None else f", for {_count(days, 'day')} at most"
            reasons = _and([hold.replace("_", " ") for hold in holds], "or")
            return f"No {_actions(actions, 'or')} while there is a {reasons} hold{limit}."


def _hours(rule: HoursRule) -> Iterator[str]:
    yield f"from {_window(rule.hours)}"
    for day, window in rule.by_weekday.items():
        yield f"on {_DAYS[day]} {f'from {_window(window)}' if window else 'none'}"
    if rule.holidays:
        days = _and([f"{day:%d %B %Y}" for day in sorted(rule.holidays)])
        yield f"on {days} {f'from {_window(rule.on_holidays)}' if rule.on_holidays else 'none'}"


def _cap(rule: CapRule) -> str:
    per = {"account": "", "number": " to one number", "third_party": " to one other person"}[rule.per]
    within = "a day" if rule.in_days == 1 else f"in {rule.in_days} consecutive days"
    if rule.counting == "attempts":
        return f"At most {rule.at_most} {_actions(rule.actions)}{per} {within}."
    talks = f"after {_count(rule.at_most, 'conversation')}{per} {within}"
    return f"No more {_actions(rule.actions, 'or')} {talks}."


def _window(window: Window) -> str:
    start, end = window
    return f"{start:%H:%M} to {'24:00' if end == time.max else f'{end:%H:%M}'}"


def _actions(actions: Iterable[str], word: str = "and") -> str:
    return _and([_MANY[action] for action in actions], word)


def _and(words: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def pack_lines(policy: Policy) -> Iterator[str]:
    """Yield the rules that bind a policy, with their sources, and what the bank does not follow."""
    for pack in policy.packs:
        yield f"{pack.name}: {pack.title}"
        if not pack.rules:
            yield f"     {pack.about}"
        for rule in pack.rules:
            yield f"     {_ruled(policy, pack, rule)}"
    if policy.bound is not None:
        yield "They bind besides what is set above: the narrower hours, the lower cap."


def _ruled(policy: Policy, pack: Pack, rule: Rule) -> str:
    verified = "" if rule.verified else ", a setting: not verified"
    if f"{pack.name}/{rule.id}" in policy.without:
        verified += ", left out by the bank"
    return f"{rule.id}: {rule_in_words(rule)} ({rule.source.where}{verified})"
