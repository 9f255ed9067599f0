"""`make demo`: more than a year of collection on the embedded stack, with real accounts.

Brings the stack up, drops the sample's files into its buckets on their dates, and plays day after day: imports, scans,
texts, calls, letters, agencies, courts, all on the deployed functions and state machines. At the end it says what
became of the cases, tells one case's whole story, copies a few of the papers that were made to `.local/demo`, and holds
the stack's timeline against that of `arrears simulate` over the same files.

It exits with 0 only when cases were cured in every stage, placed with the agency, recalled, returned and taken to
court, nothing failed, and the simulator says the same.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from arrears.adapters import aws
from arrears.domain.case import Case, replay
from arrears.domain.dates import ONE_DAY
from arrears.domain.events import ActionDone, ActionFailed, ActionPlanned, ActionUncertain, Event, LegalDecided
from arrears.domain.timeline import COLUMNS, Row
from arrears.effects.folders import letter_key, placements_folder, recalls_folder
from arrears.errors import ArrearsError
from arrears.local import agencies_act
from arrears.local.diary import Diary, in_short
from arrears.local.driver import Driver
from arrears.local.drops import Drops
from arrears.local.funnel import Amounts, Funnel, funnel
from arrears.local.officer import Officer
from arrears.local.story import most_told, tell
from arrears.simulate import Inputs, simulate
from arrears.stack import Stack, connect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SAMPLE = HERE / "sample"
THROUGH = date(2006, 6, 30)
ARREARS = ".venv/bin/arrears"

WIDTH = 100
BAR = 24


class DemoError(Exception):
    """The demo does not show what it is to show."""


# --- the stack --------------------------------------------------------------------------------------------------------
def stack_command(command: str, folder: Path) -> None:
    """Run `stack.py up` or `down`; it says itself what it does."""
    program: list[str | Path] = [sys.executable, HERE / "stack.py", command, "--state", folder / ".local"]
    if subprocess.run(program, check=False).returncode != 0:
        raise DemoError(f"the embedded stack does not go {command}")


def fresh_stack(folder: Path) -> Stack:
    """A stack on which nothing has been played."""
    stack_file = folder / ".local/stack.json"
    if stack_file.is_file():
        try:
            played = connect().settings.clock().set_to is not None
        except ArrearsError:
            played = True  # it does not answer
        if played:
            print("a stack has played already: a fresh one is started", flush=True)
            stack_command("down", folder)
            for client in (aws.dynamodb, aws.s3, aws.stepfunctions):
                client.cache_clear()
    stack_command("up", folder)
    return connect()


# --- what is shown while it plays -------------------------------------------------------------------------------------
class Progress:
    """A line that is written over and over on a terminal; elsewhere a line for each week."""

    def __init__(self, first: date, last: date) -> None:
        self._first, self._days = first, (last - first).days + 1
        self._on_terminal = sys.stdout.isatty()
        self._week: list[Event] = []
        self._began = time.monotonic()

    def show(self, on: date, open_cases: int, events: list[Event]) -> None:
        """Show that a date has been played."""
        done = (on - self._first).days + 1
        if self._on_terminal:
            full = BAR * done // self._days
            bar = "█" * full + "░" * (BAR - full)
            line = f"{on} {bar} {done * 100 // self._days:3}%  {open_cases:3} open  {in_short(events)}"
            print(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)
            return
        self._week += events
        if done % 7 == 0 or done == self._days:
            print(f"{on}  {done * 100 // self._days:3}%  {open_cases:3} open  {in_short(self._week)}", flush=True)
            self._week = []

    def end(self) -> None:
        """Say how long it took."""
        if self._on_terminal:
            print()
        print(f"{self._days} days played in {time.monotonic() - self._began:.0f} s\n")


def play(stack: Stack, drops: Drops, through: date, approvals: Path) -> Diary:
    """Play from the date of the first files through a date; a legal officer decides each day what waits for that."""
    first = drops.dates[0]
    officer = Officer(stack, approvals)
    driver, diary, s3 = Driver(stack), Diary(stack.table), aws.s3()
    driver.set_clock(first)
    progress = Progress(first, through)
    print(f"playing {first} to {through} under {stack.settings.active().policy.label}", flush=True)

    def played(day: date) -> None:
        events = diary.look(day)
        progress.show(day, diary.open_cases, events)
        if day < through:
            officer.look(diary.histories)

    driver.played = played
    on, end = first, through + ONE_DAY
    while on < end:
        drops.put(stack, s3, [on])
        on = min((day for day in drops.dates if day > on), default=end)
        driver.advance(min(on, end))
    progress.end()
    return diary


# --- what became of the cases -----------------------------------------------------------------------------------------
def heading(text: str) -> None:
    """Print a heading."""
    print(f"{text}\n{'─' * len(text)}")


def in_words(amounts: Amounts) -> str:
    """Amounts with their currencies, rounded to whole units."""
    return ", ".join(f"{currency} {amount:,.0f}" for currency, amount in sorted(amounts.items())) or "nothing"


def show_funnel(found: Funnel, on: date) -> None:
    """Print what became of the cases."""
    heading(f"{found.cases} cases of {found.accounts} accounts, on {on}")
    print(f"{'stage':<16}{'entered':>9}{'cured here':>12}{'open here':>11}   owed by the open ones")
    for stage in found.stages:
        owed = in_words(stage.owed) if stage.open else "-"
        print(f"{stage.name:<16}{stage.entered:>9}{stage.cured:>12}{stage.open:>11}   {owed}")
    recalled = ", ".join(f"{count} on {why}" for why, count in sorted(found.recalled.items()))
    print(f"\nagency   {len(found.placements)} placements: {recalled} recalled; {found.returned} returned by it;")
    print(f"         {found.with_agency} with it now")
    print(f"court    {found.filed} cases filed, {found.in_court} there now, for {in_words(found.in_court_for)}")
    print(f"frozen   {found.frozen} accounts")
    print(
        f"money    {in_words(found.opened_with)} overdue when the cases opened; {in_words(found.paid)} paid while they"
        f" were open;\n         {in_words(found.owed)} owed now\n"
    )


def show_story(diary: Diary) -> None:
    """Tell one case's whole story."""
    case_id = most_told(diary.histories)
    heading(f"one case: {case_id}")
    said = None
    for on, words in tell(diary.histories[case_id]):
        label = f"{on}  " if on != said else " " * 12
        said = on
        print(fill(words, WIDTH, initial_indent=label, subsequent_indent=" " * 12))
    print()


