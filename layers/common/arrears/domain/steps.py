"""What is due in a stage: its steps (rule 4), the monthly reminder (rule 7), the freeze (rule 13)."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache

from arrears.domain.agencies import able, candidate, placements_seen, placing_due_on
from arrears.domain.calls import AGAIN, first_call, next_call, round_of
from arrears.domain.case import Case, Done, Placement
from arrears.domain.contact import cannot_be_contacted, first_date, restricts_dates
from arrears.domain.dates import ONE_DAY, monthly_date, next_monthly_date
from arrears.domain.decisions import Act
from arrears.domain.holds import HoldPeriod, allow, hold_acts, hold_periods
from arrears.domain.policy import Freeze, MonthlyReminder, Policy, Step
from arrears.domain.policy_parts import COLLECTIONS


def due_acts(case: Case, policy: Policy, on: date, held: Sequence[HoldPeriod] = ()) -> Iterator[Act]:
    """Yield what is due on a date, in the order in which it is done: steps, monthly reminder, freeze.

    Under a hold what it has sent comes first, then what it lets go on.
    """
    if held:
        yield from hold_acts(case, policy, held, on)
    sms_due = False
    for index, step in steps_of(case, policy, on):
        due = _round_act(case, policy, index, on) if _in_rounds(policy, step) else None
        if due is None:
            due_on = step_due_on(case, policy, index, step, on)
            due = _step_act(case, policy, index, step, due_on, on) if due_on is not None and due_on <= on else None
        if due is not None and (not held or allow(policy, held, due.action, due.template)):
            sms_due = sms_due or step.action == "send_sms"
            yield due
    monthly = _monthly_act(case, policy, on)
    if monthly and not sms_due and (not held or allow(policy, held, monthly.action, monthly.template)):
        yield monthly
    freeze_on = freezes_on(case, policy, on)
    if freeze_on is not None and freeze_on <= on and (not held or allow(policy, held, "freeze_account", None)):
        yield _freeze_act(case, policy, on)


def steps_of(case: Case, policy: Policy, on: date) -> Iterator[tuple[int, Step]]:
    """Yield the steps of the stage that the case is in, with their places: those for the account's risk grade."""
    stage = policy.stage(case.stage)
    if stage is None:
        return
    if not stage.by_grade:
        yield from enumerate(stage.steps)
        return
    extract = case.account.extract(on)
    grade = (extract.risk_grade if extract is not None else None) or "medium"
    for index, step in enumerate(stage.steps):
        if not step.risk_grades or grade in step.risk_grades:
            yield index, step


def upcoming_steps(case: Case, policy: Policy, on: date) -> Iterator[date | None]:
    """Yield the dates on which the steps of the stage, the monthly reminder and the freeze are due next."""
    for index, step in steps_of(case, policy, on):
        if step.action in policy.contact.fallback or not cannot_be_contacted(case, policy, step.action, on):
            running = _round_due_on(case, policy, index, on) if _in_rounds(policy, step) else None
            yield running if running is not None else step_due_on(case, policy, index, step, on)
    reminder = policy.monthly_reminder
    if (
        reminder
        and case.stage in reminder.stages
        and ("send_sms" in policy.contact.fallback or not cannot_be_contacted(case, policy, "send_sms", on))
    ):
        yield _monthly_due(case, policy, reminder, on)
        yield next_monthly_date(on, reminder.day)
    yield freezes_on(case, policy, on)


def _in_rounds(policy: Policy, step: Step) -> bool:
    return step.action == "queue_call" and policy.calls is not None


def _round_due_on(case: Case, policy: Policy, index: int, on: date) -> date | None:
    following = next_call(case, policy, _step_name(case, index), on)
    return following.due_on if following is not None else None


def _round_act(case: Case, policy: Policy, index: int, on: date) -> Act | None:
    """Return the next call of the round that is running, when it is due."""
    if policy.calls is None:
        return None
    name = _step_name(case, index)
    following = next_call(case, policy, name, on)
    if following is None or following.due_on > on:
        return None
    number = len(case.steps_done(name))
    action_id = f"{case.case_id}.{name}.{number}.{following.try_number}"
    reason = f"stage {case.stage}: call {following.try_number} of round {number} {following.reason}"
    return Act("queue_call", case.stage, name + AGAIN, action_id, reason, phone=following.phone)


def _step_name(case: Case, index: int) -> str:
    return f"{case.stage}.{index}"


def _forgiven(case: Case) -> set[str]:
    """Return the placements that a hold or a plan ended: they are due again (rule 11)."""
    return {placement.action_id for placement in case.placements if placement.ended in ("hold", "plan")}


def _counted(case: Case, step: Step, name: str) -> list[Done]:
    """Return how often a step was done, as `at_most` counts."""
    done = [one for one in case.steps_done(name) if one.counts]
    if step.action != "place_with_agency":
        return done
    forgiven = _forgiven(case)
    return [placed for placed in done if placed.action_id not in forgiven]


def _again_since(case: Case, policy: Policy, on: date) -> tuple[date, str] | None:
    """Return since when a placement that a hold or a plan ended is due again, and what is over then (rule 11)."""
    last = case.placements[-1] if case.placements else None
    if last is None or last.ended not in ("hold", "plan") or last.ended_on is None:
        return None
    over = [(last.ended_on, "the hold" if last.ended == "hold" else "the instalment plan")]
    counting = [period for period in hold_periods(case, policy, on) if not period.why]
    over += [(period.until, f"the {period.reason} hold") for period in counting if period.until is not None]
    over += [(plan.ended_on, "the instalment plan") for plan in case.plans if plan.ended_on is not None]
    return max((each for each in over if last.ended_on <= each[0] <= on), key=lambda each: each[0])


