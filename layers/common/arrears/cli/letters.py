"""`arrears letters`: the register of letters of an account."""

import argparse

from arrears.cli.errors import Subparsers
from arrears.cli.parsing import add_stack


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("letters", help="the letters of an account: kind, hash, dates, tracking number")
    parser.add_argument("account_id", metavar="ACCOUNT_ID")
    add_stack(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from arrears.register import register_of
    from arrears.stack import connect

    stack = connect(arguments.stack)
    found = 0
    for record in stack.table.cases(arguments.account_id):
        for letter in register_of(envelope.event for envelope in stack.table.envelopes(record.case.case_id)):
            found += 1
            print(f"{letter.letter_id}  {letter.kind}  sha256 {letter.sha256}")
            for what, on in letter.dates:
                print(f"    {on}  {what}")
            if letter.tracking_number:
                print(f"    tracking number {letter.tracking_number}")
    if not found:
        print(f"no letter was written for account {arguments.account_id}")
    return 0
