"""Make up what comes back from outside under `tw-credit-card-full`, for the sample: `python tools/make_answers.py`.

Receipts, opt-outs, what the mailing house and the agencies report and what the core banking system answers name
actions, so they belong to one policy. The sample is played under it and each action is answered; since an answer
changes what is done later it is played again, until every action has its answer. The same sample always gives the same.

They lie in `infra/local/sample-full`, by the date on which they come in: receipts each Monday, letters every other
Friday, so that most are known later than they happened.
"""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from arrears.domain.case import Case
from arrears.domain.decide import account_of
from arrears.domain.events import ActionDone, AgencyAssigned, Event
from arrears.domain.policy import Policy
from arrears.files import RowError, read_rows
from arrears.files.drops import Drops, merge
from arrears.policy_file import load_policy, shipped_policy
from arrears.simulate.allocation import Allocation
from arrears.simulate.facts import Kept, dated_facts, keep, without_repeats
from arrears.simulate.player import Player
from tools.make_sample import FIRST, LAST, Dropped, file_of, write_files

ROOT = Path(__file__).resolve().parents[1]
SAMPLE, OUT = ROOT / "infra/local/sample", ROOT / "infra/local/sample-full"
POLICY = "tw-credit-card-full"
#: More rounds than the longest story can need.
ROUNDS = 60
MONDAY, FRIDAY = 0, 4

Answers = dict[tuple[str, str], Dropped]


def _next(on: date, weekday: int) -> date:
    """The first date after one that is such a weekday."""
    return on + timedelta(days=(weekday - on.weekday() - 1) % 7 + 1)


def _every_other_friday(on: date) -> date:
    friday = _next(on, FRIDAY)
    return friday if friday.isocalendar().week % 2 else friday + timedelta(days=7)


def answers(case: Case, event: Event) -> Iterator[tuple[tuple[str, str], Dropped]]:
    """Yield what comes back for an event of a case, by action and what is said."""
    number = int(account_of(case.case_id).removeprefix("TW"))
    if isinstance(event, AgencyAssigned):
        yield from _of_the_agency(case, event, number)
    if not isinstance(event, ActionDone):
        return
    done, on = case.done[-1], event.on
    if done.action == "send_sms":
        dead = number % 9 == 0
        became = {"status": "failed", "final": "true"} if dead else {"status": "delivered", "final": ""}
        row = {"action_id": done.action_id, "at": f"{on}T10:05:00+08:00"}
        yield (done.action_id, "receipt"), Dropped(_next(on, MONDAY), "receipts", row | became)
        if number % 23 == 0:
            row = {"account_id": case.account_id, "at": f"{on}T19:30:00+08:00"}
            yield (case.account_id, "optout"), Dropped(_next(on, MONDAY), "optouts", row)
    elif done.action == "queue_letter":
        ends = "returned" if number % 7 == 0 else "delivered"
        for status, days in (("dispatched", 1), (ends, 4)):
            at = on + timedelta(days=days)
            tracking = f"MADE-UP-{done.action_id.rpartition('-')[2]}"
            row = {"letter_id": done.action_id, "status": status, "at": str(at), "tracking_number": tracking}
            yield (done.action_id, status), Dropped(_every_other_friday(at), "letters", row)
    elif done.action == "freeze_account":
        at = on + timedelta(days=1)
        row = {"action_id": done.action_id, "status": "refused" if number % 5 == 0 else "frozen", "at": str(at)}
        yield (done.action_id, "freeze"), Dropped(at, "freezes", row)


def _of_the_agency(case: Case, event: AgencyAssigned, number: int) -> Iterator[tuple[tuple[str, str], Dropped]]:
    told = {0: ("promise", "uncontactable"), 1: ("returned",), 2: ("uncontactable", "returned")}.get(number % 4, ())
    for place, outcome in enumerate(told):
        at = event.on + timedelta(days=20 + 15 * place)
        return_id = f"MADE-UP-R{number:06}-{event.action_id.rpartition('.')[2]}-{place + 1}"
        row = dict.fromkeys(("amount", "currency", "note"), "")
        row |= {"return_id": return_id, "case_id": case.case_id, "at": str(at), "outcome": outcome}
        yield (event.action_id, outcome), Dropped(_next(at, MONDAY), "returns", row, event.agency_id)


class _Recorder:
    """Keeps the answers to everything that is done, as a player's watcher."""

    def __init__(self) -> None:
        self.answers: Answers = {}

    def __call__(self, case: Case, event: Event, /) -> None:
        for name, drop in answers(case, event):
            self.answers.setdefault(name, drop)


def play(policy: Policy, folder: Path, first: date, last: date) -> Answers:
    """Play what lies in a folder of drops; return the answers to what is done."""
    kept: dict[str, list[Kept]] = {}
    arrivals: list[date | None] = []
    drops = Drops(folder)
    for day in drops.dates:
        for file in drops.on(day):
            agency = file.key.split("/")[0].removeprefix("agency_id=") if file.is_agencys else ""
            for line, row in read_rows(file.path, file.kind):
                if isinstance(row, RowError):
                    raise SystemExit(f"{file.path}:{line}: {row}")
                account_id, facts = keep(file.kind, row, len(arrivals), line, agency)
                kept.setdefault(account_id, []).append(facts)
            arrivals.append(day)
    recorder = _Recorder()
    player, allocation = Player(policy, first, last, recorder), Allocation(policy, lambda _: None)
    for account_id in sorted(kept):
        rows = without_repeats(kept[account_id], lambda _: None, _refused, arrivals)
        allocation.begin(player.steps(account_id, dated_facts(rows, lambda *_: None, arrivals)))
    allocation.finish()
    return recorder.answers


def _refused(file: int, line: int, field: str, reason: str) -> None:
    raise SystemExit(f"file {file}, line {line}: {field}: {reason}")


def write(found: Answers, out: Path, last: date) -> int:
    """Write the answers; a file of each kind for each date on which one comes in."""
    return write_files(sorted(found.values(), key=lambda drop: (file_of(drop), sorted(drop.row.items()))), out, last)


def answered(policy: Policy, sample: Path, first: date, last: date) -> Answers:
    """Answer what is done with the accounts of a folder of drops, until nothing changes."""
    found: Answers = {}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(ROUNDS):
            given, whole = Path(scratch, f"answers-{number}"), Path(scratch, f"whole-{number}")
            given.mkdir()
            write(found, given, last)
            merge([sample, given], whole)
            again = play(policy, whole, first, last)
            if again == found:
                return found
            found = again
    raise SystemExit(f"there are still other answers after {ROUNDS} rounds")


def main() -> None:
    """Answer the sample."""
    policy = load_policy(shipped_policy(POLICY), check_templates=False).policy
    found = answered(policy, SAMPLE, FIRST, LAST)
    for old in OUT.glob("2*"):
        shutil.rmtree(old)
    total = write(found, OUT, LAST)
    print(f"{len(found)} answers, {total} bytes")


if __name__ == "__main__":
    main()
