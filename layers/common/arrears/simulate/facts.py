"""What is kept of a row until its account is played: what decides, and nothing of who the cardholder is.

A kept row is a tuple of texts, numbers and None, so that writing and reading it is cheap. The tuples of one account are
put together by `dated_facts`, which also sees what the files tell twice.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from arrears.domain.dates import local_date
from arrears.domain.decide import account_of
from arrears.domain.events import FreezeAnswered, LetterReported, OptedOut, PlanAgreed, PlanCancelled, SmsReported
from arrears.domain.facts import Plan
from arrears.domain.money import Money
from arrears.domain.value import changed
from arrears.files import (
    COLUMNS,
    ApprovalRow,
    CallRow,
    CourtRow,
    FreezeRow,
    HoldRow,
    Kind,
    LetterRow,
    OptOutRow,
    PaymentRow,
    PlanRow,
    PortfolioRow,
    ReceiptRow,
    Record,
    ReturnRow,
    RowError,
    parse,
    parse_portfolio,
)
from arrears.files.ahead import check_ahead
from arrears.files.cells import Row
from arrears.files.records import (
    cells_of,
    impersonal,
    marked,
    plain_extract,
    plain_portfolio,
    profile_of,
    renewed_between,
)
from arrears.simulate.player import DatedFact, DecidedCase, Fact, ReturnedCase, no_refusal

#: Kind, number of the file, line, key within kind and account, then the fields.
Kept = tuple[Any, ...]
#: Is in no cell.
_SEPARATOR = "\x1f"
_PAST_DUE = COLUMNS["portfolio"].index("past_due_amount")
_OLDEST_DUE = COLUMNS["portfolio"].index("oldest_due_date")
_EXTRACT, _PAYMENT, _HOLD, _CALL, _LETTER, _RETURN, _RECEIPT, _OPT_OUT, _FREEZE, _PLAN, _APPROVAL = range(11)


def keep(kind: Kind, row: Row, file: int, line: int, agency_id: str, *, marks: bool = False) -> tuple[str, Kept]:
    """Check a row, and return the account that it is about and what is kept of it.

    Args:
        kind: of the file.
        row: its cells.
        file: the number of the row's file.
        line: in the file.
        agency_id: whose returns the file holds; empty where only the policy says it (see `of_agency`).
        marks: whether a number, or an address, is to be told from another one.

    Raises:
        RowError: the row is refused.
    """
    if kind == "portfolio":
        values = plain_portfolio(row)
        if values is None:
            known = parse_portfolio(row)
            cells, profile = cells_of(known.account_id, known.extract), known.profile
        elif not marks:
            return values[0], _kept_extract(file, line, impersonal(values))
        else:
            cells, profile = impersonal(values), profile_of(values)
        return cells[0], _kept_extract(file, line, marked(cells, profile) if marks else cells)
    return _keep(parse(kind, row), file, line, agency_id)


def _keep(record: Record, file: int, line: int, agency_id: str) -> tuple[str, Kept]:  # noqa: C901, PLR0911 - one for each kind of row
    match record:
        case PaymentRow(payment_id, account_id, paid_at, amount):
            paid = (paid_at.isoformat(), str(amount.amount), amount.currency)
            return account_id, (_PAYMENT, file, line, payment_id, *paid)
        case HoldRow(hold_id, account_id, reason, status, at, _, until, review_on):
            when, dates = at.isoformat(), (_date_text(until), _date_text(review_on))
            return account_id, (_HOLD, file, line, f"{hold_id} {status} {when}", hold_id, reason, status, when, *dates)
        case PlanRow(plan_id, account_id, said):
            return account_id, (_PLAN, file, line, f"{plan_id} {record.status}", *_kept_plan(said))
        case CallRow(call_id, account_id, called_at, phone, result, promised_amount, promised_on, agent, not_wanted):
            promised = (_text(promised_amount), promised_on and promised_on.isoformat())
            told = (called_at.isoformat(), phone, result, *promised, agent, " ".join(not_wanted))
            return account_id, (_CALL, file, line, call_id, *told)
        case LetterRow(letter_id, status, at, tracking_number):
            report = (letter_id, status, at.isoformat(), tracking_number)
            return account_of(letter_id), (_LETTER, file, line, f"{letter_id} {status}", *report)
        case ReceiptRow(action_id, status, at, final, reason):
            receipt = (action_id, status, at.isoformat(), final, reason)
            return account_of(action_id), (_RECEIPT, file, line, f"{action_id} {status}", *receipt)
        case OptOutRow(account_id, at, source):
            when = at.isoformat()
            return account_id, (_OPT_OUT, file, line, when, when, source)
        case FreezeRow(action_id, status, at):
            answer = (action_id, status, at.isoformat())
            return account_of(action_id), (_FREEZE, file, line, f"{action_id} {status}", *answer)
        case ApprovalRow(case_id, account_id, decision, at, by, why):
            when = at.isoformat()
            return account_id, (_APPROVAL, file, line, f"{case_id} {when}", case_id, decision, when, by, why)
        case ReturnRow(return_id, case_id, account_id, at, outcome, amount, note):
            money = (None, None) if amount is None else (str(amount.amount), amount.currency)
            key = f"{agency_id} {return_id}"
            fields = (return_id, case_id, at.isoformat(), outcome, *money, note, agency_id)
            return account_id, (_RETURN, file, line, key, *fields)
        case PortfolioRow(account_id, extract):
            return account_id, _kept_extract(file, line, cells_of(account_id, extract))
        case CourtRow():
            # What a court does changes no decision that the simulator plays.
            raise RowError("court_id", "is not played")


def _kept_extract(file: int, line: int, cells: tuple[str, ...]) -> Kept:
    """Keep an extract as one text, which is taken apart again only for an account that has to be played."""
    return _EXTRACT, file, line, cells[1], cells[_PAST_DUE], _SEPARATOR.join(cells)


def _kept_plan(told: PlanAgreed | PlanCancelled) -> Kept:
    if isinstance(told, PlanCancelled):
        return told.plan_id, told.on.isoformat()
    plan = told.plan
    money = (str(plan.amount.amount), plan.amount.currency)
    return plan.plan_id, plan.agreed_on.isoformat(), plan.instalments, *money, plan.first_due.isoformat(), plan.every


def _date_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


Refused = Callable[[int, int, str, str], None]


#: By the number of a file: the date on which it comes in; None where each row is known from the date it tells of.
Arrivals = Sequence[date | None]


def without_repeats(
    rows: list[Kept], unchanged: Callable[[int], None], refused: Refused, arrivals: Arrivals
) -> list[Kept]:
    """Return an account's rows without those that say again, or contradict, what was said before.

    Within a file the first of two that contradict each other counts, as the import has it; of two extracts of one date
    in different files the later one, from when it comes in.

    Args:
        rows: in the order in which they were read.
        unchanged: is called with the number of the file of a row that says nothing new.
        refused: is called with file, line, field and reason.
        arrivals: when the files come in.
    """
    if len({(row[0], row[3]) for row in rows}) == len(rows):
        return rows
    known: dict[tuple[Any, ...], Kept] = {}
    for row in rows:
        kind, file, line, key = row[:4]
        before = known.setdefault((kind, key), row)
        if before is row:
            continue
        if before[3:] == row[3:]:
            unchanged(file)
        elif before[1] == file:
            refused(file, line, _KEYS[kind], f"contradicts line {before[2]} of the same file, which was taken")
        elif kind == _EXTRACT:
            if arrivals[before[1]] != arrivals[file]:
                known[kind, key, before[1]] = known.pop((kind, key))
            known[kind, key] = row
        else:
            refused(file, line, _KEYS[kind], "contradicts what came in before under the same id")
    return list(known.values())


#: The column that dates a row, by its kind; empty for one that may tell of any later date.
_DATED_BY = ("as_of", "paid_at", "at", "called_at", "at", "at", "at", "at", "at", "", "")
_KEYS = (
    *("account_id", "payment_id", "hold_id", "call_id", "letter_id", "return_id"),
    *("action_id", "account_id", "action_id", "plan_id", "case_id"),
)


def of_agency(rows: list[Kept], agency_id: str) -> list[Kept]:
    """Return an account's rows with the agency filled in where the place of a file of returns did not name one."""
    return [
        (*row[:3], f"{agency_id}{row[3]}", *row[4:-1], agency_id) if row[0] == _RETURN and not row[-1] else row
        for row in rows
    ]


