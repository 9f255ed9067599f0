"""One account, from the first date to the last."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from arrears.domain.agencies import Candidate, allocate, candidate
from arrears.domain.calls import why_refused
from arrears.domain.case import Case, evolve, opening
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import Act, Close, open_case, opens_on
from arrears.domain.events import (
    ActionDone,
    AgencyAssigned,
    AgencyDeferred,
    AgencyReported,
    ArrearsReported,
    CallResult,
    Event,
    FreezeAnswered,
    HoldLifted,
    HoldPlaced,
    LegalDecided,
    LetterReported,
    OptedOut,
    PaymentReceived,
    PlanAgreed,
    PlanCancelled,
    SmsReported,
)
from arrears.domain.facts import Account, Call, Extract, Payment
from arrears.domain.learn import learn_before_a_case
from arrears.domain.legal import waits_for_approval, why_not_decided
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.reports import what_a_dispute_does, why_not_taken
from arrears.domain.rollout import Scope
from arrears.domain.timeline import Row, timeline
from arrears.domain.turn import planned, take_turn

#: More actions of one case on one date than any policy can ask for: deciding would never come to an end.
_ENDLESS = 1000


class ReturnedCase(NamedTuple):
    """An agency's word on one case, with the payment that it took."""

    case_id: str
    report: AgencyReported
    payment: Payment | None


class DecidedCase(NamedTuple):
    """A legal officer's word on one case."""

    case_id: str
    decision: LegalDecided


Fact = (
    Extract
    | Payment
    | HoldPlaced
    | HoldLifted
    | Call
    | ReturnedCase
    | LetterReported
    | SmsReported
    | OptedOut
    | FreezeAnswered
    | PlanAgreed
    | PlanCancelled
    | DecidedCase
)
#: In which order the facts of one date come in. All of them do before anything is decided.
_ORDER: dict[type, int] = {
    Extract: 0,
    Payment: 1,
    HoldPlaced: 2,
    HoldLifted: 2,
    Call: 3,
    ReturnedCase: 4,
    LetterReported: 5,
    SmsReported: 6,
    OptedOut: 7,
    FreezeAnswered: 8,
    PlanAgreed: 9,
    PlanCancelled: 10,
    DecidedCase: 11,
}


Refuse = Callable[[str, str], None]


def no_refusal(_field: str, _reason: str) -> None:
    """Do nothing: for facts that cannot be refused."""


class DatedFact(NamedTuple):
    """A fact and the date from which it is known, and counts, at the account's place.

    Attributes:
        refuse: is called with field and reason where the fact turns out to be about nothing that there is.
    """

    on: date
    fact: Fact
    refuse: Refuse = no_refusal


def in_order(facts: Iterable[DatedFact]) -> list[DatedFact]:
    """Return facts in the order in which they come in."""
    return sorted(facts, key=lambda dated: (dated.on, _ORDER[type(dated.fact)]))


