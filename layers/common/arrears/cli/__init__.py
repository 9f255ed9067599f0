"""The command line. Each group of commands is a module of this package and is imported only when it is named.

A group's module has `add_parser(subparsers)`, which adds its parser and sets `run`, a function from the parsed
arguments to an exit code: 0 is good, 1 is refused or a check that failed, 2 is a command line that makes no sense.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from arrears.cli.errors import CommandError, Subparsers
from arrears.errors import ArrearsError

#: What there is, and what `arrears --help` says of it.
GROUPS = {
    "simulate": "play a policy, or several, over files of accounts and payments; no stack is needed",
    "policy": "check, explain, compare or publish a policy",
    "case": "show a case of the deployed stack, or let a parked one go on",
    "agency": "what agencies have, acknowledged and collected; recall a case, write a set again",
    "legal": "approve or decline a suit, list what must be filed by when, make a file for court again",
    "letters": "the register of letters of an account",
    "ops": "how the stack stands, what it could not do, pause and shadow mode",
    "audit": "replay the stored events against the stored cases",
    "local": "set or advance the business date of the embedded stack",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parser_of(arguments).parse_args(arguments)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except (CommandError, ArrearsError) as error:
        print(f"arrears: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, CommandError) else 1
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"arrears: {_about_file(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _about_file(error: OSError) -> str:
    """Return what went wrong with which file; of one that is written beside its place first, the place is named."""
    name = error.filename2 or error.filename
    if name is None:
        return str(error)
    path = Path(os.fsdecode(name))
    if path.name.startswith(".") and path.suffix == ".partial":
        path = path.with_name(path.name.removeprefix(".").removesuffix(".partial"))
    return f"{path}: {error.strerror}"


def parser_of(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser that has the commands of the group that is named."""
    from arrears import __version__

    parser = argparse.ArgumentParser(
        prog="arrears", description="Credit-card collections, from the first missed payment to the courtroom."
    )
    parser.add_argument("--version", action="version", version=f"arrears {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    named = next((argument for argument in arguments if not argument.startswith("-")), None)
    for group, summary in GROUPS.items():
        if group == named:
            import_module(f"arrears.cli.{group}").add_parser(subparsers)
        else:
            subparsers.add_parser(group, help=summary)
    return parser


def add_group(subparsers: Subparsers, name: str) -> Subparsers:
    """Add a group that has commands of its own, and return what those are added to."""
    group = subparsers.add_parser(name, help=GROUPS[name], description=f"{GROUPS[name].capitalize()}.")
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)
