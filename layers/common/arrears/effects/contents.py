"""From what is known of a case to what a letter or a case sheet says. Needs reportlab, through the documents."""

from arrears.adapters.settings import ActivePolicy
from arrears.documents.agency import AgencySheet, ContactNumber, HistoryLine, PromiseLine
from arrears.documents.letters import AccountStatus, LetterContent
from arrears.documents.parts import Bank, LawFirm, Repayment, postal_address
from arrears.documents.templates import LetterKind
from arrears.domain import policy as rules
from arrears.domain.case import Case, Done
from arrears.domain.contact import usual_hours
from arrears.domain.facts import Payment, Phone
from arrears.domain.money import Money
from arrears.effects.known import Known
from arrears.effects.wording import LETTER_PAY_WITHIN, OBJECTION_WITHIN, UNKNOWN_DIGITS
from arrears.errors import PermanentDocumentError

#: The numbers that an agency gets: the cardholder's own. Other people's stay with the bank (docs: data minimisation).
AGENCY_PHONES: tuple[Phone, ...] = ("mobile", "work", "home")


def payments_until(known: Known) -> list[Payment]:
    """Return the payments in the arrears' currency that count by the date, oldest first, each once."""
    payments = {
        payment.payment_id: payment
        for payment in (*known.case.payments, *known.case.account.payments)
        if payment.paid_on <= known.on and payment.amount.currency == known.arrears.currency
    }
    return sorted(payments.values(), key=lambda payment: (payment.paid_on, payment.payment_id))


def repayments(known: Known) -> tuple[Repayment, ...]:
    """Return the same as the documents have them."""
    return tuple(Repayment(payment.paid_on, payment.amount) for payment in payments_until(known))


def address_of(known: Known) -> tuple[str, ...]:
    """Return the billing address as it stands on an envelope."""
    profile = known.profile
    return postal_address(
        line1=profile.address_line1 or "",
        line2=profile.address_line2 or "",
        city=profile.city or "",
        region=profile.region or "",
        postal_code=profile.postal_code or "",
        country=profile.country or "",
        language=known.language,
    )


def bank_of(bank: rules.Bank) -> Bank:
    """Return the bank as the documents have it."""
    return Bank(
        name=bank.name,
        address=bank.address,
        phone=bank.phone,
        hours=bank.hours,
        website=bank.website,
        how_to_pay=bank.how_to_pay,
        email=bank.email,
        seal=bank.seal,
        objections=bank.objections,
    )


def law_firm_of(bank: rules.Bank, case_id: str) -> LawFirm:
    """Return the law firm that writes for the bank.

    Raises:
        PermanentDocumentError: the policy names no power of attorney.
    """
    if bank.mandate_date is None:
        raise PermanentDocumentError(f"{case_id}: the policy does not date the mandate of the law firm")
    return LawFirm(
        name=bank.law_firm,
        address=bank.law_firm_address,
        phone=bank.law_firm_phone,
        lawyer=bank.lawyer,
        mandate=bank.mandate,
        mandate_date=bank.mandate_date,
    )


def account_status(case: Case) -> AccountStatus:
    """Return what may be said of the account: frozen only by the core banking system's word, which may never come."""
    if case.freeze is not None:
        return "frozen" if case.freeze == "frozen" else "open"
    return "freeze_asked" if any(done.action == "freeze_account" for done in case.done) else "open"


