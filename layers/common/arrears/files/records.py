"""The rows of the files as typed records (docs/files.md).

A record keeps times as the file has them. What needs the account's timezone (the date on which a payment counts) is
built by the record's method, which is given that zone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Literal, cast, get_args

from arrears.domain.dates import local_date, local_time, zone
from arrears.domain.events import (
    AgencyOutcome,
    AgencyReported,
    CourtReported,
    CourtStatus,
    FreezeStatus,
    HoldLifted,
    HoldPlaced,
    LegalDecided,
    LetterStatus,
)
from arrears.domain.facts import PHONES, Call, CallOutcome, Extract, HoldReason, Means, Payment, Phone, RiskGrade
from arrears.domain.money import Money
from arrears.domain.rules import THIRD_PARTIES
from arrears.domain.value import value
from arrears.files import cells
from arrears.files.cells import Row
from arrears.files.columns import COLUMNS, OPTIONAL
from arrears.files.currencies import CURRENCIES
from arrears.files.errors import RowError

HoldStatus = Literal["placed", "lifted"]

_RISK_GRADES = frozenset(get_args(RiskGrade))
_HOLD_REASONS = frozenset(get_args(HoldReason))
_HOLD_STATUSES = frozenset(get_args(HoldStatus))
_PHONES = frozenset(PHONES)
_CALL_OUTCOMES = frozenset(get_args(CallOutcome))
_LETTER_STATUSES = frozenset(get_args(LetterStatus))
_RECEIPT_STATUSES = frozenset({"delivered", "failed"})
_FREEZE_STATUSES = frozenset(get_args(FreezeStatus))
_AGENCY_OUTCOMES = frozenset(get_args(AgencyOutcome))
_COURT_STATUSES = frozenset(get_args(CourtStatus))
_APPROVAL_DECISIONS = frozenset({"approve", "decline"})
_CARD_LAST4 = re.compile(r"[0-9]{4}", re.ASCII)
_PHONE_NUMBER = re.compile(r"\+?[0-9(][0-9 ()./-]{2,30}(?:(?:x|ext\.?|#) ?[0-9]{1,6})?", re.ASCII)
#: Where the address and the numbers are in a row of `portfolio/`.
_LINE1 = COLUMNS["portfolio"].index("address_line1")
_NUMBERS = slice(COLUMNS["portfolio"].index("phone_mobile"), COLUMNS["portfolio"].index("phone_contact") + 1)
_NOT_DIALLED = re.compile(r"[^0-9+x#]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_CASE_ID = re.compile(r"([A-Za-z0-9_-]{1,32})-([0-9]{8})", re.ASCII)
_ZERO = Decimal(0)


@value
class Profile:
    """Who the cardholder is and how to reach them: personal data, kept apart from what is decided on.

    Texts are as the bank wrote them; None is "not known".
    """

    name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    phone_mobile: str | None = None
    phone_work: str | None = None
    phone_home: str | None = None
    phone_family: str | None = None
    phone_contact: str | None = None
    card_last4: str | None = None

    def phone(self, kind: Phone) -> str | None:
        """Return the number of one kind."""
        return cast("str | None", getattr(self, f"phone_{kind}"))

    def means(self) -> dict[Means, str]:
        """Return the numbers and the address, each written in one way, so that they can be told from others."""
        written: dict[Means, str] = {kind: _NOT_DIALLED.sub("", self.phone(kind) or "") for kind in PHONES}
        written["address"] = " ".join(" ".join(self.address_lines()).casefold().split())
        return {means: text for means, text in written.items() if text}

    def renewed_since(self, before: "Profile") -> tuple[Means, ...]:
        """Return which numbers, and whether the address, are others than in an earlier profile; a gone one is none."""
        known = before.means()
        return tuple(means for means, now in self.means().items() if known.get(means) != now)

    def address_lines(self) -> tuple[str, ...]:
        """Return the lines of the address as far as known, the town in one line with its postal code."""
        town = " ".join(part for part in (self.postal_code, self.city, self.region) if part)
        return tuple(line for line in (self.address_line1, self.address_line2, town) if line)

    def to_dict(self) -> dict[str, str]:
        """Return what is known, for storing."""
        return {field.name: known for field in fields(self) if (known := getattr(self, field.name)) is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, str | None]) -> "Profile":
        """Return the profile that was stored; keys that are not known any more are left out."""
        return cls(**{field.name: data.get(field.name) for field in fields(cls)})


@value
class PortfolioRow:
    """An account as the bank saw it on one date."""

    account_id: str
    extract: Extract
    profile: Profile


@value
class PaymentRow:
    """A payment; on which date it counts depends on the account's timezone."""

    payment_id: str
    account_id: str
    paid_at: datetime
    amount: Money

    def payment(self, timezone: str) -> Payment:
        """Return the payment as it counts for an account at a place."""
        return Payment(self.payment_id, self.paid_at, self.amount, local_date(self.paid_at, timezone))


