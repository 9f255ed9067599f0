"""`arrears legal`: a legal officer's word, what must be sued by when, and a file for court made again."""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from arrears.cli import add_group
from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import add_command

if TYPE_CHECKING:
    from arrears.usecases.orders import Orders


def add_parser(subparsers: Subparsers) -> None:
    """Add the group to the command line."""
    commands = add_group(subparsers, "legal")
    for name, summary in (("approve", "let a case be sued"), ("decline", "have a case not be sued")):
        parser = add_command(commands, name, summary)
        parser.add_argument("case_id", metavar="CASE_ID", nargs="?" if name == "approve" else None)
        parser.add_argument("--by", required=name == "decline", help="the legal officer")
        parser.add_argument("--why", required=name == "decline", help="the reason, for the record")
        if name == "approve":
            parser.add_argument(
                "--file", type=Path, help="instead: many at once, a file of approvals whose rows say approve or decline"
            )
        parser.set_defaults(run=_decide, approved=name == "approve", file=None)
    due = add_command(commands, "due", "what waits to be sued or is barred soon, by the date of limitation")
    due.set_defaults(run=_due)
    rebuild = add_command(commands, "rebuild", "make a file for court again from the events, and compare it")
    rebuild.add_argument("case_id", metavar="CASE_ID")
    rebuild.add_argument("--out", type=Path, help="a folder for what was made")
    rebuild.set_defaults(run=_rebuild)


def _decide(args: argparse.Namespace) -> int:
    from arrears.stack import connect
    from arrears.usecases.orders import Orders

    one = (args.case_id, args.by, args.why)
    if any(one) if args.file is not None else not all(one):
        raise CommandError("name a case with --by and --why, or a --file", 2)
    stack = connect(args.stack)
    if args.file is not None:
        return _decide_many(Orders(stack.table, stack.settings), args.file)
    Orders(stack.table, stack.settings).decide(args.case_id, args.by, args.why, approved=args.approved)
    print(f"{args.case_id} is {'approved' if args.approved else 'declined'}")
    return 0


def _decide_many(orders: "Orders", path: Path) -> int:
    from arrears.files import RowError
    from arrears.usecases.approvals import Approvals

    counts: Counter[str] = Counter()
    for line, outcome in Approvals(orders)(path):
        if isinstance(outcome, RowError):
            print(f"{path}, line {line}: {outcome}", file=sys.stderr)
        counts["refused" if isinstance(outcome, RowError) else outcome] += 1
    print(f"{counts['recorded']} recorded, {counts['known']} known before, {counts['later']} of a later date")
    if counts["refused"]:
        raise CommandError(f"{counts['refused']} rows are refused")
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
    rebuild = Rebuild(stack.table, stack.settings, documents, legal, FiledCases(stack.table), stack.settings.production)
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
