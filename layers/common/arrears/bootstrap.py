"""Puts the use cases of an execution together, once a process, from the environment that the template gives."""

import os
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from arrears.adapters import aws
from arrears.adapters.pace import TokenBucket
from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.runtime import count, observe
from arrears.usecases.assess import Assess
from arrears.usecases.recover import Recover
from arrears.usecases.roll_out import WAKES_A_SECOND, RollOut
from arrears.usecases.scan import Scan
from arrears.usecases.sweep import Sweep
from arrears.usecases.wake import Wake

if TYPE_CHECKING:
    from arrears.adapters.queues import PlainQueue


@cache
def table() -> Table:
    """The delinquency table."""
    return Table(aws.dynamodb(), os.environ["TABLE_NAME"], shards=int(os.environ["SHARDS"]))


@cache
def settings() -> Settings:
    """The settings of the stack."""
    return Settings(
        aws.dynamodb(),
        os.environ["TABLE_NAME"],
        production=os.environ["STAGE"] == "prod",
        default_policy=os.environ["POLICY_NAME"],
        agency_id=os.environ["AGENCY_ID"],
        spread=timedelta(minutes=int(os.environ["SPREAD_MINUTES"])),
    )


@cache
def assess() -> Assess:
    """The use case of `assess_case`."""
    return Assess(table(), settings(), observe)


@cache
def recover() -> Recover:
    """The use case of `recover_case`."""
    return Recover(table(), settings())


@cache
def scan() -> Scan:
    """The use case of `scan_delinquencies`."""
    starts = TokenBucket(float(os.environ["STARTS_PER_SECOND"]))
    return Scan(table(), settings(), aws.stepfunctions(), os.environ["ESCALATION_ARN"], starts.take)


def note_scan(report: Mapping[str, Any]) -> None:
    """Keep what a scan came to (`ScanReport`), and tell how the stack stands; alarms look at it."""
    oldest_days = int(report.get("oldest_days", 0))
    settings().note_scan(int(report.get("started", 0)), oldest_days)
    switches, clock = settings().switches(), settings().clock()
    paused = clock.at("UTC") - switches.pause.since if switches.pause is not None else timedelta(0)
    count("OldestUnscannedDays", oldest_days)
    count("PausedHours", int(paused.total_seconds() // 3600) + 1 if switches.pause is not None else 0)
    count("ShadowMode", 1 if switches.shadow is not None else 0)


@cache
def sweep() -> Sweep:
    """The use case of `scan_delinquencies` that finds what nobody looks at any more."""
    return Sweep(table(), settings())


@cache
def wake() -> Wake:
    """The use case of `wake_case`."""
    return Wake(table(), settings(), aws.stepfunctions())


@cache
def dead_letters() -> "PlainQueue":
    """Where a function sets aside what it can do nothing with, for an operator."""
    from arrears.adapters.queues import PlainQueue

    return PlainQueue(aws.sqs(), os.environ["DEAD_LETTERS_URL"])


@cache
def roll_out() -> RollOut:
    """The use case of `roll_out_policy`."""
    return RollOut(table(), settings(), aws.stepfunctions(), TokenBucket(WAKES_A_SECOND).take)
