"""Policies that packs of rules bind, and what they make of a case on a date."""

from datetime import date, time
from typing import Any

from arrears.domain.decide import Act, decide
from arrears.domain.facts import Extract
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.rules import Pack
from arrears.domain.value import changed
from arrears.resources import policies_folder
from arrears.rules_file import load_pack
from arrears.simulate.player import DatedFact, Player
from tests.support.builders import ACCOUNT_ID, OPENS, POLICY, extract
from tests.support.played import ALL_PHONES

PACKS = {path.stem: load_pack(path) for path in sorted((policies_folder() / "rules").glob("*.yaml"))}
SOURCE = {"law": "A law", "article": "art. 1", "says": "It says so."}


def pack(*rules: dict[str, Any], **keys: Any) -> Pack:
    """A pack of a test's own: each rule has a source, and is verified unless it says otherwise."""
    made = [{"id": f"rule-{number}", "source": SOURCE, "verified": True} | rule for number, rule in enumerate(rules, 1)]
    return Pack.model_validate({"name": "own", "title": "Own", "about": "Made up.", "rules": made} | keys)


def bound(*packs: Pack, **changes: Any) -> Policy:
    """The tests' policy, bound by packs."""
    ruled = {"rules": [each.name for each in packs], "packs": list(packs)}
    return Policy.model_validate(POLICY | ruled | changes)


def lacking(known: Pack, rule_id: str) -> Pack:
    """A pack without one of its rules."""
    return known.model_copy(update={"rules": tuple(rule for rule in known.rules if rule.id != rule_id)})


def many(action: str, number: int, **keys: Any) -> dict[str, Any]:
    """One stage for ever, in which an action is due so often on its first day."""
    return {"reminder": {"from": {"days_past_due": 1}, "steps": [{"action": action, **keys} for _ in range(number)]}}


def somebody(timezone: str = "Asia/Shanghai", region: str | None = None, **keys: Any) -> Extract:
    """Somebody who owes since 1 June 2005 and can be reached in every way, at a place."""
    return changed(extract(phones=keys.pop("phones", ALL_PHONES), timezone=timezone), region=region, **keys)


def dates_of(policy: Policy, action: str, *facts: DatedFact, last: date, who: Extract | None = None) -> list[str]:
    """The month and day of each time that something is done."""
    first = who or somebody()
    played = Player(policy, first.as_of, last).play(ACCOUNT_ID, [DatedFact(first.as_of, first), *facts])
    return [f"{row.date:%m-%d}" for row in played.rows() if row.action == action]


def why_not(
    policy: Policy,
    *facts: DatedFact,
    on: date = OPENS,
    at: time | None = None,
    who: Extract | None = None,
) -> str:
    """Why nothing more is done on a date after the date was played; empty where something is done at that time.

    With a time of day, the date itself is decided on afresh: what was played ends on the day before.
    """
    first = who or somebody()
    player = Player(policy, first.as_of, on)
    played = player.play(ACCOUNT_ID, [DatedFact(first.as_of, first), *facts])
    case = played.last
    assert case is not None
    if at is not None:
        case = changed(case, done=tuple(done for done in case.done if done.on < on))
    decision = decide(case, policy, Moment(on, at))
    return "" if isinstance(decision, Act) else getattr(decision, "reason", "")
