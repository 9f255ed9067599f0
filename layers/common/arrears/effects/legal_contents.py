"""From a case's events to what its file for court says. Needs reportlab, through the documents.

Everything is taken from the events as they are stored, up to the one that planned the filing, so a file built again is
the same to the byte. Only names and addresses, which no event holds, come from the account's record.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from arrears.documents.dossier import (
    AgencyReturn,
    ChainLink,
    ClaimLine,
    ContactLine,
    DossierContent,
    Exhibit,
    LetterLine,
    OtherLine,
    PaymentLine,
    PlacementLine,
    StatementLine,
)
from arrears.domain import policy as rules
from arrears.domain.case import Case, replay
from arrears.domain.dates import zone
from arrears.domain.events import (
    ActionDone,
    ActionPlanned,
    ActionUncertain,
    AgencyAssigned,
    AgencyDeferred,
    AgencyReported,
    ApprovalAsked,
    ArrearsReported,
    CallResult,
    CaseOpened,
    CourtReported,
    Event,
    FreezeAnswered,
    HoldLifted,
    HoldPlaced,
    LegalDecided,
    LetterMailed,
    LetterReported,
    LetterWithdrawn,
    OperatorListed,
    OptedOut,
    PlanAccepted,
    PlanEnded,
    PlanRefused,
    PromiseAccepted,
    PromiseEnded,
    PromiseRefused,
    RecallOrdered,
    SmsReported,
    StageEntered,
)
from arrears.domain.facts import Extract, Payment
from arrears.domain.money import Money
from arrears.effects.contents import address_of, bank_of, law_firm_of, payments_until
from arrears.effects.folders import letter_key, message_key
from arrears.effects.known import Known, written
from arrears.effects.wording import UNKNOWN_DIGITS
from arrears.errors import PermanentDocumentError
from arrears.records import Envelope

CLAIM_SCHEMA: Final = "legal-claim-1"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that goes with the dossier.

    Attributes:
        source: its key in the documents bucket.
        name: its name below `evidence/`.
        sha256: what the event says of it; empty where the event is none of ours to hash, or none was recorded.
        required: whether the file for court cannot be made without it.
    """

    source: str
    name: str
    content_type: str
    sha256: str
    required: bool


def recorded(envelopes: Sequence[Envelope], action_id: str) -> list[Envelope]:
    """Return the events up to the last one that planned an action.

    Raises:
        PermanentDocumentError: none planned it.
    """
    for index in range(len(envelopes) - 1, -1, -1):
        event = envelopes[index].event
        if isinstance(event, ActionPlanned) and event.action_id == action_id:
            return list(envelopes[: index + 1])
    raise PermanentDocumentError(f"{action_id}: its plan is not among the case's events")


def planned_on(envelopes: Sequence[Envelope]) -> date:
    """Return the date of the plan that ends a row of events (see `recorded`)."""
    event = envelopes[-1].event
    if not isinstance(event, ActionPlanned):
        raise PermanentDocumentError("the events do not end with a plan")
    return event.on


def links(envelopes: Sequence[Envelope]) -> tuple[ChainLink, ...]:
    """Return the events as the dossier has its chain; each by its place, whatever number its text says."""
    return tuple(
        ChainLink(number, envelope.body, envelope.previous, envelope.hash)
        for number, envelope in enumerate(envelopes, 1)
    )


def evidence_of(envelopes: Sequence[Envelope]) -> list[Evidence]:
    """Return the letters and messages of a case, as they were sent."""
    plans: dict[str, ActionPlanned] = {}
    found: list[Evidence] = []
    for envelope in envelopes:
        event = envelope.event
        if isinstance(event, ActionPlanned):
            plans[event.action_id] = event
        elif isinstance(event, ActionDone | ActionUncertain):
            certain = isinstance(event, ActionDone)
            digest = dict(event.details).get("sha256", "") if isinstance(event, ActionDone) else ""
            action, action_id = plans[event.action_id].action, event.action_id
            if action == "queue_letter":
                name = f"letters/{action_id}.pdf"
                found.append(Evidence(letter_key(action_id), name, "application/pdf", digest, certain))
            elif action == "send_sms":
                name = f"messages/{action_id}.txt"
                kind = "text/plain; charset=utf-8"
                found.append(Evidence(message_key(action_id), name, kind, digest, certain))
    return found


