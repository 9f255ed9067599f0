"""What is due in a stage: its steps (rule 4), the monthly reminder (rule 7), the freeze (rule 13)."""

from collections.abc import Iterator
from datetime import date, timedelta

from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY, next_monthly_date
from arrears.domain.decisions import Act
from arrears.domain.policy import COLLECTIONS, Policy, Step


def due_acts(case: Case, policy: Policy, on: date) -> Iterator[Act]:
    """Yield what is due on a date, in the order in which it is done: steps, monthly reminder, freeze."""
    sms_due = False
    for index, step in enumerate(steps_of(case, policy)):
        due_on = step_due_on(case, index, step)
        if due_on is not None and due_on <= on:
            sms_due = sms_due or step.action == "send_sms"
            yield _step_act(case, policy, index, step, due_on)
    monthly = _monthly_act(case, policy, on)
    if monthly and not sms_due and not any(done.action == "send_sms" and done.on == on for done in case.done):
        yield monthly
    freeze_on = freezes_on(case, policy, on)
    if freeze_on is not None and freeze_on <= on:
        yield _freeze_act(case, policy, on)


def steps_of(case: Case, policy: Policy) -> tuple[Step, ...]:
    """Return the steps of the stage that the case is in."""
    return policy.stages[case.stage].steps if case.stage is not None else ()


def _step_name(case: Case, index: int) -> str:
    return f"{case.stage}.{index}"


def _forgiven(case: Case) -> set[str]:
    """Return the placements that a hold ended: they are due again (rule 11)."""
    return {placement.action_id for placement in case.placements if placement.ended == "hold"}


def step_due_on(case: Case, index: int, step: Step) -> date | None:
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


def freezes_on(case: Case, policy: Policy, on: date) -> date | None:
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
