"""Choose the demo's sample from the whole portfolio: `python tools/make_sample.py PORTFOLIO_FOLDER [OUT]`.

PORTFOLIO_FOLDER holds `portfolio/` and `payments/`. Every account is played under the policy of the demo; then a few
accounts are taken for each path of the process, the first ones by number, and those that are to show something that
the data does not hold (a promise, a dispute, an agency's return, a payment in 2006) get a story that is made up. What
is written is laid out by the date on which the demo drops it. The same folder always gives the same sample.

The data's own rows are copied as they are, with one exception that the sample's README names.
"""

import csv
import gzip
import io
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from arrears.domain.dates import ONE_DAY
from arrears.domain.events import ActionPlanned, Event
from arrears.domain.policy import Policy
from arrears.domain.timeline import Row, timeline
from arrears.files import (
    COLUMNS,
    CallRow,
    HoldRow,
    Kind,
    PaymentRow,
    PortfolioRow,
    ReturnRow,
    RowError,
    parse,
    read_rows,
)
from arrears.policy_file import load_policy, shipped_policy
from arrears.simulate.player import DatedFact, Played, Player, ReturnedCase

FIRST, LAST = date(2005, 4, 3), date(2006, 6, 30)
ZONE, OFFSET = "Asia/Taipei", "+08:00"
POLICY = "tw-credit-card"
AGENCY = "default"
#: What is made up has an id that says so.
MADE_UP = "MADE-UP"
#: The mailing house reports every other Friday.
LETTER_REPORTS = 14
FIRST_LETTER_REPORT = date(2005, 4, 15)

RawRow = dict[str, str]


# --- facts -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Dropped:
    """A row of a file, and the date on which the file is dropped; of a return, the agency that writes it."""

    on: date
    kind: Kind
    row: RawRow
    agency: str = AGENCY

    def fact(self) -> DatedFact:
        """What the row says."""
        match parse(self.kind, dict(self.row)):
            case PortfolioRow(extract=extract):
                return DatedFact(extract.as_of, extract)
            case PaymentRow() as paid:
                payment = paid.payment(ZONE)
                return DatedFact(payment.paid_on, payment)
            case HoldRow() as hold:
                told = hold.event(ZONE)
                return DatedFact(told.on, told)
            case CallRow() as result:
                call = result.call(ZONE)
                return DatedFact(call.called_on, call)
            case ReturnRow(case_id=case_id) as returned:
                report = returned.reported(AGENCY, ZONE)
                return DatedFact(report.on, ReturnedCase(case_id, report, returned.payment(AGENCY, ZONE)))
            case other:
                raise TypeError(f"{type(other).__name__} is no fact of one account")


