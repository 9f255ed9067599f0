"""What is to be done with a case now, and why: the only place where that is decided.

`decide` looks at a case, the policy and a moment, in the order of a business date: a cured case closes (its recall
first), a placement under a hold or over its term is recalled, promises are settled, the stage is found, its steps
are done, then the monthly reminder and the freeze. What is left is to wait for the next date on which anything can
change by itself; news changes it sooner.
"""

from collections.abc import Iterable, Sequence
from datetime import date, time

from arrears.domain.agencies import recall_of, term_end
from arrears.domain.calls import first_call
from arrears.domain.case import Case, Placement
from arrears.domain.contact import cannot_be_contacted, must_wait, opening
from arrears.domain.dates import ONE_DAY
from arrears.domain.decisions import Act, Close, Decision, Record, Wait
from arrears.domain.events import ActionPlanned, ActionUncertain, ActionWithdrawn
from arrears.domain.holds import (
    HoldPeriod,
    allow,
    hold_dates,
    holds_in_force,
    let_enter_stages,
    let_out,
    let_recall,
    may_be_held,
    next_hold_record,
    stop_everything,
)
from arrears.domain.keeping import pause_on
from arrears.domain.legal import approval_on, files, limitation_ends, must_withdraw, next_legal_record, why_not_filed
from arrears.domain.moment import Moment
from arrears.domain.opening import account_of, case_id_of, open_case, opening_reason, opens_on
from arrears.domain.plans import plan_dates, plan_reminder, settle_plans
from arrears.domain.policy import Policy
from arrears.domain.policy_parts import TAKES_BACK, Action
from arrears.domain.promises import promise_reminder, promise_reminder_on, settle_promises
from arrears.domain.stages import minimum_reached, next_stage, stage_starts_on
from arrears.domain.steps import due_acts, upcoming_steps
from arrears.domain.value import changed

__all__ = [
    "Act",
    "Close",
    "Decision",
    "Record",
    "Wait",
    "account_of",
    "case_id_of",
    "decide",
    "open_case",
    "opening_reason",
    "opens_on",
    "stands_still",
]


def decide(case: Case, policy: Policy, now: Moment) -> Decision:  # noqa: PLR0911 - one return for each rule, in order
    """Return what is to be done with an open case at a moment.

    A `Record` is to be recorded and the case decided again; an `Act` carried out; `Wait` and `Close` end the turn.
    """
    on = now.on
    for rule in (_cured, _held, _ordered, _term_over):
        decision = rule(case, policy, on)
        if decision is not None:
            return decision
    if case.failed is not None:
        return _parked(case, on)
    if case.pending is not None:
        return _unfinished(case, case.pending, on, "")
    settled = settle_promises(case, policy, on) or settle_plans(case, policy, on) or _paused(case, policy, on)
    if settled is not None:
        return settled
    held = holds_in_force(case, policy, on)
    left_alone = _left_alone(case, policy, now, held)
    if left_alone is not None:
        return left_alone
    entered = next_stage(case, policy, on) if not held or let_enter_stages(policy, held) else None
    if entered is not None:
        return Record(entered)
    recorded = next_legal_record(case, policy, on) if not held or allow(policy, held, "file_legal", None) else None
    if recorded is not None:
        return Record(recorded)
    due: Iterable[Act] = due_acts(case, policy, on, held)
    why = str(held[0]) if held else ""
    stage = policy.stage(case.stage)
    if stage is not None and files(stage):
        due = list(due)
        why_not = why_not_filed(case, policy, on) if any(act.action == "file_legal" for act in due) else ""
        if why_not:
            due = [act for act in due if act.action != "file_legal"]
            why = f"file_legal is due but {why_not}"
    return _first_possible(case, policy, due, now, held, why)


