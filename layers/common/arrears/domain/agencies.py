"""Which collection agency gets which case, and what it gets of what it collects. All of it is the policy's.

Cases that are placed on a date are allocated together, when the day is closed, in the order of their ids: so the same
day gives the same allocation, in whatever order the cases came, and each agency gets its share of the cases that it
can take to within one case. Nothing here knows of a table or a file; the simulator and the stack run the same code.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from arrears.domain.case import Case, Placement
from arrears.domain.events import AgencyAssigned, AgencyDeferred, AgencyReported, CommissionSettled
from arrears.domain.facts import ZERO, Payment, RiskGrade
from arrears.domain.money import Money
from arrears.domain.policy import Agency, Policy
from arrears.domain.value import changed, value

#: A placement that ended so is none that the case has seen: it is due again.
_NOT_COUNTED: tuple[str, ...] = ("hold", "plan", "deferred")


def recall_of(placement_id: str) -> str:
    """Return the id of the action that recalls a placement."""
    return f"{placement_id}.recall"


@value
class Candidate:
    """A case that is to be placed.

    Attributes:
        action_id: the id of the action that places it.
        had: the agencies that had the case before; none of them gets it again.
        days_past_due: the age of the debt on the day of the placement.
        interrupted: those of `had` from which it was taken back each time without a failure of theirs, by a hold or a
            plan; where nobody else can take it, they do.
    """

    case_id: str
    action_id: str
    currency: str
    region: str | None
    risk_grade: RiskGrade
    had: tuple[str, ...]
    days_past_due: int
    interrupted: tuple[str, ...] = ()


def candidate(case: Case, placement: Placement, on: date) -> Candidate:
    """Return a case as it is to be allocated for a placement that was made on a date."""
    extract = case.account.extract(on)
    return as_placed(
        case,
        placement.action_id,
        currency=case.arrears(on).currency,
        region=extract.region if extract is not None else None,
        risk_grade=extract.risk_grade if extract is not None else None,
        days_past_due=case.account.days_past_due(on) or 0,
    )


def as_placed(
    case: Case,
    action_id: str,
    *,
    currency: str,
    region: str | None,
    risk_grade: RiskGrade | None,
    days_past_due: int,
) -> Candidate:
    """Return a case as it is to be allocated, by what was known of its account when it was placed.

    Args:
        case: with the agencies that it has seen.
        action_id: of the action that places it.
        currency: of the arrears.
        region: of the cardholder; None where it is not known.
        risk_grade: None counts as medium.
        days_past_due: the age of the debt, in days.
    """
    had, interrupted = agencies_seen(case), agencies_interrupted(case)
    return Candidate(case.case_id, action_id, currency, region, risk_grade or "medium", had, days_past_due, interrupted)


def agencies_seen(case: Case) -> tuple[str, ...]:
    """Return the agencies that had a case, each once, in order."""
    return tuple(dict.fromkeys(placement.agency_id for placement in case.placements if placement.agency_id))


def agencies_interrupted(case: Case) -> tuple[str, ...]:
    """Return the agencies that had a case and were each time interrupted, by a hold or a plan, each once, in order."""
    failed = {placement.agency_id for placement in placements_seen(case)}
    return tuple(agency_id for agency_id in agencies_seen(case) if agency_id not in failed)


def why_not(agency: Agency, case: Candidate, *, again: bool = False) -> str:
    """Return why an agency cannot take a case, or an empty text; whether it is full is another question.

    Args:
        agency: the agency.
        case: the case.
        again: one that was interrupted may have it again.
    """
    if agency.id in case.had and not (again and agency.id in case.interrupted):
        return f"{agency.id} had the case before"
    if agency.currencies and case.currency not in agency.currencies:
        return f"{agency.id} takes no {case.currency}"
    if agency.regions and case.region not in agency.regions:
        return f"{agency.id} does not work in {case.region or 'an unknown region'}"
    if agency.risk_grades and case.risk_grade not in agency.risk_grades:
        return f"{agency.id} takes no {case.risk_grade} risk"
    return ""


def able(policy: Policy, case: Candidate) -> list[Agency]:
    """Return the agencies that can take a case, in the policy's order: those that never had it, if there are any."""
    others = [agency for agency in policy.agencies if not why_not(agency, case)]
    return others or [agency for agency in policy.agencies if not why_not(agency, case, again=True)]