# --- an account's story ----------------------------------------------------------------------------------------------
@dataclass
class Story:
    """An account of the sample: its rows, the data's and those made up, and what becomes of it."""

    account_id: str
    policy: Policy
    drops: list[Dropped]
    made_up: int = 0
    _stories: list[list[Event]] | None = field(default=None, repr=False)

    def play(self, last: date = LAST) -> Played:
        """Play the account through a date."""
        return Player(self.policy, FIRST, last, approve_after=0).play(
            self.account_id, [drop.fact() for drop in self.drops]
        )

    @property
    def stories(self) -> list[list[Event]]:
        """What happens in each case."""
        if self._stories is None:
            self._stories = self.play().stories
        return self._stories

    @property
    def cases(self) -> list[list[Row]]:
        """The timeline of each case."""
        return [list(timeline(events)) for events in self.stories]

    @property
    def last_case(self) -> list[Row]:
        """The timeline of the last case."""
        return self.cases[-1]

    def on(self, action: str, number: int = 1, stage: str | None = None) -> date:
        """The date of an action of the last case, the first or a later one."""
        found = [row.date for row in self.last_case if row.action == action and stage in {None, row.stage}]
        return found[number - 1]

    def arrears(self, on: date) -> Decimal:
        """The arrears of the case that is open on a date."""
        case = self.play(on).last
        if case is None:
            raise ValueError(f"{self.account_id} has no case on {on}")
        return case.arrears(on).amount

    def _drop(self, on: date, kind: Kind, **row: object) -> None:
        cells = dict.fromkeys(COLUMNS[kind], "") | {name: str(cell) for name, cell in row.items()}
        self.drops.append(Dropped(on, kind, cells))
        self._stories = None

    def _id(self, letter: str) -> str:
        self.made_up += 1
        return f"{MADE_UP}-{letter}{self.account_id.removeprefix('TW')}-{self.made_up}"

    def pays(self, on: date, amount: Decimal | None = None) -> None:
        """A payment that is made up, of the arrears or of a part."""
        paid = self.arrears(on) if amount is None else amount
        at = f"{on}T10:30:00{OFFSET}"
        row = {"account_id": self.account_id, "paid_at": at, "amount": f"{paid:.2f}", "currency": "TWD"}
        self._drop(on, "payments", payment_id=self._id("P"), **row)

    def called(
        self,
        on: date,
        result: str,
        phone: str = "mobile",
        *,
        amount: Decimal | None = None,
        promised: date | None = None,
    ) -> None:
        """The result of a call, which is made up."""
        row: dict[str, object] = {"phone": phone, "result": result, "agent": f"agent-{1 + on.day % 4}"}
        if promised is not None:
            row |= {"promised_on": promised, "promised_amount": "" if amount is None else f"{amount:.2f}"}
        at = f"{on}T{10 + on.day % 8:02}:{on.day * 7 % 60:02}:00{OFFSET}"
        self._drop(on, "calls", call_id=self._id("C"), account_id=self.account_id, called_at=at, **row)

    def held(self, on: date, until: date | None, reason: str, note: str) -> None:
        """A hold, which is made up, and the date on which it is lifted."""
        row = {"hold_id": self._id("H"), "account_id": self.account_id, "reason": reason}
        self._drop(on, "holds", **row, status="placed", at=on, note=note)
        if until is not None:
            self._drop(until, "holds", **row, status="lifted", at=until, note="settled with the cardholder")

    def returned(self, on: date, outcome: str, note: str, amount: Decimal | None = None) -> None:
        """A row of an agency's return, which is made up."""
        row: dict[str, object] = {"at": on, "outcome": outcome, "note": note, "case_id": self.last_case[0].case_id}
        if amount is not None:
            row |= {"amount": f"{amount:.2f}", "currency": "TWD"}
        self._drop(on, "returns", return_id=self._id("R"), **row)

    def speaks(self, language: str) -> None:
        """Another language than the data's, in every extract."""
        self.drops = [
            Dropped(drop.on, drop.kind, drop.row | {"language": language}) if drop.kind == "portfolio" else drop
            for drop in self.drops
        ]


def _days(days: int) -> timedelta:
    return timedelta(days=days)


# What is made up: each takes an account whose last case is still open at the end, and changes how it ends.
def _pays_after_a_reminder(story: Story) -> None:
    story.pays(story.on("case_opened") + _days(2 + int(story.account_id[2:]) % 6))


def _keeps_a_promise(story: Story) -> None:
    talk = story.on("queue_call", 2) + ONE_DAY
    story.called(story.on("queue_call", 1) + ONE_DAY, "no_answer")
    story.called(talk, "promise", amount=story.arrears(talk), promised=talk + _days(5))
    story.pays(talk + _days(5))


def _keeps_a_promise_of_a_part(story: Story) -> None:
    talk = story.on("queue_call", 1) + ONE_DAY
    story.called(talk, "promise", "home", amount=Decimal(1000), promised=talk + _days(6))
    story.pays(talk + _days(4), Decimal(1000))


def _breaks_promises(story: Story) -> None:
    first = story.on("queue_call", 1) + ONE_DAY
    story.called(first, "promise", amount=story.arrears(first), promised=first + _days(7))
    second = story.on("queue_call", 2) + ONE_DAY
    # The second window is five days: seven are too many, and the promise does not stand.
    story.called(second, "promise", amount=story.arrears(second), promised=second + _days(7))
    third = story.on("queue_call", 3) + ONE_DAY
    story.called(third, "promise", amount=story.arrears(third), promised=third + _days(3))
    story.called(story.on("queue_call", 4) + ONE_DAY, "refused")


def _cannot_be_reached(story: Story) -> None:
    results = (
        *(("no_answer", "mobile"), ("busy", "mobile"), ("no_answer", "work"), ("invalid_number", "home")),
        *(("message_left", "family"), ("message_left", "contact")),
    )
    calls = [row.date for row in story.last_case if row.action == "queue_call"]
    for on, (result, phone) in zip(calls, results, strict=False):
        story.called(on + ONE_DAY, result, phone)


