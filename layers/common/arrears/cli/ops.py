"""`arrears ops`: how the stack stands, what it could not do, and the two switches that stop what goes out."""

import argparse
import getpass
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from arrears.cli import add_group
from arrears.cli.errors import CommandError, Subparsers
from arrears.cli.parsing import add_command
from arrears.errors import ArrearsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from arrears.adapters.dead_letters import DeadLetterQueue
    from arrears.adapters.table import CaseRecord
    from arrears.stack import Stack
    from arrears.switches import Name, Switch
    from arrears.usecases.broken_imports import BrokenImports
    from arrears.usecases.status import Status

#: The queues of dead letters, and the output that has the URL of each.
QUEUES = {
    "DeadLetters": "DeadLettersUrl",
    "CallDeadLetters": "CallDeadLettersUrl",
    "LetterDeadLetters": "LetterDeadLettersUrl",
}
#: The queue that each one's tasks came from.
_SOURCES = {"CallDeadLetters": "CallQueueUrl", "LetterDeadLetters": "LetterQueueUrl"}
#: What is said before the reason of what became of a dead letter.
_OUTCOMES = {"again": "", "dropped": "DROPPED: ", "left": "LEFT: "}


def add_parser(subparsers: Subparsers) -> None:
    """Add the group to the command line."""
    commands = add_group(subparsers, "ops")
    status = add_command(commands, "status", "how the stack stands; exit 1 when something waits for somebody")
    status.add_argument("--quick", action="store_true", help="without loading the open cases: no stages, no parked")
    status.set_defaults(run=_status)
    add_command(commands, "parked", "actions that failed for good, each with its reason").set_defaults(run=_parked)
    add_command(commands, "dead", "dead letters, each with its reason").set_defaults(run=_dead)
    retry = add_command(commands, "retry", "let a parked action, or all of them, be tried again")
    _which(retry, "case_id", "CASE_ID")
    _who(retry)
    retry.set_defaults(run=_retry)
    redrive = add_command(commands, "redrive", "let a dead letter, or all of them, be tried again")
    _which(redrive, "message_id", "MESSAGE_ID")
    redrive.set_defaults(run=_redrive)
    add_command(commands, "imports", "files whose import broke off, each with its error").set_defaults(run=_imports)
    reimport = add_command(commands, "reimport", "have such a file, or all of them, imported again")
    _which(reimport, "key", "KEY")
    reimport.set_defaults(run=_reimport)
    recover = add_command(commands, "recover", "give a case, or every open one, a fresh execution; after a restore")
    _which(recover, "case_id", "CASE_ID")
    recover.set_defaults(run=_recover)
    restore = add_command(commands, "restore", "put accounts back as they are in a restored table; while paused")
    _which(restore, "account_id", "ACCOUNT_ID")
    restore.add_argument("--from", dest="source", required=True, metavar="TABLE", help="the restored table")
    restore.set_defaults(run=_restore)
    pause = add_command(commands, "pause", "stop all that goes out; what is taken back, and cures, go on")
    pause.add_argument("--by", required=True, help="who decides it")
    pause.add_argument("--why", required=True, help="the reason, for the record")
    pause.set_defaults(run=_pause)
    resume = add_command(
        commands, "resume", "let it go on; what waited goes out within the hour, inside hours and caps"
    )
    _who(resume)
    resume.set_defaults(run=_resume)
    shadow = add_command(commands, "shadow", "decide and record, and let nothing leave; off begins for real")
    shadow.add_argument("state", choices=["on", "off"])
    _who(shadow)
    shadow.add_argument("--why", default="", help="the reason, for the record; needed for on")
    shadow.set_defaults(run=_shadow)


def _which(parser: argparse.ArgumentParser, name: str, metavar: str) -> None:
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument(name, nargs="?", metavar=metavar)
    either.add_argument("--all", action="store_true", help="every one")