@dataclass
class _Story:
    """What the events say, section by section."""

    timezone: str
    texts: Mapping[str, str]
    plans: dict[str, ActionPlanned] = field(default_factory=dict)
    extracts: dict[date, Extract] = field(default_factory=dict)
    contacts: list[ContactLine] = field(default_factory=list)
    letters: dict[str, LetterLine] = field(default_factory=dict)
    placements: list[PlacementLine] = field(default_factory=list)
    others: list[OtherLine] = field(default_factory=list)
    currency: str = ""

    def tell(self, envelope: Envelope) -> None:
        """Take in one event."""
        event, at, number = envelope.event, self._local(envelope.at), envelope.number
        match event:
            case CaseOpened(account=account, on=on):
                self.extracts |= {extract.as_of: extract for extract in account.extracts if extract.as_of <= on}
            case ArrearsReported(extract=extract):
                self.extracts[extract.as_of] = extract
            case ActionPlanned(action_id=action_id):
                self.plans[action_id] = event
            case ActionDone() | ActionUncertain():
                self._done(event, at, number)
            case CallResult(call=call):
                promised = f"{call.promised_amount or ''} {call.promised_on or ''}".strip()
                self.contacts.append(
                    ContactLine(
                        self._local(call.called_at), "call", call.phone or "", call.result, promised, "", number
                    )
                )
            case LetterReported(letter_id=letter_id, status=status):
                self._letter_reported(event)
                self.contacts.append(ContactLine(at, "letter", "", status, letter_id, "", number))
            case SmsReported(action_id=action_id, status=status):
                self.contacts.append(ContactLine(at, "sms", "mobile", status, action_id, "", number))
            case AgencyReported():
                self._agency_reported(event)
            case AgencyAssigned(agency_id=agency_id, reason=reason):
                last = self.placements[-1]
                self.placements[-1] = PlacementLine(agency_id, last.placed_on)
                self.others.append(OtherLine(event.on, "agency_assigned", reason))
            case AgencyDeferred(reason=reason):
                self.placements.pop()
                self.others.append(OtherLine(event.on, "agency_deferred", reason))
            case _:
                self.others += others_of(event)

    def _local(self, at: datetime) -> datetime:
        """Return an instant at the cardholder's place; one without an offset is meant there."""
        here = zone(self.timezone)
        return at.astimezone(here) if at.tzinfo is not None else at.replace(tzinfo=here)

    def _done(self, event: ActionDone | ActionUncertain, at: datetime, number: int) -> None:
        plan = self.plans[event.action_id]
        certain = isinstance(event, ActionDone)
        details = dict(event.details) if isinstance(event, ActionDone) else {}
        match plan.action:
            case "send_sms":
                result, text = "sent" if certain else "uncertain", self.texts.get(event.action_id, "")
                self.contacts.append(ContactLine(at, "sms", "mobile", result, text, plan.reason, number))
            case "queue_call":
                self.contacts.append(ContactLine(at, "call", "", "queued", "", plan.reason, number))
            case "queue_letter":
                self.contacts.append(ContactLine(at, "letter", "", "queued", event.action_id, plan.reason, number))
                kind = details.get("kind", plan.template or "")
                self.letters[event.action_id] = LetterLine(event.action_id, kind, plan.on, details.get("sha256", ""))
            case "place_with_agency":
                self.placements.append(PlacementLine(plan.agency_id or "", event.on))
            case "recall_from_agency":
                self._end_placement(event.on, f"recalled: {plan.reason}")
            case "freeze_account":
                self.others.append(OtherLine(event.on, "account_frozen", plan.reason))
            case _:
                pass

    def _end_placement(self, on: date, why: str, index: int = -1) -> None:
        self.placements[index] = replace(self.placements[index], ended_on=on, end_reason=why)

    def _agency_reported(self, event: AgencyReported) -> None:
        if not self.placements:
            return
        amount = None if event.amount is None else Money(event.amount, self.currency)
        index = self._placement_of(event)
        of = self.placements[index]
        returns = (*of.returns, AgencyReturn(event.on, event.outcome, amount, event.note))
        self.placements[index] = replace(of, returns=returns)
        if event.outcome == "returned" and of.ended_on is None:
            self._end_placement(event.on, "returned", index)

    def _placement_of(self, event: AgencyReported) -> int:
        """Return the place of the agency's own placement that a report tells of: the last one before its date."""
        own = [index for index, each in enumerate(self.placements) if each.agency == event.agency_id]
        begun = [index for index in own if self.placements[index].placed_on <= event.on]
        return (begun or own or [len(self.placements) - 1])[-1]

    def _letter_reported(self, event: LetterReported) -> None:
        known = self.letters.get(event.letter_id)
        if known is None:
            return
        dates = {"dispatched": known.dispatched, "delivered": known.delivered, "returned": known.returned}
        dates[event.status] = event.on
        tracking = event.tracking_number or known.tracking_number
        self.letters[event.letter_id] = LetterLine(
            known.letter_id, known.kind, known.dated, known.sha256, tracking, **dates
        )


