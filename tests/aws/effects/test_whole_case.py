"""One case through all five stages with the real functions: what each leaves behind, and what none may."""

import io
import json
from datetime import date, timedelta

import pytest
from jsonschema import Draft202012Validator

from arrears.domain.events import ActionDone
from arrears.resources import resource
from arrears.runtime import logger
from tests.aws.effects.world import World
from tests.support.builders import CASE_ID, PROFILE, personal_data


def valid(schema: str, document: object) -> None:
    Draft202012Validator(json.loads(resource("schemas", f"{schema}.schema.json").read_text())).validate(document)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the functions log."""
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    return written


def test_a_case_goes_from_the_first_text_to_the_court(
    world: World, lines: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    world.report()
    placing = world.until("PlaceWithAgency")
    world.act(placing)
    placed_on = world.today
    assert world.close()["placements"] == 1
    world.act(world.until("FileLegal"))
    filed_on = world.today
    assert world.close() == {"days": days(placed_on, filed_on), "placements": 0, "recalls": 1, "heads": 1}

    actions = [event.action_id.removeprefix(f"{CASE_ID}.") for event in world.events(ActionDone)]
    assert actions == [
        *("reminder.0.1", "reminder.0.2", "freeze", "call.0.1", "call.0.2", "lawyer_letter.0.1"),
        *("agency.0.1", "agency.0.1.recall", "legal.0.1"),
    ]
    assert [number for number, _ in world.texts()] == [PROFILE.phone_mobile] * 2
    calls, letters, told = world.queued("CallQueue"), world.queued("LetterQueue"), world.told()
    for task in calls:
        valid("call-task-1", task)
    for task in letters:
        valid("letter-task-1", task)
    assert (len(calls), len(letters), len(told)) == (2, 1, 1)
    assert (told[0]["source"], told[0]["detail-type"]) == ("arrears", "FreezeRequested")
    valid("freeze-request-1", told[0]["detail"])

    placements = world.manifest("AgencyBucket", f"agency_id=default/placements/date={placed_on}/")
    recalls = world.manifest("AgencyBucket", f"agency_id=default/recalls/date={filed_on}/")
    for manifest in (placements, recalls):
        valid("manifest-1", manifest)
        assert (manifest["case_count"], manifest["totals_by_currency"]) == (1, {"CNY": "60000.00"})
    valid("legal-manifest-1", world.manifest("LegalBucket", f"date={filed_on}/case_id={CASE_ID}/"))

    stored = "\n".join(envelope.body for envelope in world.stack.table.envelopes(CASE_ID))
    logged, metrics = lines.getvalue(), capfd.readouterr().out
    assert "planned" in logged
    assert "ActionsDone" in metrics
    for text in (stored, logged, metrics):
        assert not [value for value in personal_data() if value in text]


def days(after: date, until: date) -> list[str]:
    """The dates after one, up to and including another."""
    return [(after + timedelta(days=number)).isoformat() for number in range(1, (until - after).days + 1)]