def _left_alone(case: Case, policy: Policy, now: Moment, held: Sequence[HoldPeriod]) -> Act | Wait | None:
    """Return what is done while an instalment plan is kept or a promise stands; None where neither is so."""
    on, plan, promise = now.on, case.standing_plan(now.on), case.standing_promise(now.on)
    why = _agreement(case, on)
    if why is None:
        return None
    if plan is not None:
        keeps = policy.instalments is None or policy.instalments.agency == "keeps"
        if case.placement is not None and not keeps:
            return _recall(case, case.placement, "plan", on, why)
        reminder, dates = plan_reminder(case, policy, plan, on), plan_dates(case, policy, plan, on)
    elif promise is not None:
        reminder, dates = promise_reminder(case, policy, promise, on), [promise_reminder_on(case, policy, promise)]
    else:
        return None
    acts = [reminder] if reminder is not None and allow(policy, held, "send_sms", reminder.template) else []
    return _withdraw_calls(case, on, why) or _first_possible(case, policy, acts, now, held, why, dates)


def _agreement(case: Case, on: date) -> str | None:
    """Return the instalment plan that is kept, or the promise that stands; None for neither."""
    plan, promise = case.standing_plan(on), case.standing_promise(on)
    if plan is not None:
        return f"the instalment plan of {plan.plan.agreed_on} is kept"
    return None if promise is None else f"a promise to pay stands through {promise.until} (rule 12)"


def _first_possible(
    case: Case,
    policy: Policy,
    due: Iterable[Act],
    now: Moment,
    held: Sequence[HoldPeriod],
    why: str,
    left_alone: Sequence[date | None] | None = None,
) -> Act | Wait:
    """Return the first act that can be carried out now; else the wait for whatever comes first.

    `left_alone` are the dates that matter while a plan is kept or a promise stands.
    """
    waits = []
    for wanted in due:
        act = wanted
        why_not = cannot_be_contacted(case, policy, act.action, now.on)
        if why_not and act.action in policy.contact.fallback:
            act = _instead(case, policy, act, why_not, now.on)
            why_not = cannot_be_contacted(case, policy, act.action, now.on)
            if not let_out(policy, held, act.action, act.template):
                why_not = why_not or f"{held[0]} lets no {act.action} out"
        if why_not:
            why = f"{act.action} is due but {why_not}"
            continue
        later = must_wait(case, policy, act.action, now, act.phone)
        if later is None:
            return act
        waits.append(later.moment)
        why = f"{act.action} is due but {later.reason}"
    until = _next_date(case, policy, now.on, left_alone)
    if waits:
        waits += [until] if until is not None else []
        until = min(waits, key=lambda moment: (moment.on, moment.at or time.min))
    return Wait(until, why or (f"nothing is due before {until.on}" if until else "nothing more is due"))


def _instead(case: Case, policy: Policy, act: Act, why_not: str, on: date) -> Act:
    """Return what is done instead of an action that cannot reach the cardholder; it counts for the same step."""
    instead = policy.contact.fallback[act.action]
    first = first_call(case, policy, on) if policy.calls is not None and instead.action == "queue_call" else None
    return changed(
        act,
        action=instead.action,
        template=instead.template,
        reason=f"{act.reason}; {instead.action} instead, since {why_not}",
        phone=None if first is None else first.phone,
    )


def _cured(case: Case, policy: Policy, on: date) -> Decision | None:
    arrears = case.arrears(on)
    tolerance = policy.tolerance(arrears.currency)
    if arrears.amount > tolerance:
        return None
    reason = f"cured: arrears {arrears} are within the tolerance of {tolerance} (rule 8)"
    if case.pending is not None:
        return _unfinished(case, case.pending, on, "the arrears were paid")
    if case.placement is not None:
        return _recall(case, case.placement, "cured", on, reason)
    return (
        _withdraw_legal(case, policy, on, reason)
        or _lift_freeze(case, on, reason)
        or _withdraw_calls(case, on, reason)
        or Close(reason)
    )


