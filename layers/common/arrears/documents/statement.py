"""The monthly statement of an agency: what it was given, what came back, what it collected and what it gets for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from arrears.csv_safe import write_csv
from arrears.documents.clean import clean
from arrears.documents.parts import RenderedDocument
from arrears.documents.templates import Templates
from arrears.documents.typeset import ACCENT, MM, PAGE_HEIGHT, PAGE_WIDTH, SOFT, Column, Sheet
from arrears.documents.written import write_amount, write_count, write_date
from arrears.domain.money import Money

#: So many payments fit on the page; the CSV has all of them.
_SHOWN: Final = 24
_NOTHING: Final = Decimal("0.00")
#: How wide the columns of the totals are.
_SHARES: Final = (0.1, 0.2, 0.2, 0.18, 0.17, 0.15)
#: The columns of the CSV, in order. `kind` is placed, recalled, returned, payment, received (by the bank) or total.
COLUMNS: Final = (
    *("kind", "date", "case_id", "reference", "paid_on", "currency", "amount", "percent", "commission", "reason"),
)


@dataclass(frozen=True, slots=True)
class Booking:
    """A payment that the agency reported or the bank received, as it was booked."""

    on: date
    case_id: str
    return_id: str
    paid_on: date
    amount: Money
    percent: str
    commission: Money
    reason: str
    received_by: Literal["agency", "bank"] = "agency"


@dataclass(frozen=True, slots=True)
class Moved:
    """A case that was placed, recalled or returned, with its arrears then."""

    kind: str
    on: date
    case_id: str
    reference: str
    arrears: Money
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of an agency.

    Attributes:
        month: YYYY-MM.
        moved: in order.
        bookings: in order of the date on which they were booked.
    """

    agency_id: str
    agency_name: str
    month: str
    bank: str
    last_day: date
    moved: tuple[Moved, ...]
    bookings: tuple[Booking, ...]

    @property
    def currencies(self) -> list[str]:
        """The currencies that occur, in order."""
        return sorted({each.arrears.currency for each in self.moved} | {each.amount.currency for each in self.bookings})

    def of(self, kind: str, currency: str) -> list[Moved]:
        """Return what was placed, recalled or returned in a currency."""
        return [each for each in self.moved if (each.kind, each.arrears.currency) == (kind, currency)]

    def collected(self, currency: str) -> Money:
        """Return the sum of the payments that the agency took in a currency; across currencies nothing is added."""
        return _sum([each.amount for each in self.by("agency") if each.amount.currency == currency], currency)

    def received(self, currency: str) -> Money:
        """Return the sum of the payments in a currency that went to the bank while the agency had the case."""
        return _sum([each.amount for each in self.by("bank") if each.amount.currency == currency], currency)

    def by(self, whom: Literal["agency", "bank"]) -> list[Booking]:
        """Return the payments that were made to the agency, or to the bank."""
        return [each for each in self.bookings if each.received_by == whom]

    def commission(self, currency: str) -> Money:
        """Return the sum of the commissions in a currency."""
        return _sum([each.commission for each in self.bookings if each.amount.currency == currency], currency)


def _sum(amounts: list[Money], currency: str) -> Money:
    return Money(sum((each.amount for each in amounts), start=_NOTHING), currency)


def statement_csv(statement: Statement) -> bytes:
    """Return the statement as CSV: every case and payment, then the totals by currency."""
    rows: list[dict[str, object]] = [
        {
            "kind": each.kind,
            "date": each.on.isoformat(),
            "case_id": each.case_id,
            "reference": each.reference,
            "currency": each.arrears.currency,
            "amount": f"{each.arrears.amount:f}",
            "reason": each.reason,
        }
        for each in statement.moved
    ]
    rows += [
        {
            "kind": "payment" if each.received_by == "agency" else "received",
            "date": each.on.isoformat(),
            "case_id": each.case_id,
            "reference": each.return_id,
            "paid_on": each.paid_on.isoformat(),
            "currency": each.amount.currency,
            "amount": f"{each.amount.amount:f}",
            "percent": each.percent,
            "commission": f"{each.commission.amount:f}",
            "reason": each.reason,
        }
        for each in statement.bookings
    ]
    for currency in statement.currencies:
        counts = ", ".join(f"{len(statement.of(kind, currency))} {kind}" for kind in ("placed", "recalled", "returned"))
        received = statement.received(currency)
        if received.amount:
            counts = f"{counts}; {received.amount:f} more to the bank itself"
        rows.append(
            {
                "kind": "total",
                "date": statement.last_day.isoformat(),
                "currency": currency,
                "amount": f"{statement.collected(currency).amount:f}",
                "commission": f"{statement.commission(currency).amount:f}",
                "reason": counts,
            }
        )
    return write_csv(COLUMNS, rows)


