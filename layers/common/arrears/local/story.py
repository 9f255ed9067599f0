"""A case's whole story in plain words, for whoever sees Arrears for the first time."""

import re
from collections.abc import Iterator, Sequence
from datetime import date

from arrears.describe import in_words
from arrears.domain.events import (
    ActionDone,
    ActionPlanned,
    AgencyReported,
    ArrearsReported,
    CallResult,
    CaseClosed,
    CaseOpened,
    Event,
    HoldLifted,
    HoldPlaced,
    LetterReported,
    PaymentReceived,
    PlanAccepted,
    PlanAgreed,
    PlanEnded,
    PlanRefused,
    PromiseAccepted,
    PromiseEnded,
    PromiseRefused,
    StageEntered,
)
from arrears.domain.facts import Call
from arrears.domain.money import Money
from arrears.local.diary import is_closed

_STAGES = {
    "reminder": "The account is to be reminded",
    "call": "Customer service is to call",
    "lawyer_letter": "A lawyer is to write",
    "agency": "A collection agency is to take over",
    "legal": "The bank is to sue",
}
_DONE = {
    "send_sms": "A text message goes out",
    "queue_call": "A call is queued",
    "queue_letter": "A lawyer's letter is printed and queued for registered mail",
    "freeze_account": "The core banking system is asked to freeze the account",
    "place_with_agency": "The case is given to the agency",
    "recall_from_agency": "The case is recalled from the agency",
    "file_legal": "The file for court is written: claim, dossier and evidence",
    "withdraw_legal": "The court is told that the claim is withdrawn",
    "withdraw_calls": "Calls that were queued are taken back",
    "lift_freeze": "The core banking system is asked to lift the freeze",
}
_CALLS = {
    "no_answer": "nobody answers",
    "busy": "it is busy",
    "invalid_number": "there is no such number",
    "message_left": "somebody else answers, and is asked to pass on a request to call the bank",
    "right_party": "the cardholder is spoken to",
    "promise": "the cardholder promises to pay",
    "refused": "the cardholder refuses to pay",
    "disputed": "the cardholder disputes the debt",
}


def tell(history: Sequence[Event]) -> Iterator[tuple[date, str]]:
    """Yield what happened in a case, each with its date."""
    plans = {event.action_id: event for event in history if isinstance(event, ActionPlanned)}
    on = date.min
    for event in history:
        if not isinstance(event, ActionPlanned):
            on = max(on, _date_of(event))  # a report may tell of days before
            yield on, _words(event, plans)


def _words(event: Event, plans: dict[str, ActionPlanned]) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each kind
    match event:
        case CaseOpened(reason=reason):
            return f"A case opens: {_plain(reason)}."
        case ArrearsReported(extract=extract):
            return f"The bank reports arrears of {_amount(extract.past_due)}."
        case PaymentReceived(payment=payment):
            return f"{_amount(payment.amount)} are paid ({payment.source})."
        case HoldPlaced(reason=reason):
            return f"A hold is placed: {reason}. Nothing is done while it stands."
        case HoldLifted(reason=reason):
            return f"The hold is lifted: {reason}."
        case PlanAgreed(plan=terms):
            words = f"An instalment plan is agreed: {terms.instalments} of {_amount(terms.amount)}"
            return f"{words} from {terms.first_due} on."
        case PlanAccepted():
            return "The plan is accepted; while it is kept nothing is done but remind of it."
        case PlanRefused(reason=reason):
            return f"The plan is refused: {reason.removeprefix('plan refused: ')}."
        case PlanEnded(outcome=outcome, reason=reason):
            return f"The plan is {outcome}: {reason}."
        case CallResult(call=call):
            return _call(call)
        case LetterReported(status=status, on=on, tracking_number=number):
            return f"The mailing house reports the letter {status} on {on}" + (f" ({number})." if number else ".")
        case AgencyReported(outcome=outcome, note=note):
            return f"The agency reports: {outcome}" + (f" - {note}." if note else ".")
        case StageEntered(stage=stage, reason=reason):
            return f"{_STAGES.get(stage, stage)}: {_plain(reason.removeprefix(f'stage {stage}: '))}."
        case PromiseAccepted(until=until):
            return f"The promise is accepted; until {until} nothing is done."
        case PromiseRefused(reason=reason):
            return f"The promise is refused: {reason.removeprefix('promise refused: ')}."
        case PromiseEnded(outcome=outcome, reason=reason):
            return f"The promise is {outcome}: {reason}."
        case ActionDone(action_id=action_id):
            plan = plans[action_id]
            return f"{_DONE[plan.action]} ({plan.reason.removeprefix(f'stage {plan.stage}: {plan.action} ')})."
        case CaseClosed(reason=reason):
            return f"The case is closed, {reason}. Nothing more goes out."
        case _:
            return f"{in_words(event)}."


def _call(call: Call) -> str:
    words = f"The {call.phone or 'cardholder'} number is called: {_CALLS[call.result]}"
    if call.promised_on is not None:
        amount = f"{call.promised_amount:,.2f} " if call.promised_amount is not None else ""
        words += f", {amount}by {call.promised_on}"
    return f"{words}."


def _plain(reason: str) -> str:
    return re.sub(r"\b1 DPD", "1 day past due", reason).replace("DPD", "days past due")


def _amount(money: Money) -> str:
    return f"{money.currency} {money.amount:,.2f}"


def _date_of(event: Event) -> date:
    match event:
        case PaymentReceived(payment=payment):
            return payment.paid_on
        case CallResult(call=call):
            return call.called_on
        case PlanAgreed(plan=plan):
            return plan.agreed_on
        case _:
            return event.on


def most_told(histories: dict[str, list[Event]]) -> str:
    """The case that shows the most: the one with the most kinds of events, a cured one before one that is open."""

    def kinds(case_id: str) -> tuple[int, bool, str]:
        history = histories[case_id]
        kinds = {event.action if isinstance(event, ActionPlanned) else type(event).__name__ for event in history}
        return len(kinds), is_closed(history), case_id

    return max(histories, key=kinds)