def _held(case: Case, policy: Policy, on: date) -> Decision | None:  # noqa: PLR0911 - one return for each rule, in order
    if not may_be_held(case, policy):
        return None
    listed = next_hold_record(case, policy, on)
    if listed is not None:
        return Record(listed)
    held = holds_in_force(case, policy, on)
    if not held:
        return None
    reason, pending = str(held[0]), case.pending
    if pending is not None:
        goes_on = let_out(policy, held, pending.action, pending.template)
        return None if goes_on else _unfinished(case, pending, on, f"a {reason} came in")
    if case.placement is not None and let_recall(policy, held):
        return _recall(case, case.placement, "hold", on, reason)
    if not allow(policy, held, "queue_call", None):
        withdrawal = _withdraw_calls(case, on, reason)
        if withdrawal is not None:
            return withdrawal
    if not stop_everything(policy, held):
        return None
    dates = [moment.on for moment in [_next_fact(case, on)] if moment is not None] + hold_dates(case, policy, on)
    return Wait(Moment(min(dates)) if dates else None, reason)


def _ordered(case: Case, _policy: Policy, on: date) -> Decision | None:
    ordered, placement = case.recall_ordered, case.placement
    if ordered is None or placement is None or case.pending is not None:
        return None
    return _recall(case, placement, "order", on, f"{ordered.by} wants it back: {ordered.why}")


def _term_over(case: Case, policy: Policy, on: date) -> Decision | None:
    placement = case.placement
    if placement is None or case.pending is not None:
        return None
    over = term_end(policy, placement)
    if over is None or on < over:
        return None
    reason = f"the term of the placement of {placement.placed_on} is over on {over} (rule 6)"
    return _recall(case, placement, "term", on, reason)


def _recall(case: Case, placement: Placement, why: str, on: date, reason: str) -> Act | Wait:
    if _has_failed(case, "recall_from_agency"):
        return _parked(case, on)
    recall_id = recall_of(placement.action_id)
    return Act("recall_from_agency", case.stage, why, recall_id, reason, agency_id=placement.agency_id)


def stands_still(
    case: Case, policy: Policy, on: date, action: Action | None = None, template: str | None = None
) -> str | None:
    """Return why somebody is not to be contacted after all: paid, held, a plan or a promise; None for no reason.

    Without an action: why the case does not go on to further stages.

    Promises and plans that came in are to be settled before (`turn.take_turn`).
    """
    arrears = case.arrears(on)
    if arrears.amount <= policy.tolerance(arrears.currency):
        return f"the arrears are paid: {arrears} are left (rule 8)"
    agreed = _agreement(case, on)
    if agreed is not None:
        return agreed
    held = holds_in_force(case, policy, on)
    goes_on = let_enter_stages(policy, held) if action is None else let_out(policy, held, action, template)
    return None if goes_on else str(held[0])


def _withdraw_legal(case: Case, policy: Policy, on: date, reason: str) -> Act | Wait | None:
    if not must_withdraw(case, policy):
        return None
    if _has_failed(case, "withdraw_legal"):
        return _parked(case, on)
    return Act("withdraw_legal", case.stage, "withdrawal", f"{case.case_id}.withdrawal", reason)


def _withdraw_calls(case: Case, on: date, reason: str) -> Act | Wait | None:
    """Take back the calls that are queued and have no result; None where there are none."""
    if not case.unanswered_calls(on):
        return None
    if _has_failed(case, "withdraw_calls"):
        return _parked(case, on)
    number = len(case.steps_done("withdraw")) + 1
    return Act("withdraw_calls", case.stage, "withdraw", f"{case.case_id}.withdraw.{number}", reason)


def _paused(case: Case, policy: Policy, on: date) -> Act | Wait | None:
    """Take back what is queued when a rule forbids calls for some days after a conversation."""
    why = "" if policy.bound is None else pause_on(case, policy.bound, on)
    return _withdraw_calls(case, on, why) if why else None


