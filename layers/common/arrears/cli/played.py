"""What is played from files, as the command line says it: shared by all commands that play without a stack."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arrears.cli.errors import CommandError
from arrears.cli.parsing import a_date

if TYPE_CHECKING:
    from arrears.policy_file import PolicyFile
    from arrears.simulate import Inputs
    from arrears.simulate.player import Then

FILES = {
    "portfolio": "accounts as the bank saw them, one row for each account and date",
    "payments": "payments",
    "calls": "results of calls",
    "holds": "holds placed and lifted",
    "plans": "instalment plans agreed and cancelled",
    "letters": "what the mailing house reported",
    "receipts": "delivery receipts of text messages",
    "optouts": "cardholders who want no more texts",
    "freezes": "the core banking system's answers to requests to freeze an account",
    "returns": "what agencies reported",
    "approvals": "what a legal officer decided on filings that wait for approval",
}


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the options that name files."""
    for kind, what in FILES.items():
        parser.add_argument(f"--{kind}", metavar="PATH", type=Path, nargs="+", action="extend", default=[], help=what)
    parser.add_argument(
        "--drops",
        metavar="DIR",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="a folder with a folder for each date (2005-06-18/letters/...), laid out in it as in the buckets: what is "
        "in it comes in on that date, as on the stack, and what is told late is known late",
    )


def add_assumed(parser: argparse.ArgumentParser) -> None:
    """Add the options of a second policy, and of what a legal officer is taken to decide."""
    parser.add_argument("--then", metavar="FILE", help="a second policy, which is rolled out while the first is played")
    parser.add_argument("--then-from", metavar="DATE", type=a_date, help="the date from which it counts")
    parser.add_argument(
        "--then-new-cases-only", action="store_true", help="it counts only for cases that open from that date on"
    )
    parser.add_argument(
        "--approve-after",
        metavar="DAYS",
        type=_days,
        help="assume that every filing that waits for a legal officer's approval is approved so many days later, but "
        "for the cases of which --approvals tells; without it such a case waits",
    )


def _days(text: str) -> int:
    if not text.isdecimal() or len(text) > 4:  # noqa: PLR2004 - ten years at most
        raise argparse.ArgumentTypeError(f"{text} is no number of days from 0 to 9999")
    return int(text)


def inputs_of(args: argparse.Namespace) -> "Inputs":
    """Return the files that were named.

    Raises:
        CommandError: no accounts are among them.
    """
    from arrears.simulate import Inputs

    if not args.portfolio and not args.drops:
        raise CommandError("--portfolio or --drops is needed: without accounts there is nothing to play", 2)
    return Inputs(**{kind: getattr(args, kind) for kind in (*FILES, "drops")})


def then_of(args: argparse.Namespace) -> "Then | None":
    """Return the second policy and from when it counts; None where none is rolled out.

    Raises:
        CommandError: the one was given without the other, or the policy is refused.
    """
    from arrears.simulate.player import Then

    if (args.then is None) != (args.then_from is None):
        raise CommandError("--then and --then-from go together", 2)
    if args.then is None:
        if args.then_new_cases_only:
            raise CommandError("--then-new-cases-only is about --then", 2)
        return None
    return Then(load(args.then).policy, args.then_from, "new_cases" if args.then_new_cases_only else "all")


def load(file: str) -> "PolicyFile":
    """Return a policy that is played.

    Raises:
        CommandError: it is refused.
    """
    from arrears.cli.policy import load as load_good

    return load_good(file, check_templates=False)
