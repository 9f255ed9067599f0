"""Rules in words: for the collections manager and for the lawyer."""

from pathlib import Path
from typing import Any

import pytest

from arrears.explain import explain_policy
from arrears.explain_rules import rule_in_words
from arrears.policy_file import load_policy, shipped_policy
from arrears.resources import policies_folder
from tests.unit.rules.ruled import PACKS, bound, pack

HOURS = {"kind": "hours", "hours": ["08:00", "21:00"]}
CAP = {"kind": "cap", "actions": ["queue_call"], "at_most": 7, "in_days": 7}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (HOURS, "Texts and calls only from 08:00 to 21:00, at the cardholder's place."),
        (
            HOURS | {"by_weekday": {"sat": ["09:00", "24:00"]}},
            "Texts and calls only from 08:00 to 21:00; on Saturdays from 09:00 to 24:00, at the cardholder's place.",
        ),
        (
            HOURS | {"holidays": ["2005-10-10"]},
            "Texts and calls only from 08:00 to 21:00; on 10 October 2005 none, at the cardholder's place.",
        ),
        (
            HOURS | {"by_weekday": {"sun": None}},
            "Texts and calls only from 08:00 to 21:00; on Sundays none, at the cardholder's place.",
        ),
        (CAP, "At most 7 calls in 7 consecutive days."),
        (CAP | {"per": "number", "in_days": 1}, "At most 7 calls to one number a day."),
        (
            CAP | {"counting": "conversations", "at_most": 1},
            "No more calls after 1 conversation in 7 consecutive days.",
        ),
        (
            {"kind": "pause_after_conversation", "days": 7},
            "No calls within 7 consecutive days of a conversation, of which its own day is the first.",
        ),
        (
            {"kind": "wishes", "numbers": ["work"]},
            "No calls to the work number once somebody there has asked for that.",
        ),
        ({"kind": "third_parties", "but": "nobody"}, "No calls to other people."),
        ({"kind": "third_parties", "but": "guarantors"}, "No calls to other people, but to guarantors."),
        (
            {"kind": "opt_out_wording", "words": {"en": ["STOP", "QUIT"]}},
            "Each text says how to opt out (en: STOP or QUIT).",
        ),
        ({"kind": "language", "languages": ["en", "fr"]}, "Texts and letters are written in en and fr."),
        (
            {"kind": "notice", "before": "file_legal", "template": "final_notice", "days": 14},
            'Filings for court only 14 days or more after a letter "final_notice".',
        ),
        (
            {"kind": "suspended", "holds": ["legal_stay"], "actions": ["queue_call"], "days": 60},
            "No calls while there is a legal stay hold, for 60 days at most.",
        ),
    ],
)
def test_a_rule_in_words(rule: dict[str, Any], words: str) -> None:
    assert rule_in_words(pack(rule).rules[0]) == words


def test_a_policy_tells_its_rules_with_their_sources() -> None:
    text = " ".join("\n".join(explain_policy(load_policy(shipped_policy("cn-credit-card")).policy)).split())

    assert "cn: Mainland China, credit cards" in text
    assert "hours: Texts and calls only from 08:00 to 21:00, at the cardholder's place. (Secondary texts" in text
    assert "a setting: not verified)" in text
    assert "third-parties: No calls to other people, but to guarantors. (Measures on the credit-card business" in text


def test_a_policy_tells_what_it_leaves_out_and_that_a_pack_has_no_rules() -> None:
    left_out = "\n".join(explain_policy(bound(PACKS["cn"], without=["cn/calls-a-day"])))
    none = "\n".join(explain_policy(bound(PACKS["tw"])))

    assert "left out by the bank" in " ".join(left_out.split())
    assert "No source on Taiwanese rules of contact was read." in " ".join(none.split())


def test_a_policy_without_packs_tells_of_none() -> None:
    assert "Rules of contact" not in "\n".join(explain_policy(bound()))


@pytest.mark.parametrize("change", ["", "# ours\n"], ids=["the same", "another"])
def test_a_pack_that_says_something_else_than_the_one_that_ships_is_warned_of(change: str, tmp_path: Path) -> None:
    """A checkout beside an installed package has packs of the same content at another place."""
    shipped = policies_folder() / "rules" / "cn.yaml"
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "cn.yaml").write_bytes(shipped.read_bytes() + change.encode())
    path = tmp_path / "bank.yaml"
    path.write_bytes((policies_folder() / "cn-credit-card.yaml").read_bytes())

    warned = [each.reason for each in load_policy(path).warnings if each.field == "rules"]

    assert len(warned) == bool(change)
    assert all("not the pack that ships" in each for each in warned)


def test_a_pack_that_ships_is_no_pack_of_its_own_however_its_place_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(policies_folder())

    for path in (shipped_policy("cn-credit-card"), Path("cn-credit-card.yaml")):
        assert [each for each in load_policy(path).warnings if each.field == "rules"] == []


def test_what_is_published_holds_the_rules_too() -> None:
    document = load_policy(shipped_policy("cn-credit-card")).document()

    assert '"packs":[{"name":"cn"' in document
    assert '"law":"Guideline of 2024, GB/T 45251-2025"' in document