# --- the day's allocation --------------------------------------------------------------------------------------------
def allocate(
    policy: Policy, on: date, cases: Iterable[Candidate], held: Mapping[str, int]
) -> Iterator[tuple[Candidate, AgencyAssigned | AgencyDeferred]]:
    """Yield for each case of a day which agency gets it, or until when it is deferred; in the order of their ids.

    Each case adds to every agency that can take it its share among those, and in the end each agency has what was
    added to it, to within one case: first the agency that is furthest behind gets the case; then, where one is ahead
    by a case or more because others could not take what it took, cases go along a chain of agencies that can.

    Args:
        policy: names the agencies.
        on: the date.
        cases: the cases of the day, in any order.
        held: how many cases are with each agency, those of the day left out.
    """
    ordered = sorted(cases, key=lambda case: (case.case_id, case.action_id))
    agencies = {agency.id: agency for agency in policy.agencies}
    room = {
        each.id: None if each.capacity is None else each.capacity - held.get(each.id, 0) for each in policy.agencies
    }
    target = dict.fromkeys(agencies, Decimal(0))
    given: Counter[str] = Counter()
    takers: dict[int, list[str]] = {}
    chosen: dict[int, str] = {}
    shares: dict[int, dict[str, Decimal]] = {}
    for index, case in enumerate(ordered):
        takers[index] = [agency.id for agency in able(policy, case)]
        free = [each for each in takers[index] if _has_room(room[each], given[each])]
        if not free:
            continue
        total = sum((agencies[each].share for each in free), Decimal(0))
        shares[index] = {each: agencies[each].share / total for each in free}
        for each in free:
            target[each] += shares[index][each]
        chosen[index] = max(free, key=lambda each: (target[each] - given[each], -list(agencies).index(each)))
        given[chosen[index]] += 1
    _level(chosen, takers, target, given, room)
    number: Counter[str] = Counter()
    for index, case in enumerate(ordered):
        yield case, _outcome(policy, on, case, chosen.get(index), shares.get(index, {}), number, given)


def _has_room(room: int | None, given: int) -> bool:
    return room is None or given < room


def _level(
    chosen: dict[int, str],
    takers: Mapping[int, Sequence[str]],
    target: Mapping[str, Decimal],
    given: Counter[str],
    room: Mapping[str, int | None],
) -> None:
    """Move cases from agencies that are ahead to such as are behind, along chains of cases that both can take."""
    while True:
        chain = _chain(chosen, takers, target, given, room)
        if not chain:
            return
        for index, to in chain:
            given[chosen[index]] -= 1
            chosen[index] = to
            given[to] += 1


def _chain(
    chosen: Mapping[int, str],
    takers: Mapping[int, Sequence[str]],
    target: Mapping[str, Decimal],
    given: Mapping[str, int],
    room: Mapping[str, int | None],
) -> list[tuple[int, str]]:
    """Return the moves that bring an agency nearer to its target that is a case or more away from it; none at the end.

    An agency that is ahead gives to one that is behind. Where nobody is a case or more away nothing is moved.
    """
    away = {each: given.get(each, 0) - target[each] for each in target}
    for start in sorted(away, key=lambda each: (-away[each], each)):
        paths: dict[str, list[tuple[int, str]]] = {start: []}
        waiting = [start]
        while waiting:
            here = waiting.pop(0)
            for index in sorted(index for index, agency_id in chosen.items() if agency_id == here):
                for to in takers[index]:
                    if to not in paths:
                        paths[to] = [*paths[here], (index, to)]
                        waiting.append(to)
        ends = [
            end
            for end in paths
            if end != start
            and _has_room(room[end], given.get(end, 0))
            # It makes the two better off together: 1 is the least by which they then come closer.
            and away[start] - away[end] > 1
            and (away[start] >= 1 or away[end] <= -1)
        ]
        if ends:
            return paths[min(ends, key=lambda each: (away[each], each))]
    return []


