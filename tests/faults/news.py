"""What a bank, its agencies and its mailing house have to tell, drawn by chance."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from arrears.domain.case import Case
from tests.faults.choices import Choices
from tests.support.builders import PROFILE
from tests.support.rows import ROWS

#: The day on which a world begins.
START = datetime(2005, 6, 2, 1, tzinfo=UTC)
#: Kind, agency and cells of a row.
Told = tuple[str, str, dict[str, Any]]


def currency_of(account_id: str) -> str:
    """The currency that an account is kept in: the second one's is another than the others'."""
    return "TWD" if account_id.endswith("-1") else "CNY"


def first_extract(choices: Choices, account_id: str) -> dict[str, Any]:
    """An account that is overdue, or will be."""
    on = START.date()
    late = (1, 0, 3, 20)[choices.below(4)]
    zone = ("Asia/Shanghai", "Europe/London", "Pacific/Auckland")[choices.pick((0.6, 0.2, 0.2))]
    amount = ("1000.00", "60000.00")[choices.pick((0.7, 0.3))]
    return {
        **ROWS["portfolio"],
        "account_id": account_id,
        "as_of": on.isoformat(),
        "currency": currency_of(account_id),
        "timezone": zone,
        "past_due_amount": amount,
        "oldest_due_date": (on - timedelta(days=late)).isoformat(),
        "phone_family": PROFILE.phone_family,
    }


def some_news(choices: Choices, case: Case | None, account_id: str, number: int, now: datetime) -> Told:
    """Something that the bank, an agency or the mailing house has to tell of an account and its last case."""
    match choices.pick((0.28, 0.17, 0.15, 0.15, 0.1, 0.05, 0.1)):
        case 0:
            amount = ("1000.00", "300.00", "60000.00", "999.50")[choices.below(4)]
            return "payments", "", _payment(account_id, number, now, amount)
        case 1:
            return "portfolio", "", _extract(choices, account_id, now.date())
        case 2:
            status = ("placed", "lifted")[choices.below(2)]
            reason = ("dispute", "hardship", "fraud")[choices.below(3)]
            row = {"hold_id": f"HOLD-{account_id}", "reason": reason, "status": status, "at": now.date().isoformat()}
            return "holds", "", {**ROWS["holds"], **row, "account_id": account_id}
        case kind:
            told = _of_case(choices, kind, case, number, now) if case is not None else None
            return told or ("payments", "", _payment(account_id, number, now, "100.00"))


def _of_case(choices: Choices, kind: int, case: Case, number: int, now: datetime) -> Told | None:
    today = now.date()
    match kind:
        case 3:
            result = ("no_answer", "promise", "right_party", "disputed", "busy")[choices.below(5)]
            promised = (today + timedelta(days=choices.below(4))).isoformat() if result == "promise" else ""
            row = {"call_id": f"CALL-{number}", "called_at": now.isoformat(), "result": result, "promised_on": promised}
            row["promised_amount"] = "500.00" if result == "promise" else ""
            return "calls", "", {**ROWS["calls"], **row, "account_id": case.account_id}
        case 4 if case.placements and case.placements[-1].agency_id:
            outcome = ("returned", "payment", "disputed")[choices.below(3)]
            row = {"return_id": f"RET-{number}", "case_id": case.case_id, "at": today.isoformat(), "outcome": outcome}
            paid = {"amount": "300.00", "currency": currency_of(case.account_id)}
            row |= paid if outcome == "payment" else {"amount": "", "currency": ""}
            return "returns", case.placements[-1].agency_id, {**ROWS["returns"], **row}
        case 5:
            letters = [done.action_id for done in case.done if done.action == "queue_letter"]
            if letters:
                status = ("dispatched", "delivered", "returned")[choices.below(3)]
                row = {"letter_id": letters[-1], "status": status, "at": today.isoformat()}
                return "letters", "", {**ROWS["letters"], **row}
        case _:
            pass
    return None


def _extract(choices: Choices, account_id: str, on: date) -> dict[str, Any]:
    amount = ("0.00", "900.00", "2500.00", "70000.00")[choices.below(4)]
    row = {**first_extract(choices, account_id), "as_of": on.isoformat(), "past_due_amount": amount}
    row["oldest_due_date"] = "" if amount == "0.00" else (on - timedelta(days=choices.below(25))).isoformat()
    return row


def _payment(account_id: str, number: int, now: datetime, amount: str) -> dict[str, Any]:
    row = {"payment_id": f"PAY-{number}", "account_id": account_id, "paid_at": now.isoformat(), "amount": amount}
    return {**ROWS["payments"], **row, "currency": currency_of(account_id)}


def foreign_payment(account_id: str, number: int, now: datetime) -> Told:
    """A payment of much, tomorrow, in a currency that the account is not kept in."""
    row = _payment(account_id, number, now + timedelta(days=1), "90000.00")
    return "payments", "", {**row, "currency": "JPY"}
