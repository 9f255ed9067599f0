"""A file of a legal officer's decisions: the same rows that `arrears simulate --approvals` plays."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from arrears.files import Duplicates, RowError, parse_approval, read_rows
from arrears.usecases.orders import Orders

#: What became of a row: recorded; known from before; or dated after the business date, and left for then.
Taken = Literal["recorded", "known", "later"]


class Verdict(NamedTuple):
    """What became of the row on a line; a `RowError` says why it is refused."""

    line: int
    outcome: Taken | RowError


@dataclass(frozen=True)
class Approvals:
    """Takes in files of decisions. A bad row never holds up the good ones, and a file may be taken in again."""

    orders: Orders

    def __call__(self, path: Path) -> Iterator[Verdict]:
        """Yield what became of each row, in order.

        Raises:
            OSError: the file cannot be read.
            TransientConflictError: others keep changing a case.
        """
        duplicates = Duplicates("approvals")
        for line, row in read_rows(path, "approvals"):
            try:
                if isinstance(row, RowError):
                    raise row
                approval = parse_approval(row)
                told = duplicates.check(approval, row, line)
                yield Verdict(line, "known" if told else self.orders.take(approval))
            except RowError as error:
                yield Verdict(line, error)
