"""The whole simulation: read the files, play every account, write what happened."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple, get_args

from arrears.domain.case import Case
from arrears.domain.events import ActionDone, AgencyDeferred, CaseClosed, CaseOpened, Event
from arrears.domain.legal import waits_for_approval
from arrears.domain.money import Money
from arrears.domain.policy import Policy
from arrears.domain.policy_parts import WITHDRAWALS
from arrears.domain.timeline import COLUMNS
from arrears.files import Kind, RowError, read_rows
from arrears.files.drops import Drops, File
from arrears.simulate.allocation import Allocation
from arrears.simulate.cohorts import Cohorts, Told, without_collector
from arrears.simulate.facts import dated_facts, is_known, keep, may_matter, of_agency, without_repeats
from arrears.simulate.player import Played, Player, Then
from arrears.simulate.store import Facts, Happenings

_ENDINGS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


class InputsError(ValueError):
    """A path leads to nothing, or to no file of the formats that are read."""


class InputFile(NamedTuple):
    """A file that is read.

    Attributes:
        known_from: the date on which it comes in; None where each row is known from the date that it tells of.
    """

    kind: Kind
    path: Path
    known_from: date | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files of each kind that is played; a folder stands for the CSV and JSON lines files in it.

    Attributes:
        drops: folders with a folder for each date, laid out in it as in the buckets: what is in them comes in on that
            date, as it does on the stack.
    """

    portfolio: Sequence[Path] = ()
    payments: Sequence[Path] = ()
    calls: Sequence[Path] = ()
    holds: Sequence[Path] = ()
    plans: Sequence[Path] = ()
    letters: Sequence[Path] = ()
    receipts: Sequence[Path] = ()
    optouts: Sequence[Path] = ()
    freezes: Sequence[Path] = ()
    returns: Sequence[Path] = ()
    approvals: Sequence[Path] = ()
    drops: Sequence[Path] = ()

    def files(self) -> list[InputFile]:
        """Return all files, those of a folder in order of their names, those that come in on dates in order of these.

        Raises:
            InputsError: a path leads nowhere, or a folder has no such file.
        """
        kinds: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if hasattr(self, kind))
        given = [InputFile(kind, file) for kind in kinds for path in getattr(self, kind) for file in _files(path)]
        dropped = [
            InputFile(file.kind, file.path, day)
            for folder in self.drops
            for day, file in _dropped(folder)
            if file.kind in kinds
        ]
        return [*given, *sorted(dropped, key=lambda file: kinds.index(file.kind))]


def _dropped(folder: Path) -> list[tuple[date, File]]:
    if not folder.is_dir():
        raise InputsError(f"{folder}: there is no such folder")
    try:
        drops = Drops(folder)
    except ValueError as error:
        raise InputsError(f"{folder}: {error}") from None
    found = [(day, file) for day in drops.dates for file in drops.on(day)]
    if not found:
        raise InputsError(
            f"{folder}: no file is in it in a folder with a date for its name, such as 2005-06-18/payments/"
        )
    return found


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.name.lower().endswith(_ENDINGS) and each.is_file())
        if not found:
            raise InputsError(f"{path}: no .csv or .jsonl file, packed or not, is in this folder")
        return found
    if not path.is_file():
        raise InputsError(f"{path}: there is no such file or folder")
    return [path]


#: The kinds of files that tell of a number, or an address, that nobody is reached at.
_FAILURES: frozenset[Kind] = frozenset({"calls", "receipts", "letters"})
#: Of which rows of the timeline the arrears are added up, and under which name.
_SUMS = {"case_opened": "opened", "place_with_agency": "placed", "file_legal": "filed"}
#: A refused row: number of the file, line, field and reason.
Reject = tuple[int, int, str, str]
#: Sees each row of the timeline as it is written.
Seen = Callable[[tuple[str, ...]], None]


@dataclass(slots=True)
class Rows:
    """How many rows of one kind came in, as the import's reports count them."""

    rows: int = 0
    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass
