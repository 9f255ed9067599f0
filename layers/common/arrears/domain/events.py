"""Everything that can happen to a case. A case is the fold of its events; they are never changed or removed.

Facts come from outside (the bank's files, the mailing house, the agencies); decisions are ours and carry their
reason in terms of the policy, and the policy version they were made under.
"""

from datetime import date, time
from decimal import Decimal
from typing import Literal

from arrears.domain.facts import Account, Call, Extract, HoldReason, Payment, Phone, Plan
from arrears.domain.money import Money
from arrears.domain.policy_parts import Action
from arrears.domain.value import value

LetterStatus = Literal["dispatched", "delivered", "returned"]
FreezeStatus = Literal["frozen", "refused", "lifted"]
AgencyOutcome = Literal["payment", "promise", "uncontactable", "disputed", "returned"]
CourtStatus = Literal["filed", "hearing", "judgment", "settlement", "enforcement", "withdrawn"]
ApprovalStep = Literal["asked", "reminded", "escalated"]
OperatorReason = Literal["placements", "declined", "limitation", "hold_review", "hold_again", "agency_dispute"]
PlanOutcome = Literal["missed", "cancelled", "completed"]


# --- facts -----------------------------------------------------------------------------------------------------------
@value
class ArrearsReported:
    """The bank's extract of the account, which came in on the business date `on`."""

    extract: Extract
    on: date
    type: Literal["ArrearsReported"] = "ArrearsReported"


@value
class PaymentReceived:
    """A payment, reported by the bank or by an agency."""

    payment: Payment
    type: Literal["PaymentReceived"] = "PaymentReceived"


@value
class HoldPlaced:
    """A hold, in force from `on` (rule 11).

    Attributes:
        at: the time of day at the account's place, where it was told.
        until: the date from which it is not in force any more, where that was told with it.
        review_on: when the bank wants it looked at.
    """

    hold_id: str
    reason: HoldReason
    on: date
    at: time | None = None
    until: date | None = None
    review_on: date | None = None
    type: Literal["HoldPlaced"] = "HoldPlaced"


@value
class HoldLifted:
    """A hold lifted; from `on` on it is not in force. `at` is as for `HoldPlaced`."""

    hold_id: str
    reason: HoldReason
    on: date
    at: time | None = None
    type: Literal["HoldLifted"] = "HoldLifted"


@value
class PlanAgreed:
    """An instalment plan that the bank agreed with the cardholder; whether it is kept to is for the policy to say."""

    plan: Plan
    type: Literal["PlanAgreed"] = "PlanAgreed"


@value
class PlanCancelled:
    """An instalment plan that is not in force any more, from `on` on."""

    plan_id: str
    on: date
    type: Literal["PlanCancelled"] = "PlanCancelled"


@value
class CallResult:
    """What came of a call."""

    call: Call
    type: Literal["CallResult"] = "CallResult"


@value
class LetterReported:
    """What the mailing house says of a letter; `letter_id` is the id of the action that queued it."""

    letter_id: str
    status: LetterStatus
    on: date
    tracking_number: str | None = None
    type: Literal["LetterReported"] = "LetterReported"


@value
class SmsReported:
    """A delivery receipt of a text message.

    Attributes:
        final: whether the number cannot take a text at all, so that it is not tried again.
    """

    action_id: str
    status: Literal["delivered", "failed"]
    on: date
    final: bool = False
    reason: str = ""
    type: Literal["SmsReported"] = "SmsReported"


@value
class OptedOut:
    """The cardholder wants no more texts: by the network's list or a reply; the bank's flag is in its extract."""

    on: date
    source: Literal["network", "reply"]
    type: Literal["OptedOut"] = "OptedOut"


@value
class FreezeAnswered:
    """The core banking system's answer to a request to freeze an account; `action_id` is that of the request."""

    action_id: str
    status: FreezeStatus
    on: date
    type: Literal["FreezeAnswered"] = "FreezeAnswered"


@value
class LetterMailed:
    """A letter went into the batch of a date for the mailing house; `letter_id` is the id of its action."""

    letter_id: str
    on: date
    type: Literal["LetterMailed"] = "LetterMailed"


