"""`arrears policy publish` and `history`: a new policy for the deployed stack, as data, and those there were."""

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import a_date, add_stack

if TYPE_CHECKING:
    from arrears.adapters.settings import Settings
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
    parser.add_argument("--by", default=None, help="who decides it; without it, who is logged in")
    parser.add_argument("--why", default="", help="the reason, for the record")
    parser.add_argument(
        "--same-version",
        action="store_true",
        help="in production too, though another policy was published under the same name and version",
    )
    add_stack(parser)
    parser.set_defaults(run=publish)
    summary = "what was published when, for which cases, by whom and why"
    parser = subparsers.add_parser("history", help=summary, description=f"Tell {summary}, the first one first.")
    add_stack(parser)
    parser.set_defaults(run=history)


def publish(args: argparse.Namespace) -> int:
    """Make a good policy the active one. A bad one changes nothing."""
    from arrears.cli.policy import load, warn
    from arrears.stack import connect

    policy_file = load(args.file)
    label = policy_file.policy.label
    settings, document = connect(args.stack).settings, policy_file.document()
    if settings.production and policy_file.lacking:
        lines = "\n".join(map(str, policy_file.lacking))
        raise CommandError(f"the policy is refused: this is a stack in production, where nothing stands in\n{lines}")
    warn(policy_file)
    _warn_of_its_version(args, settings, document, label)
    if args.since is not None and args.since < settings.clock().now("UTC").on:
        print(f"--from {args.since} is over: it counts at once; what was done stays done (warning)", file=sys.stderr)
    scope: Scope = "new_cases" if args.new_cases_only else "all"
    by, why = " ".join((args.by or _who()).split()), " ".join(args.why.split())
    rollout = settings.publish(document, label, scope=scope, since=args.since, by=by, why=why)
    if rollout.scope == "new_cases":
        print(f"{label} is the policy of cases that open from {rollout.since} on; the others keep theirs")
    elif rollout.since is not None:
        print(f"{label} is the policy of all cases from {rollout.since} on")
    else:
        print(f"{label} is the active policy")
    return 0


def _who() -> str:
    """Return who is logged in; nobody where the system does not say, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _warn_of_its_version(args: argparse.Namespace, settings: "Settings", document: str, label: str) -> None:
    """Warn of another policy of the same name and version: decisions record no more than these.

    Raises:
        CommandError: likewise, in production.
    """
    if args.same_version and settings.production:
        return
    if settings.known_otherwise(document, label):
        said = f"another policy is known as {label}, and decisions record no more: give this one a higher version"
        if settings.production:
            raise CommandError(f"{said} (or --same-version)")
        print(f"{said} (warning)", file=sys.stderr)


def history(args: argparse.Namespace) -> int:
    """Print a line for every publication."""
    from arrears.stack import connect

    published = connect(args.stack).settings.published()
    for each in published:
        rollout = each.rollout
        whom = "new cases" if rollout.scope == "new_cases" else "all cases"
        counts = f"{whom} from {rollout.since} on" if rollout.since is not None else f"{whom} at once"
        told = f" by {each.by}" if each.by else ""
        print(f"{rollout.at[:16]:<16}  {rollout.label}  {counts}{told}{f': {each.why}' if each.why else ''}")
    print(f"{len(published)} published")
    return 0
