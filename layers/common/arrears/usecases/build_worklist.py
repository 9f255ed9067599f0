"""Build the worklist: the calls of a morning, as a dialler reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypedDict

from arrears.adapters.settings import Policies, Settings
from arrears.adapters.table import AccountRecord, CaseRecord, Table
from arrears.csv_safe import write_csv
from arrears.documents.bank import presented
from arrears.domain.calls import numbers_to_call
from arrears.domain.contact import call_hours
from arrears.domain.facts import PHONES
from arrears.domain.worklist import Entry, entry_of, ranked
from arrears.effects.known import known
from arrears.effects.ports import Objects
from arrears.effects.queue_call import call_numbers, message_for_others
from arrears.files.records import Profile

COLUMNS: Final = (
    *("rank", "action_id", "case_id", "account_id", "cardholder_name", "phone", "number", "may_be_told"),
    *("message_for_others", "language", "timezone", "call_from", "call_until", "currency", "arrears", "days_past_due"),
    *("risk_grade", "broken_promises", "days_to_next_stage", "promise_within_days", "stage", "queued_on", "left_over"),
)
LEFT_COLUMNS: Final = ("case_id", "action_id")
_CSV: Final = "text/csv; charset=utf-8"
#: So many cases are loaded at once.
_BATCH: Final = 500
#: So many days back the last list before a day is looked for; each is one read, where a listing would grow for ever.
_LOOK_BACK: Final = 14


class WorklistReport(TypedDict):
    """What the list has: how many calls, and how many did not fit.

    Attributes:
        stopped_by: the switch that stops what goes out, so that nobody is called; empty for none.
    """

    date: str
    calls: int
    left_over: int
    stopped_by: str


def worklist_key(day: date) -> str:
    """Return where the list of a day lies, in the documents bucket."""
    return f"worklists/date={day.isoformat()}/calls.csv"


def left_over_key(day: date) -> str:
    """Return where it says which calls did not fit on the list of a day."""
    return f"worklists/date={day.isoformat()}/left_over.csv"


def notice_key(day: date) -> str:
    """Return where it says why the list of a day is empty, where what goes out is stopped."""
    return f"worklists/date={day.isoformat()}/notice.txt"


@dataclass(frozen=True)
class BuildWorklist:
    """Writes `worklists/date=<date>/calls.csv`, never longer than the day's capacity, and beside it what did not fit.

    It changes nothing and may be run again: the list is then made anew from what is known by then. While what goes out
    is stopped the list is empty, `notice.txt` says why, and every call of the day is left over for the next list.

    Attributes:
        tell: how many calls are on the list, and left over.
    """

    table: Table
    settings: Settings
    documents: Objects
    tell: Callable[[str, int], None]

    def __call__(self, day: date) -> WorklistReport:
        """Build the list of a day.

        Raises:
            TransientServiceError: a service is busy.
        """
        policies = self.settings.policies()
        calls = policies.for_new(day).policy.calls
        capacity = calls.capacity_per_day if calls is not None else None
        entries = [entry for case_ids in self._open() for entry in self._entries(case_ids, policies, day)]
        before = self._left_over(day)
        switches = self.settings.switches()
        why_empty = switches.holds(shadow_case=False) or ""
        capacity = 0 if why_empty else capacity
        listed, left = ranked(entries, before, capacity)
        accounts = self.table.accounts([entry.account_id for entry in listed]) if listed else {}
        # What came in while the list was made is seen too: its cases are looked at once more before it is written.
        still = self._still(listed, policies, day)
        rows = [
            self._row(rank, entry, record, accounts[entry.account_id], policies, day)
            | {"left_over": entry.case_id in before}
            for rank, (entry, record) in enumerate(still, 1)
        ]
        self.documents.put(worklist_key(day), write_csv(COLUMNS, rows), _CSV)
        left_rows = [{"case_id": entry.case_id, "action_id": entry.action_id} for entry in left]
        self.documents.put(left_over_key(day), write_csv(LEFT_COLUMNS, left_rows), _CSV)
        self._notice(day, why_empty)
        self.tell("CallsListed", len(rows))
        self.tell("CallsLeftOver", len(left))
        return {
            "date": day.isoformat(),
            "calls": len(rows),
            "left_over": len(left),
            "stopped_by": switches.stopping or "",
        }

    def _notice(self, day: date, why_empty: str) -> None:
        if why_empty or self.documents.notes(notice_key(day)) is not None:
            text = f"No calls: {why_empty}" if why_empty else "What goes out is not stopped any more: see calls.csv"
            self.documents.put(notice_key(day), f"{text}\n".encode(), "text/plain; charset=utf-8")

    def _open(self) -> list[list[str]]:
        case_ids = [
            entry.case_id
            for shard in range(self.table.shards)
            for entry in self.table.queued("open", shard)
            if entry.case_id is not None
        ]
        return [case_ids[start : start + _BATCH] for start in range(0, len(case_ids), _BATCH)]

    def _entries(self, case_ids: list[str], policies: Policies, day: date) -> list[Entry]:
        records = self.table.load_cases(case_ids)
        cases = [record.case for record in records if record.case.opened_on <= day and not record.case.shadow]
        entries = (entry_of(case, policies.for_case(case, day).policy, day) for case in cases)
        return [entry for entry in entries if entry is not None]

    def _still(self, listed: Sequence[Entry], policies: Policies, day: date) -> list[tuple[Entry, CaseRecord]]:
        """Return entries as they stand now, each with its case; without those that have no call to make any more."""
        records = {each.case.case_id: each for each in self.table.load_cases([entry.case_id for entry in listed])}
        found = []
        for record in (records[entry.case_id] for entry in listed if entry.case_id in records):
            now = entry_of(record.case, policies.for_case(record.case, day).policy, day)
            if now is not None:
                found.append((now, record))
        return found

    def _left_over(self, day: date) -> frozenset[str]:
        """Return the cases that did not fit on the last list before a day."""
        days = (day - timedelta(days=back) for back in range(1, _LOOK_BACK + 1))
        body = next(
            (found for earlier in days if (found := self.documents.get(left_over_key(earlier))) is not None), b""
        )
        lines = body.decode().splitlines()[1:]
        return frozenset(line.partition(",")[0] for line in lines)

    def _row(
        self, rank: int, entry: Entry, record: CaseRecord, account: AccountRecord, policies: Policies, day: date
    ) -> dict[str, object]:
        policy = policies.for_case(record.case, day).policy
        profile, extract = account.profile_on(day) or Profile(), account.account.extract(day)
        allowed = PHONES if policy.bound is None else numbers_to_call(record.case, policy, day)
        guarantors = extract.guarantors if extract is not None else ()
        numbers = call_numbers(profile, entry.phone, allowed, guarantors)
        first = numbers[0] if numbers else None
        hours = call_hours(record.case, policy, day)
        told = known(record.case, account, day)
        bank = presented(policy.bank, told.language, production=self.settings.production)
        window = policy.promise_window_days(entry.stage, sum(call.is_conversation for call in told.case.calls))
        return {
            "rank": rank,
            "action_id": entry.action_id,
            "case_id": entry.case_id,
            "account_id": entry.account_id,
            "cardholder_name": profile.name,
            "phone": first["kind"] if first else entry.phone,
            "number": first["number"] if first else None,
            "may_be_told": first["may_be_told"] if first else None,
            "message_for_others": message_for_others(told, bank),
            "language": told.language,
            "timezone": account.account.timezone,
            "call_from": f"{hours[0]:%H:%M}" if hours else None,
            "call_until": f"{hours[1]:%H:%M}" if hours else None,
            "currency": entry.arrears.currency,
            "arrears": f"{entry.arrears.amount:f}",
            "days_past_due": told.days_past_due,
            "risk_grade": entry.risk_grade,
            "broken_promises": entry.broken_promises,
            "days_to_next_stage": entry.days_to_next_stage,
            "promise_within_days": window,
            "stage": entry.stage,
            "queued_on": entry.queued_on.isoformat(),
        }