def past_due(rows: Iterable[Kept]) -> list[tuple[date, date | None]]:
    """Return what an account's extracts say, by their dates: the oldest due date while something is past due.

    Of two extracts of one date the later one counts.
    """
    told: dict[date, date | None] = {}
    for row in rows:
        if row[0] == _EXTRACT:
            owes = bool(row[4].strip("0."))
            oldest = row[5].split(_SEPARATOR)[_OLDEST_DUE]
            told[date.fromisoformat(row[3])] = date.fromisoformat(oldest) if owes and oldest else None
    return sorted(told.items())


def is_known(rows: Iterable[Kept]) -> bool:
    """Say whether there is an extract of the account."""
    return any(row[0] == _EXTRACT for row in rows)


def may_matter(rows: Iterable[Kept]) -> bool:
    """Say whether an account has to be played: something is past due once, or a row needs a case to be about."""
    return any(row[4].strip("0.") if row[0] == _EXTRACT else row[0] >= _LETTER for row in rows)


def dated_facts(rows: Iterable[Kept], refused: Refused, arrivals: Arrivals) -> Iterator[DatedFact]:
    """Yield an account's facts with the dates from which they are known, and count, at the account's place.

    A fact keeps its own date. It cannot be known before its file has come in; one that is dated too far ahead of that
    is refused.
    """

    def known_from(on: date, row: Kept) -> date:
        arrival = arrivals[row[1]]
        return on if arrival is None else max(on, arrival)

    def in_time(on: date, row: Kept) -> bool:
        arrival = arrivals[row[1]]
        column = _DATED_BY[row[0]] if row[0] != _HOLD or row[6] == "placed" else ""
        if arrival is None or not column:
            return True
        try:
            check_ahead(column, on, arrival, agency=row[0] == _RETURN)
        except RowError as error:
            refused(row[1], row[2], error.field, error.reason)
            return False
        return True

    cells = [(tuple(row[5].split(_SEPARATOR)), row) for row in rows if row[0] == _EXTRACT]
    told = [(plain_extract(each), each, row) for each, row in cells]
    told = [each for each in told if in_time(each[0].as_of, each[2])]
    told.sort(key=lambda each: each[0].as_of)
    for (extract, now, row), (_, before, _) in zip(told, [*told[:1], *told], strict=False):
        renewed = renewed_between(before, now)
        yield DatedFact(known_from(extract.as_of, row), changed(extract, renewed=renewed) if renewed else extract)
    zones = [(extract.as_of, extract.timezone) for extract, *_ in told]
    for row in rows:
        if row[0] != _EXTRACT:
            on, fact = _READERS[row[0]](row, zones)
            if not in_time(on, row):
                continue
            yield DatedFact(known_from(on, row), fact, _refusal(refused, row) if row[0] >= _CALL else no_refusal)


