"""Take in: what each row of a file changes, and writing it once.

A row that tells nothing new writes nothing. What it does change is one transaction: the row itself as a fact, so that
it counts once; the account; and an event on the case that is open, which wakes the execution. The account's version
and the case's version are conditions, so a case that opens or closes meanwhile is seen and the row is looked at again.

Which row of which drop wrote something is stored with it. A piece that is taken in again after a crash therefore
reports the same as the first time: what it has written itself counts as accepted, not as unchanged.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from arrears.adapters.settings import Clock, Policies, Settings
from arrears.adapters.table import AccountRecord, CaseRecord, StaleError, Table
from arrears.domain.agencies import settle_commission, settle_received
from arrears.domain.calls import why_refused
from arrears.domain.case import Placement
from arrears.domain.dates import ONE_DAY, local_date
from arrears.domain.decide import account_of, case_id_of, opens_on
from arrears.domain.events import (
    AgencyReported,
    ArrearsReported,
    CallResult,
    Event,
    FreezeAnswered,
    HoldPlaced,
    LetterReported,
    OperatorListed,
    OptedOut,
    PaymentReceived,
    PlanAgreed,
    PlanCancelled,
    SmsReported,
)
from arrears.domain.facts import Account, Extract, Means
from arrears.domain.learn import learn, learn_before_a_case
from arrears.domain.legal import is_filed
from arrears.domain.money import Money
from arrears.domain.reports import dispute_listed, what_a_dispute_does, why_not_taken
from arrears.effects.exports import Exports
from arrears.errors import TransientConflictError
from arrears.files import (
    ApprovalRow,
    CallRow,
    CourtRow,
    Duplicates,
    FreezeRow,
    HoldRow,
    LetterRow,
    OptOutRow,
    PaymentRow,
    PlanRow,
    PortfolioRow,
    Profile,
    ReceiptRow,
    Record,
    ReturnRow,
    RowError,
)
from arrears.files.ahead import check_ahead, dated
from arrears.records import Stamp
from arrears.usecases.assess import TRIES
from arrears.usecases.drop import Drop, kind_of_rows

if TYPE_CHECKING:
    from arrears.adapters.aws import Item

#: So many facts may wait for an account's next extract; beyond that its item would outgrow the table's limit of 400 KB.
MOST_FACTS = 1000
#: So many of them leave room for an agency's: what the bank says is not refused because of what an agency said.
MOST_FACTS_OF_AGENCIES = 500
_LETTER_ID = re.compile(r"[A-Za-z0-9_-]{1,32}-[0-9]{8}\.[^.]+(?:\.[^.]+)+", re.ASCII)

_FREEZE_ID = re.compile(r"[A-Za-z0-9_-]{1,32}-[0-9]{8}\.freeze", re.ASCII)

Outcome = Literal["accepted", "unchanged"]
FactName = tuple[str, str, str]


class NumberedRow(NamedTuple):
    """A row that was checked, with its line and its cells."""

    line: int
    row: dict[str, str | None]
    record: Record


class Verdict(NamedTuple):
    """What became of a row; `refused` says why not."""

    numbered: NumberedRow
    outcome: Outcome | None
    refused: RowError | None = None


@dataclass(frozen=True)
class Fact:
    """A row as it is kept, so that it counts once.

    Attributes:
        told: what the row says, in the words of the field, however it was written.
    """

    account_id: str
    kind: str
    fact_id: str
    told: Mapping[str, str | None]

    @property
    def name(self) -> FactName:
        """What it is stored under."""
        return self.account_id, self.kind, self.fact_id

    def content(self, by: str) -> str:
        """Return what is stored of it."""
        return json.dumps({"by": by, "fact": self.told}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass
class Change:
    """What a row changes.

    Attributes:
        account: the account as it is to be stored; None where it stays as it is.
        on: the business date at the account's place.
        events: by case, what is to be appended to it.
        writes: what else belongs to it.
    """

    on: date
    timezone: str
    account: AccountRecord | None = None
    fact: Fact | None = None
    events: dict[str, list[Event]] = field(default_factory=dict)
    writes: list["Item"] = field(default_factory=list)

    def append(self, case: CaseRecord | None, event: Event) -> None:
        """Add an event for a case, if there is one."""
        if case is not None:
            self.events.setdefault(case.case.case_id, []).append(event)


def account_id_of(record: Record) -> str:
    """Return the account that a row is about.

    Raises:
        RowError: a letter's id is none of ours.
    """
    if isinstance(record, LetterRow):
        if _LETTER_ID.fullmatch(record.letter_id) is None:
            raise RowError("letter_id", "is not the id of a letter that was queued")
        return account_of(record.letter_id)
    if isinstance(record, ReceiptRow | FreezeRow):
        if _LETTER_ID.fullmatch(record.action_id) is None and _FREEZE_ID.fullmatch(record.action_id) is None:
            raise RowError("action_id", "is not the id of an action")
        return account_of(record.action_id)
    return record.account_id


def fact_of(record: Record, agency_id: str) -> Fact | None:  # noqa: PLR0911 - one for each kind of row
    """Return what a row is kept as; None for an extract, which the account itself keeps."""
    match record:
        case PaymentRow(payment_id, account_id, paid_at, amount):
            told = {"paid_at": paid_at.astimezone(UTC).isoformat(), "amount": _plain(amount)}
            return Fact(account_id, "payment", payment_id, told)
        case HoldRow(hold_id, account_id, reason, status, at):
            # A lift names the hold, whatever it says of the reason.
            hold: dict[str, str | None] = {"reason": reason} if status == "placed" else {}
            dates = {"until": record.until, "review_on": record.review_on}
            hold |= {name: day.isoformat() for name, day in dates.items() if day is not None}
            return Fact(account_id, "hold", f"{hold_id}#{status}#{at.isoformat()}", hold)
        case PlanRow(plan_id, account_id, told):
            return Fact(account_id, "plan", f"{plan_id}#{record.status}", _terms(told))
        case CallRow(call_id, account_id):
            call: dict[str, str | None] = {
                "called_at": record.called_at.isoformat(),
                "phone": record.phone,
                "result": record.result,
                "promised_amount": None if record.promised_amount is None else _number(record.promised_amount),
                "promised_on": None if record.promised_on is None else record.promised_on.isoformat(),
                "agent": record.agent,
            }
            if record.not_wanted:
                call["not_wanted"] = " ".join(record.not_wanted)
            return Fact(account_id, "call", call_id, call)
        case LetterRow(letter_id, status, at, tracking_number):
            letter = {"at": at.isoformat(), "tracking_number": tracking_number}
            return Fact(account_of(letter_id), "letter", f"{letter_id}#{status}", letter)
        case ReceiptRow(action_id, status, at, final):
            receipt = {"at": at.isoformat(), "final": str(final)}
            return Fact(account_of(action_id), "receipt", f"{action_id}#{status}", {**receipt})
        case OptOutRow(account_id, at, source):
            return Fact(account_id, "optout", at.isoformat(), {"source": source})
        case FreezeRow(action_id, status, at):
            return Fact(account_of(action_id), "freeze", f"{action_id}#{status}", {"at": at.isoformat()})
        case ReturnRow(return_id, case_id, account_id, at, outcome, returned, note):
            report = {
                "case_id": case_id,
                "at": at.isoformat(),
                "outcome": outcome,
                "amount": None if returned is None else _plain(returned),
                "note": note,
            }
            return Fact(account_id, "return", f"{agency_id}:{return_id}", report)
        case CourtRow(court_id, case_id, account_id, status, at, reference, granted, note):
            told_by_court = {
                "case_id": case_id,
                "status": status,
                "at": at.isoformat(),
                "reference": reference,
                "amount": None if granted is None else _plain(granted),
                "note": note,
            }
            return Fact(account_id, "court", court_id, told_by_court)
        case _:
            return None


def _terms(told: PlanAgreed | PlanCancelled) -> dict[str, str | None]:
    if isinstance(told, PlanCancelled):
        return {"cancelled_on": told.on.isoformat()}
    plan = told.plan
    return {
        "agreed_on": plan.agreed_on.isoformat(),
        "instalments": str(plan.instalments),
        "amount": _plain(plan.amount),
        "first_due": plan.first_due.isoformat(),
        "every": plan.every,
    }


def _number(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _plain(money: Money) -> str:
    return f"{_number(money.amount)} {money.currency}"


def profile_digest(profile: Profile) -> str:
    """Return a short hash of a profile: tells whether the same was said before, and nothing of what was said."""
    text = json.dumps(profile.to_dict(), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Source(NamedTuple):
    """Which row of which drop an extract came from, as `AccountRecord.sources` keeps it."""

    profile: str
    dropped_at: str
    by: str

    @classmethod
    def read(cls, text: str | None) -> "Source":
        """Return what was stored; empty for nothing."""
        parts = (text or "").split(" ")
        return cls(*parts) if len(parts) == len(cls._fields) else cls("", "", "")


@dataclass(frozen=True)
class TakeIn:
    """Takes in the rows of a drop, one account at a time.

    Attributes:
        clock, policies: as they are when the piece begins.
    """

    table: Table
    clock: Clock
    policies: Policies
    drop: Drop

    @property
    def exports(self) -> Exports:
        """What agencies have and what they collect."""
        return Exports(self.table)

    @classmethod
    def begin(cls, table: Table, settings: Settings, drop: Drop) -> "TakeIn":
        """Read the clock and the policies, once for a piece."""
        return cls(table, settings.clock(), settings.policies(), drop)

    def load(self, groups: dict[str, list[NumberedRow]]) -> "Loaded":
        """Read the accounts of some rows, and which of the rows came in before, in as few requests as it takes."""
        agency_id = self.drop["agency_id"]
        facts = (fact_of(numbered.record, agency_id) for rows in groups.values() for numbered in rows)
        names = {fact.name for fact in facts if fact is not None}
        return Loaded(self.table.accounts(list(groups)), self.table.facts(names) if names else {})

    def rows(self, account_id: str, rows: Sequence[NumberedRow], loaded: "Loaded") -> list[Verdict]:
        """Take in the rows of one account (see `verdicts`)."""
        return list(self.verdicts(account_id, rows, loaded))

    def verdicts(self, account_id: str, rows: Sequence[NumberedRow], loaded: "Loaded") -> Iterator[Verdict]:
        """Take in the rows of one account, in file order; yield what became of each.

        Raises:
            TransientError: nothing can be said of the rest; what was taken in is, and does no harm when it comes again.
        """
        duplicates = Duplicates(kind_of_rows(self.drop))
        ledger = _Ledger(self, account_id, loaded)
        for numbered in rows:
            try:
                duplicates.check(numbered.record, numbered.row, numbered.line)
            except RowError as refused:
                yield Verdict(numbered, None, refused)
                continue
            try:
                verdict = Verdict(numbered, ledger.take(numbered))
            except RowError as refused:
                duplicates.forget(numbered.record)
                verdict = Verdict(numbered, None, refused)
            yield verdict


@dataclass(frozen=True)
class Loaded:
    """What was read for some accounts at once."""

    accounts: dict[str, AccountRecord]
    facts: dict[FactName, str]


class _Ledger:
    """One account while its rows are taken in: what is stored of it, as far as known."""

    def __init__(self, take_in: TakeIn, account_id: str, loaded: Loaded) -> None:
        self._to, self._table, self._account_id = take_in, take_in.table, account_id
        self._record = loaded.accounts[account_id]
        self._facts: dict[FactName, str | None] = {**loaded.facts}
        self._cases: dict[str, CaseRecord | None] = {}
        self._reported: dict[str, Counter[str]] = {}
        self._loaded_facts = True

    # --- what is stored ----------------------------------------------------------------------------------------------
    def _reload(self) -> None:
        """Forget what was read: somebody was quicker."""
        self._record = self._table.account(self._account_id)
        self._facts.clear()
        self._cases.clear()
        self._reported.clear()
        self._loaded_facts = False

    def _case(self, case_id: str) -> CaseRecord | None:
        if case_id not in self._cases:
            self._cases[case_id] = self._table.case(case_id)
        return self._cases[case_id]

    def _open_case(self) -> CaseRecord | None:
        return None if self._record.open_case is None else self._case(self._record.open_case)

    def _stored(self, fact: Fact) -> str | None:
        if not self._loaded_facts and fact.name not in self._facts:
            self._facts[fact.name] = self._table.fact(*fact.name)
        return self._facts.get(fact.name)

    # --- one row -----------------------------------------------------------------------------------------------------
    def take(self, numbered: NumberedRow) -> Outcome:
        """Take in one row.

        Raises:
            RowError: it is refused.
            TransientConflictError: others keep changing the account.
        """
        by = f"{self._to.drop['run']}:{numbered.line}"
        for _ in range(TRIES):
            change = self._change(numbered.record, by)
            if not isinstance(change, Change):
                return change
            try:
                self._write(change, by)
            except StaleError:
                self._reload()
            else:
                return "accepted"
        raise TransientConflictError(f"{self._account_id}: others keep changing the account")

    def _change(self, record: Record, by: str) -> Change | Outcome:  # noqa: C901, PLR0912 - one for each kind of row
        """Return what a row changes; or what became of it, where it changes nothing (any more)."""
        if isinstance(record, PortfolioRow):
            return self._extract(record, by)
        fact = fact_of(record, self._to.drop["agency_id"])
        if fact is None or isinstance(record, ApprovalRow):
            raise ValueError("no fact")
        stored = self._stored(fact)
        if stored is not None:
            known = json.loads(stored)
            if known["fact"] != fact.told:
                what = "status" if fact.kind in ("letter", "receipt", "freeze") else f"{fact.kind}_id"
                raise RowError(what, "contradicts what came in before under the same id")
            return "accepted" if known["by"] == by else "unchanged"
        match record:
            case PaymentRow():
                change = self._payment(record)
            case HoldRow():
                change = self._hold(record)
            case PlanRow():
                change = self._plan(record)
            case CallRow():
                change = self._call(record)
            case LetterRow():
                change = self._letter(record)
            case CourtRow():
                change = self._court(record)
            case ReceiptRow():
                change = self._receipt(record)
            case OptOutRow():
                change = self._opt_out(record)
            case FreezeRow():
                change = self._freeze(record)
            case _:
                change = self._return(record)
        told = dated(record)
        if told is not None:
            column, at = told
            on = local_date(at, change.timezone)
            check_ahead(column, on, change.on, agency=isinstance(record, ReturnRow))
        change.fact = fact
        return change

    def _begin(self, timezone: str) -> Change:
        return Change(self._to.clock.now(timezone).on, timezone)

    def _extract(self, row: PortfolioRow, by: str) -> Change | Outcome:
        record, extract = self._record, self._renewed(row)
        account, as_of = record.account, extract.as_of.isoformat()
        moved = account.with_extract(extract)
        change = self._begin(moved.timezone)
        check_ahead("as_of", extract.as_of, change.on)
        source = Source.read(record.sources.get(as_of))
        before: Outcome = "accepted" if source.by == by else "unchanged"
        in_force = account.extract(change.on)
        if in_force is not None and in_force.as_of > extract.as_of:
            return before
        known = next((known for known in account.extracts if known.as_of == extract.as_of), None)
        told = Source(profile_digest(row.profile), self._to.drop["dropped_at"], by)
        if known == extract and source.profile == told.profile:
            return before
        if known is not None and source.dropped_at > told.dropped_at:
            return "unchanged"
        kept = _within_limits(moved.pruned(change.on))
        run = by.partition(":")[0]
        dates = {each.as_of.isoformat() for each in kept.extracts}
        sources = {
            date: text for date, text in record.sources.items() if date in dates or Source.read(text).by.startswith(run)
        }
        coming = {date: each for date, each in record.coming.items() if date > change.on.isoformat()}
        if extract.as_of > change.on:
            coming[as_of] = row.profile
        change.account = replace(
            record,
            account=kept,
            profile=row.profile if extract.as_of <= change.on else record.profile_on(change.on),
            coming=coming,
            sources={**sources, as_of: " ".join(told)},
        )
        if known != extract:
            change.append(self._open_case(), ArrearsReported(extract, change.on))
        return change

    def _renewed(self, row: PortfolioRow) -> Extract:
        """Return the extract with what says which numbers, and whether the address, are others than those on file."""
        record, extract = self._record, row.extract
        extracts = record.account.extracts
        known = next((known for known in extracts if known.as_of == extract.as_of), None)
        renewed = set(known.renewed) if known is not None else set[Means]()
        before = record.profile_on(extract.as_of)
        if before is not None and before != row.profile and extracts:
            renewed.update(row.profile.renewed_since(before))
        return replace(extract, renewed=tuple(sorted(renewed)))

    def _payment(self, row: PaymentRow) -> Change:
        account = self._record.account
        change = self._begin(account.timezone)
        _check_currency(account, row.amount, change.on)
        payment = row.payment(account.timezone_at(row.paid_at))
        received = PaymentReceived(payment)
        self._change_account(change, learn(account, received))
        case = self._open_case()
        change.append(case, received)
        if case is not None and case.case.placements:
            policy = self._to.policies.for_case(case.case, change.on).policy
            settled = settle_received(case.case, policy, payment, change.on)
            if settled is not None:
                change.append(case, settled)
                change.writes.append(self._to.exports.payment_booked(case.case.case_id, settled, payment.paid_on))
        return change

    def _hold(self, row: HoldRow) -> Change:
        account = self._record.account
        change = self._begin(account.timezone)
        told = row.event(account.timezone)
        self._change_account(change, learn(account, told))
        change.append(self._open_case(), told)
        return change

    def _plan(self, row: PlanRow) -> Change:
        account, case, told = self._record.account, self._open_case(), row.told
        change = self._begin(account.timezone)
        if isinstance(told, PlanAgreed):
            _check_currency(account, told.plan.amount, change.on)
        elif self._table.fact(self._account_id, "plan", f"{row.plan_id}#agreed") is None:
            raise RowError("plan_id", "is no plan that was agreed")
        if case is None:
            self._change_account(change, learn_before_a_case(account, told))
        else:
            change.append(case, told)
        return change

    def _call(self, row: CallRow) -> Change:
        account, case = self._record.account, self._open_case()
        change = self._begin(account.timezone)
        call = row.call(account.timezone_at(row.called_at))
        of = case or self._last_case()
        if of is not None:
            refusal = why_refused(of.case, self._to.policies.for_case(of.case, change.on).policy, call)
            if refusal is not None:
                raise RowError("call_id", refusal)
        told = CallResult(call)
        if case is None:
            self._change_account(change, learn_before_a_case(account, told))
        elif call.called_on > case.case.opened_on or call.is_conversation or call.not_wanted:
            # The case has it by its event; the account keeps for the next case what outlives this one.
            self._change_account(change, learn(account, told))
            change.append(case, told)
        return change

    def _last_case(self) -> CaseRecord | None:
        """Return the last case of an account that has none open."""
        cases = self._table.cases(self._account_id)
        return cases[-1] if cases else None

    def _receipt(self, row: ReceiptRow) -> Change:
        case, current = self._case(row.action_id.split(".", 1)[0]), self._open_case()
        if case is None or not case.case.has_done(row.action_id, "send_sms"):
            raise RowError("action_id", "is not the id of a text that was sent")
        timezone = case.case.account.timezone
        change, on = self._begin(timezone), row.on(timezone)
        report = SmsReported(row.action_id, row.status, on, row.final, row.reason or "")
        change.append(case, report)
        if row.final:
            self._change_account(change, learn(self._record.account, report))
            if current is not None and current.case.case_id != case.case.case_id:
                change.append(current, report)
        return change

    def _opt_out(self, row: OptOutRow) -> Change:
        account = self._record.account
        change, told = self._begin(account.timezone), OptedOut(row.on(account.timezone), row.source)
        self._change_account(change, learn(account, told))
        change.append(self._open_case(), told)
        return change

    def _freeze(self, row: FreezeRow) -> Change:
        case = self._case(row.action_id.split(".", 1)[0])
        if case is None or not case.case.has_done(row.action_id, "freeze_account"):
            raise RowError("action_id", "is not the id of a request to freeze the account")
        timezone = case.case.account.timezone
        change = self._begin(timezone)
        change.append(case, FreezeAnswered(row.action_id, row.status, row.on(timezone)))
        return change

    def _letter(self, row: LetterRow) -> Change:
        case = self._case(row.letter_id.split(".", 1)[0])
        if case is None or not case.case.has_done(row.letter_id, "queue_letter"):
            raise RowError("letter_id", "is not the id of a letter that was queued")
        timezone = case.case.account.timezone
        change = self._begin(timezone)
        change.append(case, LetterReported(row.letter_id, row.status, row.on(timezone), row.tracking_number))
        return change

    def _return(self, row: ReturnRow) -> Change:
        agency_id, case = self._to.drop["agency_id"], self._case(row.case_id)
        timezone = "UTC" if case is None else case.case.account.timezone
        placements = [] if case is None else [p for p in case.case.placements if p.agency_id == agency_id]
        change, on = self._begin(timezone), row.on(timezone)
        report, payment = row.reported(agency_id, timezone), row.payment(agency_id, timezone)
        refusal = why_not_taken(
            None if case is None else case.case,
            placements,
            report,
            None if payment is None else payment.amount,
            self._reports(agency_id, row.case_id) if placements else 0,
        )
        if refusal is not None or case is None:
            raise RowError(*(refusal or ("case_id", "")))
        change.append(case, report)
        account, fact_id = self._record.account, f"agency:{agency_id}:{row.return_id}"
        if payment is not None:
            _check_currency(account, payment.amount, change.on)
            received = PaymentReceived(replace(payment, payment_id=fact_id))
            self._change_account(change, learn(account, received), MOST_FACTS_OF_AGENCIES)
            change.append(self._open_case(), received)
            policy = self._to.policies.for_case(case.case, change.on).policy
            settled = settle_commission(case.case, policy, report, payment.amount, change.on)
            if policy.agencies:
                change.append(case, settled)
            change.writes.append(self._to.exports.payment_booked(row.case_id, settled, on))
        elif row.outcome == "disputed":
            self._disputed(change, case, placements, report)
        elif row.outcome == "returned":
            change.writes.append(self._to.exports.held(agency_id, row.case_id, has=False))
            change.writes.append(self._to.exports.returned(case.case, agency_id, row.return_id, change.on))
        return change

    def _disputed(self, change: Change, case: CaseRecord, placements: list[Placement], report: AgencyReported) -> None:
        current = self._open_case()
        effect = what_a_dispute_does(
            case.case, None if current is None else current.case, placements, report, change.on
        )
        if not isinstance(effect, str):
            raise RowError(*effect)
        if effect == "held":
            held = HoldPlaced(f"agency:{report.agency_id}:{report.return_id}", "dispute", report.on)
            self._change_account(change, learn(self._record.account, held), MOST_FACTS_OF_AGENCIES)
            change.append(current, held)
        elif effect == "listed":
            change.append(current, OperatorListed("agency_dispute", change.on, dispute_listed(report)))

    def _reports(self, agency_id: str, case_id: str) -> int:
        """Return how many reports of an agency on a case were taken, as far as known."""
        if agency_id not in self._reported:
            told = self._table.contents(self._account_id, "return", f"{agency_id}:")
            self._reported[agency_id] = Counter(json.loads(each)["fact"]["case_id"] for each in told)
        return self._reported[agency_id][case_id]

    def _court(self, row: CourtRow) -> Change:
        case = self._case(row.case_id)
        if case is None or not is_filed(case.case):
            raise RowError("case_id", "is no case that was filed")
        timezone = case.case.account.timezone
        change, report = self._begin(timezone), row.reported(timezone)
        if report.on < next(done.on for done in case.case.done if done.action == "file_legal"):
            raise RowError("at", "is before the case was filed")
        change.append(case, report)
        return change

    def _change_account(self, change: Change, account: Account, most: int | None = None) -> None:
        kept = _within_limits(account.pruned(change.on), most)
        if kept != self._record.account:
            change.account = replace(self._record, account=kept)

    # --- writing -----------------------------------------------------------------------------------------------------
    def _write(self, change: Change, by: str) -> None:
        writes: list[Item] = [*change.writes]
        cases: dict[str, CaseRecord | None] = {}
        if change.fact is not None:
            fact = change.fact
            writes.append(self._table.put_fact(fact.account_id, fact.kind, fact.fact_id, fact.content(by)))
        due = None
        if change.account is not None:
            due = self._due(change.account, change.on)
            writes.append(self._table.put_account(change.account, due))
        for case_id, events in change.events.items():
            case = self._case(case_id)
            if case is None:
                raise ValueError("events for no case")
            # A fact was decided by nobody, so it names no policy.
            stamp = Stamp(self._to.clock.at(change.timezone), change.on)
            cases[case_id], appends = self._table.appending(case, events, stamp, wakes=case.case.is_open)
            writes += appends
        self._table.transact(writes)
        if change.account is not None:
            self._record = replace(
                change.account, version=change.account.version + 1, due=None if due is None else due.isoformat()
            )
        if change.fact is not None:
            self._facts[change.fact.name] = change.fact.content(by)
            if change.fact.kind == "return":
                self._reported[self._to.drop["agency_id"]][str(change.fact.told["case_id"])] += 1
        self._cases |= cases

    def _due(self, record: AccountRecord, on: date) -> date | None:
        """Return the account's place on the queue: the first date on which a case could open.

        An account with an open case has none, but for that which the net has given it.
        """
        if record.open_case is not None:
            return None if record.due is None else date.fromisoformat(record.due)
        policy = self._to.policies.for_new(on).policy
        due = opens_on(record.account, policy, on)
        if due == on and self._case(case_id_of(record.account.account_id, on)) is not None:
            # A case that closed today has today's id: the next one opens tomorrow.
            return opens_on(record.account, policy, on + ONE_DAY)
        return due


def _check_currency(account: Account, amount: Money, on: date) -> None:
    extract = account.extract(on) or (account.extracts[0] if account.extracts else None)
    if extract is not None and extract.past_due.currency != amount.currency:
        raise RowError("currency", f"is not {extract.past_due.currency}, the account's")


def _within_limits(account: Account, most: int | None = None) -> Account:
    most = MOST_FACTS if most is None else most
    facts: Iterable[tuple[Any, ...]] = (
        *(account.extracts, account.payments, account.holds, account.calls, account.plans),
    )
    if sum(map(len, facts)) > most:
        raise RowError("account_id", f"has more than {most} facts that wait for its next extract")
    return account
