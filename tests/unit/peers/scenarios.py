"""What systems that decide the same thing have published as tests, each line as a policy and a timeline of ours.

A line is one day of a scenario: what the other system is expected to say then, what ours says, and, where that is not
the same, which of the reasons in `WHY`. `docs/peers.md` tells them to people.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from arrears.domain.events import ActionDone, ActionPlanned, HoldLifted, HoldPlaced
from arrears.domain.facts import Payment
from arrears.domain.policy import Policy
from arrears.simulate.player import DatedFact, Played, Player
from tests.support.builders import SHANGHAI, extract, money
from tests.support.played import called, fact

WHY = {
    "never back": "A stage never goes back while a case is open: what a customer was told is not taken back by a part "
    "payment. A cure ends the case.",
    "held where it is": "A hold leaves the case in its stage, and no stage is entered. Nothing is done meanwhile, so "
    "it need not look as if nothing were owed.",
    "held days": "Every day of a hold is left out of the count, its first and its last too; there, one day fewer.",
    "every day": "Every date is looked at, not only those on which a run was asked for.",
    "one ladder": "One case for an account, not one for each item: the cardholder gets one message.",
    "no interest": "Interest and fees are the bank's: the arrears are what its extract says.",
    "currency": "A threshold without an amount in the account's currency is not applied, and loading the policy says "
    "so (rule 9).",
    "holds overlap": "Holds come from several places and are facts. They may overlap; the account is held while any of "
    "them stands, so no day counts twice.",
    "unknown lift": "A lift without its hold is kept: the files may come in another order. It changes nothing.",
    "not reported": "What the bank does not report is not there. No item has a status of its own.",
}


@dataclass(frozen=True)
class Line:
    """One day of a scenario.

    Attributes:
        day: counted from the scenario's first day.
        peer: what the other system is expected to say.
        ours: what ours says, as `says` returns it.
        says: plays it and says what came of it.
        why: the key of the reason where ours differs; empty where the two say the same.
    """

    day: int
    peer: str
    ours: str
    says: Callable[[], str]
    why: str = ""


@dataclass(frozen=True)
class Account:
    """A policy and what happens to one account, by days from the first.

    Attributes:
        day0: the first day.
        stages: of the policy.
        facts: what comes in.
        more: other keys of the policy.
    """

    day0: date
    stages: dict[str, Any]
    facts: Sequence[DatedFact]
    more: dict[str, Any] = field(default_factory=dict)

    def played(self, day: int) -> Played:
        """Play through a day."""
        keys = {"name": "peer", "version": "1", "cure_tolerance": {"CNY": "0.10"}, "stages": self.stages, **self.more}
        player = Player(Policy.model_validate(keys), self.day0, self.day0 + timedelta(days=day))
        return player.play("PEER-1", self.facts)

    def stage(self, day: int) -> str:
        """Return the stage at the end of a day; `none` where no case is open or it is in no stage."""
        case = self.played(day).last
        return case.stage or "none" if case is not None and case.is_open else "none"

    def state(self, day: int) -> str:
        """Return whether a case is open."""
        case = self.played(day).last
        return "open" if case is not None and case.is_open else "closed"

    def owed(self, day: int) -> str:
        """Return the stage and the arrears."""
        case = self.played(day).last
        if case is None or not case.is_open:
            return "none"
        return f"{case.stage or 'none'} {case.arrears(self.day0 + timedelta(days=day)).amount}"

    def done(self, day: int, action: str, *, on_the_day: bool = False) -> int:
        """Count how often an action was done through a day, or on it."""
        found = 0
        for story in self.played(day).stories:
            plans = {event.action_id: event.action for event in story if isinstance(event, ActionPlanned)}
            for event in story:
                if isinstance(event, ActionDone) and plans[event.action_id] == action:
                    found += not on_the_day or event.on == self.day0 + timedelta(days=day)
        return found


def ladder(*steps: tuple[str, int], action: str = "") -> dict[str, Any]:
    """Return stages that begin at so many days past due, each with one action."""
    step = [{"action": action, "at_most": 1}] if action else []
    return {name: {"from": {"days_past_due": days}, "steps": step} for name, days in steps}


def owes(day0: date, day: int, amount: str, due: int | None = 0, currency: str = "CNY") -> DatedFact:
    """The bank's report on a day; `due` is the day of the oldest unpaid due date."""
    as_of = day0 + timedelta(days=day)
    oldest = None if due is None else day0 + timedelta(days=due)
    return fact(as_of, extract(amount, as_of=as_of, oldest_due=oldest, currency=currency))