def step_due_on(case: Case, policy: Policy, index: int, step: Step, on: date) -> date | None:
    """Return the date on which a step of the current stage is due next (rule 4); None when it is exhausted.

    A round of calls is due no earlier than the round before it is over.
    """
    name = _step_name(case, index)
    done = _counted(case, step, name)
    if step.action == "place_with_agency":
        if case.placement is not None:
            return None
        due = placing_due_on(case, policy, on) if policy.agencies else case.stage_entered_on
        again = _again_since(case, policy, on)
        if policy.agencies or not done:
            return due if due is None or again is None else max(due, again[0])
    if not done:
        return case.stage_entered_on
    if step.every_days is None or (step.at_most is not None and len(done) >= step.at_most):
        return None
    due_on = done[-1].on + timedelta(days=step.every_days)
    if _in_rounds(policy, step):
        if next_call(case, policy, name, on) is not None:
            return None
        due_on = max(due_on, round_of(case, name)[-1].on + ONE_DAY)
    return due_on


def _step_act(case: Case, policy: Policy, index: int, step: Step, due_on: date, on: date) -> Act:
    name = _step_name(case, index)
    number, counted, at_most = len(case.steps_done(name)) + 1, len(_counted(case, step, name)), step.at_most
    again = ""
    if step.action == "place_with_agency":
        if policy.agencies:
            counted, at_most = len(placements_seen(case)), policy.placements.at_most
        since = _again_since(case, policy, on)
        again = f" again after {since[1]}" if since is not None else ""
    limit = f" of {at_most}" if at_most is not None else ""
    reason = f"stage {case.stage}: {step.action} {counted + 1}{limit}{again}, due {due_on}"
    phone = None
    if step.action == "place_with_agency" and policy.agencies:
        takers = able(policy, candidate(case, Placement("", "", on), on))
        reason = f"{reason}; {', '.join(agency.id for agency in takers)} can take it, the day's allocation says which"
    if policy.calls is not None and step.action == "queue_call":
        first = first_call(case, policy, on)
        if first is not None:
            phone, reason = first.phone, f"{reason}, {first.reason}"
    return Act(
        step.action,
        case.stage,
        name,
        f"{case.case_id}.{name}.{number}",
        reason,
        step.template,
        policy.agency_id if step.action == "place_with_agency" and not policy.agencies else None,
        phone,
    )


@lru_cache(maxsize=4096)
def _monthly_day(day_of_month: int, on: date) -> date:
    """Return the last date, not later than `on`, that is that day of its month."""
    day = monthly_date(on.year, on.month, day_of_month)
    if day > on:
        last_month = on.replace(day=1) - ONE_DAY
        day = monthly_date(last_month.year, last_month.month, day_of_month)
    return day


def _monthly_id(case: Case, day: date) -> str:
    return f"{case.case_id}.monthly.{day:%Y%m}"


def _monthly_due(case: Case, policy: Policy, reminder: MonthlyReminder, on: date) -> date | None:
    """Return when the last reminder is due: its day, or the first one after it on which a text is allowed.

    None where it is done, where a text has gone out since its day anyway, or where the case was not open on it. One
    whose day fell into a time when the bank had stopped what goes out is due as soon as that is over.
    """
    day = _monthly_day(reminder.day, on)
    held = day < on and case.held_back is not None and case.held_back.covers(day)
    if case.opened_on > day or (day < on and not held and not restricts_dates(policy, "send_sms")):
        return None
    action_id = _monthly_id(case, day)
    if any(done.on >= day and (done.action == "send_sms" or done.action_id == action_id) for done in case.done):
        return None
    moved, _ = first_date(case, policy, "send_sms", on if held else day)
    return moved


def _monthly_act(case: Case, policy: Policy, on: date) -> Act | None:
    reminder = policy.monthly_reminder
    if reminder is None or case.stage not in reminder.stages or _monthly_due(case, policy, reminder, on) != on:
        return None
    day = _monthly_day(reminder.day, on)
    reason = f"monthly reminder on day {reminder.day} (rule 7)"
    if day != on:
        reason += f", moved from {day}"
    return Act("send_sms", case.stage, "monthly", _monthly_id(case, day), reason, reminder.template)


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
        if done.action not in COLLECTIONS or not done.counts:
            continue
        if freeze.effective_only and not _was_effective(case, freeze, done, on):
            continue
        if counted == 0 or done.on >= last + timedelta(days=freeze.apart_days):
            counted, last = counted + 1, done.on
    if counted < freeze.after_collections:
        return None
    return on if counted == 0 else last + ONE_DAY


def _was_effective(case: Case, freeze: Freeze, done: Done, on: date) -> bool:
    """Say whether a collection is known to have reached the cardholder, as the policy counts it."""
    if done.action == "send_sms":
        return "sms_delivered" in freeze.effective and any(
            r.action_id == done.action_id and r.status == "delivered" and r.on <= on for r in case.receipts
        )
    if done.action == "queue_letter":
        return "letter_delivered" in freeze.effective and any(
            r.letter_id == done.action_id and r.status == "delivered" and r.on <= on for r in case.letters
        )
    result = case.result_of(done, on)
    return result is not None and result.result in freeze.effective


def _freeze_act(case: Case, policy: Policy, on: date) -> Act:
    freeze = policy.freeze
    collections = freeze.after_collections if freeze is not None else 0
    reason = f"arrears {case.arrears(on)} exceed the freeze threshold after {collections} collections (rule 13)"
    return Act("freeze_account", case.stage, "freeze", f"{case.case_id}.freeze", reason)