def _lift_freeze(case: Case, on: date, reason: str) -> Act | Wait | None:
    """Ask for the freeze to be lifted, once, unless the core banking system refused it or has lifted it already."""
    asked = any(done.action == "freeze_account" for done in case.done)
    if not asked or case.freeze in ("refused", "lifted") or case.steps_done("lift"):
        return None
    if _has_failed(case, "lift_freeze"):
        return _parked(case, on)
    return Act("lift_freeze", case.stage, "lift", f"{case.case_id}.freeze.lift", reason)


def _has_failed(case: Case, action: Action) -> bool:
    return case.failed is not None and case.failed.action == action


def _parked(case: Case, on: date) -> Wait:
    failed = case.failed
    what = f"{failed.action} failed on {failed.on}" if failed is not None else ""
    return Wait(_next_fact(case, on), f"parked: {what} and waits for an operator")


def _unfinished(case: Case, planned: ActionPlanned, on: date, why_not: str) -> Act | Record:
    """Bring an action to an end that was planned and whose outcome was not recorded: its function died.

    What can be repeated without doing it twice is carried out again, unless it is no longer allowed (`why_not`). An
    SMS cannot: it may have gone out, so it counts and is not sent again. A placement is recorded in one transaction
    with its outcome, so one without an outcome was not made. There is nothing to recall where the agency gave the case
    back meanwhile.
    """
    if planned.action == "recall_from_agency" and case.placement is None:
        return Record(ActionWithdrawn(planned.action_id, on, "the case is with no agency any more"))
    if planned.action in TAKES_BACK or (not why_not and planned.action != "send_sms"):
        return Act(
            planned.action,
            planned.stage,
            planned.step,
            planned.action_id,
            planned.reason,
            planned.template,
            planned.agency_id,
            planned.phone,
        )
    if planned.action == "place_with_agency":
        return Record(ActionWithdrawn(planned.action_id, on, f"not placed: {why_not}"))
    why = why_not or "the outcome of the attempt is not known"
    return Record(ActionUncertain(planned.action_id, on, f"may have been carried out: {why}"))


# --- when anything can change next -----------------------------------------------------------------------------------
def _next_fact(case: Case, on: date) -> Moment | None:
    dates = [day for day in case.account.fact_dates() if day > on]
    dates += [call.called_on for call in case.calls if call.called_on > on]
    dates += [letter.on for letter in case.letters if letter.on > on]
    dates += [receipt.on for receipt in case.receipts if receipt.on > on]
    dates += [number.on for number in case.account.unusable if number.on > on]
    return Moment(min(dates)) if dates else None


def _next_date(case: Case, policy: Policy, on: date, left_alone: Sequence[date | None] | None) -> Moment | None:
    """Return the first later date on which, without news, something can change."""
    dates: list[date | None] = []
    fact = _next_fact(case, on)
    dates.append(fact.on if fact is not None else None)
    if case.placement is not None:
        dates.append(term_end(policy, case.placement))
    dates += [standing.until + ONE_DAY for standing in case.promises if standing.outcome == "standing"]
    dates += hold_dates(case, policy, on)
    if case.plans:
        dates += [known.plan.agreed_on for known in case.plans if known.outcome == ""]
    if left_alone is None:
        for name in policy.stages_after(case.stage):
            starts_on = stage_starts_on(case, policy, policy.stages[name], on)
            if starts_on is not None and minimum_reached(case, policy.stages[name], on):
                dates.append(starts_on)
        dates += upcoming_steps(case, policy, on)
        dates += approval_on(case, policy)
        dates.append(limitation_ends(case, policy, on))
    else:
        dates += left_alone
    later = [day for day in dates if day is not None and day > on]
    if not later:
        return None
    day = min(later)
    if policy.bound is None:
        return Moment(day, policy.opening_of_hours())
    texts, calls = opening(case, policy, "send_sms", day), opening(case, policy, "queue_call", day)
    return Moment(day, min(texts, calls))