def pays(day0: date, day: int, amount: str, number: int = 1) -> DatedFact:
    """A payment at noon of a day."""
    on = day0 + timedelta(days=day)
    at = datetime.combine(on, time(12), ZoneInfo(SHANGHAI))
    return fact(on, Payment(f"PAY-{number}", at, money(amount), on))


def hold(day0: date, placed: int | None, lifted: int | None = None, name: str = "H") -> list[DatedFact]:
    """A hold from one day to the day before another."""
    facts = []
    if placed is not None:
        facts.append(fact(day0 + timedelta(days=placed), HoldPlaced(name, "other", day0 + timedelta(days=placed))))
    if lifted is not None:
        facts.append(fact(day0 + timedelta(days=lifted), HoldLifted(name, "other", day0 + timedelta(days=lifted))))
    return facts


def line(account: Account, day: int, peer: str, ours: str, why: str = "") -> Line:
    """A line about the stage on a day."""
    return Line(day, peer, ours, lambda: account.stage(day), why)


def lines(account: Account, *days: tuple[int, str, str]) -> list[Line]:
    """Lines about the stage on which both say the same."""
    return [line(account, day, peer, ours) for day, peer, ours in days]


# --- Kill Bill -------------------------------------------------------------------------------------------------------
_KB0 = date(2012, 5, 31)
_KB = ladder(("od1", 30), ("od2", 40), ("od3", 50))


def _kb01() -> list[Line]:
    open_ = Account(_KB0, _KB, [owes(_KB0, 0, "249.95"), owes(_KB0, 30, "499.90")])
    paid = Account(_KB0, _KB, [*open_.facts, pays(_KB0, 50, "499.90")])
    clear = [(day, "CLEAR", "none") for day in (0, 8, 16, 24)]
    first = [(day, "OD1", "od1") for day in (30, 32, 38)]
    second = [(day, "OD2", "od2") for day in (40, 46, 48)]
    return [*lines(open_, *clear, *first, *second, (50, "OD3", "od3")), *lines(paid, (50, "CLEAR", "none"))]


def _kb02() -> list[Line]:
    before = Account(_KB0, _KB, [owes(_KB0, 0, "249.95"), owes(_KB0, 30, "499.90")])
    after = Account(_KB0, _KB, [*before.facts, owes(_KB0, 35, "249.95", 30)])
    told = lines(before, (0, "CLEAR", "none"), (15, "CLEAR", "none"), (30, "OD1", "od1"), (35, "OD1", "od1"))
    return [*told, line(after, 35, "CLEAR", "od1", "never back")]


def _kb03() -> list[Line]:
    before = Account(_KB0, _KB, [owes(_KB0, 0, "249.95"), owes(_KB0, 30, "499.90")])
    after = Account(_KB0, _KB, [*before.facts, owes(_KB0, 35, "249.95", 30), owes(_KB0, 60, "499.90", 30)])
    end = Account(_KB0, _KB, [*after.facts, owes(_KB0, 65, "0.00", None)])
    told = lines(before, (0, "CLEAR", "none"), (15, "CLEAR", "none"), (35, "OD1", "od1"))
    told += [line(after, day, "CLEAR", "od1", "never back") for day in (35, 40, 50)]
    return [*told, line(after, 65, "OD1", "od1"), line(end, 65, "CLEAR", "none")]


def _by_amount(*least: tuple[str, str]) -> list[Line]:
    """Five invoices come in and are paid, newest first, on the last day."""
    stages = {name: {"from": {"days_past_due": 1}, "minimum_arrears": {"CNY": amount}} for name, amount in least}
    days = (1, 31, 62, 93, 123)
    facts = [owes(_KB0, day, str(Decimal("249.95") * number)) for number, day in enumerate(days, 1)]
    ours = ["none", "od1", "od2", "od2", "od3"]
    told = [
        Line(day, "", said, _stage(Account(_KB0, stages, facts), day)) for day, said in zip(days, ours, strict=True)
    ]
    for count, why in ((1, "never back"), (2, "never back"), (3, "never back"), (4, "never back"), (5, "")):
        # A payment on the date of an extract is in it, so the extract of the day before is the last one here.
        earlier = [*facts[:-1], owes(_KB0, 122, "1249.75")]
        payments = [pays(_KB0, 123, "249.95", number) for number in range(count)]
        told.append(
            Line(
                123, "", "none" if count == 5 else "od3", _stage(Account(_KB0, stages, [*earlier, *payments]), 123), why
            )
        )
    return told


