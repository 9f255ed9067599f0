"""A day on which the sample's overdue accounts go to the agencies of the policy that says everything."""

import csv
import gzip
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

from arrears.domain.agencies import Candidate, allocate
from arrears.domain.events import AgencyAssigned
from arrears.policy_file import load_policy
from arrears.resources import resource

SAMPLE = Path(__file__).resolve().parents[3] / "infra/local/sample"
DAY = date(2005, 10, 1)


def overdue() -> list[Candidate]:
    """Every account of the sample that owed something in an extract, as that one has it."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(SAMPLE.rglob("portfolio/*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as opened:
            found |= {row["account_id"]: row for row in csv.DictReader(opened) if Decimal(row["past_due_amount"])}
    return [
        Candidate(f"{account_id}-{DAY:%Y%m%d}", account_id, row["currency"], row["region"], row["risk_grade"], (), 100)  # type: ignore[arg-type] # one of the grades
        for account_id, row in sorted(found.items())
    ]


def test_each_agency_has_its_share_of_the_cases_it_takes_to_within_one_and_each_case_says_why() -> None:
    rules, cases = load_policy(resource("tw-credit-card-full.yaml")).policy, overdue()
    grades = Counter(case.risk_grade for case in cases)
    assert len(cases) >= 50
    assert len(grades) > 1, "not all of one grade, or every agency could take every case"

    given: Counter[str] = Counter()
    for case, event in allocate(rules, DAY, cases, {}):
        assert isinstance(event, AgencyAssigned)
        given[event.agency_id] += 1
        assert event.reason.startswith(f"{event.agency_id} gets case {given[event.agency_id]} of its ")
        assert "its share of cases like this is " in event.reason
        assert ("west takes no low risk" in event.reason) == (case.risk_grade == "low")

    # 50, 30 and 20 parts; without west, which takes no low risk and at most 40, it is 50 and 30 of 80.
    low, others = grades["low"], len(cases) - grades["low"]
    target = {
        "north": low * Decimal(50) / 80 + others * Decimal(50) / 100,
        "south": low * Decimal(30) / 80 + others * Decimal(30) / 100,
        "west": others * Decimal(20) / 100,
    }
    assert set(given) == set(target)
    for agency_id, wanted in target.items():
        assert abs(given[agency_id] - wanted) <= 1, agency_id
