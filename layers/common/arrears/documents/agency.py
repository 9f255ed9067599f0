"""The case sheet for an agency's caller: one case, on one page where it fits, readable in a minute.

It holds what a caller needs and nothing else: no birth date, no income, no address, no full card number, no texts of
earlier messages. Numbers stand in the order in which they may be called; other people's are only there when the
country's rules let them be called at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from arrears.documents.clean import clean, clean_name
from arrears.documents.errors import DocumentError, MissingPartError
from arrears.documents.parts import Bank, RenderedDocument, Repayment, check_arithmetic, total
from arrears.documents.templates import Templates
from arrears.documents.typeset import ACCENT, MM, PAGE_HEIGHT, PAGE_WIDTH, SEAL, SHADE, SOFT, Column, Rendered, Sheet
from arrears.documents.written import colon_of, language_name, write_amount, write_count, write_date, write_number
from arrears.domain.facts import PHONES, Phone
from arrears.domain.money import Money

#: Numbers at which somebody other than the cardholder answers.
OTHER_PEOPLE: Final[frozenset[Phone]] = frozenset({"family", "contact"})
#: Of the history and of repayments so many of the last are shown.
_SHOWN: Final = 10
_SHOWN_REPAYMENTS: Final = 6
_MOST_PAGES: Final = 2
#: Sizes of running text that are tried until one page holds it.
_SIZES: Final = (9.4, 8.8, 8.2, 7.6)

Channel = Literal["sms", "call", "letter", "agency", "other"]


@dataclass(frozen=True, slots=True)
class ContactNumber:
    """A number that may be called.

    Attributes:
        guarantor: whether the person owes the debt too, so that it may be spoken of.
    """

    kind: Phone
    number: str
    guarantor: bool = False


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One contact, in brief.

    Attributes:
        result: a code of `calls/`, `letters/` or of an action: `no_answer`, `dispatched`, `sent`.
        detail: which number, which template, which tracking number.
    """

    on: date
    channel: Channel
    result: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """A promise to pay, and what became of it."""

    until: date
    amount: Money | None
    outcome: Literal["standing", "kept", "broken", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencySheet:
    """Everything that the sheet says.

    Attributes:
        placement_id: of the placement, where it has an id of its own.
        placed_on, term_ends: from the one to the day before the other the agency works the case.
        reported_past_due, as_of, repayments, arrears: as in a letter; the arithmetic must add up.
        speaks: the language that the cardholder reads.
        timezone: the cardholder's, for the contact hours.
        contact_hours: from and to, as the policy writes them; empty where it sets none.
        numbers: in any order; the sheet puts them into the lawful one.
        other_people_may_be_called: whether the country's rules let family and other contacts be called at all.
        mandate: the reference of the bank's mandate to the agency.
        mandate_date: its date.
    """

    agency_id: str
    agency_name: str
    case_id: str
    account_id: str
    card_last4: str
    placed_on: date
    term_ends: date | None
    cardholder_name: str
    speaks: str
    timezone: str
    contact_hours: tuple[str, str] | None
    numbers: tuple[ContactNumber, ...]
    other_people_may_be_called: bool
    bank: Bank
    mandate: str
    mandate_date: date
    reported_past_due: Money
    as_of: date
    repayments: tuple[Repayment, ...]
    arrears: Money
    oldest_due_date: date
    days_past_due: int
    history: tuple[HistoryLine, ...] = ()
    promises: tuple[PromiseLine, ...] = ()
    placement_id: str = ""
    risk_grade: str | None = None

    def __post_init__(self) -> None:
        """Refuse what an agency must not get, or cannot work with."""
        needed = {
            "cardholder": self.cardholder_name,
            "case": self.case_id,
            "account": self.account_id,
            "agency": self.agency_id,
            "mandate": self.mandate,
            "bank": self.bank.name,
            "contact details": self.bank.phone,
        }
        for part, value in needed.items():
            if not clean(value):
                raise MissingPartError(part, "case sheet")
        check_arithmetic(self.reported_past_due, self.as_of, self.repayments, self.arrears)
        if self.arrears.amount <= 0:
            raise MissingPartError("balance of arrears", "case sheet")
        if not self.other_people_may_be_called:
            for each in self.numbers:
                if each.kind in OTHER_PEOPLE and not each.guarantor:
                    raise DocumentError(f"the {each.kind} number must not be given: the rules forbid calling it")

    @property
    def ordered_numbers(self) -> tuple[ContactNumber, ...]:
        """The numbers in the order in which they may be called."""
        return tuple(sorted(self.numbers, key=lambda each: PHONES.index(each.kind)))


def render_case_sheet(content: AgencySheet, templates: Templates, language: str) -> RenderedDocument:
    """Make the case sheet, of two pages at most.

    Args:
        content: what it says.
        templates: the policy's templates, for the labels.
        language: what the agency reads.

    Raises:
        DocumentError: it does not fit on two pages.
    """
    labels = templates.labels(language)
    content = replace(content, bank=content.bank.named_in(language))
    for size in _SIZES:
        rendered = _CaseSheet(content, labels, language, size).render()
        if rendered.pages == 1 or (size == _SIZES[-1] and rendered.pages <= _MOST_PAGES):
            return RenderedDocument.of(rendered, language)
    raise DocumentError(f"the case sheet does not fit on {_MOST_PAGES} pages")


class _CaseSheet:
    def __init__(self, content: AgencySheet, labels: Mapping[str, str], language: str, size: float) -> None:
        self.content = content
        self.labels = labels
        self.language = language
        self.sheet = Sheet(
            language,
            left=18 * MM,
            right=PAGE_WIDTH - 18 * MM,
            top=16 * MM,
            bottom=PAGE_HEIGHT - 18 * MM,
            size=size,
        )

    def render(self) -> Rendered:
        self._head()
        self._who_and_how_much()
        self._numbers()
        self._what_to_say()
        self._arithmetic()
        self._history()
        self._mandate()
        self._footers()
        return self.sheet.render(
            title=f"{self.labels['case_sheet']} {self.content.case_id}",
            author=self.content.bank.name,
            subject=self.content.case_id,
            on=self.content.placed_on,
        )

    def _head(self) -> None:
        sheet, content, labels = self.sheet, self.content, self.labels
        sheet.box(0, 0, PAGE_WIDTH, 19 * MM, fill=ACCENT)
        white = (1.0, 1.0, 1.0)
        sheet.put(sheet.left, 9.5 * MM, labels["case_sheet"], 14, bold=True, colour=white)
        to = labels["placed_with"].format(agency=clean(content.agency_name or content.agency_id, limit=50))
        sheet.put(sheet.left, 15.3 * MM, f"{clean(content.bank.name, limit=40)} · {to}", 8.6, colour=white)
        sheet.put(sheet.right, 9.5 * MM, content.case_id, 12, bold=True, colour=white, align="right")
        sheet.put(sheet.right, 15.3 * MM, labels["confidential"], 8.6, colour=white, align="right")
        sheet.say(labels["case_sheet"])
        sheet.say(f"{labels['case_id']}\t{content.case_id}")
        sheet.say(to)
        sheet.y = 23 * MM

    def _who_and_how_much(self) -> None:
        """The two things that a caller looks for first."""
        sheet, content, labels, language = self.sheet, self.content, self.labels, self.language
        top, height = sheet.y, 30 * MM
        middle = sheet.left + sheet.width * 0.56
        sheet.box(sheet.left, top, sheet.width, height, fill=SHADE)
        name = clean_name(content.cardholder_name, limit=120)
        colon = colon_of(language)
        sheet.put(sheet.left + 4 * MM, top + 6 * MM, labels["cardholder"], 8.2, colour=SOFT)
        sheet.put_fitted(
            sheet.left + 4 * MM, top + 13 * MM, name, 17, middle - sheet.left - 8 * MM, bold=True, smallest=8
        )
        under = (
            f"{labels['card']}{colon}{labels['card_ending'].format(last4=content.card_last4)}",
            f"{labels['account_id']}{colon}{content.account_id}",
            f"{labels['speaks']}{colon}{language_name(content.speaks, language)}",
        )
        for number, text in enumerate(under):
            sheet.put(sheet.left + 4 * MM, top + 18.6 * MM + number * 4.3 * MM, text, 8.8)
        sheet.put(middle, top + 6 * MM, labels["arrears"], 8.2, colour=SOFT)
        amount = write_amount(content.arrears, language)
        sheet.put_fitted(middle, top + 13 * MM, amount, 17, sheet.right - middle - 4 * MM, bold=True, colour=SEAL)
        days = labels["days"].format(count=write_count(content.days_past_due, language))
        right = (
            f"{labels['days_past_due']}{colon}{days}",
            f"{labels['oldest_due_date']}{colon}{write_date(content.oldest_due_date, language)}",
            *([f"{labels['risk_grade']}{colon}{labels[f'grade_{content.risk_grade}']}"] if content.risk_grade else []),
        )
        for number, text in enumerate(right):
            sheet.put_fitted(middle, top + 18.6 * MM + number * 4.3 * MM, text, 8.8, sheet.right - middle - 4 * MM)
        for text in (f"{labels['cardholder']}\t{name}", *under, f"{labels['arrears']}\t{amount}", *right):
            sheet.say(text)
        sheet.y = top + height + 3 * MM

    def _numbers(self) -> None:
        sheet, content, labels = self.sheet, self.content, self.labels
        sheet.heading(labels["numbers"], before=0)
        hours = (
            labels["call_between"].format(
                start=content.contact_hours[0], end=content.contact_hours[1], timezone=content.timezone
            )
            if content.contact_hours
            else labels["call_any_hour"].format(timezone=content.timezone)
        )
        sheet.paragraph(hours, after=0.15)
        if not content.numbers:
            sheet.paragraph(labels["no_numbers"])
            return
        rows = []
        for number, each in enumerate(content.ordered_numbers, 1):
            other = each.kind in OTHER_PEOPLE and not each.guarantor
            whom = labels["guarantor"] if each.guarantor else labels[f"phone_{each.kind}"]
            rows.append(
                (str(number), whom, clean(each.number, limit=24), labels["may_others" if other else "may_holder"])
            )
        width = sheet.width
        columns = (Column(width * 0.06, "centre"), Column(width * 0.20), Column(width * 0.24), Column(width * 0.50))
        sheet.table(columns, rows, header=("", labels["whom"], labels["number"], labels["may_be_said"]))

    def _what_to_say(self) -> None:
        sheet, labels, bank = self.sheet, self.labels, self.content.bank
        sheet.heading(labels["what_to_say"], before=0)
        words = {"bank": clean(bank.name), "phone": clean(bank.phone)}
        keys = ("say_identify", "say_holder", "say_answered_by_other", "say_objection", "say_hardship", "say_never")
        sheet.bullets([labels[key].format(**words) for key in keys])

    def _arithmetic(self) -> None:
        sheet, content, labels, language = self.sheet, self.content, self.labels, self.language
        sheet.heading(labels["arrears_and_payments"], before=0)
        since = sorted((each for each in content.repayments if each.on > content.as_of), key=lambda each: each.on)
        rows = [
            (labels["reported"], write_date(content.as_of, language), write_number(content.reported_past_due, language))
        ]
        folded = since[:-_SHOWN_REPAYMENTS]
        if folded:
            rows.append(
                (
                    labels["less_payments"].format(count=write_count(len(folded), language)),
                    labels["until"].format(date=write_date(folded[-1].on, language)),
                    "−" + write_number(total([each.amount for each in folded], content.arrears.currency), language),
                )
            )
        rows += [
            (labels["less_payment"], write_date(each.on, language), "−" + write_number(each.amount, language))
            for each in since[-_SHOWN_REPAYMENTS:]
        ]
        rows.append(
            (labels["arrears"], write_date(content.placed_on, language), write_number(content.arrears, language))
        )
        width = sheet.width
        columns = (Column(width * 0.5), Column(width * 0.25), Column(width * 0.25, "right"))
        header = (labels["item"], labels["date"], labels["amount_in"].format(currency=content.arrears.currency))
        sheet.table(columns, rows, header=header, total=True)
        if earlier := [each for each in content.repayments if each.on <= content.as_of]:
            sheet.paragraph(
                labels["repaid_before"].format(
                    count=write_count(len(earlier), language),
                    amount=write_amount(total([each.amount for each in earlier], content.arrears.currency), language),
                ),
                colour=SOFT,
                size=sheet.size * 0.92,
            )

    def _history(self) -> None:
        sheet, content, labels, language = self.sheet, self.content, self.labels, self.language
        sheet.heading(labels["history"], before=0)
        lines = sorted(content.history, key=lambda line: line.on)
        if len(lines) > _SHOWN:
            sheet.paragraph(
                labels["history_earlier"].format(count=write_count(len(lines) - _SHOWN, language)),
                size=sheet.size * 0.92,
                colour=SOFT,
                after=0.1,
            )
        rows = [
            (
                write_date(line.on, language, "medium"),
                labels[f"channel_{line.channel}"],
                labels.get(f"result_{line.result}", clean(line.result, limit=40)),
                labels.get(f"phone_{line.detail}", clean(line.detail, limit=80)),
            )
            for line in lines[-_SHOWN:]
        ]
        width = sheet.width
        if rows:
            columns = (Column(width * 0.18), Column(width * 0.14), Column(width * 0.34), Column(width * 0.34))
            header = (labels["date"], labels["channel"], labels["result"], labels["detail"])
            sheet.table(columns, rows, header=header, size=sheet.size * 0.9)
        else:
            sheet.paragraph(labels["no_history"])
        for promise in content.promises[-3:]:
            sheet.paragraph(
                labels["promise_line"].format(
                    amount=write_amount(promise.amount, language) if promise.amount else labels["in_full"],
                    date=write_date(promise.until, language),
                    outcome=labels[f"promise_{promise.outcome}"],
                ),
                after=0.1,
            )

    def _mandate(self) -> None:
        sheet, content, labels, language = self.sheet, self.content, self.labels, self.language
        sheet.heading(labels["mandate"], before=0.3)
        sheet.paragraph(
            labels["mandate_text"].format(
                bank=clean(content.bank.name),
                agency=clean(content.agency_name or content.agency_id),
                mandate=clean(content.mandate),
                mandate_date=write_date(content.mandate_date, language),
                placed_on=write_date(content.placed_on, language),
            ),
            after=0.15,
        )
        sheet.paragraph(
            labels["term_text"].format(date=write_date(content.term_ends, language))
            if content.term_ends
            else labels["no_term_text"],
            after=0.15,
        )
        sheet.paragraph(
            labels["ask_bank"].format(phone=clean(content.bank.phone), hours=clean(content.bank.hours)), after=0
        )

    def _footers(self) -> None:
        sheet, content = self.sheet, self.content
        for number, page in enumerate(sheet.pages, 1):
            y = PAGE_HEIGHT - 13 * MM
            sheet.line(sheet.left, y, sheet.right, y, page=page)
            sheet.put(sheet.left, y + 11, self.labels["sheet_footer"], 7.2, colour=SOFT, page=page)
            place = f"{content.case_id}  {number} / {len(sheet.pages)}"
            sheet.put(sheet.right, y + 11, place, 7.2, colour=SOFT, align="right", page=page)