class _Tally:
    """What happened, counted while it does."""

    last: date
    cases: Counter[str] = field(default_factory=Counter)
    cured: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    awaiting_approval: int = 0
    amounts: dict[str, dict[str, Decimal]] = field(default_factory=dict)

    def __call__(self, case: Case, event: Event) -> None:
        if isinstance(event, ActionDone):
            what: str = case.done[-1].action
        elif isinstance(event, CaseOpened):
            what = "case_opened"
        elif isinstance(event, CaseClosed):
            what = "case_closed"
        elif isinstance(event, AgencyDeferred):
            # No agency had room: it is no placement.
            arrears = case.arrears(event.on)
            self.actions["place_with_agency"] -= 1
            self._add("placed", Money(-arrears.amount, arrears.currency))
            return
        else:
            return
        if what not in WITHDRAWALS:
            self._count(what, case.stage, case.arrears(event.on) if what in _SUMS else None)

    def ends(self, played: Played | Told) -> None:
        """Count a case that is open at the end, and what happened to an account that was played with others."""
        case, arrears = played.last, None
        if isinstance(played, Told):
            arrears = played.arrears
            for row, owed in zip(played.happened, played.owed, strict=True):
                if row.action != "stage_entered":
                    self._count(row.action, row.stage, owed)
        if case is not None and case.is_open:
            self.cases["open"] += 1
            self.open[case.stage or ""] += 1
            self._add("open", arrears or case.arrears(self.last))
            self.awaiting_approval += waits_for_approval(case)

    def _count(self, what: str, stage: str | None, arrears: Money | None) -> None:
        """Count a row of the timeline."""
        if what == "case_closed":
            self.cases["closed"] += 1
            self.cured[stage or ""] += 1
        elif what == "case_opened":
            self.cases["opened"] += 1
        else:
            self.actions[what] += 1
        if what in _SUMS and arrears is not None:
            self._add(_SUMS[what], arrears)

    def _add(self, what: str, money: Money) -> None:
        amounts = self.amounts.setdefault(money.currency, {})
        amounts[what] = amounts.get(what, Decimal(0)) + money.amount


@dataclass(slots=True)
class Read:
    """What the files held. It can be played under any number of policies.

    Attributes:
        files: in the order in which they were read.
        facts: what is kept of the rows.
        rows: how many there were of each kind.
        rejects: the rows that no policy can take.
    """

    files: Sequence[InputFile]
    facts: Facts
    rows: dict[Kind, Rows]
    rejects: Iterable[Reject] = ()


def read_files(files: Sequence[InputFile], facts: Facts, refuse: Callable[[Reject], None]) -> dict[Kind, Rows]:
    """Read files once.

    Args:
        files: the files, by kind.
        facts: takes what is kept.
        refuse: takes each row that is refused.

    Returns:
        how many rows there were of each kind.
    """
    counted: dict[Kind, Rows] = {}
    # Where no file tells that a number or an address has failed, another one changes nothing.
    marks = any(kind in _FAILURES for kind, _, _ in files)
    for number, (kind, path, _) in enumerate(files):
        rows = counted.setdefault(kind, Rows())
        agency_id = _agency_id(path) or ""
        for line, row in read_rows(path, kind):
            rows.rows += 1
            try:
                if isinstance(row, RowError):
                    raise row
                facts.add(keep(kind, row, number, line, agency_id, marks=marks))
            except RowError as error:
                rows.rejected += 1
                refuse((number, line, error.field, error.reason))
    return counted


