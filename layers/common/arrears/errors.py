"""The errors that a workflow acts on by name.

Names are the contract with `Retry` and `Catch` in `infra/*.asl.json`: what is `Transient...` is tried again, what is
`Permanent...` is parked on the case for an operator. A message never holds personal data: it shows in executions.
"""

from collections.abc import Sequence
from typing import Any


class ArrearsError(Exception):
    """Base of all errors that Arrears raises on purpose."""


class TransientError(ArrearsError):
    """Something outside did not answer, or answered that it is busy: trying again is safe and may help."""


class TransientConflictError(TransientError):
    """Another writer was quicker again and again; the work is left for the next try."""


class TransientServiceError(TransientError):
    """An AWS service throttled, was unavailable or broke off, and repeating the call does no harm."""


class PermanentError(ArrearsError):
    """Trying again without a change will fail again: an operator has to look."""


class PermanentActionError(PermanentError):
    """The other side refused an action for good: it was not carried out."""


class PermanentItemError(PermanentActionError):
    """The table refuses what is to be written, whoever writes it: an item has outgrown its limit."""


class PermanentDocumentError(PermanentError):
    """A letter, case sheet or dossier cannot be made from what is on file."""


class PermanentSetupError(PermanentError):
    """The stack is not set up for this: no policy, no template, no such case."""


class UncertainError(ArrearsError):
    """It cannot be known whether the other side has carried out the action; no workflow sees it, the case records it.

    Attributes:
        writes: of the table, that belong to the outcome: what it may have cost.
    """

    writes: Sequence[dict[str, Any]] = ()


class TimeIsUpError(ArrearsError):
    """A clock that is set has come to the end of a wait: to the workflow the same as the wait's own time-out.

    Whoever moves the clock of a stack that is not production tells it to the executions that wait (`local/driver.py`).
    """
