"""The bench still works: each part of it at its smallest, and the pages that are written of it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bench import pages
from bench.__main__ import measure
from bench.bill import Prices, bill
from bench.meter import read_units, size_of, write_units
from bench.pages import per_case, wanted
from bench.sizes import SMOKE
from tools.template import ROOT

PARTS = ["core", "several", "starts", "imports", "scans", "reference", "lives", "obvious"]


@pytest.fixture(scope="module")
def run() -> Mapping[str, Any]:
    return measure(SMOKE, PARTS)


def test_every_part_measures_something(run: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "results", lambda: run)

    assert run["core"]["same"]
    assert [one["rows"] for one in run["imports"]] == list(SMOKE.rows)
    assert {scan["read_units"] for scan in run["scans"]} == {8.0}
    assert len(wanted(run)) == 8
    for parts in pages.PARTS.values():
        for part in parts.values():
            assert part()


def test_the_same_is_done_as_by_the_obvious_design(run: Mapping[str, Any]) -> None:
    assert run["lives"]["cases"] == run["obvious"]["cases"] > 0
    assert run["lives"]["actions"] == run["obvious"]["actions"] > 0


def test_a_reference_case_is_ten_actions_and_forty_three_transitions(run: Mapping[str, Any]) -> None:
    """Ten turns of four, and the last: Assess, What next?, Closed."""
    reference = run["reference"]

    assert reference["actions"] == 10 * reference["cases"]
    assert per_case(reference)["state transitions"] == 43


def test_the_bill_is_the_counts_times_the_prices(run: Mapping[str, Any]) -> None:
    lines = {line.item: line for line in bill(run["reference"], Prices())}

    assert lines["Step Functions: state transitions"].dollars == pytest.approx(43 * 25)
    written = per_case(run["reference"])["write units"]
    assert lines["DynamoDB: write units"].dollars == pytest.approx(written * 0.625)


def test_units_are_by_dynamodbs_rules() -> None:
    assert size_of({"pk": {"S": "A"}, "n": {"N": "1234"}, "flag": {"BOOL": True}}) == 3 + 4 + 5
    assert [write_units(0, size, transaction=False) for size in (1, 1024, 1025)] == [1, 1, 2]
    assert write_units(2000, 900, transaction=True) == 4
    assert [read_units(size, consistent=True) for size in (0, 4096, 4097)] == [1, 1, 2]
    assert read_units(100, consistent=False) == 0.5


def test_the_documents_are_of_the_last_whole_run() -> None:
    kept = json.loads(pages.RESULTS.read_text(encoding="utf-8"))

    assert set(kept) <= {*PARTS, "machine"}
    for file, parts in pages.PARTS.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        for part in parts.values():
            assert part() in text, "run tools/make_docs.py with the project's Python"
