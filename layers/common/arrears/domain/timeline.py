"""A case's story as rows of `timeline.csv`: the same from the simulator and from the deployed stack's events."""

from collections.abc import Iterable, Iterator
from datetime import date

from arrears.domain.case import Case
from arrears.domain.events import (
    ActionDone,
    ActionPlanned,
    ActionUncertain,
    AgencyDeferred,
    CaseClosed,
    CaseOpened,
    Event,
    StageEntered,
)
from arrears.domain.policy_parts import WITHDRAWALS
from arrears.domain.value import value


@value
class Row:
    """One row of `timeline.csv` (docs/files.md)."""

    date: date
    account_id: str
    case_id: str
    stage: str
    action: str
    reason: str


#: The columns of `timeline.csv`, in order.
COLUMNS = ("date", "account_id", "case_id", "stage", "action", "reason")
#: What the reason of a row ends with, of which nothing left the bank.
IN_SHADOW = " (in shadow)"


def timeline(events: Iterable[Event], before: Case | None = None) -> Iterator[Row]:
    """Yield the rows of one case's events, in the order in which they happened.

    A placement that no agency had room for is none, and left out. What was done in shadow says so.

    Args:
        events: from the opening of the case on, or from some date on.
        before: the case as it stood then; None for a case that opens.
    """
    events = list(events)
    deferred = {event.action_id for event in events if isinstance(event, AgencyDeferred)}
    account_id = case_id = stage = shadow = ""
    if before is not None:
        account_id, case_id, stage = before.account_id, before.case_id, before.stage or ""
        shadow = IN_SHADOW if before.shadow else ""
    plans: dict[str, ActionPlanned] = {}
    for event in events:
        match event:
            case CaseOpened(case_id=case_id, account=account, on=on, reason=reason):
                account_id, stage, shadow = account.account_id, "", IN_SHADOW if event.shadow else ""
                yield Row(on, account_id, case_id, "", "case_opened", reason + shadow)
            case StageEntered(stage=stage, on=on, reason=reason):
                yield Row(on, account_id, case_id, stage, "stage_entered", reason)
            case ActionPlanned(action_id=action_id):
                plans[action_id] = event
            case ActionDone(action_id=action_id, on=on) | ActionUncertain(action_id=action_id, on=on):
                plan = plans[action_id]
                if action_id in deferred or plan.action in WITHDRAWALS:
                    continue
                yield Row(on, account_id, case_id, plan.stage or "", plan.action, plan.reason + shadow)
            case CaseClosed(on=on, reason=reason):
                yield Row(on, account_id, case_id, stage, "case_closed", reason)
            case _:
                pass
