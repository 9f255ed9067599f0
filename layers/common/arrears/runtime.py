"""What every function shares: JSON logs that name the case and the execution, metrics, and errors by name.

An error's text shows in executions and logs, and the text of an unexpected one may hold anything. So errors of ours
pass as they are (their messages hold nothing personal), and any other becomes `UnexpectedError` with its type and the
place it came from, in our own code.
"""

import functools
import logging
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from arrears.domain.events import (
    ActionDone,
    ActionFailed,
    ActionPlanned,
    ActionPostponed,
    ActionUncertain,
    ActionWithdrawn,
    AgencyAssigned,
    AgencyDeferred,
    ApprovalAsked,
    CaseClosed,
    CaseOpened,
    Event,
    OperatorListed,
    OptedOut,
    SmsReported,
    StageEntered,
)
from arrears.errors import ArrearsError
from arrears.usecases.next_step import execution_name

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from arrears.domain.case import Case

#: The stack's name: alarms of one stack do not ring for another of the same account.
_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "arrears")
logger = Logger(service=_SERVICE, level=os.environ.get("LOG_LEVEL", "INFO"))
metrics = Metrics(namespace="Arrears", service=_SERVICE)
logging.getLogger("botocore").setLevel(logging.WARNING)

P = ParamSpec("P")
R = TypeVar("R")
#: Fields of an event that name what a log line is about; none of them is personal. They lie in it or one level below.
_LOGGED = ("case_id", "action_id", "generation", "key")
_BELOW = ("step", "drop")
#: What the end of an action is called in metrics, before its kind: `Done_send_sms`.
_ENDS: Final[Mapping[type, str]] = {
    ActionDone: "Done",
    ActionUncertain: "Uncertain",
    ActionFailed: "Failed",
    ActionWithdrawn: "Withdrawn",
    ActionPostponed: "Postponed",
}


class UnexpectedError(ArrearsError):
    """A bug, or something nobody thought of."""


def count(name: str, value: float = 1) -> None:
    """Add to a business metric of this invocation."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def observe(events: Sequence[Event], before: "Case | None") -> None:
    """Count what was appended to a case: one metric for each outcome, and one for it by the kind of its action.

    Args:
        events: what was appended.
        before: the case as it was before; None for one that was opened.
    """
    _count_ends(events, before)
    _count_events(events)


def _count_ends(events: Sequence[Event], before: "Case | None") -> None:
    """Count how actions ended, by their kind; those of a case in shadow under names of their own."""
    pending = before.pending if before is not None else None
    kinds = {} if pending is None else {pending.action_id: pending.action}
    shadow = before is not None and before.shadow
    for event in events:
        match event:
            case CaseOpened():
                shadow = event.shadow
            case ActionPlanned():
                kinds[event.action_id] = event.action
            case ActionFailed() | ActionPostponed():
                count(f"{_ENDS[type(event)]}_{event.action}{'_shadow' if shadow else ''}")
            case ActionDone() | ActionUncertain() | ActionWithdrawn() if event.action_id in kinds:
                # A call that is taken back after it was done has had its end and is not here.
                count(f"{_ENDS[type(event)]}_{kinds[event.action_id]}{'_shadow' if shadow else ''}")
            case _:
                pass


def _count_events(events: Sequence[Event]) -> None:  # noqa: C901, PLR0912 - one metric for each kind of event
    for event in events:
        match event:
            case CaseOpened():
                count("CasesOpened")
            case CaseClosed(reason=reason):
                count("CasesCured" if reason.startswith("cured") else "CasesClosed")
            case StageEntered(stage=stage):
                count(f"StageEntered_{stage}")
            case ActionPlanned(action=action, action_id=action_id):
                count(f"Planned_{action}")
                logger.info("planned", extra={"action_id": action_id})
            case ActionDone(details=details):
                count("ActionsDone")
                _count_spending(dict(details))
            case AgencyAssigned(action_id=action_id, reason=reason):
                count("CasesAllocated")
                logger.info("allocated", extra={"action_id": action_id, "reason": reason})
            case AgencyDeferred(action_id=action_id, reason=reason):
                count("CasesDeferred")
                logger.warning("no agency has room", extra={"action_id": action_id, "reason": reason})
            case ApprovalAsked(step=step):
                count(f"Approvals{step.capitalize()}")
            case OperatorListed(why=why):
                count("OperatorListed")
                logger.warning("for the operator's list", extra={"why": why})
            case ActionPostponed(action_id=action_id):
                count("ActionsPostponed")
                logger.warning("postponed", extra={"action_id": action_id})
            case SmsReported(status=status, final=final):
                count("SmsUnreachable" if final else f"Sms_{status}")
            case OptedOut(source=source):
                count(f"OptedOut_{source}")
            case ActionUncertain(action_id=action_id):
                count("ActionsUncertain")
                logger.warning("uncertain", extra={"action_id": action_id})
            case ActionFailed(action_id=action_id, error=error):
                count("ActionsFailed")
                logger.error("parked", extra={"action_id": action_id, "error": error})
            case _:
                pass


def _count_spending(details: Mapping[str, str]) -> None:
    """Count what a text cost, as its policy prices it; one in shadow costs nothing."""
    if "segments" in details and "shadow" not in details:
        count("SmsSegments", int(details["segments"]))
        count("SmsCost", float(details.get("cost", 0)))


def _where(error: BaseException) -> str:
    """Return the innermost place of our own code in a traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "arrears" in frame.filename]
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else "?"


def about(subject: Mapping[str, Any]) -> None:
    """Have every log line from here on name the case and the execution, or the file, that it is about, and no other."""
    logger.remove_keys([*_LOGGED, "execution"])
    named = {name: subject[name] for name in _LOGGED if subject.get(name)}
    if "case_id" in named and "generation" in named:
        named["execution"] = execution_name(named["case_id"], named["generation"])
    logger.append_keys(**named)


def _subject(event: object) -> Mapping[str, Any]:
    if not isinstance(event, Mapping):
        return {}
    return next((event[name] for name in _BELOW if isinstance(event.get(name), Mapping)), event)


def _call(function: Callable[[Any, Any], Any], event: Any, context: Any) -> Any:  # noqa: ANN401 - Lambda's payload
    about(_subject(event))
    try:
        return function(event, context)
    except ArrearsError as error:
        logger.warning("gave up", extra={"error": type(error).__name__, "why": str(error)})
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not leave
        raise unexpected(error) from None
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def unexpected(error: Exception) -> UnexpectedError:
    """Log an error that nobody thought of, and return what may be told of it: its kind and its place, not its text."""
    told = UnexpectedError(f"{type(error).__name__} at {_where(error)}")
    logger.error("unexpected", extra={"error": str(told)})
    return told


def handler(function: Callable[[Any, "LambdaContext"], R]) -> Callable[[Any, "LambdaContext"], R]:
    """Make a function of ours a Lambda handler. The event and the answer are never logged.

    X-Ray shows each invocation, since the template has tracing on; what a trace could add from within (the X-Ray SDK)
    costs start-up time in every function and is no longer developed.
    """

    @functools.wraps(function)
    def guarded(event: Any, context: "LambdaContext") -> R:  # noqa: ANN401 - Lambda's payload
        result: R = _call(function, event, context)
        return result

    logged: Callable[[Any, LambdaContext], R] = logger.inject_lambda_context(guarded, log_event=False, clear_state=True)
    return functools.wraps(function)(logged)
