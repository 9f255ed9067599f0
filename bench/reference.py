"""Reference cases, which the bill is about: the texts, the calls and the letter of `cn-credit-card`, then a payment."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from arrears.files import Kind, parse
from arrears.usecases.take_in import NumberedRow
from bench.harness import Bank, bank
from bench.life import Lives
from tests.support.rows import PAYMENT, PORTFOLIO

if TYPE_CHECKING:
    from bench import real

#: A case opens, and is paid: two texts, six calls, a lawyer's letter, the calls taken back, and a wait after each.
OWES, DUE, PAYS = date(2005, 6, 2), date(2005, 6, 1), date(2005, 8, 15)


def reference_cases(made: type[Bank], cases: int, pays: date, without: Sequence[str]) -> Lives:
    """Play cases of ten actions that are paid on a date.

    Args:
        made: what drives them.
        cases: how many.
        pays: the date.
        without: keys of the policy that are left out, so that there are no more than ten actions.
    """
    names = [f"CARD-{number:04d}" for number in range(cases)]
    with bank(made, names, "cn-credit-card", without) as played:
        owed = {"as_of": OWES.isoformat(), "oldest_due_date": DUE.isoformat()}
        paid = {"paid_at": f"{pays}T10:00:00+08:00", "amount": "1000.00"}
        days: dict[date, real.Day] = {
            OWES: {"portfolio": {name: [_row("portfolio", PORTFOLIO, name, owed)] for name in names}},
            pays: {"payments": {name: [_row("payments", PAYMENT, name, paid)] for name in names}},
        }
        for ahead in range((pays - OWES).days + 1):
            day = OWES + timedelta(days=ahead)
            played.play(day, days.get(day))
        return played.finish()


def _row(kind: Kind, row: Mapping[str, str | None], account_id: str, changes: Mapping[str, str]) -> NumberedRow:
    made = {**row, "account_id": account_id, **changes}
    if kind == "payments":
        made["payment_id"] = f"PAY-{account_id}"
    return NumberedRow(1, made, parse(kind, made))