@value
class HoldRow:
    """A hold placed or lifted. `at` without an offset, or a plain date, is meant at the account's place."""

    hold_id: str
    account_id: str
    reason: HoldReason
    status: HoldStatus
    at: date
    note: str | None = None
    until: date | None = None
    review_on: date | None = None

    def event(self, timezone: str) -> HoldPlaced | HoldLifted:
        """Return what it says, with the date from which it counts and its time of day, at the account's place."""
        on, at = local_date(self.at, timezone), local_time(self.at, timezone)
        if self.status == "lifted":
            return HoldLifted(self.hold_id, self.reason, on, at)
        return HoldPlaced(self.hold_id, self.reason, on, at, self.until, self.review_on)


@value
class CallRow:
    """The result of one call; `not_wanted` are numbers at which somebody asked in it not to be called."""

    call_id: str
    account_id: str
    called_at: datetime
    phone: Phone | None
    result: CallOutcome
    promised_amount: Decimal | None = None
    promised_on: date | None = None
    agent: str | None = None
    not_wanted: tuple[Phone, ...] = ()

    def call(self, timezone: str) -> Call:
        """Return the call with its date, and its time of day where the offset is known, at the account's place."""
        at = self.called_at.astimezone(zone(timezone)) if self.called_at.tzinfo else self.called_at
        return Call(
            self.call_id,
            at,
            at.date(),
            self.phone,
            self.result,
            self.promised_amount,
            self.promised_on,
            self.agent,
            self.not_wanted,
        )


@value
class LetterRow:
    """What the mailing house reports of a letter."""

    letter_id: str
    status: LetterStatus
    at: date
    tracking_number: str | None = None

    def on(self, timezone: str) -> date:
        """Return the date from which it counts."""
        return local_date(self.at, timezone)


@value
class ReceiptRow:
    """The delivery receipt of a text message; `final` when the number cannot take one at all."""

    action_id: str
    status: Literal["delivered", "failed"]
    at: date
    final: bool = False
    reason: str | None = None

    def on(self, timezone: str) -> date:
        """Return the date from which it counts."""
        return local_date(self.at, timezone)


@value
class OptOutRow:
    """A cardholder replied that no more texts are wanted, or is on the network's list."""

    account_id: str
    at: date
    source: Literal["network", "reply"] = "reply"

    def on(self, timezone: str) -> date:
        """Return the date from which it counts."""
        return local_date(self.at, timezone)


@value
class FreezeRow:
    """The core banking system's answer to a request to freeze an account."""

    action_id: str
    status: FreezeStatus
    at: date

    def on(self, timezone: str) -> date:
        """Return the date from which it counts."""
        return local_date(self.at, timezone)


@value
class ReturnRow:
    """What an agency reports of a case it has."""

    return_id: str
    case_id: str
    account_id: str
    at: date
    outcome: AgencyOutcome
    amount: Money | None = None
    note: str | None = None

    def on(self, timezone: str) -> date:
        """Return the date from which it counts."""
        return local_date(self.at, timezone)

    def reported(self, agency_id: str, timezone: str) -> AgencyReported:
        """Return the event for the case."""
        amount = None if self.amount is None else self.amount.amount
        return AgencyReported(self.return_id, agency_id, self.outcome, self.on(timezone), amount, self.note or "")

    def payment(self, agency_id: str, timezone: str) -> Payment | None:
        """Return the payment that the agency took; None where it reports none."""
        if self.outcome != "payment" or self.amount is None:
            return None
        at = self.at if isinstance(self.at, datetime) else datetime.combine(self.at, datetime.min.time())
        return Payment(self.return_id, at, self.amount, self.on(timezone), f"agency:{agency_id}")


