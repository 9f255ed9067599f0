"""The dossier for court: what a lawyer opens in front of a judge. Everything in it comes from the case's events.

Contents, parties, the claim with its arithmetic to the cent, the account's statement and payments, every contact with
time, channel, result and text, letters with their tracking numbers, placements, what else happened, the exhibits with
their hashes, and the chain of events. The chain is verified when the content is made: a dossier of a case whose events
were changed cannot be built.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from arrears.documents.clean import clean, clean_name
from arrears.documents.errors import ChainBrokenError, DocumentError, MissingPartError
from arrears.documents.parts import Bank, LawFirm, RenderedDocument, one_line, total
from arrears.documents.reasons import in_language
from arrears.documents.templates import Templates
from arrears.documents.typeset import ACCENT, MM, PAGE_HEIGHT, PAGE_WIDTH, SOFT, Cell, Column, Rendered, Sheet
from arrears.documents.written import write_amount, write_count, write_date, write_number
from arrears.domain.chain import GENESIS, link
from arrears.domain.money import Money

ClaimKind = Literal["reported", "payment", "interest", "fee", "other"]
ContactChannel = Literal["sms", "call", "letter", "agency", "other"]


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One line of the claim.

    Attributes:
        kind: what it is: what the books show, a payment taken off, interest or a fee that the agreement provides for.
        on: the date it counts from.
        amount: what it adds; a payment takes off, so it is negative.
        note: the clause or document that it rests on.
    """

    kind: ClaimKind
    on: date
    amount: Money
    note: str = ""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """The account as the bank reported it on one date."""

    as_of: date
    past_due: Money
    balance: Money | None = None
    minimum_due: Money | None = None
    oldest_due_date: date | None = None


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """A payment. `on` is the date it counts from, at the account's place.

    Attributes:
        source: who reported it: `bank`, or `agency:<id>`.
    """

    payment_id: str
    paid_at: datetime
    on: date
    amount: Money
    source: str = "bank"


