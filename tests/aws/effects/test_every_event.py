"""The file for court of a case to which everything happened that can happen to one."""

from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from arrears.domain.events import (
    AgencyReported,
    CallResult,
    Event,
    FreezeAnswered,
    LetterMailed,
    LetterReported,
    OptedOut,
    SmsReported,
)
from arrears.domain.facts import Call, CallOutcome, Phone
from arrears.effects.filed import FiledCases
from arrears.errors import PermanentDocumentError
from arrears.usecases.orders import Orders
from arrears.usecases.rebuild import Rebuild
from tests.aws.effects.world import World
from tests.support.builders import CASE_ID, OPENS, POLICY, SHANGHAI, held, lifted, paid, reported

LADDER: dict[str, Any] = {
    **{name: stage for name, stage in POLICY["stages"].items() if name != "legal"},
    "agency": {
        "from": {"days_past_due": 75},
        "steps": [{"action": "place_with_agency"}],
        "term_days": 90,
    },
    "final_notice": {
        "from": {"agency": "failed"},
        "steps": [{"action": "queue_letter", "template": "final_notice"}],
    },
    "legal": {
        "from": {"agency": "failed"},
        "requires": [
            {"action": "queue_letter", "template": "final_notice", "at_least_days_ago": 3, "counts_from": "dispatched"}
        ],
        "steps": [{"action": "file_legal"}],
    },
}


class Life:
    """Plays the case day by day, with news on the days that a test names."""

    def __init__(self, world: World) -> None:
        self.world = world

    def news(self, *events: Event) -> None:
        self.world.stack.news(CASE_ID, *events, on=self.world.today)

    def through(self, last: date) -> None:
        """Play through a date, from one on which something is due to the next; close a day on which one is placed."""
        while self.world.today <= last:
            step, placed = self.world.assess(), False
            while step["next"] not in ("WaitForNews", "Closed"):
                self.world.act(step)
                placed = placed or step["next"] == "PlaceWithAgency"
                step = self.world.assess()
            if placed:
                self.world.close()
                continue
            due = date.fromisoformat(step["wait"]["due"][:10])
            self.world.stack.on(max(self.world.today + timedelta(days=1), min(due, last + timedelta(days=1))))

    def call(self, number: str, result: CallOutcome, phone: Phone, **promise: Any) -> None:
        today = self.world.today
        at = datetime(today.year, today.month, today.day, 10, 30, tzinfo=ZoneInfo(SHANGHAI))
        self.news(CallResult(Call(number, at, today, phone, result, **promise)))


