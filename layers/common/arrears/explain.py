"""A policy told to a collections manager: its rules in words, and what happens on which day to one who does not pay.

The calendar is not written from the policy's text but played, by the same code that runs the cases.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from arrears.domain.events import ActionDone, ActionPlanned, ApprovalAsked, CaseOpened, Event, StageEntered
from arrears.domain.facts import PHONES, Extract
from arrears.domain.money import Money
from arrears.domain.policy import Agency, Calls, Policy, Requirement, Sms, Stage, Step, Threshold
from arrears.explain_holds import told_of_holds, told_of_plans
from arrears.explain_rules import pack_lines
from arrears.explain_words import (
    ACTIONS as _ACTIONS,
    amounts as _amounts,
    days as _days,
    joined as _and,
    named as _named,
    section,
)
from arrears.simulate.player import DatedFact, Player

#: The due date of the example. A date in a month of 31 days, a few days before most monthly reminders.
_DUE = date(2026, 1, 2)
#: The example is played for so long; what goes on for ever is cut off after so many days of the calendar.
_HORIZON_DAYS = 550
_MOST_DAYS = 120
_LEAST_EXAMPLE = Decimal(10_000)


def explain_policy(policy: Policy) -> Iterator[str]:
    """Yield the lines of the explanation."""
    yield policy.label
    yield from section("When a case begins and ends", _begin_and_end(policy), hanging=3)
    yield from section("The stages", _stages(policy), hanging=3)
    yield from section("Across the stages", _across(policy), hanging=3)
    yield from section("How people are reached", _contacts(policy), hanging=3)
    yield from section("Rules of contact that bind", pack_lines(policy), hanging=3)
    yield from section("Promises to pay", _promised(policy), hanging=3)
    yield from section("Holds", told_of_holds(policy), hanging=3)
    yield from section("Instalment plans", told_of_plans(policy), hanging=3)
    yield from section("Collection agencies", _agencies(policy), hanging=3)
    yield from section("Court", _court(policy), hanging=3)
    yield from section("Day by day", _calendar(policy), hanging=3)


# --- the rules in words ----------------------------------------------------------------------------------------------
def _begin_and_end(policy: Policy) -> Iterator[str]:
    more = f"more than {_amounts(policy.cure_tolerance)} is" if policy.cure_tolerance else "anything is"
    yield f"A case begins on the first day on which a payment is overdue by a day or more and {more} owed."
    less = "no more than that" if policy.cure_tolerance else "nothing"
    yield f"It ends on the first day on which {less} is owed. Everything stops then, and an agency is told to stop."
    if not policy.holds:
        yield "On hold (a dispute, hardship and the like) nothing is done; the days go on counting."


def _stages(policy: Policy) -> Iterator[str]:
    for number, (name, stage) in enumerate(policy.stages.items(), 1):
        yield f"{number}. {name}: {_threshold(stage.from_)}"
        for requirement in stage.requires:
            yield f"     only {_requirement(requirement)}"
        if stage.minimum_arrears:
            yield f"     only where at least {_amounts(stage.minimum_arrears)} is owed"
        for step in stage.steps:
            yield f"     {_step(step, stage)}"
        if stage.promise_windows_days:
            yield f"     {_promises(stage.promise_windows_days)}"


def _threshold(threshold: Threshold) -> str:
    words = []
    if threshold.days_past_due is not None:
        words.append(f"from {_days(threshold.days_past_due)} overdue")
    if threshold.months_past_due is not None:
        months = "1 month" if threshold.months_past_due == 1 else f"{threshold.months_past_due} months"
        words.append(f"when overdue for more than {months}")
    if threshold.agency is not None:
        words.append("when the agency has given the case back, its time is over, or an operator has taken it back")
    return " and ".join(words)


def _requirement(requirement: Requirement) -> str:
    what = _named(_ACTIONS[requirement.action], requirement.template)
    word = {"done": "was sent", "dispatched": "was posted", "delivered": "was delivered"}[requirement.counts_from]
    if requirement.or_returned:
        word += " or came back"
    if requirement.action == "queue_call":
        word = "was made"
    elif requirement.action not in ("send_sms", "queue_letter"):
        return f"{_days(requirement.at_least_days_ago)} after: {what}"
    return f"when a {what} {word} {_days(requirement.at_least_days_ago)} ago or earlier"


def _step(step: Step, stage: Stage) -> str:
    what = _named(_ACTIONS[step.action], step.template)
    if step.action == "place_with_agency" and stage.term_days is not None:
        what += f" for {_days(stage.term_days)}"
    if step.every_days is None or step.at_most == 1:
        often = ", on the first day"
    else:
        limit = f"{step.at_most} times at most" if step.at_most else "as long as the stage lasts"
        often = f", on the first day and then every {_days(step.every_days)}, {limit}"
    return f"{what}{often}{_grades(step.risk_grades)}"


def _grades(grades: Sequence[str]) -> str:
    return f" (only {' and '.join(grades)} risk)" if grades else ""


def _promises(windows: tuple[int, ...]) -> str:
    first, *rest = windows
    words = f"a promise to pay is accepted for {_days(first)} ahead at most"
    if rest:
        words += f"; after each conversation for less: {', '.join(map(str, rest))}"
    return words


def _across(policy: Policy) -> Iterator[str]:
    reminder = policy.monthly_reminder
    if reminder is not None:
        what = f'text message "{reminder.template}"' if reminder.template else "text message"
        day = f"day {reminder.day} of the month" + (" (the last day of a shorter one)" if reminder.day > 28 else "")  # noqa: PLR2004 - the length of February
        yield f"On {day}: a {what} in {', '.join(reminder.stages)}, unless another goes out that day."
    freeze = policy.freeze
    if freeze is not None:
        times = freeze.after_collections
        spaced = f", each {_days(freeze.apart_days)} or more after the one before" if freeze.apart_days else ""
        after = f" after {times} texts, calls or letters{spaced}" if times else ""
        yield f"The account is frozen when more than {_amounts(freeze.arrears_over)} is owed{after}."
        if freeze.effective_only:
            yield f"Of those, only these count: {', '.join(_EFFECTS[effect] for effect in freeze.effective)}."


_EFFECTS = {
    "sms_delivered": "a text that was delivered",
    "letter_delivered": "a letter that was delivered",
    "message_left": "a message that was left",
    "right_party": "a conversation",
    "promise": "a promise",
    "refused": "a refusal",
    "disputed": "a dispute",
}
_DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_SHARED = {
    "same_number": "that is the number of somebody else as well",
    "always": "",
}


def _contacts(policy: Policy) -> Iterator[str]:
    contact = policy.contact
    if contact.hours is not None:
        start, end = contact.hours
        until = "24:00" if end.second else f"{end:%H:%M}"
        yield f"Texts and calls go out from {start:%H:%M} to {until} at the cardholder's place."
    if contact.days:
        yield f"Texts and calls go out only on {_and([_DAYS[day] for day in contact.days])}."
    if contact.holidays:
        yield f"Nobody is texted or called on {_and([f'{day:%d %B %Y}' for day in sorted(contact.holidays)])}."
    if contact.one_of_a_kind_a_day:
        yield "Nobody gets two texts, two calls or two letters on one day."
    for cap in contact.caps:
        what = _and([f"{_ACTIONS[action]}s" for action in cap.actions])
        yield f"At most {cap.at_most} {what} in {_days(cap.in_days)}; what is more waits."
    for action, instead in contact.fallback.items():
        other = _named(_ACTIONS[instead.action], instead.template)
        yield f"Where a {_ACTIONS[action]} cannot reach the cardholder: a {other} instead."
    if policy.calls is not None:
        yield from _calls(policy.calls)
    yield from _texts(policy.sms)


def _calls(calls: Calls) -> Iterator[str]:
    yield f"A round of calls goes to these numbers, in this order: {', '.join(calls.numbers)}."
    if calls.other_people == "guarantors":
        yield "Family and other contacts are called only where the number is a guarantor's."
    if calls.tries_per_number > 1:
        apart = "on the same day" if calls.again_after_days == 0 else f"{_days(calls.again_after_days)} apart"
        yield f"A number that nobody answers is tried {calls.tries_per_number} times, {apart}."
    elif calls.again_after_days != 1:
        yield f"The next number is called {_days(calls.again_after_days)} later."
    if calls.capacity_per_day is not None:
        yield f"The callers get {calls.capacity_per_day} calls a day at most; the rest waits for the next day."
    if calls.disputed_is_hold:
        yield "A debt that is disputed in a call is on hold until the dispute is settled."


def _texts(sms: Sms) -> Iterator[str]:
    if sms.shared_phone != "never":
        yield f"A text to a phone {_SHARED[sms.shared_phone]}".rstrip() + " says nothing of a debt."
    for name, amount in sms.monthly_budget.items():
        which = "Texts" if name == "total" else f"Texts in {name}"
        yield f"{which} cost {amount:,} a month at most; then they wait for the next month."
    if sms.segment_price is not None:
        yield f"A text is reckoned at {sms.segment_price:,} for each of its parts."
    if sms.max_price is not None:
        yield f"A text that would cost more than {sms.max_price} US dollars is not sent."
    if sms.languages:
        yield f"Texts not written in the cardholder's language are sent in {', then '.join(sms.languages)}."


def _promised(policy: Policy) -> Iterator[str]:
    promises = policy.promises
    if promises.minimum_share is not None:
        yield f"A promise of less than {promises.minimum_share:.0%} of what is owed is not accepted."
    if promises.remind_days_before is not None:
        text = _named("text message", promises.template)
        yield f"A {text} reminds of it {_days(promises.remind_days_before)} before."


def _agencies(policy: Policy) -> Iterator[str]:
    if not policy.agencies:
        return
    for agency in policy.agencies:
        yield f"{agency.name or agency.id}: {'; '.join(_agency(agency))}"
    placements = policy.placements
    yield f"A case sees {placements.at_most} of them at most, one after the other."
    if placements.before_legal > 1:
        yield f"It goes to court when {placements.before_legal} have failed, or no other one can take it."
    yield f"When all are full, it is offered again after {_days(placements.retry_days)}."
    yield f"A day's cases must be acknowledged within {placements.acknowledge_within_hours} hours."
    if placements.commission_on == "all":
        yield "An agency gets its commission of what the bank is paid itself, too, while it has the case."
    if placements.commission_after_recall_days:
        days = _days(placements.commission_after_recall_days)
        yield f"An agency still gets its commission of what is paid up to {days} after the case left it."


def _agency(agency: Agency) -> Iterator[str]:
    yield f"{agency.share} parts of the cases"
    if agency.capacity is not None:
        yield f"{agency.capacity} at a time"
    if agency.currencies:
        yield f"only {_and(agency.currencies)}"
    if agency.regions:
        yield f"only in {_and(agency.regions)}"
    if agency.risk_grades:
        yield f"only {_and(agency.risk_grades)} risk"
    if agency.term_days is not None:
        yield f"for {_days(agency.term_days)}"
    for band in agency.commission:
        since = f" from {_days(band.from_days)} overdue" if band.from_days else ""
        yield f"{band.percent} % of what it collects{since}"


def _court(policy: Policy) -> Iterator[str]:
    legal = policy.legal
    if legal.approval is not None:
        remind, escalate = _days(legal.approval.remind_every_days), _days(legal.approval.escalate_after_days)
        yield f"A legal officer approves each case; is reminded every {remind}, and it is escalated after {escalate}."
    if legal.limitation_years is not None:
        years = "1 year" if legal.limitation_years == 1 else f"{legal.limitation_years} years"
        yield f"{years} after the oldest due date it is too late to sue; {_days(legal.warn_days)} before, it is listed."
    if legal.withdraw_when_paid:
        yield "When a case in court is paid, the court is told the same day."


# --- the calendar ----------------------------------------------------------------------------------------------------
def _example(policy: Policy) -> Money:
    """Return arrears that reach every threshold of one currency, the one that most thresholds name."""
    thresholds = [policy.cure_tolerance, *(stage.minimum_arrears for stage in policy.stages.values())]
    if policy.freeze is not None:
        thresholds.append(policy.freeze.arrears_over)
    named = [currency for amounts in thresholds for currency in amounts] or ["CNY"]
    currency = max(named, key=named.count)
    most = max((amounts.get(currency, Decimal(0)) for amounts in thresholds), default=Decimal(0))
    return Money(max(2 * most, _LEAST_EXAMPLE).quantize(Decimal(1)), currency)


def _calendar(policy: Policy) -> Iterator[str]:
    owed = _example(policy)
    yield f"Somebody owes {owed.amount:,} {owed.currency} since {_DUE:%d %B %Y}, pays nothing and answers no call."
    yield ""
    extract = Extract(_DUE, owed, _DUE, phones=PHONES, mailable=True)
    player = Player(policy, _DUE, _DUE + timedelta(days=_HORIZON_DAYS), approve_after=0)
    played = player.play("example", [DatedFact(_DUE, extract)])
    days: dict[date, list[str]] = {}
    for story in played.stories:
        for on, words in _happenings(policy, story):
            days.setdefault(on, []).append(words)
    yield " overdue   date"
    for on, happenings in list(days.items())[:_MOST_DAYS]:
        yield f"{_days((on - _DUE).days):>8}   {on:%d %b %Y}   {'; '.join(happenings)}"
    if len(days) > _MOST_DAYS:
        yield " and so on"


def _happenings(policy: Policy, story: list[Event]) -> Iterator[tuple[date, str]]:
    plans: dict[str, ActionPlanned] = {}
    for event in story:
        match event:
            case CaseOpened(on=on):
                yield on, "the case begins"
            case StageEntered(stage, on):
                yield on, f"stage {stage}"
            case ApprovalAsked(step="asked", on=on):
                yield on, "a legal officer is asked, and here approves at once"
            case ActionPlanned(action_id):
                plans[action_id] = event
            case ActionDone(action_id, on):
                yield on, _done(policy, plans[action_id])
            case _:
                pass


def _done(policy: Policy, plan: ActionPlanned) -> str:
    words = _ACTIONS[plan.action] + (f" to {plan.phone}" if plan.phone else "")
    if plan.step == "monthly":
        return f"monthly {words}"
    stage, _, index = plan.step.rpartition(".")
    if stage not in policy.stages:
        return words
    step = policy.stages[stage].steps[int(index)]
    if step.at_most == 1 or step.every_days is None:
        return words
    number = plan.action_id.rpartition(".")[2]
    return f"{words} {number} of {step.at_most}" if step.at_most else f"{words} {number}"