@value
class CourtRow:
    """What the legal department reports of a case that was filed."""

    court_id: str
    case_id: str
    account_id: str
    status: CourtStatus
    at: date
    reference: str | None = None
    amount: Money | None = None
    note: str | None = None

    def reported(self, timezone: str) -> CourtReported:
        """Return the event for the case."""
        on = local_date(self.at, timezone)
        return CourtReported(self.court_id, self.status, on, self.reference or "", self.amount, self.note or "")


@value
class ApprovalRow:
    """A legal officer's word on a case that is to be sued."""

    case_id: str
    account_id: str
    decision: Literal["approve", "decline"]
    at: date
    by: str
    why: str

    def decided(self, timezone: str) -> LegalDecided:
        """Return the event for the case."""
        return LegalDecided(self.decision == "approve", local_date(self.at, timezone), self.by, self.why)


# --- portfolio -------------------------------------------------------------------------------------------------------
def _pattern(columns: Mapping[str, str]) -> re.Pattern[str]:
    return re.compile("\x1f".join(columns.get(column, _CLEAN) for column in COLUMNS["portfolio"]))


_AMOUNT = r"[0-9]{1,15}(?:\.[0-9]{1,4})?"
_CLEAN = rf"[^{cells.CONTROLS}]{{0,{cells.MAX_CELL}}}"
#: A row that is beyond doubt, all its cells in the order of the columns: one match instead of twenty-five checks.
_PLAIN = _pattern(
    {
        "account_id": r"(?![A-Za-z0-9_-]{0,19}[0-9_-]{13})[A-Za-z0-9_-]{1,32}",
        "as_of": r"[0-9-]{10}",
        "currency": r"[A-Z]{3}",
        "balance": rf"(?:-?{_AMOUNT})?",
        "past_due_amount": _AMOUNT,
        "minimum_due": rf"(?:{_AMOUNT})?",
        "oldest_due_date": r"(?:[0-9-]{10})?",
        "credit_limit": rf"(?:{_AMOUNT})?",
        "card_last4": r"(?:[0-9]{4})?",
        "country": r"(?:[A-Z]{2})?",
        "language": r"(?:[a-z]{2}(?:-[A-Z]{2})?)?",
        "timezone": r"[A-Za-z0-9/_+-]*",
        **{f"phone_{kind}": r"(?:\+?[0-9]{3,15})?" for kind in PHONES},
        "risk_grade": r"(?:low|medium|high)?",
        "sms_opt_out": r"(?:true|false)?",
    }
)
_IN_ORDER = itemgetter(*COLUMNS["portfolio"])


def plain_portfolio(row: Row) -> tuple[str, ...] | None:
    """Return the cells of a row of `portfolio/` in the order of the columns, when it is good beyond doubt.

    None says nothing: `parse_portfolio` then looks at the row cell by cell.
    """
    try:
        values: tuple[str, ...] = _IN_ORDER(row)
        if row.get("guarantor_phone") or _PLAIN.fullmatch("\x1f".join(values)) is None:
            return None
    except (KeyError, TypeError):  # JSON lines may leave a key out, or say null
        return None
    # What a pattern cannot see.
    _, as_of, currency, _, past_due, _, oldest_due = values[:7]
    on = cells.iso_date(as_of)
    if on is None or currency not in CURRENCIES:
        return None
    if oldest_due:
        due = cells.iso_date(oldest_due)
        if due is None or due > on:
            return None
    elif past_due.strip("0."):
        return None
    timezone = values[17]
    return values if not timezone or cells.is_timezone(timezone) else None


def parse_portfolio(row: Row) -> PortfolioRow:
    """Check a row of `portfolio/`; raises `RowError`."""
    values = plain_portfolio(row)
    return (
        _checked_portfolio(row)
        if values is None
        else PortfolioRow(values[0], plain_extract(values), profile_of(values))
    )


