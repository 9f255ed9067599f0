"""A case at several agencies, in the domain alone: the next after a failure, before the suit, operators' words."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from arrears.domain.agencies import allocate, candidate, settle_commission, settle_received
from arrears.domain.case import Case, evolve, opening
from arrears.domain.decide import Act, Wait, open_case
from arrears.domain.events import (
    ActionDone,
    ActionPlanned,
    ActionWithdrawn,
    AgencyAssigned,
    AgencyReported,
    ApprovalAsked,
    CourtReported,
    Event,
    LegalDecided,
    LetterReported,
    OperatorListed,
    RecallOrdered,
    StageEntered,
)
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.timeline import timeline
from arrears.domain.turn import planned, take_turn
from tests.support.builders import DUE, OPENS, account, extract, held, lifted, money, paid, policy

STAGES: dict[str, Any] = {
    "agency": {"from": {"days_past_due": 1}, "steps": [{"action": "place_with_agency"}], "term_days": 90},
    "final_notice": {
        "from": {"agency": "failed"},
        "minimum_arrears": {"CNY": "5000.00"},
        "steps": [{"action": "queue_letter", "template": "final_notice"}],
    },
    "legal": {
        "from": {"agency": "failed"},
        "requires": [
            {
                "action": "queue_letter",
                "template": "final_notice",
                "at_least_days_ago": 10,
                "counts_from": "dispatched",
            }
        ],
        "minimum_arrears": {"CNY": "5000.00"},
        "steps": [{"action": "file_legal"}],
    },
}
AGENCIES = [
    {"id": "north", "share": 50, "commission": [{"percent": "15"}]},
    {"id": "south", "share": 30, "term_days": 30},
    {"id": "west", "share": 20},
]


def rules(**changes: Any) -> Policy:
    """Three agencies, two before the suit, approval, five years of limitation."""
    return policy(
        **{
            "stages": STAGES,
            "freeze": None,
            "agencies": AGENCIES,
            "placements": {"at_most": 3, "before_legal": 2, "commission_after_recall_days": 5},
            "legal": {"approval": {}, "limitation_years": 5, "withdraw_when_paid": True},
        }
        | changes
    )


class Play:
    """A case that is played date by date, each day allocated at its end."""

    def __init__(self, played: Policy, arrears: str = "60000.00") -> None:
        self.policy, self.on = played, OPENS
        opened = open_case(account(extract(arrears)), played, OPENS)
        assert opened is not None
        self.case: Case = opening(opened)
        self.events: list[Event] = []
        self.day()

    def day(self) -> None:
        """Play the date: all that is due, then the allocation."""
        self._turns()
        placement = self.case.placement
        if placement is not None and not placement.agency_id:
            ((_, event),) = allocate(self.policy, self.on, [candidate(self.case, placement, self.on)], {})
            self.news(event)
        self._turns()

    def _turns(self) -> None:
        for _ in range(20):
            self.case, events, decision = take_turn(self.case, self.policy, Moment(self.on))
            self.events += events
            if not isinstance(decision, Act):
                self.wait = decision
                return
            self.news(planned(decision, Moment(self.on)), ActionDone(decision.action_id, self.on))
        raise AssertionError("no end")

    def news(self, *events: Event) -> None:
        for event in events:
            self.case = evolve(self.case, event)
            self.events.append(event)

    def until(self, last: date) -> None:
        """Play every date after the present one through another."""
        while self.on < last and self.case.is_open:
            self.on += timedelta(days=1)
            self.day()

    def later(self, days: int) -> None:
        self.until(self.on + timedelta(days=days))

    def returned(self, number: int = 1) -> None:
        placement = self.case.placement
        assert placement is not None
        self.news(AgencyReported(f"R{number}", placement.agency_id, "returned", self.on))
        self.day()

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def agencies(self) -> list[str]:
        return [placement.agency_id for placement in self.case.placements]

    def actions(self, action: str) -> Iterator[date]:
        return (done.on for done in self.case.done if done.action == action)


def test_the_next_agency_gets_a_case_on_the_day_on_which_it_was_given_back() -> None:
    play = Play(rules())
    assert play.agencies == ["north"]
    play.later(3)
    play.returned()

    assert play.agencies == ["north", "south"]
    assert play.case.placements[1].placed_on == OPENS + timedelta(days=3)
    assert play.case.stage == "agency"


def test_an_agencys_own_term_ends_its_placement_and_a_case_never_comes_back() -> None:
    play = Play(rules(placements={"at_most": 9, "before_legal": 9}), "100.00")
    play.later(90 + 30 + 90)

    assert play.agencies == ["north", "south", "west"]
    assert [(each.ended_on - each.placed_on).days for each in play.case.placements if each.ended_on] == [90, 30, 90]
    (listed,) = play.of(OperatorListed)
    assert listed.why == "placements"
    assert listed.reason.startswith("no agency can take it: north had the case before, ")


def test_two_failures_and_a_notice_that_was_dispatched_ten_days_ago_come_before_the_suit() -> None:
    play = Play(rules())
    play.returned(1)
    play.returned(2)
    assert (play.agencies, play.case.stage) == (["north", "south"], "final_notice")
    (letter,) = (done.action_id for done in play.case.done if done.action == "queue_letter")
    play.later(30)
    assert play.case.stage == "final_notice"
    play.news(LetterReported(letter, "dispatched", play.on, "RR1"))
    play.later(9)
    assert play.case.stage == "final_notice"
    play.later(1)

    assert play.case.stage == "legal"
    assert [each.step for each in play.of(ApprovalAsked)] == ["asked"]
    assert not list(play.actions("file_legal"))


def in_court(**changes: Any) -> Play:
    """A case that waits for a legal officer."""
    play = Play(rules(**changes))
    play.returned(1)
    play.returned(2)
    (letter,) = (done.action_id for done in play.case.done if done.action == "queue_letter")
    play.news(LetterReported(letter, "dispatched", play.on, "RR1"))
    play.later(10)
    return play


def test_a_legal_officer_is_reminded_every_week_and_passed_over_after_two() -> None:
    play = in_court()
    play.later(22)

    asked = play.on - timedelta(days=22)
    assert [(each.step, (each.on - asked).days) for each in play.of(ApprovalAsked)] == [
        ("asked", 0),
        ("reminded", 7),
        ("escalated", 14),
        ("reminded", 21),
    ]
    assert isinstance(play.wait, Wait)
    assert play.wait.reason == f"file_legal is due but a legal officer's approval is waited for since {asked}"


def test_approved_it_is_filed_and_declined_it_is_for_an_operator() -> None:
    approved = in_court()
    approved.news(LegalDecided(approved=True, on=approved.on, by="L. Officer", why="sound"))
    approved.day()
    assert list(approved.actions("file_legal")) == [approved.on]

    declined = in_court()
    declined.news(LegalDecided(approved=False, on=declined.on, by="L. Officer", why="no evidence"))
    declined.day()
    assert not list(declined.actions("file_legal"))
    assert [(each.why, each.reason) for each in declined.case.listed] == [
        ("declined", f"L. Officer declined on {declined.on}: no evidence")
    ]
    declined.news(LegalDecided(approved=True, on=declined.on, by="L. Officer", why="evidence found"))
    declined.day()
    assert list(declined.actions("file_legal")) == [declined.on]
    assert not declined.case.listed


def test_nothing_is_filed_on_hold() -> None:
    play = in_court()
    play.news(held(play.on), LegalDecided(approved=True, on=play.on, by="L. Officer", why="sound"))
    play.later(3)
    assert not list(play.actions("file_legal"))
    play.news(lifted(play.on))
    play.day()
    assert list(play.actions("file_legal")) == [play.on]


def test_a_claim_that_is_barred_is_not_filed_and_is_for_an_operator() -> None:
    play = in_court(legal={"approval": {}, "limitation_years": 1})
    play.until(DUE.replace(year=2006))
    play.news(LegalDecided(approved=True, on=play.on, by="L. Officer", why="sound"))
    play.day()

    assert not list(play.actions("file_legal"))
    assert [(each.why, each.on) for each in play.case.listed] == [("limitation", DUE.replace(year=2006))]


def test_below_the_minimum_a_case_sees_the_next_agency_and_then_an_operator() -> None:
    play = Play(rules(), "4999.99")
    for number in range(3):
        play.returned(number)

    assert play.agencies == ["north", "south", "west"]
    assert play.case.stage == "agency"
    assert [each.why for each in play.case.listed] == ["placements"]
    assert play.case.listed[0].reason == "3 of at most 3 agencies had it, and it cannot be sued"


def test_a_hold_recalls_and_another_agency_gets_the_case_when_it_is_lifted() -> None:
    play = Play(rules())
    play.later(2)
    play.news(held(play.on))
    play.day()
    assert play.case.placements[0].ended == "hold"
    play.later(2)
    play.news(lifted(play.on))
    play.day()

    assert play.agencies == ["north", "south"]
    assert play.case.placements[1].placed_on == play.on
    plan = [event for event in play.of(ActionPlanned) if event.action == "place_with_agency"][-1]
    assert f"place_with_agency 1 of 3 again after the dispute hold, due {play.on};" in plan.reason


def test_a_hold_gives_the_case_back_to_the_agency_that_it_took_it_from_where_no_other_can_take_it() -> None:
    play = Play(rules(agencies=AGENCIES[:1], placements={}))
    play.later(2)
    for hold_id in ("HOLD-1", "HOLD-2"):
        play.news(held(play.on, hold_id=hold_id))
        play.day()
        play.later(1)
        play.news(lifted(play.on, hold_id=hold_id))
        play.day()
        play.later(1)

    assert play.agencies == ["north", "north", "north"]
    assert [placement.ended for placement in play.case.placements] == ["hold", "hold", ""]
    assert play.of(AgencyAssigned)[-1].reason.endswith(": its share of cases like this is 100.0 %")

    play.returned(2)
    play.later(1)
    assert play.agencies == ["north", "north", "north"]
    assert play.case.stage == "final_notice"


def test_a_return_that_meets_the_recall_ends_the_placement_and_the_recall_is_not_made() -> None:
    play = Play(rules())
    play.later(2)
    play.news(held(play.on))
    play.case, _, recall = take_turn(play.case, play.policy, Moment(play.on))
    assert isinstance(recall, Act)
    play.news(planned(recall, Moment(play.on)), AgencyReported("R1", "north", "returned", play.on))
    play.day()

    assert play.case.pending is None
    assert play.case.placements[0].ended == "returned"
    assert play.events[-1] == ActionWithdrawn(recall.action_id, play.on, "the case is with no agency any more")


def test_an_operators_word_recalls_and_the_next_agency_gets_the_case() -> None:
    play = Play(rules())
    play.news(RecallOrdered(play.on, "I. Operator", "complaint"))
    play.day()

    assert play.case.placements[0].ended == "order"
    assert play.case.recall_ordered is None
    assert play.agencies == ["north", "south"]
    plan = next(event for event in play.of(ActionPlanned) if event.action == "recall_from_agency")
    assert plan.reason == "I. Operator wants it back: complaint"


def test_an_operators_word_is_a_failure_where_one_agency_gets_all_cases_too() -> None:
    """Nothing would ever become of the case otherwise: it is placed once, and placed already."""
    play = Play(rules(agencies=[], placements={}, legal={}))
    play.later(10)
    play.news(RecallOrdered(play.on, "I. Operator", "complaint"))
    play.day()

    assert play.case.placements[0].ended == "order"
    assert (play.case.stage, play.case.stage_entered_on) == ("final_notice", play.on)
    assert play.of(StageEntered)[-1].reason.startswith(f"stage final_notice: the agency failed on {play.on}")


def test_an_operators_word_counts_toward_the_suit_like_any_other_failure() -> None:
    play = Play(rules(placements={"at_most": 1, "before_legal": 1}))
    play.later(10)
    play.news(RecallOrdered(play.on, "I. Operator", "complaint"))
    play.day()

    assert play.agencies == ["north"]
    assert (play.case.stage, play.case.stage_entered_on) == ("final_notice", play.on)


def test_paid_after_filing_is_withdrawn_before_the_case_closes() -> None:
    play = in_court()
    play.news(LegalDecided(approved=True, on=play.on, by="L. Officer", why="sound"))
    play.day()
    play.news(CourtReported("K1", "filed", play.on, "94-0012"))
    play.later(5)
    play.news(paid("60000.00", on=play.on))
    play.day()

    assert not play.case.is_open
    assert list(play.actions("withdraw_legal")) == [play.on]
    rows = {row.action for row in timeline(play.events)}
    assert {"file_legal", "case_closed"} <= rows
    assert "withdraw_legal" not in rows, "what is taken back is no row of a timeline"


def test_a_suit_that_was_withdrawn_already_is_not_withdrawn_again() -> None:
    play = in_court()
    play.news(LegalDecided(approved=True, on=play.on, by="L. Officer", why="sound"))
    play.day()
    play.news(CourtReported("K1", "withdrawn", play.on), paid("60000.00", on=play.on))
    play.day()

    assert not play.case.is_open
    assert not list(play.actions("withdraw_legal"))


@pytest.mark.parametrize(
    ("days_after", "percent", "commission"),
    [(-5, 15, "15.00"), (0, 15, "15.00"), (5, 15, "15.00"), (6, 0, "0.00")],
)
def test_a_payment_after_the_end_is_the_agencys_for_some_days_and_then_the_banks(
    days_after: int, percent: int, commission: str
) -> None:
    play = Play(rules())
    play.later(20)
    play.returned()
    ended = play.on
    report = AgencyReported("P1", "north", "payment", ended + timedelta(days=days_after), Decimal("100.03"))
    settled = settle_commission(play.case, play.policy, report, money("100.03"), play.on)

    assert settled.percent == percent
    assert settled.commission == money(commission)
    assert (settled.agency_id, settled.amount) == ("north", money("100.03"))


PAID_ON_ALL = {"at_most": 3, "before_legal": 2, "commission_on": "all", "commission_after_recall_days": 5}


@pytest.mark.parametrize(
    ("days", "percent"),
    [
        pytest.param(0, None, id="on the day of the placement the agency has no set yet"),
        pytest.param(1, 15, id="the day after"),
        pytest.param(20, 15, id="on the day of the recall"),
        pytest.param(25, 15, id="the last day of grace"),
        pytest.param(26, None, id="after it"),
    ],
)
def test_what_the_bank_is_paid_while_an_agency_has_the_case_earns_commission(days: int, percent: int | None) -> None:
    play = Play(rules(placements=PAID_ON_ALL | {"at_most": 1, "before_legal": 1}))
    play.later(20)
    play.returned()
    paid_on = OPENS + timedelta(days=days)
    settled = settle_received(play.case, play.policy, paid("100.03", on=paid_on).payment, max(play.on, paid_on))

    assert (None if settled is None else settled.percent) == percent
    if settled is not None:
        assert (settled.agency_id, settled.commission, settled.received_by) == ("north", money("15.00"), "bank")
        assert settled.reason.startswith(f"paid to the bank: paid on {paid_on}, ")


def test_it_goes_to_the_agency_that_has_the_case_now() -> None:
    play = Play(rules(placements=PAID_ON_ALL))
    play.later(3)
    play.returned()
    settled = settle_received(play.case, play.policy, paid("10.00", on=play.on + timedelta(days=1)).payment, play.on)
    assert settled is None, "it is not booked yet"
    play.later(1)
    settled = settle_received(play.case, play.policy, paid("10.00", on=play.on).payment, play.on)
    assert settled is not None
    assert settled.agency_id == "south"


def test_without_a_word_in_the_policy_only_what_the_agency_reports_earns_commission() -> None:
    play = Play(rules())
    play.later(2)
    assert settle_received(play.case, play.policy, paid("100.03", on=play.on).payment, play.on) is None


def test_a_policy_without_agencies_places_as_before() -> None:
    play = Play(rules(agencies=[], stages=STAGES | {"final_notice": STAGES["final_notice"]}, legal={}))

    assert play.agencies == ["default"]
    assert not play.of(AgencyAssigned)
