"""Which holds are in force, and what they leave to be done: rule 11, and the policy's hold matrix where it has one.

A hold comes from the bank's file or an agency, from a call in which the debt was disputed, or from a disaster that the
policy declares for a region. Each lasts from a date to another that is not included; facts keep their dates, so one
that is entered after the fact is right from the moment on which it is known.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY, add_months
from arrears.domain.decisions import Act
from arrears.domain.events import OperatorListed
from arrears.domain.facts import HoldReason
from arrears.domain.policy import Policy
from arrears.domain.policy_holds import HoldRule
from arrears.domain.policy_parts import Action
from arrears.domain.value import changed, value

_AS_RULE_11 = HoldRule()


@value
class HoldPeriod:
    """A time for which an account is on hold.

    Attributes:
        until: the first date on which it is not in force any more; None while nobody knows.
        review_on: when somebody is to look at it, as the bank's file says.
        why: of a hold that does not count, why not.
        cause: the disaster behind it.
    """

    reason: HoldReason
    since: date
    until: date | None
    review_on: date | None = None
    why: str = ""
    cause: str = ""

    def is_in_force(self, on: date) -> bool:
        """Say whether it is in force on a date."""
        return not self.why and self.since <= on and (self.until is None or on < self.until)

    def __str__(self) -> str:
        """As the reasons of decisions say it."""
        return f"{self.reason} hold since {self.since} ({self.cause or 'rule 11'})"


def rule_of(policy: Policy, reason: HoldReason) -> HoldRule:
    """Return the row of the hold matrix for a reason; that of rule 11 where the policy has none."""
    return policy.holds.get(reason, _AS_RULE_11)


def may_be_held(case: Case, policy: Policy) -> bool:
    """Say whether there is anything that could be a hold; most cases have nothing, and are asked most often."""
    if case.account.holds or policy.disasters:
        return True
    return bool(case.calls) and policy.calls is not None and policy.calls.disputed_is_hold


def hold_periods(case: Case, policy: Policy, on: date) -> list[HoldPeriod]:
    """Return all holds of an account that are known on a date, by when they begin; also those that do not count."""
    if not may_be_held(case, policy):
        return []
    found = [
        HoldPeriod(hold.reason, since, until, hold.review_on)
        for hold in case.account.holds
        for since, until in hold.periods()
    ]
    if policy.calls is not None and policy.calls.disputed_is_hold:
        found += _disputes(case, on)
    found += _disasters(case, policy, on)
    found.sort(key=lambda period: (period.since, period.reason))
    return list(_by_the_matrix(found, policy)) if policy.holds else found


def _disputes(case: Case, on: date) -> Iterator[HoldPeriod]:
    lifts = {hold.hold_id: hold.first_lifted for hold in case.account.holds}
    for call in case.calls:
        if call.result == "disputed" and call.called_on <= on:
            until = lifts.get(f"call-{call.call_id}")
            if until is None or until > call.called_on:
                yield HoldPeriod("dispute", call.called_on, until, cause=f"the call of {call.called_on}, rule 11")


def _disasters(case: Case, policy: Policy, on: date) -> Iterator[HoldPeriod]:
    extract = case.account.extract(on)
    if extract is None:
        return
    region, postal_code = (extract.region or "").casefold(), extract.postal_code or ""
    for disaster in policy.disasters:
        in_region = region in (name.casefold() for name in disaster.regions)
        if in_region or (disaster.postal_codes and postal_code.startswith(disaster.postal_codes)):
            until = None if disaster.to is None else disaster.to + ONE_DAY
            yield HoldPeriod("natural_disaster", disaster.from_, until, cause=disaster.name)


def _by_the_matrix(periods: Iterable[HoldPeriod], policy: Policy) -> Iterator[HoldPeriod]:
    """Give each period the end that the policy sets, and say of each that comes too soon after another that it does."""
    ends: dict[HoldReason, date | None] = {}
    for known in periods:
        rule, period = rule_of(policy, known.reason), known
        if rule.ends_after_days is not None:
            ends_on = known.since + timedelta(days=rule.ends_after_days)
            period = changed(known, until=ends_on if known.until is None else min(known.until, ends_on))
        if rule.not_again_within_months is not None:
            before = ends.get(known.reason, date.min)
            again_on = None if before is None else max(before, add_months(before, rule.not_again_within_months))
            if known.reason in ends and (again_on is None or known.since < again_on):
                why = "still runs" if before is None else f"ended on {before}, and no other counts before {again_on}"
                yield changed(period, why=f"the {known.reason} hold before {why}")
                continue
            ends[known.reason] = period.until
        yield period


def holds_in_force(case: Case, policy: Policy, on: date) -> list[HoldPeriod]:
    """Return the holds in force on a date, the longest standing one first."""
    if not may_be_held(case, policy):
        return []
    return [period for period in hold_periods(case, policy, on) if period.is_in_force(on)]


def allow(policy: Policy, held: Iterable[HoldPeriod], action: Action, template: str | None) -> bool:
    """Say whether an action goes on under some holds: each of them must let it."""
    return all(rule_of(policy, hold.reason).allow(action, template) for hold in held)


def let_out(policy: Policy, held: Iterable[HoldPeriod], action: Action, template: str | None) -> bool:
    """Say whether something may leave the bank under some holds: what goes on, or what is sent because of them."""
    return all(rule_of(policy, hold.reason).lets_out(action, template) for hold in held)


def let_recall(policy: Policy, held: Iterable[HoldPeriod]) -> bool:
    """Say whether a placement is recalled: one hold that wants it is enough."""
    return any(rule_of(policy, hold.reason).recalls for hold in held)


def let_enter_stages(policy: Policy, held: Iterable[HoldPeriod]) -> bool:
    """Say whether the case enters further stages under some holds: each of them must let it."""
    return all(rule_of(policy, hold.reason).enters_stages for hold in held)


def stop_everything(policy: Policy, held: Iterable[HoldPeriod]) -> bool:
    """Say whether some holds leave nothing to be done: one is enough that lets nothing through."""
    rules = (rule_of(policy, hold.reason) for hold in held)
    return any(not (rule.allows or rule.steps or rule.enters_stages) for rule in rules)


# --- what is sent because of a hold ----------------------------------------------------------------------------------
def hold_acts(case: Case, policy: Policy, held: Sequence[HoldPeriod], on: date) -> Iterator[Act]:
    """Yield what the matrix has sent because of the holds in force, when it is due."""
    for due_on, act in _hold_steps(case, policy, held):
        if due_on <= on:
            yield act


def _hold_steps(case: Case, policy: Policy, held: Sequence[HoldPeriod]) -> Iterator[tuple[date, Act]]:
    rules = [rule_of(policy, hold.reason) for hold in held]
    for hold, rule in zip(held, rules, strict=True):
        for index, step in enumerate(rule.steps):
            if not all(each.lets_out(step.action, step.template) for each in rules):
                continue
            name = f"hold.{hold.reason}.{hold.since:%Y%m%d}.{index}"
            done = [each for each in case.steps_done(name) if each.counts]
            due_on = hold.since + timedelta(days=step.after_days)
            if done:
                if step.every_days is None or (step.at_most is not None and len(done) >= step.at_most):
                    continue
                due_on = done[-1].on + timedelta(days=step.every_days)
            # A hold may be older than the case.
            due_on = max(due_on, case.opened_on)
            number = len(case.steps_done(name)) + 1
            reason = f"{hold}: {step.action} {number}, due {due_on}"
            yield due_on, Act(step.action, case.stage, name, f"{case.case_id}.{name}.{number}", reason, step.template)


# --- the operator's list ---------------------------------------------------------------------------------------------
def next_hold_record(case: Case, policy: Policy, on: date) -> OperatorListed | None:
    """Return what an operator is to know of the holds: one is to be reviewed, or one does not count."""
    for hold in hold_periods(case, policy, on):
        if hold.why and hold.since <= on:
            entry = OperatorListed(
                "hold_again", on, f"the {hold.reason} hold of {hold.since} does not count: {hold.why}"
            )
        elif hold.is_in_force(on) and (review_on := _review_on(policy, hold)) is not None and review_on <= on:
            within = rule_of(policy, hold.reason).review_within_days
            by = f", by {hold.since + timedelta(days=within)}" if within is not None else ""
            entry = OperatorListed(
                "hold_review", on, f"the {hold.reason} hold of {hold.since} is to be reviewed from {review_on}{by}"
            )
        else:
            continue
        if all((listed.why, listed.reason) != (entry.why, entry.reason) for listed in case.listed):
            return entry
    return None


def _review_on(policy: Policy, hold: HoldPeriod) -> date | None:
    after = rule_of(policy, hold.reason).review_after_days
    dates = [hold.review_on] if hold.review_on is not None else []
    dates += [hold.since + timedelta(days=after)] if after is not None else []
    return min(dates, default=None)


# --- dates -----------------------------------------------------------------------------------------------------------
def hold_dates(case: Case, policy: Policy, on: date) -> list[date]:
    """Return the later dates on which, without news, something about the holds changes."""
    dates: list[date] = []
    if not may_be_held(case, policy):
        return dates
    for hold in hold_periods(case, policy, on):
        review_on = _review_on(policy, hold)
        dates += [day for day in (hold.since, hold.until, review_on) if day is not None and day > on]
    dates += [day for day, _ in _hold_steps(case, policy, holds_in_force(case, policy, on)) if day > on]
    return dates


def reached_with_stops(case: Case, policy: Policy, oldest_due: date, reached: date, on: date) -> date | None:
    """Return when a threshold is reached, given when it would be if no hold or plan had stopped the clock.

    The days of a hold whose rule says `counts_days: false`, and of a plan, are not days past due; days of several count
    once.

    Args:
        case: the case.
        policy: its rules.
        oldest_due: the oldest unpaid due date; days up to it count for nothing.
        reached: when the threshold would be reached.
        on: the date of which the facts are looked at.

    Returns:
        None while the clock stands and nobody knows until when.
    """
    for since, until in stopped_clock(case, policy, on):
        begins = max(since, oldest_due + ONE_DAY)
        if begins > reached:
            break
        if until is None:
            return None
        reached += max(until - begins, timedelta(0))
    return reached


def stopped_clock(case: Case, policy: Policy, on: date) -> list[tuple[date, date | None]]:
    """Return the times in which days past due do not count toward stages, in order; none touches another."""
    stops = [
        (hold.since, hold.until)
        for hold in hold_periods(case, policy, on)
        if not hold.why and not rule_of(policy, hold.reason).counts_days
    ]
    if policy.instalments is not None and not policy.instalments.counts_days:
        stops += [
            (known.plan.agreed_on, known.ended_on) for known in case.plans if known.outcome not in ("", "refused")
        ]
    merged: list[tuple[date, date | None]] = []
    for since, until in sorted(stops, key=lambda stop: stop[0]):
        if merged and (merged[-1][1] is None or since <= merged[-1][1]):
            before = merged[-1][1]
            merged[-1] = (merged[-1][0], None if before is None or until is None else max(before, until))
        else:
            merged.append((since, until))
    return merged