def others_of(event: Event) -> Iterator[OtherLine]:
    """Yield what an event says that is no contact, letter or placement, and yet bears on the claim."""
    match event:
        case StageEntered(on=on, reason=reason):
            yield OtherLine(on, "stage_entered", reason)
        case HoldPlaced(hold_id=hold_id, reason=why, on=on):
            yield OtherLine(on, "hold_placed", f"{why} ({hold_id})")
        case HoldLifted(hold_id=hold_id, reason=why, on=on):
            yield OtherLine(on, "hold_lifted", f"{why} ({hold_id})")
        case RecallOrdered(on=on, by=by, why=why):
            yield OtherLine(on, "recall_ordered", f"{by}: {why}")
        case LegalDecided(approved=approved, on=on, by=by, why=why):
            yield OtherLine(on, "legal_approved" if approved else "legal_declined", f"{by}: {why}")
        case ApprovalAsked(step=step, on=on, reason=reason):
            yield OtherLine(on, f"approval_{step}", reason)
        case OperatorListed(on=on, reason=reason):
            yield OtherLine(on, "operator_listed", reason)
        case CourtReported(status=status, on=on, reference=reference):
            yield OtherLine(on, f"court_{status}", reference)
        case _:
            yield from _answers(event)
            yield from _agreements(event)


def _answers(event: Event) -> Iterator[OtherLine]:
    match event:
        case OptedOut(on=on):
            yield OtherLine(on, "opted_out")
        case FreezeAnswered(status=status, on=on):
            yield OtherLine(on, f"freeze_{status}")
        case LetterMailed(letter_id=letter_id, on=on):
            yield OtherLine(on, "letter_mailed", letter_id)
        case LetterWithdrawn(letter_id=letter_id, on=on, reason=reason):
            yield OtherLine(on, "letter_withdrawn", f"{letter_id}: {reason}")
        case _:
            pass


def _agreements(event: Event) -> Iterator[OtherLine]:
    match event:
        case PromiseAccepted(on=on, reason=reason):
            yield OtherLine(on, "promise_accepted", reason)
        case PromiseRefused(on=on, reason=reason):
            yield OtherLine(on, "promise_refused", reason)
        case PromiseEnded(on=on, outcome=outcome, reason=reason):
            yield OtherLine(on, f"promise_{outcome}", reason)
        case PlanAccepted(on=on, reason=reason):
            yield OtherLine(on, "plan_accepted", reason)
        case PlanRefused(on=on, reason=reason):
            yield OtherLine(on, "plan_refused", reason)
        case PlanEnded(on=on, outcome=outcome, reason=reason):
            yield OtherLine(on, f"plan_{outcome}", reason)
        case _:
            pass


def dossier_of(
    known: Known,
    bank: rules.Bank,
    envelopes: Sequence[Envelope],
    *,
    texts: Mapping[str, str],
    exhibits: Sequence[Exhibit],
) -> DossierContent:
    """Return what the dossier says.

    Args:
        known: the case on the date of the filing.
        bank: the claimant.
        envelopes: the case's events, up to the one that planned the filing.
        texts: the messages as they were sent, by action id.
        exhibits: the files in `evidence/`.

    Raises:
        DocumentError: something that it must have is not on file, or the events were changed.
        PermanentDocumentError: likewise.
    """
    story = _Story(known.extract.timezone, texts, currency=known.arrears.currency)
    for envelope in envelopes:
        story.tell(envelope)
    return DossierContent(
        case_id=known.case.case_id,
        account_id=known.case.account_id,
        card_last4=known.profile.card_last4 or UNKNOWN_DIGITS,
        opened_on=known.case.opened_on,
        dated=known.on,
        bank=bank_of(bank),
        law_firm=law_firm_of(bank, known.case.case_id),
        cardholder_name=known.profile.name or "",
        address=address_of(known),
        claim=tuple(claim_lines(known)),
        claimed=known.arrears,
        oldest_due_date=known.oldest_due,
        days_past_due=known.days_past_due,
        statement=tuple(_statement(story.extracts.values())),
        payments=tuple(_payment(payment, known.extract.timezone) for payment in payments_until(known)),
        contacts=tuple(story.contacts),
        letters=tuple(story.letters.values()),
        placements=tuple(story.placements),
        others=tuple(story.others),
        chain=links(envelopes),
        exhibits=tuple(exhibits),
        policy=envelopes[-1].policy,
    )


