"""Why something was done for a case on a date, or was not: `arrears case explain`, to be read aloud.

What is told is decided by the same code that runs the cases: the decision of the date is made again from the events
known by then, and what comes next is played ahead. So the explanation cannot differ from what the stack does.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from textwrap import wrap
from typing import cast

from arrears.describe import in_words
from arrears.domain.ahead import play_ahead
from arrears.domain.case import Case
from arrears.domain.contact import cannot_be_contacted, must_wait
from arrears.domain.dates import next_monthly_date
from arrears.domain.decide import Act, Close, Wait, stands_still
from arrears.domain.events import ActionDone, ActionPlanned, CaseClosed, Event, StageEntered
from arrears.domain.holds import holds_in_force
from arrears.domain.moment import Moment
from arrears.domain.plans import next_instalment
from arrears.domain.policy import Policy
from arrears.domain.policy_parts import Action
from arrears.domain.stages import Condition, stage_conditions
from arrears.domain.steps import freezes_on, step_due_on, steps_of
from arrears.domain.turn import take_turn
from arrears.explain_words import WIDTH, section

#: How far ahead the next step is looked for.
_AHEAD = timedelta(days=400)
#: So many payments are told, the last ones.
_MOST_PAYMENTS = 3
_ACTIONS: dict[Action, str] = {
    "send_sms": "text message",
    "queue_call": "call",
    "queue_letter": "letter",
    "freeze_account": "freeze of the account",
    "place_with_agency": "placement with an agency",
    "recall_from_agency": "recall from the agency",
    "file_legal": "filing for court",
    "withdraw_legal": "withdrawal from court",
    "withdraw_calls": "withdrawal of queued calls",
    "lift_freeze": "lifting of the freeze",
}
_CODES = re.compile(rf"\b({'|'.join(_ACTIONS)})\b")
#: A date in a sentence: one in the key of an object or the name of a file stays.
_DATES = re.compile(r"(?<![\w.=/-])\d{4}-\d{2}-\d{2}(?![\w/-]|\.\w)")


@dataclass(frozen=True)
class Happened:
    """An event of the date.

    Attributes:
        policy: name and version of the policy it was decided under; empty for a fact.
    """

    event: Event
    policy: str = ""


@dataclass(frozen=True)
class Told:
    """What is explained.

    Attributes:
        case: as it stood when the date was over, or stands now: the fold of the events known by then.
        policy: that counted for the case on the date.
        now: the date, and the time of day where it is today's.
        happened: the events that were recorded on the date.
        stage_reason: why the case entered the stage that it is in.
        later: a policy that counts from a later date, its label and that date.
        stopped: why nothing goes out, whatever is due; empty where it may.
        note: what is uncertain about the explanation.
    """

    case: Case
    policy: Policy
    now: Moment
    happened: Sequence[Happened] = ()
    stage_reason: str = ""
    later: tuple[str, date] | None = None
    stopped: str = ""
    note: str = ""


def explain_case(told: Told) -> Iterator[str]:
    """Yield the lines of the explanation."""
    case, on = told.case, told.now.on
    yield f"Account {case.account_id} on {_day(on)}, case {case.case_id}, policy {told.policy.label}"
    if told.note:
        yield from wrap(f"Note: {told.note}", WIDTH)
    yield from _section("What was known", _known(told))
    yield from _section("What was decided on this date, and why", _decided(told))
    if case.is_open:
        yield from _section("Why not the next stage yet", _stages(case, told.policy, on))
        yield from _section("The steps of the stage", _steps(case, told.policy, told.now))
        yield from _section("What comes next", _next(told))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield from section(title, map(_aloud, lines), hanging=2)


def _aloud(line: str) -> str:
    """Return a line with actions and dates as people say them; ids stay as they are."""
    line = _CODES.sub(lambda code: _ACTIONS[cast("Action", code[0])], line)
    return _DATES.sub(lambda found: _day(date.fromisoformat(found[0])), line)


def _day(on: date) -> str:
    return f"{on.day} {on:%B %Y}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# --- the facts -------------------------------------------------------------------------------------------------------
def _known(told: Told) -> Iterator[str]:
    case, policy, on = told.case, told.policy, told.now.on
    account, arrears, days = case.account, case.arrears(on), case.account.days_past_due(on)
    extract = account.extract(on)
    due = None if extract is None else extract.oldest_due
    since = f", unpaid since {_day(due)}: {_count(days, 'day')} past due" if due is not None and days else ""
    yield f"{arrears.amount:,} {arrears.currency} were owed{since}."
    tolerance = policy.tolerance(arrears.currency)
    if arrears.amount <= tolerance:
        yield f"That is within the tolerance of {tolerance:,}: it counts as paid."
    stage = f"in stage {case.stage} since {_day(case.stage_entered_on)}" if case.stage_entered_on else "in no stage yet"
    why = f": {told.stage_reason}" if told.stage_reason else ""
    yield f"The case opened on {_day(case.opened_on)} and is {stage}{why}."
    paid = [payment for payment in case.payments if payment.paid_on <= on]
    if len(paid) > _MOST_PAYMENTS:
        yield f"{len(paid)} payments came in since it opened; the last {_MOST_PAYMENTS}:"
    for payment in paid[-_MOST_PAYMENTS:]:
        yield f"{payment.amount.amount:,} {payment.amount.currency} were paid on {_day(payment.paid_on)}."
    if not paid:
        yield "Nothing was paid since it opened."
    standing = [f"{hold.reason} hold since {_day(hold.since)}" for hold in holds_in_force(case, policy, on)]
    yield f"On hold: {', '.join(standing)}." if standing else "The account was on no hold."
    yield from _plan(case, policy, on)
    promise = case.standing_promise(on)
    if promise is not None:
        yield f"A promise to pay stands through {_day(promise.until)}."
    broken = sum(each.outcome == "broken" for each in case.promises)
    if broken:
        yield f"{_count(broken, 'promise')} to pay {'was' if broken == 1 else 'were'} broken."
    yield from _reachable(case, policy, on)


def _plan(case: Case, policy: Policy, on: date) -> Iterator[str]:
    plan, following = case.standing_plan(on), next_instalment(case, policy, on)
    if plan is not None:
        amount = plan.plan.amount
        what = f"{plan.plan.instalments} instalments of {amount.amount:,} {amount.currency}"
        after = f"; the next is due on {_day(following[0])}" if following is not None else ""
        yield f"An instalment plan of {_day(plan.plan.agreed_on)} is kept: {what}{after}."
    for each in case.plans:
        if each.outcome == "missed" and each.ended_on is not None:
            yield f"An instalment plan of {_day(each.plan.agreed_on)} was missed on {_day(each.ended_on)}."


def _reachable(case: Case, policy: Policy, on: date) -> Iterator[str]:
    extract = case.account.extract(on)
    if extract is not None:
        numbers = f"numbers on file: {', '.join(extract.phones)}" if extract.phones else "no number is on file"
        yield f"Risk grade: {extract.risk_grade or 'none, taken as medium'}; {numbers}."
    ways: tuple[tuple[Action, str], ...] = (("send_sms", "text"), ("queue_call", "call"), ("queue_letter", "letter"))
    for action, way in ways:
        why_not = cannot_be_contacted(case, policy, action, on)
        if why_not:
            yield f"No {way} can reach the cardholder: {why_not}."
    if case.placement is not None:
        agency = case.placement.agency_id or "one that the day's allocation names"
        yield f"The case is with an agency, {agency}, since {_day(case.placement.placed_on)}."


# --- the decision ----------------------------------------------------------------------------------------------------
def _decided(told: Told) -> Iterator[str]:
    for happened in told.happened:
        by = f" [{happened.policy}]" if happened.policy else ""
        yield f"- {in_words(happened.event)}{by}"
    case, on = told.case, told.now.on
    if not case.is_open:
        if case.closed_on is not None and case.closed_on < on:
            yield f"The case closed on {_day(case.closed_on)}: {case.closed_reason}. Nobody is contacted for it."
        return
    _, events, decision = take_turn(case, told.policy, told.now)
    for event in events:
        yield f"- due now: {in_words(event)}"
    if isinstance(decision, Act):
        yield f"- due now: {_ACTIONS[decision.action]}, since {decision.reason}"
    elif isinstance(decision, Close):
        yield f"- due now: the case closes, {decision.reason}"
    else:
        contacted = any(isinstance(each.event, ActionDone) for each in told.happened)
        yield f"{'Nothing more' if contacted else 'Nothing'} was to be done: {_reason(told, decision)}."
    if told.stopped:
        yield f"Whatever is due waits: {told.stopped}."
    if case.shadow:
        yield "The case is in shadow: all is decided and recorded, and nothing of it leaves the bank."


def _reason(told: Told, wait: Wait) -> str:
    why = stands_still(told.case, told.policy, told.now.on)
    return why if why is not None and why not in wait.reason else wait.reason


# --- the stages ------------------------------------------------------------------------------------------------------
def _stages(case: Case, policy: Policy, on: date) -> Iterator[str]:
    later = policy.stages_after(case.stage)
    if not later:
        yield "It is in the last stage of the policy."
        return
    still = stands_still(case, policy, on)
    if still is not None:
        yield f"No stage is entered now, whatever the dates: {still}."
    for name in later:
        asked = stage_conditions(case, policy, name, on)
        yield f"{name}: {_verdict(asked, on)}"
        for condition in asked:
            yield f"    {_condition(condition, on)}"


def _verdict(asked: Sequence[Condition], on: date) -> str:
    missing = [condition for condition in asked if not condition.holds]
    if not missing:
        return "all that it asks for holds"
    dates = [condition.since for condition in missing if condition.since is not None]
    if len(dates) == len(missing):
        return f"not before {_day(max(dates))}, {_count((max(dates) - on).days, 'day')} from this date"
    return "something that it asks for is missing, and no date leads to it by what is known"


def _condition(condition: Condition, on: date) -> str:
    if condition.holds:
        since = f" since {_day(condition.since)}" if condition.since is not None and condition.since != date.min else ""
        return f"yes: {condition.what}{since}"
    if condition.since is not None:
        return f"no: {condition.what}, only on {_day(condition.since)} ({_count((condition.since - on).days, 'day')})"
    return f"no: {condition.what}: not by what is known"


# --- the steps -------------------------------------------------------------------------------------------------------
def _steps(case: Case, policy: Policy, now: Moment) -> Iterator[str]:
    stage = policy.stage(case.stage)
    if stage is None:
        if case.stage is not None:
            yield f"The policy has no stage {case.stage}: the case stays in it without steps."
        return
    taken = {index for index, _ in steps_of(case, policy, now.on)}
    for index, step in enumerate(stage.steps):
        what = _ACTIONS[step.action] + (f' "{step.template}"' if step.template else "")
        if index not in taken:
            yield f"{what}: only for {' and '.join(step.risk_grades)} risk, which this account is not"
            continue
        done = [each for each in case.steps_done(f"{case.stage}.{index}") if each.counts]
        times = f"{len(done)} of {step.at_most} done" if step.at_most else f"done {_count(len(done), 'time')}"
        last = f", the last on {_day(done[-1].on)}" if done else ""
        yield f"{what}: {times}{last}{_when(case, policy, index, now)}"
    yield from _across(case, policy, now.on)


def _across(case: Case, policy: Policy, on: date) -> Iterator[str]:
    """Yield what goes on in whatever stage: the monthly reminder and the freeze."""
    reminder = policy.monthly_reminder
    if reminder is not None and case.stage in reminder.stages:
        why = cannot_be_contacted(case, policy, "send_sms", on)
        but = f", but {why}" if why else ", unless another text goes out on that date"
        yield f"monthly reminder: the next is due on {_day(next_monthly_date(on, reminder.day))}{but}"
    freeze = policy.freeze
    amount = None if freeze is None else freeze.arrears_over.get(case.arrears(on).currency)
    if freeze is None or amount is None:
        return
    asked = next((done for done in case.done if done.action == "freeze_account"), None)
    due = freezes_on(case, policy, on)
    if asked is not None:
        answer = f"the core banking system says: {case.freeze}" if case.freeze else "no answer to it yet"
        yield f"freeze of the account: asked for on {_day(asked.on)}, {answer}"
    elif due is not None:
        yield f"freeze of the account: due on {_day(due)}"
    elif case.arrears(on).amount <= amount:
        yield f"freeze of the account: not while no more than {amount:,} is owed"
    else:
        yield f"freeze of the account: only after {_count(freeze.after_collections, 'collection')} on earlier dates"


def _when(case: Case, policy: Policy, index: int, now: Moment) -> str:
    stage = policy.stage(case.stage)
    if stage is None:
        return ""
    step = stage.steps[index]
    due_on = step_due_on(case, policy, index, step, now.on)
    if due_on is None:
        return "; no more of it in this stage"
    every = f", {_count(step.every_days, 'day')} after the one before" if step.every_days and due_on > now.on else ""
    why = cannot_be_contacted(case, policy, step.action, now.on)
    later = None if why else must_wait(case, policy, step.action, Moment(due_on) if due_on > now.on else now)
    if later is not None:
        hour = f" at {later.moment.at:%H:%M}" if later.moment.at else ""
        why = f"{later.reason}; not before {_day(later.moment.on)}{hour}"
    return f"; the next is due on {_day(due_on)}{every}{f', but {why}' if why else ''}"


# --- what comes next -------------------------------------------------------------------------------------------------
def _next(told: Told) -> Iterator[str]:
    case, policy, on = told.case, told.policy, told.now.on
    found = _first_action(case, policy, on)
    if found is None:
        yield f"By what is known nothing more is done for this case before {_day(on + _AHEAD)}, unless there is news."
    else:
        day, planned, entered = found
        stage = f" in stage {entered}" if entered else ""
        template = f' "{planned.template}"' if planned.template else ""
        what = f"{_ACTIONS[planned.action]}{template}{stage}"
        reason = planned.reason.removeprefix(f"stage {planned.stage}: ")
        yield f"{'Still on this date' if day == on else f'On {_day(day)}'}: {what}; {reason}."
    _, _, decision = take_turn(case, policy, told.now)
    if isinstance(decision, Wait):
        when = "only when there is news" if decision.until is None else f"again on {_day(decision.until.on)}"
        why = "" if decision.reason.startswith("nothing") else f": {decision.reason}"
        yield f"The case is looked at {when}, and at once when there is news (a payment, a hold, a call){why}."
    if told.later is not None:
        label, since = told.later
        yield f"From {_day(since)} the policy {label} counts for this case."


def _first_action(case: Case, policy: Policy, on: date) -> tuple[date, ActionPlanned, str | None] | None:
    """Return the first action that follows if there is no news, its date, and the stage entered before it."""
    entered = None
    for day, event in play_ahead(case, policy, on, on + _AHEAD):
        if isinstance(event, StageEntered):
            entered = event.stage
        elif isinstance(event, ActionPlanned):
            return day, event, entered
        elif isinstance(event, CaseClosed):
            return None
    return None