class Simulation:
    """A policy over files, from one date through another; what `approve_after` assumes is told by `Player`."""

    def __init__(
        self,
        files: Sequence[InputFile],
        policy: Policy,
        first: date,
        last: date,
        approve_after: int | None = None,
        then: Then | None = None,
    ) -> None:
        self._then = then
        self._files = files
        self._policy = policy
        self._first = first
        self._last = last
        self._approve_after = approve_after
        self._rows: dict[Kind, Rows] = {}
        self._accounts = 0

    def run(self, out: Path) -> dict[str, Any]:
        """Read the files, and do what `play` does.

        Raises:
            OSError: the folder cannot be written.
        """
        with closing(Happenings()) as happenings, closing(Facts()) as facts:
            rows = read_files(self._files, facts, lambda reject: happenings.add_reject(*reject))
            return self._played(Read(self._files, facts, rows), happenings, out, None)

    def play(self, read: Read, out: Path, seen: Seen | None = None) -> dict[str, Any]:
        """Play it, write `timeline.csv`, `summary.json` and, where rows were refused, `rejects.jsonl` into a folder.

        Args:
            read: what the files held.
            out: the folder.
            seen: sees every row of the timeline, in its order.

        Returns:
            the summary.

        Raises:
            OSError: the folder cannot be written.
        """
        with closing(Happenings()) as happenings:
            for reject in read.rejects:
                happenings.add_reject(*reject)
            return self._played(read, happenings, out, seen)

    def _played(self, read: Read, happenings: Happenings, out: Path, seen: Seen | None) -> dict[str, Any]:
        out.mkdir(parents=True, exist_ok=True)
        self._rows = {kind: replace(rows) for kind, rows in read.rows.items()}
        with without_collector():
            tally = self._play(read.facts, happenings)
        summary = self._summary(tally)
        with _written(out / "timeline.csv") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in happenings.timeline():
                writer.writerow(row)
                if seen is not None:
                    seen(row)
        self._write_rejects(out / "rejects.jsonl", happenings)
        with _written(out / "summary.json") as file:
            json.dump(summary, file, ensure_ascii=False, indent=2)
            file.write("\n")
        return summary

    def _refused(self, happenings: Happenings, file: int, line: int, field: str, reason: str) -> None:
        self._rows[self._files[file].kind].rejected += 1
        happenings.add_reject(file, line, field, reason)

    def _unchanged(self, file: int) -> None:
        self._rows[self._files[file].kind].unchanged += 1

    # --- playing -----------------------------------------------------------------------------------------------------
    def _play(self, facts: Facts, happenings: Happenings) -> _Tally:
        tally = _Tally(self._last)
        player = Player(
            self._policy, self._first, self._last, tally, then=self._then, approve_after=self._approve_after
        )

        def refused(file: int, line: int, field: str, reason: str) -> None:
            self._refused(happenings, file, line, field, reason)

        def ends(played: Played | Told) -> None:
            happenings.add_rows(played.rows())
            tally.ends(played)

        cohorts = Cohorts(player)
        day = Allocation(self._policy, ends)
        names_agencies = "returns" in self._rows
        arrivals = [file.known_from for file in self._files]
        for account_id, told in facts.accounts():
            told_by = of_agency(told, self._policy.agency_id) if names_agencies else told
            rows = without_repeats(told_by, self._unchanged, refused, arrivals)
            self._accounts += is_known(rows)
            if may_matter(rows) and self._policy.agencies:
                day.begin(player.steps(account_id, dated_facts(rows, refused, arrivals)))
            elif may_matter(rows):
                ends(cohorts.play(account_id, dated_facts(rows, refused, arrivals)))
        day.finish()
        for rows_of_kind in self._rows.values():
            rows_of_kind.accepted = rows_of_kind.rows - rows_of_kind.unchanged - rows_of_kind.rejected
        return tally

    # --- writing -----------------------------------------------------------------------------------------------------
    def _write_rejects(self, path: Path, happenings: Happenings) -> None:
        path.unlink(missing_ok=True)
        rejects = happenings.rejects()
        one = next(rejects, None)
        if one is None:
            return
        with _written(path) as written:
            for file, line, field_name, reason in chain([one], rejects):
                reject = {"file": str(self._files[file].path), "line": line, "field": field_name, "reason": reason}
                written.write(json.dumps(reject, ensure_ascii=False) + "\n")

    def _summary(self, tally: _Tally) -> dict[str, Any]:
        then = self._then
        stages = tuple(dict.fromkeys(("", *self._policy.ladder, *(then.policy.ladder if then is not None else ()))))
        actions = tally.actions
        return {
            "policy": self._policy.label + ("" if then is None else f", then {then.policy.label} from {then.since}"),
            "from": self._first.isoformat(),
            "to": self._last.isoformat(),
            "accounts": self._accounts,
            "cases": {name: tally.cases[name] for name in ("opened", "closed", "open")},
            "cured_by_stage": {stage or "none": tally.cured[stage] for stage in stages},
            "open_by_stage": {stage or "none": tally.open[stage] for stage in stages},
            "actions": dict(sorted(actions.items())),
            "placed": actions["place_with_agency"],
            "recalled": actions["recall_from_agency"],
            "filed": actions["file_legal"],
            "awaiting_approval": tally.awaiting_approval,
            "approve_after_days": self._approve_after,
            "amounts": {
                currency: {name: str(amounts.get(name, Decimal(0))) for name in ("opened", "placed", "filed", "open")}
                for currency, amounts in sorted(tally.amounts.items())
            },
            "rows": {
                kind: {
                    "rows": rows.rows,
                    "accepted": rows.accepted,
                    "unchanged": rows.unchanged,
                    "rejected": rows.rejected,
                }
                for kind, rows in self._rows.items()
            },
            "rejected": sum(rows.rejected for rows in self._rows.values()),
        }


def check_rollout(policy: Policy, then: Then | None) -> None:
    """Refuse what cannot be played.

    Raises:
        InputsError: the two policies name other agencies.
    """
    if then is not None and (policy.agencies, policy.agency_id) != (then.policy.agencies, then.policy.agency_id):
        raise InputsError(f"{policy.label} and {then.policy.label} name other agencies: that is not played")


def simulate(
    inputs: Inputs,
    policy: Policy,
    first: date,
    last: date,
    out: Path,
    *,
    then: Then | None = None,
    approve_after: int | None = None,
) -> dict[str, Any]:
    """Play a policy over files, or one and then another; see `Simulation.play`, and `Player` for `approve_after`.

    Raises:
        InputsError: a path leads nowhere, a folder holds no such file, or the two policies name other agencies.
        OSError: the folder cannot be written.
    """
    check_rollout(policy, then)
    return Simulation(inputs.files(), policy, first, last, approve_after, then).run(out)


def _agency_id(path: Path) -> str | None:
    """Return whose returns a file holds, by the layout of the agency bucket."""
    for part in reversed(path.parts):
        if part.startswith("agency_id="):
            return part.removeprefix("agency_id=")
    return None


@contextmanager
def _written(path: Path) -> Iterator[IO[str]]:
    """Open a file that appears under its name when it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        yield file
    partial.replace(path)
