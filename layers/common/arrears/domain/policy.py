"""The policy: what the collections manager wrote, as data. The thirteen rules of `docs/policy.md` say how it reads.

A policy names its stages in order; each says when it is entered (`from`, `requires`, `minimum_arrears`) and which
steps are taken in it. What a policy leaves out does not apply (rule 10).
"""

from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator
from pydantic.json_schema import SkipJsonSchema

from arrears.domain.facts import PHONES, Phone, RiskGrade
from arrears.domain.policy_holds import Disaster, Holds, Instalments
from arrears.domain.policy_parts import (
    ZERO,
    Action,
    Amount,
    Amounts,
    ClockTime,
    Currency,
    Days,
    Effective,
    Name,
    PolicyModel,
    SharedPhones,
    StageName,
    StepAction,
    Times,
    Weekday,
    exact,
)
from arrears.domain.rules import Pack, RuleName, RulesInForce, rule_names


class Threshold(PolicyModel):
    """When a stage can be entered (rule 2, rule 6). All that is given must hold.

    Attributes:
        days_past_due: holds when DPD is at least this, in days.
        months_past_due: holds on every date later than the oldest due date plus this many calendar months.
        agency: `failed` holds once the agency gave the case back, its term is over, or an operator had it back.
    """

    days_past_due: Days | None = None
    months_past_due: Annotated[int, Field(ge=0, le=120)] | None = None
    agency: Literal["failed"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Threshold":
        if self.days_past_due is None and self.months_past_due is None and self.agency is None:
            msg = "say when the stage begins: days_past_due, months_past_due or agency"
            raise ValueError(msg)
        return self


class Requirement(PolicyModel):
    """What must have been done before a stage is entered (rule 5).

    Attributes:
        template: only an action with this template counts; without it, any.
        at_least_days_ago: the action was done on a date at least this many days before.
        counts_from: `done` is the date on which the action was carried out; `dispatched` and `delivered` wait for the
            mailing house's word and count from its date.
        or_returned: a letter that came back counts from the date of its return; otherwise the case waits for another.
    """

    action: StepAction
    template: Name | None = None
    at_least_days_ago: Days = 0
    counts_from: Literal["done", "dispatched", "delivered"] = "done"
    or_returned: bool = False


class Step(PolicyModel):
    """Something done in a stage: first on the date the stage is entered, then repeated (rule 4).

    Attributes:
        every_days: the next one is due this many days after the one before was done; without it there is one only.
        at_most: how often in the stage; without it, as long as the stage lasts.
        risk_grades: only for accounts of these grades; without it, for all (an account without a grade is `medium`).
    """

    action: StepAction
    template: Name | None = None
    every_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    at_most: Times | None = None
    risk_grades: tuple[RiskGrade, ...] = ()


class Stage(PolicyModel):
    """One rung of the ladder.

    Attributes:
        minimum_arrears: entered only when the arrears are at least this, by currency (rule 3).
        promise_windows_days: the longest time a promise to pay may take, in days, by the number of earlier
            conversations with the cardholder; the last one repeats (rule 12).
        term_days: how long an agency keeps a case, in days (rule 6).
    """

    from_: Threshold = Field(alias="from")
    requires: tuple[Requirement, ...] = ()
    minimum_arrears: Amounts = Field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    promise_windows_days: tuple[Days, ...] = ()
    term_days: Annotated[int, Field(ge=1, le=3650)] | None = None

    @cached_property
    def by_grade(self) -> bool:
        """Whether some steps are for accounts of some risk grades only."""
        return any(step.risk_grades for step in self.steps)


class MonthlyReminder(PolicyModel):
    """An SMS on a fixed day of the month while the case is in one of the stages (rule 7)."""

    day: Annotated[int, Field(ge=1, le=31)]
    template: Name | None = None
    stages: tuple[StageName, ...]


class Freeze(PolicyModel):
    """Ask the core banking system to freeze the account, once a case (rule 13).

    Attributes:
        arrears_over: on the first date on which the arrears exceed this, by currency; a currency that is not named is
            never frozen (rule 9).
        after_collections: so many collections must lie behind it,
        apart_days: each at least so many days after the one counted before.
        effective_only: only what is known to have reached the cardholder counts (in China two effective collections
            matter: 2018 interpretation, articles 6 and 7), that is
        effective: what came of it: a text or a letter that was delivered, or a result of a call.
    """

    arrears_over: Amounts
    after_collections: Annotated[int, Field(ge=0, le=100)] = 0
    apart_days: Days = 0
    effective_only: bool = False
    effective: tuple[Effective, ...] = (
        "sms_delivered",
        "letter_delivered",
        "right_party",
        "promise",
        "refused",
        "disputed",
    )


class Cap(PolicyModel):
    """At most so many contacts in a rolling window.

    Attributes:
        actions: which actions count and are limited together; without it all contacts.
        in_days: the window: the date itself and the days before it.
    """

    actions: tuple[StepAction, ...] = ("send_sms", "queue_call", "queue_letter")
    at_most: Times
    in_days: Annotated[int, Field(ge=1, le=366)]


class Fallback(PolicyModel):
    """What is done at once instead of an action that cannot reach the cardholder."""

    action: StepAction
    template: Name | None = None


class Contact(PolicyModel):
    """How people may be contacted. Times and dates are those at the cardholder's place.

    Attributes:
        hours: from and to; the end is excluded. Nobody is texted or called outside them.
        days: the days of the week on which people are texted or called; without it, all.
        holidays: dates on which nobody is texted or called.
        one_of_a_kind_a_day: no second text, call or letter on the same date.
        caps: at most so many contacts in so many days; what is over a cap waits until it is not.
        fallback: by action, what is done instead when the cardholder has opted out or cannot be reached that way.
    """

    hours: tuple[ClockTime, ClockTime] | None = None
    days: tuple[Weekday, ...] = ()
    holidays: Annotated[frozenset[date], PlainSerializer(sorted)] = frozenset()
    one_of_a_kind_a_day: bool = False
    caps: tuple[Cap, ...] = ()
    fallback: dict[Action, Fallback] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _hours_in_order(self) -> "Contact":
        if self.hours is not None and self.hours[0] >= self.hours[1]:
            msg = "hours: the end must be later than the beginning"
            raise ValueError(msg)
        for action, instead in self.fallback.items():
            if instead.action == action:
                msg = f"fallback: {action} cannot stand in for itself"
                raise ValueError(msg)
        return self

    @cached_property
    def restricts_dates(self) -> bool:
        """Whether there are dates on which somebody may not be contacted."""
        return bool(self.days or self.holidays or self.limits)

    @cached_property
    def limits(self) -> tuple[Cap, ...]:
        """The caps, the one of `one_of_a_kind_a_day` among them."""
        if not self.one_of_a_kind_a_day:
            return self.caps
        kinds: tuple[StepAction, ...] = ("send_sms", "queue_call", "queue_letter")
        return (*self.caps, *(Cap(actions=(kind,), at_most=1, in_days=1) for kind in kinds))


class Calls(PolicyModel):
    """How a round of calls goes. Without it a call is queued without naming a number.

    Attributes:
        numbers: whom to call, in this order; who is left out is never called.
        other_people: whether the numbers of family and other contacts are called at all events, or only where they are
            those of a guarantor.
        tries_per_number: how often a number is tried in a round when nobody answers or it is busy.
        again_after_days: days between two tries of a round.
        capacity_per_day: how many calls the morning's worklist holds at most; without it, all.
        disputed_is_hold: a call in which the debt is disputed holds the case like a dispute hold, until a hold of the
            id `call-<call_id>` is lifted.
    """

    numbers: tuple[Phone, ...] = PHONES
    other_people: Literal["anybody", "guarantors"] = "anybody"
    tries_per_number: Times = 1
    again_after_days: Annotated[int, Field(ge=0, le=60)] = 1
    capacity_per_day: Annotated[int, Field(ge=1)] | None = None
    disputed_is_hold: bool = False


class Promises(PolicyModel):
    """What a promise to pay must be, beside its window (rule 12).

    Attributes:
        minimum_share: of the arrears on the day of the call; a smaller promise is refused.
        remind_days_before: one text goes out so many days before the promised date; without it, none.
        template: of that text.
    """

    minimum_share: Annotated[Decimal, BeforeValidator(exact), Field(gt=0, le=1)] | None = None
    remind_days_before: Days | None = None
    template: Name = "promise_reminder"


class Sms(PolicyModel):
    """What text messages may cost, and how they are written.

    Attributes:
        max_segments: the most parts that a template may be billed as.
        segment_price: of one part, in the currency of the bank's contract, for the record and the budget.
        monthly_budget: at it, texts wait for the next month; calls and letters go on. By stage, and `total`.
        max_price: the most that the network may ask for one text, in US dollars (SNS, `AWS.SNS.SMS.MaxPrice`); a
            dearer one is not delivered.
        shared_phone: which mobile numbers others may read, so that the text names no debt: `never`; `same_number` for
            one that is also the number of the family, another contact, home or work; `always`.
        languages: to try, in order, when a template is not written in the cardholder's language.
    """

    max_segments: Annotated[int, Field(ge=1, le=10)] = 3
    segment_price: Amount | None = None
    monthly_budget: dict[str, Amount] = Field(default_factory=dict)
    max_price: Amount | None = None
    shared_phone: SharedPhones = "never"
    languages: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _budget_has_a_price(self) -> "Sms":
        if self.monthly_budget and self.segment_price is None:
            msg = "monthly_budget: say segment_price too, or what is spent is not known"
            raise ValueError(msg)
        return self


class Bank(PolicyModel):
    """Who writes: what texts and letters say of the bank and its law firm.

    Attributes:
        hours: when the phone is answered, such as "Mon-Fri 08-20:00"; it counts in the length of texts.
        how_to_pay: where payments go, in words; made from `payment_account` when empty.
        seal: the words on the seal; the bank's name when empty.
        objections: the address for objections and evidence; the bank's own when empty.
        lawyer: who signs for the law firm.
        mandate, mandate_date: the bank's power of attorney for the law firm: its reference and date.
    """

    name: str = "Sample Bank"
    phone: str = ""
    hours: str = ""
    address: tuple[str, ...] = ()
    website: str = ""
    email: str = ""
    payment_account: str = ""
    how_to_pay: str = ""
    seal: str = ""
    objections: str = ""
    law_firm: str = ""
    law_firm_address: tuple[str, ...] = ()
    law_firm_phone: str = ""
    lawyer: str = ""
    mandate: str = ""
    mandate_date: date | None = None


class CommissionBand(PolicyModel):
    """What an agency gets of what it collects, from an age of the debt on.

    Attributes:
        from_days: days past due on the date of the placement, from which on this band counts.
        percent: of the amount collected.
    """

    from_days: Days = 0
    percent: Annotated[Decimal, BeforeValidator(exact), Field(ge=0, le=100)]


class AgencyFiles(PolicyModel):
    """What an agency may write.

    Attributes:
        returns_bytes: how large a file of returns may be, packed and unpacked.
        acks_bytes: how large an acknowledgement may be.
        returns_types: how the name of a file of returns may end.
    """

    returns_bytes: Annotated[int, Field(ge=1024, le=512 * 1024 * 1024)] = 5 * 1024 * 1024
    acks_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 64 * 1024
    returns_types: tuple[Literal[".csv", ".csv.gz", ".jsonl", ".jsonl.gz"], ...] = (".csv", ".csv.gz")


class Agency(PolicyModel):
    """A collection agency. What is left empty does not limit it.

    Attributes:
        name: as people call it; its id when empty.
        share: its part of the cases that it can take, in proportion to the shares of the others.
        capacity: so many cases at most are with it at a time.
        currencies, regions, risk_grades: it takes only these; an account without a grade is `medium`.
        commission: by the age of the debt on the day of the placement; the last band that is reached counts.
        term_days: how long it keeps a case; without it, the stage's term.
        files: how large and of which types the files may be that it writes.
        mandate, mandate_date: the bank's mandate to the agency: its reference and date; the law firm's with the
            agency's id when empty.
    """

    id: Name
    name: str = ""
    share: Annotated[Decimal, BeforeValidator(exact), Field(gt=0, le=1000)] = Decimal(1)
    capacity: Annotated[int, Field(ge=0)] | None = None
    currencies: tuple[Currency, ...] = ()
    regions: tuple[str, ...] = ()
    risk_grades: tuple[RiskGrade, ...] = ()
    commission: tuple[CommissionBand, ...] = ()
    term_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    mandate: str = ""
    mandate_date: date | None = None
    files: AgencyFiles = AgencyFiles()

    def commission_percent(self, days_past_due: int) -> Decimal:
        """Return the commission, in percent, for a debt of an age; zero where no band is reached."""
        reached = [band for band in self.commission if band.from_days <= days_past_due]
        return max(reached, key=lambda band: band.from_days).percent if reached else Decimal(0)


class Placements(PolicyModel):
    """How cases go to agencies, where the policy names several.

    Attributes:
        at_most: agencies that a case may see, one after the other; placements that a hold ended are not counted.
        before_legal: so many must have failed before the case can be sued (`from: {agency: failed}`); fewer where no
            other agency can take it.
        retry_days: when all agencies are full, the case is offered again after so many days.
        acknowledge_within_hours: an agency that has not acknowledged a day's set by then is listed and alarmed.
        commission_on: `agency`, only what an agency reports that it was paid; `all`, what the bank was paid itself too,
            while an agency had the case.
        commission_after_recall_days: of a payment that was made up to so many days after a placement ended the agency
            still gets its commission; of a later one it gets none.
    """

    at_most: Annotated[int, Field(ge=1, le=20)] = 1
    before_legal: Annotated[int, Field(ge=1, le=20)] = 1
    retry_days: Annotated[int, Field(ge=1, le=365)] = 7
    acknowledge_within_hours: Annotated[int, Field(ge=1, le=720)] = 24
    commission_on: Literal["agency", "all"] = "agency"
    commission_after_recall_days: Days = 0


class Approval(PolicyModel):
    """A legal officer's word before a case is sued.

    Attributes:
        remind_every_days: after which a case that waits is named again.
        escalate_after_days: after which it is escalated, once.
    """

    remind_every_days: Annotated[int, Field(ge=1, le=365)] = 7
    escalate_after_days: Annotated[int, Field(ge=1, le=365)] = 14


class Legal(PolicyModel):
    """Courts.

    Attributes:
        approval: a legal officer approves each filing; without it none does.
        limitation_years: a claim is barred so many years after the oldest unpaid due date, and not filed from then on.
        warn_days: a case is on the list of `arrears legal due` so many days before.
        withdraw_when_paid: a case that is paid after it was filed tells the court the same day.
    """

    approval: Approval | None = None
    limitation_years: Annotated[int, Field(ge=1, le=30)] | None = None
    warn_days: Days = 180
    withdraw_when_paid: bool = False


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Policy(PolicyModel):
    """A whole policy.

    Attributes:
        cure_tolerance: arrears within this amount, equal included, are a cure (rules 1 and 8).
        stages: by name, in the order in which they follow each other.
        holds: the hold matrix, by reason; a reason that is not named is as rule 11 has it.
        disasters: where and when accounts are on hold because of one.
        instalments: which instalment plans are accepted, and how they are kept; without it none is.
        agency_id: who gets a placement while no agencies are named (rule 10).
        agencies: who gets placements; without it, all go to `agency_id`.
        rules: the packs of rules of contact that bind besides what is set here; looked up in `rules/` beside the
            policy's file, then among those that ship.
        without: rules of those packs that the bank does not follow, such as `cn/calls-a-day`; only a rule that is not
            verified can be left out.
        packs: what the packs hold. It is put in when the policy is read from its file, and published with it.
    """

    name: Name
    version: Annotated[str, Field(min_length=1, max_length=64)]
    cure_tolerance: Amounts = Field(default_factory=dict)
    stages: dict[StageName, Stage]
    monthly_reminder: MonthlyReminder | None = None
    freeze: Freeze | None = None
    contact: Contact = Contact()
    calls: Calls | None = None
    promises: Promises = Promises()
    holds: Holds = Field(default_factory=dict)
    disasters: tuple[Disaster, ...] = ()
    instalments: Instalments | None = None
    sms: Sms = Sms()
    bank: Bank = Bank()
    agency_id: Name = "default"
    agencies: tuple[Agency, ...] = ()
    placements: Placements = Placements()
    legal: Legal = Legal()
    rules: Annotated[tuple[Name, ...], BeforeValidator(_several, json_schema_input_type=Name | tuple[Name, ...])] = ()
    without: tuple[RuleName, ...] = ()
    packs: SkipJsonSchema[tuple[Pack, ...]] = ()

    @model_validator(mode="after")
    def _has_its_packs(self) -> "Policy":
        if self.rules != tuple(pack.name for pack in self.packs):
            msg = f"rules: {', '.join(self.rules)}: the packs come with the policy when it is read from its file"
            raise ValueError(msg)
        known = rule_names(self.packs)
        for name in self.without:
            if name not in known:
                msg = f"without: {name} is no rule of its packs"
                raise ValueError(msg)
            if known[name].verified:
                msg = f"without: {name} is verified ({known[name].source.where}), so it cannot be left out"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _hangs_together(self) -> "Policy":
        if not self.stages:
            msg = "stages: a policy needs at least one stage"
            raise ValueError(msg)
        if self.monthly_reminder is not None:
            for stage in self.monthly_reminder.stages:
                if stage not in self.stages:
                    msg = f"monthly_reminder: there is no stage {stage!r}"
                    raise ValueError(msg)
        ids = [agency.id for agency in self.agencies]
        for agency_id in ids:
            if ids.count(agency_id) > 1:
                msg = f"agencies: {agency_id} is there twice"
                raise ValueError(msg)
        for stage in self.sms.monthly_budget:
            if stage != "total" and stage not in self.stages:
                msg = f"sms.monthly_budget: there is no stage {stage!r}"
                raise ValueError(msg)
        for (earlier, one), (later, other) in pairwise(self.stages.items()):
            first, second = one.from_.days_past_due, other.from_.days_past_due
            if first is not None and second is not None and second < first:
                msg = f"stages: {later} would begin at {second} DPD, before {earlier} at {first} DPD"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _plans_in_stages_that_there_are(self) -> "Policy":
        for stage in self.instalments.stages if self.instalments is not None else ():
            if stage not in self.stages:
                msg = f"instalments.stages: there is no stage {stage!r}"
                raise ValueError(msg)
        return self

    def _places_before(self, name: str) -> Iterator[bool]:
        for earlier, stage in self.stages.items():
            if earlier == name:
                return
            yield any(step.action == "place_with_agency" for step in stage.steps)

    @property
    def label(self) -> str:
        """Name and version, as recorded with each decision."""
        return f"{self.name} {self.version}"

    @cached_property
    def bound(self) -> RulesInForce | None:
        """The rules of its packs; None for a policy that no rule binds."""
        rules = RulesInForce(self.packs, self.without) if self.packs else None
        return rules if rules is not None and rules.all else None

    @cached_property
    def ladder(self) -> tuple[StageName, ...]:
        """The names of the stages, in the order in which they follow each other."""
        return tuple(self.stages)

    @cached_property
    def stops_clock(self) -> bool:
        """Whether there are holds or plans whose days do not count toward stages."""
        by_holds = any(not rule.counts_days for rule in self.holds.values())
        return by_holds or (self.instalments is not None and not self.instalments.counts_days)

    @cached_property
    def term_days(self) -> int | None:
        """How long an agency keeps a case, in days (rule 6); None where no term is set."""
        return next((stage.term_days for stage in self.stages.values() if stage.term_days is not None), None)

    def stage_index(self, name: str | None) -> int:
        """Return a stage's place in the ladder; -1 for no stage yet.

        A stage that this policy does not have, since an earlier version put the case there, lies behind all of them:
        the case stays in it without steps, and does not go back.
        """
        if name is None:
            return -1
        return self.ladder.index(name) if name in self.stages else len(self.ladder)

    def stage(self, name: str | None) -> Stage | None:
        """Return a stage by its name; None for no stage yet, and for one that this policy does not have."""
        return None if name is None else self.stages.get(name)

    def stages_after(self, name: str | None) -> tuple[StageName, ...]:
        """Return the names of the stages that follow one; all of them for no stage yet."""
        return self.ladder[self.stage_index(name) + 1 :]

    def tolerance(self, currency: str) -> Decimal:
        """Return the arrears that still count as cured; zero for a currency that is not named (rule 9)."""
        return self.cure_tolerance.get(currency, ZERO)

    def opening_of_hours(self) -> time:
        """Return the time of day from which contacts are made; midnight where no hours are set."""
        return self.contact.hours[0] if self.contact.hours else time.min

    def within_hours(self, at: time | None) -> bool:
        """Say whether people may be contacted at a local time of day; `None` is a moment inside any hours."""
        hours = self.contact.hours
        return hours is None or at is None or hours[0] <= at < hours[1]

    def promise_window_days(self, stage: str | None, earlier_conversations: int) -> int | None:
        """Return how many days a promise may take (rule 12); None where the policy names no windows.

        The windows of the stage the case is in; where it has none, those of the nearest stage before it, then after.
        """
        names = self.ladder
        here = self.stage_index(stage)
        nearest = [*names[here::-1], *names[here + 1 :]] if here >= 0 else names
        for name in nearest:
            windows = self.stages[name].promise_windows_days
            if windows:
                return windows[min(earlier_conversations, len(windows) - 1)]
        return None

    def agency(self, agency_id: str) -> Agency | None:
        """Return an agency by its id; None for one that the policy does not name."""
        return next((agency for agency in self.agencies if agency.id == agency_id), None)

    def files_of(self, agency_id: str) -> AgencyFiles:
        """Return what an agency may write; the usual limits for one that the policy does not name."""
        agency = self.agency(agency_id)
        return AgencyFiles() if agency is None else agency.files

    def term_end(self, placed_on: date, term_days: int | None = None) -> date | None:
        """Return the date on which a placement's term is over (rule 6): its own, else the stage's; None for no term."""
        days = self.term_days if term_days is None else term_days
        return None if days is None else placed_on + timedelta(days=days)

    def warnings(self) -> list[str]:
        """Return what a collections manager should know though it is no error (rule 9 among it)."""
        found = [
            f"stages.{name}.steps: {step.action} has at_most {step.at_most} but no every_days, so it is done once"
            for name, stage in self.stages.items()
            for step in stage.steps
            if step.at_most is not None and step.at_most > 1 and step.every_days is None
        ]
        found += [
            f"stages.{name}: waits for the agency to fail, but no stage before it places with an agency"
            for name, stage in self.stages.items()
            if stage.from_.agency is not None and not any(self._places_before(name))
        ]
        currencies: set[str] = set(self.cure_tolerance)
        thresholds: dict[str, Amounts] = {"cure_tolerance": self.cure_tolerance}
        for name, stage in self.stages.items():
            thresholds[f"stages.{name}.minimum_arrears"] = stage.minimum_arrears
        if self.freeze is not None:
            thresholds["freeze.arrears_over"] = self.freeze.arrears_over
        if self.instalments is not None:
            thresholds["instalments.minimum_arrears"] = self.instalments.minimum_arrears
            thresholds["instalments.minimum_instalment"] = self.instalments.minimum_instalment
            thresholds["instalments.tolerance"] = self.instalments.tolerance
        for amounts in thresholds.values():
            currencies |= set(amounts)
        for place, amounts in thresholds.items():
            if amounts:
                found += [
                    f"{place}: no amount in {currency}, so it is not applied to {currency} accounts (rule 9)"
                    for currency in sorted(currencies - set(amounts))
                ]
        return found
