"""`make chaos`: the embedded stack, disturbed, ends with the timeline of an undisturbed run.

A stretch of the sample, with about a hundred cases, is played by the simulator and then on the stack, each time on a
fresh one: undisturbed; with workers of the functions killed in the middle of their work all along; and with the whole
stack stopped and started again, within dates and between them. The timelines have no times of day, and must be the same
row by row.

One thing cannot be the same: a text whose worker was killed between sending and recording may or may not have gone out.
It is recorded as uncertain, stands in the timeline like one that was sent, and is not sent again; such texts are
counted. The record must verify after each round, and no text may have gone out more often than it was planned.

What is killed when is drawn from a seed. What a worker is doing at that moment is up to the machine, so the same seed
makes a like round, not the very same one.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from arrears.adapters import aws
from arrears.domain.dates import ONE_DAY
from arrears.domain.events import ActionDone, ActionFailed, ActionPlanned, ActionUncertain, Event
from arrears.domain.timeline import Row
from arrears.errors import ArrearsError
from arrears.local.diary import Diary
from arrears.local.driver import ACTIVITY, Driver
from arrears.local.drops import Drops
from arrears.stack import Stack, connect
from infra.local.agree import differences
from infra.local.demo import HERE, ROOT, SAMPLE, DemoError, simulated, write_timeline

FIRST, THROUGH = date(2005, 9, 25), date(2005, 10, 30)
#: A worker is killed at random moments so far apart, in seconds.
KILL_EVERY = (0.3, 2.0)
#: What a schedule could not do at all its tries, its next tick does; and a file that was not taken in is dropped again.
TICKS = 20
#: How often the stack is stopped: within busy dates, and between dates.
STOPS_WITHIN, STOPS_BETWEEN = 4, 2
#: What an outage looks like from outside.
OUTAGE = (ArrearsError, BotoCoreError, ClientError, urllib3.exceptions.HTTPError, OSError)


def activity(endpoint: str) -> dict[str, Any]:
    """What the stack's server tells of itself."""
    with urllib.request.urlopen(f"{endpoint}{ACTIVITY}", timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


class Outage:
    """An outage that comes while a date is played, or at its end if it had not come by then."""

    def __init__(self, comes: Callable[[threading.Event], None]) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=comes, args=(self._over,))
        self._thread.start()

    def wait(self, *, over: bool = False) -> None:
        """Wait until it has passed; `over` says that the date is played."""
        if over:
            self._over.set()
        self._thread.join()


class Disturbance(Protocol):
    """Goes on beside the dates that are played."""

    def begin(self, on: date) -> Outage | None:
        """Be told that a date begins; return what goes on while it is played, if it has an end."""
        ...


@dataclass
class Killer:
    """Kills workers that are at work, until it is told to stop; of no function twice in a row, or none would get done.

    Attributes:
        every: the least and the most time between two, in seconds.
        most: so many are killed at most.
        killed: how many workers of each function.
    """

    endpoint: str
    random: random.Random
    every: tuple[float, float] = KILL_EVERY
    most: int = 1_000_000
    killed: Counter[str] = field(default_factory=Counter)
    _end: threading.Event = field(default_factory=threading.Event, repr=False)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop killing."""
        self._end.set()
        self._thread.join()

    def begin(self, on: date) -> Outage | None:
        """Go on as before."""

    def _run(self) -> None:
        last = ""
        while self.killed.total() < self.most and not self._end.wait(self.random.uniform(*self.every)):
            workers: dict[str, str] = activity(self.endpoint)["workers"]
            pids = sorted(pid for pid, function in workers.items() if function != last)
            if pids:
                pid = self.random.choice(pids)
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                last = workers[pid]
                self.killed[last.split("-")[1]] += 1


@dataclass
class Outages:
    """Stops the stack and starts it again.

    Attributes:
        folder: of the stack.
        within: for some dates, after how much work of theirs the stack is stopped.
        before: the dates before which it is stopped.
        stopped: how often it was.
    """

    folder: Path
    endpoint: str
    within: dict[date, int] = field(default_factory=dict)
    before: set[date] = field(default_factory=set)
    stopped: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def drawn(cls, folder: Path, endpoint: str, rows: Sequence[Row], draw: random.Random) -> "Outages":
        """Return outages within the dates that have most to do, and before some others."""
        busy = Counter(row.date for row in rows)
        within = {on: draw.randint(10, 10 + 3 * count) for on, count in busy.most_common(STOPS_WITHIN)}
        others = sorted(set(busy) - set(within))
        return cls(folder, endpoint, within, set(draw.sample(others, min(STOPS_BETWEEN, len(others)))))

    def begin(self, on: date) -> Outage | None:
        """Stop before a date, or have the stack stopped while it is played."""
        if on in self.before:
            self.before.discard(on)
            self._restart("between dates")
        work = self.within.pop(on, None)
        if work is None:
            return None
        return Outage(partial(self._in_the_middle, activity(self.endpoint)["begun"] + work))

    def _in_the_middle(self, begun: int, over: threading.Event) -> None:
        while activity(self.endpoint)["begun"] < begun and not over.wait(0.02):
            pass
        self._restart("between dates" if over.is_set() else "within dates")

    def _restart(self, when: str) -> None:
        with self._lock:
            stack_command("stop", self.folder)
            stack_command("up", self.folder, "--keep")
        self.stopped[when] += 1


# --- a round ----------------------------------------------------------------------------------------------------------
@dataclass
class Round:
    """What came of one.

    Attributes:
        wrong: what is not as it is to be.
        dropped_again: files whose import broke off, or of which nothing was heard after a restart.
        ticks: how often a date was gone on with.
    """

    rows: list[Row] = field(default_factory=list)
    uncertain: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    fresh_executions: int = 0
    dropped_again: int = 0
    ticks: int = 0
    wrong: list[str] = field(default_factory=list)


def stack_command(command: str, folder: Path, *options: str) -> None:
    """Run a command of `stack.py` quietly; raises `DemoError` with what it said when it fails."""
    program = [sys.executable, str(HERE / "stack.py"), command, "--state", str(folder / ".local"), *options]
    done = subprocess.run(program, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise DemoError(f"the embedded stack does not go {command}: {done.stdout}{done.stderr}")


def fresh(folder: Path, *options: str) -> Stack:
    """Bring up a stack on which nothing has been played, for this process's clients."""
    stack_command("down", folder)
    stack_command("up", folder, *options)
    for made in vars(aws).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()
    os.chdir(folder)
    return connect()