def _stage(account: Account, day: int) -> Callable[[], str]:
    return lambda: account.stage(day)


def _with_peer(told: list[Line], *peers: str) -> list[Line]:
    return [Line(each.day, peer, each.ours, each.says, each.why) for each, peer in zip(told, peers, strict=True)]


_DOWN = ("CLEAR", "OD1", "OD2", "OD2", "OD3", "OD2", "OD2", "OD1", "CLEAR", "CLEAR")


def _kb04() -> list[Line]:
    """The number of invoices is no threshold of ours; invoices of one amount are counted by their sum."""
    return _with_peer(_by_amount(("od1", "499.90"), ("od2", "749.85"), ("od3", "1249.75")), *_DOWN)


def _kb05() -> list[Line]:
    return _with_peer(_by_amount(("od1", "260.00"), ("od2", "600.00"), ("od3", "1200.00")), *_DOWN)


def _kb06() -> list[Line]:
    stages = ladder(("od1", 5))
    debt = [owes(_KB0, 0, "249.95")]
    plain = Account(_KB0, stages, debt)
    held = Account(_KB0, stages, [*debt, *hold(_KB0, 6)])
    free = Account(_KB0, stages, [*debt, *hold(_KB0, 6, 6)])
    before = Account(_KB0, stages, [*hold(_KB0, -1), *debt])
    after = Account(_KB0, stages, [*hold(_KB0, -1, 6), *debt])
    return [
        *lines(plain, (0, "CLEAR", "none"), (6, "OD1", "od1")),
        line(held, 6, "CLEAR", "od1", "held where it is"),
        line(free, 6, "OD1", "od1"),
        line(before, 6, "CLEAR", "none"),
        line(after, 6, "OD1", "od1"),
    ]


def _kb07() -> list[Line]:
    stages = ladder(("od1", 5))
    written_off = Account(_KB0, stages, [owes(_KB0, 0, "0.00", None)])
    again = Account(_KB0, stages, [*written_off.facts, owes(_KB0, 6, "249.95")])
    return [*lines(written_off, (0, "CLEAR", "none"), (6, "CLEAR", "none")), line(again, 6, "OD1", "od1")]


def _kb11() -> list[Line]:
    day0 = date(2012, 6, 1)
    parent = Account(day0, ladder(("od1", 10), ("od2", 18), ("od3", 26)), [owes(day0, 0, "249.95")])
    told = [(0, "CLEAR"), (8, "CLEAR"), (10, "OD1"), (16, "OD1"), (18, "OD2"), (24, "OD2"), (26, "OD3")]
    return lines(parent, *((day, peer, "none" if peer == "CLEAR" else peer.lower()) for day, peer in told))


# --- Fineract --------------------------------------------------------------------------------------------------------
_FN0 = date(2023, 10, 1)
#: Three days of grace are three days more in every threshold.
_FN = ladder(("range_1", 4), ("range_3", 7), ("range_30", 34), ("range_60", 64), ("range_90", 94))
_NO = "NO_DELINQUENCY"
#: A pause stops the count of days there.
_STOPS = {"holds": {"other": {"counts_days": False}}}


def _fn01() -> list[Line]:
    plain = Account(_FN0, _FN, [owes(_FN0, 1, "250.00")])
    held = Account(_FN0, _FN, [*plain.facts, *hold(_FN0, 5, 30)], _STOPS)
    told = lines(plain, (1, _NO, "none"), (3, _NO, "none"), (4, "RANGE_1", "range_1"))
    told += lines(held, (5, "RANGE_1", "range_1"), (29, "RANGE_1", "range_1"))
    return [*told, line(held, 30, "RANGE_1", "range_1")]


def _fn02() -> list[Line]:
    first = Account(_FN0, _FN, [owes(_FN0, 14, "250.00"), *hold(_FN0, 14, 25)], _STOPS)
    second = Account(_FN0, _FN, [*first.facts, *hold(_FN0, 44, 61, "H2")], _STOPS)
    return [
        *lines(first, (14, _NO, "none"), (24, _NO, "none")),
        line(first, 25, _NO, "range_3", "every day"),
        line(first, 43, "RANGE_3", "range_3"),
        *lines(second, (44, "RANGE_3", "range_3"), (60, "RANGE_3", "range_3")),
        line(second, 61, "RANGE_30", "range_3", "held days"),
    ]


