"""A small policy and a simulator for rows that a test writes down."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from arrears.domain.policy import Policy
from arrears.files import Kind
from arrears.simulate import Inputs, simulate
from tests.unit.simulate.files import write

POLICY: dict[str, Any] = {
    "name": "test",
    "version": "1",
    "cure_tolerance": {"TWD": "1.00"},
    "stages": {
        "reminder": {
            "from": {"days_past_due": 1},
            "steps": [{"action": "send_sms", "every_days": 7, "at_most": 2}],
        },
        "call": {
            "from": {"days_past_due": 15},
            "steps": [{"action": "queue_call", "every_days": 3, "at_most": 3}],
            "promise_windows_days": [7, 3],
        },
        "lawyer_letter": {
            "from": {"days_past_due": 60},
            "steps": [{"action": "queue_letter", "at_most": 1}],
        },
        "agency": {
            "from": {"months_past_due": 3},
            "requires": [{"action": "queue_letter", "at_least_days_ago": 14}],
            "steps": [{"action": "place_with_agency", "at_most": 1}],
            "term_days": 90,
        },
        "legal": {
            "from": {"agency": "failed"},
            "minimum_arrears": {"TWD": "5000.00"},
            "steps": [{"action": "file_legal", "at_most": 1}],
        },
    },
}

Simulate = Callable[..., list[str]]


@pytest.fixture
def policy() -> Policy:
    return Policy.model_validate(POLICY)


@pytest.fixture
def play(tmp_path: Path, policy: Policy) -> Simulate:
    """Play rows by kind; returns what happens as `MM-DD stage action`, the account left out."""

    def played(first: str, last: str, **rows: list[dict[str, str | None]]) -> list[str]:
        kinds: tuple[Kind, ...] = get_args(Kind)
        files = {kind: [write(tmp_path / f"{kind}.csv", kind, rows[kind])] for kind in kinds if kind in rows}
        simulate(Inputs(**files), policy, date.fromisoformat(first), date.fromisoformat(last), tmp_path / "out")
        with (tmp_path / "out" / "timeline.csv").open(newline="") as file:
            return [f"{row['date'][5:]} {row['stage'] or '-'} {row['action']}" for row in csv.DictReader(file)]

    return played
