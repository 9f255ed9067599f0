"""`arrears policy publish`: a new policy for the deployed stack, as data."""

import argparse

from arrears.cli.errors import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the group `policy`."""
    summary = "check a policy and make it the active one of the deployed stack"
    parser = subparsers.add_parser("publish", help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("file", metavar="FILE", help="a policy, YAML or JSON")
    parser.add_argument("--stack", help="a stack on AWS; without it, the embedded stack of this folder")
    parser.set_defaults(run=publish)


def publish(args: argparse.Namespace) -> int:
    """Make a good policy the active one. A bad one changes nothing."""
    from arrears.cli.policy import load
    from arrears.stack import connect

    policy_file = load(args.file)
    connect(args.stack).settings.publish(policy_file.document(), policy_file.policy.label)
    print(f"{policy_file.policy.label} is the active policy")
    return 0
