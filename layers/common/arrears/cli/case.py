"""`arrears case`: a case, its history and what comes next; and letting a parked action be tried again."""

import argparse
import getpass

from arrears.cli import explain_case
from arrears.cli.parsing import add_stack


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the group to the command line."""
    group = subparsers.add_parser("case", help="a case, its history and what comes next")
    commands = group.add_subparsers(dest="command", required=True, metavar="COMMAND")
    show = commands.add_parser("show", help="the case of an account, its history and what comes next")
    show.add_argument("account_id", metavar="ACCOUNT_ID")
    add_stack(show)
    show.set_defaults(run=_show)
    explain_case.add_parser(commands)
    retry = commands.add_parser("retry", help="let an action that failed for good be tried again")
    retry.add_argument("case_id", metavar="CASE_ID")
    retry.add_argument("--by", default=None, help="who decides it; without it, who is logged in")
    add_stack(retry)
    retry.set_defaults(run=_retry)


def _show(arguments: argparse.Namespace) -> int:
    from arrears.describe import holds, holds_and_plans, in_words
    from arrears.domain.case import Case
    from arrears.domain.decide import Act, Close, Wait, opens_on
    from arrears.domain.turn import take_turn
    from arrears.stack import connect
    from arrears.switches import may_be_held

    stack = connect(arguments.stack)
    account = stack.table.account(arguments.account_id)
    if account.version == 0:
        print(f"account {arguments.account_id} is not known")
        return 1
    clock, policies = stack.settings.clock(), stack.settings.policies()
    switches = stack.settings.switches()
    now = clock.now(account.account.timezone)
    arrears, days = account.account.arrears(now.on), account.account.days_past_due(now.on)
    print(f"account {arguments.account_id} on {now.on}: arrears {arrears or 'not known'}, {days or 0} days past due")
    records = stack.table.cases(arguments.account_id)
    for record in records:
        case = record.case
        state = f"closed on {case.closed_on}" if not case.is_open else f"open, stage {case.stage or 'none yet'}"
        print(f"\ncase {case.case_id}: {state}{', IN SHADOW: nothing of it leaves the bank' if case.shadow else ''}")
        for envelope in stack.table.envelopes(case.case_id):
            decided = f"  [{envelope.policy}]" if envelope.policy else ""
            print(f"  {envelope.number:>4}  {envelope.at:%Y-%m-%d %H:%M}  {in_words(envelope.event)}{decided}")
        if case.is_open:
            policy = policies.for_case(case, now.on).policy
            for line in holds_and_plans(case, policy, now.on):
                print(f"  {line}")
            _, _, decision = take_turn(case, policy, now)
            if isinstance(decision, Act):
                held = switches.holds(shadow_case=case.shadow) if may_be_held(decision.action) else None
                when = f"as soon as it may ({held})" if held else "now"
                print(f"  next: {decision.action}, {when}: {decision.reason}")
            elif isinstance(decision, Wait):
                until = f"on {decision.until.on}" if decision.until else "when there is news"
                print(f"  next: looked at again {until}: {decision.reason}")
            elif isinstance(decision, Close):
                print(f"  next: closes: {decision.reason}")
    if not any(record.case.is_open for record in records):
        policy = policies.for_new(now.on).policy
        due = opens_on(account.account, policy, now.on)
        print(f"\nno case is open; {f'one opens on {due}' if due else 'none opens by what is known'}")
        for line in holds(Case("", account.account, now.on), policy, now.on):
            print(f"  {line}")
    return 0


def _retry(arguments: argparse.Namespace) -> int:
    from arrears.stack import connect
    from arrears.usecases.retry import Retry

    stack = connect(arguments.stack)
    action_id = Retry(stack.table, stack.settings)(arguments.case_id, arguments.by or getpass.getuser())
    print(f"{action_id} is tried again")
    return 0
