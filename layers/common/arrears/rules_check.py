"""Stricter, never looser: where a policy allows more than a rule of its packs, it is refused.

A rule binds whatever a policy says. But whoever writes `08:00` to `22:00` into a policy and is bound to `21:00` is told
so when the policy is loaded, and does not find out from what the system leaves undone.
"""

from collections.abc import Iterator
from datetime import time
from typing import TYPE_CHECKING

from arrears.domain.policy import Policy, Stage
from arrears.domain.policy_parts import Window
from arrears.domain.rules import (
    THIRD_PARTIES,
    CapRule,
    HoursRule,
    InForce,
    LanguageRule,
    NoticeRule,
    OptOutRule,
    RulesInForce,
    SuspendedRule,
)

if TYPE_CHECKING:
    from arrears.documents.templates import Template

Place = tuple[str | int, ...]
Looser = tuple[Place, str]


def looser(policy: Policy) -> Iterator[Looser]:
    """Yield what a policy sets looser than a rule of its packs: where, and why it is refused, with the rule."""
    rules = policy.bound
    if rules is None:
        return
    for each, rule in rules.hours:
        yield from _hours(policy, each, rule)
    for each, cap in rules.caps:
        yield from _caps(policy, each, cap)
    yield from _numbers(policy, rules)
    for each, notice in rules.notices:
        yield from _notice(policy, each, notice)
    for each, suspended in rules.suspended:
        yield from _holds(policy, each, suspended)


def _told(each: InForce) -> str:
    says = f"{each.cite} {each.rule.source.says}"
    if not each.rule.verified:
        says += f" It is a setting, not read in a source: a bank that does not follow it names {each.name} in without."
    return says


def _hours(policy: Policy, each: InForce, rule: HoursRule) -> Iterator[Looser]:
    contact = policy.contact
    widest = [window for window in (rule.hours, *rule.by_weekday.values(), rule.on_holidays) if window is not None]
    first, last = min(start for start, _ in widest), max(end for _, end in widest)
    if contact.hours is not None and (contact.hours[0] < first or contact.hours[1] > last):
        reason = f"{_window(contact.hours)} is wider than {_window((first, last))} {_told(each)}"
        yield ("contact", "hours"), reason
    for index, day in enumerate(contact.days):
        if rule.by_weekday.get(day, rule.hours) is None:
            yield ("contact", "days", index), f"nobody is contacted on {day} {_told(each)}"


def _window(window: Window) -> str:
    start, end = window
    return f"{start:%H:%M}-{'24:00' if end == time.max else f'{end:%H:%M}'}"


def _caps(policy: Policy, each: InForce, rule: CapRule) -> Iterator[Looser]:
    """Compare caps of the same kind: so many attempts of the same actions, in a window that is no longer."""
    if rule.counting == "attempts" and rule.per == "account":
        for index, cap in enumerate(policy.contact.caps):
            more = cap.at_most > rule.at_most and cap.in_days <= rule.in_days
            if more and set(cap.actions) <= set(rule.actions):
                ours = f"{cap.at_most} in {cap.in_days} days is more than {rule.at_most} in {rule.in_days} days"
                yield ("contact", "caps", index), f"{ours} {_told(each)}"
    calls = policy.calls
    if calls is not None and rule.counting == "attempts" and "queue_call" in rule.actions and rule.per != "third_party":
        # A round tries a number so often within so many days.
        within = (calls.tries_per_number - 1) * calls.again_after_days < rule.in_days
        if within and calls.tries_per_number > rule.at_most:
            ours = f"{calls.tries_per_number} tries of a number are more than {rule.at_most} in {rule.in_days} days"
            yield ("calls", "tries_per_number"), f"{ours} {_told(each)}"


def _numbers(policy: Policy, rules: RulesInForce) -> Iterator[Looser]:
    calls = policy.calls
    if calls is None:
        return
    others = [phone for phone in calls.numbers if phone in THIRD_PARTIES]
    for each, rule in rules.third_parties:
        if others and not (calls.other_people == "guarantors" and rule.but == "guarantors"):
            instead = "; a guarantor may be, with other_people: guarantors" if rule.but == "guarantors" else ""
            left_out = "" if "numbers" in calls.model_fields_set else ", which numbers left out means"
            reason = f"{' and '.join(others)}{left_out}: other people are not called{instead} {_told(each)}"
            yield ("calls", "numbers"), reason


def _notice(policy: Policy, each: InForce, rule: NoticeRule) -> Iterator[Looser]:
    for name, stage in policy.stages.items():
        if any(step.action == rule.before for step in stage.steps) and not _gives_notice(stage, rule):
            what = f"{rule.action} {rule.template}" if rule.template else rule.action
            reason = f"{rule.before} needs a {what} at least {rule.days} days before {_told(each)}"
            yield ("stages", name, "requires"), reason


def _gives_notice(stage: Stage, rule: NoticeRule) -> bool:
    return any(
        need.action == rule.action and rule.template in (None, need.template) and need.at_least_days_ago >= rule.days
        for need in stage.requires
    )


def _holds(policy: Policy, each: InForce, rule: SuspendedRule) -> Iterator[Looser]:
    """Look at the rows of the hold matrix: what they let go on, send, and when they say that the hold is over."""
    for reason in rule.holds:
        row = policy.holds.get(reason)
        if row is None:
            continue
        done = [("allows", index, allowed.action) for index, allowed in enumerate(row.allows)]
        done += [("steps", index, step.action) for index, step in enumerate(row.steps)]
        for key, index, action in done:
            if action in rule.actions:
                why = f"{action} is not done while there is a {reason} hold {_told(each)}"
                yield ("holds", reason, key, index), why
        if row.ends_after_days is not None and (rule.days is None or row.ends_after_days < rule.days):
            lasts = "until it is lifted" if rule.days is None else f"{rule.days} days"
            why = f"{row.ends_after_days} days are too few: the hold counts {lasts} {_told(each)}"
            yield ("holds", reason, "ends_after_days"), why


def looser_templates(policy: Policy, template: "Template") -> Iterator[str]:
    """Yield what a template that the policy names lacks of what its packs ask for."""
    rules = policy.bound
    if rules is None:
        return
    if template.channel == "sms":
        for each, wording in rules.of(OptOutRule):
            for text in template.texts:
                body, words = text.fields.get("text"), _words(wording, text.language)
                if isinstance(body, str) and not any(word.lower() in body.lower() for word in words):
                    wanted = " or ".join(words) if words else f"no words are known in {text.language}"
                    yield f"{template.name} in {text.language} does not say how to opt out ({wanted}) {_told(each)}"
    for each, language in rules.of(LanguageRule):
        for wanted in language.languages:
            if wanted not in template.languages:
                yield f"{template.name} is not written in {wanted} {_told(each)}"


def _words(rule: OptOutRule, language: str) -> tuple[str, ...]:
    while language not in rule.words and "-" in language:
        language = language.rpartition("-")[0]
    return rule.words.get(language, ())
