"""Accounts and policies that nobody chose, for properties that must hold for all of them."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from arrears.domain.events import HoldLifted, HoldPlaced
from arrears.domain.facts import PHONES, Call, CallOutcome, Extract, Payment
from arrears.domain.money import Money
from arrears.simulate.player import DatedFact
from tests.yardstick.plain_rules import Facts

FIRST, LAST = date(2005, 1, 20), date(2006, 3, 31)
DAYS = st.integers(0, (LAST - FIRST).days).map(lambda ahead: FIRST + timedelta(days=ahead))
AMOUNTS = st.sampled_from(
    ["0.00", "0.99", "1.00", "1.01", "49.99", "50.00", "50.01", "99.99", "100.00", "100.01", "500.00"]
)
#: Above any tolerance that a policy of these has.
OWED = st.sampled_from(["1.01", "49.99", "50.00", "50.01", "99.99", "100.00", "100.01", "500.00"])
CURRENCIES = st.sampled_from(["CNY", "CNY", "CNY", "TWD"])


RESULTS: st.SearchStrategy[CallOutcome] = st.sampled_from(
    ["promise", "promise", "promise", "refused", "right_party", "no_answer", "message_left"]
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    """Policies with every clause of the rules, and any of them left out."""
    steps = st.lists(
        st.fixed_dictionaries(
            {"action": st.sampled_from(["send_sms", "queue_call", "queue_letter"])},
            optional={"every_days": st.integers(1, 40), "at_most": st.integers(1, 4)},
        ),
        max_size=2,
    )
    stages: dict[str, Any] = {}
    threshold = 0
    for name in draw(st.sampled_from([("reminder", "call", "letter"), ("reminder", "call"), ("call",)])):
        threshold += draw(st.integers(1, 30))
        stages[name] = {"from": {"days_past_due": threshold}, "steps": draw(steps)}
        if draw(st.sampled_from([True, True, False])):
            stages[name]["promise_windows_days"] = draw(st.lists(st.integers(0, 10), min_size=1, max_size=3))
    if draw(st.booleans()):
        stages["agency"] = {
            "from": {"months_past_due": draw(st.integers(0, 3))},
            "steps": [{"action": "place_with_agency", "at_most": 1}],
        }
        if draw(st.booleans()):
            stages["agency"]["term_days"] = draw(st.integers(1, 60))
        if draw(st.booleans()):
            action = draw(st.sampled_from(["send_sms", "queue_call", "queue_letter"]))
            ago = draw(st.integers(0, 20))
            stages["agency"]["requires"] = [{"action": action, "at_least_days_ago": ago}]
        stages["legal"] = {"from": {"agency": "failed"}, "steps": [{"action": "file_legal", "at_most": 1}]}
        if draw(st.booleans()):
            stages["legal"]["minimum_arrears"] = {"CNY": draw(AMOUNTS)}
    policy: dict[str, Any] = {"name": "drawn", "version": "1", "stages": stages}
    if draw(st.booleans()):
        policy["cure_tolerance"] = {"CNY": "1.00"}
    if draw(st.booleans()):
        named = draw(st.lists(st.sampled_from(list(stages)), min_size=1, unique=True))
        policy["monthly_reminder"] = {"day": draw(st.sampled_from([1, 5, 28, 30, 31])), "stages": named}
    if draw(st.booleans()):
        policy["freeze"] = {
            "arrears_over": {"CNY": "50.00"},
            "after_collections": draw(st.integers(0, 3)),
            "apart_days": draw(st.integers(0, 30)),
        }
    return policy


@st.composite
def facts(draw: st.DrawFn) -> tuple[Facts, list[DatedFact]]:
    """The facts of an account, once for each reading.

    It is past due by its first extract; what else is told lies around that, so that it mostly falls into a case.
    """
    plain, dated = Facts(), []
    first = FIRST + timedelta(days=draw(st.integers(0, 60)))

    def within(days: int) -> date:
        return first + timedelta(days=draw(st.integers(-5, days)))

    others = draw(st.sets(DAYS.filter(lambda on: on > first), max_size=3))
    for on in (first, *sorted(others)):
        amount, currency = Decimal(draw(OWED if on == first else AMOUNTS)), draw(CURRENCIES)
        days = draw(st.integers(1, 100) if on == first else st.one_of(st.none(), st.integers(0, 100)))
        due = None if days is None else on - timedelta(days=days)
        if due is None:
            amount = Decimal("0.00")
        phones = tuple(kind for kind in PHONES if draw(st.sampled_from([True, True, False])))
        mailable, opted_out = draw(st.sampled_from([True, True, False])), draw(st.sampled_from([False, False, True]))
        plain.extracts.append(
            {
                "on": on,
                "arrears": amount,
                "currency": currency,
                "oldest_due": due,
                "mobile": "mobile" in phones,
                "phones": phones,
                "opted_out": opted_out,
                "address": mailable,
            }
        )
        extract = Extract(on, Money(amount, currency), due, sms_opt_out=opted_out, phones=phones, mailable=mailable)
        dated.append(DatedFact(on, extract))
    owed = plain.extracts[0]
    for number, on in enumerate(sorted(within(200) for _ in range(draw(st.integers(0, 3))))):
        in_full = draw(st.sampled_from([True, False, False]))
        amount = owed["arrears"] if in_full else Decimal(draw(AMOUNTS))
        currency = owed["currency"] if in_full else draw(CURRENCIES)
        plain.payments.append({"on": on, "amount": amount, "currency": currency})
        at = datetime.combine(on, datetime.min.time())
        dated.append(DatedFact(on, Payment(f"P{number}", at, Money(amount, currency), on)))
    holds: list[tuple[date, str, str]] = []
    for hold_id in draw(st.sampled_from([(), ("H1",), ("H1", "H1"), ("H1", "H2")])):
        on = within(150)
        holds.append((on, hold_id, "placed"))
        if draw(st.sampled_from([True, True, False])):
            holds.append((on + timedelta(days=draw(st.integers(-5, 60))), hold_id, "lifted"))
    for on, hold_id, status in sorted(holds, key=lambda told: told[0]):
        plain.holds.append({"on": on, "id": hold_id, "status": status})
        event = HoldPlaced if status == "placed" else HoldLifted
        dated.append(DatedFact(on, event(hold_id, "dispute", on)))
    for number, on in enumerate(sorted({within(120) for _ in range(draw(st.integers(0, 4)))})):
        result = draw(RESULTS)
        promised_on = on + timedelta(days=draw(st.integers(-1, 11)))
        plain.calls.append({"on": on, "result": result, "promised_on": promised_on})
        at = datetime.combine(on, datetime.min.time())
        promise = promised_on if result == "promise" else None
        dated.append(DatedFact(on, Call(f"C{number}", at, on, "mobile", result, promised_on=promise)))
    return plain, dated
