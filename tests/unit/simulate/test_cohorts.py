"""Accounts that go the same way are played together, and each is told what it would be told by itself."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings, strategies as st

from arrears.domain.case import Case
from arrears.domain.dates import ONE_DAY
from arrears.domain.events import HoldPlaced
from arrears.domain.facts import PHONES, Extract, Payment
from arrears.domain.money import Money
from arrears.domain.policy import Policy, Stage
from arrears.policy_file import load_policy
from arrears.resources import resource
from arrears.simulate import Inputs, Played, Player, simulate
from arrears.simulate.cohorts import Cohorts, Told
from arrears.simulate.player import DatedFact, Then
from tests.unit.rules.ruled import bound, pack
from tests.unit.simulate.conftest import POLICY
from tests.yardstick.plain_player import read

ROOT = Path(__file__).parents[3]
WHOLE, SAMPLE = ROOT.parent / "shared/data", ROOT / "infra/local/sample"
FIRST, LAST = date(2005, 4, 3), date(2006, 6, 30)
#: Every amount of the policies below, and what lies closely on both sides.
AMOUNTS = [Decimal(at) + Decimal(by) for at in ("1.00", "5000.00", "50000.00") for by in ("-0.01", "0", "0.01")]
POLICIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "by the book": {
        "freeze": {"arrears_over": {"TWD": "50000.00"}, "after_collections": 2, "apart_days": 10},
        "monthly_reminder": {"day": 5, "stages": ["reminder", "call"]},
        "legal": {"approval": {}, "limitation_years": 1},
    },
    "for each as it is": {
        "freeze": {"arrears_over": {"TWD": "5000.00"}},
        "calls": {"numbers": ["mobile", "work"], "tries_per_number": 2},
        "contact": {
            "days": ["mon", "tue", "wed", "thu", "fri"],
            "one_of_a_kind_a_day": True,
            "caps": [{"at_most": 3, "in_days": 14}],
            "fallback": {"send_sms": {"action": "queue_letter"}, "queue_call": {"action": "send_sms"}},
        },
        "disasters": [{"name": "flood", "regions": ["North"], "from": "2005-06-01", "to": "2005-06-20"}],
    },
}


def policy(name: str) -> Policy:
    if name in POLICIES:
        return Policy.model_validate(POLICY | POLICIES[name])
    return load_policy(resource(f"{name}.yaml")).policy


def owes(amount: object, on: date = FIRST, due: int = 5, **other: Any) -> DatedFact:
    known: dict[str, Any] = {"timezone": "Asia/Taipei", "phones": ("mobile",), "mailable": True} | other
    past_due = Money(Decimal(str(amount)), known.pop("currency", "TWD"))
    oldest_due = on - timedelta(days=due) if past_due.amount else None
    return DatedFact(on, Extract(on, past_due, oldest_due, **known))


def pays(amount: object, on: date, name: str = "P") -> DatedFact:
    at = datetime.combine(on, datetime.min.time(), UTC)
    return DatedFact(on, Payment(f"{name}{on}", at, Money(Decimal(str(amount)), "TWD"), on))


def told_alike(player: Player, accounts: Sequence[Sequence[DatedFact]], cohorts: Cohorts | None = None) -> list[bool]:
    """Check that each account is told what it is by itself; return which were played with others."""
    cohorts, shared = cohorts or Cohorts(player), []
    for number, facts in enumerate(accounts):
        account_id = f"A{number}"
        played, alone = cohorts.play(account_id, facts), player.play(account_id, facts)
        assert list(played.rows()) == list(alone.rows())
        assert (played.last is None or not played.last.is_open) == (alone.last is None or not alone.last.is_open)
        if isinstance(played, Told):
            if played.last is not None and alone.last is not None:
                assert played.last.stage == alone.last.stage
                assert played.arrears == alone.last.arrears(player.last)
            owed = {(row.date, row.action): owed for row, owed in zip(played.happened, played.owed, strict=True)}
            for event in (story[0] for story in alone.stories):
                assert owed[event.on, "case_opened"] == event.account.arrears(event.on)  # type: ignore[union-attr]
        shared.append(isinstance(played, Told))
    return shared


# --- real accounts ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["tw-credit-card", "cn-credit-card"])
def test_real_accounts_are_told_what_they_are_by_themselves(name: str) -> None:
    files = [sorted(SAMPLE.glob("*/portfolio/*")), sorted(SAMPLE.glob("*/payments/*"))]
    accounts = [[DatedFact(on, fact) for on, fact in facts] for facts in read(*files).values()]
    player = Player(policy(name), FIRST, LAST, approve_after=3)
    cohorts = Cohorts(player)
    assert all(told_alike(player, accounts, cohorts))
    assert cohorts.decided < cohorts.followed


@pytest.mark.skipif(not WHOLE.is_dir(), reason="the sample portfolio is not beside this checkout")
def test_every_third_account_of_the_whole_portfolio() -> None:
    known = read(*(sorted((WHOLE / kind).iterdir()) for kind in ("portfolio", "payments")))
    accounts = [[DatedFact(on, fact) for on, fact in known[account_id]] for account_id in sorted(known)[::3]]
    player = Player(policy("tw-credit-card"), FIRST, LAST)
    cohorts = Cohorts(player)
    assert all(told_alike(player, accounts, cohorts))
    assert 2 * cohorts.decided < cohorts.followed


@pytest.mark.parametrize("approve_after", [None, 3])
def test_a_simulation_writes_the_same_files(tmp_path: Path, approve_after: int | None) -> None:
    inputs = Inputs(sorted(SAMPLE.glob("*/portfolio")), sorted(SAMPLE.glob("*/payments")))

    def written(name: str) -> dict[str, bytes]:
        simulate(inputs, policy("tw-credit-card"), FIRST, LAST, tmp_path / name, approve_after=approve_after)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    together = written("together")
    with patch("arrears.simulate.run.Cohorts", lambda player: player):
        assert written("alone") == together


# --- made-up accounts ------------------------------------------------------------------------------------------------
dates = st.sampled_from([FIRST + timedelta(days=7 * week) for week in range(14)])
amounts = st.sampled_from([Decimal(0), *AMOUNTS, *AMOUNTS])
extracts = st.builds(
    owes,
    amounts,
    dates,
    st.sampled_from([0, 1, 14, 70, 100]),
    risk_grade=st.sampled_from([None, "high"]),
    sms_opt_out=st.sampled_from([False, False, True]),
    phones=st.sampled_from([("mobile",), (), ("work",), PHONES]),
    mailable=st.sampled_from([True, True, False]),
    region=st.sampled_from([None, "North"]),
    currency=st.sampled_from(["TWD", "TWD", "TWD", "USD"]),
)
payments = st.builds(pays, st.sampled_from([*AMOUNTS, Decimal("0.01"), Decimal("0.02")]), dates, st.sampled_from("PQ"))


def _each_once(facts: Iterable[DatedFact]) -> list[DatedFact]:
    return list({(type(each.fact), each.on, getattr(each.fact, "payment_id", "")): each for each in facts}.values())


@given(
    st.sampled_from([*POLICIES, "tw-credit-card", "cn-credit-card"]),
    st.lists(st.lists(extracts | payments, min_size=1, max_size=7).map(_each_once), min_size=2, max_size=6),
    st.sampled_from([None, 0, 3]),
    st.sampled_from([0, 7, 10_000]),
)
@settings(max_examples=25, deadline=None)
def test_accounts_on_both_sides_of_every_amount(
    name: str, accounts: list[list[DatedFact]], approve_after: int | None, most_steps: int
) -> None:
    player = Player(policy(name), FIRST, FIRST + timedelta(days=250), approve_after=approve_after)
    cohorts = Cohorts(player, most_steps)
    assert all(told_alike(player, [*accounts, *accounts], cohorts))
    assert cohorts.kept <= most_steps
    assert cohorts.decided <= cohorts.followed


def test_what_differs_in_name_and_amount_only_is_decided_once() -> None:
    player = Player(policy("by the book"), FIRST, LAST)
    cohorts = Cohorts(player)
    told_alike(player, [[owes("6000.00"), pays("100.00", FIRST + timedelta(days=40))]], cohorts)
    decided = cohorts.decided
    told_alike(player, [[owes("7123.45"), pays("99.95", FIRST + timedelta(days=40))]], cohorts)
    assert cohorts.decided == decided
    told_alike(player, [[owes("5000.01"), pays("0.02", FIRST + timedelta(days=40))]], cohorts)
    assert cohorts.decided > decided


def test_each_reason_names_the_accounts_own_arrears() -> None:
    cohorts = Cohorts(Player(policy("for each as it is"), FIRST, FIRST))
    for amount in ("6000.00", "7123.45"):
        rows = list(cohorts.play(f"of {amount}", [owes(amount)]).rows())
        assert rows[0].reason == f"{amount} TWD past due, 5 DPD on 2005-04-03"
        assert rows[-1].reason == f"arrears {amount} TWD exceed the freeze threshold after 0 collections (rule 13)"
    assert cohorts.decided == 1


def test_no_more_is_remembered_than_may_be() -> None:
    cohorts = Cohorts(Player(policy("plain"), FIRST, LAST), 5)
    for due in range(1, 20):
        cohorts.play("A", [owes("6000.00", due=due)])
    assert cohorts.kept == 5


def test_contacts_of_a_closed_case_are_each_accounts_own() -> None:
    """A cap of a rule of contact counts them: who had a case before is texted later than who had none."""
    cap = {"kind": "cap", "actions": ["send_sms"], "at_most": 1, "in_days": 30}
    player = Player(bound(pack(cap), stages=POLICY["stages"]), FIRST, FIRST + timedelta(days=90))
    again, paid = owes(6000, FIRST + timedelta(days=14)), owes(0, FIRST + timedelta(days=7))
    late = owes(6000, FIRST + timedelta(days=3), due=1)
    accounts = [[again], [owes(6000), paid, again], [late, paid, again], [owes(6000), paid, again]]
    assert all(told_alike(player, accounts))
    texted = [[row.date for row in player.play("A", facts).rows() if row.action == "send_sms"] for facts in accounts]
    assert len({tuple(dates[-1:]) for dates in texted[:3]}) == 3


def test_who_comes_to_a_stage_on_another_date_stands_elsewhere() -> None:
    """Neither was contacted in any way before; the reason of the first call tells them apart."""
    reached = FIRST + timedelta(days=20)
    accounts = [[owes(6000, due=due, phones=()), owes(6000, reached, due=due + 20)] for due in (5, 7)]
    player = Player(policy("plain"), FIRST, reached)
    assert all(told_alike(player, accounts))
    last = [list(player.play("A", facts).rows())[-1] for facts in accounts]
    assert last[0].date == last[1].date
    assert last[0].reason != last[1].reason


# --- by themselves ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "facts",
    [
        [owes(6000), DatedFact(FIRST, HoldPlaced("H", "dispute", FIRST))],
        [owes(6000), owes(6000, FIRST + timedelta(days=7), timezone="Asia/Tokyo")],
        [owes(6000, renewed=("mobile",))],
        [owes(6000), pays(9, FIRST), pays(9, FIRST)],
        [DatedFact(FIRST, owes(6000, FIRST + ONE_DAY).fact)],
        [owes(6000), DatedFact(FIRST, pays(6000, FIRST + ONE_DAY).fact)],
    ],
    ids=["a hold", "another zone", "another number", "a payment told twice", "a later extract", "a later payment"],
)
def test_an_account_of_which_more_is_known_is_played_by_itself(facts: list[DatedFact]) -> None:
    player = Player(policy("by the book"), FIRST, LAST)
    cohorts = Cohorts(player)
    assert told_alike(player, [[owes(6000)], facts, [owes(6000)]], cohorts) == [True, False, True]


def test_agencies_and_a_roll_out_are_played_account_by_account() -> None:
    several = policy("tw-credit-card-full")
    one = policy("by the book")
    for player in (Player(several, FIRST, FIRST), Player(one, FIRST, FIRST, then=Then(several, FIRST))):
        assert isinstance(Cohorts(player).play("A", [owes(6000)]), Played)


# --- rules that there are not yet ------------------------------------------------------------------------------------
def _asks_what_cannot_be_answered() -> list[Any]:
    def doubled(case: Case, _stage: Stage, on: date) -> bool:
        return case.arrears(on).amount * 2 >= Decimal(9000)

    def earlier(case: Case, _stage: Stage, on: date) -> bool:
        return case.arrears(on - 30 * ONE_DAY).amount >= Decimal(5000)

    def unpaid(case: Case, _stage: Stage, _on: date) -> bool:
        return not case.account.payments

    def paid(case: Case, _stage: Stage, _on: date) -> bool:
        return sum(payment.amount.amount for payment in case.payments) > 0

    def reported(case: Case, _stage: Stage, _on: date) -> bool:
        return len(case.account.extracts) == 1

    return [doubled, earlier, unpaid, paid, reported]


ODD = [
    [owes(amount, due=200), pays(paid, FIRST + timedelta(days=9))]
    for amount in ("777.00", "777.01", "4500.00", "5001.00")
    for paid in ("0.01", "2.00")
]


@pytest.mark.parametrize("rule", _asks_what_cannot_be_answered(), ids=lambda rule: rule.__name__)
def test_a_rule_that_asks_what_only_the_account_can_tell(rule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arrears.domain.stages.minimum_reached", rule)
    assert not any(told_alike(Player(policy("by the book"), FIRST, LAST), ODD))


def test_a_rule_with_an_amount_of_its_own_tells_accounts_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def enough(case: Case, _stage: Stage, on: date) -> bool:
        return case.arrears(on).amount >= Decimal(777)

    monkeypatch.setattr("arrears.domain.stages.minimum_reached", enough)
    monkeypatch.setattr("arrears.domain.decide.minimum_reached", enough)
    assert all(told_alike(Player(policy("by the book"), FIRST, LAST), ODD))


def test_a_rule_that_looks_at_another_field_tells_accounts_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def abroad(case: Case, _stage: Stage, on: date) -> bool:
        extract = case.account.extract(on)
        return extract is not None and extract.country == "TW"

    monkeypatch.setattr("arrears.domain.stages.minimum_reached", abroad)
    player = Player(policy("by the book"), FIRST, LAST)
    assert all(told_alike(player, [[owes(6000, due=200, country=country)] for country in ("TW", "JP", "TW")]))
