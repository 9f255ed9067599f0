"""The register of letters and the morning's order of calls."""

from datetime import date
from decimal import Decimal

import pytest

from arrears.domain.events import ActionDone, ActionPlanned, LetterMailed, LetterReported, LetterWithdrawn
from arrears.domain.facts import Reached, RiskGrade
from arrears.domain.mail import why_not_mailed
from arrears.domain.money import Money
from arrears.domain.value import changed
from arrears.domain.worklist import Entry, entry_of, ranked
from arrears.register import register_of
from tests.support.builders import CASE_ID, held, payment, policy
from tests.support.played import called, day, fact, last_case, play, stages
from tests.unit.rules.ruled import PACKS, bound

LETTER = f"{CASE_ID}.lawyer_letter.0.1"
CALLS = {"numbers": ["mobile", "home"], "tries_per_number": 2, "again_after_days": 3}
ROUND = stages(
    call={
        "from": {"days_past_due": 15},
        "steps": [{"action": "queue_call", "every_days": 20, "at_most": 3}],
        "promise_windows_days": [7],
    }
)


def test_the_register_has_every_date_hash_and_tracking_number() -> None:
    queued = day("07-31")
    planned = ActionPlanned(LETTER, "queue_letter", "lawyer_letter", "lawyer_letter.0", queued, "due", "lawyer_letter")
    done = ActionDone(LETTER, queued, "m-1", (("kind", "lawyer_letter"), ("sha256", "ab12")))
    reports = [
        LetterReported(LETTER, "dispatched", day("08-02"), "RR123456785TW"),
        LetterReported(LETTER, "delivered", day("08-05")),
    ]

    (letter,) = register_of([planned, done, LetterMailed(LETTER, queued), *reports])

    assert (letter.letter_id, letter.kind, letter.sha256) == (LETTER, "lawyer_letter", "ab12")
    assert [what for what, _ in letter.dates] == ["queued", "in the mail", "dispatched", "delivered"]
    assert letter.tracking_number == "RR123456785TW"
    (other,) = register_of([planned, done, LetterWithdrawn(LETTER, queued, "paid")])
    assert other.dates[-1] == ("taken out: paid", queued)


# --- the order -------------------------------------------------------------------------------------------------------
def entry(
    case_id: str,
    amount: str,
    *,
    currency: str = "TWD",
    grade: RiskGrade = "medium",
    broken: int = 0,
    days: int | None = 9,
) -> Entry:
    """A call to make."""
    money = Money(Decimal(amount), currency)
    return Entry(case_id, case_id, f"{case_id}.call", "mobile", date(2005, 6, 16), "call", money, grade, broken, days)


def test_best_first_by_amount_grade_broken_promises_and_days_left() -> None:
    entries = [
        entry("F", "100"),
        entry("E", "500", days=None),
        entry("D", "500", days=3),
        entry("C", "500", broken=1, days=20),
        entry("B", "500", grade="high", days=20),
        entry("A", "900", grade="low"),
    ]

    assert "".join(e.case_id for e in ranked(entries, (), None)[0]) == "ABCDEF"


def test_what_did_not_fit_is_first_and_the_capacity_is_kept() -> None:
    entries = [entry(name, amount) for name, amount in (("A", "900"), ("B", "500"), ("C", "100"))]

    listed, left = ranked(entries, {"C"}, 2)

    assert [e.case_id for e in listed] == ["C", "A"]
    assert [e.case_id for e in left] == ["B"]


def test_amounts_of_two_currencies_are_not_compared() -> None:
    entries = [entry("A", "9000", currency="TWD"), entry("B", "8000", currency="TWD"), entry("C", "10", currency="CNY")]

    assert [e.case_id for e in ranked(entries, (), None)[0]] == ["C", "A", "B"]


# --- who is on it ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("facts", "listed"),
    [
        ([], True),
        ([called(day("06-17"), "mobile", "no_answer")], False),
        ([called(day("06-17"), "home", "promise", promised_on=day("06-20"))], False),
        ([fact(day("06-17"), payment(on=day("06-17")))], False),
        ([fact(day("06-17"), held(day("06-17")))], False),
    ],
)
def test_no_paid_held_or_promised_case_is_on_the_list(facts: list[object], listed: bool) -> None:
    # Played through the day before; the morning's facts are in and nothing is decided on them yet.
    case = last_case(play(last=day("06-16"), calls=CALLS, **ROUND))
    from arrears.domain.case import evolve
    from arrears.domain.events import CallResult, PaymentReceived
    from arrears.domain.facts import Call, Payment
    from arrears.simulate.player import DatedFact

    for dated in facts:
        assert isinstance(dated, DatedFact)
        what = dated.fact
        event = (
            CallResult(what) if isinstance(what, Call) else PaymentReceived(what) if isinstance(what, Payment) else what
        )
        case = evolve(case, event)  # type: ignore[arg-type]  # the rest are events

    assert (entry_of(case, policy(calls=CALLS, **ROUND), day("06-17")) is not None) is listed


def test_nobody_is_listed_on_a_day_off() -> None:
    case = last_case(play(last=day("06-16"), calls=CALLS, **ROUND))
    weekdays = {"days": ["mon", "tue", "wed", "thu"]}

    assert entry_of(case, policy(calls=CALLS, contact=weekdays, **ROUND), day("06-17")) is None, "a Friday"
    assert entry_of(case, policy(calls=CALLS, contact={"holidays": ["2005-06-17"]}, **ROUND), day("06-17")) is None


def test_nobody_is_listed_while_a_rule_forbids_calls_after_a_conversation() -> None:
    played = last_case(play(last=day("06-16"), calls=CALLS, **ROUND))
    spoken = Reached("conversation", day("06-15"), "work")
    case = changed(played, account=changed(played.account, reached=(spoken,)))
    ruled = bound(PACKS["us-reg-f"], calls=CALLS, **ROUND)

    assert entry_of(played, ruled, day("06-17")) is not None
    assert entry_of(case, ruled, day("06-17")) is None
    assert entry_of(case, policy(calls=CALLS, **ROUND), day("06-17")) is not None


def test_the_entry_says_what_the_order_goes_by() -> None:
    case = last_case(play(last=day("06-16"), calls=CALLS, **ROUND))

    found = entry_of(case, policy(calls=CALLS, **ROUND), day("06-17"))

    assert found is not None
    assert (found.phone, found.risk_grade, found.broken_promises) == ("mobile", "medium", 0)
    assert found.days_to_next_stage == 44, "the lawyer's letter on 31 July"


def test_a_letter_goes_unless_paid_held_or_promised() -> None:
    assert why_not_mailed(last_case(play(last=day("07-31"))), policy(), day("07-31"), "lawyer_letter") is None
    paid = last_case(play([fact(day("08-01"), payment(on=day("08-01")))], last=day("08-01")))
    assert "closed" in str(why_not_mailed(paid, policy(), day("08-01"), "lawyer_letter"))
