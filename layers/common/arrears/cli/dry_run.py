"""`arrears policy dry-run`: what a policy would do tomorrow for the open cases that the active one would not."""

import argparse
import csv
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import a_date, add_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from arrears.usecases.dry_run import Different

#: So many cases are shown; the file has all of them.
_SHOWN = 20


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the group `policy`."""
    summary = "tell for whom of the open cases a policy would do something else than the active one"
    parser = subparsers.add_parser(
        "dry-run",
        help=summary,
        description=f"{summary.capitalize()}: tomorrow, or until a date, if nothing new comes in. Nothing is written.",
    )
    parser.add_argument("file", metavar="FILE", help="a policy, YAML or JSON")
    parser.add_argument("--on", metavar="DATE", type=a_date, help="look from tomorrow through this date")
    parser.add_argument("--out", metavar="CSV", type=Path, help="write a row for each case that is treated differently")
    add_stack(parser)
    parser.set_defaults(run=dry_run)


def dry_run(args: argparse.Namespace) -> int:
    """Count and list the cases; nothing that differs is no failure."""
    from arrears.cli.policy import load
    from arrears.stack import connect
    from arrears.usecases.dry_run import CHANGES, DryRun

    document = load(args.file).document()
    stack = connect(args.stack)
    today = stack.settings.clock().now("Etc/GMT+12").on
    if args.on is not None and args.on <= today:
        raise CommandError(f"--on {args.on}: the business date is {today}; name a later one", 2)
    run = DryRun(stack.table, stack.settings, stack.settings.read(document).policy, args.on)
    shown: list[Different] = []
    with _listed(args.out) as write:
        for found in run:
            write(found)
            if len(shown) < _SHOWN:
                shown.append(found)
    print(f"{run.policy.label} instead of {stack.settings.active().policy.label}: {run.cases:,} open cases")
    for change in CHANGES:
        print(f"  {change:<55} {run.counts[change]:>10,}")
    print(f"  {'the same':<55} {run.cases - run.counts.total():>10,}")
    for found in shown:
        row = found.row()
        print(f"{row['case_id']}: {row['change']}: {row['before'] or 'nothing'} -> {row['after'] or 'nothing'}")
    if run.counts.total() > len(shown):
        print(f"and {run.counts.total() - len(shown):,} more" + ("" if args.out else ": --out CSV lists them all"))
    return 0


@contextmanager
def _listed(path: Path | None) -> "Iterator[Callable[[Different], object]]":
    """Open the list, where one is asked for, and give what writes a case into it."""
    from arrears.csv_safe import safe_cell
    from arrears.usecases.dry_run import COLUMNS

    if path is None:
        yield lambda _: None
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        yield lambda found: writer.writerow({name: safe_cell(text) for name, text in found.row().items()})