# --- papers -----------------------------------------------------------------------------------------------------------
def done(diary: Diary, action: str) -> Iterator[tuple[Case, ActionDone]]:
    """Every action of a kind that was done, with its case as it is now."""
    for history in diary.histories.values():
        plans = {event.action_id: event for event in history if isinstance(event, ActionPlanned)}
        case = replay(history)
        for event in history:
            if case is not None and isinstance(event, ActionDone) and plans[event.action_id].action == action:
                yield case, event


def copy(s3: "S3Client", bucket: str, prefix: str, to: Path) -> int:
    """Copy what lies below a prefix; the number of files."""
    count = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            path = to / item["Key"].removeprefix(prefix) if item["Key"] != prefix else to
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
            count += 1
    return count


def copy_papers(stack: Stack, diary: Diary, to: Path) -> None:
    """Copy a letter in each language, a file for court, and a day of what the agency gets; say where it all lies."""
    s3 = aws.s3()
    heading("papers")
    for case, letter in done(diary, "queue_letter"):
        extract = case.account.extract(letter.on)
        path = to / f"letter-{(extract.language if extract else None) or 'en'}.pdf"
        if not path.exists() and copy(s3, stack.output("DocumentsBucket"), letter_key(letter.action_id), path):
            print(f"a letter              {path}")
    filed = [event for case, event in done(diary, "file_legal") if len(case.placements) > 0]
    if filed:
        folder = filed[-1].reference.rpartition("/")[0] + "/"
        copy(s3, stack.output("LegalBucket"), folder, to / "court")
        print(f"a file for court      {to / 'court'}")
    approved = sorted((to / "approvals").glob("*.csv"))
    if approved:
        print(f"what was approved     {len(approved)} files such as {approved[-1]}, each by `legal approve --file`")
    for action, folder_of in (("place_with_agency", placements_folder), ("recall_from_agency", recalls_folder)):
        days = [(event.on, case.placements[0].agency_id) for case, event in done(diary, action)]
        if days:
            on, agency_id = max(set(days), key=lambda day: (days.count(day), day))
            prefix = folder_of(agency_id, on)
            copy(s3, stack.output("AgencyBucket"), prefix, to / prefix)
            print(f"what the agency gets  {to / prefix}")
    print()
    for what, output, prefix in (
        ("letters, texts", "DocumentsBucket", ""),
        ("the agency's", "AgencyBucket", ""),
        ("for court", "LegalBucket", "date="),
        ("reports on files", "InboundBucket", "reports/"),
    ):
        print(f"all {what:<18}s3://{stack.output(output)}/{prefix}")
    print()