def _fn03() -> list[Line]:
    held = Account(_FN0, _FN, [owes(_FN0, 5, "250.00"), *hold(_FN0, 5, 30)])
    paid = Account(_FN0, _FN, [*held.facts, pays(_FN0, 15, "500.00")])
    part = Account(_FN0, _FN, [*held.facts, pays(_FN0, 15, "150.00")])
    told = lines(held, (5, _NO, "none"), (15, _NO, "none"))
    return [*told, line(paid, 15, _NO, "none"), line(part, 15, "RANGE_1", "none", "held where it is")]


def _fn06() -> list[Line]:
    def held(*holds: list[DatedFact], known: int = 1) -> Account:
        return Account(_FN0, _FN, [owes(_FN0, known, "250.00"), *(each for both in holds for each in both)])

    overlapping = held(hold(_FN0, 15, 30, "H1"), hold(_FN0, 19, 30, "H2"))
    lifted = held(hold(_FN0, None, 1))
    touching = held(hold(_FN0, 24, 30, "H1"), hold(_FN0, 29, 46, "H2"))
    backdated = held(hold(_FN0, 24, 46))
    return [
        Line(19, "rejected", "range_3, held through day 29", lambda: _held(overlapping, 30), "holds overlap"),
        Line(0, "rejected", "range_1 on day 4", lambda: f"{lifted.stage(4)} on day 4", "unknown lift"),
        Line(29, "accepted", "range_3, held through day 45", lambda: _held(touching, 46)),
        Line(
            26,
            "delinquent days drop back to 21, bucket stays RANGE_3",
            "range_3, and 27 days past due are reached on day 49",
            lambda: f"{backdated.stage(26)}, and 27 days past due are reached on day {_reached(backdated, 27)}",
        ),
    ]


def _reached(account: Account, days: int) -> int:
    """Return the first day on which a case is so many days past due, without those on which the clock stood."""
    stages = {**account.stages, "beyond": {"from": {"days_past_due": days}}}
    ladder_of = {name: stages[name] for name in ("range_1", "range_3", "beyond")}
    longer = Account(account.day0, ladder_of, account.facts, _STOPS)
    return next(day for day in range(days, days + 99) if longer.stage(day) == "beyond")


def _held(account: Account, lifted: int) -> str:
    """Say from which stage a case does not go on before a day, though a threshold is reached, and goes on on it."""
    stages = {**account.stages, "beyond": {"from": {"days_past_due": lifted - 1}}}
    ladder_of = {name: stage for name, stage in stages.items() if name in {"range_1", "range_3", "beyond"}}
    shorter = Account(account.day0, ladder_of, account.facts)
    assert shorter.stage(lifted) == "beyond"
    return f"{shorter.stage(lifted - 1)}, held through day {lifted - 1}"


# --- OCA -------------------------------------------------------------------------------------------------------------
_OCA0 = date(2013, 1, 18)
#: "The last day of the month of due + 30" is 41 days past due for a due date of 18 January, and 46 for one of 14 April.
_EMAIL = [{"action": "send_sms", "at_most": 1}]


def _three(second: int) -> dict[str, Any]:
    return {
        "level_1": {"from": {"days_past_due": 10}, "steps": _EMAIL},
        "level_2": {"from": {"days_past_due": second}, "steps": [{"action": "queue_call", "at_most": 1}]},
        "level_3": {
            "from": {"days_past_due": second},
            "requires": [{"action": "queue_call", "at_least_days_ago": 10}],
            "steps": [{"action": "queue_letter", "at_most": 1}],
        },
    }


def _oca01() -> list[Line]:
    one = Account(_OCA0, _three(41), [owes(_OCA0, 1, "300.00"), owes(_OCA0, 42, "1000.00")])
    ours = "level_3 1000.00"
    return [
        Line(13, "a: level 1 by email, balance 300", "level_1 300.00", lambda: one.owed(13)),
        Line(41, "a: level 2 by email", "level_2 300.00", lambda: one.owed(41)),
        Line(72, "a: level 3 by letter; b: level 1 by email, balance 700", ours, lambda: one.owed(72), "one ladder"),
        Line(102, "b: level 2 by email", ours, lambda: one.owed(102), "one ladder"),
        Line(133, "b: level 3 by letter", ours, lambda: one.owed(133), "one ladder"),
    ]