@value
class LetterWithdrawn:
    """A letter was taken out before it went to the mailing house; it counts as not written (rule 4)."""

    letter_id: str
    on: date
    reason: str
    type: Literal["LetterWithdrawn"] = "LetterWithdrawn"


@value
class AgencyReported:
    """What an agency says of a case it has; a payment it took is a `PaymentReceived` beside this."""

    return_id: str
    agency_id: str
    outcome: AgencyOutcome
    on: date
    amount: Decimal | None = None
    note: str = ""
    type: Literal["AgencyReported"] = "AgencyReported"


@value
class CommissionSettled:
    """Whose a payment is, and what the agency gets of it; settled when the payment is booked.

    Attributes:
        return_id: the agency's row, or the id of a payment that the bank received.
        on: the business date on which it was booked; the month of the statement.
        percent: of the payment; zero where nothing is due.
        commission: rounded to the cent, half up.
        received_by: whom it was paid to.
    """

    return_id: str
    agency_id: str
    on: date
    amount: Money
    percent: Decimal
    commission: Money
    reason: str
    received_by: Literal["agency", "bank"] = "agency"
    type: Literal["CommissionSettled"] = "CommissionSettled"


@value
class RecallOrdered:
    """An operator wants a case back from its agency."""

    on: date
    by: str
    why: str
    type: Literal["RecallOrdered"] = "RecallOrdered"


@value
class LegalDecided:
    """A legal officer approves that a case is sued, or declines."""

    approved: bool
    on: date
    by: str
    why: str
    type: Literal["LegalDecided"] = "LegalDecided"


@value
class CourtReported:
    """What the legal department reports of a case that was filed.

    Attributes:
        court_id: names the row.
        reference: the court's number of the case.
        amount: what a judgment or settlement grants.
    """

    court_id: str
    status: CourtStatus
    on: date
    reference: str = ""
    amount: Money | None = None
    note: str = ""
    type: Literal["CourtReported"] = "CourtReported"


# --- decisions -------------------------------------------------------------------------------------------------------
@value
class CaseOpened:
    """A delinquency episode begins; carries the account's facts as known then (rule 1).

    Attributes:
        shadow: whether all of it is decided on and recorded while nothing leaves the bank.
    """

    case_id: str
    account: Account
    on: date
    reason: str
    shadow: bool = False
    type: Literal["CaseOpened"] = "CaseOpened"


@value
class StageEntered:
    """The case went on to a stage (rule 3)."""

    stage: str
    on: date
    reason: str
    type: Literal["StageEntered"] = "StageEntered"


@value
class PromiseAccepted:
    """A promise to pay stands through `until` (rule 12); `owed` are the arrears on the day of the call."""

    call_id: str
    on: date
    until: date
    amount: Decimal | None
    reason: str
    owed: Decimal | None = None
    type: Literal["PromiseAccepted"] = "PromiseAccepted"


@value
class PromiseRefused:
    """A promise that the policy does not accept, and why (rule 12)."""

    call_id: str
    on: date
    reason: str
    type: Literal["PromiseRefused"] = "PromiseRefused"


@value
class PromiseEnded:
    """The date of a promise has passed: kept when the promised amount came in, else broken."""

    call_id: str
    on: date
    outcome: Literal["kept", "broken"]
    reason: str
    type: Literal["PromiseEnded"] = "PromiseEnded"


@value
class PlanAccepted:
    """An instalment plan is kept to from `on`, its date; `owed` are the arrears on that day."""

    plan_id: str
    on: date
    reason: str
    owed: Decimal
    type: Literal["PlanAccepted"] = "PlanAccepted"


@value
class PlanRefused:
    """An instalment plan that the policy does not accept, and why."""

    plan_id: str
    on: date
    reason: str
    type: Literal["PlanRefused"] = "PlanRefused"


@value
class PlanEnded:
    """An instalment plan is over: an instalment was missed, it was cancelled, or all of it is paid."""

    plan_id: str
    on: date
    outcome: PlanOutcome
    reason: str
    type: Literal["PlanEnded"] = "PlanEnded"


@value
class ActionPlanned:
    """An action is about to be carried out. Its id is derived, so that doing it twice can be noticed."""

    action_id: str
    action: Action
    stage: str | None
    step: str
    on: date
    reason: str
    template: str | None = None
    agency_id: str | None = None
    phone: Phone | None = None
    type: Literal["ActionPlanned"] = "ActionPlanned"


