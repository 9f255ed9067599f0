"""Letters to cardholders: the reminder letter, the lawyer's letter and the final notice before suit.

A letter that lacks one of its parts cannot be made: what is missing from the case is refused when `LetterContent` is
made, what is missing from the wording when the templates are loaded and once more when the letter is.

The first page is laid out for a window envelope (DIN 5008 form B, which DL and C5/6 windows share): the address
stands 45 to 90 mm below the edge, folding marks at 105 and 210 mm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, get_args

from arrears.documents.clean import clean, clean_name
from arrears.documents.errors import DocumentError, MissingPartError
from arrears.documents.parts import (
    Bank,
    LawFirm,
    RenderedDocument,
    Repayment,
    check_arithmetic,
    total,
)
from arrears.documents.templates import LetterKind, Templates, Wording, fill
from arrears.documents.typeset import ACCENT, INK, MM, PAGE_HEIGHT, PAGE_WIDTH, RULE, SOFT, Column, Rendered, Sheet
from arrears.documents.variables import Value
from arrears.documents.written import colon_of, currency_name, write_amount, write_count, write_date, write_number
from arrears.domain.money import Money

#: `freeze_asked` while the core banking system has not answered: then nobody here knows whether spending is stopped.
AccountStatus = Literal["open", "freeze_asked", "frozen"]
#: Kinds that go by registered mail.
REGISTERED: Final[frozenset[str]] = frozenset({"lawyer_letter", "final_notice"})

MOST_PAGES: Final = 2
#: Sizes of running text that are tried until the letter fits.
_SIZES: Final = (9.6, 9.2, 8.8, 8.4, 8.0, 7.5, 7.0)
_ADDRESS_LEFT: Final = 25 * MM
_ADDRESS_WIDTH: Final = 80 * MM
_ADDRESS_TOP: Final = 62.7 * MM
_ADDRESS_HEIGHT: Final = 27.3 * MM
_ADDRESS_LEADING: Final = 1.28
#: A name and a line of an address that are longer are cut.
_LONGEST_NAME: Final = 120
_LONGEST_LINE: Final = 240
_NAME_LINES: Final = 2
_ADDRESS_SIZES: Final = (10.0, 9.4, 8.8, 8.2, 7.6, 7.0, 6.6)
_INFO_LEFT: Final = 122 * MM
_BODY_TOP: Final = 100 * MM
_LISTED_REPAYMENTS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterContent:
    """Everything that a letter says of one case.

    Attributes:
        kind: which letter.
        template: the template's name; the kind when empty.
        letter_id: derived from the action, so that the same letter has the same id; it is in the QR code.
        dated: the date of the letter, at the cardholder's place.
        address: the lines below the name, as on the envelope.
        reported_past_due, as_of: the arrears that the bank reported, and when.
        repayments: all payments known; those dated after `as_of` are taken off the reported arrears.
        arrears: what remains; it must be the result of that arithmetic.
        pay_by: the last day for payment that the letter gives.
        objection_by: the last day for an objection that the letter gives.
        law_firm: of a lawyer's letter, and only of one.
        balance, minimum_due: the account's, where known.
        legal_basis: replaces the template's, where the policy has its own.
        country, stage, risk_grade: choose among the template's variants.
    """

    kind: LetterKind
    letter_id: str
    case_id: str
    account_id: str
    card_last4: str
    dated: date
    cardholder_name: str
    address: tuple[str, ...]
    bank: Bank
    reported_past_due: Money
    as_of: date
    arrears: Money
    repayments: tuple[Repayment, ...]
    oldest_due_date: date
    days_past_due: int
    account_status: AccountStatus
    pay_by: date
    objection_by: date
    law_firm: LawFirm | None = None
    template: str = ""
    balance: Money | None = None
    minimum_due: Money | None = None
    legal_basis: tuple[str, ...] = ()
    country: str | None = None
    stage: str | None = None
    risk_grade: str | None = None

    def __post_init__(self) -> None:
        """Refuse content that lacks a part or contradicts itself."""
        bank, firm = self.bank, self.law_firm
        needed: dict[str, object] = {
            "cardholder": self.cardholder_name,
            "address": "".join(self.address),
            "case": self.case_id,
            "account": self.account_id,
            "letter id": self.letter_id,
            "card": self.card_last4,
            "bank": bank.name,
            "contact details": bank.phone and bank.hours and "".join(bank.address),
            "how to inquire": bank.phone and bank.website,
            "how to pay": bank.how_to_pay,
            "seal": bank.seal_text,
            "how to object and hand in evidence": bank.objections or "".join(bank.address),
            "account status": self.account_status in get_args(AccountStatus) and self.account_status,
        }
        if self.kind == "lawyer_letter":
            said = (firm.name, firm.lawyer, firm.phone, "".join(firm.address)) if firm else ()
            needed["law firm"] = said and all(map(clean, said))
            needed["mandate of the law firm"] = firm and firm.mandate
        for part, value in needed.items():
            if not (value and clean(str(value))):
                raise MissingPartError(part, self.kind)
        if self.arrears.amount <= 0:
            raise MissingPartError("balance of arrears", self.kind)
        check_arithmetic(self.reported_past_due, self.as_of, self.repayments, self.arrears)
        if self.days_past_due != (self.dated - self.oldest_due_date).days or self.days_past_due < 1:
            raise DocumentError("days past due are not those from the oldest due date to the letter's date")
        if not self.as_of <= self.dated <= min(self.pay_by, self.objection_by):
            raise DocumentError("the dates of a letter go from the report to the letter to what it asks for")
        if any(repayment.on > self.dated for repayment in self.repayments):
            raise DocumentError("a repayment is dated after the letter")

    @property
    def template_name(self) -> str:
        """The template that words the letter."""
        return self.template or self.kind


def render_letter(
    content: LetterContent, templates: Templates, language: str, *, fallback: Sequence[str] = ()
) -> RenderedDocument:
    """Make a letter of at most two pages.

    Args:
        content: what the letter says of the case.
        templates: the policy's templates.
        language: what the cardholder reads.
        fallback: languages to try when the template is not written in `language`.

    Raises:
        MissingPartError: the wording lacks a part that the letter must have.
        DocumentError: it does not fit on two pages even in the smallest type.
    """
    wording = templates.wording(
        content.template_name,
        language,
        country=content.country,
        stage=content.stage,
        risk_grade=content.risk_grade,
        fallback=fallback,
    )
    if templates.by_name[content.template_name].kind != content.kind:
        raise DocumentError(f"template {content.template_name} is no {content.kind}")
    labels = templates.labels(wording.language)
    firm = content.law_firm.named_in(wording.language) if content.law_firm else None
    content = replace(content, bank=content.bank.named_in(wording.language), law_firm=firm)
    for size in _SIZES:
        rendered = _Letter(content, wording, labels, size).render()
        if rendered.pages <= MOST_PAGES:
            return RenderedDocument.of(rendered, wording.language)
    raise DocumentError(f"the {content.kind} does not fit on {MOST_PAGES} pages: shorten its template")


class _Letter:
    """One letter being set in one size."""

    def __init__(self, content: LetterContent, wording: Wording, labels: Mapping[str, str], size: float) -> None:
        self.content = content
        self.wording = wording
        self.labels = labels
        self.language = wording.language
        self.sheet = Sheet(self.language, top=27 * MM, bottom=PAGE_HEIGHT - 27 * MM, size=size)
        self.values = _values(content, labels)
        self._said: list[str] = []

    def text(self, key: str) -> str:
        """A field of the wording, filled in."""
        return ("" if self.language.startswith("zh") else " ").join(self.texts(key))

    def texts(self, key: str) -> list[str]:
        """A field of the wording that may have several paragraphs, filled in."""
        value = self.wording.fields[key]
        return [
            fill(each, self.values, self.language, length="long", template=self.content.template_name)
            for each in ([value] if isinstance(value, str) else value)
        ]

    def render(self) -> Rendered:
        """Set the letter."""
        self.sheet.on_new_page = self._next_page
        self._letterhead()
        self._address()
        self._reference()
        self._marks()
        self._body()
        self._signature()
        self._footers()
        return self.sheet.render(
            title=f"{self.text('title')} {self.content.letter_id}",
            author=self.content.bank.name,
            subject=self.content.letter_id,
            on=self.content.dated,
        )

    def _letterhead(self) -> None:
        sheet, bank, firm = self.sheet, self.content.bank, self.content.law_firm
        writer = firm.name if self.content.kind == "lawyer_letter" and firm else bank.name
        below = (
            self.labels["on_behalf_of"].format(bank=bank.name)
            if self.content.kind == "lawyer_letter"
            else self.labels["card_centre"]
        )
        sheet.box(0, 0, PAGE_WIDTH, 3.2 * MM, fill=ACCENT)
        size = 17.0
        while sheet.text_width(writer, size) > 135 * MM and size > 9:  # noqa: PLR2004 - still readable
            size -= 0.5
        sheet.put(sheet.left, 22 * MM, clean(writer), size, bold=True, colour=ACCENT)
        sheet.put(sheet.left, 28 * MM, clean(below, limit=90), 8.6, colour=SOFT)
        sheet.say(clean(writer))
        sheet.say(clean(below))
        sheet.line(sheet.left, 34 * MM, sheet.right, 34 * MM, width=0.8, colour=ACCENT)
        sheet.qr(sheet.right - 18 * MM, 11 * MM, 18 * MM, self.content.letter_id)

    def _address(self) -> None:
        sheet, content = self.sheet, self.content
        back = f"{content.bank.name} · {content.bank.one_line_address}"
        size = 6.8
        while sheet.text_width(back, size) > _ADDRESS_WIDTH and size > 5.6:  # noqa: PLR2004 - the smallest to be read
            size -= 0.2
        lines = sheet.wrap(back, _ADDRESS_WIDTH, size)[:3]
        for number, line in enumerate(reversed(lines)):
            sheet.put(_ADDRESS_LEFT, 53.5 * MM - number * size * 1.2, line, size, colour=SOFT)
        sheet.line(_ADDRESS_LEFT, 54.7 * MM, _ADDRESS_LEFT + _ADDRESS_WIDTH, 54.7 * MM, width=0.3, colour=SOFT)
        if content.kind in REGISTERED:
            sheet.put(_ADDRESS_LEFT, 60.2 * MM, self.labels["registered"], 8.2, bold=True)
            sheet.say(self.labels["registered"])
        name = clean_name(content.cardholder_name, limit=_LONGEST_NAME) or "—"
        if len(name) == _LONGEST_NAME and name.endswith("…"):
            sheet.clipped.append(name)
        address = self._address_lines(name)
        sheet.say(name)
        for line in content.address:
            sheet.say(clean(line))
        y = _ADDRESS_TOP
        for line, size in address:
            y += size * _ADDRESS_LEADING
            sheet.put_fitted(_ADDRESS_LEFT, y - size * 0.25, line, size, _ADDRESS_WIDTH, smallest=5.5)

    def _address_lines(self, name: str) -> list[tuple[str, float]]:
        """Break name and address into the lines that the window shows, smaller where they are many."""
        sheet = self.sheet
        given = [clean(line, limit=_LONGEST_LINE) for line in self.content.address if clean(line)]
        sheet.clipped += [line for line in given if len(line) == _LONGEST_LINE and line.endswith("…")]
        for size in _ADDRESS_SIZES:
            lines = [part for line in (name, *given) for part in sheet.wrap(line, _ADDRESS_WIDTH, size)]
            if len(lines) * size * _ADDRESS_LEADING <= _ADDRESS_HEIGHT:
                return [(line, size) for line in lines]
        size = _ADDRESS_SIZES[-1]
        most = int(_ADDRESS_HEIGHT / (size * _ADDRESS_LEADING))
        names = sheet.wrap(name, _ADDRESS_WIDTH, size)
        if len(names) > _NAME_LINES:
            sheet.clipped.append(name)
        lines = [*names[:_NAME_LINES], *sheet.wrap(" ".join(given), _ADDRESS_WIDTH, size)]
        if len(lines) > most:
            sheet.clipped.append(" ".join(given))
            lines = [*lines[: most - 1], lines[most - 1].rstrip() + "…"]
        return [(line, size) for line in lines]

    def _reference(self) -> None:
        sheet, content, labels = self.sheet, self.content, self.labels
        rows = [
            (labels["date"], write_date(content.dated, self.language)),
            (labels["letter_id"], content.letter_id),
            (labels["case_id"], content.case_id),
            (labels["account_id"], content.account_id),
            (labels["card"], labels["card_ending"].format(last4=content.card_last4)),
            (labels["phone"], content.bank.phone),
            (labels["hours"], content.bank.hours),
        ]
        y = 50 * MM
        label_width = max(sheet.text_width(label, 8.2) for label, _ in rows) + 8
        for label, value in rows:
            sheet.say(f"{label}\t{clean(value)}")
            sheet.put(_INFO_LEFT, y, label, 8.2, colour=SOFT)
            for line in sheet.wrap(value, sheet.right - _INFO_LEFT - label_width, 8.2)[:3]:
                sheet.put(_INFO_LEFT + label_width, y, line, 8.2)
                y += 4.3 * MM
            y += 0.5 * MM
        sheet.y = max(_BODY_TOP, y + 2 * MM)

    def _marks(self) -> None:
        for y, length in ((105 * MM, 4), (148.5 * MM, 6), (210 * MM, 4)):
            self.sheet.line(5 * MM, y, (5 + length) * MM, y, width=0.3, colour=SOFT)

    def _next_page(self, sheet: Sheet) -> None:
        sheet.box(0, 0, PAGE_WIDTH, 3.2 * MM, fill=ACCENT)
        sheet.put(sheet.left, 16 * MM, clean(self.content.bank.name, limit=60), 8.2, bold=True, colour=ACCENT)
        sheet.put(
            sheet.right, 16 * MM, f"{self.text('title')} · {self.content.letter_id}", 8.2, colour=SOFT, align="right"
        )
        sheet.line(sheet.left, 19 * MM, sheet.right, 19 * MM, width=0.5)

    def _body(self) -> None:
        sheet, labels, fields = self.sheet, self.labels, self.wording.fields
        sheet.paragraph(self.text("title"), size=sheet.size * 1.55, bold=True, align="centre", after=0.15)
        sheet.paragraph(self.text("subject"), bold=True, colour=ACCENT, align="centre", after=0.6)
        sheet.paragraph(self.text("salutation"), after=0.35)
        if "mandate" in fields:
            sheet.paragraph(self.text("mandate"))
        sheet.paragraph(self.text("opening"), after=0.5)
        self._arrears()
        sheet.paragraph(self.text("payment"), bold=True, after=0.2)
        sheet.heading(labels["repayments"])
        self._repayments()
        sheet.heading(labels["account"])
        gap = "" if self.language.startswith("zh") else " "
        sheet.paragraph(f"{self.text('account_status')}{gap}{self.text('inquiry')}")
        for key in ("reason", "rights", "obligations"):
            sheet.heading(labels[key])
            self._items(key)
        sheet.heading(labels["objection"])
        sheet.paragraph(self.text("objection"))
        sheet.heading(labels["consequences"])
        self._items("consequences")
        sheet.heading(labels["legal_basis"])
        if self.content.legal_basis:
            for basis in self.content.legal_basis:
                sheet.paragraph(basis)
        else:
            self._items("legal_basis")
        sheet.space(sheet.size * 0.5)
        sheet.paragraph(self.text("closing"), after=0.6)

    def _items(self, key: str) -> None:
        items = self.texts(key)
        if len(items) == 1:
            self.sheet.paragraph(items[0])
        else:
            self.sheet.bullets(items)

    def _arrears(self) -> None:
        """The balance of arrears with its arithmetic."""
        sheet, content, labels = self.sheet, self.content, self.labels
        amount_of = labels["amount_in"].format(currency=_currency(content.arrears.currency, self.language))
        since = [repayment for repayment in content.repayments if repayment.on > content.as_of]
        rows = [
            (
                labels["reported"],
                write_date(content.as_of, self.language),
                write_number(content.reported_past_due, self.language),
            )
        ]
        shown = since if len(since) <= _LISTED_REPAYMENTS else since[-_LISTED_REPAYMENTS + 1 :]
        folded = since[: len(since) - len(shown)]
        if folded:
            rows.append(
                (
                    labels["less_payments"].format(count=write_count(len(folded), self.language)),
                    labels["until"].format(date=write_date(folded[-1].on, self.language)),
                    "−"
                    + write_number(total([each.amount for each in folded], content.arrears.currency), self.language),
                )
            )
        rows += [
            (labels["less_payment"], write_date(each.on, self.language), "−" + write_number(each.amount, self.language))
            for each in shown
        ]
        if not since:
            rows.append((labels["less_none"], "", write_number(total([], content.arrears.currency), self.language)))
        rows.append(
            (labels["arrears"], write_date(content.dated, self.language), write_number(content.arrears, self.language))
        )
        width = sheet.width
        columns = (Column(width * 0.48), Column(width * 0.26), Column(width * 0.26, "right"))
        sheet.table(columns, rows, header=(labels["item"], labels["date"], amount_of), total=True)
        facts = [
            (labels["oldest_due_date"], write_date(content.oldest_due_date, self.language)),
            (labels["days_past_due"], labels["days"].format(count=write_count(content.days_past_due, self.language))),
        ]
        if content.balance is not None:
            facts.append((labels["balance"], write_amount(content.balance, self.language)))
        if content.minimum_due is not None:
            facts.append((labels["minimum_due"], write_amount(content.minimum_due, self.language)))
        joiner = "；" if self.language.startswith("zh") else "; "
        colon = colon_of(self.language)
        sheet.paragraph(
            joiner.join(f"{name}{colon}{value}" for name, value in facts), size=sheet.size * 0.92, colour=SOFT
        )

    def _repayments(self) -> None:
        """Repayments so far: the last ones, and the sum of all."""
        sheet, content, labels = self.sheet, self.content, self.labels
        if not content.repayments:
            sheet.paragraph(self.text("no_repayments"))
            return
        ordered = sorted(content.repayments, key=lambda each: each.on)
        shown = ordered if len(ordered) <= _LISTED_REPAYMENTS else ordered[-_LISTED_REPAYMENTS + 1 :]
        folded = ordered[: len(ordered) - len(shown)]
        rows = []
        if folded:
            rows.append(
                (
                    labels["earlier_payments"].format(
                        count=write_count(len(folded), self.language), date=write_date(folded[-1].on, self.language)
                    ),
                    write_number(total([each.amount for each in folded], content.arrears.currency), self.language),
                )
            )
        rows += [(write_date(each.on, self.language), write_number(each.amount, self.language)) for each in shown]
        rows.append(
            (
                labels["repaid_total"],
                write_number(total([each.amount for each in ordered], content.arrears.currency), self.language),
            )
        )
        columns = (Column(sheet.width * 0.48), Column(sheet.width * 0.26, "right"))
        amount_of = labels["amount_in"].format(currency=_currency(content.arrears.currency, self.language))
        sheet.table(columns, rows, header=(labels["paid_on"], amount_of), total=True)

    def _signature(self) -> None:
        """The bank's signature and seal, and the law firm's before it in a lawyer's letter."""
        sheet, content, labels = self.sheet, self.content, self.labels
        bank, firm = content.bank, content.law_firm
        radius = 15.5 * MM
        width = 56 * MM
        middle = sheet.right - radius
        signatories: list[tuple[float, list[tuple[str, bool]]]] = []
        if content.kind == "lawyer_letter" and firm:
            lines = (firm.name, f"{labels['lawyer']} {firm.lawyer}", *firm.address, f"{labels['phone']} {firm.phone}")
            signatories.append((sheet.left, self._signatory(lines, width)))
        lines = (
            *([labels["client"]] if content.kind == "lawyer_letter" else []),
            bank.name,
            write_date(content.dated, self.language),
            labels["sealed"].format(seal=bank.seal_text),
        )
        signatories.append((middle - radius - width - 3 * MM, self._signatory(lines, width)))
        size = sheet.size * 0.92
        height = max(2 * radius, max(len(lines) for _, lines in signatories) * size * 1.4) + 5 * MM
        sheet.need(height)
        for x, set_lines in signatories:
            y = sheet.y + 3 * MM
            for line, strong in set_lines:
                y += size * 1.4
                sheet.put(x, y, line, size, bold=strong, colour=ACCENT if strong else INK)
        for text in self._said:
            sheet.say(text)
        sheet.seal(middle, sheet.y + radius + 2 * MM, radius, bank.seal_text)
        sheet.y += height

    def _signatory(self, texts: Sequence[str], width: float) -> list[tuple[str, bool]]:
        """Break the lines of one who signs; the first is set bold."""
        self._said += [clean(text) for text in texts]
        size = self.sheet.size * 0.92
        return [(line, not at) for at, text in enumerate(texts) for line in self.sheet.wrap(text, width, size)]

    def _footers(self) -> None:
        sheet, bank, labels = self.sheet, self.content.bank, self.labels
        contact = " · ".join(
            part
            for part in (
                bank.name,
                bank.one_line_address,
                f"{labels['phone']} {bank.phone} ({bank.hours})",
                bank.website,
                bank.email,
            )
            if part
        )
        pages = len(sheet.pages)
        for number, page in enumerate(sheet.pages, 1):
            y = PAGE_HEIGHT - 22 * MM
            sheet.line(sheet.left, y, sheet.right, y, colour=RULE, page=page)
            for line in sheet.wrap(contact, sheet.width, 7.4)[:3]:
                y += 10.2
                sheet.put(sheet.left, y, line, 7.4, colour=SOFT, page=page)
            place = PAGE_HEIGHT - 7 * MM
            sheet.put(sheet.left, place, self.content.letter_id, 7.4, colour=SOFT, page=page)
            sheet.put(sheet.right, place, f"{number} / {pages}", 7.4, colour=SOFT, align="right", page=page)
            page.text.append(clean(contact))