# --- is it all there? -------------------------------------------------------------------------------------------------
def simulated(drops: Drops, stack: Stack, through: date, approvals: Path, to: Path) -> list[Row]:
    """The timeline by `arrears simulate`."""
    inputs = Inputs(drops=[drops.folder], approvals=[approvals] if approvals.is_dir() else [])
    simulate(inputs, stack.settings.active().policy, drops.dates[0], through, to)
    with (to / "timeline.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.reader(opened))[1:]
    return [Row(date.fromisoformat(row[0]), *row[1:]) for row in rows]


def write_timeline(rows: Sequence[Row], path: Path) -> None:
    """Write the stack's timeline as the simulator writes its own."""
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([getattr(row, column) for column in COLUMNS] for row in rows)


def check(found: Funnel, diary: Diary, stack: Stack, ours: list[Row], theirs: list[Row]) -> None:
    """Raise `DemoError` for whatever is not as it is to be."""
    events = [event for history in diary.histories.values() for event in history]
    rejects = aws.s3().list_objects_v2(Bucket=stack.output("InboundBucket"), Prefix="rejects/").get("Contents", [])
    differing = next((pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]), None)
    wrong = [f"no case was cured in the stage {stage.name}" for stage in found.stages if not stage.cured]
    for missing, what in (
        (not found.with_agency, "no case is with the agency"),
        (not found.recalled["cured"], "no case was recalled because it was cured"),
        (not found.recalled["term"], "no case was recalled at the end of its term"),
        (not found.returned, "no case was returned by the agency"),
        (not found.in_court, "no case is in court"),
        (not any(isinstance(event, LegalDecided) for event in events), "no legal officer approved a filing"),
        (not found.frozen, "no account was frozen"),
        (any(isinstance(event, ActionFailed) for event in events), "an action failed"),
        (any(isinstance(event, ActionUncertain) for event in events), "it is not certain whether a text went out"),
        (bool(rejects), f"rows of {len(rejects)} files were refused"),
        (differing is not None, f"the simulator says otherwise: {differing}"),
        (len(ours) != len(theirs), f"the simulator has {len(theirs)} rows, the stack {len(ours)}"),
    ):
        if missing:
            wrong.append(what)
    if wrong:
        raise DemoError("; ".join(wrong))


def show_what_next(stack: Stack, diary: Diary, folder: Path, through: date) -> None:
    """Print how to look further."""
    endpoint = aws.s3().meta.endpoint_url
    arrears = ARREARS if folder == ROOT else f"{ROOT / ARREARS}"
    account_id = most_told(diary.histories).rpartition("-")[0]
    heading("look further")
    for command, what in (
        (f"{arrears} case show {account_id}", "this account, event by event"),
        (f"{arrears} audit verify", "replay every case and check its chain"),
        *((f"{arrears} {command}", what) for command, what in agencies_act.COMMANDS),
        (f"{arrears} policy explain infra/policies/tw-credit-card.yaml", "the policy it was played under"),
        (f"{arrears} local advance {through + timedelta(days=32)}", "play another month"),
        (f"curl -s {endpoint}/_ministack/sns/sms-messages", "every text that went out"),
        (f"curl -s '{endpoint}/{stack.output('AgencyBucket')}?list-type=2'", "a bucket's contents"),
        ("make down", "stop the stack"),
    ):
        print(f"{command}\n    {what}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(
        prog="demo.py", description="More than a year of collection on the embedded stack."
    )
    parser.add_argument("--folder", type=Path, default=ROOT, help="where .local is (the project's folder)")
    parser.add_argument("--through", type=date.fromisoformat, default=THROUGH, help=f"the last date played ({THROUGH})")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.absolute()
    papers = Path(".local/demo")
    began = time.monotonic()
    drops = Drops(SAMPLE)
    os.chdir(folder)
    try:
        stack = fresh_stack(folder)
        shutil.rmtree(papers, ignore_errors=True)
        papers.mkdir(parents=True)
        approvals = papers / "approvals"
        diary = play(stack, drops, options.through, approvals)
        found = funnel(diary.histories, stack.settings.active().policy, options.through)
        show_funnel(found, options.through)
        show_story(diary)
        copy_papers(stack, diary, papers)
        ours, theirs = diary.rows(), simulated(drops, stack, options.through, approvals, papers / "simulated")
        write_timeline(ours, papers / "timeline.csv")
        check(found, diary, stack, ours, theirs)
        print(f"checked: `arrears simulate` over the same files gives the same {len(ours)} rows of timeline\n")
        heading("several agencies")
        for line in agencies_act.play(stack, Driver(stack), aws.s3(), papers / "agencies", ROOT):
            print(line)
        print()
    except (ArrearsError, DemoError, agencies_act.ActError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; `make down` stops the stack", file=sys.stderr)
        return 130
    show_what_next(stack, diary, folder, options.through)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
