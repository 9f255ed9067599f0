"""Rules of contact: what a country's law says of when, how often and to whom, as data with its source.

A pack holds the rules of one country. A policy names its packs; a rule of a pack binds in addition to the bank's own
settings, whatever they say. How the rules are kept is in `keeping.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfoNotFoundError

from pydantic import Field, PlainSerializer, field_validator, model_validator

from arrears.domain.dates import zone
from arrears.domain.facts import DAYS_KEPT, HoldReason, Phone
from arrears.domain.policy_parts import Name, PolicyModel, StepAction, Times, Weekday, Window

Contacting = Literal["send_sms", "queue_call", "queue_letter"]
RuleId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
#: A rule by its pack and its id, such as `cn/calls-a-day`.
RuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[a-z][a-z0-9-]{0,63}$")]
Words = Annotated[str, Field(min_length=1, max_length=2000)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Zone = Annotated[str, Field(min_length=1, max_length=64)]
#: No window of a rule is longer than what an account keeps of its closed cases.
WindowDays = Annotated[int, Field(ge=1, le=DAYS_KEPT)]
#: Numbers at which somebody else than the cardholder answers.
THIRD_PARTIES: frozenset[Phone] = frozenset({"family", "contact"})


class Source(PolicyModel):
    """Where a rule is written.

    Attributes:
        law: the law, measure or handbook.
        article: the article or paragraph; empty where none was read.
        says: what it says, in our own words, in a sentence or two.
    """

    law: Words
    article: str = ""
    says: Words

    @property
    def where(self) -> str:
        """Law and article."""
        return f"{self.law} {self.article}".strip()


class BaseRule(PolicyModel):
    """What every rule has.

    Attributes:
        id: what the rule is called within its pack.
        source: where it is written.
        verified: whether the source was read and says this. What is not verified is a setting: it binds too, but a
            policy may name it under `without`.
    """

    id: RuleId
    source: Source
    verified: bool


class HoursRule(BaseRule):
    """When people are contacted, by the clock at the cardholder's place.

    Attributes:
        actions: what the rule limits.
        hours: from and to; the end is excluded.
        by_weekday: other hours on some days of the week; `null` for a day without any contact.
        holidays: dates on which `on_holidays` counts instead.
        on_holidays: hours on those dates; without it, nobody is contacted on them.
    """

    kind: Literal["hours"]
    actions: tuple[Contacting, ...] = ("send_sms", "queue_call")
    hours: Window
    by_weekday: dict[Weekday, Window | None] = Field(default_factory=dict)
    holidays: Annotated[frozenset[date], PlainSerializer(sorted)] = frozenset()
    on_holidays: Window | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "HoursRule":
        for start, end in filter(None, (self.hours, *self.by_weekday.values(), self.on_holidays)):
            if start >= end:
                msg = f"hours: the end must be later than the beginning, not {start:%H:%M} to {end:%H:%M}"
                raise ValueError(msg)
        return self

    @cached_property
    def closes_days(self) -> bool:
        """Whether there are dates on which nobody is contacted."""
        return None in self.by_weekday.values() or (bool(self.holidays) and self.on_holidays is None)


class CapRule(BaseRule):
    """At most so many in a rolling window.

    Attributes:
        actions: what is limited, and counted together where attempts are counted.
        counting: `attempts` counts what was tried; `conversations` those in which the cardholder was spoken to.
        per: whether those to the account are counted together, or each number or each third party by itself.
        at_most: so many in the window.
        in_days: the window: the date itself and the days before it.
    """

    kind: Literal["cap"]
    actions: tuple[Contacting, ...]
    counting: Literal["attempts", "conversations"] = "attempts"
    per: Literal["account", "number", "third_party"] = "account"
    at_most: Times
    in_days: WindowDays


class PauseRule(BaseRule):
    """No contact for some days after a conversation.

    Attributes:
        actions: what is not done.
        days: so many consecutive days, of which the day of the conversation is the first.
    """

    kind: Literal["pause_after_conversation"]
    actions: tuple[Contacting, ...] = ("queue_call",)
    days: WindowDays


class WishesRule(BaseRule):
    """A number is not called once the cardholder, or who answers there, has asked not to be called at it.

    Attributes:
        numbers: at which such a wish is kept.
    """

    kind: Literal["wishes"]
    numbers: tuple[Phone, ...]


class ThirdPartiesRule(BaseRule):
    """Other people than the cardholder are not called.

    Attributes:
        but: `guarantors` may be called, where the bank says whose number is a guarantor's; or `nobody`.
    """

    kind: Literal["third_parties"]
    but: Literal["guarantors", "nobody"]


class OptOutRule(BaseRule):
    """Each text says how to opt out.

    Attributes:
        words: by language, what shows it: each text holds one of them. A language that is not named falls back on the
            one before its hyphen.
    """

    kind: Literal["opt_out_wording"]
    words: dict[Language, Annotated[tuple[Words, ...], Field(min_length=1)]]


class LanguageRule(BaseRule):
    """Texts and letters are written in these languages, so that each cardholder of the country can read them.

    Attributes:
        languages: each template that a policy names is written in all of them.
    """

    kind: Literal["language"]
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]


class NoticeRule(BaseRule):
    """Notice that must be given before something is done.

    Attributes:
        before: what is done only after it.
        action: the notice.
        template: only a notice with this template counts; without it, any.
        days: so many days must have passed since it.
    """

    kind: Literal["notice"]
    before: StepAction
    action: StepAction = "queue_letter"
    template: Name | None = None
    days: WindowDays


class SuspendedRule(BaseRule):
    """While a hold stands, none of this is done, whatever else the policy lets go on under it.

    Attributes:
        holds: the reasons of the holds.
        actions: what is not done.
        days: for so many days after the hold was placed at the most; without it, until it is lifted.
    """

    kind: Literal["suspended"]
    holds: tuple[HoldReason, ...]
    actions: tuple[StepAction, ...] = ("send_sms", "queue_call", "place_with_agency", "file_legal")
    days: Annotated[int, Field(ge=1, le=3650)] | None = None

    def lasts(self, since: date, on: date) -> bool:
        """Say whether a hold that was placed on a date still suspends anything on another."""
        return self.days is None or (on - since).days < self.days


Rule = (
    HoursRule
    | CapRule
    | PauseRule
    | WishesRule
    | ThirdPartiesRule
    | OptOutRule
    | LanguageRule
    | NoticeRule
    | SuspendedRule
)
_R = TypeVar("_R", bound=BaseRule)


def _known_zone(name: str) -> None:
    try:
        zone(name)
    except (ZoneInfoNotFoundError, ValueError):
        msg = f"{name} is no IANA time zone"
        raise ValueError(msg) from None


class Pack(PolicyModel):
    """The rules of contact of one country, each with its source.

    Attributes:
        name: what a policy calls it by, as its file is named.
        title: what it is, for people.
        about: what was read and what was not, for whoever checks it.
        zones: the time zones of the country. Where the cardholder's is not known, hours are those that lie within the
            hours of all of them.
        regions: the zones of a postal region, by its code; they count where only the region is known.
        rules: the rules; none says that no source was read.
        not_held: what the law says beyond it that no rule here keeps, and where it is kept, if it is.
    """

    name: Name
    title: Words
    about: Words
    zones: tuple[Zone, ...] = ()
    regions: dict[str, tuple[Zone, ...]] = Field(default_factory=dict)
    rules: tuple[Annotated[Rule, Field(discriminator="kind")], ...] = ()
    not_held: tuple[Words, ...] = ()

    @field_validator("zones")
    @classmethod
    def _zones_exist(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        for name in zones:
            _known_zone(name)
        return zones

    @field_validator("regions")
    @classmethod
    def _regions_exist(cls, regions: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for zones in regions.values():
            for name in zones:
                _known_zone(name)
        return regions

    @model_validator(mode="after")
    def _each_once(self) -> "Pack":
        ids = [rule.id for rule in self.rules]
        for rule_id in ids:
            if ids.count(rule_id) > 1:
                msg = f"rules: {rule_id} is there twice"
                raise ValueError(msg)
        return self


@dataclass(frozen=True, eq=False)
class InForce:
    """A rule that a policy is bound by.

    Attributes:
        pack: the pack it comes from.
        rule: the rule.
    """

    pack: Pack
    rule: Rule

    @property
    def name(self) -> str:
        """The rule by its pack and its id."""
        return f"{self.pack.name}/{self.rule.id}"

    @cached_property
    def cite(self) -> str:
        """What stands behind a reason: pack, rule and source."""
        verified = "" if self.rule.verified else ", not verified"
        return f"({self.pack.name}: {self.rule.id}, {self.rule.source.where}{verified})"


class RulesInForce:
    """The rules that bind a policy, by their kinds.

    Args:
        packs: of the policy.
        without: rules that are not verified and that the bank does not follow.
    """

    def __init__(self, packs: Iterable[Pack], without: Iterable[str]) -> None:
        left_out = frozenset(without)
        known = (InForce(pack, rule) for pack in packs for rule in pack.rules)
        self.all = tuple(each for each in known if each.name not in left_out)
        self.hours = self.of(HoursRule)
        self.caps = self.of(CapRule)
        self.pauses = self.of(PauseRule)
        self.wishes = self.of(WishesRule)
        self.third_parties = self.of(ThirdPartiesRule)
        self.notices = self.of(NoticeRule)
        self.suspended = self.of(SuspendedRule)
        self._restricted: frozenset[str] = frozenset(
            {
                *(action for _, cap in self.caps for action in cap.actions),
                *(action for _, pause in self.pauses for action in pause.actions),
                *(action for _, rule in self.hours if rule.closes_days for action in rule.actions),
                *(notice.before for _, notice in self.notices),
            }
        )
        #: What was worked out before, by action, place and date (`keeping.py`).
        self.windows: dict[object, tuple[Window, ...]] = {}

    def of(self, kind: type[_R]) -> tuple[tuple[InForce, _R], ...]:
        """Return the rules of one kind."""
        return tuple((each, each.rule) for each in self.all if isinstance(each.rule, kind))

    def restricts(self, action: str) -> bool:
        """Say whether there can be dates on which an action may not be done."""
        return action in self._restricted


def rule_names(packs: Iterable[Pack]) -> Mapping[str, Rule]:
    """Return the rules of packs by their names."""
    return {f"{pack.name}/{rule.id}": rule for pack in packs for rule in pack.rules}
