"""When a case opens (rule 1), and what it is called."""

from datetime import date

from arrears.domain.dates import ONE_DAY
from arrears.domain.events import CaseOpened
from arrears.domain.facts import Account
from arrears.domain.policy import Policy


def case_id_of(account_id: str, opened_on: date) -> str:
    """Return the case id: the account and the date on which the case opened."""
    return f"{account_id}-{opened_on:%Y%m%d}"


def account_of(case_id: str) -> str:
    """Return the account that a case id, or the id of one of its actions, belongs to."""
    return case_id.split(".", 1)[0][:-9]


def opening_reason(account: Account, policy: Policy, on: date) -> str | None:
    """Return why a case opens on a date, or None when it does not (rule 1)."""
    arrears, days = account.arrears(on), account.days_past_due(on)
    if arrears is None or days is None or days < 1 or arrears.amount <= policy.tolerance(arrears.currency):
        return None
    return f"{arrears} past due, {days} DPD on {on}"


def opens_on(account: Account, policy: Policy, since: date) -> date | None:
    """Return the first date from `since` on which a case could open by what is known, or None (rule 1)."""
    changes = sorted({since, *(day for day in account.fact_dates() if day > since)})
    for index, start in enumerate(changes):
        extract = account.extract(start)
        if extract is None or extract.oldest_due is None:
            continue
        first = max(start, extract.oldest_due + ONE_DAY)
        if index + 1 < len(changes) and first >= changes[index + 1]:
            continue
        if opening_reason(account, policy, first) is not None:
            return first
    return None


def open_case(account: Account, policy: Policy, on: date) -> CaseOpened | None:
    """Return the opening of a case on a date, or None when none is due (rule 1)."""
    reason = opening_reason(account, policy, on)
    if reason is None:
        return None
    return CaseOpened(case_id_of(account.account_id, on), account.pruned(on), on, reason)
