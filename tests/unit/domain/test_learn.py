"""A fact says the same to an account, whether a case is open when it comes in or not."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from arrears.domain.case import evolve, opening
from arrears.domain.events import (
    ArrearsReported,
    CallResult,
    CaseOpened,
    Event,
    HoldLifted,
    HoldPlaced,
    OptedOut,
    PaymentReceived,
    PlanAgreed,
    PlanCancelled,
    SmsReported,
)
from arrears.domain.facts import Account, Call, Extract, Payment, Plan
from arrears.domain.learn import learn, learn_before_a_case
from arrears.domain.money import Money

OPENS, ON = date(2005, 6, 2), date(2005, 6, 10)
AT = datetime(2005, 6, 10, 3, tzinfo=UTC)
KNOWN = Account("A", (Extract(OPENS, Money(Decimal(100), "CNY"), date(2005, 6, 1), phones=("mobile",)),))
REFUSED = Call("C1", AT, ON, "mobile", "refused", not_wanted=("mobile",))
PLAN = Plan("IP-1", ON, 4, Money(Decimal(25), "CNY"), date(2005, 7, 1))

FACTS: list[Event] = [
    ArrearsReported(Extract(ON, Money(Decimal(90), "CNY"), date(2005, 6, 1), renewed=("mobile",)), ON),
    PaymentReceived(Payment("P1", AT, Money(Decimal(5), "CNY"), ON)),
    HoldPlaced("H1", "hardship", ON, time(9), date(2005, 7, 1), date(2005, 6, 20)),
    HoldLifted("H1", "hardship", ON, time(10)),
    SmsReported("A-20050602.reminder.0.1", "failed", ON, final=True),
    SmsReported("A-20050602.reminder.0.1", "delivered", ON),
    OptedOut(ON, "reply"),
    CallResult(REFUSED),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{type(fact).__name__}")
def test_a_case_and_its_account_learn_the_same(fact: Event) -> None:
    case = evolve(opening(CaseOpened("A-20050602", KNOWN, OPENS, "told so")), fact)

    assert learn(KNOWN, fact).pruned(ON) == case.account.pruned(ON)


def test_a_hold_keeps_its_end_and_its_review() -> None:
    (hold,) = learn(KNOWN, FACTS[2]).holds

    assert hold.periods() == [(ON, date(2005, 7, 1))]
    assert hold.review_on == date(2005, 6, 20)


def test_calls_and_plans_wait_for_the_next_case_only_while_none_is_open() -> None:
    waiting = learn_before_a_case(learn_before_a_case(KNOWN, CallResult(REFUSED)), PlanAgreed(PLAN))

    assert (waiting.calls, waiting.plans) == ((REFUSED,), (PLAN,))
    assert waiting.unusable_on("mobile", "not_wanted") == ON
    assert learn_before_a_case(waiting, PlanCancelled("IP-1", ON)).plans[0].cancelled_on == ON
    assert learn(learn(KNOWN, CallResult(REFUSED)), PlanAgreed(PLAN)).calls == ()
