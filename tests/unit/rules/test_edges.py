"""Each rule of each pack that ships, on both sides of its edge.

On one side the contact is made. On the other it is not, for a reason that names the rule; and were it not for the rule,
it would be made there too.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from arrears.adapters.settings import Clock
from arrears.domain.contact import cannot_be_contacted
from arrears.domain.decide import Wait, decide
from arrears.domain.events import HoldLifted, HoldPlaced
from arrears.domain.facts import Call
from arrears.domain.moment import Moment
from arrears.domain.rules import InForce, Pack
from arrears.domain.value import changed
from arrears.policy_file import PolicyFileError, load_policy
from arrears.simulate.player import DatedFact, Player
from tests.support.builders import ACCOUNT_ID, OPENS
from tests.support.played import called, fact
from tests.unit.rules.ruled import PACKS, bound, dates_of, lacking, many, somebody, why_not

if TYPE_CHECKING:
    from arrears.domain.policy_parts import Action

Shown = Callable[[Pack, Path], str]


class Edge(NamedTuple):
    """Both sides of a rule's edge: each gives the reason why nothing is done there, empty where something is.

    Attributes:
        inside: just within the rule.
        beyond: just beyond it.
    """

    inside: Shown
    beyond: Shown


def day(number: int) -> timedelta:
    """The time from the day on which the case opens to a later one; that day is the 1st."""
    return timedelta(days=number - 1)


# --- hours -----------------------------------------------------------------------------------------------------------
def at(hour: int, minute: int, timezone: str, action: str = "send_sms") -> Shown:
    def shown(pack: Pack, _: Path) -> str:
        return why_not(bound(pack, stages=many(action, 1)), at=time(hour, minute), who=somebody(timezone))

    return shown


def hours(timezone: str) -> list[Edge]:
    """08:00 and 07:59, 20:59 and 21:00; for texts and for calls."""
    return [
        edge
        for action in ("send_sms", "queue_call")
        for edge in (
            Edge(at(8, 0, timezone, action), at(7, 59, timezone, action)),
            Edge(at(20, 59, timezone, action), at(21, 0, timezone, action)),
        )
    ]


# --- caps and pauses -------------------------------------------------------------------------------------------------
def calls_on_a_day(number: int, at_most: int) -> Shown:
    """So many calls are wanted on the first day, and so many are made; why no more is."""

    def shown(pack: Pack, _: Path) -> str:
        policy = bound(pack, stages=many("queue_call", number))
        made = dates_of(policy, "queue_call", last=OPENS).count(f"{OPENS:%m-%d}")
        if made == number:
            return ""
        assert made == at_most
        return why_not(policy)

    return shown


def call_after_a_conversation(days: int, result: str) -> Shown:
    def shown(pack: Pack, _: Path) -> str:
        steps = {"action": "queue_call", "every_days": 1, "at_most": 99}
        policy = bound(pack, stages={"call": {"from": {"days_past_due": 1}, "steps": [steps]}})
        spoken = called(OPENS + day(2), "mobile", result)  # type: ignore[arg-type]  # one of the results
        on = OPENS + day(2) + day(days)
        made = dates_of(policy, "queue_call", spoken, last=on)
        return "" if f"{on:%m-%d}" in made else why_not(policy, spoken, on=on)

    return shown


# --- who is called ---------------------------------------------------------------------------------------------------
def family(guarantors: tuple[str, ...]) -> Shown:
    def shown(pack: Pack, _: Path) -> str:
        who = somebody(phones=("family",), guarantors=guarantors)
        policy = bound(pack, stages=many("queue_call", 1))
        return "" if dates_of(policy, "queue_call", last=OPENS, who=who) else why_not(policy, who=who)

    return shown


def asked_not_to_be_called(on: int) -> Shown:
    """Somebody at work asks on the third day not to be called there; what is the matter on another day?"""

    def shown(pack: Pack, _: Path) -> str:
        steps = {"action": "queue_call", "every_days": 1, "at_most": 99}
        policy = bound(pack, stages={"call": {"from": {"days_past_due": 1}, "steps": [steps]}})
        told = called(OPENS + day(3), "work", "message_left")
        assert isinstance(told.fact, Call)
        wish = DatedFact(told.on, changed(told.fact, not_wanted=("work",)))
        who, date = somebody(phones=("work",)), OPENS + day(on)
        made = dates_of(policy, "queue_call", wish, last=date, who=who)
        return "" if f"{date:%m-%d}" in made else why_not(policy, wish, on=date, who=who)

    return shown


def disputed(on: int) -> Shown:
    """A dispute is on hold from the third to the fifth day, that one not included."""

    def shown(pack: Pack, _: Path) -> str:
        policy, first = bound(pack, stages=many("queue_call", 1)), somebody()
        facts = [
            DatedFact(first.as_of, first),
            fact(OPENS + day(3), HoldPlaced("H", "dispute", OPENS + day(3))),
            fact(OPENS + day(5), HoldLifted("H", "dispute", OPENS + day(5))),
        ]
        case = Player(policy, first.as_of, OPENS + day(5)).play(ACCOUNT_ID, facts).last
        assert case is not None
        actions: tuple[Action, ...] = ("send_sms", "queue_call", "place_with_agency", "file_legal")
        return "; ".join(
            filter(None, (cannot_be_contacted(case, policy, action, OPENS + day(on)) for action in actions))
        )

    return shown


def breathing_space(on: int) -> Shown:
    """Breathing space begins on the second day and nobody lifts it."""

    def shown(pack: Pack, _: Path) -> str:
        policy, first, since = bound(pack, stages=many("queue_call", 1)), somebody(), OPENS + day(2)
        facts = [DatedFact(first.as_of, first), fact(since, HoldPlaced("H", "breathing_space", since))]
        case = Player(policy, first.as_of, since).play(ACCOUNT_ID, facts).last
        assert case is not None
        actions: tuple[Action, ...] = ("send_sms", "queue_call", "queue_letter", "place_with_agency", "file_legal")
        found = [cannot_be_contacted(case, policy, action, OPENS + day(on)) for action in actions]
        assert all(found) or not any(found)
        return "; ".join(filter(None, found))

    return shown


# --- templates -------------------------------------------------------------------------------------------------------
def text_of(wording: str, language: str = "en") -> Shown:
    def shown(pack: Pack, folder: Path) -> str:
        (folder / "rules").mkdir(exist_ok=True)
        (folder / "rules" / f"{pack.name}.yaml").write_text(pack.model_dump_json())
        text = f"{{bank}}: please call {{phone}}. {wording}"
        (folder / "note.yaml").write_text(f'channel: sms\ntexts: [{{language: {language}, text: "{text}"}}]')
        path = folder / "policy.yaml"
        steps = "[{action: send_sms, template: note}]"
        stages = f"{{reminder: {{from: {{days_past_due: 1}}, steps: {steps}}}}}"
        path.write_text(f'name: bank\nversion: "1"\nrules: {pack.name}\nstages: {stages}\n')
        try:
            load_policy(path)
        except PolicyFileError as refused:
            return str(refused)
        return ""

    return shown


EDGES: dict[str, list[Edge]] = {
    "cn/hours": hours("Asia/Shanghai"),
    "cn/calls-a-day": [Edge(calls_on_a_day(3, 3), calls_on_a_day(4, 3))],
    "cn/third-parties": [Edge(family(("family",)), family(())), Edge(family(("family",)), family(("contact",)))],
    "us-reg-f/hours": [*hours("America/New_York"), *hours("Pacific/Honolulu")],
    "us-reg-f/calls-7-in-7": [Edge(calls_on_a_day(7, 7), calls_on_a_day(8, 7))],
    "us-reg-f/pause-7-days": [
        Edge(call_after_a_conversation(8, result), call_after_a_conversation(days, result))
        for result in ("right_party", "refused", "disputed")
        for days in (1, 2, 7)
    ],
    "us-reg-f/opt-out": [
        Edge(text_of("Reply STOP to opt out."), text_of("Reply to opt out.")),
        Edge(text_of("拒收请回T", "zh-CN"), text_of("Reply STOP to opt out.", "zh-CN")),
        Edge(text_of("Reply STOP to opt out.", "en-GB"), text_of("Répondez STOP.", "fr")),
    ],
    "uk-conc/hours": hours("Europe/London"),
    "uk-conc/wishes": [Edge(asked_not_to_be_called(2), asked_not_to_be_called(on)) for on in (3, 4, 90)],
    "uk-conc/breathing-space": [
        Edge(breathing_space(1), breathing_space(2)),
        Edge(breathing_space(62), breathing_space(61)),  # placed on the 2nd day, it lasts 60
    ],
    "uk-conc/disputed-debt": [Edge(disputed(2), disputed(3)), Edge(disputed(5), disputed(4))],
}
SHOWN = [(name, edge) for name, edges in EDGES.items() for edge in edges]
RULES = {f"{pack.name}/{rule.id}": InForce(pack, rule) for pack in PACKS.values() for rule in pack.rules}


def test_every_rule_of_every_pack_is_shown_on_both_sides_of_its_edge() -> None:
    assert set(EDGES) == set(RULES)
    assert all(EDGES.values())


@pytest.mark.parametrize(("name", "edge"), SHOWN, ids=[f"{name}-{number}" for number, (name, _) in enumerate(SHOWN)])
def test_a_rule_is_kept_at_its_edge(name: str, edge: Edge, tmp_path: Path) -> None:
    known = RULES[name]

    assert edge.inside(known.pack, tmp_path) == ""
    assert known.cite in edge.beyond(known.pack, tmp_path)


@pytest.mark.parametrize(("name", "edge"), SHOWN, ids=[f"{name}-{number}" for number, (name, _) in enumerate(SHOWN)])
def test_it_is_this_rule_and_no_other_that_is_kept_there(name: str, edge: Edge, tmp_path: Path) -> None:
    known = RULES[name]

    assert edge.beyond(lacking(known.pack, known.rule.id), tmp_path) == ""


# --- over a change of clocks -----------------------------------------------------------------------------------------
#: Dates around a change of clocks, with the instant at which it is 08:00 there.
EIGHT_O_CLOCK = [
    ("America/New_York", "2005-04-02T13:00"),  # the clocks go forward on 3 April 2005
    ("America/New_York", "2005-04-03T12:00"),
    ("America/New_York", "2005-10-29T12:00"),  # and back on 30 October
    ("America/New_York", "2005-10-30T13:00"),
    ("Europe/London", "2005-03-26T08:00"),
    ("Europe/London", "2005-03-27T07:00"),
    ("Europe/London", "2005-10-29T07:00"),
    ("Europe/London", "2005-10-30T08:00"),
    ("America/Phoenix", "2005-04-03T15:00"),  # Arizona does not change its clocks
    ("America/Phoenix", "2005-10-30T15:00"),
    ("Asia/Shanghai", "2005-10-30T00:00"),
]


@pytest.mark.parametrize(("timezone", "instant"), EIGHT_O_CLOCK)
@pytest.mark.parametrize("name", ["us-reg-f", "uk-conc", "cn"])
def test_eight_o_clock_at_the_cardholders_place_over_a_change_of_clocks(name: str, timezone: str, instant: str) -> None:
    eight = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    on = eight.astimezone(ZoneInfo(timezone)).date()
    due = on - timedelta(days=1)
    who = changed(somebody(timezone), as_of=on, oldest_due=due)
    policy = bound(PACKS[name], stages=many("send_sms", 1))
    case = Player(policy, on, on).play(ACCOUNT_ID, [DatedFact(on, who)]).last
    assert case is not None
    fresh = changed(case, done=())

    def decided(instant: datetime) -> object:
        return decide(fresh, policy, Clock(instant).now(timezone))

    assert not isinstance(decided(eight), Wait)
    early = decided(eight - timedelta(minutes=1))
    assert isinstance(early, Wait)
    assert early.until == Moment(on, time(8))


@pytest.mark.parametrize(
    ("evening", "hours"), [("2005-04-03T02:00", 10), ("2005-10-30T01:00", 12), ("2005-06-01T01:00", 11)]
)
def test_a_wait_from_nine_to_eight_is_as_long_as_the_night_is(evening: str, hours: int) -> None:
    clock = Clock(datetime.fromisoformat(evening).replace(tzinfo=UTC))
    tonight = clock.now("America/New_York")
    assert tonight.at == time(21)

    seconds, _ = clock.until(Moment(tonight.on + timedelta(days=1), time(8)), "America/New_York")

    assert seconds == hours * 3600