def _oca02() -> list[Line]:
    stages = {
        "level_1": {"from": {"days_past_due": 30}, "steps": _EMAIL},
        "level_2": {
            "from": {"days_past_due": 30},
            "requires": [{"action": "send_sms", "at_least_days_ago": 60}],
            "steps": [{"action": "queue_letter", "at_most": 1}],
        },
    }
    both = [Account(_OCA0, stages, [owes(_OCA0, due + 1, "1000.00", due)]) for due in (41, 30)]

    def says(day: int) -> Callable[[], str]:
        return lambda: ", ".join(each.stage(day) for each in both)

    first = "SI_4: level 1 by email; SI_7: level 1 by email"
    return [
        Line(72, first, "level_1, level_1", says(72)),
        Line(102, "no new level for SI_4 or SI_7", "level_1, level_1", says(102)),
        Line(133, "SI_4: level 2 by letter; SI_7: level 2 by letter", "level_2, level_2", says(133)),
    ]


def _oca03() -> list[Line]:
    debt = [owes(_OCA0, 87, "1500.00", 86)]
    full = Account(_OCA0, _three(46), [*debt, pays(_OCA0, 133, "1500.00")])
    part = Account(_OCA0, _three(46), [*debt, pays(_OCA0, 133, "1000.00")])

    def says(day: int) -> Callable[[], str]:
        return lambda: f"{full.owed(day)}; {part.owed(day)}"

    first = "SI_16: level 1 by email, balance 1500; SI_17: level 1 by email, balance 1500"
    second = "SI_16: nothing; SI_17: level 2 by email, balance 500 of 1500"
    return [
        Line(102, first, "level_1 1500.00; level_1 1500.00", says(102)),
        Line(133, second, "none; level_2 500.00", says(133)),
        Line(163, "SI_17: level 3 by letter, balance 500", "none; level_3 500.00", says(163)),
    ]


# --- ERPNext ---------------------------------------------------------------------------------------------------------
_ERP0 = date(2024, 1, 1)
_NOTICE = ladder(("notice", 5), action="queue_letter")


def _erp01() -> list[Line]:
    one = Account(_ERP0, _NOTICE, [owes(_ERP0, 1, "100.00")])
    charged = "interest 0.41, fee 10.00, dunning amount 10.41, grand total 110.41"
    return [
        Line(15, charged, "notice 100.00", lambda: one.owed(15), "no interest"),
        Line(20, "interest 0.00, grand total 100.00", "notice 100.00", lambda: one.owed(20)),
    ]


def _erp02() -> list[Line]:
    debt = [owes(_ERP0, 1, "100.00")]
    credited = [*debt, owes(_ERP0, 10, "0.00", None)]
    paid = [*debt, pays(_ERP0, 6, "100.00")]
    facts = {
        "notice": (10, debt),
        "credited": (10, credited),
        "cancelled": (11, [*credited, owes(_ERP0, 11, "100.00")]),
        "elsewhere": (10, [*debt, owes(_ERP0, 10, "100.00")]),
        "paid": (6, paid),
        "bounced": (7, [*paid, owes(_ERP0, 7, "100.00")]),
    }
    played = {name: Account(_ERP0, _NOTICE, told) for name, (_, told) in facts.items()}

    def told(name: str, day: int, peer: str, ours: str) -> Line:
        return Line(day, peer, ours, lambda: played[name].state(facts[name][0]))

    return [
        told("notice", 10, "Unresolved", "open"),
        told("credited", 10, "Resolved", "closed"),
        told("cancelled", 10, "Unresolved", "open"),
        told("elsewhere", 10, "Unresolved", "open"),
        told("paid", 6, "Resolved", "closed"),
        told("bounced", 6, "Unresolved", "open"),
    ]


# --- others ----------------------------------------------------------------------------------------------------------
_LAGO0 = date(2024, 3, 1)


def _lago(amount: str, least: dict[str, str], day: int) -> Callable[[], str]:
    step = {"action": "send_sms", "every_days": 4, "at_most": 5}
    stages = {"campaign": {"from": {"days_past_due": 1}, "minimum_arrears": least, "steps": [step]}}
    one = Account(_LAGO0, stages, [owes(_LAGO0, 0, amount, -1, "EUR")])
    return lambda: "attempt" if one.done(day, "send_sms", on_the_day=True) else "no attempt"


