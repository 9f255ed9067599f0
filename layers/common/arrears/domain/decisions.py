"""The kinds of decision: act, record, wait, close."""

from arrears.domain.events import (
    ActionUncertain,
    ActionWithdrawn,
    ApprovalAsked,
    OperatorListed,
    PlanAccepted,
    PlanEnded,
    PlanRefused,
    PromiseAccepted,
    PromiseEnded,
    PromiseRefused,
    StageEntered,
)
from arrears.domain.facts import Phone
from arrears.domain.moment import Moment
from arrears.domain.policy_parts import Action
from arrears.domain.value import value


@value
class Act:
    """Carry out one action.

    Attributes:
        action_id: derived from case, stage, step and number; the same action always has the same id.
        step: the part of the id that names the step; what was done for it is counted by it.
        phone: whom to call, where the policy says how a round of calls goes.
    """

    action: Action
    stage: str | None
    step: str
    action_id: str
    reason: str
    template: str | None = None
    agency_id: str | None = None
    phone: Phone | None = None


@value
class Record:
    """Something follows and is recorded: a stage is entered, a promise settled, an unfinished action given up."""

    event: (
        StageEntered
        | PromiseAccepted
        | PromiseRefused
        | PromiseEnded
        | PlanAccepted
        | PlanRefused
        | PlanEnded
        | ActionUncertain
        | ActionWithdrawn
        | ApprovalAsked
        | OperatorListed
    )


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
