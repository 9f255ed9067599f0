"""Files that are dropped on dates: a folder for each date, laid out in it as in the buckets.

2005-04-03/portfolio/2005-04-03.csv.gz                      into the inbound bucket
2006-02-25/agency_id=default/returns/2006-02-25.csv         into the agency bucket
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

from arrears.files.columns import Kind

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class File:
    """A file, and where it goes.

    Attributes:
        key: below which it lies in its bucket.
    """

    path: Path
    key: str

    @property
    def kind(self) -> Kind:
        """What its rows are: the name of the folder it is in."""
        return cast("Kind", self.path.parent.name)

    @property
    def is_agencys(self) -> bool:
        """Whether an agency writes it."""
        return self.key.startswith("agency_id=")


class Drops:
    """What is dropped on which date.

    Args:
        folder: holds a folder for each date; whatever else is in it is left out.

    Raises:
        ValueError: the name of a folder looks like a date and is none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[date, list[File]] = defaultdict(list)
        for dated in sorted(folder.iterdir()):
            if dated.is_dir() and _DATE.fullmatch(dated.name):
                files = sorted(path for path in dated.rglob("*") if path.is_file())
                try:
                    day = date.fromisoformat(dated.name)
                except ValueError:
                    raise ValueError(f"{dated.name} looks like a date and is none") from None
                self._files[day] = [File(path, path.relative_to(dated).as_posix()) for path in files]

    @property
    def dates(self) -> list[date]:
        """The dates on which anything is dropped, in order."""
        return sorted(self._files)

    def on(self, day: date) -> list[File]:
        """What is dropped on a date."""
        return self._files.get(day, [])

    def of(self, kind: Kind) -> list[Path]:
        """All files of a kind, in the order in which they are dropped."""
        return [file.path for day in self.dates for file in self._files[day] if file.kind == kind]


def merge(folders: Sequence[Path], to: Path) -> None:
    """Put folders of drops together in a new one; a kind that a later one has takes the place of the earlier ones'."""
    drops = [Drops(folder) for folder in folders]
    taken: set[Kind] = set()
    for each in reversed(drops):
        kinds: set[Kind] = set()
        for day in each.dates:
            for file in each.on(day):
                kinds.add(file.kind)
                if file.kind not in taken:
                    path = to / day.isoformat() / file.key
                    path.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file.path, path)
        taken |= kinds
