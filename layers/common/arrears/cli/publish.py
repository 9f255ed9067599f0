"""`arrears policy publish`: a new policy for the deployed stack, as data."""

import argparse
from typing import TYPE_CHECKING

from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import a_date, add_stack

if TYPE_CHECKING:
    from arrears.domain.rollout import Scope


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the group `policy`."""
    summary = "check a policy and make it the active one of the deployed stack"
    parser = subparsers.add_parser(
        "publish",
        help=summary,
        description=f"{summary.capitalize()}. It counts at once for all cases, unless told otherwise.",
    )
    parser.add_argument("file", metavar="FILE", help="a policy, YAML or JSON")
    parser.add_argument(
        "--new-cases-only",
        action="store_true",
        help="it counts only for cases that open from today on, or from --from on; the others keep theirs",
    )
    parser.add_argument(
        "--from", dest="since", metavar="DATE", type=a_date, help="it counts from this date on, where the account is"
    )
    add_stack(parser)
    parser.set_defaults(run=publish)


def publish(args: argparse.Namespace) -> int:
    """Make a good policy the active one. A bad one changes nothing."""
    from arrears.cli.policy import load, warn
    from arrears.stack import connect

    policy_file = load(args.file)
    label = policy_file.policy.label
    stack = connect(args.stack)
    if stack.settings.production and policy_file.lacking:
        lines = "\n".join(map(str, policy_file.lacking))
        raise CommandError(f"the policy is refused: this is a stack in production, where nothing stands in\n{lines}")
    warn(policy_file)
    scope: Scope = "new_cases" if args.new_cases_only else "all"
    rollout = stack.settings.publish(policy_file.document(), label, scope=scope, since=args.since)
    if rollout.scope == "new_cases":
        print(f"{label} is the policy of cases that open from {rollout.since} on; the others keep theirs")
    elif rollout.since is not None:
        print(f"{label} is the policy of all cases from {rollout.since} on")
    else:
        print(f"{label} is the active policy")
    return 0
