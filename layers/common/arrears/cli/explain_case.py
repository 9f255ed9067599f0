"""`arrears case explain`: why something was done for a case on a date, or was not."""

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import a_date, add_stack

if TYPE_CHECKING:
    from arrears.case_explained import Told

_FILES = ("portfolio", "payments", "calls", "holds", "letters", "receipts", "optouts", "freezes", "returns")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the group `case`."""
    summary = "why something was done for an account on a date or was not, and what comes next"
    parser = subparsers.add_parser(
        "explain",
        help=summary,
        description=f"Tell {summary}: by the events that were known then and the policy that counted then, from the "
        "deployed table; or, with --portfolio and --policy, from files, as `arrears simulate` plays them.",
    )
    parser.add_argument("account_id", metavar="ACCOUNT_ID")
    parser.add_argument(
        "--on", metavar="DATE", type=a_date, help="the date; without it, the business date now (files: the last one)"
    )
    add_stack(parser)
    for kind in _FILES:
        parser.add_argument(f"--{kind}", metavar="PATH", type=Path, nargs="+", action="extend", default=[])
    parser.add_argument("--policy", metavar="FILE", help="with files: the policy that is played")
    parser.add_argument(
        "--from", dest="first", metavar="DATE", type=a_date, help="with files: the first date played; the first known"
    )
    parser.set_defaults(run=explain)


def explain(args: argparse.Namespace) -> int:
    """Print the explanation; 1 where no case was open on the date, with the reason."""
    from arrears.case_explained import explain_case

    if bool(args.portfolio) != bool(args.policy):
        raise CommandError("--portfolio and --policy go together: without both, the deployed table is asked", 2)
    told = _from_files(args) if args.portfolio else _from_stack(args)
    if isinstance(told, str):
        print(told)
        return 1
    for index, each in enumerate(told):
        if index:
            print()
        for line in explain_case(each):
            print(line)
    return 0


def _from_stack(args: argparse.Namespace) -> "list[Told] | str":
    from arrears.stack import connect
    from arrears.usecases.explain import Explain

    stack = connect(args.stack)
    return Explain(stack.table, stack.settings)(args.account_id, args.on)


def _from_files(args: argparse.Namespace) -> "list[Told] | str":
    from arrears.cli.policy import load
    from arrears.simulate import Inputs, InputsError
    from arrears.simulate.told import told_from_files

    policy = load(args.policy).policy
    try:
        inputs = Inputs(**{kind: getattr(args, kind) for kind in _FILES})
        return told_from_files(inputs, policy, args.account_id, args.on or date.max, args.first)
    except InputsError as error:
        raise CommandError(str(error), 2) from None
