"""`arrears policy check | explain | diff | publish | dry-run`."""

import argparse
import sys
from typing import TYPE_CHECKING

from arrears.cli import add_group
from arrears.cli.errors import CommandError, Subparsers

if TYPE_CHECKING:
    from arrears.domain.policy import Policy
    from arrears.policy_file import PolicyFile


def add_parser(subparsers: Subparsers) -> None:
    """Add the group."""
    group = add_group(subparsers, "policy")
    for name, run, summary in (
        ("check", check, "tell what is wrong with a policy, with its place in the file"),
        ("explain", explain, "tell a policy as a calendar that a collections manager can read"),
    ):
        parser = group.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        parser.add_argument("file", metavar="FILE", help="a policy, YAML or JSON")
        parser.set_defaults(run=run)
    summary = "tell in words what differs between two policies"
    parser = group.add_parser("diff", help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("files", metavar="A B", nargs="+", help="two policies, YAML or JSON; with --active, one")
    parser.add_argument("--active", action="store_true", help="compare with the active policy of the deployed stack")
    parser.add_argument("--stack", help="with --active: a stack on AWS; without it, the embedded one of this folder")
    parser.set_defaults(run=diff)
    from arrears.cli import dry_run, publish

    publish.add_parser(group)
    dry_run.add_parser(group)


def load(file: str, *, check_templates: bool = True) -> "PolicyFile":
    """Read a policy that must be good; its templates too, unless it is only played.

    Raises:
        CommandError: it is not; the text has one line for each problem.
    """
    from arrears.policy_file import PolicyFileError, load_policy

    try:
        return load_policy(file, check_templates=check_templates)
    except PolicyFileError as error:
        raise CommandError(f"the policy is refused\n{error}") from None


def warn(policy_file: "PolicyFile") -> None:
    """Print what is no error but should be known, and what a stack in production would refuse."""
    for warning in policy_file.warnings:
        print(f"{warning} (warning)", file=sys.stderr)
    for lack in policy_file.lacking:
        print(f"{lack} (warning: in production the policy is refused)", file=sys.stderr)


def check(args: argparse.Namespace) -> int:
    """Print every problem and every warning; 1 when there is a problem."""
    from arrears.policy_file import PolicyFileError, load_policy

    try:
        policy_file = load_policy(args.file)
    except PolicyFileError as error:
        print(error, file=sys.stderr)
        return 1
    warn(policy_file)
    if sends_texts_without_budget(policy_file.policy):
        print(f"{args.file}: sms.monthly_budget: none, so SmsBudgetAlarm cannot ring (warning)", file=sys.stderr)
    in_production = "; in production it is refused until `bank` says what is named above" if policy_file.lacking else ""
    print(f"{args.file}: {policy_file.policy.label} is good{in_production}")
    return 0


def sends_texts_without_budget(policy: "Policy") -> bool:
    """Say whether what a policy's texts may cost in a month is set nowhere. A simulation does not look at it."""
    texts = any(step.action == "send_sms" for stage in policy.stages.values() for step in stage.steps)
    return texts and not policy.sms.monthly_budget


def explain(args: argparse.Namespace) -> int:
    """Print the policy as a calendar."""
    from arrears.explain import explain_policy

    policy_file = load(args.file)
    for line in explain_policy(policy_file.policy):
        print(line)
    warn(policy_file)
    return 0


def diff(args: argparse.Namespace) -> int:
    """Print a line for everything that differs; nothing that does is no failure."""
    from arrears.policy_diff import policy_differences

    if len(args.files) != (1 if args.active else 2):
        raise CommandError("name two policies, or one with --active", 2)
    first, second = [load(file).policy for file in args.files] if not args.active else _active_and(args)
    print(f"{first.label} -> {second.label}")
    lines = policy_differences(first, second)
    for line in lines or ["nothing differs"]:
        print(f"  {line}")
    return 0


def _active_and(args: argparse.Namespace) -> "tuple[Policy, Policy]":
    """Return the active policy of the stack, and the one of the file as that stack would play it."""
    from arrears.stack import connect

    document = load(args.files[0]).document()
    settings = connect(args.stack).settings
    return settings.active().policy, settings.read(document).policy