def _talks_and_pays(story: Story) -> None:
    talk = story.on("queue_call", 3) + ONE_DAY
    story.called(story.on("queue_call", 2) + ONE_DAY, "message_left", "family")
    story.called(talk, "right_party")
    story.pays(talk + _days(2))


def _disputes(story: Story) -> None:
    talk = story.on("queue_call", 2) + ONE_DAY
    story.called(talk, "disputed")
    story.held(talk + ONE_DAY, talk + _days(22), "dispute", "says the purchase was not made by the cardholder")


def _disputes_for_long(story: Story) -> None:
    # Lifted late: by then the account is beyond the call stage.
    talk = story.on("queue_call", 1) + ONE_DAY
    story.called(talk, "disputed", "work")
    story.held(talk + ONE_DAY, talk + _days(70), "dispute", "asks for the receipts of three purchases")


def _disputes_while_placed(story: Story) -> None:
    placed = story.on("place_with_agency")
    story.held(placed + _days(20), placed + _days(50), "dispute", "has sent evidence of a payment")


def _disputes_for_long_while_placed(story: Story) -> None:
    # Placed again when it is lifted, so that somebody is with the agency at the end.
    placed = story.on("place_with_agency")
    story.held(placed + _days(15), placed + _days(92), "dispute", "has gone to the ombudsman")


def _in_hardship(story: Story) -> None:
    story.held(story.on("queue_call", 3) + _days(2), None, "hardship", "out of work, has asked for time")


def _has_died(story: Story) -> None:
    story.held(story.on("place_with_agency") + _days(30), None, "deceased", "reported by the family")


def _pays_after_the_letter(story: Story) -> None:
    story.pays(story.on("queue_letter") + _days(9))


def _pays_the_agency(story: Story) -> None:
    paid = story.on("place_with_agency") + _days(41)
    story.returned(paid - _days(20), "promise", "has promised to pay within a month")
    story.returned(paid, "payment", "paid in full", story.arrears(paid))


def _pays_while_placed(story: Story) -> None:
    story.pays(story.on("place_with_agency") + _days(35))


def _is_returned(story: Story) -> None:
    returned = story.on("place_with_agency") + _days(45)
    story.returned(returned - _days(25), "uncontactable", "no answer at any number")
    story.returned(returned, "returned", "nothing to be had")


def _pays_before_court(story: Story) -> None:
    story.pays(story.on("file_legal") + _days(20))


# --- choosing --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Group:
    """So many accounts of one kind.

    Attributes:
        wanted: says whether an account is of that kind.
        change: what is made up for it, if anything.
    """

    name: str
    size: int
    wanted: Callable[[Story], bool]
    change: Callable[[Story], None] | None = None


def _stages(case: list[Row]) -> tuple[str, ...]:
    return tuple(row.stage for row in case if row.action == "stage_entered")


def _did(case: list[Row], action: str) -> bool:
    return any(row.action == action for row in case)


def _ended(story: Story, stage: str, first: str | None = None) -> bool:
    """Whether the account's one case was cured in a stage, and which stage it began in."""
    return (
        len(story.cases) == 1
        and story.last_case[-1].action == "case_closed"
        and story.last_case[-1].stage == stage
        and first in {None, _stages(story.last_case)[0]}
    )


def _stays(story: Story, *stages: str) -> bool:
    """Whether the account's one case has gone these stages and is open at the end."""
    return len(story.cases) == 1 and not _did(story.last_case, "case_closed") and _stages(story.last_case) == stages


def _extract(story: Story) -> RawRow:
    return next(drop.row for drop in reversed(story.drops) if drop.kind == "portfolio")


def _has_no_mobile(story: Story) -> bool:
    return not _extract(story)["phone_mobile"]


def _has_no_phone(story: Story) -> bool:
    return not any(_extract(story)[f"phone_{kind}"] for kind in ("mobile", "work", "home", "family", "contact"))


def _opted_out(story: Story) -> bool:
    return _extract(story)["sms_opt_out"] == "true"


#: So many cases of one account make it a regular guest.
SEVERAL = 3
LADDER = ("reminder", "call", "lawyer_letter", "agency", "legal")


def _to_court(story: Story) -> bool:
    return _stays(story, *LADDER) and not _has_no_mobile(story) and not _opted_out(story)


def _to_court_reachable(story: Story) -> bool:
    """Whether nothing but the lack of money stands between the account and the court: it is texted and called."""
    return _to_court(story) and not _has_no_phone(story)