@pytest.fixture
def filed(world: World) -> World:
    """A case that was texted, called, promised, held, written to, placed twice, recalled, approved and filed."""
    stack = world.stack
    stack.publish(
        stages=LADDER,
        agencies=[{"id": "north", "share": 2}, {"id": "south"}],
        placements={"at_most": 2, "before_legal": 2},
        legal={"approval": {"remind_every_days": 2, "escalate_after_days": 3}, "limitation_years": 5},
    )
    world.report()
    life = Life(world)
    life.through(OPENS + timedelta(days=5))
    life.news(SmsReported(f"{CASE_ID}.reminder.0.1", "delivered", world.today))
    life.through(OPENS + timedelta(days=9))
    life.news(FreezeAnswered(f"{CASE_ID}.freeze", "frozen", world.today))
    life.through(OPENS + timedelta(days=15))
    life.call("C1", "no_answer", "mobile")
    life.call("C2", "message_left", "work")
    life.call("C3", "promise", "mobile", promised_on=world.today + timedelta(days=2), promised_amount=None)
    life.through(world.today + timedelta(days=4))
    life.call("C4", "promise", "mobile", promised_on=world.today + timedelta(days=40), promised_amount=None)
    life.news(OptedOut(world.today, "reply"), paid("1234.56", on=world.today, payment_id="PART"))
    life.through(world.today + timedelta(days=1))
    life.news(held(world.today))
    life.through(world.today + timedelta(days=2))
    life.news(lifted(world.today))
    life.through(OPENS + timedelta(days=62))
    life.news(LetterMailed(f"{CASE_ID}.lawyer_letter.0.1", world.today))
    life.news(LetterReported(f"{CASE_ID}.lawyer_letter.0.1", "dispatched", world.today, "RR1"))
    life.news(reported("60000.00", as_of=world.today))
    life.through(OPENS + timedelta(days=76))
    north = stack.case(CASE_ID).case.placement
    assert north is not None
    for number, outcome in enumerate(("promise", "uncontactable")):
        life.news(AgencyReported(f"A{number}", north.agency_id, outcome, world.today, note="spoke to a neighbour"))  # type: ignore[arg-type]
    Orders(stack.table, stack.settings).recall(CASE_ID, "I. Operator", "complaint")
    life.through(world.today + timedelta(days=1))
    second = stack.case(CASE_ID).case.placement
    assert second is not None
    assert second.agency_id != north.agency_id
    life.news(AgencyReported("A9", second.agency_id, "returned", world.today, note="moved abroad"))
    life.through(world.today)
    life.news(LetterReported(f"{CASE_ID}.final_notice.0.1", "dispatched", world.today, "RR2"))
    life.through(world.today + timedelta(days=8))
    Orders(stack.table, stack.settings).decide(CASE_ID, "L. Officer", "the claim is sound", approved=True)
    life.through(world.today)
    return world


def rebuild(world: World) -> Rebuild:
    stack = world.stack
    documents, legal = world.bucket("DocumentsBucket"), world.bucket("LegalBucket")
    return Rebuild(stack.table, stack.settings, documents, legal, FiledCases(stack.table), production=False)


def test_the_dossier_tells_all_of_it_is_made_again_to_the_byte_and_of_changed_events_not_at_all(filed: World) -> None:
    made = rebuild(filed)(CASE_ID)
    assert not made.different
    kinds = {type(event).__name__ for event in filed.stack.events(CASE_ID)}
    assert {
        *("ArrearsReported", "PaymentReceived", "HoldPlaced", "HoldLifted", "CallResult", "LetterReported", "OptedOut"),
        *("SmsReported", "AgencyReported", "RecallOrdered", "LegalDecided", "CaseOpened", "StageEntered"),
        *("PromiseAccepted", "PromiseRefused", "PromiseEnded", "ActionPlanned", "ActionDone", "AgencyAssigned"),
        "ApprovalAsked",
    } <= kinds
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(made.files["dossier.pdf"])).pages)
    for said in (
        "已送达",
        "持卡人要求不再发短信",
        "账务系统确认停卡",
        "信函交付寄送",
        "事件记录",
        "RR1",
        "RR2",
        "north",
        "south",
        "I. Operator",
        "L. Officer",
        "PART",
        "moved abroad",
    ):
        assert said in text, said
    names = set(made.files)
    assert f"evidence/letters/{CASE_ID}.final_notice.0.1.pdf" in names
    assert f"evidence/messages/{CASE_ID}.reminder.0.1.txt" in names

    _no_file_is_made_of_changed_events(filed)


def _no_file_is_made_of_changed_events(filed: World) -> None:
    table = filed.stack.table
    items = list(table.query(f"ACCOUNT#{CASE_ID[:-9]}", f"EVENT#{CASE_ID}#"))
    for number in (1, len(items) // 2, len(items) - 3):
        item = items[number]
        changed = item["body"]["S"].replace('"number":', '"number": ', 1)
        table.client.put_item(TableName=table.name, Item={**item, "body": {"S": changed}})
        with pytest.raises(PermanentDocumentError, match=f"event {number + 1} of the case"):
            rebuild(filed)(CASE_ID)
        table.client.put_item(TableName=table.name, Item=item)
    assert not rebuild(filed)(CASE_ID).different
