"""One account out of the files, played up to a date, for `arrears case explain`."""

from collections.abc import Sequence
from contextlib import closing
from datetime import date

from arrears.case_explained import Happened, Told
from arrears.domain.case import Case
from arrears.domain.events import CaseOpened, Event, StageEntered
from arrears.domain.facts import Extract
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.simulate.facts import Kept, dated_facts, of_agency, without_repeats
from arrears.simulate.player import DatedFact, Player
from arrears.simulate.run import Inputs, read_files
from arrears.simulate.store import Facts


class _Only(Facts):
    """Keeps the rows of one account only."""

    def __init__(self, account_id: str) -> None:
        super().__init__()
        self._account_id = account_id

    def add(self, entry: tuple[str, Kept]) -> None:
        """Keep a row if it is about the account."""
        if entry[0] == self._account_id:
            super().add(entry)


def told_from_files(
    inputs: Inputs, policy: Policy, account_id: str, on: date, first: date | None = None
) -> list[Told] | str:
    """Read an account from files, and do what `told_of` does.

    Raises:
        InputsError: a path leads nowhere.
    """
    return told_of(account_id, _facts(inputs, policy, account_id), policy, on, first)


def told_of(
    account_id: str, facts: Sequence[DatedFact], policy: Policy, on: date, first: date | None = None
) -> list[Told] | str:
    """Return what is to be told of the case that is open on a date, as the simulator plays it; else why there is none.

    Args:
        account_id: the account.
        facts: all that is known of it; what comes in after the date does not count.
        policy: that is played.
        on: the date; `date.max` for that of the account's last extract.
        first: the first date played; without it, that of the account's first extract.
    """
    extracts = [dated.on for dated in facts if isinstance(dated.fact, Extract)]
    if not extracts:
        return f"account {account_id} is in none of the files"
    on = min(on, max(extracts)) if on == date.max else on
    happened: list[tuple[date, Event]] = []
    entered = [""]

    def watch(_case: Case, event: Event) -> None:
        if isinstance(event, CaseOpened):
            entered[0] = ""
        elif isinstance(event, StageEntered):
            entered[0] = event.reason
        happened.append((_recorded_on(event), event))

    played = Player(policy, first or min(extracts), on, watch).play(account_id, facts)
    case = played.last
    if case is None:
        return f"no case of account {account_id} was open by {on}: see rule 1 for when one opens"
    if case.closed_on is not None and case.closed_on < on:
        return f"{case.case_id} closed on {case.closed_on}: {case.closed_reason}; none was open on {on}"
    of_date = [Happened(event, policy.label) for day, event in happened if day == on]
    return [Told(case, policy, Moment(on), of_date, entered[0])]


def _recorded_on(event: Event) -> date:
    day: date = event.on  # type: ignore[union-attr]  # a decision's event has its date
    return day


def _facts(inputs: Inputs, policy: Policy, account_id: str) -> list[DatedFact]:
    def ignored(*_: object) -> None:
        """Leave it: what the files say wrongly is for `arrears simulate` to tell."""

    with closing(_Only(account_id)) as facts:
        files = inputs.files()
        read_files(files, facts, ignored)
        arrivals = [file.known_from for file in files]
        for _, told in facts.accounts():
            rows = without_repeats(of_agency(told, policy.agency_id), ignored, ignored, arrivals)
            return list(dated_facts(rows, ignored, arrivals))
    return []