def plain_extract(values: tuple[str, ...]) -> Extract:
    """Build the extract of what `plain_portfolio`, or `impersonal`, returned."""
    _, as_of, currency, balance, past_due, minimum_due, oldest_due, credit_limit, *person = values[:15]
    country, language, timezone, *numbers, risk_grade, sms_opt_out = values[15:]
    _, _, line1, _, _, region, postal_code = person
    return Extract(
        date.fromisoformat(as_of),
        Money(Decimal(past_due), currency),
        date.fromisoformat(oldest_due) if oldest_due else None,
        timezone or "UTC",
        Decimal(balance) if balance else None,
        Decimal(minimum_due) if minimum_due else None,
        Decimal(credit_limit) if credit_limit else None,
        cast("RiskGrade | None", risk_grade or None),
        language or None,
        country or None,
        region.strip() or None,
        postal_code.strip() or None,
        sms_opt_out == "true",
        tuple([kind for kind, number in zip(PHONES, numbers, strict=True) if number]),
        bool(line1.strip()),
        _guarantors(numbers) if _GUARANTOR in numbers else (),
    )


#: What stands for a guarantor's number in `impersonal` cells; it is no number.
_GUARANTOR = "g"


def _guarantors(numbers: Sequence[str]) -> tuple[Phone, ...]:
    return tuple(kind for kind, number in zip(PHONES, numbers, strict=True) if number == _GUARANTOR)


