"""End to end: the template, deployed on the embedded stack, from the bank's files to the courtroom.

`stack` is the one stack of the session; `played` plays a small sample on it, once, before anything else. The other
tests go on from the business date that they find, each with accounts of its own. (`make demo` plays the whole sample,
from April on, and holds it against the simulator as well.)
"""

import csv
import gzip
import io
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import account_of
from arrears.domain.events import Event
from arrears.files import COLUMNS, Kind
from arrears.local.diary import Diary
from arrears.local.drops import Drops
from arrears.local.officer import Officer
from tests.support.embedded import Embedded
from tools.template import ROOT

HERE = Path(__file__).parent
SAMPLE = ROOT / "infra/local/sample"
FIRST, LAST = date(2005, 10, 2), date(2006, 5, 31)
KINDS: tuple[Kind, ...] = ("portfolio", "payments", "holds", "calls", "letters", "returns")
#: A legal officer decides what waits, at the latest after so long.
OFFICER_LOOKS_EVERY = timedelta(days=7)
#: So many accounts of each of the sample's groups.
OF_EACH_GROUP = 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.e2e)
        item.add_marker(pytest.mark.timeout(600))
    # What is played from the beginning comes first: a clock is set only while there is no case. What looks back at all
    # that was done comes last.
    ours.sort(
        key=lambda item: (item.path.name.startswith("test_last_"), "played" not in getattr(item, "fixturenames", ()))
    )
    places = iter(ours)
    items[:] = [next(places) if HERE in item.path.parents else item for item in items]


@pytest.fixture
def stack(embedded_stack: Embedded) -> Iterator[Embedded]:
    """The stack, for this process's clients and on some business date."""
    with embedded_stack.active():
        if embedded_stack.stack.settings.clock().set_to is None:
            embedded_stack.driver.set_clock(FIRST)
        yield embedded_stack


@dataclass(frozen=True)
class Played:
    """Eight months that were played.

    Attributes:
        drops: the files, each in a folder of its date.
        approvals: a folder of what a legal officer decided.
        people: the last row of each account.
        histories: the events of each case.
    """

    drops: Drops
    approvals: Path
    people: dict[str, dict[str, str]]
    diary: Diary
    seconds: float

    @property
    def histories(self) -> dict[str, list[Event]]:
        """The events of each case, oldest first."""
        return self.diary.histories


@pytest.fixture(scope="session")
def played(embedded_stack: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A sample of the sample, played through."""
    folder = tmp_path_factory.mktemp("sample")
    people = write_small_sample(folder)
    drops = Drops(folder)
    with embedded_stack.active():
        embedded_stack.driver.set_clock(FIRST)
        diary = Diary(embedded_stack.stack.table)
        officer = Officer(embedded_stack.stack, folder / "approvals")
        began, on, end = time.monotonic(), FIRST, LAST + ONE_DAY
        while on < end:
            drops.put(embedded_stack.stack, embedded_stack.s3, [on])
            on = min((day for day in (*drops.dates, on + OFFICER_LOOKS_EVERY) if day > on), default=end)
            embedded_stack.driver.advance(min(on, end))
            diary.look(FIRST)
            if on < end:
                officer.look(diary.histories)
        return Played(drops, officer.folder, people, diary, time.monotonic() - began)


def write_small_sample(folder: Path) -> dict[str, dict[str, str]]:
    """Write the sample's files from FIRST on, for a few accounts of each group; the last portfolio row of each."""
    with (SAMPLE / "accounts.csv").open(encoding="utf-8", newline="") as opened:
        groups: dict[str, list[str]] = defaultdict(list)
        for row in csv.DictReader(opened):
            groups[row["chosen_for"]].append(row["account_id"])
    accounts = {account_id for group in groups.values() for account_id in group[:OF_EACH_GROUP]}
    people = {}
    whole = Drops(SAMPLE)
    for day in whole.dates:
        for file in whole.on(day) if FIRST <= day <= LAST else ():
            rows = [row for row in _read(file.path) if _account_of(row) in accounts and not _of_an_earlier_case(row)]
            if file.kind == "portfolio":
                people.update({row["account_id"]: row for row in rows})
            if rows:
                _write(folder / str(day) / file.key, file.kind, rows)
    return people


def _case_of(row: dict[str, str]) -> str | None:
    return row.get("case_id") or (row["letter_id"].split(".")[0] if "letter_id" in row else None)


def _account_of(row: dict[str, str]) -> str:
    case_id = _case_of(row)
    return row["account_id"] if case_id is None else account_of(case_id)


def _of_an_earlier_case(row: dict[str, str]) -> bool:
    """Whether a letter or a return is about a case that is not opened here, since it was before FIRST."""
    case_id = _case_of(row)
    return case_id is not None and case_id[-8:] < f"{FIRST:%Y%m%d}"


def _read(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return list(csv.DictReader(io.StringIO(text.decode())))


def _write(path: Path, kind: Kind, rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS[kind], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
