"""`arrears simulate`: a policy over files, without a stack."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import a_date
from arrears.cli.played import add_assumed, add_files, inputs_of, load, then_of

if TYPE_CHECKING:
    from arrears.policy_file import PolicyFile
    from arrears.simulate import Inputs


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "simulate",
        help="play a policy over files of accounts and payments; no stack is needed",
        description="Play a policy over files: timeline.csv says what would be done for whom on which date and why, "
        "summary.json counts it, rejects.jsonl has the rows that were refused. A PATH may be a folder; files are CSV "
        "or JSON lines, packed with gzip or not. With more than one --policy each is played over the same files, read "
        "once, and has a folder of its own in DIR, by its name and version; --report puts them side by side.",
    )
    add_files(parser)
    parser.add_argument(
        "--policy",
        metavar="FILE",
        required=True,
        action="append",
        help="the policy; more than once, to compare several",
    )
    parser.add_argument(
        "--from", dest="first", metavar="DATE", type=a_date, required=True, help="the first date played"
    )
    parser.add_argument("--to", dest="last", metavar="DATE", type=a_date, required=True, help="the last date played")
    add_assumed(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="the folder for what comes out")
    parser.add_argument(
        "--report", metavar="FILE", type=Path, help="write a page (HTML, no network) that compares them"
    )
    parser.add_argument(
        "--cost",
        metavar="ACTION=AMOUNT",
        action="append",
        default=[],
        help="what one send_sms, queue_call, queue_letter, place_with_agency or file_legal costs, for the report",
    )
    parser.add_argument("--cost-currency", metavar="NAME", help="the currency of the costs, for the report")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play, and print in a few lines what happened."""
    from arrears.simulate import InputsError, simulate

    if args.first > args.last:
        raise CommandError(f"--to {args.last} is before --from {args.first}", 2)
    inputs, then = inputs_of(args), then_of(args)
    if then is not None and (len(args.policy) > 1 or args.report is not None):
        raise CommandError("--then is played after one --policy, and without --report", 2)
    if args.report is None and (args.cost or args.cost_currency is not None):
        raise CommandError("--cost and --cost-currency are for --report", 2)
    policies = [load(file) for file in args.policy]
    for policy_file in policies:
        for warning in policy_file.warnings:
            print(f"{warning} (warning)", file=sys.stderr)
        if policy_file.policy.sms.monthly_budget:
            what = "sms.monthly_budget: is not played; no text waits for the next month here (warning)"
            print(f"{policy_file.policy.label}: {what}", file=sys.stderr)
    try:
        if len(policies) > 1 or args.report is not None:
            _compare(args, inputs, policies)
        else:
            policy, after = policies[0].policy, args.approve_after
            played = simulate(inputs, policy, args.first, args.last, args.out, then=then, approve_after=after)
            _print(played, args.out)
    except InputsError as error:
        raise CommandError(str(error), 2) from None
    return 0


def _compare(args: argparse.Namespace, inputs: "Inputs", policies: "list[PolicyFile]") -> None:
    from arrears.simulate.report import Costs, write_report
    from arrears.simulate.several import simulate_each

    try:
        costs = Costs.parsed(args.cost, args.cost_currency)
    except ValueError as error:
        raise CommandError(f"--cost {error}", 2) from None
    if args.report is not None:
        _can_draw()
        _can_write(args.report)
    played = [policy_file.policy for policy_file in policies]
    outcomes, rolls = simulate_each(inputs, played, args.first, args.last, args.out, approve_after=args.approve_after)
    for outcome in outcomes:
        _print(outcome.summary, outcome.out)
    if args.report is not None:
        write_report(args.report, outcomes, rolls, args.first, args.last, costs)
        print(f"written: {args.report}")


def _can_draw() -> None:
    """Tell before anything is played that the page's pictures cannot be drawn here."""
    try:
        import vl_convert  # noqa: F401 - whether it is there
    except ImportError:
        raise CommandError("--report needs the package vl-convert-python, which is not installed here") from None


def _can_write(page: Path) -> None:
    """Tell before anything is played that the page cannot lie there.

    Raises:
        OSError: its folder cannot be made.
    """
    if page.is_dir():
        raise CommandError(f"--report {page}: is a folder; name the file in it", 2)
    page.parent.mkdir(parents=True, exist_ok=True)


def _print(summary: Mapping[str, Any], out: Path) -> None:
    cases = summary["cases"]
    print(f"{summary['policy']} from {summary['from']} through {summary['to']}: {summary['accounts']:,} accounts")
    print(f"cases: {cases['opened']:,} opened, {cases['closed']:,} cured, {cases['open']:,} open at the end")
    for stage, cured in summary["cured_by_stage"].items():
        still = summary["open_by_stage"][stage]
        if cured or still:
            print(f"  {'before any stage' if stage == 'none' else stage:<20} {cured:>8,} cured {still:>8,} still open")
    print(f"agencies: {summary['placed']:,} placed, {summary['recalled']:,} recalled; in court: {summary['filed']:,}")
    if summary["awaiting_approval"]:
        print(f"{summary['awaiting_approval']:,} cases await a legal officer's approval (--approvals, --approve-after)")
    if summary["approve_after_days"] is not None:
        print(f"assumed: what waits for a legal officer is approved after {summary['approve_after_days']} days")
    print(f"written: {out / 'timeline.csv'}, {out / 'summary.json'}")
    if summary["rejected"]:
        print(f"{summary['rejected']:,} rows were refused: see {out / 'rejects.jsonl'}", file=sys.stderr)
