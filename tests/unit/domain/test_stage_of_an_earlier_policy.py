"""A case whose stage the policy of today does not have any more."""

from datetime import date
from decimal import Decimal

from arrears.domain.case import evolve, opening
from arrears.domain.decide import Wait, decide
from arrears.domain.events import ArrearsReported, CaseOpened, StageEntered
from arrears.domain.facts import Account, Extract
from arrears.domain.moment import Moment
from arrears.domain.money import Money
from arrears.domain.policy import Policy

TODAY = date(2005, 6, 18)
POLICY = Policy.model_validate(
    {
        "name": "short",
        "version": "2",
        "stages": {
            "reminder": {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms", "every_days": 1}]},
            "call": {"from": {"days_past_due": 15}, "steps": [{"action": "queue_call", "every_days": 1}]},
        },
    }
)


def extract(past_due: str) -> Extract:
    return Extract(TODAY, Money(Decimal(past_due), "TWD"), date(2005, 3, 1), phones=("mobile",), mailable=True)


def test_it_stays_there_without_steps_and_does_not_go_back() -> None:
    account = Account("A-1").with_extract(extract("500.00"))
    case = opening(CaseOpened("A-1-20050618", account, TODAY, "past due"))
    case = evolve(case, StageEntered("final_notice", TODAY, "by the policy of yesterday"))

    decision = decide(case, POLICY, Moment(TODAY))

    assert isinstance(decision, Wait)
    assert decision.until is None


def test_it_is_still_closed_when_it_is_cured() -> None:
    account = Account("A-1").with_extract(extract("500.00"))
    case = opening(CaseOpened("A-1-20050618", account, TODAY, "past due"))
    case = evolve(case, StageEntered("final_notice", TODAY, "by the policy of yesterday"))
    case = evolve(case, ArrearsReported(extract("0.00"), TODAY))

    assert type(decide(case, POLICY, Moment(TODAY))).__name__ == "Close"
