"""A day over several agencies on the real handlers: allocated once, whatever breaks off, signed, and written again."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from arrears.adapters.table import Table
from arrears.domain.events import (
    AgencyAssigned,
    AgencyDeferred,
    CommissionSettled,
    CourtReported,
    LegalDecided,
    LetterReported,
    RecallOrdered,
)
from arrears.effects.exports import Exports
from arrears.effects.filed import FiledCases
from arrears.effects.wording import Wordings
from arrears.errors import PermanentDocumentError, PermanentSetupError
from arrears.usecases.approvals import Approvals
from arrears.usecases.handovers import Handovers
from arrears.usecases.open_cases import OpenCases
from arrears.usecases.orders import Orders
from arrears.usecases.rebuild import Rebuild
from arrears.usecases.statements import Statements
from tests.aws.effects.world import World
from tests.support.builders import OPENS, PROFILE, extract, held, paid
from tools.agency_check import check

AGENCIES: list[dict[str, Any]] = [
    {"id": "north", "share": 50, "commission": [{"percent": "15"}], "mandate": "AG-1", "mandate_date": "2005-01-03"},
    {"id": "south", "share": 30, "term_days": 30},
    {"id": "west", "share": 20, "name": "West & Sons"},
]
STAGES: dict[str, Any] = {
    "agency": {"from": {"days_past_due": 1}, "steps": [{"action": "place_with_agency"}], "term_days": 90},
    "final_notice": {
        "from": {"agency": "failed"},
        "steps": [{"action": "queue_letter", "template": "final_notice"}],
    },
    "legal": {
        "from": {"agency": "failed"},
        "requires": [
            {"action": "queue_letter", "template": "final_notice", "at_least_days_ago": 1, "counts_from": "dispatched"}
        ],
        "steps": [{"action": "file_legal"}],
    },
}


@pytest.fixture
def several(world: World) -> World:
    """A stack whose policy names three agencies."""
    world.stack.publish(
        stages=STAGES,
        freeze=None,
        agencies=AGENCIES,
        placements={"at_most": 3, "before_legal": 1, "acknowledge_within_hours": 24},
        legal={"approval": {}, "limitation_years": 5, "withdraw_when_paid": True},
    )
    return world


def place(world: World, count: int) -> list[str]:
    cases = []
    for number in range(count):
        case_id = world.report(f"CARD-{number:02d}")
        world.act(world.until("PlaceWithAgency", case_id))
        cases.append(case_id)
    return cases


def agency_of(world: World, case_id: str) -> str:
    placement = world.stack.case(case_id).case.placement
    return "" if placement is None else placement.agency_id


def copy(world: World, folder: str, to: Path) -> Path:
    to.mkdir(parents=True)
    for key in world.keys("AgencyBucket", folder):
        (to / key.removeprefix(folder)).write_bytes(world.body("AgencyBucket", key))
    return to


def test_a_day_is_allocated_when_it_is_closed_and_each_set_is_complete_and_signed(
    several: World, tmp_path: Path
) -> None:
    cases = place(several, 10)
    assert {agency_of(several, case_id) for case_id in cases} == {""}
    assert not several.keys("AgencyBucket")
    assert several.close()["placements"] == 10

    counts = Counter(agency_of(several, case_id) for case_id in cases)
    assert counts == {"north": 5, "south": 3, "west": 2}
    for agency_id, count in counts.items():
        folder = f"agency_id={agency_id}/placements/date={OPENS}/"
        assert several.manifest("AgencyBucket", folder)["case_count"] == count
        key = several.body("AgencyBucket", f"agency_id={agency_id}/keys/manifest-signing.pem")
        assert not list(check(copy(several, folder, tmp_path / agency_id), key))
        rows = [json.loads(line) for line in several.body("AgencyBucket", f"{folder}cases.jsonl").splitlines()]
        assert {row["agency_id"] for row in rows} == {agency_id}
        assert f"agency_id={agency_id}/schemas/agency-case-1.schema.json" in several.keys("AgencyBucket")
    south = several.body("AgencyBucket", f"agency_id=south/placements/date={OPENS}/cases.jsonl")
    row = json.loads(south.splitlines()[0])
    assert row["term_ends_on"] == (OPENS + timedelta(days=30)).isoformat()
    assert all(several.events(AgencyAssigned, case_id) for case_id in cases)


def test_an_allocation_that_breaks_off_goes_on_as_it_was_decided_on(
    several: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = place(several, 6)
    append, left = Table.append, [3]

    def dies(self: Table, *arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return append(self, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Table, "append", dies)
        with pytest.raises(KeyboardInterrupt):
            several.close()
    plan = Exports(several.stack.table).plan(OPENS)
    assert plan is not None
    # Another policy meanwhile changes nothing of what was decided on.
    several.stack.publish(stages=STAGES, freeze=None, agencies=[{"id": "south"}, {"id": "north"}, {"id": "west"}])
    several.close()

    told = {action.split(".")[0]: json.loads(event)["agency_id"] for action, event in plan.items()}
    assert {case_id: agency_of(several, case_id) for case_id in cases} == told
    assert all(len(several.events(AgencyAssigned, case_id)) == 1 for case_id in cases)
    assert not Exports(several.stack.table).waiting(OPENS)


def test_a_case_that_is_paid_before_the_day_is_closed_is_seen_by_no_agency(several: World) -> None:
    case_id, other = place(several, 2)
    several.stack.on(OPENS + timedelta(days=1))
    several.stack.news(case_id, paid("60000.00"), on=several.today)
    several.act(several.until("RecallFromAgency", case_id))
    assert several.today == OPENS + timedelta(days=1)
    several.close(OPENS)

    assert several.stack.case(case_id).case.placement is None
    assert not several.events(AgencyAssigned, case_id)
    assert not [key for key in several.keys("AgencyBucket") if case_id in key or "recalls" in key]
    assert agency_of(several, other)


def test_a_case_is_offered_again_when_all_are_full(several: World) -> None:
    several.stack.publish(
        stages=STAGES, freeze=None, agencies=[{"id": "north", "capacity": 1}], placements={"retry_days": 2}
    )
    first, second = place(several, 2)
    several.close()
    assert agency_of(several, first) == "north"
    assert [event.until for event in several.events(AgencyDeferred, second)] == [OPENS + timedelta(days=2)]
    assert several.stack.case(second).case.placements[0].ended == "deferred"

    several.stack.on(OPENS + timedelta(days=1))
    several.stack.news(first, paid("60000.00"), on=several.today)
    several.act(several.until("RecallFromAgency", first))
    several.close()
    step = several.until("PlaceWithAgency", second)
    assert several.today == OPENS + timedelta(days=2)
    several.act(step)
    several.close()
    assert agency_of(several, second) == "north"


def test_a_set_is_written_again_to_the_byte(several: World) -> None:
    place(several, 4)
    several.close()
    folder = f"agency_id=north/placements/date={OPENS}/"
    before = {key: several.body("AgencyBucket", key) for key in several.keys("AgencyBucket", folder)}
    bucket = several.bucket("AgencyBucket")
    for key in before:
        bucket.delete(key)
    bucket.put(f"{folder}cases.csv", b"changed", "text/csv")
    several.invoke("close_export_day", {"date": OPENS.isoformat(), "reissue": "north"})

    assert {key: several.body("AgencyBucket", key) for key in several.keys("AgencyBucket", folder)} == before
    with pytest.raises(PermanentSetupError, match="ghost has no set of"):
        several.invoke("close_export_day", {"date": OPENS.isoformat(), "reissue": "ghost"})


def test_an_acknowledgement_closes_the_hand_over_and_silence_is_told(several: World) -> None:
    place(several, 10)
    several.close()
    exports, stack = Exports(several.stack.table), several.stack

    def states() -> dict[str, str]:
        handovers = Handovers(exports, stack.settings.clock(), "Asia/Shanghai", 24)
        return {each.agency_id: each.state for each in handovers.since(OPENS, several.today)}

    assert states() == {"north": "waiting", "south": "waiting", "west": "waiting"}
    for agency_id, problem, at in (("north", "", "1"), ("south", "sha256: is not that", "1"), ("south", "", "2")):
        manifest = f"agency_id={agency_id}/placements/date={OPENS}/manifest.json"
        item = {
            "pk": {"S": f"EXPORT#{OPENS}"}, "sk": {"S": f"{agency_id}#ACK#{at}{problem[:1]}"},
            "key": {"S": "k"}, "content": {"S": json.dumps({"manifest": manifest})},
            "problem": {"S": problem}, "at": {"S": at}, "by": {"S": "r"},
        }  # fmt: skip
        stack.client.put_item(TableName=stack.table.name, Item=item)
        if (agency_id, problem) == ("south", "sha256: is not that"):
            assert states()["south"] == "refused"
    stack.on(OPENS + timedelta(days=3))
    assert states() == {"north": "acknowledged", "south": "acknowledged", "west": "overdue"}
    # And a day closed with acknowledgements beside its rows is the same.
    assert several.close(OPENS)["placements"] == 10


def test_a_statement_is_right_to_the_cent(several: World) -> None:
    place(several, 2)
    several.close()
    (case_id,) = (case for case in ("CARD-00-20050602", "CARD-01-20050602") if agency_of(several, case) == "north")
    exports, settings = Exports(several.stack.table), several.stack.settings
    for number, (amount, percent) in enumerate((("100.03", "15"), ("0.10", "15"), ("7.00", "0"))):
        money = extract(amount).past_due
        cut = replace(money, amount=(money.amount * Decimal(percent) / 100).quantize(Decimal("0.01")))
        settled = CommissionSettled(f"P{number}", "north", OPENS, money, Decimal(percent), cut, "why")
        several.stack.table.transact([exports.payment_booked(case_id, settled, OPENS)])
    made = Statements(exports, Wordings(production=False))
    statement, _ = made.of("north", f"{OPENS:%Y-%m}", settings.active())

    assert [each.kind for each in statement.moved] == ["placed"]
    assert str(statement.collected("CNY")) == "107.13 CNY"
    assert str(statement.commission("CNY")) == "15.02 CNY"
    files = made.files("north", f"{OPENS:%Y-%m}", settings.active())
    total = files["statement.csv"].decode().splitlines()[-1]
    assert total == 'total,2005-06-30,,,,CNY,107.13,,15.02,"1 placed, 0 recalled, 0 returned"'
    assert files["statement.pdf"].startswith(b"%PDF")
    assert files == made.files("north", f"{OPENS:%Y-%m}", settings.active())


def test_an_agency_that_nobody_knows_has_no_statement_and_one_that_left_has(several: World) -> None:
    exports, settings = Exports(several.stack.table), several.stack.settings
    made, month = Statements(exports, Wordings(production=False)), f"{OPENS:%Y-%m}"
    with pytest.raises(PermanentSetupError, match=f"agency nosuch is not in the policy, and had nothing in {month}"):
        made.files("nosuch", month, settings.active())
    assert made.of("north", "2004-01", settings.active())[0].moved == ()

    place(several, 1)
    several.close()
    (agency_id,) = {row.agency_id for row in exports.rows(OPENS)}
    several.stack.publish(stages=STAGES, freeze=None, agencies=[{"id": "another"}])

    assert len(made.of(agency_id, month, settings.active())[0].moved) == 1


def test_the_months_statements_are_written_with_its_last_day(several: World) -> None:
    place(several, 1)
    several.close(date(2005, 6, 29))
    assert not [key for key in several.keys("AgencyBucket") if "statements" in key]
    several.close(date(2005, 6, 30))

    assert [key for key in several.keys("AgencyBucket") if "statements" in key] == [
        f"agency_id={agency_id}/statements/month=2005-06/{name}"
        for agency_id in ("north", "south", "west")
        for name in ("statement.csv", "statement.pdf")
    ]


# --- orders and courts -----------------------------------------------------------------------------------------------
def test_an_operators_recall_goes_with_the_days_recalls(several: World) -> None:
    (case_id,) = place(several, 1)
    several.close()
    orders = Orders(several.stack.table, several.stack.settings)
    orders.recall(case_id, "I. Operator", "complaint")
    with pytest.raises(PermanentSetupError, match=r"I\. Operator has ordered that already"):
        orders.recall(case_id, "I. Operator", "complaint")
    several.stack.on(OPENS + timedelta(days=1))
    several.act(several.until("RecallFromAgency", case_id))
    several.close()

    folder = f"agency_id=north/recalls/date={OPENS + timedelta(days=1)}/"
    assert several.manifest("AgencyBucket", folder)["case_count"] == 1
    assert b",order," in several.body("AgencyBucket", f"{folder}recalls.csv")
    assert [event.by for event in several.events(RecallOrdered, case_id)] == ["I. Operator"]
    assert not Exports(several.stack.table).cases_held("north")


@pytest.mark.parametrize(("by", "why"), [("", "complaint"), ("I. Operator", " ")])
def test_an_order_names_who_and_why(several: World, by: str, why: str) -> None:
    (case_id,) = place(several, 1)

    with pytest.raises(PermanentSetupError, match="names who gives it and why"):
        Orders(several.stack.table, several.stack.settings).recall(case_id, by, why)


def asked(world: World) -> str:
    """A case that was recalled and waits for a legal officer since today."""
    (case_id,) = place(world, 1)
    world.close()
    stack = world.stack
    orders = Orders(stack.table, stack.settings)
    with pytest.raises(PermanentSetupError, match="nobody asks"):
        orders.decide(case_id, "L. Officer", "sound", approved=True)
    stack.on(OPENS + timedelta(days=1))
    orders.recall(case_id, "I. Operator", "complaint")
    world.act(world.until("RecallFromAgency", case_id))
    world.act(world.until("QueueLetter", case_id))
    letter = f"{case_id}.final_notice.0.1"
    stack.news(case_id, LetterReported(letter, "dispatched", world.today, "RR1"), on=world.today)
    stack.on(world.today + timedelta(days=1))
    assert world.assess(case_id)["next"] == "WaitForNews"
    (due,) = OpenCases(stack.table, stack.settings).to_sue()
    assert (due.case.case_id, due.by) == (case_id, date(2010, 6, 1))
    assert due.state.startswith("approval asked on")
    return case_id


def filed(world: World) -> str:
    """A case that was recalled, approved and filed."""
    case_id = asked(world)
    Orders(world.stack.table, world.stack.settings).decide(case_id, "L. Officer", "sound", approved=True)
    assert [event.approved for event in world.events(LegalDecided, case_id)] == [True]
    world.act(world.until("FileLegal", case_id))
    return case_id


def test_a_file_of_decisions_is_taken_in_row_by_row_and_again_changes_nothing(several: World, tmp_path: Path) -> None:
    case_id, today = asked(several), several.today
    tomorrow, before = today + timedelta(days=1), today - timedelta(days=1)
    path = tmp_path / "approvals.csv"
    path.write_text(
        "case_id,decision,at,by,why\n"
        f"{case_id},approve,{today},L. Officer,sound\n"
        f"{case_id},approve,{before},L. Officer,too soon\n"
        "CARD-99-20050602,approve,2005-06-04,L. Officer,sound\n"
        f"{case_id},perhaps,{today},L. Officer,sound\n"
        f"{case_id},decline,{tomorrow},L. Officer,on second thoughts\n"
    )
    take = Approvals(Orders(several.stack.table, several.stack.settings))
    told = [(line, outcome if isinstance(outcome, str) else str(outcome)) for line, outcome in take(path)]

    assert told == [
        (2, "recorded"),
        (3, f"case_id: approval was asked for on {today}, after that"),
        (4, "case_id: is no case"),
        (5, "decision: is none of approve, decline"),
        (6, "later"),
    ]
    assert [(event.approved, event.on) for event in several.events(LegalDecided, case_id)] == [(True, today)]
    assert next(take(path)).outcome == "known"
    several.act(several.until("FileLegal", case_id))
    assert next(take(path)).outcome == "known", "a file that is given again is no error"
    assert len(several.events(LegalDecided, case_id)) == 1


def rebuild(world: World) -> Rebuild:
    stack = world.stack
    documents, legal = world.bucket("DocumentsBucket"), world.bucket("LegalBucket")
    return Rebuild(stack.table, stack.settings, documents, legal, FiledCases(stack.table), production=False)


def test_a_file_for_court_made_again_is_the_same_though_the_cardholder_moved(several: World) -> None:
    case_id = filed(several)
    record = several.stack.table.account("CARD-00")
    moved = replace(PROFILE, name="Somebody Else", address_line1="1 Other Road")
    several.stack.table.transact([several.stack.table.put_account(replace(record, profile=moved), None)])
    made = rebuild(several)(case_id)

    assert not made.different
    assert {"claim.json", "dossier.pdf", "manifest.json", "evidence/events.jsonl"} <= set(made.files)


def test_a_file_for_court_is_not_made_from_events_that_were_changed(several: World) -> None:
    case_id = filed(several)
    table = several.stack.table
    item = list(table.query("ACCOUNT#CARD-00", f"EVENT#{case_id}#"))[4]
    changed = item["body"]["S"].replace("2005", "2004", 1)
    table.client.put_item(TableName=table.name, Item={**item, "body": {"S": changed}})

    with pytest.raises(PermanentDocumentError, match="event 5"):
        rebuild(several)(case_id)


def test_paid_after_filing_tells_the_court_the_same_day(several: World) -> None:
    case_id = filed(several)
    stack, today = several.stack, several.today
    stack.news(case_id, CourtReported("K1", "hearing", today, "94-0012"), on=today)
    stack.news(case_id, paid("60000.00", on=today, payment_id="LAST"), on=today)
    several.act(several.until("WithdrawLegal", case_id))
    folder = f"date={today}/withdrawal/case_id={case_id}/"
    withdrawal = json.loads(several.body("LegalBucket", f"{folder}withdrawal.json"))
    manifest = json.loads(several.body("LegalBucket", f"{folder}manifest.json"))

    assert withdrawal["court_reference"] == "94-0012"
    assert [each["payment_id"] for each in withdrawal["payments"]] == ["LAST"]
    body = several.body("LegalBucket", f"{folder}withdrawal.json")
    assert manifest["files"][0]["sha256"] == hashlib.sha256(body).hexdigest()
    assert several.assess(case_id)["next"] == "Closed"


def test_a_hold_before_the_day_is_closed_takes_the_case_back(several: World) -> None:
    (case_id,) = place(several, 1)
    several.stack.news(case_id, held(OPENS))
    several.act(several.until("RecallFromAgency", case_id))
    assert several.close()["placements"] == 0
