"""What a scan takes in a table of 1x, 10x and 100x the current accounts, with the same number of new ones on the queue.

Beside it the obvious scan, which reads the whole table; and what a stack's schedules take on a day, whatever it holds.
"""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from unittest.mock import patch

from arrears.adapters.table import AccountRecord
from arrears.domain.decide import opens_on
from arrears.usecases.scan import Scan
from bench.meter import Meter
from bench.sizes import Size
from tests.support.builders import OPENS, PROFILE, account, extract, policy
from tests.support.stack import ACCOUNT, REGION, Stack, moto_stack
from tests.support.states import STATE_MACHINE, States

#: So many accounts are new on the queue each time.
NEW = 20


@dataclass
class Scanned:
    """What one scan took."""

    current: int
    started: int
    requests: int
    read_units: float
    whole_table_units: float


def measure(size: Size) -> list[dict[str, Any]]:
    """Scan tables of several sizes."""
    return [asdict(_scan(current)) for current in size.current]


def _scan(current: int) -> Scanned:
    with moto_stack() as stack:
        meter = Meter(ACCOUNT, REGION)
        _put(stack, current, past_due="0.00", oldest_due=None, prefix="CURRENT")
        _put(stack, NEW, past_due="1000.00", oldest_due=date(2005, 6, 1), prefix="NEW")
        scan = Scan(stack.table, stack.settings, States().client, STATE_MACHINE)
        with meter.on():
            report = scan(lambda: False)
        whole = Meter(ACCOUNT, REGION)
        with whole.on():
            pages = stack.client.get_paginator("scan").paginate(TableName=stack.table.name)
            assert sum(len(page["Items"]) for page in pages) >= current
        count = meter.count
        return Scanned(current, report["started"], count.requests, count.read_units, whole.count.read_units)


def _put(stack: Stack, number: int, *, past_due: str, oldest_due: date | None, prefix: str) -> None:
    ladder = policy()
    with patch.object(stack.table, "client", stack.client):
        for index in range(number):
            known = account(extract(past_due, oldest_due=oldest_due), account_id=f"{prefix}-{index:06d}")
            due = opens_on(known, ladder, OPENS)
            stack.table.transact([stack.table.put_account(AccountRecord(known, profile=PROFILE), due)])
