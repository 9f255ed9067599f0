"""A policy in words: complete, true, and free of jargon."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arrears.domain.policy import Policy
from arrears.explain import explain_policy
from arrears.policy_file import load_policy
from arrears.resources import policies_folder

EVERYTHING: dict[str, Any] = {
    "name": "everything",
    "version": "1",
    "cure_tolerance": {"CNY": "2.50"},
    "stages": {
        "reminder": {
            "from": {"days_past_due": 2},
            "steps": [
                {"action": "send_sms", "template": "soon", "every_days": 6, "at_most": 4, "risk_grades": ["low"]}
            ],
            "promise_windows_days": [9, 4],
        },
        "letter": {
            "from": {"months_past_due": 2},
            "minimum_arrears": {"CNY": "77"},
            "steps": [{"action": "queue_letter", "template": "stern"}],
        },
        "agency": {
            "from": {"days_past_due": 90},
            "requires": [
                {
                    "action": "queue_letter",
                    "template": "stern",
                    "at_least_days_ago": 13,
                    "counts_from": "delivered",
                    "or_returned": True,
                }
            ],
            "steps": [{"action": "place_with_agency"}],
            "term_days": 44,
        },
        "legal": {"from": {"agency": "failed"}, "steps": [{"action": "file_legal"}]},
    },
    "monthly_reminder": {"day": 30, "template": "each_month", "stages": ["reminder", "letter"]},
    "freeze": {
        "arrears_over": {"CNY": "5000"},
        "after_collections": 3,
        "apart_days": 8,
        "effective_only": True,
        "effective": ["letter_delivered"],
    },
    "contact": {
        "hours": ["09:00", "20:30"],
        "days": ["mon", "fri"],
        "holidays": ["2026-10-01"],
        "one_of_a_kind_a_day": True,
        "caps": [{"actions": ["queue_call"], "at_most": 5, "in_days": 6}],
        "fallback": {"send_sms": {"action": "queue_letter", "template": "instead"}},
    },
    "calls": {
        "other_people": "guarantors",
        "numbers": ["work", "mobile"],
        "tries_per_number": 3,
        "again_after_days": 2,
        "capacity_per_day": 111,
        "disputed_is_hold": True,
    },
    "promises": {"minimum_share": "0.35", "remind_days_before": 2, "template": "remember"},
    "holds": {
        "hardship": {
            "allows": [{"action": "send_sms", "template": "offer"}, {"action": "queue_call"}],
            "steps": [
                {"action": "queue_letter", "template": "statement", "after_days": 5, "every_days": 29, "at_most": 12}
            ],
            "enters_stages": True,
            "recalls": False,
            "counts_days": False,
        },
        "breathing_space": {
            "ends_after_days": 59,
            "review_after_days": 26,
            "review_within_days": 34,
            "not_again_within_months": 11,
        },
    },
    "disasters": [
        {
            "name": "Typhoon",
            "regions": ["Hualien"],
            "postal_codes": ["97"],
            "from": "2026-08-01",
            "to": "2026-09-30",
        }
    ],
    "instalments": {
        "stages": ["reminder", "letter"],
        "minimum_arrears": {"CNY": "3000"},
        "at_most": 36,
        "minimum_instalment": {"CNY": "150"},
        "minimum_share": "0.85",
        "first_within_days": 33,
        "plans_per_case": 2,
        "grace_days": 4,
        "tolerance": {"CNY": "1.50"},
        "remind_days_before": 7,
        "template": "instalment",
        "agency": "recalled",
        "counts_days": True,
    },
    "sms": {
        "segment_price": "0.07",
        "monthly_budget": {"total": "900", "reminder": "300"},
        "max_price": "0.30",
        "shared_phone": "same_number",
        "languages": ["zh-CN", "en"],
    },
    "agencies": [
        {
            "id": "lion",
            "name": "Lion Recovery",
            "share": "3",
            "capacity": 250,
            "currencies": ["CNY"],
            "regions": ["Shanghai"],
            "risk_grades": ["high"],
            "commission": [{"percent": "20"}, {"from_days": 180, "percent": "31"}],
            "term_days": 66,
        },
        {"id": "tiger"},
    ],
    "placements": {
        "at_most": 4,
        "before_legal": 2,
        "retry_days": 17,
        "acknowledge_within_hours": 30,
        "commission_on": "all",
        "commission_after_recall_days": 12,
    },
    "legal": {
        "approval": {"remind_every_days": 19, "escalate_after_days": 23},
        "limitation_years": 3,
        "warn_days": 99,
        "withdraw_when_paid": True,
    },
}
#: What is nobody's action: who the bank is, how its files look, how long a text may be. Packs have tests of their own.
NOT_TOLD = {"bank", "agency_id", "max_segments", "files", "mandate", "mandate_date", "rules", "without", "packs"}


def text_of(policy: dict[str, Any]) -> str:
    return "\n".join(explain_policy(Policy.model_validate(policy)))


def paths(policy: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a policy that can be left out."""
    if isinstance(policy, dict):
        for key, value in policy.items():
            yield (*at, key)
            yield from paths(value, (*at, key))
    elif isinstance(policy, list) and policy and isinstance(policy[0], dict):
        for index, value in enumerate(policy):
            yield from paths(value, (*at, index))