def put(stack: Stack, drops: Drops, on: date) -> int:
    """Drop the files of a date that have no good report; return how many that were."""
    count = 0
    for file in drops.on(on):
        bucket = stack.output("AgencyBucket" if file.is_agencys else "InboundBucket")
        if not _reported(bucket, file.key):
            aws.s3().put_object(Bucket=bucket, Key=file.key, Body=file.path.read_bytes())
            count += 1
    return count


def take_in(stack: Stack, drops: Drops, on: date) -> int:
    """Drop the files of a date until each is taken in, as its operator would; return how many were dropped again."""
    put(stack, drops, on)
    again = 0
    for _ in range(TICKS):
        come_to_rest(stack.functions.meta.endpoint_url)
        missing = put(stack, drops, on)
        if not missing:
            return again
        again += missing
    raise DemoError(f"the files of {on} are not taken in")


def come_to_rest(endpoint: str) -> None:
    """Wait until nothing is at work."""
    last = None
    while (told := activity(endpoint))["begun"] != last or not told["idle"]:
        last = told["begun"]
        time.sleep(0.05)


def _reported(bucket: str, key: str) -> bool:
    try:
        report = json.loads(aws.s3().get_object(Bucket=bucket, Key=f"reports/{key}.json")["Body"].read())
    except aws.s3().exceptions.NoSuchKey:
        return False
    return not report.get("error")


def play_date(stack: Stack, drops: Drops, on: date, found: Round, disturbance: "Disturbance | None") -> None:
    """Play a date to its end, through whatever outage comes."""
    outage = disturbance.begin(on) if disturbance is not None else None
    for tick in range(TICKS):
        try:
            found.dropped_again += take_in(stack, drops, on)
            Driver(stack).advance(on + ONE_DAY)
        except OUTAGE:
            if disturbance is None or tick == TICKS - 1:
                raise
            found.ticks += 1
            if outage is not None:
                outage.wait()
            if stack.settings.clock().set_to == on:
                continue
        break
    if outage is not None:
        outage.wait(over=True)


def play(stack: Stack, drops: Drops, through: date, disturbance: "Disturbance | None" = None) -> Round:
    """Play a fresh stack from the first files through a date."""
    found = Round()
    Driver(stack).set_clock(drops.dates[0])
    while (on := stack.settings.clock().set_to) is not None and on <= through:
        play_date(stack, drops, on, found, disturbance)
    look(stack, drops.dates[0], found)
    return found


# --- what must be true at the end -------------------------------------------------------------------------------------
def look(stack: Stack, since: date, found: Round) -> None:
    """Read what has happened, and check what can be without another round."""
    diary = Diary(stack.table)
    diary.look(since)
    found.rows = diary.rows()
    for case_id, history in diary.histories.items():
        plans = {event.action_id: event.action for event in history if isinstance(event, ActionPlanned)}
        found.uncertain.update(plans[event.action_id] for event in history if isinstance(event, ActionUncertain))
        found.wrong += [f"{case_id}: {each.error}" for each in history if isinstance(each, ActionFailed)]
        record = stack.table.case(case_id)
        found.fresh_executions += record.generation - 1 if record is not None else 0
    count_texts(stack, diary.histories, found)
    verified = subprocess.run(
        [sys.executable, "-m", "arrears.cli", "audit", "verify"], check=False, capture_output=True, text=True
    )
    if verified.returncode != 0:
        found.wrong.append(f"the record does not verify: {verified.stdout}{verified.stderr}")


