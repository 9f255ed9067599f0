"""What is to be done with a case now, and why: the only place where that is decided.

`decide` looks at a case, the policy and a moment, in the order of a business date: a cured case closes (its recall
first), a placement under a hold or over its term is recalled, promises are settled, the stage is found, its steps
are done, then the monthly reminder and the freeze. What is left is to wait for the next date on which anything can
change by itself; news changes it sooner.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from arrears.domain.case import Case, Placement, Promise
from arrears.domain.dates import ONE_DAY, add_months, next_monthly_date
from arrears.domain.events import (
    ActionPlanned,
    ActionUncertain,
    ActionWithdrawn,
    CaseOpened,
    PromiseAccepted,
    PromiseEnded,
    PromiseRefused,
    StageEntered,
)
from arrears.domain.facts import Account
from arrears.domain.moment import Moment
from arrears.domain.policy import COLLECTIONS, CONTACTS_WITH_HOURS, Action, Policy, Requirement, Stage, Step
from arrears.domain.value import value


@value
class Act:
    """Carry out one action.

    Attributes:
        action_id: derived from case, stage, step and number; the same action always has the same id.
        step: the part of the id that names the step; what was done for it is counted by it.
    """

    action: Action
    stage: str | None
    step: str
    action_id: str
    reason: str
    template: str | None = None
    agency_id: str | None = None


@value
class Record:
    """Something follows and is recorded: a stage is entered, a promise settled, an unfinished action given up."""

    event: StageEntered | PromiseAccepted | PromiseRefused | PromiseEnded | ActionUncertain | ActionWithdrawn


@value
class Wait:
    """Nothing is to be done until a moment at the account's place, unless news comes in.

    Attributes:
        until: the moment; None where only news can change anything.
    """

    until: Moment | None
    reason: str


@value
class Close:
    """The case is over."""

    reason: str


Decision = Act | Record | Wait | Close


def case_id_of(account_id: str, opened_on: date) -> str:
    """Return the case id: the account and the date on which the case opened."""
    return f"{account_id}-{opened_on:%Y%m%d}"


def account_of(case_id: str) -> str:
    """Return the account that a case id, or the id of one of its actions, belongs to."""
    return case_id.split(".", 1)[0][:-9]


# --- opening ---------------------------------------------------------------------------------------------------------
def opening_reason(account: Account, policy: Policy, on: date) -> str | None:
    """Return why a case opens on a date, or None when it does not (rule 1)."""
    arrears, days = account.arrears(on), account.days_past_due(on)
    if arrears is None or days is None or days < 1 or arrears.amount <= policy.tolerance(arrears.currency):
        return None
    return f"{arrears} past due, {days} DPD on {on}"


def opens_on(account: Account, policy: Policy, since: date) -> date | None:
    """Return the first date from `since` on which a case could open by what is known, or None (rule 1)."""
    changes = sorted({since, *(day for day in account.fact_dates() if day > since)})
    for index, start in enumerate(changes):
        extract = account.extract(start)
        if extract is None or extract.oldest_due is None:
            continue
        first = max(start, extract.oldest_due + ONE_DAY)
        if index + 1 < len(changes) and first >= changes[index + 1]:
            continue
        if opening_reason(account, policy, first) is not None:
            return first
    return None


def open_case(account: Account, policy: Policy, on: date) -> CaseOpened | None:
    """Return the opening of a case on a date, or None when none is due (rule 1)."""
    reason = opening_reason(account, policy, on)
    if reason is None:
        return None
    return CaseOpened(case_id_of(account.account_id, on), account.pruned(on), on, reason)


# --- the decision ----------------------------------------------------------------------------------------------------
def decide(case: Case, policy: Policy, now: Moment) -> Decision:  # noqa: PLR0911 - one return for each rule, in order
    """Return what is to be done with an open case at a moment.

    A `Record` is to be recorded and the case decided again; an `Act` carried out; `Wait` and `Close` end the turn.
    """
    on = now.on
    for rule in (_cured, _held, _term_over):
        decision = rule(case, policy, on)
        if decision is not None:
            return decision
    if case.failed is not None:
        return _parked(case, on)
    if case.pending is not None:
        return _unfinished(case.pending, on, "")
    settled = _settle_promises(case, policy, on)
    if settled is not None:
        return settled
    promise = case.standing_promise(on)
    if promise is not None:
        return Wait(_next_date(case, policy, on, promise), f"a promise to pay stands through {promise.until} (rule 12)")
    entered = _next_stage(case, policy, on)
    if entered is not None:
        return Record(entered)
    blocked = ""
    for act in _due(case, policy, on):
        why_not = cannot_be_contacted(case, act.action, on)
        if why_not:
            blocked = f"{act.action} is due but {why_not}"
        elif act.action in CONTACTS_WITH_HOURS and not policy.within_hours(now.at):
            opening = policy.opening_of_hours()
            day = on if now.at is not None and now.at < opening else on + ONE_DAY
            return Wait(Moment(day, opening), f"{act.action} is due and waits for the contact hours")
        else:
            return act
    until = _next_date(case, policy, on, None)
    return Wait(until, blocked or (f"nothing is due before {until.on}" if until else "nothing more is due"))


def _cured(case: Case, policy: Policy, on: date) -> Decision | None:
    arrears = case.arrears(on)
    tolerance = policy.tolerance(arrears.currency)
    if arrears.amount > tolerance:
        return None
    reason = f"cured: arrears {arrears} are within the tolerance of {tolerance} (rule 8)"
    if case.pending is not None:
        return _unfinished(case.pending, on, "the arrears were paid")
    if case.placement is not None:
        return _recall(case, case.placement, "cured", on, reason)
    return Close(reason)


def _held(case: Case, _policy: Policy, on: date) -> Decision | None:
    hold = case.account.hold(on)
    if hold is None:
        return None
    reason = f"{hold.reason} hold since {hold.since(on)} (rule 11)"
    if case.pending is not None:
        return _unfinished(case.pending, on, f"a {reason} came in")
    if case.placement is not None:
        return _recall(case, case.placement, "hold", on, reason)
    return Wait(_next_fact(case, on), reason)


def _term_over(case: Case, policy: Policy, on: date) -> Decision | None:
    placement = case.placement
    if placement is None or case.pending is not None:
        return None
    term_end = policy.term_end(placement.placed_on)
    if term_end is None or on < term_end:
        return None
    reason = f"the term of the placement of {placement.placed_on} is over on {term_end} (rule 6)"
    return _recall(case, placement, "term", on, reason)


def _recall(case: Case, placement: Placement, why: str, on: date, reason: str) -> Act | Wait:
    if case.failed is not None and case.failed.action == "recall_from_agency":
        return _parked(case, on)
    action_id = f"{placement.action_id}.recall"
    return Act("recall_from_agency", case.stage, why, action_id, reason, agency_id=placement.agency_id)


def _parked(case: Case, on: date) -> Wait:
    failed = case.failed
    what = f"{failed.action} failed on {failed.on}" if failed is not None else ""
    return Wait(_next_fact(case, on), f"parked: {what} and waits for an operator")


def _unfinished(planned: ActionPlanned, on: date, why_not: str) -> Act | Record:
    """Bring an action to an end that was planned and whose outcome was not recorded: its function died.

    What can be repeated without doing it twice is carried out again, unless it is no longer allowed (`why_not`). An
    SMS cannot: it may have gone out, so it counts and is not sent again. A placement is recorded in one transaction
    with its outcome, so one without an outcome was not made.
    """
    if planned.action == "recall_from_agency" or (not why_not and planned.action != "send_sms"):
        return Act(
            planned.action,
            planned.stage,
            planned.step,
            planned.action_id,
            planned.reason,
            planned.template,
            planned.agency_id,
        )
    if planned.action == "place_with_agency":
        return Record(ActionWithdrawn(planned.action_id, on, f"not placed: {why_not}"))
    why = why_not or "the outcome of the attempt is not known"
    return Record(ActionUncertain(planned.action_id, on, f"may have been carried out: {why}"))


def cannot_be_contacted(case: Case, action: Action, on: date) -> str:
    """Return why the cardholder cannot be reached this way, or an empty text."""
    extract = case.account.extract(on)
    if extract is None:
        return ""
    if action == "send_sms":
        if extract.sms_opt_out:
            return "the cardholder has opted out of SMS"
        if "mobile" not in extract.phones:
            return "there is no mobile number on file"
    if action == "queue_call" and not extract.phones:
        return "there is no phone number on file"
    if action == "queue_letter" and not extract.mailable:
        return "there is no billing address on file"
    return ""


# --- promises --------------------------------------------------------------------------------------------------------
def _settle_promises(case: Case, policy: Policy, on: date) -> Record | None:
    for call in case.calls:
        if call.result != "promise" or call.called_on > on or call.call_id in case.settled_calls:
            continue
        window = policy.promise_window_days(case.stage, case.conversations_before(call))
        if call.promised_on is None:
            refusal = "no date was promised"
        elif window is None:
            refusal = "the policy names no promise windows"
        elif call.promised_on < call.called_on:
            refusal = f"{call.promised_on} is before the call of {call.called_on}"
        elif call.promised_on > call.called_on + timedelta(days=window):
            refusal = f"{call.promised_on} is more than {window} days after the call of {call.called_on}"
        else:
            reason = f"promised for {call.promised_on}, within {window} days of the call of {call.called_on} (rule 12)"
            accepted = PromiseAccepted(call.call_id, call.called_on, call.promised_on, call.promised_amount, reason)
            return Record(accepted)
        return Record(PromiseRefused(call.call_id, on, f"promise refused: {refusal} (rule 12)"))
    for promise in case.promises:
        if promise.outcome == "standing" and on > promise.until:
            return Record(_promise_ended(case, promise, on))
    return None


def _promise_ended(case: Case, promise: Promise, on: date) -> PromiseEnded:
    paid = sum(payment.amount.amount for payment in case.payments if promise.on <= payment.paid_on <= promise.until)
    if promise.amount is not None and paid >= promise.amount:
        return PromiseEnded(promise.call_id, on, "kept", f"{paid} paid by {promise.until}, {promise.amount} promised")
    return PromiseEnded(promise.call_id, on, "broken", f"unpaid on the day after {promise.until} (rule 12)")


# --- stages ----------------------------------------------------------------------------------------------------------
def _next_stage(case: Case, policy: Policy, on: date) -> StageEntered | None:
    """Return the furthest stage beyond the current one that can be entered on a date (rule 3)."""
    for name in reversed(policy.stages_after(case.stage)):
        stage = policy.stages[name]
        starts_on = _stage_starts_on(case, policy, stage, on)
        if starts_on is not None and starts_on <= on and _minimum_reached(case, stage, on):
            return StageEntered(name, on, f"stage {name}: {_threshold_in_words(case, policy, stage, on)}")
    return None


def _stage_starts_on(case: Case, policy: Policy, stage: Stage, on: date) -> date | None:
    """Return the first date on which threshold and requirements hold, by what is known on a date; None for never."""
    threshold = stage.from_
    dates: list[date | None] = []
    if threshold.days_past_due is not None or threshold.months_past_due is not None:
        extract = case.account.extract(on)
        if extract is None or extract.oldest_due is None:
            return None
        if threshold.days_past_due is not None:
            dates.append(extract.oldest_due + timedelta(days=threshold.days_past_due))
        if threshold.months_past_due is not None:
            dates.append(add_months(extract.oldest_due, threshold.months_past_due) + ONE_DAY)
    if threshold.agency is not None:
        dates.append(case.agency_fails_on(policy.term_days))
    dates += [_required_from(case, requirement) for requirement in stage.requires]
    known = [day for day in dates if day is not None]
    return max(known) if len(known) == len(dates) else None


def _required_from(case: Case, requirement: Requirement) -> date | None:
    """Return the date from which a requirement is met (rule 5); None while the action has not been done.

    The stage is found once a date, before its steps: what is done on a date counts from the next one on.
    """
    if requirement.counts_from == "done":
        first = min((done.on for done in case.done if done.action == requirement.action), default=None)
    else:
        letters = {done.action_id for done in case.done if done.action == requirement.action}
        first = min(
            (
                report.on
                for report in case.letters
                if report.letter_id in letters and report.status in (requirement.counts_from, "delivered")
            ),
            default=None,
        )
    return None if first is None else first + timedelta(days=max(requirement.at_least_days_ago, 1))


def _minimum_reached(case: Case, stage: Stage, on: date) -> bool:
    if not stage.minimum_arrears:
        return True
    arrears = case.arrears(on)
    minimum = stage.minimum_arrears.get(arrears.currency)
    return minimum is None or arrears.amount >= minimum


def _threshold_in_words(case: Case, policy: Policy, stage: Stage, on: date) -> str:
    threshold, words = stage.from_, []
    extract = case.account.extract(on)
    if extract is not None and extract.oldest_due is not None:
        if threshold.days_past_due is not None:
            reached = extract.oldest_due + timedelta(days=threshold.days_past_due)
            words.append(f"{threshold.days_past_due} DPD reached on {reached}")
        if threshold.months_past_due is not None:
            reached = add_months(extract.oldest_due, threshold.months_past_due) + ONE_DAY
            words.append(f"more than {threshold.months_past_due} months past due since {reached}")
    if threshold.agency is not None:
        words.append(f"the agency failed on {case.agency_fails_on(policy.term_days)}")
    words += [f"{need.action} done at least {need.at_least_days_ago} days before {on}" for need in stage.requires]
    minimum = stage.minimum_arrears.get(case.arrears(on).currency)
    if minimum is not None:
        words.append(f"arrears {case.arrears(on)} reach the minimum of {minimum}")
    return "; ".join(words)


# --- steps -----------------------------------------------------------------------------------------------------------
def _due(case: Case, policy: Policy, on: date) -> Iterator[Act]:
    """Yield what is due on a date, in the order in which it is done: steps, monthly reminder, freeze."""
    sms_due = False
    for index, step in enumerate(_steps(case, policy)):
        due_on = _step_due_on(case, index, step)
        if due_on is not None and due_on <= on:
            sms_due = sms_due or step.action == "send_sms"
            yield _step_act(case, policy, index, step, due_on)
    monthly = _monthly_act(case, policy, on)
    if monthly and not sms_due and not any(done.action == "send_sms" and done.on == on for done in case.done):
        yield monthly
    freeze_on = _freezes_on(case, policy, on)
    if freeze_on is not None and freeze_on <= on:
        yield _freeze_act(case, policy, on)


def _steps(case: Case, policy: Policy) -> tuple[Step, ...]:
    return policy.stages[case.stage].steps if case.stage is not None else ()


def _step_name(case: Case, index: int) -> str:
    return f"{case.stage}.{index}"


def _forgiven(case: Case) -> set[str]:
    """Return the placements that a hold ended: they are due again (rule 11)."""
    return {placement.action_id for placement in case.placements if placement.ended == "hold"}


def _step_due_on(case: Case, index: int, step: Step) -> date | None:
    """Return the date on which a step of the current stage is due next (rule 4); None when it is exhausted."""
    done = case.steps_done(_step_name(case, index))
    if step.action == "place_with_agency":
        forgiven = _forgiven(case)
        done = [placed for placed in done if placed.action_id not in forgiven]
        if case.placement is not None:
            return None
    if not done:
        return case.stage_entered_on
    if step.every_days is None or (step.at_most is not None and len(done) >= step.at_most):
        return None
    return done[-1].on + timedelta(days=step.every_days)


def _step_act(case: Case, policy: Policy, index: int, step: Step, due_on: date) -> Act:
    name = _step_name(case, index)
    number = len(case.steps_done(name)) + 1
    limit = f" of {step.at_most}" if step.at_most is not None else ""
    agency_id = policy.agency_id if step.action == "place_with_agency" else None
    return Act(
        step.action,
        case.stage,
        name,
        f"{case.case_id}.{name}.{number}",
        f"stage {case.stage}: {step.action} {number}{limit}, due {due_on}",
        step.template,
        agency_id,
    )


def _monthly_act(case: Case, policy: Policy, on: date) -> Act | None:
    reminder = policy.monthly_reminder
    if reminder is None or case.stage not in reminder.stages or next_monthly_date(on - ONE_DAY, reminder.day) != on:
        return None
    action_id = f"{case.case_id}.monthly.{on:%Y%m}"
    reason = f"monthly reminder on day {reminder.day} (rule 7)"
    return Act("send_sms", case.stage, "monthly", action_id, reason, reminder.template)


def _freezes_on(case: Case, policy: Policy, on: date) -> date | None:
    """Return the date from which the account is to be frozen by what was done so far (rule 13); None for not yet."""
    freeze = policy.freeze
    if freeze is None:
        return None
    arrears = case.arrears(on)
    amount = freeze.arrears_over.get(arrears.currency)
    if amount is None or arrears.amount <= amount or any(done.action == "freeze_account" for done in case.done):
        return None
    counted, last = 0, date.min
    for done in case.done:
        if counted == freeze.after_collections:
            break
        if done.action in COLLECTIONS and (counted == 0 or done.on >= last + timedelta(days=freeze.apart_days)):
            counted, last = counted + 1, done.on
    if counted < freeze.after_collections:
        return None
    return on if counted == 0 else last + ONE_DAY


def _freeze_act(case: Case, policy: Policy, on: date) -> Act:
    freeze = policy.freeze
    collections = freeze.after_collections if freeze is not None else 0
    reason = f"arrears {case.arrears(on)} exceed the freeze threshold after {collections} collections (rule 13)"
    return Act("freeze_account", case.stage, "freeze", f"{case.case_id}.freeze", reason)


# --- when anything can change next -----------------------------------------------------------------------------------
def _next_fact(case: Case, on: date) -> Moment | None:
    dates = [day for day in case.account.fact_dates() if day > on]
    dates += [call.called_on for call in case.calls if call.called_on > on]
    return Moment(min(dates)) if dates else None


def _next_date(case: Case, policy: Policy, on: date, promise: Promise | None) -> Moment | None:
    """Return the first later date on which, without news, something can change."""
    dates: list[date | None] = []
    fact = _next_fact(case, on)
    dates.append(fact.on if fact is not None else None)
    if case.placement is not None:
        dates.append(policy.term_end(case.placement.placed_on))
    dates += [standing.until + ONE_DAY for standing in case.promises if standing.outcome == "standing"]
    if promise is None:
        for name in policy.stages_after(case.stage):
            if _minimum_reached(case, policy.stages[name], on):
                dates.append(_stage_starts_on(case, policy, policy.stages[name], on))
        for index, step in enumerate(_steps(case, policy)):
            if not cannot_be_contacted(case, step.action, on):
                dates.append(_step_due_on(case, index, step))
        reminder = policy.monthly_reminder
        if reminder and case.stage in reminder.stages and not cannot_be_contacted(case, "send_sms", on):
            dates.append(next_monthly_date(on, reminder.day))
        dates.append(_freezes_on(case, policy, on))
    later = [day for day in dates if day is not None and day > on]
    if not later:
        return None
    day = min(later)
    return Moment(day, policy.opening_of_hours())
