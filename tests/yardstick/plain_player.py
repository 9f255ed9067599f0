"""The yardstick: a player that looks at every open case on every date.

It reads the same files, asks the same `decide` and `evolve`, and gives the same timeline as `arrears simulate`, which
must need at most half its CPU time. It trusts no `Wait`: that both agree shows that waits are honest, that nothing
happens between one and its end.

    python -m tests.yardstick.plain_player PORTFOLIO PAYMENTS POLICY FROM TO TIMELINE
"""

import csv
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from arrears.domain.case import Case, evolve, opening
from arrears.domain.decide import Act, open_case, opens_on
from arrears.domain.events import ActionDone, ArrearsReported, Event, PaymentReceived
from arrears.domain.facts import Account, Extract, Payment
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.timeline import COLUMNS, Row, timeline
from arrears.domain.turn import planned, take_turn
from arrears.files import RowError, parse_payment, parse_portfolio, read_rows
from arrears.policy_file import load_policy

DAY = timedelta(days=1)


def read(portfolio: Iterable[Path], payments: Iterable[Path]) -> dict[str, list[tuple[date, Extract | Payment]]]:
    """Return the facts of each account, by date; extracts come before payments."""
    accounts: dict[str, list[tuple[date, Extract | Payment]]] = defaultdict(list)
    zones: dict[str, str] = {}
    for path in portfolio:
        for _, row in read_rows(path, "portfolio"):
            if isinstance(row, RowError):
                raise row
            known = parse_portfolio(row)
            accounts[known.account_id].append((known.extract.as_of, known.extract))
            zones[known.account_id] = known.extract.timezone
    for path in payments:
        for _, row in read_rows(path, "payments"):
            if isinstance(row, RowError):
                raise row
            paid = parse_payment(row)
            payment = paid.payment(zones.get(paid.account_id, "UTC"))
            accounts[paid.account_id].append((payment.paid_on, payment))
    for facts in accounts.values():
        facts.sort(key=lambda fact: fact[0])
    return accounts


def play(
    account_id: str, facts: list[tuple[date, Extract | Payment]], policy: Policy, first: date, last: date
) -> Iterator[Row]:
    """Yield what happens to an account. Only dates without an open case are passed over."""
    account, story, index = Account(account_id), list[Event](), 0
    case: Case | None = None
    day, looks = first, True
    while day <= last:
        while index < len(facts) and facts[index][0] <= day:
            _, fact = facts[index]
            index, looks = index + 1, True
            if case is not None:
                happened = ArrearsReported(fact, day) if isinstance(fact, Extract) else PaymentReceived(fact)
                case = evolve(case, happened)
            else:
                account = account.with_extract(fact) if isinstance(fact, Extract) else account.with_payment(fact)
        opens = opens_on(account, policy, day) if case is None and looks else None
        looks = opens is not None and opens > day
        if opens == day and (opened := open_case(account, policy, day)) is not None:
            story, case = [opened], opening(opened)
        if case is not None:
            case = play_date(case, policy, day, story)
            if not case.is_open:
                yield from timeline(story)
                account, case, looks = case.account, None, True
        day += DAY
    if case is not None:
        yield from timeline(story)


def play_date(case: Case, policy: Policy, day: date, story: list[Event]) -> Case:
    now = Moment(day)
    while True:
        case, events, decision = take_turn(case, policy, now)
        story += events
        if not isinstance(decision, Act):
            return case
        done = (planned(decision, now), ActionDone(decision.action_id, day))
        story += done
        for event in done:
            case = evolve(case, event)


def play_all(portfolio: Iterable[Path], payments: Iterable[Path], policy: Policy, first: date, last: date) -> list[Row]:
    """Return the timeline, by date and account."""
    accounts = read(portfolio, payments)
    rows = [
        row
        for account_id, facts in sorted(accounts.items())
        if any(isinstance(fact, Extract) and fact.past_due.amount for _, fact in facts)
        for row in play(account_id, facts, policy, first, last)
    ]
    rows.sort(key=lambda row: (row.date, row.account_id))
    return rows


def main(portfolio: str, payments: str, policy: str, first: str, last: str, out: str) -> None:
    started = time.process_time()
    rows = play_all(
        sorted(Path(portfolio).iterdir()),
        sorted(Path(payments).iterdir()),
        load_policy(policy).policy,
        date.fromisoformat(first),
        date.fromisoformat(last),
    )
    with Path(out).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((row.date, row.account_id, row.case_id, row.stage, row.action, row.reason) for row in rows)
    print(f"{len(rows)} rows, {time.process_time() - started:.1f} s of CPU time")  # noqa: T201 - a program


if __name__ == "__main__":
    main(*sys.argv[1:])
