"""`make agree`: a policy on the embedded stack and in the simulator over the same files, row by row.

Without arguments it is the policy that says everything (`tw-credit-card-full`) over the demo's sample, with receipts,
opt-outs, letter reports, answers of the core banking system and returns of three agencies, most of which come in later
than they happened. Another policy or other files are named by arguments: a bank sees that what it is going to publish
does on the stack what it did in the simulator.

It exits with 0 only when both tell the same timeline to the last row, and refuse the same number of rows.
"""

import argparse
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from arrears.adapters import aws
from arrears.domain.events import ActionFailed, ActionUncertain
from arrears.domain.timeline import Row
from arrears.errors import ArrearsError
from arrears.files.drops import merge
from arrears.local.diary import Diary
from arrears.local.drops import Drops
from arrears.policy_file import PolicyFileError, load_policy
from arrears.stack import Stack
from infra.local.demo import ROOT, SAMPLE, THROUGH, DemoError, fresh_stack, play, simulated, write_timeline

POLICY = ROOT / "infra/policies/tw-credit-card-full.yaml"
FILES = (SAMPLE, ROOT / "infra/local/sample-full")


def refused(stack: Stack, drops: Drops, through: date) -> int:
    """Return how many rows of the files that came in through a date the stack has refused, by its reports."""
    count = 0
    for day in (day for day in drops.dates if day <= through):
        for file in drops.on(day):
            bucket = stack.output("AgencyBucket" if file.is_agencys else "InboundBucket")
            body = aws.s3().get_object(Bucket=bucket, Key=f"reports/{file.key}.json")["Body"].read()
            count += json.loads(body)["rejected"]
    return count


def differences(ours: Sequence[Row], theirs: Sequence[Row]) -> list[str]:
    """Return the rows that only one of both has, the first ones in full."""
    one, other = Counter(ours), Counter(theirs)
    found = [(row, "stack only") for row in (one - other).elements()]
    found += [(row, "simulator only") for row in (other - one).elements()]
    lines = [
        f"{row.date} {row.case_id} {row.stage} {row.action}: {row.reason} ({which})"
        for row, which in sorted(found, key=lambda each: (each[0].date, each[0].account_id))
    ]
    if not lines and list(ours) != list(theirs):
        lines.append("the same rows in another order")
    return lines


def failed(diary: Diary) -> list[str]:
    """Return what failed on the stack, or may have."""
    return [
        f"{event.on} {event.action_id}: {event.error if isinstance(event, ActionFailed) else event.reason}"
        for history in diary.histories.values()
        for event in history
        if isinstance(event, ActionFailed | ActionUncertain)
    ]


def compare(stack: Stack, drops: Drops, through: date, papers: Path) -> None:
    """Play on both; raises `DemoError` where they differ."""
    approvals = papers / "approvals"
    diary = play(stack, drops, through, approvals)
    ours, theirs = diary.rows(), simulated(drops, stack, through, approvals, papers / "simulated")
    write_timeline(ours, papers / "timeline.csv")
    summary: dict[str, Any] = json.loads((papers / "simulated/summary.json").read_text(encoding="utf-8"))
    rejected = refused(stack, drops, through)
    wrong = [*failed(diary), *differences(ours, theirs)]
    if rejected != summary["rejected"]:
        wrong.append(f"the stack refused {rejected} rows, the simulator {summary['rejected']}")
    if wrong:
        raise DemoError("\n".join([f"{len(wrong)} differences", *wrong[:40]]))
    done = Counter(row.action for row in ours)
    print(f"{len(ours)} rows, the same on both; {rejected} rows of files refused, the same on both")
    print(", ".join(f"{count} {action}" for action, count in sorted(done.items())))
    print(f"see {papers / 'timeline.csv'} and {papers / 'simulated'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play and compare."""
    parser = argparse.ArgumentParser(
        prog="agree.py", description="A policy on the embedded stack and in the simulator, row by row."
    )
    parser.add_argument("--folder", type=Path, default=ROOT, help="where .local is (the project's folder)")
    parser.add_argument("--policy", type=Path, default=POLICY, help="the policy")
    parser.add_argument(
        "--drops", type=Path, nargs="+", default=FILES, help="folders of files by date; a later one's kinds take over"
    )
    parser.add_argument("--through", type=date.fromisoformat, default=THROUGH, help=f"the last date played ({THROUGH})")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.absolute()
    papers = Path(".local/agree")
    places = [path.absolute() for path in options.drops]
    try:
        policy_file = load_policy(options.policy.absolute())
        os.chdir(folder)
        shutil.rmtree(papers, ignore_errors=True)
        papers.mkdir(parents=True)
        merge(places, papers / "drops")
        stack = fresh_stack(folder)
        stack.settings.publish(policy_file.document(), policy_file.policy.label)
        compare(stack, Drops(papers / "drops"), options.through, papers)
    except (ArrearsError, DemoError, PolicyFileError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; `make down` stops the stack", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