@dataclass(frozen=True, slots=True)
class ContactLine:
    """One contact, or an attempt at one.

    Attributes:
        at: the instant, with its offset at the cardholder's place.
        to: which number or address: `mobile`, `family`, `billing address`.
        result: a code of `calls/`, `letters/` or of an action: `no_answer`, `delivered`, `sent`.
        text: what was sent or said, in full; of a letter its id.
        reason: why, in terms of the policy.
        event: the number of its event in the chain.
    """

    at: datetime
    channel: ContactChannel
    to: str
    result: str
    text: str = ""
    reason: str = ""
    event: int | None = None


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A letter, with what the mailing house reported."""

    letter_id: str
    kind: str
    dated: date
    sha256: str
    tracking_number: str = ""
    dispatched: date | None = None
    delivered: date | None = None
    returned: date | None = None


@dataclass(frozen=True, slots=True)
class AgencyReturn:
    """What an agency reported of a case."""

    on: date
    outcome: str
    amount: Money | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlacementLine:
    """A placement with an agency, from its first day to its end.

    Attributes:
        end_reason: why it ended: returned, recalled and why.
    """

    agency: str
    placed_on: date
    ended_on: date | None = None
    end_reason: str = ""
    returns: tuple[AgencyReturn, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherLine:
    """What else bears on the claim: a hold, a promise, a freeze, a stage entered."""

    on: date
    what: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A file beside the dossier, in `evidence/`; `what` is a letter, a message, events, or said in words."""

    name: str
    what: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ChainLink:
    """An event as it is stored: its text, the hash of the event before it, and its own hash."""

    number: int
    body: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of the case's chain as the locked bucket holds it for a day: proof that the chain is not a new one."""

    on: date
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierContent:
    """Everything that the dossier says.

    Attributes:
        dated: the date of the filing; it comes from the event, so that a dossier built again is the same.
        court: where the claim is brought, if it is known.
        address: the defendant's, line by line.
        claim: lines whose sum is `claimed`.
        chain: all events of the case; the first one is chained to nothing before it.
        anchors: heads of the chain held elsewhere; each must be the hash of one of the events.
    """

    case_id: str
    account_id: str
    card_last4: str
    opened_on: date
    dated: date
    bank: Bank
    cardholder_name: str
    address: tuple[str, ...]
    claim: tuple[ClaimLine, ...]
    claimed: Money
    oldest_due_date: date
    days_past_due: int
    statement: tuple[StatementLine, ...]
    payments: tuple[PaymentLine, ...]
    contacts: tuple[ContactLine, ...]
    letters: tuple[LetterLine, ...]
    placements: tuple[PlacementLine, ...]
    others: tuple[OtherLine, ...]
    chain: tuple[ChainLink, ...]
    exhibits: tuple[Exhibit, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    law_firm: LawFirm | None = None
    court: str = ""
    policy: str = ""

    def __post_init__(self) -> None:
        """Refuse a dossier that lacks a part, does not add up or rests on events that were changed."""
        needed = {
            "case": self.case_id,
            "account": self.account_id,
            "claimant": self.bank.name,
            "claimant's address": "".join(self.bank.address),
            "defendant": self.cardholder_name,
            "defendant's address": "".join(self.address),
            "claim": "claim" if self.claim else "",
            "account statement": "statement" if self.statement else "",
            "event chain": "chain" if self.chain else "",
        }
        for part, value in needed.items():
            if not clean(value):
                raise MissingPartError(part, "dossier")
        added = self.claim[0].amount
        for line in self.claim[1:]:
            added += line.amount
        if added != self.claimed:
            raise DocumentError(f"the claim does not add up: its lines give {added}, not {self.claimed}")
        verify_chain(self.chain, self.anchors)


def verify_chain(chain: Sequence[ChainLink], anchors: Sequence[Anchor] = ()) -> None:
    """Compute every hash again, and look for each anchor among them.

    Raises:
        ChainBrokenError: an event was changed, left out or put in; the error names it by its number.
    """
    previous = GENESIS
    for place, each in enumerate(chain, 1):
        if each.number != place:
            raise ChainBrokenError(place, "its number is not the next one: an event was left out or put in")
        if each.previous != previous:
            raise ChainBrokenError(place, "it is not chained to the event before it")
        if each.hash != link(previous, each.body):
            raise ChainBrokenError(place, "its text is not the one that was hashed")
        previous = each.hash
    hashes = {each.hash for each in chain}
    for anchor in anchors:
        if anchor.hash not in hashes:
            raise ChainBrokenError(len(chain), f"the head that was locked away on {anchor.on} is not in the chain")


def render_dossier(content: DossierContent, templates: Templates, language: str) -> RenderedDocument:
    """Make the dossier.

    Args:
        content: what it says.
        templates: the policy's templates, for the labels.
        language: what the court reads.
    """
    return RenderedDocument.of(_Dossier(content, templates.labels(language), language).render(), language)


_SMALL: Final = 8.2


class _Dossier:
    def __init__(self, content: DossierContent, labels: Mapping[str, str], language: str) -> None:
        self.content = content
        self.labels = labels
        self.language = language
        self.sheet = Sheet(
            language,
            left=22 * MM,
            right=PAGE_WIDTH - 20 * MM,
            top=24 * MM,
            bottom=PAGE_HEIGHT - 20 * MM,
            size=9.6,
        )
        self.sections: list[tuple[str, int]] = []
        self.cover_ends = 0.0

    def render(self) -> Rendered:
        content = self.content
        self._cover()
        self.sheet.new_page()
        self._section("parties", self._parties)
        self._section("the_claim", self._claim)
        self._section("statement", self._statement)
        self._section("payments", self._payments)
        self._section("contacts", self._contacts)
        self._section("letters", self._letters)
        self._section("placements", self._placements)
        self._section("others", self._others)
        if content.exhibits:
            self._section("exhibits", self._exhibits)
        self._section("event_chain", self._chain)
        self._contents()
        self._furniture()
        return self.sheet.render(
            title=f"{self.labels['dossier']} {content.case_id}",
            author=content.bank.name,
            subject=content.case_id,
            on=content.dated,
        )

    # --- words ----------------------------------------------------------------------------------------------------

    def _date(self, day: date | None) -> str:
        return write_date(day, self.language, "medium") if day else "—"

    def _number(self, money: Money | None) -> str:
        return write_number(money, self.language) if money else "—"

    def _word(self, prefix: str, code: str, limit: int = 80) -> str:
        return self.labels.get(f"{prefix}_{code}", clean(code, limit=limit)) if code else "—"

    def _reason(self, reason: str, limit: int) -> tuple[str, ...]:
        """Return a reason in the dossier's language with the record below it; else the record alone."""
        recorded, told = clean(reason, limit=limit), in_language(reason, self.labels, self.language)
        return (told, f"[{recorded}]") if told else (recorded,)

    def _ended(self, reason: str) -> Cell:
        """Return why a placement ended: a word, or a recorded reason."""
        if not reason:
            return ""
        return self.labels.get(f"result_{reason}") or self._reason(reason, 400)

    def _instant(self, at: datetime) -> str:
        if at.tzinfo is None:
            raise DocumentError("a time in a dossier needs its offset")
        return f"{at:%Y-%m-%d %H:%M} UTC{_offset(at)}"

    def _columns(self, *shares: float, right: Sequence[int] = ()) -> list[Column]:
        width = self.sheet.width
        return [Column(width * share, "right" if number in right else "left") for number, share in enumerate(shares)]

    # --- pages ----------------------------------------------------------------------------------------------------

    def _cover(self) -> None:
        sheet, content, labels, language = self.sheet, self.content, self.labels, self.language
        sheet.box(0, 0, PAGE_WIDTH, 3.2 * MM, fill=ACCENT)
        sheet.put(sheet.left, 20 * MM, clean(content.bank.name, limit=60), 11, bold=True, colour=ACCENT)
        sheet.line(sheet.left, 24 * MM, sheet.right, 24 * MM, width=0.8, colour=ACCENT)
        sheet.y = 34 * MM
        sheet.paragraph(labels["dossier"], size=22, bold=True, colour=ACCENT, after=0.1)
        sheet.paragraph(
            labels["dossier_subtitle"].format(
                bank=clean(content.bank.name), cardholder=clean_name(content.cardholder_name)
            ),
            size=11,
            after=0.7,
        )
        facts = [
            (labels["case_id"], content.case_id),
            (labels["account_id"], f"{content.account_id}, {labels['card_ending'].format(last4=content.card_last4)}"),
            *([(labels["court"], content.court)] if content.court else []),
            (labels["filed_on"], write_date(content.dated, language)),
            (labels["opened_on"], write_date(content.opened_on, language)),
            (labels["oldest_due_date"], write_date(content.oldest_due_date, language)),
            (labels["days_past_due"], labels["days"].format(count=write_count(content.days_past_due, language))),
            (labels["claimed"], write_amount(content.claimed, language)),
            *([(labels["policy"], content.policy)] if content.policy else []),
            (labels["event_chain"], labels["chain_verified"].format(count=write_count(len(content.chain), language))),
        ]
        sheet.facts(facts, label_width=52 * MM)
        self.cover_ends = sheet.y

    def _contents(self) -> None:
        """The list of sections on the first page, now that their pages are known."""
        sheet, first = self.sheet, self.sheet.pages[0]
        y = self.cover_ends + 14 * MM
        sheet.put(sheet.left, y, self.labels["contents"], 13, bold=True, colour=ACCENT, page=first)
        sheet.line(sheet.left, y + 6, sheet.right, y + 6, width=0.6, colour=ACCENT, page=first)
        first.text.append(self.labels["contents"])
        y += 24
        for number, (title, page) in enumerate(self.sections, 1):
            entry = f"{number}  {title}"
            place = str(page + 1)
            sheet.put(sheet.left, y, entry, 10.5, page=first)
            sheet.put(sheet.right, y, place, 10.5, align="right", page=first)
            start = sheet.left + sheet.text_width(entry, 10.5) + 6
            end = sheet.right - sheet.text_width(place, 10.5) - 6
            sheet.dots(start, end, y, page=first)
            sheet.link(sheet.left, y - 11, sheet.right, y + 4, bookmark=number - 1, page=first)
            first.text.append(f"{entry}\t{place}")
            y += 18.5

    def _section(self, key: str, body: Callable[[], None]) -> None:
        sheet = self.sheet
        title = self.labels[key]
        sheet.space(sheet.size * 1.6)
        sheet.need(40 * MM)
        self.sections.append((title, len(sheet.pages) - 1))
        sheet.bookmark(f"{len(self.sections)} {title}")
        sheet.heading(f"{len(self.sections)}  {title}", size=13, before=0, rule=True)
        sheet.y += 2
        body()

    def _parties(self) -> None:
        sheet, content, labels = self.sheet, self.content, self.labels
        bank, firm = content.bank, content.law_firm
        sheet.heading(labels["claimant"], before=0)
        facts = [
            (labels["name"], bank.name),
            (labels["address"], bank.one_line_address),
            (labels["phone"], bank.phone),
            *([(labels["email"], bank.email)] if bank.email else []),
        ]
        if firm:
            facts += [
                (labels["represented_by"], f"{firm.name}, {firm.lawyer}"),
                (labels["mandate_of_firm"], f"{firm.mandate}, {write_date(firm.mandate_date, self.language)}"),
            ]
        sheet.facts(facts, label_width=42 * MM)
        sheet.heading(labels["defendant"])
        sheet.facts(
            [
                (labels["name"], clean_name(content.cardholder_name, limit=120)),
                (labels["address"], one_line(content.address)),
                (labels["account_id"], content.account_id),
                (labels["card"], labels["card_ending"].format(last4=content.card_last4)),
            ],
            label_width=42 * MM,
        )

    def _claim(self) -> None:
        sheet, content, labels = self.sheet, self.content, self.labels
        sheet.paragraph(
            labels["claim_text"].format(
                bank=clean(content.bank.name),
                cardholder=clean_name(content.cardholder_name),
                amount=write_amount(content.claimed, self.language),
                oldest_due_date=write_date(content.oldest_due_date, self.language),
                days=write_count(content.days_past_due, self.language),
            )
        )
        rows = [
            (labels[f"claim_{line.kind}"], line.note, self._date(line.on), _signed(line.amount, self.language))
            for line in content.claim
        ]
        rows.append((labels["claimed"], "", self._date(content.dated), self._number(content.claimed)))
        header = (labels["item"], labels["basis"], labels["date"], self._amount_label())
        sheet.table(self._columns(0.30, 0.32, 0.18, 0.20, right=(3,)), rows, header=header, total=True)

    def _amount_label(self) -> str:
        return self.labels["amount_in"].format(currency=self.content.claimed.currency)

    def _statement(self) -> None:
        labels = self.labels
        rows = [
            (
                self._date(line.as_of),
                self._number(line.balance),
                self._number(line.minimum_due),
                self._number(line.past_due),
                self._date(line.oldest_due_date),
            )
            for line in sorted(self.content.statement, key=lambda line: line.as_of)
        ]
        header = tuple(
            labels[key] for key in ("as_of", "balance_short", "minimum_due_short", "past_due", "oldest_due_date")
        )
        self.sheet.paragraph(labels["statement_text"].format(currency=self.content.claimed.currency), colour=SOFT)
        self.sheet.table(self._columns(0.20, 0.20, 0.20, 0.20, 0.20, right=(1, 2, 3)), rows, header=header, size=_SMALL)

    def _payments(self) -> None:
        content, labels = self.content, self.labels
        if not content.payments:
            self.sheet.paragraph(labels["no_payments"])
            return
        ordered = sorted(content.payments, key=lambda line: (line.on, line.payment_id))
        rows = [
            (
                self._date(line.on),
                self._instant(line.paid_at),
                line.payment_id,
                self._source(line.source),
                self._number(line.amount),
            )
            for line in ordered
        ]
        rows.append(
            (
                labels["repaid_total"],
                "",
                "",
                "",
                self._number(total([line.amount for line in ordered], content.claimed.currency)),
            )
        )
        header = (
            labels["counts_from"],
            labels["received_at"],
            labels["payment_id"],
            labels["source"],
            self._amount_label(),
        )
        self.sheet.table(
            self._columns(0.17, 0.25, 0.22, 0.17, 0.19, right=(4,)), rows, header=header, total=True, size=_SMALL
        )

    def _source(self, source: str) -> str:
        kind, _, name = source.partition(":")
        return f"{self._word('source', kind)} {clean(name, limit=32)}".strip()

    def _contacts(self) -> None:
        labels = self.labels
        if not self.content.contacts:
            self.sheet.paragraph(labels["no_history"])
            return
        self.sheet.paragraph(labels["contacts_text"], colour=SOFT)
        rows: list[tuple[Cell, ...]] = []
        for number, line in enumerate(sorted(self.content.contacts, key=lambda line: line.at), 1):
            to = self._word("phone", line.to) if line.to else ""
            said = clean(line.text, limit=1500)
            told, *recorded = self._reason(line.reason, 300) if line.reason else ("",)
            reason = labels["reason_line"].format(reason=told) if told else ""
            rows.append(
                (
                    str(number),
                    str(line.event or ""),
                    self._instant(line.at),
                    " · ".join(part for part in (labels[f"channel_{line.channel}"], to) if part),
                    self._word("result", line.result),
                    tuple(part for part in (said, reason, *recorded) if part) or "—",
                )
            )
        header = ("", labels["event"], labels["time"], labels["channel"], labels["result"], labels["text_and_reason"])
        self.sheet.table(self._columns(0.05, 0.08, 0.155, 0.155, 0.14, 0.42), rows, header=header, size=_SMALL)

    def _letters(self) -> None:
        sheet, labels = self.sheet, self.labels
        if not self.content.letters:
            sheet.paragraph(labels["no_letters"])
            return
        rows: list[tuple[Cell, ...]] = []
        for line in sorted(self.content.letters, key=lambda line: (line.dated, line.letter_id)):
            reported = [
                f"{labels[key]} {self._date(day)}"
                for key, day in (
                    ("result_dispatched", line.dispatched),
                    ("result_delivered", line.delivered),
                    ("result_returned", line.returned),
                )
                if day
            ]
            rows.append(
                (
                    self._date(line.dated),
                    self._word("kind", line.kind),
                    (line.letter_id, line.sha256[:32], line.sha256[32:]),
                    line.tracking_number or "—",
                    tuple(reported) or "—",
                )
            )
        header = tuple(
            labels[key] for key in ("date", "kind", "letter_and_hash", "tracking_number", "reported_by_mail")
        )
        sheet.table(self._columns(0.15, 0.13, 0.34, 0.17, 0.21), rows, header=header, size=_SMALL)

    def _placements(self) -> None:
        sheet, labels = self.sheet, self.labels
        if not self.content.placements:
            sheet.paragraph(labels["no_placements"])
            return
        rows = []
        for line in sorted(self.content.placements, key=lambda line: line.placed_on):
            rows.append(
                (
                    self._date(line.placed_on),
                    self._date(line.ended_on),
                    line.agency,
                    labels["placement"],
                    self._ended(line.end_reason),
                )
            )
            for each in line.returns:
                amount = write_amount(each.amount, self.language) if each.amount else ""
                said = "; ".join(part for part in (amount, clean(each.note, limit=400)) if part)
                rows.append((self._date(each.on), "", line.agency, self._word("result", each.outcome), said))
        header = tuple(labels[key] for key in ("from", "to", "agency", "what", "detail"))
        sheet.table(self._columns(0.15, 0.15, 0.20, 0.18, 0.32), rows, header=header, size=_SMALL)

    def _others(self) -> None:
        sheet, labels = self.sheet, self.labels
        if not self.content.others:
            sheet.paragraph(labels["no_others"])
            return
        rows = [
            (self._date(line.on), self._word("other", line.what, 120), self._reason(line.reason, 400))
            for line in sorted(self.content.others, key=lambda line: line.on)
        ]
        header = (labels["date"], labels["what"], labels["why"])
        sheet.table(self._columns(0.16, 0.30, 0.54), rows, header=header, size=_SMALL)

    def _exhibits(self) -> None:
        labels = self.labels
        self.sheet.paragraph(labels["exhibits_text"], colour=SOFT)
        rows = [
            (str(number), each.name, self._word("exhibit", each.what, 200), each.sha256)
            for number, each in enumerate(self.content.exhibits, 1)
        ]
        header = ("", labels["file"], labels["what"], "SHA-256")
        self.sheet.table(self._columns(0.05, 0.25, 0.15, 0.55), rows, header=header, size=_SMALL * 0.84)

    def _chain(self) -> None:
        sheet, content, labels = self.sheet, self.content, self.labels
        head = content.chain[-1]
        sheet.paragraph(labels["chain_text"])
        sheet.facts(
            [
                (labels["events"], write_count(len(content.chain), self.language)),
                (labels["head"], head.hash),
                (
                    labels["verification"],
                    labels["chain_verified"].format(count=write_count(len(content.chain), self.language)),
                ),
                *((labels["anchor"].format(date=self._date(each.on)), each.hash) for each in content.anchors),
            ],
            label_width=46 * MM,
            size=_SMALL * 1.05,
        )
        sheet.y += 4
        rows = [(str(each.number), *_event_of(each.body), each.hash) for each in content.chain]
        header = ("", labels["recorded_at"], labels["event"], "SHA-256")
        sheet.table(self._columns(0.06, 0.21, 0.16, 0.57), rows, header=header, size=_SMALL * 0.84)

    def _furniture(self) -> None:
        """Heads and feet."""
        sheet, content = self.sheet, self.content
        pages = len(sheet.pages)
        for number, page in enumerate(sheet.pages, 1):
            if number > 1:
                sheet.put(sheet.left, 15 * MM, self.labels["dossier"], 8.2, bold=True, colour=ACCENT, page=page)
                sheet.put(sheet.right, 15 * MM, content.case_id, 8.2, colour=SOFT, align="right", page=page)
                sheet.line(sheet.left, 18 * MM, sheet.right, 18 * MM, page=page)
            y = PAGE_HEIGHT - 14 * MM
            sheet.line(sheet.left, y, sheet.right, y, page=page)
            sheet.put(sheet.left, y + 11, clean(content.bank.name, limit=60), 7.4, colour=SOFT, page=page)
            sheet.put(sheet.right, y + 11, f"{number} / {pages}", 7.4, colour=SOFT, align="right", page=page)


def _offset(at: datetime) -> str:
    seconds = int((at.utcoffset() or timedelta()).total_seconds())
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours}" + (f":{minutes:02d}" if minutes else "")


def _signed(amount: Money, language: str) -> str:
    written = write_number(amount, language)
    return "−" + written[1:] if written.startswith("-") else written


def _event_of(body: str) -> tuple[str, str]:
    """Return when an event was recorded and what it is, from its stored text."""
    try:
        fields = json.loads(body)
        event = fields.get("event", fields)
        return clean(str(fields.get("at", "")).replace("T", " "), limit=40), clean(str(event.get("type", "")), limit=40)
    except (ValueError, AttributeError):
        return "", ""
