"""A policy told to a collections manager: its rules in words, and what happens on which day to one who does not pay.

The calendar is not written from the policy's text but played, by the same code that runs the cases.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal

from arrears.domain.events import ActionDone, ActionPlanned, CaseOpened, Event, StageEntered
from arrears.domain.facts import PHONES, Extract
from arrears.domain.money import Money
from arrears.domain.policy import Policy, Requirement, Stage, Step, Threshold
from arrears.simulate.player import DatedFact, Player

#: The due date of the example. A date in a month of 31 days, a few days before most monthly reminders.
_DUE = date(2026, 1, 2)
#: The example is played for so long; what goes on for ever is cut off after so many days of the calendar.
_HORIZON_DAYS = 550
_MOST_DAYS = 120
_LEAST_EXAMPLE = Decimal(10_000)

_ACTIONS = {
    "send_sms": "text message",
    "queue_call": "call",
    "queue_letter": "letter",
    "freeze_account": "the account is frozen",
    "place_with_agency": "given to the collection agency",
    "recall_from_agency": "taken back from the agency, its time is over",
    "file_legal": "handed to the legal department, for court",
    "withdraw_calls": "queued calls are taken back",
    "lift_freeze": "the freeze is to be lifted",
}


def explain_policy(policy: Policy) -> Iterator[str]:
    """Yield the lines of the explanation."""
    yield policy.label
    yield from _section("When a case begins and ends", _begin_and_end(policy))
    yield from _section("The stages", _stages(policy))
    yield from _section("Across the stages", _across(policy))
    yield from _section("Day by day", _calendar(policy))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    body = list(lines)
    if body:
        yield ""
        yield title
        yield "-" * len(title)
        yield from body


# --- the rules in words ----------------------------------------------------------------------------------------------
def _amounts(amounts: Mapping[str, Decimal]) -> str:
    return " or ".join(f"{amount:,} {currency}" for currency, amount in amounts.items())


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _begin_and_end(policy: Policy) -> Iterator[str]:
    more = f"more than {_amounts(policy.cure_tolerance)} is" if policy.cure_tolerance else "anything is"
    yield f"A case begins on the first day on which a payment is overdue by a day or more and {more} owed."
    less = "no more than that" if policy.cure_tolerance else "nothing"
    yield f"It ends on the first day on which {less} is owed. Everything stops then, and an agency is told to stop."
    yield "While the account is on hold (a dispute, hardship and the like) nothing is done; the days go on counting."


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
        words.append("when the agency has given the case back, or its time is over")
    return " and ".join(words)


def _requirement(requirement: Requirement) -> str:
    what = _ACTIONS[requirement.action]
    word = {"done": "was sent", "dispatched": "was posted", "delivered": "was delivered"}[requirement.counts_from]
    if requirement.action == "queue_call":
        word = "was made"
    elif requirement.action not in ("send_sms", "queue_letter"):
        return f"{_days(requirement.at_least_days_ago)} after: {what}"
    return f"when a {what} {word} {_days(requirement.at_least_days_ago)} ago or earlier"


def _step(step: Step, stage: Stage) -> str:
    what = _ACTIONS[step.action] + (f' "{step.template}"' if step.template else "")
    if step.action == "place_with_agency" and stage.term_days is not None:
        what += f" for {_days(stage.term_days)}"
    if step.every_days is None or step.at_most == 1:
        return f"{what}, on the first day"
    often = f"{what}, on the first day and then every {_days(step.every_days)}"
    return f"{often}, {step.at_most} times at most" if step.at_most else f"{often}, as long as the stage lasts"


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
    hours = policy.contact.hours
    if hours is not None:
        end = "24:00" if hours[1].second else f"{hours[1]:%H:%M}"
        yield f"Texts and calls go out from {hours[0]:%H:%M} to {end} at the cardholder's place."


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
    player = Player(policy, _DUE, _DUE + timedelta(days=_HORIZON_DAYS))
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
            case ActionPlanned(action_id):
                plans[action_id] = event
            case ActionDone(action_id, on):
                yield on, _done(policy, plans[action_id])
            case _:
                pass


def _done(policy: Policy, plan: ActionPlanned) -> str:
    words = _ACTIONS[plan.action]
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
