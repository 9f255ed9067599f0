"""What the bank, its callers and its agencies tell us of an account; each fact has the date it counts from.

Facts may arrive in any order, twice, or before their date. `Account` keeps those that still matter and answers
for any business date: what are the arrears, how many days past due, is there a hold.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from arrears.domain.dates import add_months, local_date
from arrears.domain.money import Money
from arrears.domain.value import changed, value

RiskGrade = Literal["low", "medium", "high"]
Phone = Literal["mobile", "work", "home", "family", "contact"]
HoldReason = Literal[
    "dispute",
    "hardship",
    "bankruptcy",
    "deceased",
    "fraud",
    "legal_stay",
    "represented",
    "complaint",
    "natural_disaster",
    "breathing_space",
    "other",
]
#: How far apart the instalments of a plan are.
Interval = Literal["month", "two_weeks", "week"]
CallOutcome = Literal[
    "no_answer", "busy", "invalid_number", "message_left", "right_party", "promise", "refused", "disputed"
]
#: What a cardholder is reached by: a number, or the billing address.
Means = Literal[Phone, "address"]
#: Results that are a conversation with the cardholder (rule 12).
CONVERSATIONS: frozenset[CallOutcome] = frozenset({"right_party", "promise", "refused", "disputed"})
#: The order in which a cardholder is called (docs/files.md).
PHONES: tuple[Phone, ...] = ("mobile", "work", "home", "family", "contact")
ZERO = Decimal(0)
#: What a number is not used for any more; at one that is `not_wanted` somebody asked not to be called.
NumberUse = Literal["call", "sms", "not_wanted"]
#: So many days of contacts are kept: the longest window that a rule of contact can have.
DAYS_KEPT = 92
#: A plan waits so long after its first instalment for a case to open.
_PLAN_IS_KEPT = timedelta(days=31)
#: A hold is remembered so long after its end; a policy's `not_again_within_months` asks for no more.
_HOLD_IS_KEPT = timedelta(days=2 * 366)


@value
class Extract:
    """An account as the bank saw it on one date. Holds nothing that identifies a person.

    Attributes:
        as_of: the date of the bank's extract; it is known from the start of that date.
        past_due: the arrears on that date.
        oldest_due: the oldest unpaid due date; days past due count from it. None where nothing is unpaid.
        timezone: IANA zone of the cardholder's place; business dates are dates there.
        phones: which numbers are on file, in calling order; the numbers themselves are kept apart.
        mailable: whether there is a billing address.
        guarantors: which of the numbers are those of a guarantor, who owes the debt too.
        renewed: which numbers, and whether the address, are others than those reported before.
    """

    as_of: date
    past_due: Money
    oldest_due: date | None
    timezone: str = "UTC"
    balance: Decimal | None = None
    minimum_due: Decimal | None = None
    credit_limit: Decimal | None = None
    risk_grade: RiskGrade | None = None
    language: str | None = None
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    sms_opt_out: bool = False
    phones: tuple[Phone, ...] = ()
    mailable: bool = False
    guarantors: tuple[Phone, ...] = ()
    renewed: tuple[Means, ...] = ()

    @property
    def owed(self) -> Decimal:
        """The most that is owed in all, as far as it is known: the balance, else what the limit allows."""
        in_all = self.balance if self.balance is not None else self.credit_limit
        return max(self.past_due.amount, in_all or ZERO)


@value
class Payment:
    """A payment. It counts from the start of `paid_on`, the date of `paid_at` at the account's place.

    Attributes:
        source: who reported it: `bank`, or `agency:<id>`.
    """

    payment_id: str
    paid_at: datetime
    amount: Money
    paid_on: date
    source: str = "bank"


@value
class Hold:
    """A reason to leave the account alone, from the date it is placed to the date it is lifted, excluded (rule 11).

    The messages may come in any order, and a hold may be placed again after it was lifted, on the same date too; so all
    of them are kept, and those of one date count in the order of their times. A date without a time is the start of the
    day for a placing and its end for a lifting.

    Attributes:
        placed: when it was placed, at the account's place, in order.
        lifted: when it was lifted, at the account's place, in order.
        review_on: when the bank wants it looked at.
    """

    hold_id: str
    reason: HoldReason
    placed: tuple[datetime, ...] = ()
    lifted: tuple[datetime, ...] = ()
    review_on: date | None = None

    def since(self, on: date) -> date | None:
        """Return the date since which the hold is in force on a date, or None when it is not."""
        placed = max((at for at in self.placed if at.date() <= on), default=None)
        if placed is None or any(placed <= at and at.date() <= on for at in self.lifted):
            return None
        return placed.date()

    def periods(self) -> list[tuple[date, date | None]]:
        """Return the times for which it is in force, in order: from a date to another, excluded; None for no end."""
        found: list[tuple[datetime, datetime | None]] = []
        for placed in self.placed:
            if not found or (found[-1][1] is not None and placed >= found[-1][1]):
                found.append((placed, min((at for at in self.lifted if at >= placed), default=None)))
        dated = [(since.date(), None if until is None else until.date()) for since, until in found]
        return [(since, until) for since, until in dated if since != until]

    @property
    def first_lifted(self) -> date | None:
        """The first date on which it was lifted."""
        return min(self.lifted).date() if self.lifted else None

    def over(self, on: date) -> bool:
        """Say whether the hold can never be in force on or after a date, by what is known."""
        if not self.placed or not self.lifted:
            return False
        return max(self.placed) <= max(self.lifted) and max(self.lifted).date() <= on


@value
class Plan:
    """An instalment plan as the bank agreed it with the cardholder.

    Attributes:
        instalments: how many.
        amount: of each.
        first_due: when the first one is due.
        every: how far apart they are; of months, the same day, or the last one of a shorter month.
        cancelled_on: from when on it is not in force any more, because the bank says so.
    """

    plan_id: str
    agreed_on: date
    instalments: int
    amount: Money
    first_due: date
    every: Interval = "month"
    cancelled_on: date | None = None

    @property
    def total(self) -> Decimal:
        """What the instalments come to together."""
        return self.instalments * self.amount.amount

    def due_on(self, number: int) -> date:
        """Return the date on which an instalment is due, counted from 1."""
        if self.every == "month":
            return add_months(self.first_due, number - 1)
        return self.first_due + timedelta(days=(14 if self.every == "two_weeks" else 7) * (number - 1))


@value
class Call:
    """The result of one call, as the call centre reports it.

    Attributes:
        not_wanted: numbers at which whoever answered asked not to be called any more.
    """

    call_id: str
    called_at: datetime
    called_on: date
    phone: Phone | None
    result: CallOutcome
    promised_amount: Decimal | None = None
    promised_on: date | None = None
    agent: str | None = None
    not_wanted: tuple[Phone, ...] = ()

    @property
    def is_conversation(self) -> bool:
        """Whether the cardholder was spoken to (rule 12)."""
        return self.result in CONVERSATIONS


@value
class Unusable:
    """A number that is not used any more for one purpose, such as one that is no number or takes no text.

    Attributes:
        on: the date from which it is not used.
    """

    phone: Phone
    use: NumberUse
    on: date


@value
class Reached:
    """A contact with an account that rules of contact count beyond the case in which it was made.

    Attributes:
        how: the action, or `conversation` for a call in which the cardholder was spoken to.
    """

    how: Literal["send_sms", "queue_call", "queue_letter", "conversation"]
    on: date
    phone: Phone | None = None


@value
class Renewed:
    """A number, or the billing address, that is another one from a date on: what failed before says nothing of it."""

    means: Means
    on: date


@value
class Account:
    """What is known of an account: extracts, payments and holds that count now or later.

    Attributes:
        extracts: by `as_of`; the newest that is not later than a date is the one in force on that date.
        payments: those that may still count against an extract.
        calls: call results that came in while no case was open and whose date may still fall into one.
        plans: instalment plans that came in while no case was open.
        unusable: numbers that are not used any more; they stay so when a case closes and another opens, until the bank
            reports another number.
        renewed: since when a number, or the billing address, is another one.
        opted_out_on: since when the cardholder wants no texts, by the network's list or by a reply.
        reached: conversations, and the contacts of cases that are closed, as far back as a rule may count.
    """

    account_id: str
    extracts: tuple[Extract, ...] = ()
    payments: tuple[Payment, ...] = ()
    holds: tuple[Hold, ...] = ()
    calls: tuple[Call, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    opted_out_on: date | None = None
    reached: tuple[Reached, ...] = ()
    renewed: tuple[Renewed, ...] = ()
    plans: tuple[Plan, ...] = ()

    def extract(self, on: date) -> Extract | None:
        """Return the extract in force on a date: the newest whose `as_of` is not later."""
        extracts = self.extracts
        if extracts and extracts[-1].as_of <= on:
            return extracts[-1]
        return next((extract for extract in reversed(extracts) if extract.as_of <= on), None)

    @property
    def timezone(self) -> str:
        """The account's zone by the oldest extract that is kept, which was in force when the account was last written.

        UTC while no extract is known. One of a later date says nothing of today.
        """
        return self.extracts[0].timezone if self.extracts else "UTC"

    def timezone_at(self, at: date) -> str:
        """Return the zone at an instant: by the last extract whose date is not later there, else by the first one."""
        known = (each.timezone for each in reversed(self.extracts) if each.as_of <= local_date(at, each.timezone))
        return next(known, self.timezone)

    @property
    def most_owed(self) -> Decimal:
        """The most that is owed in all by any extract that is kept."""
        return max((extract.owed for extract in self.extracts), default=ZERO)

    def arrears(self, on: date) -> Money | None:
        """Return the known arrears on a date, never below zero; None while no extract is known.

        A payment counts from its date, against the last extract when its date is later than that extract's
        `as_of` (one on the `as_of` date is taken to be in the extract). A payment in another currency never counts.
        """
        extract = self.extract(on)
        if extract is None:
            return None
        reported = extract.past_due
        amount = reported.amount
        for payment in self.payments:
            if extract.as_of < payment.paid_on <= on and payment.amount.currency == reported.currency:
                amount -= payment.amount.amount
        amount = max(amount, ZERO)
        return reported if amount is reported.amount else Money(amount, reported.currency)

    def days_past_due(self, on: date) -> int | None:
        """Return DPD: the business date minus the oldest unpaid due date, in days; None where nothing is due."""
        extract = self.extract(on)
        if extract is None or extract.oldest_due is None:
            return None
        return (on - extract.oldest_due).days

    def fact_dates(self) -> Iterator[date]:
        """Yield the dates on which a fact begins or ends to count."""
        for extract in self.extracts:
            yield extract.as_of
        for payment in self.payments:
            yield payment.paid_on
        for hold in self.holds:
            for at in (*hold.placed, *hold.lifted):
                yield at.date()

    def with_extract(self, extract: Extract) -> "Account":
        """Return the account with an extract added; one of the same `as_of` is replaced."""
        others = tuple(known for known in self.extracts if known.as_of != extract.as_of)
        extracts = tuple(sorted((*others, extract), key=lambda known: known.as_of))
        moved = changed(self, extracts=extracts)
        if extract.renewed:
            renewed = {*self.renewed, *(Renewed(means, extract.as_of) for means in extract.renewed)}
            moved = changed(moved, renewed=tuple(sorted(renewed, key=lambda each: (each.on, each.means))))
        if self.payments and {each.timezone for each in self.extracts} != {extract.timezone}:
            days = (local_date(payment.paid_at, moved.timezone_at(payment.paid_at)) for payment in self.payments)
            dated = tuple(changed(payment, paid_on=day) for payment, day in zip(self.payments, days, strict=True))
            return changed(moved, payments=dated)
        return moved

    def with_payment(self, payment: Payment) -> "Account":
        """Return the account with a payment added; one of the same id changes nothing."""
        if any(known.payment_id == payment.payment_id for known in self.payments):
            return self
        return changed(self, payments=(*self.payments, payment))

    def with_hold(
        self,
        hold_id: str,
        reason: HoldReason,
        *,
        placed: date | None = None,
        lifted: date | None = None,
        at: time | None = None,
        until: date | None = None,
        review_on: date | None = None,
    ) -> "Account":
        """Return the account with a hold placed or lifted; the messages may come in any order.

        Args:
            hold_id: of the hold.
            reason: of the hold.
            placed: the date on which it was placed.
            lifted: the date on which it was lifted.
            at: the time of day at the account's place; None where only the date was told.
            until: the date on which it is lifted, where that was told with the placing.
            review_on: when the bank wants it looked at; the last one told counts.
        """
        known = next((hold for hold in self.holds if hold.hold_id == hold_id), Hold(hold_id, reason))
        merged = Hold(
            hold_id,
            reason if placed is not None else known.reason,
            known.placed if placed is None else _with_moment(known.placed, placed, at or time.min),
            known.lifted if lifted is None else _with_moment(known.lifted, lifted, at or time.max),
            review_on or known.review_on,
        )
        if until is not None:
            merged = changed(merged, lifted=_with_moment(merged.lifted, until, time.max))
        others = tuple(hold for hold in self.holds if hold.hold_id != hold_id)
        return changed(self, holds=tuple(sorted((*others, merged), key=lambda hold: hold.hold_id)))

    def with_call(self, call: Call) -> "Account":
        """Return the account with a call result kept for the case it may fall into."""
        if any(known.call_id == call.call_id for known in self.calls):
            return self
        ordered = sorted((*self.calls, call), key=lambda known: (known.called_on, known.called_at.isoformat()))
        return changed(self.with_result(call), calls=tuple(ordered))

    def with_plan(self, plan: Plan) -> "Account":
        """Return the account with a plan kept for the case that opens; one of the same id is replaced."""
        others = tuple(known for known in self.plans if known.plan_id != plan.plan_id)
        return changed(self, plans=(*others, plan))

    def with_plan_cancelled(self, plan_id: str, on: date) -> "Account":
        """Return the account with a plan that is cancelled from a date on."""
        plans = tuple(changed(p, cancelled_on=on) if p.plan_id == plan_id else p for p in self.plans)
        return changed(self, plans=plans)

    def with_result(self, call: Call) -> "Account":
        """Return the account after a call: an invalid number is not called again, in whatever case.

        A conversation, and a wish not to be called, are kept beyond the case too.
        """
        account = self
        if call.is_conversation:
            account = account.with_reached([Reached("conversation", call.called_on, call.phone)])
        for phone in call.not_wanted:
            account = account.with_unusable(phone, "not_wanted", call.called_on)
        if call.result != "invalid_number" or call.phone is None:
            return account
        return account.with_unusable(call.phone, "call", call.called_on)

    def with_reached(self, contacts: Iterable[Reached]) -> "Account":
        """Return the account with contacts added; those that no rule can count any more are left out."""
        reached = sorted((*self.reached, *contacts), key=lambda one: one.on)
        if not reached:
            return self
        since = reached[-1].on - timedelta(days=DAYS_KEPT)
        return changed(self, reached=tuple(one for one in reached if one.on > since))

    def with_unusable(self, phone: Phone, use: NumberUse, on: date) -> "Account":
        """Return the account with a number that is not used any more; the first date counts.

        Where the bank has reported another number between two such dates, the later one is about the number of today. A
        wish not to be called stands for the number of today too.
        """
        known = self.unusable_on(phone, use)
        if known is not None:
            first, last = min(known, on), max(known, on)
            since = last if use != "not_wanted" and self.is_renewed(phone, first, last) else first
            if since == known:
                return self
        others = tuple(each for each in self.unusable if (each.phone, each.use) != (phone, use))
        return changed(self, unusable=(*others, Unusable(phone, use, on)))

    def unusable_on(self, phone: Phone, use: NumberUse) -> date | None:
        """Return the date from which a number is not used any more; None for one that never failed."""
        return next((each.on for each in self.unusable if each.phone == phone and each.use == use), None)

    def is_unusable(self, phone: Phone, use: Literal["call", "sms"], on: date) -> bool:
        """Say whether a number is not to be used on a date; another number that was reported since may be."""
        failed_on = self.unusable_on(phone, use) if self.unusable else None
        return failed_on is not None and failed_on <= on and not self.is_renewed(phone, failed_on, on)

    def is_renewed(self, means: Means, since: date, on: date) -> bool:
        """Say whether the bank has reported another number, or address, from one date through another."""
        return any(each.means == means and since <= each.on <= on for each in self.renewed)

    def with_opt_out(self, on: date) -> "Account":
        """Return the account of a cardholder who wants no more texts; the first date counts."""
        if self.opted_out_on is not None and self.opted_out_on <= on:
            return self
        return changed(self, opted_out_on=on)

    def pruned(self, on: date) -> "Account":
        """Return the account without what can no longer count on or after a date; keeps it small for ever."""
        if len(self.extracts) <= 1 and not (self.payments or self.holds or self.calls or self.plans):
            return self
        extract = self.extract(on)
        since = extract.as_of if extract is not None else date.min
        extracts = tuple(known for known in self.extracts if known.as_of >= since)
        payments = tuple(known for known in self.payments if known.paid_on > since)
        # A hold that is over may still have stopped the clock, or be too near to the next one.
        oldest_due = extract.oldest_due if extract is not None else None
        looked_back_to = min(on - _HOLD_IS_KEPT, oldest_due or date.max)
        holds = tuple(known for known in self.holds if not known.over(looked_back_to))
        calls = tuple(known for known in self.calls if known.called_on >= on)
        renewed = _latest(self.renewed, on)
        plans = tuple(known for known in self.plans if known.first_due + _PLAN_IS_KEPT >= on)
        if (len(extracts), len(payments), len(holds), len(calls), len(renewed), len(plans)) == (
            len(self.extracts),
            len(self.payments),
            len(self.holds),
            len(self.calls),
            len(self.renewed),
            len(self.plans),
        ):
            return self
        return changed(
            self, extracts=extracts, payments=payments, holds=holds, calls=calls, renewed=renewed, plans=plans
        )


def _latest(renewed: tuple[Renewed, ...], on: date) -> tuple[Renewed, ...]:
    """Return the last renewal of each means up to a date, and all later ones."""
    if len(renewed) <= 1:
        return renewed
    last = {each.means: each for each in renewed if each.on <= on}
    return tuple(each for each in renewed if each.on > on or last[each.means] is each)


def _with_moment(known: tuple[datetime, ...], on: date, at: time) -> tuple[datetime, ...]:
    return tuple(sorted({*known, datetime.combine(on, at)}))