def _frozen(story: Story) -> bool:
    return _did(story.last_case, "freeze_account")


def _never_reached(story: Story) -> bool:
    return bool(story.cases) and _has_no_phone(story)


GROUPS = (
    Group("never overdue", 10, lambda story: not story.cases),
    Group("three or more cases", 6, lambda story: len(story.cases) >= SEVERAL),
    Group("two cases", 9, lambda story: len(story.cases) > 1),
    Group("cured in call", 5, lambda story: _ended(story, "call", "reminder")),
    Group("cured in call, begun there", 2, lambda story: _ended(story, "call", "call")),
    Group("cured after the letter", 12, lambda story: _ended(story, "lawyer_letter", "call")),
    Group("cured after the letter, begun there", 1, lambda story: _ended(story, "lawyer_letter", "lawyer_letter")),
    Group("cured with the agency", 5, lambda story: _ended(story, "agency", "call")),
    Group("cured with the agency, begun with the letter", 4, lambda story: _ended(story, "agency", "lawyer_letter")),
    Group("cured after filing", 5, lambda story: _ended(story, "legal")),
    Group("frozen, cured after the letter", 2, lambda story: _ended(story, "lawyer_letter") and _frozen(story)),
    Group("frozen, in court", 5, lambda story: _stays(story, *LADDER[1:]) and _frozen(story)),
    Group("below the legal minimum", 8, lambda story: _stays(story, *LADDER[:4])),
    Group("opted out of SMS", 5, lambda story: _stays(story, *LADDER) and _opted_out(story)),
    Group("no mobile number", 4, lambda story: _stays(story, *LADDER) and _has_no_mobile(story)),
    Group("no phone number, cured", 1, lambda story: _never_reached(story) and _did(story.last_case, "case_closed")),
    Group("no phone number, in court", 1, lambda story: _never_reached(story) and _did(story.last_case, "file_legal")),
    Group("in court", 8, _to_court),
    Group("in court, begun with calls", 6, lambda story: _stays(story, *LADDER[1:])),
    Group("in court, begun with the letter", 2, lambda story: _stays(story, *LADDER[2:])),
    Group("pays after a reminder", 6, _to_court, _pays_after_a_reminder),
    Group("keeps a promise", 4, _to_court_reachable, _keeps_a_promise),
    Group("keeps a promise of a part", 2, _to_court_reachable, _keeps_a_promise_of_a_part),
    Group("breaks promises", 3, _to_court_reachable, _breaks_promises),
    Group("cannot be reached", 4, _to_court_reachable, _cannot_be_reached),
    Group("talks and pays", 2, _to_court_reachable, _talks_and_pays),
    Group("disputes", 2, _to_court_reachable, _disputes),
    Group("disputes for long", 2, _to_court_reachable, _disputes_for_long),
    Group("disputes while placed", 2, _to_court_reachable, _disputes_while_placed),
    Group("disputes for long while placed", 2, _to_court_reachable, _disputes_for_long_while_placed),
    Group("in hardship", 2, _to_court_reachable, _in_hardship),
    Group("has died", 1, _to_court_reachable, _has_died),
    Group("pays after the letter", 3, _to_court_reachable, _pays_after_the_letter),
    Group("pays the agency", 3, _to_court_reachable, _pays_the_agency),
    Group("pays the bank while placed", 4, _to_court_reachable, _pays_while_placed),
    Group("returned by the agency", 4, _to_court_reachable, _is_returned),
    Group("returned, below the legal minimum", 1, lambda story: _stays(story, *LADDER[:4]), _is_returned),
    Group("pays after filing", 3, _to_court_reachable, _pays_before_court),
)


def choose(stories: Iterable[Story]) -> dict[str, list[Story]]:
    """The accounts of each group, the first ones in order; an account is in one group only."""
    left = list(stories)
    chosen: dict[str, list[Story]] = {}
    for group in GROUPS:
        found = [story for story in left if group.wanted(story)][: group.size]
        if len(found) < group.size:
            raise SystemExit(f"{group.name}: {len(found)} accounts instead of {group.size}")
        taken = {id(story) for story in found}
        left = [story for story in left if id(story) not in taken]
        for story in found:
            if group.change is not None:
                group.change(story)
        chosen[group.name] = found
    chosen["in court"][0].speaks("zh-CN")
    return chosen


