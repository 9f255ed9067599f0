"""The rows of `plans/`: instalment plans that the bank agreed with cardholders, and plans that it cancelled."""

from datetime import date
from typing import Literal, cast, get_args

from arrears.domain.events import PlanAgreed, PlanCancelled
from arrears.domain.facts import Interval, Plan
from arrears.domain.money import Money
from arrears.domain.value import value
from arrears.files import cells
from arrears.files.cells import Row
from arrears.files.columns import COLUMNS
from arrears.files.errors import RowError

PlanStatus = Literal["agreed", "cancelled"]

_STATUSES = frozenset(get_args(PlanStatus))
_INTERVALS = frozenset(get_args(Interval))
#: No plan has more: fifty years of months.
_MOST_INSTALMENTS = 600


@value
class PlanRow:
    """An instalment plan that was agreed, or one that was cancelled. Dates are those at the account's place."""

    plan_id: str
    account_id: str
    told: PlanAgreed | PlanCancelled

    @property
    def status(self) -> PlanStatus:
        """Which of the two it is."""
        return "agreed" if isinstance(self.told, PlanAgreed) else "cancelled"

    @property
    def on(self) -> date:
        """The date from which it counts."""
        return self.told.plan.agreed_on if isinstance(self.told, PlanAgreed) else self.told.on


def parse_plan(row: Row) -> PlanRow:
    """Check a row of `plans/`; raises `RowError`. One that was agreed has its terms, a cancelled one its date."""
    cells.check_clean(row, COLUMNS["plans"])
    plan_id, account_id = cells.identifier(row, "plan_id"), cells.account_id(row)
    if cells.required_one_of(row, "status", _STATUSES) == "cancelled":
        return PlanRow(plan_id, account_id, PlanCancelled(plan_id, cells.required_date(row, "cancelled_on")))
    agreed_on, first_due = cells.required_date(row, "agreed_on"), cells.required_date(row, "first_due")
    if first_due < agreed_on:
        raise RowError("first_due", "is before agreed_on")
    amount = cells.required_amount(row, "amount")
    if amount <= 0:
        raise RowError("amount", "is not above zero")
    every = cast("Interval", cells.one_of(row, "every", _INTERVALS) or "month")
    instalments = cells.whole_number(row, "instalments", 1, _MOST_INSTALMENTS)
    terms = Plan(plan_id, agreed_on, instalments, Money(amount, cells.currency(row)), first_due, every)
    return PlanRow(plan_id, account_id, PlanAgreed(terms))