def render_statement(statement: Statement, templates: Templates, language: str) -> RenderedDocument:
    """Make the statement's page: the totals by currency, and the payments as far as they fit."""
    labels = templates.labels(language)
    sheet = Sheet(
        language,
        left=18 * MM,
        right=PAGE_WIDTH - 18 * MM,
        top=16 * MM,
        bottom=PAGE_HEIGHT - 18 * MM,
        size=9.2,
    )
    sheet.box(0, 0, PAGE_WIDTH, 19 * MM, fill=ACCENT)
    white = (1.0, 1.0, 1.0)
    sheet.put(sheet.left, 9.5 * MM, labels["statement_title"], 14, bold=True, colour=white)
    sheet.put(sheet.left, 15.3 * MM, clean(statement.bank, limit=60), 8.6, colour=white)
    sheet.put(sheet.right, 9.5 * MM, statement.month, 12, bold=True, colour=white, align="right")
    sheet.say(f"{labels['statement_title']} {statement.month}")
    sheet.y = 25 * MM
    sheet.facts(
        [
            (labels["statement_of"], f"{clean(statement.agency_name, limit=60)} ({statement.agency_id})"),
            (labels["statement_month"], statement.month),
        ],
        label_width=40 * MM,
    )
    if not statement.currencies:
        sheet.paragraph(labels["statement_none"])
    else:
        _totals(sheet, statement, labels, language)
        _payments(sheet, statement, labels, language)
    y = PAGE_HEIGHT - 14 * MM
    sheet.line(sheet.left, y, sheet.right, y)
    sheet.put(sheet.left, y + 11, clean(statement.bank, limit=60), 7.4, colour=SOFT)
    rendered = sheet.render(
        title=f"{labels['statement_title']} {statement.month}",
        author=statement.bank,
        subject=statement.agency_id,
        on=statement.last_day,
    )
    return RenderedDocument.of(rendered, language)


def _totals(sheet: Sheet, statement: Statement, labels: Mapping[str, str], language: str) -> None:
    width = sheet.width
    columns = [Column(width * share, "right" if number else "left") for number, share in enumerate(_SHARES)]
    header = [labels[f"statement_{key}"] for key in ("currency", "placed", "recalled", "returned")]
    header += [labels["statement_collected"], labels["statement_commission"]]
    rows = []
    for currency in statement.currencies:
        cells = [currency]
        for kind in ("placed", "recalled", "returned"):
            moved = statement.of(kind, currency)
            total = _sum([each.arrears for each in moved], currency)
            count = f"{write_count(len(moved), language)} {labels['statement_cases']}"
            cells.append(f"{count} / {write_amount(total, language)}" if moved else count)
        cells.append(write_amount(statement.collected(currency), language))
        cells.append(write_amount(statement.commission(currency), language))
        rows.append(cells)
    sheet.table(columns, rows, header=header, size=8.4)


def _payments(sheet: Sheet, statement: Statement, labels: Mapping[str, str], language: str) -> None:
    shown = 0
    sides: tuple[Literal["agency", "bank"], ...] = ("agency", "bank")
    for whom in sides:
        bookings = statement.by(whom)
        if bookings:
            sheet.heading(labels["statement_payments" if whom == "agency" else "statement_received"])
            _bookings(sheet, bookings[: max(_SHOWN - shown, 0)], labels, language)
            shown += len(bookings)
    if shown > _SHOWN:
        count = write_count(shown - _SHOWN, language)
        sheet.paragraph(labels["statement_more"].format(count=count), colour=SOFT)


def _bookings(sheet: Sheet, bookings: list[Booking], labels: Mapping[str, str], language: str) -> None:
    shares = ((0.12, "left"), (0.12, "left"), (0.24, "left"), (0.18, "right"), (0.1, "right"), (0.24, "right"))
    columns = [Column(sheet.width * share, "left" if align == "left" else "right") for share, align in shares]
    header = [labels[f"statement_{key}"] for key in ("booked", "paid")]
    header.append(labels["case_id"])
    header += [labels[f"statement_{key}"] for key in ("collected", "rate", "commission")]
    rows = [
        [
            write_date(each.on, language),
            write_date(each.paid_on, language),
            each.case_id,
            write_amount(each.amount, language),
            f"{each.percent} %",
            write_amount(each.commission, language),
        ]
        for each in bookings
    ]
    sheet.table(columns, rows, header=header, size=7.8)