def count_texts(
    stack: Stack, histories: Mapping[str, Sequence[Event]], found: Round, *, only_known: bool = False
) -> None:
    """Hold the texts that went out against those on record: as many as are certain, and none twice.

    With `only_known`, texts to numbers of other cases than these are left out.
    """
    done: Counter[str] = Counter()
    may_be: Counter[str] = Counter()
    for case_id, history in histories.items():
        profile = stack.table.account(case_id.rpartition("-")[0]).profile
        number = profile.phone_mobile if profile is not None else ""
        texts = {e.action_id for e in history if isinstance(e, ActionPlanned) and e.action == "send_sms"}
        done[number or ""] += sum(isinstance(e, ActionDone) and e.action_id in texts for e in history)
        may_be[number or ""] += sum(isinstance(e, ActionUncertain) and e.action_id in texts for e in history)
    url = f"{stack.functions.meta.endpoint_url}/_ministack/sns/sms-messages"
    with urllib.request.urlopen(url, timeout=30) as answer:
        sent = {number: len(texts) for number, texts in json.load(answer)["sms_messages"].items()}
    found.texts = sum(sent.values())
    for number in done.keys() if only_known else done.keys() | sent.keys():
        if not done[number] <= sent.get(number, 0) <= done[number] + may_be[number]:
            # The number is somebody's, and stays out of what is printed.
            found.wrong.append(
                f"{sent.get(number, 0)} texts went to a number for which {done[number]} are on record as sent and"
                f" {may_be[number]} as uncertain"
            )


def compare(name: str, found: Round, expected: Sequence[Row]) -> None:
    """Raise `DemoError` when a round did not end as the undisturbed one."""
    wrong = found.wrong + differences(found.rows, expected)
    if wrong:
        raise DemoError("\n".join([f"{name}: {len(wrong)} differences", *wrong[:40]]))
    uncertain = ", ".join(f"{count} {action}" for action, count in sorted(found.uncertain.items())) or "none"
    print(f"  the same {len(found.rows)} rows; {found.texts} texts went out, none twice; uncertain: {uncertain}")
    print(
        f"  {found.fresh_executions} executions took over from lost ones; {found.dropped_again} files were dropped"
        f" again; dates were gone on with {found.ticks} times; every chain verifies",
        flush=True,
    )


# --- the three rounds -------------------------------------------------------------------------------------------------
def stretch(first: date, through: date, to: Path) -> Drops:
    """Copy the sample's files of some dates."""
    whole = Drops(SAMPLE)
    for day in (day for day in whole.dates if first <= day <= through):
        for file in whole.on(day):
            path = to / day.isoformat() / file.key
            path.parent.mkdir(parents=True)
            shutil.copyfile(file.path, path)
    return Drops(to)


def run(folder: Path, first: date, through: date, seed: int, rounds: Sequence[str]) -> None:
    """Play the rounds; raises `DemoError` where one is not as it is to be."""
    papers = folder / "papers"
    shutil.rmtree(papers, ignore_errors=True)
    drops = stretch(first, through, papers / "drops")
    stack = fresh(folder)
    expected = simulated(drops, stack, through, papers / "approvals", papers / "simulated")
    cases = len({row.case_id for row in expected})
    print(f"{first} to {through}: {cases} cases, {len(expected)} rows of timeline; seed {seed}", flush=True)
    used = False
    for name in rounds:
        began, draw = time.monotonic(), random.Random(f"{seed} {name}")  # noqa: S311 - a seed is what is wanted
        print(name, flush=True)
        keeps = name == "restarted"
        if used or keeps:
            stack = fresh(folder, *(["--keep"] if keeps else []))
        used, endpoint = True, stack.functions.meta.endpoint_url
        if name == "killed":
            with Killer(endpoint, draw) as killer:
                found = play(stack, drops, through, killer)
            told = ", ".join(f"{count} {function}" for function, count in killer.killed.most_common())
            print(f"  {killer.killed.total()} workers killed: {told}")
        elif keeps:
            outages = Outages.drawn(folder, endpoint, expected, draw)
            found = play(stack, drops, through, outages)
            told = ", ".join(f"{count} times {when}" for when, count in outages.stopped.items())
            print(f"  stopped and started {told}")
        else:
            found = play(stack, drops, through)
        write_timeline(found.rows, papers / f"timeline-{name}.csv")
        compare(name, found, expected)
        print(f"  {time.monotonic() - began:.0f} s", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Disturb the stack and look."""
    rounds = ("undisturbed", "killed", "restarted")
    parser = argparse.ArgumentParser(
        prog="chaos.py", description="The embedded stack, disturbed, tells the same story."
    )
    parser.add_argument("--folder", type=Path, default=ROOT / ".local/chaos", help="for a stack of its own")
    parser.add_argument("--first", type=date.fromisoformat, default=FIRST, help=f"the first date ({FIRST})")
    parser.add_argument("--through", type=date.fromisoformat, default=THROUGH, help=f"the last one ({THROUGH})")
    parser.add_argument("--seed", type=int, default=1, help="what is killed when (1)")
    parser.add_argument("--rounds", nargs="+", choices=rounds, default=rounds, help="which are played")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.absolute()
    (folder / ".local").mkdir(parents=True, exist_ok=True)
    try:
        run(folder, options.first, options.through, options.seed, options.rounds)
    except (ArrearsError, DemoError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    finally:
        stack_command("down", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