def _outcome(
    policy: Policy,
    on: date,
    case: Candidate,
    agency_id: str | None,
    shares: Mapping[str, Decimal],
    number: Counter[str],
    given: Mapping[str, int],
) -> AgencyAssigned | AgencyDeferred:
    others = [why for agency in policy.agencies if agency.id != agency_id and (why := why_not(agency, case))]
    full = [agency.id for agency in able(policy, case) if agency.id not in shares]
    others += [f"{each} is full" for each in full]
    because = f"; {', '.join(others)}" if others else ""
    agency = policy.agency(agency_id) if agency_id is not None else None
    if agency is None:
        until = on + timedelta(days=policy.placements.retry_days)
        return AgencyDeferred(case.action_id, on, until, f"no agency has room for it{because}")
    number[agency.id] += 1
    share = shares.get(agency.id)
    part = f"its share of cases like this is {share * 100:.1f} %" if share is not None else "others are ahead"
    reason = f"{agency.id} gets case {number[agency.id]} of its {given[agency.id]} of {on}: {part}{because}"
    return AgencyAssigned(
        case.action_id,
        agency.id,
        on,
        reason,
        case.days_past_due,
        agency.term_days if agency.term_days is not None else policy.term_days,
        agency.commission_percent(case.days_past_due),
    )


# --- one case's placements -------------------------------------------------------------------------------------------
def term_end(policy: Policy, placement: Placement) -> date | None:
    """Return the date on which a placement's term is over (rule 6): the agency's term, else the stage's."""
    return policy.term_end(placement.placed_on, placement.term_days)


def agency_fails_on(case: Case, policy: Policy, on: date) -> date | None:
    """Return the date from which the agency stage has failed (rule 6).

    Where the policy names agencies: from which `before_legal` of them have failed, or all that could take the case.
    """
    if not case.placements:
        return None
    failures = sorted(over for each in case.placements if (over := _failed_on(policy, each)) is not None)
    rules = policy.placements
    need = min(rules.before_legal, rules.at_most) if policy.agencies else 1
    if len(failures) < need and failures and not _others_left(case, policy, on):
        need = len(failures)
    return failures[need - 1] if len(failures) >= need else None


def _failed_on(policy: Policy, placement: Placement) -> date | None:
    """Return the date from which a placement has failed: given back, ordered back, or its term over.

    One that a hold or a plan ended is no failure: placing is due again when that is over (rule 11).
    """
    if placement.ended in ("returned", "order"):
        return placement.ended_on
    return term_end(policy, placement) if placement.ended in ("", "term") else None


def _others_left(case: Case, policy: Policy, on: date) -> bool:
    return bool(able(policy, candidate(case, Placement("", "", on), on)))


def placements_seen(case: Case) -> list[Placement]:
    """Return the placements that count towards the most that a case may see."""
    return [placement for placement in case.placements if placement.ended not in _NOT_COUNTED]


def placing_due_on(case: Case, policy: Policy, on: date) -> date | None:
    """Return the date on which a case is to be placed next, where the policy names agencies; None for never.

    First on the date its stage is entered; then, as long as it may see another agency and there is one that can take
    it, on the date on which the placement before ended.
    """
    if case.placement is not None or why_not_placed(case, policy, on):
        return None
    due = case.stage_entered_on
    if case.placements and due is not None:
        last = case.placements[-1]
        due = max(due, last.retry_on or last.ended_on or due)
    return due