# --- reading and writing ---------------------------------------------------------------------------------------------
def read_portfolio(folder: Path, policy: Policy) -> list[Story]:
    """Every account with its rows, ordered by number."""
    drops: dict[str, list[Dropped]] = defaultdict(list)
    kinds: tuple[Kind, ...] = ("portfolio", "payments")
    for kind in kinds:
        for path in sorted((folder / kind).iterdir()):
            for line, row in read_rows(path, kind):
                if isinstance(row, RowError):
                    raise SystemExit(f"{path}:{line}: {row}")
                cells = {name: cell or "" for name, cell in row.items()}
                day = cells["as_of"] if kind == "portfolio" else cells["paid_at"][:10]
                drops[cells["account_id"]].append(Dropped(max(date.fromisoformat(day), FIRST), kind, cells))
    return [Story(account_id, policy, drops[account_id]) for account_id in sorted(drops)]


def letter_reports(stories: Iterable[Story]) -> Iterator[Dropped]:
    """What the mailing house says of the letters, which is made up: all are delivered but for a few."""
    for story in stories:
        for events in story.stories:
            for event in events:
                if not isinstance(event, ActionPlanned) or event.action != "queue_letter":
                    continue
                ends = "returned" if int(story.account_id[2:]) % 7 == 0 else "delivered"
                for status, days in (("dispatched", 2), (ends, 5)):
                    at = event.on + _days(days)
                    report_on = at + _days((FIRST_LETTER_REPORT - at).days % LETTER_REPORTS)
                    if report_on <= LAST:
                        number = f"{MADE_UP}-L{story.account_id.removeprefix('TW')}"
                        row = {"letter_id": event.action_id, "status": status, "at": str(at), "tracking_number": number}
                        yield Dropped(report_on, "letters", row)


def file_of(drop: Dropped) -> str:
    """Where a row lies, below the sample's folder."""
    if drop.kind == "returns":
        return f"{drop.on}/agency_id={drop.agency}/returns/{drop.on}.csv"
    suffix = ".csv.gz" if drop.kind in {"portfolio", "payments"} else ".csv"
    return f"{drop.on}/{drop.kind}/{drop.on}{suffix}"


def write_files(drops: Iterable[Dropped], out: Path, last: date = LAST) -> int:
    """Write the files that come in through a date; the number of bytes."""
    files: dict[str, list[Dropped]] = defaultdict(list)
    for drop in drops:
        if drop.on <= last:
            files[file_of(drop)].append(drop)
    total = 0
    for name, rows in sorted(files.items()):
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS[rows[0].kind], lineterminator="\n")
        writer.writeheader()
        writer.writerows(drop.row for drop in rows)
        content = text.getvalue().encode()
        if name.endswith(".gz"):
            content = gzip.compress(content, mtime=0)
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        total += len(content)
    return total


def write_accounts(chosen: dict[str, list[Story]], out: Path) -> None:
    """Write which account was chosen for what."""
    with (out / "accounts.csv").open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(("account_id", "chosen_for", "made_up_rows"))
        rows = [(story.account_id, name, story.made_up) for name, stories in chosen.items() for story in stories]
        writer.writerows(sorted(rows))


def _remove_dates(out: Path) -> None:
    """Remove the files of an earlier run, and nothing else."""
    for path in sorted(out.glob("2*/**/*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    for path in out.glob("2*"):
        path.rmdir()


def main(portfolio: str, out: str = "") -> None:
    """Choose and write."""
    folder = Path(out) if out else Path(__file__).resolve().parents[1] / "infra/local/sample"
    policy = load_policy(shipped_policy(POLICY), check_templates=False).policy
    chosen = choose(read_portfolio(Path(portfolio), policy))
    stories = sorted((story for group in chosen.values() for story in group), key=lambda story: story.account_id)
    drops = [drop for story in stories for drop in story.drops]
    folder.mkdir(parents=True, exist_ok=True)
    _remove_dates(folder)
    total = write_files([*drops, *letter_reports(stories)], folder)
    write_accounts(chosen, folder)
    ends = Counter(
        f"{case[-1].stage}: {'cured' if _did(case, 'case_closed') else 'open at the end'}"
        for story in stories
        for case in story.cases
    )
    print(f"{len(stories)} accounts, {sum(ends.values())} cases, {total} bytes")
    for end, count in sorted(ends.items()):
        print(f"{count:5} {end}")


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit(__doc__)
    main(*sys.argv[1:])
