"""Before a case is sued, and after: limitation, a legal officer's approval, the operator's list, withdrawal."""

from datetime import date, timedelta

from arrears.domain.agencies import why_not_placed
from arrears.domain.case import Case
from arrears.domain.dates import add_months
from arrears.domain.events import ApprovalAsked, OperatorListed, OperatorReason
from arrears.domain.policy import Policy, Stage


def files(stage: Stage) -> bool:
    """Say whether cases are sued in a stage."""
    return any(step.action == "file_legal" for step in stage.steps)


def is_filed(case: Case) -> bool:
    """Say whether the file for court was written."""
    return any(done.action == "file_legal" for done in case.done)


def limitation_ends(case: Case, policy: Policy, on: date) -> date | None:
    """Return the date from which on the claim is barred; None where no limitation is set or nothing is due.

    Counted from the oldest unpaid due date: what is barred first bars the claim as it stands.
    """
    extract = case.account.extract(on)
    if policy.legal.limitation_years is None or extract is None or extract.oldest_due is None:
        return None
    return add_months(extract.oldest_due, 12 * policy.legal.limitation_years)


def is_barred(case: Case, policy: Policy, on: date) -> bool:
    """Say whether the limitation period has run out on a date."""
    ends = limitation_ends(case, policy, on)
    return ends is not None and on >= ends


def why_not_filed(case: Case, policy: Policy, on: date) -> str:
    """Return why a case whose filing is due is not filed yet, or an empty text."""
    if is_barred(case, policy, on):
        return f"the claim is barred since {limitation_ends(case, policy, on)}"
    if policy.legal.approval is None:
        return ""
    decided = case.legal_decision
    if decided is None:
        since = f" since {case.approvals[0].on}" if case.approvals else ""
        return f"a legal officer's approval is waited for{since}"
    return "" if decided.approved else f"{decided.by} declined on {decided.on}: {decided.why}"


def why_not_decided(case: Case, on: date) -> str:
    """Return why a legal officer's word of a date cannot be about a case, or an empty text."""
    if is_filed(case):
        return "is filed already"
    if not case.approvals:
        return "nobody asks for approval to sue"
    asked_on = case.approvals[0].on
    return f"approval was asked for on {asked_on}, after that" if on < asked_on else ""


def waits_for_approval(case: Case) -> bool:
    """Say whether a legal officer was asked and has not decided."""
    return bool(case.approvals) and case.legal_decision is None and not is_filed(case)


def next_legal_record(case: Case, policy: Policy, on: date) -> ApprovalAsked | OperatorListed | None:
    """Return what is to be recorded of a case that cannot go on by itself: asking for approval, the operator's list."""
    stage = policy.stage(case.stage)
    if stage is None:
        return None
    if is_barred(case, policy, on) and not is_filed(case):
        return _listed(case, "limitation", on, f"the claim is barred since {limitation_ends(case, policy, on)}")
    if policy.agencies and case.placement is None and any(step.action == "place_with_agency" for step in stage.steps):
        why = why_not_placed(case, policy, on)
        if why:
            return _listed(case, "placements", on, f"{why}, and it cannot be sued")
    if files(stage) and not is_filed(case) and policy.legal.approval is not None:
        decided = case.legal_decision
        if decided is not None:
            return None if decided.approved else _listed(case, "declined", on, why_not_filed(case, policy, on))
        return _asked(case, policy, on)
    return None


def _asked(case: Case, policy: Policy, on: date) -> ApprovalAsked | None:
    rule, asked = policy.legal.approval, case.approvals
    if rule is None:
        return None
    if not asked:
        return ApprovalAsked("asked", on, f"approval to sue for {case.arrears(on)}")
    since = asked[0].on
    if all(each.step != "escalated" for each in asked) and on >= since + timedelta(days=rule.escalate_after_days):
        return ApprovalAsked("escalated", on, f"asked on {since}, not decided for {(on - since).days} days")
    if on >= asked[-1].on + timedelta(days=rule.remind_every_days):
        return ApprovalAsked("reminded", on, f"asked on {since}, not decided for {(on - since).days} days")
    return None


def approval_on(case: Case, policy: Policy) -> list[date]:
    """Return the dates on which a case that waits for approval is named again."""
    rule, asked = policy.legal.approval, case.approvals
    if rule is None or not asked or case.legal_decision is not None:
        return []
    dates = [asked[-1].on + timedelta(days=rule.remind_every_days)]
    if all(each.step != "escalated" for each in asked):
        dates.append(asked[0].on + timedelta(days=rule.escalate_after_days))
    return dates


def _listed(case: Case, why: OperatorReason, on: date, reason: str) -> OperatorListed | None:
    """Return the entry on the operator's list; None where the case is on it for that."""
    return None if any(listed.why == why for listed in case.listed) else OperatorListed(why, on, reason)


def must_withdraw(case: Case, policy: Policy) -> bool:
    """Say whether the court is still to be told that a case that was filed is paid."""
    return (
        policy.legal.withdraw_when_paid
        and is_filed(case)
        and all(done.action != "withdraw_legal" for done in case.done)
        and all(report.status != "withdrawn" for report in case.court)
    )
