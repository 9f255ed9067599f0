"""The simulator against the rules read a second time (`tests/yardstick`): accounts and policies that nobody chose."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings, strategies as st

from arrears.domain.events import AgencyReported, LegalDecided
from arrears.domain.policy import Policy
from arrears.simulate.player import DatedFact, DecidedCase, Player, ReturnedCase
from tests.unit.domain.drawn import FIRST, LAST, facts, policies
from tests.yardstick.plain_rules import Facts, plain_timeline


@settings(max_examples=200)
@given(policies(), facts(), st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=2))
def test_both_readings_of_the_rules_say_the_same(
    policy: dict[str, Any], told: tuple[Facts, list[DatedFact]], given_back: list[tuple[int, bool]]
) -> None:
    plain, dated = told
    player = Player(Policy.model_validate(policy), FIRST, LAST)
    # An agency can only give back what it has: so its returns are drawn after a first play.
    placed = [row for row in player.play("A", dated).rows() if row.action == "place_with_agency"]
    for row, (days, fails) in zip(placed, given_back, strict=False):
        on, outcome = row.date + timedelta(days=days), "returned" if fails else "uncontactable"
        plain.returns.append({"on": on, "case_id": row.case_id, "outcome": outcome})
        report = AgencyReported(f"R{on}", "default", outcome, on)  # type: ignore[arg-type] # one of the outcomes
        dated.append(DatedFact(on, ReturnedCase(row.case_id, report, None)))
    rows = [(row.date, row.account_id, row.case_id, row.stage, row.action) for row in player.play("A", dated).rows()]
    assert rows == plain_timeline("A", plain, policy, FIRST, LAST)


@settings(max_examples=100)
@given(
    policies().filter(lambda policy: "legal" in policy["stages"]),
    facts(),
    st.lists(st.tuples(st.integers(-1, 30), st.booleans()), max_size=3),
    st.sampled_from([None, 0, 4]),
)
def test_both_readings_wait_for_a_legal_officer_and_file_on_the_same_date(
    policy: dict[str, Any],
    told: tuple[Facts, list[DatedFact]],
    words: list[tuple[int, bool]],
    approve_after: int | None,
) -> None:
    plain, dated = told
    policy["legal"] = {"approval": {}}
    player = Player(Policy.model_validate(policy), FIRST, LAST, approve_after=approve_after)
    entered = [row for row in player.play("A", dated).rows() if (row.stage, row.action) == ("legal", "stage_entered")]
    for row in entered[:1]:
        for days, approved in sorted(words, key=lambda word: word[0]):
            on = row.date + timedelta(days=days)
            decision = "approve" if approved else "decline"
            plain.approvals.append({"on": on, "case_id": row.case_id, "decision": decision})
            dated.append(DatedFact(on, DecidedCase(row.case_id, LegalDecided(approved, on, "L. Officer", "sound"))))
    rows = [(row.date, row.account_id, row.case_id, row.stage, row.action) for row in player.play("A", dated).rows()]
    assert rows == plain_timeline("A", plain, policy, FIRST, LAST, approve_after)
