"""Look: all that a turn of a case has to know, read in one request."""

from dataclasses import dataclass

from arrears.adapters.settings import Clock, Policies, Settings
from arrears.adapters.table import AccountRecord, CaseRecord, Table
from arrears.switches import Switches


@dataclass(frozen=True)
class Look:
    """What there is to know of a case as it stands.

    Attributes:
        case: None where there is none of that id.
        account: an empty record of version 0 where none is stored.
        clock, policies, switches: the settings of the stack.
    """

    case: CaseRecord | None
    account: AccountRecord
    clock: Clock
    policies: Policies
    switches: Switches


def look(table: Table, settings: Settings, case_id: str) -> Look:
    """Read a case, its account, and the settings that it is decided by."""
    case, account, items = table.with_settings(case_id, settings.names())
    return Look(case, account, *settings.standing(items))
