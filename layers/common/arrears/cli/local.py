"""`arrears local`: the business date of the embedded stack."""

import argparse
import sys
from datetime import date
from typing import TYPE_CHECKING

from arrears.cli.parsing import a_date

if TYPE_CHECKING:
    from collections.abc import Callable


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the group to the command line."""
    group = subparsers.add_parser("local", help="the embedded stack's business date")
    commands = group.add_subparsers(dest="command", required=True, metavar="COMMAND")
    clock = commands.add_parser("clock", help="set the business date of a stack that has no case yet")
    clock.add_argument("date", type=a_date, metavar="DATE")
    clock.set_defaults(run=_clock)
    advance = commands.add_parser("advance", help="play every day up to, not including, DATE")
    advance.add_argument("date", type=a_date, metavar="DATE")
    advance.set_defaults(run=_advance)


def _clock(arguments: argparse.Namespace) -> int:
    from arrears.local.driver import Driver
    from arrears.stack import connect

    Driver(connect()).set_clock(arguments.date)
    print(f"business date: {arguments.date}")
    return 0


def _advance(arguments: argparse.Namespace) -> int:
    from arrears.local.driver import Driver
    from arrears.stack import connect

    progress: Callable[[date], None] = _show if sys.stderr.isatty() else lambda _: None
    days = Driver(connect(), progress).advance(arguments.date)
    if days and sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"{days} days played; business date: {arguments.date}")
    return 0


def _show(played: date) -> None:
    print(f"\r{played}", end="", file=sys.stderr, flush=True)
