"""What agencies get at the end of a day."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from arrears.adapters import aws
from arrears.adapters.s3_objects import Bucket
from arrears.documents.templates import load_templates, shipped_templates
from arrears.domain.dates import ONE_DAY, zone as zone_of
from arrears.domain.events import ActionDone
from arrears.effects.agency_rows import CASE_COLUMNS, RECALL_COLUMNS
from arrears.effects.exports import Exports
from arrears.resources import resource
from arrears.usecases.close_day import CloseDay, heads_key
from tests.aws.effects.world import DiedError, World
from tests.support.builders import CASE_ID, OPENS, POLICY, PROFILE, extract, held, lifted, paid

SCHEMA = Draft202012Validator(json.loads(resource("schemas", "agency-case-1.schema.json").read_text()))
#: Straight to the agency, so that a day with several cases is quickly played.
QUICK = {
    "agency": {
        "from": {"days_past_due": 1},
        "steps": [{"action": "place_with_agency", "at_most": 1}],
        "term_days": 90,
    }
}
EVIL = '=HYPERLINK("https://evil.example";"click")'


def placements(day: date, agency_id: str = "default") -> str:
    return f"agency_id={agency_id}/placements/date={day}/"


def recalls(day: date, agency_id: str = "default") -> str:
    return f"agency_id={agency_id}/recalls/date={day}/"


def rows_of(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-8"), newline=""), strict=True))


@pytest.fixture
def quick(world: World) -> World:
    world.stack.publish(stages=QUICK, freeze=None)
    return world


def place(world: World, *account_ids: str, **more: Any) -> list[str]:
    cases = []
    for account_id in account_ids:
        case_id = world.report(account_id, **more)
        world.act(world.until("PlaceWithAgency", case_id))
        cases.append(case_id)
    return cases


def paused(world: World, *, on: bool = True) -> None:
    world.stack.settings.turn("pause", on=on, by="I. Operator", why="wrong rates in the extract")


def killed(*_: Any, **__: Any) -> None:
    raise DiedError


def test_rows_are_sorted_valid_and_the_same_in_both_files(quick: World) -> None:
    cases = place(quick, "CARD-B", "CARD-A", "CARD_C")
    quick.close()
    folder = placements(OPENS)
    manifest = quick.manifest("AgencyBucket", folder)
    assert manifest["case_count"] == 3
    assert manifest["totals_by_currency"] == {"CNY": "180000.00"}
    assert {entry["key"].removeprefix(folder): entry["rows"] for entry in manifest["files"]} == {
        "cases.csv": 3,
        "cases.jsonl": 3,
        **{f"{case_id}.pdf": 0 for case_id in cases},
    }
    lines = [json.loads(line) for line in quick.body("AgencyBucket", f"{folder}cases.jsonl").splitlines()]
    for line in lines:
        SCHEMA.validate(line)
    assert [line["case_id"] for line in lines] == sorted(cases)
    header, *rows = rows_of(quick.body("AgencyBucket", f"{folder}cases.csv"))
    assert tuple(header) == CASE_COLUMNS
    assert header[:2] == ["case_id", "account_id"]
    for row, line in zip(rows, lines, strict=True):
        assert [cell.removeprefix("'") for cell in row] == [str(line[name] or "") for name in header]


def test_no_cell_is_a_formula_and_chinese_names_come_through(quick: World) -> None:
    place(quick, "CARD-1", profile=replace(PROFILE, name=f"{EVIL}王小明"))
    place(quick, "CARD-2", profile=replace(PROFILE, name="\t=1+1\r\n陳", card_last4=None))
    quick.close()
    body = quick.body("AgencyBucket", f"{placements(OPENS)}cases.csv")
    assert not body.startswith(b"\xef\xbb\xbf")
    header, *rows = rows_of(body)
    for row in rows:
        assert not [cell for cell in row if cell.lstrip()[:1] in {"=", "+", "-", "@", "\t", "\r"}]
    names = [row[header.index("cardholder_name")] for row in rows]
    assert "王小明" in names[0]
    assert "陳" in names[1]
    assert rows[0][header.index("phone_mobile")] == f"'{PROFILE.phone_mobile}"


def test_the_manifest_is_written_last(quick: World, monkeypatch: pytest.MonkeyPatch) -> None:
    place(quick, "CARD-1")
    written: list[str] = []
    put = Bucket.put

    def noted(self: Bucket, key: str, *arguments: Any) -> None:
        written.append(key)
        put(self, key, *arguments)

    monkeypatch.setattr(Bucket, "put", noted)
    quick.close()
    mine = [key for key in written if key.startswith(placements(OPENS))]
    assert mine[-1].endswith("manifest.json")
    assert len(mine) == 5  # two tables, the sheet, the signature, the manifest


def test_a_day_closed_again_is_the_same_to_the_byte_and_nothing_is_written(quick: World) -> None:
    place(quick, "CARD-1", "CARD-2")
    quick.close()
    before = {key: quick.body("AgencyBucket", key) for key in quick.keys("AgencyBucket")}
    versions = quick.versions("AgencyBucket"), quick.versions("LegalBucket")
    quick.close()
    assert quick.close(OPENS)["placements"] == 2
    assert {key: quick.body("AgencyBucket", key) for key in quick.keys("AgencyBucket")} == before
    assert (quick.versions("AgencyBucket"), quick.versions("LegalBucket")) == versions


@pytest.mark.parametrize("name", ["cases.csv", "{case_id}.pdf"])
def test_a_file_that_was_lost_is_written_again_as_it_was(quick: World, name: str) -> None:
    (case_id,) = place(quick, "CARD-1")
    quick.close()
    key = placements(OPENS) + name.format(case_id=case_id)
    body = quick.body("AgencyBucket", key)
    quick.bucket("AgencyBucket").delete(key)
    quick.close()
    assert quick.body("AgencyBucket", key) == body


def test_nothing_lies_in_an_agencys_folder_before_its_day_is_closed(quick: World) -> None:
    (case_id,) = place(quick, "CARD-1")
    assert quick.keys("AgencyBucket") == []
    quick.close()
    key = f"{placements(OPENS)}{case_id}.pdf"
    (done,) = quick.events(ActionDone, case_id)
    assert dict(done.details)["key"] == key
    assert dict(done.details)["sha256"] == hashlib.sha256(quick.body("AgencyBucket", key)).hexdigest()


def test_a_sheet_is_in_the_wording_of_the_policy_that_it_was_placed_under(quick: World) -> None:
    (case_id,) = place(quick, "CARD-1")
    (done,) = quick.events(ActionDone, case_id)
    words: dict[str, Any] = load_templates([shipped_templates()]).to_data()
    for labels in words["labels"].values():
        labels["case_sheet"] = "Another heading"
    other = POLICY | {"stages": QUICK, "freeze": None, "version": "other words"}
    quick.stack.settings.publish(json.dumps({"policy": other, "templates": words}), "test other words")
    quick.close()
    sheet = quick.body("AgencyBucket", f"{placements(OPENS)}{case_id}.pdf")
    assert dict(done.details)["sha256"] == hashlib.sha256(sheet).hexdigest()


def test_nothing_is_written_for_an_agency_without_rows(world: World) -> None:
    assert world.close() == {"days": [str(OPENS)], "placements": 0, "recalls": 0, "heads": 0}
    assert world.keys("AgencyBucket") == []


def test_what_is_placed_after_the_day_was_closed_goes_with_the_next_one(quick: World) -> None:
    quick.close()
    place(quick, "CARD-1")
    tomorrow = OPENS + timedelta(days=1)
    assert quick.keys("AgencyBucket", placements(OPENS)) == []
    quick.stack.on(tomorrow)
    assert quick.close()["placements"] == 1
    assert quick.manifest("AgencyBucket", placements(tomorrow))["date"] == str(tomorrow)


def test_a_day_that_closes_before_the_row_is_written_has_nothing_of_the_case(
    quick: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = quick.report("CARD-1")
    step = quick.until("PlaceWithAgency", case_id)
    writes = Exports.writes
    closed: list[str] = []

    def close_and_write(self: Exports, day: date, *arguments: Any) -> Any:
        if not closed:
            closed.append(quick.close(day)["days"][-1])
        return writes(self, day, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Exports, "writes", close_and_write)
        quick.act(step)
    assert closed == [str(OPENS)]
    assert quick.keys("AgencyBucket", placements(OPENS)) == []
    (done,) = quick.events(ActionDone, case_id)
    tomorrow = OPENS + timedelta(days=1)
    assert dict(done.details)["date"] == str(tomorrow)
    quick.stack.on(tomorrow)
    assert quick.close()["placements"] == 1


def test_a_day_closed_in_a_pause_gives_no_agency_a_case_and_the_next_day_does(quick: World) -> None:
    (given,) = place(quick, "CARD-1")
    quick.close()
    quick.stack.on(OPENS + ONE_DAY)
    (waits,) = place(quick, "CARD-2")
    quick.stack.news(given, held(quick.today), on=quick.today)
    quick.act(quick.until("RecallFromAgency", given))
    paused(quick)
    assert quick.close() == {"days": [str(quick.today)], "placements": 0, "recalls": 1, "heads": 2}
    assert quick.keys("AgencyBucket", placements(quick.today)) == []
    assert f"{recalls(quick.today)}manifest.json" in quick.keys("AgencyBucket")

    # The same in a second evening of the pause, and closed again.
    quick.stack.on(OPENS + 2 * ONE_DAY)
    for _ in range(2):
        assert quick.close()["placements"] == 0

    paused(quick, on=False)
    quick.stack.on(OPENS + 3 * ONE_DAY)
    assert quick.close()["placements"] == 1
    (line,) = quick.body("AgencyBucket", f"{placements(quick.today)}cases.jsonl").splitlines()
    assert json.loads(line)["case_id"] == waits
    assert f"{placements(quick.today)}{waits}.pdf" in quick.keys("AgencyBucket")


def test_what_is_paid_before_the_pause_ends_is_neither_given_nor_recalled(quick: World) -> None:
    same_day, next_day = place(quick, "CARD-1", "CARD-2")
    paused(quick)
    quick.stack.news(same_day, paid("60000.00", on=quick.today), on=quick.today)
    quick.act(quick.until("RecallFromAgency", same_day))
    quick.close()
    quick.stack.on(OPENS + ONE_DAY)
    quick.stack.news(next_day, paid("60000.00", on=quick.today), on=quick.today)
    quick.act(quick.until("RecallFromAgency", next_day))
    quick.close()
    paused(quick, on=False)
    quick.stack.on(OPENS + 2 * ONE_DAY)
    assert quick.close()["placements"] == 0
    assert quick.keys("AgencyBucket") == []


def test_a_set_that_began_before_the_pause_is_finished(quick: World, monkeypatch: pytest.MonkeyPatch) -> None:
    place(quick, "CARD-1")
    with monkeypatch.context() as patch:
        patch.setattr(CloseDay, "_write_manifest", killed)
        with pytest.raises(DiedError):
            quick.close()
    paused(quick)
    assert quick.close()["placements"] == 1
    assert quick.manifest("AgencyBucket", placements(OPENS))["case_count"] == 1


def test_a_recall_names_its_placement_and_goes_with_the_day_of_the_cure(world: World) -> None:
    world.report()
    placing = world.until("PlaceWithAgency")
    world.act(placing)
    world.close()
    world.stack.on(world.today + timedelta(days=3))
    world.stack.news(CASE_ID, paid("60000.00", on=world.today), on=world.today)
    world.act(world.until("RecallFromAgency"))
    world.close()
    header, row = rows_of(world.body("AgencyBucket", f"{recalls(world.today)}recalls.csv"))
    assert tuple(header) == RECALL_COLUMNS
    recall = dict(zip(header, row, strict=True))
    assert (recall["case_id"], recall["placement_id"], recall["reason"]) == (CASE_ID, placing["action_id"], "cured")
    assert Decimal(recall["arrears"]) == 0
    assert world.manifest("AgencyBucket", recalls(world.today))["case_count"] == 1


def test_a_case_that_a_hold_takes_back_and_that_is_placed_again_is_in_two_days_with_two_ids(quick: World) -> None:
    (case_id,) = place(quick, "CARD-1")
    quick.close()
    quick.stack.on(OPENS + timedelta(days=1))
    quick.stack.news(case_id, held(quick.today), on=quick.today)
    quick.act(quick.until("RecallFromAgency", case_id))
    quick.close()
    quick.stack.on(OPENS + timedelta(days=4))
    quick.stack.news(case_id, lifted(quick.today), on=quick.today)
    quick.act(quick.until("PlaceWithAgency", case_id))
    quick.close()
    ids = []
    for day in (OPENS, quick.today):
        quick.manifest("AgencyBucket", placements(day))
        ids.append(json.loads(quick.body("AgencyBucket", f"{placements(day)}cases.jsonl"))["placement_id"])
    assert len(set(ids)) == 2
    recalled = quick.body("AgencyBucket", f"{recalls(OPENS + timedelta(days=1))}recalls.csv").decode()
    assert ids[0] in recalled


def test_a_case_that_is_placed_twice_on_a_day_is_not_recalled_from_who_has_just_got_it(quick: World) -> None:
    """A hold is placed and lifted before the day is closed: the agency knows nothing of the first placement."""
    (case_id,) = place(quick, "CARD-1")
    quick.stack.news(case_id, held(quick.today), on=quick.today)
    quick.act(quick.until("RecallFromAgency", case_id))
    quick.stack.news(case_id, lifted(quick.today), on=quick.today)
    again = quick.until("PlaceWithAgency", case_id)
    quick.act(again)

    report = quick.close()

    assert (report["placements"], report["recalls"]) == (1, 0)
    quick.manifest("AgencyBucket", placements(quick.today))
    (row,) = quick.body("AgencyBucket", f"{placements(quick.today)}cases.jsonl").decode().splitlines()
    assert json.loads(row)["placement_id"] == again["action_id"]
    assert quick.keys("AgencyBucket", recalls(quick.today)) == []
    assert Exports(quick.stack.table).cases_held("default") == [case_id]


def test_days_that_were_missed_are_closed_too(quick: World) -> None:
    place(quick, "CARD-1")
    quick.stack.on(OPENS + timedelta(days=2))
    assert quick.close()["days"] == [str(OPENS + timedelta(days=days)) for days in range(3)]
    quick.manifest("AgencyBucket", placements(OPENS))


def test_the_first_close_of_a_stack_closes_the_days_before_it_that_have_rows(quick: World) -> None:
    quick.stack.client.delete_item(
        TableName=quick.stack.table.name, Key={"pk": {"S": "SETTINGS"}, "sk": {"S": "EXPORTS"}}
    )
    place(quick, "CARD-1")
    quick.stack.on(OPENS + timedelta(days=60))
    assert quick.close()["days"] == [str(OPENS), str(quick.today)]
    quick.manifest("AgencyBucket", placements(OPENS))


def test_the_schedule_closes_the_date_it_was_planned_for_at_the_business_place(world: World) -> None:
    zone = world.stack.environment("CloseExportDayFunction")["BUSINESS_TIMEZONE"]
    world.stack.client.delete_item(
        TableName=world.stack.table.name, Key={"pk": {"S": "SETTINGS"}, "sk": {"S": "CLOCK"}}
    )
    planned = world.stack.settings.clock().instant.astimezone(zone_of(zone)) - timedelta(days=1)
    Exports(world.stack.table).set_closed_through(planned.date() - timedelta(days=1))
    assert world.invoke("close_export_day", {"time": planned.isoformat()})["days"] == [planned.date().isoformat()]


def test_placements_in_several_currencies_are_never_added(quick: World) -> None:
    place(quick, "CARD-1")
    place(quick, "CARD-2", known=extract("50.00", currency="USD"))
    quick.close()
    totals = quick.manifest("AgencyBucket", placements(OPENS))["totals_by_currency"]
    assert totals == {"CNY": "60000.00", "USD": "50.00"}


# --- the heads of the chains -----------------------------------------------------------------------------------------
def heads(world: World, day: date) -> dict[str, dict[str, Any]]:
    lines = world.body("LegalBucket", heads_key(day)).decode().splitlines()
    found = [json.loads(line) for line in lines]
    assert [head["case_id"] for head in found] == sorted(head["case_id"] for head in found)
    return {head["case_id"]: head for head in found}


def test_the_heads_of_the_days_chains_are_locked_away_closed_cases_among_them(quick: World) -> None:
    open_case, cured = place(quick, "CARD-1", "CARD-2")
    quick.close()
    assert set(heads(quick, OPENS)) == {open_case, cured}
    quick.stack.on(OPENS + timedelta(days=1))
    quick.stack.news(cured, paid("60000.00", on=quick.today), on=quick.today)
    quick.act(quick.until("RecallFromAgency", cured))
    assert quick.assess(cured)["next"] == "Closed"
    quick.close()
    record = quick.stack.case(cured)
    assert heads(quick, quick.today) == {cured: {"case_id": cured, "version": record.case.version, "head": record.head}}


def test_what_is_recorded_on_a_day_after_it_was_closed_is_in_the_next_ones_heads(quick: World) -> None:
    early, late = place(quick, "CARD-1", "CARD-2")
    quick.close()
    quick.stack.news(late, paid("1.00", on=OPENS), on=OPENS)
    quick.stack.on(OPENS + timedelta(days=1))
    quick.close()
    assert set(heads(quick, quick.today)) == {late}
    assert heads(quick, OPENS)[early]["version"] == quick.stack.case(early).case.version


def digests(world: World) -> Iterator[str]:
    for key in world.keys("AgencyBucket"):
        yield hashlib.sha256(world.body("AgencyBucket", key)).hexdigest()


def test_every_object_notes_its_hash(quick: World) -> None:
    place(quick, "CARD-1")
    quick.close()
    noted = [
        aws.s3().head_object(Bucket=quick.stack.physical["AgencyBucket"], Key=key)["Metadata"]["sha256"]
        for key in quick.keys("AgencyBucket")
    ]
    assert noted == list(digests(quick))