def _lago01() -> list[Line]:
    euro = {"EUR": "50.99"}
    return [
        Line(0, "attempt", "attempt", _lago("51.00", euro, 0)),
        Line(0, "no attempt", "no attempt", _lago("50.00", euro, 0)),
        Line(0, "no attempt", "attempt", _lago("50.00", {"GBP": "0.01"}, 0), "currency"),
        Line(0, "no attempt", "no attempt", _lago("51.00", euro, 20)),
        Line(3, "no attempt", "no attempt", _lago("51.00", euro, 3)),
        Line(4, "attempt", "attempt", _lago("51.00", euro, 4)),
        Line(0, "attempt", "attempt", _lago("50.00", {"EUR": "49.99"}, 0)),
    ]


_NEXUM0 = date(2024, 3, 1)
_NEXUM = ladder(("early", 1), ("late", 31), ("serious", 61), ("default", 91))


def promise(day: int, *facts: DatedFact) -> str:
    """Return what became, by a day, of a promise of 100 yuan that was made on day 2 for day 7."""
    on = _NEXUM0 + timedelta(days=2)
    stages = {"early": {**_NEXUM["early"], "promise_windows_days": [30]}}
    said = called(on, "mobile", "promise", amount="100.00", promised_on=on + timedelta(days=5))
    played = Account(_NEXUM0, stages, [owes(_NEXUM0, 0, "300.00"), said, *facts]).played(day)
    assert played.last is not None
    return {"standing": "pending"}.get(found := played.last.promises[-1].outcome, found)


def _nexum01() -> list[Line]:
    one = Account(_NEXUM0, _NEXUM, [owes(_NEXUM0, 0, "100.00")])
    classes = [(0, "current"), (15, "early"), (30, "early"), (45, "late"), (60, "late")]
    classes += [(75, "serious"), (90, "serious"), (120, "default")]
    told = lines(one, *((day, peer, "none" if peer == "current" else peer) for day, peer in classes))
    told.append(Line(0, "broken", "broken", lambda: promise(17)))
    return [*told, Line(0, "pending", "pending", lambda: promise(2))]


_RUN = date(2021, 10, 2)


def _debtors01() -> list[Line]:
    stages = ladder(("first_letter", 25), ("second", 35), action="queue_letter")

    def of(bill: date) -> str:
        return Account(bill, stages, [owes(bill, 0, "100.00")]).stage((_RUN - bill).days)

    def due() -> str:
        bills = (date(2021, 9, 8), date(2021, 9, 7), date(2021, 8, 29), date(2021, 8, 28))
        return ", ".join(f"{bill:%m-%d} {of(bill)}" for bill in bills)

    one = Account(_RUN, ladder(("first_letter", 25), action="queue_letter"), [owes(_RUN, 0, "100.00")])
    none = Account(_RUN, stages, [])
    expected = "bills dated up to 2021-09-07 are due for the 25-day step, up to 2021-08-28 for the 35-day step"
    return [
        Line(0, expected, "09-08 none, 09-07 first_letter, 08-29 first_letter, 08-28 second", due),
        Line(0, "one action recorded", "1", lambda: str(one.done(60, "queue_letter"))),
        Line(0, "error", "none", lambda: none.stage(60), "not reported"),
    ]


SCENARIOS: dict[str, list[Line]] = {
    "kb-01-time-ladder": _kb01(),
    "kb-02-anchor-moves-when-oldest-is-paid": _kb02(),
    "kb-03-waiver-of-oldest-then-re-escalation": _kb03(),
    "kb-04-count-of-unpaid": _kb04(),
    "kb-05-total-balance": _kb05(),
    "kb-06-hold-on-account": _kb06(),
    "kb-07-written-off-invoice": _kb07(),
    "kb-11-payer-decides-for-dependants": _kb11(),
    "fn-01-grace-then-full-pause": _fn01(),
    "fn-02-pause-early-resume-second-pause": _fn02(),
    "fn-03-payments-during-pause": _fn03(),
    "fn-06-pause-validation": _fn06(),
    "oca-01-one-level-per-run": _oca01(),
    "oca-02-wait-counts-from-last-reminder": _oca02(),
    "oca-03-partial-and-full-payment": _oca03(),
    "erp-01-fee-and-interest": _erp01(),
    "erp-02-resolve-and-reopen": _erp02(),
    "lago-01-currency-threshold-attempts": _lago01(),
    "nexum-01-dpd-buckets-and-promise": _nexum01(),
    "debtors-01-step-once": _debtors01(),
}