def _refusal(refused: Refused, row: Kept) -> Callable[[str, str], None]:
    return lambda field, reason: refused(row[1], row[2], field, reason)


_Zones = list[tuple[date, str]]


def _zone(at: date, zones: _Zones) -> str:
    """Return the account's zone at an instant: that of the last extract whose date is not later there.

    The first one's for what happened before it; UTC for an account of which there is no extract.
    """
    if not zones or zones[0][1] == zones[-1][1]:
        return zones[0][1] if zones else "UTC"
    return next((zone for as_of, zone in reversed(zones) if as_of <= local_date(at, zone)), zones[0][1])


def _payment(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    payment_id, paid_at, amount, currency = row[3:]
    at = datetime.fromisoformat(paid_at)
    payment = PaymentRow(payment_id, "", at, Money(Decimal(amount), currency)).payment(_zone(at, zones))
    return payment.paid_on, payment


def _moment(text: str) -> date:
    return datetime.fromisoformat(text) if len(text) > len("2005-06-18") else date.fromisoformat(text)


def _hold(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    hold_id, reason, status, text, *dates = row[4:]
    until, review_on = (None if day is None else date.fromisoformat(day) for day in dates)
    told = HoldRow(hold_id, "", reason, status, _moment(text), None, until, review_on)
    event = told.event(_zone(_moment(text), zones))
    return event.on, event


def _plan(row: Kept, _zones: _Zones) -> tuple[date, Fact]:
    plan_id, on, *terms = row[4:]
    if not terms:
        return date.fromisoformat(on), PlanCancelled(plan_id, date.fromisoformat(on))
    instalments, amount, currency, first_due, every = terms
    money, agreed_on = Money(Decimal(amount), currency), date.fromisoformat(on)
    plan = Plan(plan_id, agreed_on, instalments, money, date.fromisoformat(first_due), every)
    return agreed_on, PlanAgreed(plan)


def _call(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    call_id, called_at, phone, result, amount, promised_on, agent, not_wanted = row[3:]
    at = datetime.fromisoformat(called_at)
    promised = (amount and Decimal(amount), promised_on and date.fromisoformat(promised_on))
    call = CallRow(call_id, "", at, phone, result, *promised, agent, tuple(not_wanted.split())).call(_zone(at, zones))
    return call.called_on, call


def _letter(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    letter_id, status, text, tracking_number = row[4:]
    at = _moment(text)
    on = local_date(at, _zone(at, zones))
    return on, LetterReported(letter_id, status, on, tracking_number)


def _receipt(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    action_id, status, text, final, reason = row[4:]
    at = _moment(text)
    on = local_date(at, _zone(at, zones))
    return on, SmsReported(action_id, status, on, final, reason or "")


def _opt_out(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    text, source = row[4:]
    at = _moment(text)
    on = local_date(at, _zone(at, zones))
    return on, OptedOut(on, source)


def _freeze(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    action_id, status, text = row[4:]
    at = _moment(text)
    on = local_date(at, _zone(at, zones))
    return on, FreezeAnswered(action_id, status, on)


def _approval(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    case_id, decision, text, by, why = row[4:]
    at = _moment(text)
    decided = ApprovalRow(case_id, "", decision, at, by, why).decided(_zone(at, zones))
    return decided.on, DecidedCase(case_id, decided)


def _return(row: Kept, zones: _Zones) -> tuple[date, Fact]:
    return_id, case_id, text, outcome, amount, currency, note, agency_id = row[4:]
    at = _moment(text)
    zone = _zone(at, zones)
    money = None if amount is None else Money(Decimal(amount), currency)
    returned = ReturnRow(return_id, case_id, "", at, outcome, money, note)
    report = returned.reported(agency_id, zone)
    return report.on, ReturnedCase(case_id, report, returned.payment(agency_id, zone))


_READERS: tuple[Callable[[Kept, _Zones], tuple[date, Fact]], ...] = (
    _payment,  # never used: extracts are read first
    _payment,
    _hold,
    _call,
    _letter,
    _return,
    _receipt,
    _opt_out,
    _freeze,
    _plan,
    _approval,
)