@dataclass(slots=True)
class Played:
    """The cases of one account.

    Attributes:
        stories: the events of each case, from its opening on; facts are left out.
        last: the last case as it stands, open or closed; None where none opened.
    """

    stories: list[list[Event]] = field(default_factory=list)
    last: Case | None = None

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the timeline, in the order in which they happened."""
        for story in self.stories:
            yield from timeline(story)


class Watcher(Protocol):
    """Is told of everything that happens to cases."""

    def __call__(self, case: Case, event: Event, /) -> None:
        """See an event, and the case after it."""


class Asked(NamedTuple):
    """A placement that waits for the day's allocation.

    Attributes:
        ended_on: the date on which that placement ended, as far as the account has been played; None for not yet.
    """

    on: date
    candidate: Candidate
    ended_on: Callable[[], date | None]


class Then(NamedTuple):
    """A second policy that is rolled out while the first one is played, as `arrears policy publish` does it.

    Attributes:
        policy: the second one.
        since: the date from which it counts.
        scope: all cases, or only those that open from then on.
    """

    policy: Policy
    since: date
    scope: Scope = "all"

    def instead_of(self, first: Policy, opened_on: date, on: date) -> Policy:
        """Return which of the two counts on a date for a case that opened on another."""
        return first if (on if self.scope == "all" else opened_on) < self.since else self.policy


Steps = Generator[Asked, AgencyAssigned | AgencyDeferred | None, Played]


class Player:
    """Plays a policy, one account at a time.

    Args:
        policy: the policy.
        first: no case is open at its start.
        last: is played too.
        watch: sees every decision.
        then: a second policy, from a date on; None for none.
        approve_after: a filing that waits for approval and of which no legal officer's word is among the facts is
            taken to be approved so many days after it was asked for; without it, nothing is assumed.
    """

    def __init__(
        self,
        policy: Policy,
        first: date,
        last: date,
        watch: Watcher | None = None,
        *,
        then: Then | None = None,
        approve_after: int | None = None,
    ) -> None:
        self.policy, self.first, self.last, self.then = policy, first, last, then
        self.approve_after = approve_after if policy.legal.approval is not None else None
        self._watch = watch

    def play(self, account_id: str, facts: Iterable[DatedFact]) -> Played:
        """Play one account. Facts may come in any order; several of one date all come in before anything is decided.

        Where the policy names several agencies, the account is played as if no other one were placed on its dates.
        """
        steps, answer = self.steps(account_id, facts), None
        try:
            while True:
                asked = steps.send(answer)
                ((_, answer),) = allocate(self.policy, asked.on, [asked.candidate], {})
        except StopIteration as end:
            played: Played = end.value
            return played

    def steps(self, account_id: str, facts: Iterable[DatedFact]) -> "Steps":
        """Play one account up to each placement for which the day's allocation has to name an agency.

        Yields what is asked, is sent the allocation's answer, and returns what was played.
        """
        ordered = in_order(facts)
        account = AccountPlay(self.policy, Account(account_id), self._watch)
        if self.approve_after is not None:
            account.assume(
                self.approve_after, {each.fact.case_id for each in ordered if type(each.fact) is DecidedCase}
            )
        count, index, on, then = len(ordered), 0, self.first, self.then
        while True:
            if then is not None:
                account.plays(self.policy, then, on)
            while index < count and ordered[index].on <= on:
                account.comes_in(ordered[index], on)
                index += 1
            wake = account.play_date(on)
            while (asked := account.asked(on)) is not None or account.is_decided(on):
                if asked is not None:
                    account.answered((yield asked))
                wake = account.play_date(on)
            wake = account.wakes(wake)
            if index < count and (wake is None or ordered[index].on < wake):
                wake = ordered[index].on
            if then is not None and on < then.since and (wake is None or wake > then.since):
                wake = then.since
            if wake is None or wake > self.last:
                return account.played
            if wake <= on:
                raise RuntimeError(f"{account_id}: on {on} the next date is {wake}")
            on = wake


class AccountPlay:
    """An account while it is played. While a case is open, the account's facts are the case's.

    Args:
        policy: the policy.
        account: what is known of it.
        watch: sees every decision.
        case: that was open where it is taken up.
    """

    __slots__ = (
        *(
            "_account",
            "_approve_after",
            "_cases",
            "_early",
            "_open",
            "_plans",
            "_policy",
            "_reports",
            "_told",
            "_watch",
        ),
        "played",
    )

    def __init__(
        self, policy: Policy, account: Account, watch: Watcher | None = None, case: Case | None = None
    ) -> None:
        self._policy = policy
        self._account = account
        self._open = case
        self._cases: dict[str, Case] = {}
        self._plans: set[str] = set()
        self._reports: Counter[tuple[str, str]] = Counter()
        self._watch = watch
        self._early: list[tuple[DecidedCase, Refuse]] = []
        self._approve_after: timedelta | None = None
        self._told: set[str] = set()
        self.played = Played([[]] if case is not None else [])

    def left(self) -> tuple[Account, Case | None]:
        """Return the account and the case that is open as they stand."""
        return self._account if self._open is None else self._open.account, self._open

    def plays(self, first: Policy, then: Then, on: date) -> None:
        """Find the policy that counts on a date: for the open case, or for one that opens on it."""
        self._policy = then.instead_of(first, on if self._open is None else self._open.opened_on, on)

    # --- facts -------------------------------------------------------------------------------------------------------
    def comes_in(self, dated: DatedFact, on: date) -> None:  # noqa: C901, PLR0912, PLR0915 - one for each kind of fact
        """Take in one fact."""
        events: list[Event] = []
        match dated.fact:
            case Extract() as extract:
                events.append(ArrearsReported(extract, on))
            case Payment() as payment:
                events.append(PaymentReceived(payment))
            case Call() as call:
                case = self._open or self.played.last
                refusal = None if case is None else why_refused(case, self._policy, call)
                if refusal is not None:
                    dated.refuse("call_id", refusal)
                elif (
                    self._open is None
                    or call.called_on > self._open.opened_on
                    or call.is_conversation
                    or call.not_wanted
                ):
                    # Of one that is told late and was made before the case opened only this is kept (`evolve`).
                    events.append(CallResult(call))
            case HoldPlaced() | HoldLifted() | OptedOut() as told:
                events.append(told)
            case PlanAgreed() as agreed:
                events += self._agreed(agreed, dated.refuse)
            case PlanCancelled(plan_id) as cancelled:
                if plan_id in self._plans:
                    events.append(cancelled)
                else:
                    dated.refuse("plan_id", "is no plan that was agreed")
            case SmsReported(action_id) as receipt:
                case = self._case(action_id.split(".", 1)[0])
                if case is None or not case.has_done(action_id, "send_sms"):
                    dated.refuse("action_id", "is not the id of a text that was sent")
                elif case.is_open or receipt.final:
                    events.append(receipt)
            case FreezeAnswered(action_id) as answer:
                case = self._case(action_id.split(".", 1)[0])
                if case is None or not case.has_done(action_id, "freeze_account"):
                    dated.refuse("action_id", "is not the id of a request to freeze the account")
                elif case.is_open:
                    events.append(answer)
            case DecidedCase(case_id) as decided:
                case = self._case(case_id)
                if case is None or not case.is_open or why_not_decided(case, dated.on):
                    # It may be asked for on this very date.
                    self._early.append((decided, dated.refuse))
                else:
                    events.append(decided.decision)
            case ReturnedCase() as returned:
                events += self._returned(returned, on, dated.refuse)
            case LetterReported(letter_id) as report:
                case = self._case(letter_id.split(".", 1)[0])
                if case is None or not case.has_done(letter_id, "queue_letter"):
                    dated.refuse("letter_id", "is not the id of a letter that was queued")
                elif case.is_open:
                    events.append(report)
        for event in events:
            if self._open is None:
                self._account = learn_before_a_case(self._account, event)
            else:
                self._open = evolve(self._open, event)

    def _agreed(self, agreed: PlanAgreed, refuse: Refuse) -> list[Event]:
        """Return what a plan means: the same as on the stack (`usecases.take_in`)."""
        extracts = (self._account if self._open is None else self._open.account).extracts
        if extracts and extracts[-1].past_due.currency != agreed.plan.amount.currency:
            refuse("currency", f"is not {extracts[-1].past_due.currency}, the account's")
            return []
        self._plans.add(agreed.plan.plan_id)
        return [agreed]

    def _case(self, case_id: str) -> Case | None:
        if self._open is not None and self._open.case_id == case_id:
            return self._open
        return self._cases.get(case_id)

    def _returned(self, returned: ReturnedCase, on: date, refuse: Refuse) -> list[Event]:
        """Return what an agency's word means: the same as on the stack (`usecases.take_in`)."""
        case, report = self._case(returned.case_id), returned.report
        placements = () if case is None else case.placements
        if self._policy.agencies:
            placements = tuple(each for each in placements if each.agency_id == report.agency_id)
        name = (report.agency_id, returned.case_id)
        paid = None if returned.payment is None else returned.payment.amount
        refusal = why_not_taken(case, placements, report, paid, self._reports[name])
        if refusal is not None or case is None:
            refuse(*(refusal or ("case_id", "")))
            return []
        events: list[Event] = [report] if case.is_open else []
        extracts = (self._account if self._open is None else self._open.account).extracts
        if paid is not None and extracts and extracts[-1].past_due.currency != paid.currency:
            refuse("currency", f"is not {extracts[-1].past_due.currency}, the account's")
            return []
        if returned.payment is not None:
            events.append(PaymentReceived(returned.payment))
        elif report.outcome == "disputed":
            effect = what_a_dispute_does(case, self._open, placements, report, on)
            if not isinstance(effect, str):
                refuse(*effect)
                return []
            if effect == "held":
                hold_id = f"agency:{report.agency_id}:{report.return_id}"
                events.append(HoldPlaced(hold_id, "dispute", report.on))
        self._reports[name] += 1
        return events

    # --- a legal officer's word --------------------------------------------------------------------------------------
    def assume(self, approve_after: int, told: set[str]) -> None:
        """Take what is asked for to be approved so many days later, but for the cases of which the files tell."""
        self._approve_after, self._told = timedelta(days=approve_after), told

    def is_decided(self, on: date) -> bool:
        """Take in what was decided on what was asked for on this very date; say whether there was any."""
        is_decided, case = False, self._open
        for decided, refuse in self._early:
            why = "is no open case" if case is None or case.case_id != decided.case_id else why_not_decided(case, on)
            if case is None or why:
                refuse("case_id", why)
            else:
                case, is_decided = evolve(case, decided.decision), True
        self._early.clear()
        after = self._approve_after
        if after is not None and case is not None and self._assumed_on(case) == on:
            why = f"an assumption of the simulation: {after.days} days after it was asked for"
            case, is_decided = evolve(case, LegalDecided(approved=True, on=on, by="nobody", why=why)), True
        self._open = case
        return is_decided

    def _assumed_on(self, case: Case) -> date | None:
        if self._approve_after is None or not waits_for_approval(case) or case.case_id in self._told:
            return None
        return case.approvals[0].on + self._approve_after

    def wakes(self, wake: date | None) -> date | None:
        """Return the next date on which something can change: the one given, or that of an assumed approval."""
        assumed = None if self._approve_after is None or self._open is None else self._assumed_on(self._open)
        return wake if assumed is None else assumed if wake is None else min(wake, assumed)

    # --- the day's allocation ----------------------------------------------------------------------------------------
    def asked(self, on: date) -> Asked | None:
        """Return the placement that waits for its agency."""
        case = self._open
        placement = None if case is None else case.placement
        if case is None or placement is None or placement.agency_id:
            return None
        action_id = placement.action_id
        return Asked(on, candidate(case, placement, on), lambda: self._ended_on(case.case_id, action_id))

    def _ended_on(self, case_id: str, action_id: str) -> date | None:
        case = self._case(case_id)
        placements = () if case is None else case.placements
        return next((each.ended_on for each in placements if each.action_id == action_id), None)

    def answered(self, event: AgencyAssigned | AgencyDeferred | None) -> None:
        """Take in which agency has the case."""
        if event is not None and self._open is not None:
            self._open = evolve(self._open, event)
            self._record(self._open, event)

    # --- a date ------------------------------------------------------------------------------------------------------
    def play_date(self, on: date) -> date | None:
        """Do all that is to be done on a date; return the next one on which something can change, None for never."""
        if self._open is None:
            self._account = self._account.pruned(on)
            opened = open_case(self._account, self._policy, on)
            if opened is None:
                return opens_on(self._account, self._policy, on + ONE_DAY)
            self._open = opening(opened)
            self.played.stories.append([])
            self._record(self._open, opened)
        case, wake = self._play_case(self._open, on)
        self.played.last = case
        if case.is_open:
            self._open = case
            return wake
        self._open, self._account = None, case.account
        self._cases[case.case_id] = case
        return opens_on(self._account, self._policy, on + ONE_DAY)

    def _play_case(self, case: Case, on: date) -> tuple[Case, date | None]:
        now = Moment(on)
        for _ in range(_ENDLESS):
            case, events, decision = take_turn(case, self._policy, now)
            for event in events:
                self._record(case, event)
            if not isinstance(decision, Act):
                break
            for event in (planned(decision, now), ActionDone(decision.action_id, on)):
                case = evolve(case, event)
                self._record(case, event)
        else:
            raise RuntimeError(f"{case.case_id}: no end of actions on {on}")
        wait = None if isinstance(decision, Close) else decision.until
        return case, None if wait is None else wait.on

    def _record(self, case: Case, event: Event) -> None:
        self.played.stories[-1].append(event)
        if self._watch is not None:
            self._watch(case, event)
