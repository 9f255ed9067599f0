"""Every effect happens once: asked for twice, or died between the effect and its confirmation and run again."""

from datetime import timedelta

import pytest

from arrears.adapters import aws
from arrears.domain.events import ActionDone, ActionPlanned, ActionUncertain
from arrears.effects.folders import letter_key, sheet_key
from tests.aws.effects.world import FUNCTIONS, World
from tests.support.builders import CASE_ID

#: What the ladder comes to by itself; the others follow a payment, a hold or an answer, and have tests of their own.
STATES = tuple(state for state in FUNCTIONS if state not in {"LiftFreeze", "WithdrawCalls", "WithdrawLegal"})


def effects(world: World) -> dict[str, object]:
    """Everything that can be seen from outside."""
    return {
        "texts": len(world.texts()),
        "calls": {task["action_id"] for task in world.queued("CallQueue")},
        "letters": {(task["action_id"], task["sha256"]) for task in world.queued("LetterQueue")},
        "told": {event["detail"]["action_id"] for event in world.told()},
        "documents": world.versions("DocumentsBucket"),
        "agency": world.versions("AgencyBucket"),
        "legal": world.versions("LegalBucket"),
        "exports": [item["sk"]["S"] for item in world.stack.table.query(f"EXPORT#{world.today}")],
    }


@pytest.mark.parametrize("state", STATES)
def test_asked_for_twice_it_is_done_once(world: World, state: str) -> None:
    world.report()
    step = world.until(state)
    effects(world)
    world.act(step)
    once = effects(world)
    done = len(world.events(ActionDone))
    world.act(step)
    again = effects(world)
    assert len(world.events(ActionDone)) == done
    for kept in ("texts", "documents", "agency", "legal", "exports"):
        assert again[kept] == once[kept]
    for sent in ("calls", "letters", "told"):
        assert not again[sent]


@pytest.mark.parametrize("state", STATES)
def test_died_before_its_confirmation_and_run_again_it_is_done_once(world: World, state: str) -> None:
    world.report()
    step = world.until(state)
    effects(world)
    before = len(world.events(ActionDone))
    world.die_before_confirming(step)
    first = effects(world)
    world.act(step)
    second = effects(world)
    for kept in ("texts", "documents", "agency", "legal"):
        assert second[kept] == first[kept], kept
    for sent in ("calls", "letters", "told"):
        # The same task under the same id: queues and readers drop it.
        assert second[sent] in (set(), first[sent])
    assert len(world.events(ActionPlanned)) == len({event.action_id for event in world.events(ActionPlanned)})
    if state == "SendSms":
        assert len(world.events(ActionUncertain)) == 1
    else:
        assert len(world.events(ActionDone)) == before + 1


@pytest.mark.parametrize("state", ["QueueLetter", "FileLegal"])
def test_run_again_on_a_later_date_it_is_still_the_same_document(world: World, state: str) -> None:
    world.report()
    step = world.until(state)
    world.die_before_confirming(step)
    first = effects(world)
    world.stack.on(world.today + timedelta(days=2))
    world.act(step)
    second = effects(world)
    assert (second["documents"], second["legal"]) == (first["documents"], first["legal"])
    assert second["letters"] in (set(), first["letters"])


def test_a_text_that_may_have_gone_out_is_never_sent_again(world: World) -> None:
    world.report()
    step = world.until("SendSms")
    world.die_before_confirming(step)
    world.act(step)
    world.act(step)
    assert len(world.texts()) == 1
    (uncertain,) = world.events(ActionUncertain)
    assert uncertain.action_id == step["action_id"]
    world.act(world.until("SendSms"))
    assert len(world.texts()) == 2


def test_a_letter_is_written_once_and_queued_under_one_id(world: World) -> None:
    world.report()
    step = world.until("QueueLetter")
    world.die_before_confirming(step)
    world.act(step)
    versions = aws.s3().list_object_versions(
        Bucket=world.stack.physical["DocumentsBucket"], Prefix=letter_key(step["action_id"])
    )["Versions"]
    assert len(versions) == 1
    tasks = world.queued("LetterQueue")
    assert len({task["action_id"] for task in tasks}) == len({task["sha256"] for task in tasks}) == 1


def test_a_placement_is_in_one_manifest_once(world: World) -> None:
    world.report()
    step = world.until("PlaceWithAgency")
    world.die_before_confirming(step)
    # Nobody has confirmed it: the day that closes now does not have it, and its sheet is taken away.
    placed_on = world.today
    assert world.close()["placements"] == 0
    world.act(step)
    folder = f"agency_id=default/placements/date={placed_on}/"
    assert world.keys("AgencyBucket", folder) == []
    world.stack.on(placed_on + timedelta(days=1))
    assert world.close()["placements"] == 1
    manifest = world.manifest("AgencyBucket", folder.replace(str(placed_on), str(world.today)))
    assert manifest["case_count"] == 1
    assert world.keys("AgencyBucket", sheet_key("default", world.today, CASE_ID))