def claim_lines(known: Known) -> Iterator[ClaimLine]:
    """Yield the claim's arithmetic: what the bank's books showed, less what was paid since."""
    yield ClaimLine("reported", known.extract.as_of, known.extract.past_due)
    for payment in payments_until(known):
        if payment.paid_on > known.extract.as_of:
            taken_off = Money(-payment.amount.amount, payment.amount.currency)
            yield ClaimLine("payment", payment.paid_on, taken_off, payment.payment_id)


def claim_json(content: DossierContent, known: Known) -> bytes:
    """Return `claim.json`: the claim as data, the case and the account at its top."""
    currency = content.claimed.currency
    claim = {
        "case_id": content.case_id,
        "account_id": content.account_id,
        "schema": CLAIM_SCHEMA,
        "filed_on": content.dated.isoformat(),
        "opened_on": content.opened_on.isoformat(),
        "policy": content.policy,
        "currency": currency,
        "claimed": written(content.claimed),
        "claim": [
            {"kind": line.kind, "on": line.on.isoformat(), "amount": written(line.amount), "note": line.note}
            for line in content.claim
        ],
        "oldest_due_date": content.oldest_due_date.isoformat(),
        "days_past_due": content.days_past_due,
        "claimant": {"name": content.bank.name, "address": list(content.bank.address), "phone": content.bank.phone},
        "defendant": {
            "name": content.cardholder_name,
            "address": list(content.address),
            "country": known.profile.country,
            "card_last4": known.profile.card_last4,
        },
        "letters": [
            {
                "letter_id": line.letter_id,
                "kind": line.kind,
                "dated": line.dated.isoformat(),
                "sha256": line.sha256,
                "tracking_number": line.tracking_number or None,
            }
            for line in content.letters
        ],
        "placements": [
            {
                "agency": line.agency,
                "placed_on": line.placed_on.isoformat(),
                "ended_on": line.ended_on.isoformat() if line.ended_on else None,
                "end_reason": line.end_reason,
            }
            for line in content.placements
        ],
        "payments": [
            {
                "payment_id": line.payment_id,
                "on": line.on.isoformat(),
                "currency": line.amount.currency,
                "amount": written(line.amount),
                "source": line.source,
            }
            for line in content.payments
        ],
        "contacts": len(content.contacts),
        "chain": {"events": len(content.chain), "head": content.chain[-1].hash},
    }
    return (json.dumps(claim, ensure_ascii=False, indent=2) + "\n").encode()


def events_jsonl(envelopes: Sequence[Envelope]) -> bytes:
    """Return the case's events as they are stored, one a line, so that anybody can compute the chain again."""
    lines = (
        json.dumps({"body": each.body, "previous": each.previous, "hash": each.hash}, ensure_ascii=False)
        for each in envelopes
    )
    return ("\n".join(lines) + "\n").encode()


def filed_case(envelopes: Sequence[Envelope]) -> Case:
    """Return the case as it was when the filing was planned."""
    case = replay(envelope.event for envelope in envelopes)
    if case is None:
        raise PermanentDocumentError("a case without events")
    return case


def _statement(extracts: Iterable[Extract]) -> Iterator[StatementLine]:
    for extract in sorted(extracts, key=lambda each: each.as_of):
        currency = extract.past_due.currency
        yield StatementLine(
            extract.as_of,
            extract.past_due,
            None if extract.balance is None else Money(extract.balance, currency),
            None if extract.minimum_due is None else Money(extract.minimum_due, currency),
            extract.oldest_due,
        )


def _payment(payment: Payment, timezone: str) -> PaymentLine:
    here = zone(timezone)
    at = payment.paid_at.astimezone(here) if payment.paid_at.tzinfo else payment.paid_at.replace(tzinfo=here)
    return PaymentLine(payment.payment_id, at, payment.paid_on, payment.amount, payment.source)