def _who(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", default=None, help="who decides it; without it, who is logged in")


def _connect(args: argparse.Namespace) -> "Stack":
    from arrears.stack import connect

    return connect(args.stack)


# --- how it stands ---------------------------------------------------------------------------------------------------
def _status(args: argparse.Namespace) -> int:
    from arrears.effects.exports import Exports
    from arrears.usecases.handovers import Handovers
    from arrears.usecases.status import Look

    stack = _connect(args)
    timezone = stack.parameters.get("BusinessTimezone", "UTC")
    hours = stack.settings.active().policy.placements.acknowledge_within_hours
    handovers = Handovers(Exports(stack.table), stack.settings.clock(), timezone, hours)
    status = Look(stack.table, stack.settings, handovers, timezone)(quick=args.quick)
    dead = {queue.name: queue.count() for queue in _queues(stack)}
    broken = len(list(_broken(stack)))
    for name, value in _lines(status, timezone, dead, broken, quick=args.quick):
        print(f"{name:<14}{value}")
    waits = status.parked or status.silent or any(dead.values()) or status.oldest_days or broken
    return 1 if waits else 0


def _lines(status: "Status", timezone: str, dead: dict[str, int], broken: int, *, quick: bool) -> list[tuple[str, str]]:
    clock, switches = status.clock, status.switches
    now = clock.now(timezone)
    stands = "set, being played" if clock.open else "set, not begun"
    scan = status.last_scan
    lines = [
        ("clock", f"{now.on} ({stands})" if clock.set_to else f"{now.on} {now.at:%H:%M} {timezone}"),
        ("policy", status.policy),
        ("goes out", f"NOTHING: PAUSED {switches.pause}" if switches.pause is not None else "yes"),
        ("shadow", f"ON {switches.shadow}" if switches.shadow is not None else "off"),
        ("last scan", f"{scan[0]:%Y-%m-%d %H:%M} UTC, {scan[1]} executions started" if scan else "none yet"),
        ("unscanned", f"{status.unscanned} accounts, the oldest due {status.oldest_days} days before today"),
        ("open cases", f"{status.open}: {status.waiting} wait, {status.running} take a turn"),
        ("due today", str(status.due_today)),
    ]
    if not quick:
        stages = ", ".join(f"{stage} {count}" for stage, count in sorted(status.stages.items()))
        lines += [
            ("by stage", stages or "none"),
            ("parked", f"{status.parked}{' (arrears ops parked)' if status.parked else ''}"),
            ("held", f"{status.held} have something due that may not go out"),
            ("in shadow", str(status.shadows)),
        ]
    lines += [(name, f"{count}{' (arrears ops dead)' if count else ''}") for name, count in _short(dead)]
    lines.append(("imports", f"{broken} broke off{' (arrears ops imports)' if broken else ''}"))
    lines.append(("hand-overs", f"{len(status.silent)} overdue or refused, {status.unanswered} not answered yet"))
    return lines


def _short(dead: dict[str, int]) -> list[tuple[str, int]]:
    words = {"DeadLetters": "dead letters", "CallDeadLetters": "dead calls", "LetterDeadLetters": "dead mail"}
    return [(words[name], count) for name, count in dead.items()]


def _queues(stack: "Stack") -> "list[DeadLetterQueue]":
    from arrears.adapters import aws
    from arrears.adapters.dead_letters import DeadLetterQueue

    return [DeadLetterQueue(aws.sqs(), name, stack.output(output)) for name, output in QUEUES.items()]


# --- what could not be done ------------------------------------------------------------------------------------------
def _parked(args: argparse.Namespace) -> int:
    from arrears.usecases.open_cases import OpenCases

    stack = _connect(args)
    found = OpenCases(stack.table, stack.settings).parked()
    for each in found:
        print(f"{each.case.case_id}  since {each.on}  {each.reason}")
    print(f"{len(found)} parked")
    return 0


@contextmanager
def _told(name: str, bad: list[str]) -> "Iterator[None]":
    """Say of what fails that it was not done, and why, and go on with the next."""
    try:
        yield
    except ArrearsError as error:
        bad.append(name)
        print(f"{name}  NOT DONE: {error}")


def _not_done(bad: "Sequence[str]") -> int:
    if bad:
        print(f"{len(bad)} could not be done")
    return 1 if bad else 0


def _retry(args: argparse.Namespace) -> int:
    from arrears.usecases.open_cases import OpenCases
    from arrears.usecases.retry import Retry

    stack = _connect(args)
    retry, by = Retry(stack.table, stack.settings), args.by or getpass.getuser()
    case_ids = [args.case_id]
    if args.all:
        case_ids = [each.case.case_id for each in OpenCases(stack.table, stack.settings).parked()]
    bad: list[str] = []
    for case_id in case_ids:
        with _told(case_id, bad):
            print(f"{retry(case_id, by)} is tried again")
    print(f"{len(case_ids) - len(bad)} tried again")
    return _not_done(bad)


def _dead(args: argparse.Namespace) -> int:
    from arrears.usecases.redrive import told

    count = 0
    for queue in _queues(_connect(args)):
        for letter in queue.look():
            count += 1
            what, why = told(letter)
            print(f"{letter.message_id}  {letter.queue}  {letter.since:%Y-%m-%d %H:%M}  {what}: {why}")
    print(f"{count} dead letters")
    return 0


def _redrive(args: argparse.Namespace) -> int:
    from arrears.adapters import aws
    from arrears.adapters.queues import FifoQueue
    from arrears.usecases.redrive import Redrive
    from arrears.usecases.wake import answer

    stack = _connect(args)
    states = aws.stepfunctions()

    def again(arn: str, payload: str) -> None:
        if ":states:" in arn:
            with aws.translated("states:StartExecution"):
                states.start_execution(stateMachineArn=arn, input=payload)
        else:
            with aws.translated("lambda:Invoke"):
                stack.functions.invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode())

    redrive = Redrive(
        stack.table,
        stack.settings,
        {name: FifoQueue(aws.sqs(), stack.output(output)) for name, output in _SOURCES.items()},
        again,
        stack.output("WakeCaseFunction"),
        lambda token: answer(states, token),
    )
    counts: Counter[str] = Counter()
    for queue in _queues(stack):
        for tried in redrive(queue, None if args.all else [args.message_id]):
            counts[tried.outcome] += 1
            print(f"{tried.letter.message_id}  {_OUTCOMES[tried.outcome]}{tried.what}")
    if not counts and not args.all:
        raise CommandError(f"there is no dead letter {args.message_id}")
    more = "".join(f", {counts[name]} {name}" for name in ("dropped", "left") if counts[name])
    print(f"{counts['again']} tried again{more}")
    return 1 if counts["left"] else 0


