"""What several commands read from the command line."""

import argparse
from datetime import date

from arrears.cli.errors import Subparsers

#: As in files; the months after a date have to be dates too.
_YEARS = range(1900, 2200)


def a_date(text: str) -> date:
    """Return a date that was given as YYYY-MM-DD."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text or found.year not in _YEARS:
        raise argparse.ArgumentTypeError(f"{text} is no date such as 2005-06-18 (of 1900 to 2199)")
    return found


def add_stack(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which stack a command speaks to."""
    parser.add_argument("--stack", help="a stack on AWS; without it, the embedded stack of this folder")


def add_command(commands: Subparsers, name: str, summary: str) -> argparse.ArgumentParser:
    """Add a command that speaks to a stack to a group."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    add_stack(parser)
    return parser
