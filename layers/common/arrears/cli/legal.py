"""`arrears legal`: a legal officer's word, what must be sued by when, and a file for court made again."""

import argparse
from pathlib import Path

from arrears.cli import add_group
from arrears.cli.errors import CommandError, Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the group to the command line."""
    commands = add_group(subparsers, "legal")
    for name, summary in (("approve", "let a case be sued"), ("decline", "have a case not be sued")):
        parser = _command(commands, name, summary)
        parser.add_argument("case_id", metavar="CASE_ID")
        parser.add_argument("--by", required=True, help="the legal officer")
        parser.add_argument("--why", required=True, help="the reason, for the record")
        parser.set_defaults(run=_decide, approved=name == "approve")
    due = _command(commands, "due", "what waits to be sued or is barred soon, by the date of limitation")
    due.set_defaults(run=_due)
    rebuild = _command(commands, "rebuild", "make a file for court again from the events, and compare it")
    rebuild.add_argument("case_id", metavar="CASE_ID")
    rebuild.add_argument("--out", type=Path, help="a folder for what was made")
    rebuild.set_defaults(run=_rebuild)


def _command(commands: Subparsers, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("--stack", help="a stack on AWS; without it, the embedded stack of this folder")
    return parser


def _decide(args: argparse.Namespace) -> int:
    from arrears.stack import connect
    from arrears.usecases.orders import Orders

    stack = connect(args.stack)
    Orders(stack.table, stack.settings).decide(args.case_id, args.by, args.why, approved=args.approved)
    print(f"{args.case_id} is {'approved' if args.approved else 'declined'}")
    return 0


def _due(args: argparse.Namespace) -> int:
    from arrears.stack import connect
    from arrears.usecases.open_cases import OpenCases

    stack = connect(args.stack)
    found = OpenCases(stack.table, stack.settings).to_sue()
    print(f"{'file by':<12}{'case':<42}{'arrears':>20}  state")
    for due in found:
        on = stack.settings.clock().now(due.case.account.timezone).on
        by = due.by.isoformat() if due.by is not None else "-"
        print(f"{by:<12}{due.case.case_id:<42}{due.case.arrears(on)!s:>20}  {due.state}")
    print(f"{len(found)} cases")
    return 0


def _rebuild(args: argparse.Namespace) -> int:
    from arrears.adapters import aws
    from arrears.adapters.s3_objects import Bucket
    from arrears.effects.filed import FiledCases
    from arrears.stack import connect
    from arrears.usecases.rebuild import Rebuild

    stack = connect(args.stack)
    documents = Bucket(aws.s3(), stack.output("DocumentsBucket"))
    legal = Bucket(aws.s3(), stack.output("LegalBucket"))
    production = stack.parameters.get("Stage") == "prod"
    rebuild = Rebuild(stack.table, stack.settings, documents, legal, FiledCases(stack.table), production)
    made = rebuild(args.case_id)
    for name, body in made.files.items():
        if args.out is not None:
            path = args.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        print(f"{'same' if name not in made.different else 'DIFFERENT':<10}{name}")
    if made.different:
        raise CommandError(f"{len(made.different)} files are not what lies in {made.folder}")
    print(f"{len(made.files)} files are the same to the byte as in {made.folder}")
    return 0