def impersonal(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the cells without what names or reaches a person: a mark stands for what is known."""
    _, _, line1, _, _, region, postal_code, country, language, timezone, *numbers, risk_grade, sms_opt_out = values[8:]
    place = ("", "", line1.strip() and "+", "", "", region, postal_code, country, language, timezone)
    return (*values[:8], *place, *[number and "+" for number in numbers], risk_grade, sms_opt_out)


def marked(values: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """Return `impersonal` cells whose marks tell a number, or an address, from another one, and nothing else.

    A mark is a hash with a key that this process has chosen and nobody knows.
    """
    marks = {means: f"{hash(written):x}" for means, written in profile.means().items()}
    numbers = [mark and marks.get(kind, mark) for kind, mark in zip(PHONES, values[_NUMBERS], strict=True)]
    line1 = values[_LINE1] and marks.get("address", values[_LINE1])
    return (*values[:_LINE1], line1, *values[_LINE1 + 1 : _NUMBERS.start], *numbers, *values[_NUMBERS.stop :])


def renewed_between(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[Means, ...]:
    """Return which numbers, and whether the address, are others: `Profile.renewed_since`, of `marked` cells."""
    if before[_LINE1] == now[_LINE1] and before[_NUMBERS] == now[_NUMBERS]:
        return ()
    means: list[Means] = ["address", *PHONES]
    then, here = [(cells[_LINE1], *cells[_NUMBERS]) for cells in (before, now)]
    return tuple(sorted(each for each, old, new in zip(means, then, here, strict=True) if new and new != old))


def cells_of(account_id: str, extract: Extract) -> tuple[str, ...]:
    """Return an extract as `impersonal` cells."""
    amounts = [extract.balance, extract.past_due.amount, extract.minimum_due, extract.credit_limit]
    balance, past_due, minimum_due, credit_limit = ["" if amount is None else str(amount) for amount in amounts]
    oldest_due = "" if extract.oldest_due is None else extract.oldest_due.isoformat()
    place = [extract.region, extract.postal_code, extract.country, extract.language, extract.timezone]
    return (
        *(account_id, extract.as_of.isoformat(), extract.past_due.currency, balance, past_due, minimum_due),
        *(oldest_due, credit_limit, "", "", "+" if extract.mailable else "", "", ""),
        *[text or "" for text in place],
        *[_GUARANTOR if kind in extract.guarantors else "+" if kind in extract.phones else "" for kind in PHONES],
        *(extract.risk_grade or "", "true" if extract.sms_opt_out else "false"),
    )


def profile_of(values: tuple[str, ...]) -> Profile:
    """Return who the cardholder is, of what `plain_portfolio` returned."""
    card_last4, *texts = values[8:15]
    name, line1, line2, city, region, postal_code = [each.strip() for each in texts]
    country, _, _, mobile, work, home, family, contact, _, _ = values[15:]
    return Profile(
        name or None,
        line1 or None,
        line2 or None,
        city or None,
        region or None,
        postal_code or None,
        country or None,
        mobile or None,
        work or None,
        home or None,
        family or None,
        contact or None,
        card_last4 or None,
    )


def _checked_portfolio(row: Row) -> PortfolioRow:
    """Check cell by cell, so that the error can name the field."""
    cells.check_clean(row, COLUMNS["portfolio"])
    account_id = cells.account_id(row)
    as_of = cells.required_date(row, "as_of")
    currency = cells.currency(row)
    past_due = cells.required_amount(row, "past_due_amount")
    oldest_due = cells.optional_date(row, "oldest_due_date")
    if oldest_due is None:
        if past_due > _ZERO:
            raise RowError("oldest_due_date", "is missing although past_due_amount is above zero")
    elif oldest_due > as_of:
        raise RowError("oldest_due_date", "is later than as_of")
    text = cells.text
    country = cells.matching(row, "country", _COUNTRY, "ISO 3166 country code such as TW")
    address_line1 = text(row, "address_line1")
    phones = {kind: cells.matching(row, f"phone_{kind}", _PHONE_NUMBER, "telephone number") for kind in PHONES}
    guarantors = cells.some_of(row, "guarantor_phone", THIRD_PARTIES)
    region, postal_code = text(row, "region"), text(row, "postal_code")
    extract = Extract(
        as_of,
        Money(past_due, currency),
        oldest_due,
        cells.timezone(row),
        cells.optional_amount(row, "balance", negative=True),
        cells.optional_amount(row, "minimum_due"),
        cells.optional_amount(row, "credit_limit"),
        cast("RiskGrade | None", cells.one_of(row, "risk_grade", _RISK_GRADES)),
        cells.matching(row, "language", _LANGUAGE, "language tag such as zh-TW"),
        country,
        region,
        postal_code,
        cells.boolean(row, "sms_opt_out"),
        tuple(kind for kind in PHONES if phones[kind]),
        address_line1 is not None,
        tuple(kind for kind in PHONES if kind in guarantors and phones[kind]),
    )
    profile = Profile(
        text(row, "cardholder_name"),
        address_line1,
        text(row, "address_line2"),
        text(row, "city"),
        region,
        postal_code,
        country,
        phones["mobile"],
        phones["work"],
        phones["home"],
        phones["family"],
        phones["contact"],
        cells.matching(row, "card_last4", _CARD_LAST4, "four digits"),
    )
    return PortfolioRow(account_id, extract, profile)


# --- the others ------------------------------------------------------------------------------------------------------
def parse_payment(row: Row) -> PaymentRow:
    """Check a row of `payments/`; raises `RowError`. A payment of nothing is accepted, one below zero is not."""
    cells.check_clean(row, COLUMNS["payments"])
    return PaymentRow(
        cells.identifier(row, "payment_id"),
        cells.account_id(row),
        cells.instant_time(row, "paid_at", offset=True),
        Money(cells.required_amount(row, "amount"), cells.currency(row)),
    )


def parse_hold(row: Row) -> HoldRow:
    """Check a row of `holds/`; raises `RowError`. A hold that is placed may name its end, and when it is reviewed."""
    cells.check_clean(row, (*COLUMNS["holds"], *OPTIONAL["holds"]))
    hold = HoldRow(
        cells.identifier(row, "hold_id"),
        cells.account_id(row),
        cast("HoldReason", cells.required_one_of(row, "reason", _HOLD_REASONS)),
        cast("HoldStatus", cells.required_one_of(row, "status", _HOLD_STATUSES)),
        cells.instant(row, "at"),
        cells.text(row, "note"),
        cells.optional_date(row, "until"),
        cells.optional_date(row, "review_on"),
    )
    for field, day in (("until", hold.until), ("review_on", hold.review_on)):
        if day is not None and hold.status == "lifted":
            raise RowError(field, "is for a hold that is placed")
        if day is not None and day <= local_date(hold.at, "UTC"):
            raise RowError(field, "is not after at")
    return hold


def parse_call(row: Row) -> CallRow:
    """Check a row of `calls/`; raises `RowError`. A promise says for when it is."""
    cells.check_clean(row, COLUMNS["calls"])
    result = cast("CallOutcome", cells.required_one_of(row, "result", _CALL_OUTCOMES))
    promised_on = cells.optional_date(row, "promised_on")
    if result == "promise" and promised_on is None:
        raise RowError("promised_on", "is missing although the result is a promise")
    return CallRow(
        cells.identifier(row, "call_id"),
        cells.account_id(row),
        cells.instant_time(row, "called_at"),
        cast("Phone | None", cells.one_of(row, "phone", _PHONES)),
        result,
        cells.optional_amount(row, "promised_amount"),
        promised_on,
        cells.text(row, "agent"),
        cast("tuple[Phone, ...]", cells.some_of(row, "not_wanted", _PHONES)),
    )


def parse_letter(row: Row) -> LetterRow:
    """Check a row of `letters/`; raises `RowError`."""
    cells.check_clean(row, COLUMNS["letters"])
    return LetterRow(
        cells.identifier(row, "letter_id"),
        cast("LetterStatus", cells.required_one_of(row, "status", _LETTER_STATUSES)),
        cells.instant(row, "at"),
        cells.text(row, "tracking_number"),
    )


def parse_receipt(row: Row) -> ReceiptRow:
    """Check a row of `receipts/`; raises `RowError`. Only a text that failed can have failed for good."""
    cells.check_clean(row, (*COLUMNS["receipts"], *OPTIONAL["receipts"]))
    status = cast("Literal['delivered', 'failed']", cells.required_one_of(row, "status", _RECEIPT_STATUSES))
    final = cells.boolean(row, "final")
    if final and status == "delivered":
        raise RowError("final", "is true although the text was delivered")
    return ReceiptRow(
        cells.identifier(row, "action_id"), status, cells.instant(row, "at"), final, cells.text(row, "reason")
    )


def parse_opt_out(row: Row) -> OptOutRow:
    """Check a row of `optouts/`; raises `RowError`."""
    cells.check_clean(row, COLUMNS["optouts"])
    return OptOutRow(cells.account_id(row), cells.instant(row, "at"))


def parse_freeze(row: Row) -> FreezeRow:
    """Check a row of `freezes/`; raises `RowError`."""
    cells.check_clean(row, COLUMNS["freezes"])
    status = cast("FreezeStatus", cells.required_one_of(row, "status", _FREEZE_STATUSES))
    return FreezeRow(cells.identifier(row, "action_id"), status, cells.instant(row, "at"))


def parse_return(row: Row) -> ReturnRow:
    """Check a row of an agency's `returns/`; raises `RowError`. A payment says how much, and in which currency."""
    cells.check_clean(row, COLUMNS["returns"])
    case_id, account_id = _case_of(row)
    outcome = cast("AgencyOutcome", cells.required_one_of(row, "outcome", _AGENCY_OUTCOMES))
    amount = cells.optional_amount(row, "amount")
    if outcome == "payment" and amount is None:
        raise RowError("amount", "is missing although the outcome is a payment")
    if outcome == "payment" and not amount:
        raise RowError("amount", "is zero although the outcome is a payment")
    return ReturnRow(
        cells.identifier(row, "return_id"),
        case_id,
        account_id,
        cells.instant(row, "at"),
        outcome,
        None if amount is None else Money(amount, cells.currency(row)),
        cells.text(row, "note"),
    )


def _case_of(row: Row) -> tuple[str, str]:
    """Return a row's case and the account that its id begins with."""
    case_id = cells.required(row, "case_id")
    match = _CASE_ID.fullmatch(case_id)
    if match is None:
        raise RowError("case_id", "is no case id such as TW000001-20050618")
    return case_id, match[1]


def parse_court(row: Row) -> CourtRow:
    """Check a row of `court/`; raises `RowError`. A judgment or settlement over an amount names its currency."""
    cells.check_clean(row, COLUMNS["court"])
    case_id, account_id = _case_of(row)
    amount = cells.optional_amount(row, "amount")
    return CourtRow(
        cells.identifier(row, "court_id"),
        case_id,
        account_id,
        cast("CourtStatus", cells.required_one_of(row, "status", _COURT_STATUSES)),
        cells.instant(row, "at"),
        cells.text(row, "reference"),
        None if amount is None else Money(amount, cells.currency(row)),
        cells.text(row, "note"),
    )


def parse_approval(row: Row) -> ApprovalRow:
    """Check a row of approvals; raises `RowError`. Who decides and why is never left out."""
    cells.check_clean(row, COLUMNS["approvals"])
    case_id, account_id = _case_of(row)
    decision = cast("Literal['approve', 'decline']", cells.required_one_of(row, "decision", _APPROVAL_DECISIONS))
    by, why = cells.text(row, "by"), cells.text(row, "why")
    if by is None or why is None:
        raise RowError("by" if by is None else "why", "is missing")
    return ApprovalRow(case_id, account_id, decision, cells.instant(row, "at"), by, why)
