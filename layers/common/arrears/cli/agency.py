"""`arrears agency`: what agencies have, acknowledged and collected; recalls by an operator; sets written again."""

import argparse
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from arrears.cli import add_group
from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import a_date, add_command

if TYPE_CHECKING:
    from arrears.stack import Stack


def add_parser(subparsers: Subparsers) -> None:
    """Add the group to the command line."""
    commands = add_group(subparsers, "agency")
    status = add_command(commands, "status", "which day's sets are acknowledged, complained of, or not answered")
    status.add_argument("--since", type=a_date, metavar="DATE", help="30 days back without it")
    status.set_defaults(run=_status)
    allocation = add_command(commands, "allocation", "which agency got which case of a day, and why")
    allocation.add_argument("date", type=a_date, metavar="DATE")
    allocation.set_defaults(run=_allocation)
    listed = add_command(commands, "operator", "the operator's list: cases that go nowhere by themselves")
    listed.set_defaults(run=_operator)
    reissue = add_command(commands, "reissue", "write an agency's set of a closed day again, the same to the byte")
    reissue.add_argument("agency_id", metavar="AGENCY_ID")
    reissue.add_argument("date", type=a_date, metavar="DATE")
    reissue.set_defaults(run=_reissue)
    recall = add_command(commands, "recall", "have a case back from its agency")
    recall.add_argument("case_id", metavar="CASE_ID")
    recall.add_argument("--by", required=True, help="who orders it")
    recall.add_argument("--why", required=True, help="the reason, for the record")
    recall.set_defaults(run=_recall)
    statement = add_command(commands, "statement", "an agency's monthly statement, as CSV and PDF")
    statement.add_argument("agency_id", metavar="AGENCY_ID")
    statement.add_argument("month", metavar="YYYY-MM")
    statement.add_argument("--out", type=Path, default=Path(), help="the folder for its two files")
    statement.set_defaults(run=_statement)


def _connect(args: argparse.Namespace) -> "Stack":
    from arrears.stack import connect

    return connect(args.stack)


def _status(args: argparse.Namespace) -> int:
    from arrears.effects.exports import Exports
    from arrears.usecases.handovers import Handovers

    stack = _connect(args)
    clock, policy = stack.settings.clock(), stack.settings.active().policy
    timezone = stack.parameters.get("BusinessTimezone", "UTC")
    exports, today = Exports(stack.table), clock.now(timezone).on
    handovers = Handovers(exports, clock, timezone, policy.placements.acknowledge_within_hours)
    bad = 0
    print(f"{'date':<12}{'agency':<20}{'set':<12}{'cases':>6}  state")
    for each in handovers.since(args.since or today - timedelta(days=30), today):
        bad += each.state in ("overdue", "refused")
        state = f"{each.state}: {each.detail}" if each.detail else each.state
        print(f"{each.day.isoformat():<12}{each.agency_id:<20}{each.kind:<12}{each.cases:>6}  {state}")
    agencies = [agency.id for agency in policy.agencies] or [policy.agency_id]
    for agency_id in agencies:
        agency = policy.agency(agency_id)
        room = f" of {agency.capacity}" if agency is not None and agency.capacity is not None else ""
        print(f"{agency_id}: has {len(exports.cases_held(agency_id))}{room} cases")
    return 1 if bad else 0


def _allocation(args: argparse.Namespace) -> int:
    from arrears.effects.exports import Exports

    plan = Exports(_connect(args).table).plan(args.date)
    if plan is None:
        raise CommandError(f"nothing was allocated on {args.date}")
    for action_id, event in sorted(plan.items()):
        told = json.loads(event)
        print(f"{action_id.split('.', 1)[0]}  {told.get('agency_id') or 'deferred'}  {told['reason']}")
    return 0


def _operator(args: argparse.Namespace) -> int:
    from arrears.usecases.open_cases import OpenCases

    stack = _connect(args)
    count = 0
    for each in sorted(OpenCases(stack.table, stack.settings).listed(), key=lambda each: each.case.case_id):
        count += 1
        print(f"{each.case.case_id}  since {each.on}  {each.why}: {each.reason}")
    print(f"{count} cases for an operator")
    return 0


def _reissue(args: argparse.Namespace) -> int:
    stack = _connect(args)
    payload = json.dumps({"date": args.date.isoformat(), "reissue": args.agency_id})
    answer = stack.functions.invoke(FunctionName=stack.output("CloseExportDayFunction"), Payload=payload.encode())
    text = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise CommandError(json.loads(text).get("errorMessage", text[:500]))
    report = json.loads(text)
    print(f"{args.agency_id} {args.date}: {report['placements']} placements, {report['recalls']} recalls, as before")
    return 0


def _recall(args: argparse.Namespace) -> int:
    from arrears.usecases.orders import Orders

    stack = _connect(args)
    Orders(stack.table, stack.settings).recall(args.case_id, args.by, args.why)
    print(f"{args.case_id} is recalled with the next set of recalls")
    return 0


def _statement(args: argparse.Namespace) -> int:
    from arrears.effects.exports import Exports
    from arrears.effects.wording import Wordings
    from arrears.usecases.statements import Statements

    stack = _connect(args)
    wordings = Wordings(production=stack.settings.production)
    files = Statements(Exports(stack.table), wordings).files(args.agency_id, args.month, stack.settings.active())
    args.out.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        path = args.out / name
        path.write_bytes(body)
        print(path)
    return 0
