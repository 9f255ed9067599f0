"""One account out of the files, played up to a date, for `arrears case explain`."""

from collections.abc import Sequence
from contextlib import closing
from datetime import date

from arrears.case_explained import Happened, Told
from arrears.domain.case import Case
from arrears.domain.events import CaseClosed, CaseOpened, Event, StageEntered
from arrears.domain.facts import Extract
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.simulate.facts import Kept, dated_facts, of_agency, without_repeats
from arrears.simulate.player import DatedFact, Played, Player, Then, Watcher
from arrears.simulate.run import Inputs, check_rollout, read_files
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
    inputs: Inputs,
    policy: Policy,
    account_id: str,
    on: date,
    first: date | None = None,
    *,
    then: Then | None = None,
    approve_after: int | None = None,
) -> list[Told] | str:
    """Read an account from files, and do what `told_of` does.

    Raises:
        InputsError: a path leads nowhere, or the two policies name other agencies.
    """
    check_rollout(policy, then)
    facts = _facts(inputs, policy, account_id)
    return told_of(account_id, facts, policy, on, first, then=then, approve_after=approve_after)


def told_of(
    account_id: str,
    facts: Sequence[DatedFact],
    policy: Policy,
    on: date,
    first: date | None = None,
    *,
    then: Then | None = None,
    approve_after: int | None = None,
) -> list[Told] | str:
    """Return what is to be told of the case that is open on a date, as the simulator plays it; else why there is none.

    Args:
        account_id: the account.
        facts: all that is known of it; what comes in after the date does not count.
        policy: that is played.
        on: the date; `date.max` for that of the account's last extract.
        first: the first date played; without it, that of the account's first extract.
        then: a second policy, from a date on.
        approve_after: see `Player`.
    """
    extracts = [dated.on for dated in facts if isinstance(dated.fact, Extract)]
    if not extracts:
        return f"account {account_id} is in none of the files"
    on = min(on, max(extracts)) if on == date.max else on
    first = first or min(extracts)
    happened: list[tuple[date, Happened]] = []
    entered = [""]

    def watch(case: Case, event: Event) -> None:
        if isinstance(event, CaseOpened):
            entered[0] = ""
        elif isinstance(event, StageEntered):
            entered[0] = event.reason
        day = _recorded_on(event)
        happened.append((day, Happened(event, _counting(policy, then, case, day).label)))

    def play(last: date, watch: Watcher | None = None) -> Played:
        return Player(policy, first, last, watch, then=then, approve_after=approve_after).play(account_id, facts)

    case = play(on, watch).last if first <= on else None
    if case is None or (case.closed_on is not None and case.closed_on < on):
        return _none(account_id, play(max(on, first, *extracts)), on, first)
    counting = _counting(policy, then, case, on)
    later = None
    if then is not None and then.scope == "all" and on < then.since:
        later = (then.policy.label, then.since)
    of_date = [each for day, each in happened if day == on]
    return [Told(case, counting, Moment(on), of_date, entered[0], later)]


def _counting(policy: Policy, then: Then | None, case: Case, on: date) -> Policy:
    """Return the policy that counts for a case on a date."""
    return policy if then is None else then.instead_of(policy, case.opened_on, on)


def _none(account_id: str, played: Played, on: date, first: date) -> str:
    """Return why no case was open on a date, in the words that the deployed table is told in."""
    words = [f"no case of account {account_id} was open on {on}"]
    closed = [end for story in played.stories if isinstance(end := story[-1], CaseClosed) and end.on < on]
    opened = [start for story in played.stories if isinstance(start := story[0], CaseOpened)]
    if closed:
        words.append(f"{opened[len(closed) - 1].case_id} closed on {closed[-1].on}: {closed[-1].reason}")
    after = next((start for start in opened if start.on > on), None)
    if after is not None:
        words.append(f"{after.case_id} opened on {after.on}")
    if on < first:
        words.append(f"the first date played is {first}")
    if len(words) == 1:
        words.append("rule 1 says when one opens")
    return "; ".join(words)


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
