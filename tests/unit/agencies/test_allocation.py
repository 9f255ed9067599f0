"""The day's allocation: shares to within one case, capacity, never again, and why."""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, strategies as st

from arrears.domain.agencies import Candidate, able, allocate, why_not
from arrears.domain.events import AgencyAssigned, AgencyDeferred
from arrears.domain.facts import RiskGrade
from arrears.domain.policy import Policy
from tests.support.builders import policy

DAY = date(2006, 1, 9)
THREE: list[dict[str, Any]] = [
    {"id": "north", "share": 50},
    {"id": "south", "share": 30, "term_days": 60},
    {"id": "west", "share": 20, "risk_grades": ["medium", "high"]},
]


def case(number: int, *, had: tuple[str, ...] = (), grade: RiskGrade = "high") -> Candidate:
    case_id = f"C{number:04d}-20050602"
    return Candidate(case_id, f"{case_id}.agency.0.1", "CNY", "Shanghai", grade, had, 100)


def given_to(rules: Policy, cases: list[Candidate], held: dict[str, int] | None = None) -> dict[str, str | None]:
    """By case, the agency that gets it; None for a deferred one."""
    return {
        one.case_id: event.agency_id if isinstance(event, AgencyAssigned) else None
        for one, event in allocate(rules, DAY, cases, held or {})
    }


def test_shares_are_kept_to_within_one_case_on_a_day_of_fifty() -> None:
    counts = Counter(given_to(policy(agencies=THREE), [case(number) for number in range(50)]).values())

    assert counts == {"north": 25, "south": 15, "west": 10}


GRADES = st.sampled_from(["low", "medium", "high"])
AGENCIES = st.lists(
    st.tuples(st.integers(1, 60), st.lists(GRADES, unique=True, max_size=2), st.none() | st.integers(0, 8)),
    min_size=1,
    max_size=5,
)
CASES = st.lists(st.tuples(GRADES, st.frozensets(st.integers(0, 4), max_size=2)), max_size=60)


def _built(agencies: Any, cases: Any) -> tuple[Policy, list[Candidate]]:
    rules = policy(
        agencies=[
            {"id": f"a{number}", "share": share, "risk_grades": grades, "capacity": capacity}
            for number, (share, grades, capacity) in enumerate(agencies)
        ]
    )
    return rules, [
        case(number, grade=grade, had=tuple(f"a{each}" for each in sorted(had)))
        for number, (grade, had) in enumerate(cases)
    ]


@given(AGENCIES, CASES)
def test_no_agency_gets_what_it_cannot_take_or_had_or_has_no_room_for(agencies: Any, cases: Any) -> None:
    rules, wanted = _built(agencies, cases)
    outcomes = list(allocate(rules, DAY, wanted, {}))

    assert [one.case_id for one, _ in outcomes] == sorted(one.case_id for one in wanted)
    counts: Counter[str] = Counter()
    for one, event in outcomes:
        if isinstance(event, AgencyAssigned):
            agency = rules.agency(event.agency_id)
            assert agency is not None
            assert not why_not(agency, one)
            assert event.agency_id not in one.had
            counts[event.agency_id] += 1
        else:
            assert event.until > DAY
    for agency in rules.agencies:
        assert agency.capacity is None or counts[agency.id] <= agency.capacity


@given(AGENCIES, CASES)
def test_each_agency_has_its_share_of_what_it_can_take_to_within_one_case(agencies: Any, cases: Any) -> None:
    rules, wanted = _built([(share, grades, None) for share, grades, _ in agencies], cases)
    counts = Counter(given_to(rules, wanted).values())
    target: Counter[str] = Counter()
    for one in wanted:
        takers = able(rules, one)
        total = sum(agency.share for agency in takers)
        for agency in takers:
            target[agency.id] += agency.share / total  # type: ignore[assignment] # Decimals, counted
    for agency in rules.agencies:
        assert abs(counts[agency.id] - target[agency.id]) < 1


@given(AGENCIES, CASES, st.randoms())
def test_the_order_in_which_the_cases_came_does_not_matter(agencies: Any, cases: Any, random: Any) -> None:
    rules, wanted = _built(agencies, cases)
    shuffled = random.sample(wanted, len(wanted))

    assert list(allocate(rules, DAY, wanted, {})) == list(allocate(rules, DAY, shuffled, {}))


def test_the_reason_names_the_share_and_who_could_not_take_it() -> None:
    ((_, event),) = allocate(policy(agencies=THREE), DAY, [case(1, had=("north",), grade="low")], {})

    assert isinstance(event, AgencyAssigned)
    assert event.agency_id == "south"
    assert event.reason == (
        "south gets case 1 of its 1 of 2006-01-09: its share of cases like this is 100.0 %;"
        " north had the case before, west takes no low risk"
    )
    assert event.term_days == 60


def test_cases_that_an_agency_has_count_against_its_capacity() -> None:
    rules = policy(agencies=[{"id": "north", "capacity": 10}, {"id": "south", "capacity": 3}])
    counts = Counter(given_to(rules, [case(number) for number in range(12)], {"north": 4, "south": 3}).values())

    assert counts == {"north": 6, None: 6}


def test_a_case_for_which_nobody_has_room_is_deferred_and_says_so() -> None:
    rules = policy(agencies=[{"id": "north", "capacity": 0}], placements={"retry_days": 5})
    ((_, event),) = allocate(rules, DAY, [case(1)], {})

    assert isinstance(event, AgencyDeferred)
    assert event.until == date(2006, 1, 14)
    assert event.reason == "no agency has room for it; north is full"


def test_commission_goes_by_the_age_of_the_debt() -> None:
    bands = [{"from_days": 181, "percent": "20"}, {"from_days": 0, "percent": "15"}]
    agency = policy(agencies=[{"id": "north", "commission": bands}]).agencies[0]

    assert [agency.commission_percent(days) for days in (0, 180, 181, 999)] == [15, 15, 20, 20]
    assert policy(agencies=[{"id": "north"}]).agencies[0].commission_percent(10) == Decimal(0)
