"""The bench still works: each part of it at its smallest, and the pages that are written of it."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from bench import obvious, pages
from bench.__main__ import measure
from bench.bill import Prices, bill
from bench.life import Lives
from bench.meter import Count, Meter, read_units, size_of, write_units
from bench.pages import per_case, wanted
from bench.sizes import SMOKE
from tests.support.stack import ACCOUNT, REGION, moto_stack
from tools.template import ROOT

PARTS = [
    "core",
    "several",
    "starts",
    "imports",
    "scans",
    "reference",
    "obvious_reference",
    "lives",
    "obvious",
    "leanest",
]


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


@pytest.mark.parametrize("design", ["obvious", "leanest"])
def test_the_same_is_done_as_by_the_other_designs(run: Mapping[str, Any], design: str) -> None:
    for what in ("cases", "closed", "actions", "days_open", "ends", "rows"):
        assert run["lives"][what] == run[design][what], what
    assert run["lives"]["actions"] > 0


def test_the_obvious_design_is_a_state_machine_whose_nights_cost_three_transitions(run: Mapping[str, Any]) -> None:
    """Ten actions add two each, More today? and the action; the first night has no wait, the last ends in Closed."""
    AmazonStateLanguageParser.parse(obvious.MACHINE.read_text(encoding="utf-8"))
    reference = run["obvious_reference"]

    assert reference["actions"] == 10 * reference["cases"]
    nights = pages.NIGHTS + 1
    assert per_case(reference)["state transitions"] == 3 * nights + 2 * 10 + 2


def test_the_clock_of_a_stack_that_is_no_production_is_left_out() -> None:
    with moto_stack() as stack:
        meter = Meter(ACCOUNT, REGION)
        keys = [{"pk": {"S": "SETTINGS"}, "sk": {"S": name}} for name in ("CLOCK", "POLICY", "SWITCHES")]
        with meter.on():
            stack.settings.clock()
            assert meter.count.requests == 0
            stack.client.batch_get_item(RequestItems={stack.table.name: {"Keys": keys, "ConsistentRead": True}})

    assert meter.count.requests == 1
    assert meter.count.read_units == 2


def test_a_scan_is_billed_by_what_it_reads_and_not_by_what_it_lets_through() -> None:
    with moto_stack() as stack:
        meter = Meter(ACCOUNT, REGION)
        item = {"pk": {"S": "A"}, "sk": {"S": "B"}, "text": {"S": "x" * 20_000}}
        stack.client.put_item(TableName=stack.table.name, Item=item)
        with meter.on():
            stack.client.scan(
                TableName=stack.table.name,
                FilterExpression="sk = :sk",
                ExpressionAttributeValues={":sk": {"S": "C"}},
            )

    assert meter.count.read_units >= 20_000 / 4096 / 2


def test_lives_that_were_counted_apart_are_added() -> None:
    one = Lives(cases=1, ends=Counter(paid=1), counted=Count(Counter(a=1), read={"GetItem": 0.5}))
    other = Lives(cases=2, ends=Counter(paid=1, sued=1), counted=Count(Counter(a=2, b=1), read={"GetItem": 1.0}))

    both = one + other

    assert (both.cases, both.ends) == (3, {"paid": 2, "sued": 1})
    assert both.counted.calls == {"a": 3, "b": 1}
    assert both.counted.read_units == 1.5


def test_a_reference_case_is_ten_actions_and_thirty_five_transitions(run: Mapping[str, Any]) -> None:
    """Two turns of four, the first one and the one after the payment; eight of three; and the last, of three."""
    reference = run["reference"]

    assert reference["actions"] == 10 * reference["cases"]
    assert per_case(reference)["state transitions"] == 35


def test_the_bill_is_the_counts_times_the_prices(run: Mapping[str, Any]) -> None:
    lines = {line.item: line for line in bill(run["reference"], Prices())}

    assert lines["Step Functions: state transitions"].dollars == pytest.approx(35 * 25)
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
    for design in ("obvious", "leanest"):
        assert {kept[design][what] == kept["lives"][what] for what in ("actions", "ends", "days_open")} == {True}
    for file, parts in pages.PARTS.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        for part in parts.values():
            assert part() in text, "run tools/make_docs.py with the project's Python"