def _broken(stack: "Stack") -> "BrokenImports":
    from arrears.adapters import aws
    from arrears.adapters.s3_objects import Bucket
    from arrears.usecases.broken_imports import BrokenImports

    def start(payload: str) -> None:
        with aws.translated("states:StartExecution"):
            aws.stepfunctions().start_execution(stateMachineArn=stack.output("ImportArn"), input=payload)

    return BrokenImports(
        [Bucket(aws.s3(), stack.output(name)) for name in ("InboundBucket", "AgencyBucket")],
        start,
    )


def _imports(args: argparse.Namespace) -> int:
    count = 0
    for each in _broken(_connect(args)):
        count += 1
        print(f"{each.key}  {each.at}  {each.error}")
    print(f"{count} broke off; their reports and rejects/ say what is not in")
    return 0


def _reimport(args: argparse.Namespace) -> int:
    imports = _broken(_connect(args))
    wanted = [each for each in imports if args.all or each.key == args.key]
    if not wanted and not args.all:
        raise CommandError(f"no import of {args.key} broke off")
    bad: list[str] = []
    for each in wanted:
        with _told(each.key, bad):
            imports.again(each)
            print(f"{each.key} is imported again")
    print(f"{len(wanted) - len(bad)} imported again; their reports say what came of it")
    return _not_done(bad)