def without(policy: dict[str, Any], at: tuple[str | int, ...]) -> dict[str, Any]:
    less = copy.deepcopy(policy)
    where: Any = less
    for part in at[:-1]:
        where = where[part]
    del where[at[-1]]
    return less


@pytest.mark.parametrize("at", list(paths(EVERYTHING)), ids=lambda at: ".".join(map(str, at)))
def test_whatever_is_left_out_changes_what_is_told(at: tuple[str | int, ...]) -> None:
    try:
        less = text_of(without(EVERYTHING, at))
    except ValueError:
        return  # the policy cannot do without it
    if at[-1] == "counts_from":
        assert "was delivered" in text_of(EVERYTHING)
    assert less != text_of(EVERYTHING)


def test_no_key_was_forgotten() -> None:
    """Every key that a policy can have is in EVERYTHING, or is none of what is told."""
    told = {part for path in paths(EVERYTHING) for part in path if isinstance(part, str)}
    for model in _models(Policy):
        for name, field in model.model_fields.items():
            assert (field.alias or name) in told | NOT_TOLD, f"{model.__name__}.{name}"


def _models(model: Any, seen: set[Any] | None = None) -> set[Any]:
    seen = set() if seen is None else seen
    if model not in seen:
        seen.add(model)
        for name, field in model.model_fields.items():
            for part in _parts(field.annotation) if name not in NOT_TOLD else ():
                _models(part, seen)
    return seen


def _parts(annotation: Any) -> Iterator[Any]:
    if hasattr(annotation, "model_fields"):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _parts(part)


def test_the_ladder_of_the_manual_as_a_calendar() -> None:
    text = "\n".join(explain_policy(load_policy(policies_folder() / "tw-credit-card.yaml").policy))
    calendar = [line.split(maxsplit=5) for line in text.partition(" overdue   date\n")[2].splitlines()]
    assert [(line[0], line[-1]) for line in calendar if "call" in line[-1] and "stage" not in line[-1]] == [
        ("18", "call 2 of 6"),
        ("21", "call 3 of 6"),
        ("24", "call 4 of 6"),
        ("27", "call 5 of 6"),
        ("30", "call 6 of 6"),
    ]
    assert " 60 days   03 Mar 2026   stage lawyer_letter; letter" in text
    assert " 91 days   03 Apr 2026   stage agency; given to the collection agency" in text
    assert "only where at least 5,000.00 TWD is owed" in text


@pytest.mark.parametrize("path", sorted(policies_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_no_jargon(path: Path) -> None:
    text = "\n".join(explain_policy(load_policy(path).policy))
    for word in (
        "DPD",
        "send_sms",
        "queue_",
        "place_with",
        "every_days",
        "at_most",
        "PTP",
        "SMS",
        "_days",
        "None",
        "{",
    ):
        assert word not in text, word


def test_a_step_without_an_end_does_not_fill_the_calendar() -> None:
    endless = {
        "name": "endless",
        "version": "1",
        "stages": {
            "reminder": {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms", "every_days": 1}]},
        },
    }
    lines = text_of(endless).splitlines()
    assert lines[-1] == " and so on"
    assert len(lines) < 200
    assert "as long as the stage lasts" in "\n".join(lines)
