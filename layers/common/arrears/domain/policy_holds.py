"""What a policy says of holds, disasters and instalment plans; `holds.py` and `plans.py` read it."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from arrears.domain.facts import HoldReason
from arrears.domain.policy_parts import (
    Action,
    Amounts,
    Days,
    Name,
    PolicyModel,
    StageName,
    Times,
    exact,
)

_Some = Annotated[int, Field(ge=1, le=3650)]


class Allowed(PolicyModel):
    """What goes on under a hold as it would without.

    Attributes:
        template: only with this text or letter; without it, with any.
    """

    action: Action
    template: Name | None = None


class HoldStep(PolicyModel):
    """Something that is sent because of a hold, such as the answer to a dispute or a statement of account.

    Attributes:
        after_days: first so many days after the hold was placed; 0 is the date itself.
        every_days: the next one so many days after the one before was sent; without it there is one only.
        at_most: how often while the hold lasts; without it, as long as it lasts.
    """

    action: Literal["send_sms", "queue_letter"]
    template: Name | None = None
    after_days: Days = 0
    every_days: _Some | None = None
    at_most: Times | None = None


class HoldRule(PolicyModel):
    """One row of the hold matrix: what a hold of one reason does. What is left out is as rule 11 has it.

    Attributes:
        allows: the actions that go on; the calls that are queued are taken back unless `queue_call` is one of them.
        enters_stages: whether the case enters further stages meanwhile.
        steps: what is sent because of the hold.
        recalls: whether a placement is recalled on the hold's date; otherwise the agency keeps the case.
        counts_days: whether the days go on counting toward stages; otherwise the date of each threshold is later by
            the days of the hold. Days of several holds count once.
        ends_after_days: it is over so many days after it was placed, unless it is lifted before.
        review_after_days: so many days after it was placed the case is put on the operator's list,
        review_within_days: with the last day on which it is to be looked at, so many days after it was placed.
        not_again_within_months: one that is placed sooner after the end of the one before does not count; the case is
            put on the operator's list.
    """

    allows: tuple[Allowed, ...] = ()
    enters_stages: bool = False
    steps: tuple[HoldStep, ...] = ()
    recalls: bool = True
    counts_days: bool = True
    ends_after_days: _Some | None = None
    review_after_days: _Some | None = None
    review_within_days: _Some | None = None
    not_again_within_months: Annotated[int, Field(ge=1, le=24)] | None = None

    @model_validator(mode="after")
    def _review_in_order(self) -> "HoldRule":
        first, last, end = self.review_after_days, self.review_within_days, self.ends_after_days
        if last is not None and (first is None or last < first):
            msg = "review_within_days: comes with review_after_days, and is no smaller"
            raise ValueError(msg)
        if first is not None and end is not None and first >= end:
            msg = f"review_after_days: the hold is over after {end} days"
            raise ValueError(msg)
        return self

    def allow(self, action: Action, template: str | None) -> bool:
        """Say whether an action goes on while the hold is in force."""
        return any(each.action == action and each.template in (None, template) for each in self.allows)

    def lets_out(self, action: Action, template: str | None) -> bool:
        """Say whether something may be sent because of another hold: what this one allows, or sends itself."""
        own = any((step.action, step.template) == (action, template) for step in self.steps)
        return own or self.allow(action, template)


class Disaster(PolicyModel):
    """A natural disaster: the accounts of its regions are on hold (`natural_disaster`) as long as the bank says.

    Attributes:
        name: as the reasons say it.
        regions: as in the column `region` of the portfolio, in whatever case.
        postal_codes: beginnings of postal codes; an account with one of them is in the region too.
        from: the first date of the hold.
        to: the last date of the hold; without it, until the policy says one.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)] = "natural disaster"
    regions: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    postal_codes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    from_: date = Field(alias="from")
    to: date | None = None

    @model_validator(mode="after")
    def _says_where_and_when(self) -> "Disaster":
        if not self.regions and not self.postal_codes:
            msg = "regions: say where: regions or postal_codes"
            raise ValueError(msg)
        if self.to is not None and self.to < self.from_:
            msg = f"to: {self.to} is before {self.from_}"
            raise ValueError(msg)
        return self


class Instalments(PolicyModel):
    """Which instalment plans are accepted, and how they are kept. Without it none is.

    In China article 70 of the Measures on credit-card business of commercial banks lets an individual plan be agreed;
    that it has 60 instalments at most was not verified, so it is a setting here.

    Attributes:
        stages: in which a case may get one; without it, in all of them, and before the first.
        minimum_arrears: only for arrears of at least this, by currency.
        at_most: instalments of a plan.
        minimum_instalment: an instalment is at least this, by currency.
        minimum_share: of the arrears, that the instalments come to together.
        first_within_days: the first one is due so many days after the plan was agreed at most.
        plans_per_case: so many plans at most; one that was missed counts, one that was cancelled does not.
        grace_days: an instalment is missed when it is not paid so many days after it was due.
        tolerance: an instalment counts as paid when no more than this is lacking in all, by currency.
        remind_days_before: one text goes out so many days before each instalment; without it, none.
        template: of that text.
        agency: whether an agency that has the case keeps it while a plan is kept, or it is recalled.
        counts_days: whether the days of a plan count toward stages; otherwise the case goes on where it was.
    """

    stages: tuple[StageName, ...] = ()
    minimum_arrears: Amounts = Field(default_factory=dict)
    at_most: Annotated[int, Field(ge=1, le=600)] = 60
    minimum_instalment: Amounts = Field(default_factory=dict)
    minimum_share: Annotated[Decimal, BeforeValidator(exact), Field(gt=0, le=1)] | None = None
    first_within_days: Days | None = None
    plans_per_case: Times | None = None
    grace_days: Days = 0
    tolerance: Amounts = Field(default_factory=dict)
    remind_days_before: Days | None = None
    template: Name = "instalment_reminder"
    agency: Literal["keeps", "recalled"] = "keeps"
    counts_days: bool = False


Holds = dict[HoldReason, HoldRule]
