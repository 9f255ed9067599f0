"""Import rows: take in the rows of one piece, several accounts at a time, and write down what came of them."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from arrears.adapters.objects import Objects
from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.errors import ArrearsError, PermanentItemError
from arrears.files import RowError, parse
from arrears.files.records import CallRow, PaymentRow, ReceiptRow
from arrears.usecases.acknowledge import Acknowledge
from arrears.usecases.drop import Counts, Drop, kind_of_rows, piece_rejects_key, result_key
from arrears.usecases.take_in import Loaded, NumberedRow, TakeIn, Verdict, account_id_of

logger = logging.getLogger(__name__)

#: So many accounts are read at once, which is what one request can ask for.
_BATCH = 100
#: Accounts taken in at a time: each waits for the table most of the while. botocore keeps ten connections.
THREADS = 8


@dataclass
class _Tally:
    """What came of the rows so far; `refused` holds the lines of the rejects file by line number."""

    accepted: int = 0
    unchanged: int = 0
    refused: dict[int, str] = field(default_factory=dict)

    def refuse(self, line: int, reason: str, row: object) -> None:
        self.refused[line] = json.dumps({"line": line, "reason": reason, "row": row}, ensure_ascii=False)

    def add(self, verdict: Verdict) -> None:
        if verdict.refused is not None:
            self.refuse(verdict.numbered.line, str(verdict.refused), verdict.numbered.row)
        elif verdict.outcome == "accepted":
            self.accepted += 1
        else:
            self.unchanged += 1

    def counts(self) -> Counts:
        rows = self.accepted + self.unchanged + len(self.refused)
        return {"rows": rows, "accepted": self.accepted, "unchanged": self.unchanged, "rejected": len(self.refused)}


@dataclass(frozen=True)
class ImportPiece:
    """Takes in one piece of a drop; doing it again gives the same result.

    Attributes:
        bucket: the inbound bucket, in which the pieces are.
        tell: told how many rows of each result came in: of calls, of texts, of payments.
    """

    table: Table
    settings: Settings
    objects: Objects
    bucket: str
    tell: Callable[[str, int], None] = lambda _name, _number: None

    def __call__(self, drop: Drop, piece: str) -> Counts:
        """Take in a piece and store what came of it.

        Raises:
            TransientError: the table or S3 is busy; what was taken in does no harm when it comes again.
            PermanentError: the stack is not set up for it.
        """
        tally = _Tally()
        if drop["kind"] == "acks":
            self._acks(drop, piece, tally)
        else:
            self._rows(drop, piece, tally)
        if tally.refused:
            lines = "".join(f"{text}\n" for _, text in sorted(tally.refused.items()))
            body = lines.encode("utf-8", "replace")
            self.objects.put(self.bucket, piece_rejects_key(piece), body, "application/x-ndjson")
        counts = tally.counts()
        self.objects.put(self.bucket, result_key(piece), json.dumps(counts).encode(), "application/json")
        return counts

    def _entries(self, piece: str) -> Iterator[dict[str, Any]]:
        for line in self.objects.lines(self.bucket, piece):
            yield json.loads(line)

    def _rows(self, drop: Drop, piece: str, tally: _Tally) -> None:
        groups = self._groups(drop, piece, tally)
        take_in = TakeIn.begin(self.table, self.settings, drop)
        accounts = iter(sorted(groups))
        results: Counter[str] = Counter()
        with ThreadPoolExecutor(THREADS) as pool:
            while names := list(islice(accounts, _BATCH)):
                loaded = take_in.load({name: groups[name] for name in names})

                def one(name: str, loaded: Loaded = loaded) -> Sequence[Verdict]:
                    return _guarded(take_in, name, groups[name], loaded)

                for verdicts in pool.map(one, names):
                    for verdict in verdicts:
                        tally.add(verdict)
                        results.update(_result(verdict))
        for name, number in results.items():
            self.tell(name, number)

    def _groups(self, drop: Drop, piece: str, tally: _Tally) -> dict[str, list[NumberedRow]]:
        """Check the rows of a piece; return the good ones by account, in file order."""
        groups: dict[str, list[NumberedRow]] = {}
        kind = kind_of_rows(drop)
        for entry in self._entries(piece):
            line, row = entry["line"], entry["row"]
            if "reason" in entry:
                tally.refuse(line, entry["reason"], row)
                continue
            try:
                record = parse(kind, row)
                groups.setdefault(account_id_of(record), []).append(NumberedRow(line, row, record))
            except RowError as refused:
                tally.refuse(line, str(refused), row)
        return groups

    def _acks(self, drop: Drop, piece: str, tally: _Tally) -> None:
        acknowledge = Acknowledge(self.table, self.objects)
        for entry in self._entries(piece):
            try:
                if "reason" in entry:
                    tally.refuse(entry["line"], entry["reason"], entry["row"])
                elif acknowledge(drop, entry["row"]) == "accepted":
                    tally.accepted += 1
                else:
                    tally.unchanged += 1
            except RowError as refused:
                tally.refuse(entry["line"], str(refused), entry["row"])


def _result(verdict: Verdict) -> Iterator[str]:
    """Yield the metric that a row adds to, which was news."""
    if verdict.outcome == "accepted":
        match verdict.numbered.record:
            case CallRow(result=result):
                yield f"Calls_{result}"
            case ReceiptRow(status=status):
                yield f"Sms_{status}"
            case PaymentRow():
                yield "PaymentsTakenIn"
            case _:
                pass


def _guarded(take_in: TakeIn, account_id: str, rows: Sequence[NumberedRow], loaded: Loaded) -> list[Verdict]:
    """Take in the rows of an account; a row that trips over a bug of ours costs its own account, not the whole piece.

    So does one whose items have outgrown what the table takes. What was taken in before it stays taken in.
    """
    verdicts: list[Verdict] = []
    try:
        for verdict in take_in.verdicts(account_id, rows, loaded):
            verdicts.append(verdict)  # noqa: PERF402 - what was said before an error is kept
    except PermanentItemError as outgrown:
        why: Exception = outgrown
    except ArrearsError:
        raise
    except Exception as bug:  # noqa: BLE001 - whatever it is, the other accounts are none the worse for it
        why = bug
    else:
        return verdicts
    # The error's text may hold anything.
    logger.error("an account could not be taken in", extra={"account_id": account_id, "error": type(why).__name__})
    refused = RowError("row", f"could not be taken in ({type(why).__name__}); an operator has to look")
    return verdicts + [Verdict(numbered, None, refused) for numbered in rows[len(verdicts) :]]