def letter_of(known: Known, bank: rules.Bank, *, letter_id: str, template: str, kind: LetterKind) -> LetterContent:
    """Return what a letter says.

    Raises:
        DocumentError: something that a letter must have is not on file.
        PermanentDocumentError: likewise.
    """
    extract, currency = known.extract, known.arrears.currency
    return LetterContent(
        kind=kind,
        template=template,
        letter_id=letter_id,
        case_id=known.case.case_id,
        account_id=known.case.account_id,
        card_last4=known.profile.card_last4 or UNKNOWN_DIGITS,
        dated=known.on,
        cardholder_name=known.profile.name or "",
        address=address_of(known),
        bank=bank_of(bank),
        law_firm=law_firm_of(bank, known.case.case_id) if kind == "lawyer_letter" else None,
        reported_past_due=extract.past_due,
        as_of=extract.as_of,
        arrears=known.arrears,
        repayments=repayments(known),
        oldest_due_date=known.oldest_due,
        days_past_due=known.days_past_due,
        account_status=account_status(known.case),
        pay_by=known.on + LETTER_PAY_WITHIN,
        objection_by=known.on + OBJECTION_WITHIN,
        balance=None if extract.balance is None else Money(extract.balance, currency),
        minimum_due=None if extract.minimum_due is None else Money(extract.minimum_due, currency),
        country=extract.country,
        stage=known.case.stage,
        risk_grade=extract.risk_grade,
    )


def sheet_of(known: Known, active: ActivePolicy, bank: rules.Bank, *, agency_id: str, placement_id: str) -> AgencySheet:
    """Return what an agency's case sheet says.

    Raises:
        DocumentError: something that it must have is not on file.
        PermanentDocumentError: likewise.
    """
    if bank.mandate_date is None:
        raise PermanentDocumentError(f"{known.case.case_id}: the policy does not date the bank's mandate")
    hours = usual_hours(known.case, active.policy, known.on)
    return AgencySheet(
        agency_id=agency_id,
        agency_name=agency_id,
        case_id=known.case.case_id,
        account_id=known.case.account_id,
        card_last4=known.profile.card_last4 or UNKNOWN_DIGITS,
        placed_on=known.on,
        term_ends=active.policy.term_end(known.on),
        cardholder_name=known.profile.name or "",
        speaks=known.language,
        timezone=known.extract.timezone,
        contact_hours=(f"{hours[0]:%H:%M}", f"{hours[1]:%H:%M}") if hours else None,
        numbers=agency_numbers(known),
        other_people_may_be_called=False,
        bank=bank_of(bank),
        mandate=f"{bank.mandate}/{agency_id}",
        mandate_date=bank.mandate_date,
        reported_past_due=known.extract.past_due,
        as_of=known.extract.as_of,
        repayments=repayments(known),
        arrears=known.arrears,
        oldest_due_date=known.oldest_due,
        days_past_due=known.days_past_due,
        history=tuple(history_of(known.case)),
        promises=tuple(
            PromiseLine(
                promise.until,
                None if promise.amount is None else Money(promise.amount, known.arrears.currency),
                promise.outcome,
            )
            for promise in known.case.promises
        ),
        placement_id=placement_id,
        risk_grade=known.extract.risk_grade,
    )


def agency_numbers(known: Known) -> tuple[ContactNumber, ...]:
    """Return the numbers that an agency gets."""
    numbers = ((kind, known.profile.phone(kind)) for kind in AGENCY_PHONES)
    return tuple(ContactNumber(kind, number) for kind, number in numbers if number)


def history_of(case: Case) -> list[HistoryLine]:
    """Return every contact of a case, in order: what was done, and what came back."""
    lines = [line for done in case.done if (line := _done_line(done)) is not None]
    lines += [HistoryLine(call.called_on, "call", call.result, call.phone or "") for call in case.calls]
    lines += [HistoryLine(report.on, "letter", report.status, report.tracking_number or "") for report in case.letters]
    lines += [
        HistoryLine(
            placement.ended_on,
            "agency",
            "returned" if placement.ended == "returned" else "recalled",
            placement.agency_id,
        )
        for placement in case.placements
        if placement.ended_on is not None
    ]
    return sorted(lines, key=lambda line: line.on)


def _done_line(done: Done) -> HistoryLine | None:
    result = "sent" if done.certain else "uncertain"
    match done.action:
        case "send_sms":
            return HistoryLine(done.on, "sms", result)
        case "queue_call":
            return HistoryLine(done.on, "call", "queued")
        case "queue_letter":
            return HistoryLine(done.on, "letter", "queued")
        case "place_with_agency":
            return HistoryLine(done.on, "agency", "placed")
        case _:
            return None
