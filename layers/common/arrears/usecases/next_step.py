"""What a function tells the workflow: which state is next, and what the wait needs."""

from datetime import datetime, timedelta
from typing import TypedDict

from arrears.adapters.settings import Clock, Policies
from arrears.adapters.table import account_pk
from arrears.domain.case import Case
from arrears.domain.contact import all_hours_on
from arrears.domain.decide import Act, Decision, Wait, account_of
from arrears.domain.peaks import spread
from arrears.domain.policy_parts import Action
from arrears.domain.turn import take_turn

#: So many turns an execution takes at most: 25,000 events of history (Step Functions quotas) at 18 for one that goes
#: through Assess and an action to its wait; the rest is for tries that are repeated, at 3 each.
MOST_TURNS = 1000
#: An execution may run for a year (Step Functions quotas); one that waits 30 days at most must hand over before.
OLDEST = timedelta(days=330)

#: The state of `infra/escalation.asl.json` that carries out each action.
STATES: dict[Action, str] = {
    "send_sms": "SendSms",
    "queue_call": "QueueCall",
    "queue_letter": "QueueLetter",
    "freeze_account": "FreezeAccount",
    "place_with_agency": "PlaceWithAgency",
    "recall_from_agency": "RecallFromAgency",
    "file_legal": "FileLegal",
    "withdraw_legal": "WithdrawLegal",
    "withdraw_calls": "WithdrawCalls",
    "lift_freeze": "LiftFreeze",
}
ACTIONS: dict[str, Action] = {state: action for action, state in STATES.items()}


class WaitFor(TypedDict):
    """What `WaitForNews` needs.

    Attributes:
        version: the version of the case that was decided on, as text; the token is stored only while it stands. "0",
            which no case has, sends the execution straight back to Assess: there is more to do at once.
        seconds: until when there is nothing to do, in whole seconds.
        due: the same as a local time, for people and for the index.
    """

    version: str
    seconds: int
    due: str


class NextStep(TypedDict):
    """The state of an execution between its steps. Holds ids only, nothing personal.

    Attributes:
        turns: how many answers of functions the execution has had.
        started: when the execution started, an instant in ISO 8601; empty where that is not known.
        next: the state that comes next. After an action that is always WaitForNews.
        then: the state that comes when the time of a wait has come: an action that is foreseen for that moment, and
            decided again by its function as every action is; else Assess.
        action_id: of the action that comes, next or then.
        execution, input: name and input of the execution that takes over, where `next` is HandOver.
    """

    case_id: str
    generation: int
    turns: int
    started: str
    pk: str
    sk: str
    next: str
    then: str
    action_id: str
    execution: str
    input: str
    wait: WaitFor


class Failure(TypedDict):
    """What a `Catch` leaves in the execution: the error's name, and its cause, which is not looked at."""

    Error: str
    Cause: str


class Request(TypedDict, total=False):
    """The execution's state as a function gets it: at first only `case_id` and `generation`."""

    case_id: str
    generation: int
    turns: int
    started: str
    next: str
    then: str
    action_id: str
    error: Failure


def execution_name(case_id: str, generation: int) -> str:
    """Return the name of the execution that has a case; starting the same name twice is harmless.

    Letters, digits, - and _ only: with any other character the execution would not be logged (StartExecution, `name`).
    """
    return f"{case_id}-g{generation}"


def execution_input(case_id: str, generation: int) -> str:
    """Return the input of that execution: the same text whoever starts it, or it would not count as the same."""
    return f'{{"case_id":"{case_id}","generation":{generation}}}'


def asked_for(request: Request) -> Action | None:
    """Return the action that comes, or came, next; None where none does."""
    return ACTIONS.get(request.get("next", "")) or ACTIONS.get(request.get("then", ""))


def _step(request: Request, next_state: str) -> NextStep:
    case_id = request["case_id"]
    return {
        "case_id": case_id,
        "generation": request["generation"],
        "turns": request.get("turns", 0) + 1,
        "started": request.get("started", ""),
        "pk": account_pk(account_of(case_id)),
        "sk": f"CASE#{case_id}",
        "next": next_state,
        "then": "Assess",
        "action_id": "",
        "execution": "",
        "input": "",
        "wait": {"version": "0", "seconds": 1, "due": ""},
    }


def ended(request: Request) -> NextStep:
    """Return the end of an execution: the case is closed, or another execution has it."""
    return _step(request, "Closed")


def handed_over(request: Request, generation: int) -> NextStep:
    """Return the hand-over to a fresh execution of the next generation."""
    step = _step(request, "HandOver")
    step["generation"] = generation
    step["execution"] = execution_name(request["case_id"], generation)
    step["input"] = execution_input(request["case_id"], generation)
    return step


def is_old(request: Request, at: datetime) -> bool:
    """Say whether an execution has to hand its case over by an instant, before its history or its year is full."""
    started = request.get("started", "")
    if request.get("turns", 0) >= MOST_TURNS:
        return True
    return started != "" and at - datetime.fromisoformat(started) > OLDEST


def next_step(request: Request, case: Case, decision: Decision, clock: Clock, policies: Policies) -> NextStep:
    """Return what comes next after a decision on an open case.

    A `Wait` waits, until the case's own second of the time over which the stack spreads what falls due at once, and no
    longer than until another policy counts for the case; an `Act` names its state; anything else is for Assess to carry
    on with at once. Behind a wait comes what is foreseen for its end if nothing comes in, so that an action that falls
    due by the passing of time alone needs no Assess before it.
    """
    step = _step(request, "WaitForNews")
    on = clock.now(case.account.timezone).on
    step["wait"]["due"] = on.isoformat()
    decision = policies.awaited(decision, case, on)
    if isinstance(decision, Act):
        step["next"], step["action_id"] = STATES[decision.action], decision.action_id
    elif isinstance(decision, Wait):
        until = decision.until
        if until is not None and clock.set_to is None:
            policy = policies.for_case(case, until.on).policy
            until = spread(until, case.case_id, all_hours_on(case, policy, until.on), clock.spread)
        seconds, due = clock.until(until, case.account.timezone)
        step["wait"] = {"version": str(case.version), "seconds": seconds, "due": due}
        then = clock.after(seconds)
        _foresee(step, _foreseen(case, then, policies), then)
    return step


def _foresee(step: NextStep, act: Act | None, then: Clock) -> None:
    """Have an action carried out when a wait is over, unless the execution has to hand over by then."""
    if act is not None and not is_old({"turns": step["turns"], "started": step["started"]}, then.instant):
        step["then"], step["action_id"] = STATES[act.action], act.action_id


def _foreseen(case: Case, then: Clock, policies: Policies) -> Act | None:
    """Return the action that will be due later if nothing comes in; None for none."""
    moment = then.now(case.account.timezone)
    decision = take_turn(case, policies.for_case(case, moment.on).policy, moment)[2]
    return decision if isinstance(decision, Act) else None


def waiting(request: Request, case: Case, decision: Decision, clock: Clock, policies: Policies) -> NextStep:
    """Return what an action leaves for `WaitForNews`, which always follows it."""
    step = next_step(request, case, decision, clock, policies)
    step["next"] = "WaitForNews"
    return step


def held(request: Request, case: Case, act: Act, clock: Clock) -> NextStep:
    """Return the wait of a case for which nothing may go out now, until what is due is looked at again."""
    step = _step(request, "WaitForNews")
    seconds, due = clock.again(case.case_id, case.account.timezone)
    step["wait"] = {"version": str(case.version), "seconds": seconds, "due": due}
    _foresee(step, act, clock.after(seconds))
    return step