def _recover(args: argparse.Namespace) -> int:
    from arrears.usecases.open_cases import OpenCases
    from arrears.usecases.recover import Recover

    stack = _connect(args)
    recover = Recover(stack.table, stack.settings)
    records: Iterable[CaseRecord]
    if args.all:
        records = OpenCases(stack.table, stack.settings).records()
    else:
        record = stack.table.case(args.case_id)
        if record is None or not record.case.is_open:
            raise CommandError(f"there is no open case {args.case_id}")
        records = [record]
    count, bad = 0, list[str]()
    for record in records:
        with _told(record.case.case_id, bad):
            count += recover(record.case.case_id, record.generation)
    print(f"{count} cases are one generation on; the next scan starts an execution for each")
    print("An execution that still runs for one of them ends when it looks at it next.")
    return _not_done(bad)


def _restore(args: argparse.Namespace) -> int:
    from arrears.usecases.restore import Restore, RestoreAll

    stack = _connect(args)
    source = stack.other_table(args.source)
    pause = stack.settings.switches().pause
    if pause is None:
        raise CommandError("what goes out has to be paused first: arrears ops pause")
    if args.all:
        print(f"{RestoreAll(source, stack.table)()} items copied; the stack is still paused {pause}")
        print("Verify them (arrears audit verify), and give each open case an execution (arrears ops recover --all).")
        return 0
    restore = Restore(source, stack.table)
    # Told before anything is deleted: a second run would not find it any more.
    outside = list(restore.outside(args.account_id))
    if outside:
        print("What is undone did this outside, and only people can take it back there (docs/runbook/restore.md):")
        for line in outside:
            print(f"  {line}")
    print(f"{args.account_id} has {restore.account(args.account_id)} items, as in {args.source}")
    print("Verify it (arrears audit verify), and give its open case a fresh execution (arrears ops recover).")
    return 0


# --- the switches ----------------------------------------------------------------------------------------------------
def _turn(stack: "Stack", name: "Name", args: argparse.Namespace, *, on: bool) -> "Switch":
    by, why = args.by or getpass.getuser(), getattr(args, "why", "")
    return stack.settings.turn(name, on=on, by=by, why=why, at=stack.settings.clock().at("UTC"))


def _pause(args: argparse.Namespace) -> int:
    switch = _turn(_connect(args), "pause", args, on=True)
    print(f"what goes out is paused {switch}")
    print("What is due waits. Recalls, withdrawals and cures go on. What was handed over before is with its reader:")
    print("stop the dialler and the mailing house too. No agency gets a case when the day is closed. Go on with:")
    print("arrears ops resume")
    return 0


def _resume(args: argparse.Namespace) -> int:
    from arrears.usecases.restore import restored_from

    stack = _connect(args)
    source = restored_from(stack.table)
    if source is not None:
        raise CommandError(f"a restore is not done yet; go on with it: arrears ops restore --all --from {source}")
    switch = _turn(stack, "pause", args, on=False)
    print(f"it goes on; it was paused {switch}")
    print("What waited goes out within the hour, each case at a time of its own, inside contact hours and caps.")
    return 0


def _shadow(args: argparse.Namespace) -> int:
    from arrears.usecases.end_shadow import EndShadow

    stack = _connect(args)
    switch = stack.settings.switches().shadow
    if args.state == "on" or switch is not None:
        switch = _turn(stack, "shadow", args, on=args.state == "on")
    if args.state == "on":
        print(f"shadow mode is on {switch}")
        print("Cases that open from now on are decided on and recorded, and nothing of them leaves the bank.")
        return 0
    left: list[str] = []
    closed = EndShadow(stack.table, stack.settings)(lambda case_id, error: left.append(f"{case_id}: {error}"))
    for line in left:
        print(f"NOT DONE: {line}")
    print(f"shadow mode is off; {closed} cases that lived in it are closed")
    print("Their accounts are looked at anew from tomorrow on: what opens then is real, and begins with nothing done.")
    return _not_done(left)