@value
class ActionDone:
    """The planned action was carried out.

    Attributes:
        reference: what the other side knows it by: a message id, an object key.
        details: facts for the record, such as the hash of a letter; nothing that identifies a person.
    """

    action_id: str
    on: date
    reference: str = ""
    details: tuple[tuple[str, str], ...] = ()
    type: Literal["ActionDone"] = "ActionDone"


@value
class ActionWithdrawn:
    """The planned action was not carried out, because it is no longer allowed or needed."""

    action_id: str
    on: date
    reason: str
    type: Literal["ActionWithdrawn"] = "ActionWithdrawn"


@value
class ActionUncertain:
    """It cannot be known whether the planned action was carried out; it counts as done and is not repeated."""

    action_id: str
    on: date
    reason: str
    type: Literal["ActionUncertain"] = "ActionUncertain"


@value
class ActionPostponed:
    """The planned action was not carried out and is not tried before a date, such as a text over the month's budget."""

    action_id: str
    action: Action
    on: date
    until: date
    reason: str
    type: Literal["ActionPostponed"] = "ActionPostponed"


@value
class ActionHeld:
    """An action is due and waits, since the bank has stopped what goes out; told once for each time it is stopped."""

    action_id: str
    action: Action
    on: date
    reason: str
    type: Literal["ActionHeld"] = "ActionHeld"


@value
class ActionFailed:
    """The action failed for good and was not carried out; the case is parked until an operator has it tried again."""

    action_id: str
    action: Action
    on: date
    error: str
    type: Literal["ActionFailed"] = "ActionFailed"


@value
class ActionRetried:
    """An operator lets a failed action be tried again."""

    action_id: str
    on: date
    by: str
    type: Literal["ActionRetried"] = "ActionRetried"


@value
class AgencyAssigned:
    """Which agency a placement goes to, and why; decided for all cases of a day at once when the day is closed.

    Attributes:
        action_id: the id of the action that placed the case.
        term_days: how long the agency keeps it.
        days_past_due: the age of the debt, which the commission goes by.
        percent: the commission.
    """

    action_id: str
    agency_id: str
    on: date
    reason: str
    days_past_due: int
    term_days: int | None = None
    percent: Decimal = Decimal(0)
    type: Literal["AgencyAssigned"] = "AgencyAssigned"


@value
class AgencyDeferred:
    """All agencies that could take a case are full; it is offered again on a later date."""

    action_id: str
    on: date
    until: date
    reason: str
    type: Literal["AgencyDeferred"] = "AgencyDeferred"


@value
class ApprovalAsked:
    """A legal officer is asked to approve that a case is sued; reminded, and escalated when it lies too long."""

    step: ApprovalStep
    on: date
    reason: str
    type: Literal["ApprovalAsked"] = "ApprovalAsked"


@value
class OperatorListed:
    """Nothing more goes by itself: the case is on the operator's list, and why."""

    why: OperatorReason
    on: date
    reason: str
    type: Literal["OperatorListed"] = "OperatorListed"


@value
class CaseClosed:
    """The episode is over (rule 8)."""

    on: date
    reason: str
    type: Literal["CaseClosed"] = "CaseClosed"


Event = (
    ArrearsReported
    | PaymentReceived
    | HoldPlaced
    | HoldLifted
    | PlanAgreed
    | PlanCancelled
    | CallResult
    | LetterReported
    | SmsReported
    | OptedOut
    | FreezeAnswered
    | LetterMailed
    | LetterWithdrawn
    | AgencyReported
    | CommissionSettled
    | RecallOrdered
    | LegalDecided
    | CourtReported
    | CaseOpened
    | StageEntered
    | PromiseAccepted
    | PromiseRefused
    | PromiseEnded
    | PlanAccepted
    | PlanRefused
    | PlanEnded
    | ActionPlanned
    | ActionDone
    | ActionWithdrawn
    | ActionUncertain
    | ActionPostponed
    | ActionHeld
    | ActionFailed
    | ActionRetried
    | AgencyAssigned
    | AgencyDeferred
    | ApprovalAsked
    | OperatorListed
    | CaseClosed
)
