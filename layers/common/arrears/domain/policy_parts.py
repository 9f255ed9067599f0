"""What all parts of a policy are made of: its kinds of values, and the base of its models."""

import re
from datetime import time
from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
)

ZERO = Decimal(0)
Action = Literal[
    "send_sms",
    "queue_call",
    "queue_letter",
    "freeze_account",
    "place_with_agency",
    "recall_from_agency",
    "file_legal",
    "withdraw_legal",
    "withdraw_calls",
    "lift_freeze",
]
StepAction = Literal["send_sms", "queue_call", "queue_letter", "place_with_agency", "file_legal"]
Effective = Literal[
    "sms_delivered", "letter_delivered", "right_party", "promise", "refused", "disputed", "message_left"
]
SharedPhones = Literal["never", "same_number", "always"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def _listed(code: str, info: ValidationInfo) -> str:
    """Refuse a code that is no currency, where the codes there are are given: when a policy is read from its file."""
    if info.context is not None and code not in info.context["currencies"]:
        meant = {"RMB": "CNY", "NTD": "TWD", "STG": "GBP"}.get(code, "")
        msg = f"is no currency: {f'write {meant}' if meant else 'write its code of ISO 4217, such as CNY'}"
        raise ValueError(msg)
    return code


Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), AfterValidator(_listed)]
StageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Days = Annotated[int, Field(ge=0, le=3650)]
Times = Annotated[int, Field(ge=1, le=1000)]
#: Actions that count as a collection towards the freeze (rule 13).
COLLECTIONS: frozenset[Action] = frozenset({"send_sms", "queue_call", "queue_letter"})
#: Actions that take back what was asked for; they follow by themselves and are no rows of a timeline.
WITHDRAWALS: frozenset[Action] = frozenset({"withdraw_calls", "lift_freeze", "withdraw_legal"})
#: Actions that take something back from somebody. They may be repeated, and nothing holds them back.
TAKES_BACK: frozenset[Action] = WITHDRAWALS | {"recall_from_agency"}
#: Actions that reach a person at a time of day, and so keep to the contact hours.
CONTACTS_WITH_HOURS: frozenset[Action] = frozenset({"send_sms", "queue_call"})


def exact(value: object) -> object:
    """Refuse a float: YAML reads 1000.10 as one, and money is never a float."""
    if isinstance(value, float):
        msg = "write an amount in quotes, such as '1000.00': unquoted it is read as an inexact number"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns a ValueError into an error with its place
    return value


Amount = Annotated[Decimal, BeforeValidator(exact), Field(ge=0, max_digits=18, decimal_places=4)]
Amounts = dict[Currency, Amount]


class PolicyModel(BaseModel):
    """Base of all parts of a policy: immutable, and a key that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


_CLOCK_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{6})?)?", re.ASCII)


def _clock_time(value: object) -> object:
    """Refuse what is no HH:MM: YAML reads an unquoted one as a number. Stored policies have seconds too."""
    if value == "24:00":
        return time.max
    if isinstance(value, time) or (isinstance(value, str) and _CLOCK_TIME.fullmatch(value)):
        return value
    msg = 'write a time of day in quotes as HH:MM, such as "08:00"'
    raise ValueError(msg)


def _clock_text(value: time) -> str:
    return "24:00" if value == time.max else f"{value:%H:%M}"


ClockTime = Annotated[time, BeforeValidator(_clock_time), PlainSerializer(_clock_text)]
Window = tuple[ClockTime, ClockTime]
