"""What became of all cases: how many reached each stage, were cured there, are there still, and what is owed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from arrears.domain.case import Case, Placement, replay
from arrears.domain.events import CaseOpened, Event, StageEntered
from arrears.domain.money import Money
from arrears.domain.policy import Policy

Amounts = dict[str, Decimal]


@dataclass(frozen=True)
class Stage:
    """One rung of the ladder.

    Attributes:
        entered: cases that were ever in this stage.
        cured: closed while in it.
        open: in it now.
        owed: by those that are in it now, by currency.
    """

    name: str
    entered: int = 0
    cured: int = 0
    open: int = 0
    owed: Amounts = field(default_factory=dict)


@dataclass(frozen=True)
class Funnel:
    """The cases as they stand on a date. Amounts are by currency.

    Attributes:
        cases, accounts: how many.
        stages: in order.
        placements: made, ever.
        frozen: accounts that the core banking system was asked to freeze.
        filed: cases that went to court, ever.
        in_court: those that are there now, and what they owe.
        opened_with: the arrears on the date each case opened.
        paid: what was paid while a case was open.
    """

    cases: int
    accounts: int
    stages: list[Stage]
    placements: list[Placement]
    frozen: int
    filed: int
    in_court: int
    in_court_for: Amounts
    opened_with: Amounts
    paid: Amounts
    owed: Amounts

    @property
    def with_agency(self) -> int:
        """Cases that are with an agency now."""
        return sum(placement.ended_on is None for placement in self.placements)

    @property
    def returned(self) -> int:
        """Placements that the agency gave back."""
        return sum(placement.ended == "returned" for placement in self.placements)

    @property
    def recalled(self) -> Counter[str]:
        """Placements that were recalled, by why: cured, hold, term."""
        ended = [placement.ended for placement in self.placements]
        return Counter(why for why in ended if why in {"cured", "hold", "term"})


def funnel(histories: Mapping[str, Sequence[Event]], policy: Policy, on: date) -> Funnel:
    """Count what became of the cases, by their events."""
    cases = [case for case in map(replay, histories.values()) if case is not None]
    open_cases = [case for case in cases if case.is_open]
    filed = [case for case in cases if _did(case, "file_legal")]
    entered = Counter(
        event.stage for history in histories.values() for event in history if isinstance(event, StageEntered)
    )
    return Funnel(
        cases=len(cases),
        accounts=len({case.account_id for case in cases}),
        stages=[_stage(name, entered[name], cases, on) for name in policy.ladder],
        placements=[placement for case in cases for placement in case.placements],
        frozen=sum(_did(case, "freeze_account") for case in cases),
        filed=len(filed),
        in_court=sum(case.is_open for case in filed),
        in_court_for=_total(case.arrears(on) for case in filed if case.is_open),
        opened_with=_total(_at_opening(histories.values())),
        paid=_total(payment.amount for case in cases for payment in case.payments),
        owed=_total(case.arrears(on) for case in open_cases),
    )


def _stage(name: str, entered: int, cases: Iterable[Case], on: date) -> Stage:
    here = [case for case in cases if case.stage == name]
    still = [case for case in here if case.is_open]
    return Stage(name, entered, len(here) - len(still), len(still), _total(case.arrears(on) for case in still))


def _did(case: Case, action: str) -> bool:
    return any(done.action == action for done in case.done)


def _at_opening(histories: Iterable[Sequence[Event]]) -> Iterator[Money]:
    for history in histories:
        opened = history[0]
        if isinstance(opened, CaseOpened) and (arrears := opened.account.arrears(opened.on)) is not None:
            yield arrears


def _total(amounts: Iterable[Money]) -> Amounts:
    total: Amounts = {}
    for money in amounts:
        total[money.currency] = total.get(money.currency, Decimal(0)) + money.amount
    return total
