"""Explain: a case of the deployed table as it stood on a date, by what was known and published then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from arrears.adapters.settings import ActivePolicy, Clock, Settings
from arrears.adapters.table import CaseRecord, Table
from arrears.case_explained import Happened, Told
from arrears.domain.case import Case, replay
from arrears.domain.dates import zone
from arrears.domain.decide import opening_reason, opens_on
from arrears.domain.events import StageEntered
from arrears.domain.moment import Moment
from arrears.domain.rollout import Rollout, in_force, next_change
from arrears.errors import PermanentSetupError
from arrears.records import Envelope
from arrears.switches import Switch, Switches, Turned


@dataclass(frozen=True)
class Explain:
    """Finds what `case_explained.explain_case` tells."""

    table: Table
    settings: Settings

    def __call__(self, account_id: str, on: date | None = None) -> list[Told] | str:
        """Return what is to be told of each case that was open on a date; where none was, why not.

        Args:
            account_id: the account.
            on: the date at the account's place; without it, the business date now.

        Raises:
            PermanentSetupError: the account is not known, or the date is still to come.
        """
        account = self.table.account(account_id)
        if account.version == 0:
            raise PermanentSetupError(f"account {account_id} is not known")
        clock = self.settings.clock()
        now = clock.now(account.account.timezone)
        if on is not None and on > now.on:
            raise PermanentSetupError(f"{on} is still to come: the business date is {now.on}; see what comes next")
        moment = now if on is None or on == now.on else Moment(on)
        records = self.table.cases(account_id)
        told = [self._told(record, moment, clock) for record in records if _was_open(record.case, moment.on)]
        return [each for each in told if each is not None] or self._none(account_id, records, moment.on, now.on)

    def _told(self, record: CaseRecord, now: Moment, clock: Clock) -> Told | None:
        """Return a case as it stood when a date was over, folded from the events that were recorded by then."""
        timezone = record.case.account.timezone
        known = [each for each in self.table.envelopes(record.case.case_id) if _day(each, timezone) <= now.on]
        case = replay([each.event for each in known])
        if case is None:
            return None
        active, note = self._policy(case, known, now, clock)
        entered = [each.event for each in known if isinstance(each.event, StageEntered)]
        reason = entered[-1].reason if entered else ""
        happened = [Happened(each.event, each.policy) for each in known if _day(each, timezone) == now.on]
        rollouts = _published_by(self.settings.publications(), now.on, timezone)
        change = next_change(rollouts, case.opened_on, now.on)
        later = None if change is None or change.since is None else (change.label, change.since)
        return Told(case, active.policy, now, happened, reason, later, self._stopped(case, now, clock), note)

    def _stopped(self, case: Case, now: Moment, clock: Clock) -> str:
        """Return why nothing went out at the end of a date, or goes out now (`arrears ops pause`, `shadow`)."""
        timezone = case.account.timezone
        if now.on == clock.now(timezone).on:
            return self.settings.switches().holds(shadow_case=case.shadow) or ""
        at = zone(timezone)
        last: dict[str, Turned] = {}
        for turn in self.settings.turned():
            if turn.at.astimezone(at).date() <= now.on:
                last.setdefault(turn.name, turn)
        on = {turn.name: Switch(turn.at, turn.by, turn.why) for turn in last.values() if turn.on}
        return Switches(on.get("pause"), on.get("shadow")).holds(shadow_case=case.shadow) or ""

    def _policy(self, case: Case, known: Sequence[Envelope], now: Moment, clock: Clock) -> tuple[ActivePolicy, str]:
        """Return the policy that counted on the date: that of the date's last decision, else what was published."""
        timezone = case.account.timezone
        if now.on == clock.now(timezone).on:
            return self.settings.policies().for_case(case, now.on), ""
        decided = [each for each in known if each.policy]
        if decided and _day(decided[-1], timezone) == now.on:
            last = decided[-1]
        else:
            rollouts = _published_by(self.settings.publications(), now.on, timezone)
            rollout = in_force(rollouts, case.opened_on, now.on)
            if rollout is not None and rollout.at:
                return self.settings.load(rollout), ""
            last = decided[-1]
        recorded = self.settings.recorded(last.policy, last.at)
        if recorded is not None:
            return recorded, ""
        active = self.settings.policies().for_case(case, now.on)
        note = f"decided under {last.policy}, which is not kept; what it says is told by {active.policy.label}."
        return active, note

    def _none(self, account_id: str, records: Sequence[CaseRecord], on: date, today: date) -> str:
        """Return why no case was open on a date."""
        before = [record.case for record in records if record.case.closed_on is not None and record.case.closed_on < on]
        after = [record.case for record in records if record.case.opened_on > on]
        words = [f"no case of account {account_id} was open on {on}"]
        if before:
            words.append(f"{before[-1].case_id} closed on {before[-1].closed_on}: {before[-1].closed_reason}")
        if after:
            words.append(f"{after[0].case_id} opened on {after[0].opened_on}")
        elif on == today:
            account, policy = self.table.account(account_id).account, self.settings.active(on).policy
            reason, opens = opening_reason(account, policy, on), opens_on(account, policy, on)
            arrears = account.arrears(on)
            if reason is not None:
                words.append(f"one is opened by the next scan: {reason}")
            elif opens is not None:
                words.append(f"one opens on {opens} by what is known")
            elif arrears is not None:
                tolerance = policy.tolerance(arrears.currency)
                words.append(f"{arrears} are past due, and a case opens above {tolerance} from 1 day past due (rule 1)")
        return "; ".join(words)


def _was_open(case: Case, on: date) -> bool:
    return case.opened_on <= on and (case.closed_on is None or case.closed_on >= on)


def _day(envelope: Envelope, timezone: str) -> date:
    """Return the date on which an event was recorded, at the account's place: what was known by then."""
    return envelope.at.astimezone(zone(timezone)).date()


def _published_by(rollouts: Sequence[Rollout], on: date, timezone: str) -> list[Rollout]:
    """Return what was published by the end of a date at a place; what has no time was there before all that has."""
    at = zone(timezone)
    return [each for each in rollouts if not each.at or datetime.fromisoformat(each.at).astimezone(at).date() <= on]