def _currency(currency: str, language: str) -> str:
    """Name a currency for the head of a column."""
    name = currency_name(currency, language)
    return name if language.startswith("zh") else currency


def _values(content: LetterContent, labels: Mapping[str, str]) -> dict[str, Value]:
    bank, firm = content.bank, content.law_firm
    values: dict[str, Value | None] = {
        "account_id": content.account_id,
        # A policy that was published before a status had words keeps its own labels.
        "account_status": labels.get(f"status_{content.account_status}") or labels["status_open"],
        "amount_overdue": content.arrears,
        "as_of": content.as_of,
        "balance": content.balance,
        "bank": bank.name,
        "card_last4": content.card_last4,
        "cardholder_name": content.cardholder_name,
        "case_id": content.case_id,
        "days_past_due": content.days_past_due,
        "email": bank.email,
        "hours": bank.hours,
        "how_to_pay": bank.how_to_pay,
        "law_firm": firm.name if firm else None,
        "lawyer": firm.lawyer if firm else None,
        "letter_date": content.dated,
        "letter_id": content.letter_id,
        "mandate": firm.mandate if firm else None,
        "mandate_date": firm.mandate_date if firm else None,
        "minimum_due": content.minimum_due,
        "objection_address": bank.objection_address,
        "objection_by": content.objection_by,
        "oldest_due_date": content.oldest_due_date,
        "pay_by": content.pay_by,
        "phone": bank.phone,
        "repaid_total": total([each.amount for each in content.repayments], content.arrears.currency),
        "website": bank.website,
    }
    return {name: value for name, value in values.items() if value is not None}