def why_not_placed(case: Case, policy: Policy, on: date) -> str:
    """Return why a case that is with no agency goes to none any more, or an empty text."""
    seen = len(placements_seen(case))
    if seen >= policy.placements.at_most:
        return f"{seen} of at most {policy.placements.at_most} agencies had it"
    if not _others_left(case, policy, on):
        wanted = candidate(case, Placement("", "", on), on)
        return "no agency can take it: " + ", ".join(why_not(agency, wanted) for agency in policy.agencies)
    return ""


# --- commission ------------------------------------------------------------------------------------------------------
def settle_commission(case: Case, policy: Policy, report: AgencyReported, amount: Money, on: date) -> CommissionSettled:
    """Say whose a payment is that an agency reports, and what it gets of it.

    It is the agency's when it was made while the agency had the case, or up to `commission_after_recall_days` after
    that; a later one is the bank's own, and no commission is due. The rate is that of the agency's placement.

    Args:
        case: the case, with all of its placements.
        policy: the rule.
        report: the agency's row; its date is the payment's.
        amount: of the payment.
        on: the business date on which it is booked.
    """
    grace = timedelta(days=policy.placements.commission_after_recall_days)
    mine = [
        placement
        for placement in case.placements
        if placement.agency_id == report.agency_id
        and placement.placed_on <= report.on
        and (placement.ended_on is None or report.on <= placement.ended_on + grace)
    ]
    zero = Money(Decimal("0.00"), amount.currency)
    if not mine:
        ended = max(
            (p.ended_on for p in case.placements if p.agency_id == report.agency_id and p.ended_on), default=None
        )
        reason = (
            f"paid on {report.on}, the placement ended on {ended}: more than {grace.days} days, so it is the bank's"
        )
        return CommissionSettled(report.return_id, report.agency_id, on, amount, Decimal(0), zero, reason)
    return _settled(case, mine[-1], report.return_id, report.on, amount, on, grace.days)


def settle_received(case: Case, policy: Policy, payment: Payment, on: date) -> CommissionSettled | None:
    """Say which agency gets commission of a payment that the bank received itself; None where none does.

    Where the policy has it so (`commission_on: all`), it is the agency that had the case when it was paid, from the day
    after the placement on, when the agency has its set; or up to `commission_after_recall_days` after it ended.
    """
    rules = policy.placements
    if not policy.agencies or rules.commission_on != "all" or payment.paid_on > on:
        return None
    grace = timedelta(days=rules.commission_after_recall_days)
    theirs = [
        placement
        for placement in case.placements
        if placement.agency_id
        and placement.placed_on < payment.paid_on
        and (placement.ended_on is None or payment.paid_on <= placement.ended_on + grace)
    ]
    if not theirs:
        return None
    settled = _settled(case, theirs[-1], payment.payment_id, payment.paid_on, payment.amount, on, grace.days)
    return changed(settled, received_by="bank", reason=f"paid to the bank: {settled.reason}")


def _settled(
    case: Case, placement: Placement, reference: str, paid_on: date, amount: Money, on: date, grace: int
) -> CommissionSettled:
    percent = placement.percent
    base = _of_what_was_owed(case, placement.agency_id, amount)
    cut = (base.amount * percent / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    when = (
        "while it had the case"
        if placement.ended_on is None or paid_on < placement.ended_on
        else (f"within {grace} days after its end on {placement.ended_on}")
    )
    of = f"{amount}" if base == amount else f"{base}: no more of the {amount} was owed"
    reason = f"paid on {paid_on}, {when}: {percent} % of {of}"
    return CommissionSettled(reference, placement.agency_id, on, amount, percent, Money(cut, amount.currency), reason)


def _of_what_was_owed(case: Case, agency_id: str, amount: Money) -> Money:
    """Return how much of a payment is within what was owed while the agency had the case; all where that is unknown."""
    owed = max((placement.owed for placement in case.placements if placement.agency_id == agency_id), default=ZERO)
    if not owed:
        return amount
    settled = (each for each in case.commissions if each.agency_id == agency_id and each.percent)
    left = max(owed - sum((each.amount.amount for each in settled), ZERO), ZERO)
    return Money(min(amount.amount, left), amount.currency)
