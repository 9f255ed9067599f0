"""`arrears audit`: whether the record of the cases holds."""

import argparse

from arrears.cli.parsing import add_stack


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the group to the command line."""
    group = subparsers.add_parser("audit", help="whether the record of the cases holds")
    commands = group.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="replay the events against the stored cases and check the chain")
    verify.add_argument("account_id", nargs="?", metavar="ACCOUNT_ID", help="one account; without it, every one")
    verify.add_argument("--table", help="a table restored under another name, instead of the stack's own")
    add_stack(verify)
    verify.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from arrears.stack import connect
    from arrears.usecases.audit import Audit

    stack = connect(arguments.stack)
    table = stack.table if arguments.table is None else stack.other_table(arguments.table)
    audit = Audit(table)
    cases = events = wrong = 0
    for account_id in [arguments.account_id] if arguments.account_id else sorted(set(table.with_cases())):
        for record, findings in audit.account(account_id):
            cases, events = cases + 1, events + record.case.version
            wrong += bool(findings)
            for finding in findings:
                print(finding)
    if not cases:
        print("no case to verify")
        return 1 if arguments.account_id else 0
    print(f"{cases} cases with {events} events: {f'{wrong} do not hold' if wrong else 'the chain holds for all'}")
    return 1 if wrong else 0
