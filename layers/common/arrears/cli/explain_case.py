"""`arrears case explain`: why something was done for a case on a date, or was not."""

import argparse
from datetime import date
from typing import TYPE_CHECKING

from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import a_date, add_stack
from arrears.cli.played import FILES, add_assumed, add_files, inputs_of, load, then_of

if TYPE_CHECKING:
    from arrears.case_explained import Told

#: What makes sense only where files are played, beside the files.
_WITH_FILES = ("policy", "first", "then", "then_from", "then_new_cases_only", "approve_after")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the group `case`."""
    summary = "why something was done for an account on a date or was not, and what comes next"
    parser = subparsers.add_parser(
        "explain",
        help=summary,
        description=f"Tell {summary}: by the events that were known then and the policy that counted then, from the "
        "deployed table; or, with --policy and --portfolio or --drops, from files, as `arrears simulate` plays them.",
    )
    parser.add_argument("account_id", metavar="ACCOUNT_ID")
    parser.add_argument(
        "--on", metavar="DATE", type=a_date, help="the date; without it, the business date now (files: the last one)"
    )
    add_stack(parser)
    add_files(parser)
    parser.add_argument("--policy", metavar="FILE", help="with files: the policy that is played")
    parser.add_argument(
        "--from", dest="first", metavar="DATE", type=a_date, help="with files: the first date played; the first known"
    )
    add_assumed(parser)
    parser.set_defaults(run=explain)


def explain(args: argparse.Namespace) -> int:
    """Print the explanation; 1 where no case was open on the date, with the reason."""
    from arrears.case_explained import explain_case

    given = {name: getattr(args, name) for name in (*FILES, "drops", *_WITH_FILES)}
    from_files = [name for name, value in given.items() if value not in ([], None) and value is not False]
    if from_files and args.stack is not None:
        raise CommandError(f"--stack asks the deployed table, and {_option(from_files[0])} plays files", 2)
    if from_files and args.policy is None:
        raise CommandError(f"{_option(from_files[0])} plays files: --policy says which policy is played", 2)
    told = _from_files(args) if from_files else _from_stack(args)
    if isinstance(told, str):
        print(told)
        return 1
    for index, each in enumerate(told):
        if index:
            print()
        for line in explain_case(each):
            print(line)
    return 0


def _option(name: str) -> str:
    return "--from" if name == "first" else f"--{name.replace('_', '-')}"


def _from_stack(args: argparse.Namespace) -> "list[Told] | str":
    from arrears.stack import connect
    from arrears.usecases.explain import Explain

    stack = connect(args.stack)
    return Explain(stack.table, stack.settings)(args.account_id, args.on)


def _from_files(args: argparse.Namespace) -> "list[Told] | str":
    from arrears.simulate import InputsError
    from arrears.simulate.told import told_from_files

    inputs, then = inputs_of(args), then_of(args)
    if args.first is not None and args.on is not None and args.first > args.on:
        raise CommandError(f"--from {args.first} is after --on {args.on}: by then nothing is played", 2)
    policy, on = load(args.policy).policy, args.on or date.max
    try:
        return told_from_files(
            inputs, policy, args.account_id, on, args.first, then=then, approve_after=args.approve_after
        )
    except InputsError as error:
        raise CommandError(str(error), 2) from None
