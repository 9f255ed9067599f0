"""The two switches, at the real handlers: paused, nothing goes out and nothing is lost; in shadow nothing leaves."""

from datetime import date, timedelta
from typing import Any

import pytest

from arrears.adapters import aws
from arrears.describe import in_words
from arrears.domain.events import (
    ActionDone,
    ActionHeld,
    ActionPlanned,
    AgencyDeferred,
    CaseClosed,
    CaseOpened,
    LetterMailed,
    StageEntered,
)
from arrears.domain.timeline import timeline
from arrears.effects.exports import Exports
from arrears.errors import PermanentSetupError
from arrears.usecases.allocate_day import AllocateDay
from arrears.usecases.build_worklist import left_over_key, notice_key, worklist_key
from arrears.usecases.dispatch_letters import DispatchLetters
from arrears.usecases.end_shadow import EndShadow
from tests.aws.effects.world import DiedError, World, give_back
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, POLICY, held, paid

DAY = timedelta(days=1)
SMS = f"{CASE_ID}.reminder.0.1"
#: So soon that a case comes to every action within days.
QUICK: dict[str, Any] = {
    "reminder": POLICY["stages"]["reminder"],
    "call": {"from": {"days_past_due": 2}, "steps": [{"action": "queue_call"}]},
    "lawyer_letter": {"from": {"days_past_due": 3}, "steps": [{"action": "queue_letter", "template": "lawyer_letter"}]},
    "agency": {"from": {"days_past_due": 4}, "steps": [{"action": "place_with_agency"}], "term_days": 2},
    "legal": {"from": {"agency": "failed"}, "steps": [{"action": "file_legal"}]},
}


@pytest.fixture
def quick(world: World) -> World:
    """A case that is due for every action of the ladder within a week."""
    world.stack.publish(stages=QUICK, freeze={"arrears_over": {"CNY": "1.00"}, "after_collections": 1, "apart_days": 1})
    world.report()
    return world


def pause(world: World) -> None:
    world.stack.settings.turn("pause", on=True, by="I. Operator", why="wrong rates in the extract")


def resume(world: World) -> None:
    world.stack.settings.turn("pause", on=False, by="I. Operator")


def live(world: World, days: int, case_id: str = CASE_ID) -> None:
    """Play whole days: what is due is asked for, the letters are mailed, and exports are closed where there are any."""
    for _ in range(days):
        exports = False
        for _turn in range(20):
            step = world.assess(case_id)
            if step["next"] in ("WaitForNews", "Closed"):
                break
            answer = world.act(step)
            exports = exports or step["next"] in ("PlaceWithAgency", "RecallFromAgency")
            if answer["wait"]["version"] != "0":
                break
        if has_letters(world):
            world.invoke("dispatch_letters", {})
        if exports:
            world.close()
        world.stack.on(world.today + DAY)


def has_letters(world: World) -> bool:
    asked = aws.sqs().get_queue_attributes(
        QueueUrl=world.stack.physical["LetterQueue"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return asked["Attributes"]["ApproximateNumberOfMessages"] != "0"


def left_the_bank(world: World) -> dict[str, object]:
    """All that anybody outside ever got."""
    return {
        "texts": world.texts(),
        "calls": world.queued("CallQueue"),
        "letters": world.queued("LetterQueue"),
        "mail": world.keys("DocumentsBucket", "mail/"),
        "bus": world.told(),
        "agency": [key for key in world.keys("AgencyBucket") if "/placements/" in key or "/recalls/" in key],
        "legal": world.keys("LegalBucket", "date="),
    }


NOTHING: dict[str, object] = {
    "texts": [],
    "calls": [],
    "letters": [],
    "mail": [],
    "bus": [],
    "agency": [],
    "legal": [],
}


# --- paused ----------------------------------------------------------------------------------------------------------
def test_paused_nothing_of_any_kind_goes_out_and_the_case_says_why(quick: World) -> None:
    pause(quick)

    live(quick, 6)

    assert left_the_bank(quick) == NOTHING
    assert not quick.events(ActionPlanned)
    told = quick.events(ActionHeld)
    assert [event.action_id for event in told] == [SMS]
    assert "paused since" in told[0].reason
    assert "I. Operator: wrong rates in the extract" in in_words(told[0])


def test_what_was_due_goes_out_after_it_is_resumed_once_and_counts_only_then(quick: World) -> None:
    quick.stack.publish()
    pause(quick)
    live(quick, 3)
    resume(quick)

    live(quick, 3)

    assert [(event.action_id, event.on) for event in quick.events(ActionDone)] == [(SMS, OPENS + 3 * DAY)]
    assert len(quick.texts()) == 1


def test_a_case_that_is_paid_while_paused_takes_back_what_is_out_and_closes(quick: World) -> None:
    live(quick, 4)
    assert quick.stack.case(CASE_ID).case.placement is not None
    pause(quick)
    quick.stack.news(CASE_ID, paid("60000.00", on=quick.today), on=quick.today)

    live(quick, 1)

    assert [event.reason.split(":")[0] for event in quick.events(CaseClosed)] == ["cured"]
    day = quick.today - DAY
    assert any(f"/recalls/date={day}/manifest.json" in key for key in quick.keys("AgencyBucket"))
    assert "call-withdrawal-1" in {task["schema"] for task in quick.queued("CallQueue")}
    assert [told["detail-type"] for told in quick.told()] == ["FreezeRequested", "FreezeLiftRequested"]


def test_letters_that_are_queued_stay_in_the_queue_while_paused_and_go_with_the_first_mail_after(quick: World) -> None:
    live(quick, 1)
    step = quick.until("QueueLetter")
    quick.act(step)
    pause(quick)

    report = quick.invoke("dispatch_letters", {})

    assert report["letters"] == 0
    assert report["stopped_by"] == "pause"
    assert not quick.keys("DocumentsBucket", "mail/")
    resume(quick)
    assert quick.invoke("dispatch_letters", {})["letters"] == 1


def test_a_pause_while_the_days_mail_is_made_stops_it(quick: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quick.stack.publish(stages={"reminder": QUICK["lawyer_letter"] | {"from": {"days_past_due": 1}}}, freeze=None)
    cases = [CASE_ID, quick.report("CARD-2")]
    for case_id in cases:
        quick.act(quick.until("QueueLetter", case_id))
    mailed = DispatchLetters._mailed

    def then_paused(self: DispatchLetters, *arguments: Any) -> None:
        mailed(self, *arguments)
        pause(quick)

    with monkeypatch.context() as patch:
        patch.setattr(DispatchLetters, "_mailed", then_paused)
        report = quick.invoke("dispatch_letters", {})
    assert (report["letters"], report["left"], report["stopped_by"]) == (0, 2, "pause")
    assert not [key for key in quick.keys("DocumentsBucket", "mail/") if key.endswith("manifest.json")]

    resume(quick)
    give_back()
    quick.stack.on(quick.today + DAY)
    assert quick.invoke("dispatch_letters", {})["letters"] == 2
    for case_id in cases:
        assert quick.events(LetterMailed, case_id)[-1].on == quick.today


def test_the_worklist_is_empty_while_paused_says_why_and_has_the_calls_on_the_next_one(quick: World) -> None:
    quick.act(quick.until("QueueCall"))
    day = quick.today
    pause(quick)

    report = quick.invoke("build_worklist", {})

    assert (report["calls"], report["left_over"], report["stopped_by"]) == (0, 1, "pause")
    assert quick.body("DocumentsBucket", worklist_key(day)).decode().count("\n") == 1
    assert "paused since" in quick.body("DocumentsBucket", notice_key(day)).decode()
    assert CASE_ID in quick.body("DocumentsBucket", left_over_key(day)).decode()
    resume(quick)
    assert quick.invoke("build_worklist", {})["calls"] == 1
    assert "not stopped any more" in quick.body("DocumentsBucket", notice_key(day)).decode()


def test_a_case_that_waits_for_the_days_allocation_is_offered_again_when_the_day_is_closed_while_paused(
    quick: World,
) -> None:
    quick.stack.publish(stages=QUICK, agencies=[{"id": "north"}], placements={"at_most": 1})
    quick.act(quick.until("PlaceWithAgency"))
    pause(quick)

    quick.close()

    (deferred,) = quick.events(AgencyDeferred)
    assert "paused" in deferred.reason
    assert not quick.keys("AgencyBucket", "agency_id=north/placements/")
    resume(quick)
    quick.stack.on(deferred.until)
    quick.act(quick.until("PlaceWithAgency"))
    day = quick.today
    quick.close()
    assert f"agency_id=north/placements/date={day}/manifest.json" in quick.keys("AgencyBucket")


@pytest.mark.parametrize("fact", ["paid", "held"])
def test_a_case_that_is_paid_or_held_while_its_day_is_allocated_goes_to_no_agency(
    quick: World, monkeypatch: pytest.MonkeyPatch, fact: str
) -> None:
    quick.stack.publish(stages=QUICK, agencies=[{"id": "north"}], placements={"at_most": 1})
    quick.act(quick.until("PlaceWithAgency"))
    news = paid("60000.00", on=quick.today) if fact == "paid" else held(quick.today)
    set_plan = Exports.set_plan

    def then_told(self: Exports, *arguments: Any) -> None:
        set_plan(self, *arguments)
        quick.stack.news(CASE_ID, news, on=quick.today)

    with monkeypatch.context() as patch:
        patch.setattr(Exports, "set_plan", then_told)
        assert quick.close()["placements"] == 0

    (deferred,) = quick.events(AgencyDeferred)
    assert deferred.reason.startswith(f"no agency gets it: {'cured' if fact == 'paid' else 'dispute'}")
    assert not quick.keys("AgencyBucket")
    # Nothing is left to be recalled: the calls are taken back, and the case goes on by itself.
    quick.act(quick.until("WithdrawCalls"))
    assert quick.assess()["next"] == ("Closed" if fact == "paid" else "WaitForNews")


def test_an_allocation_that_broke_off_before_the_pause_gives_no_case_away_in_it(quick: World) -> None:
    quick.stack.publish(stages=QUICK, agencies=[{"id": "north"}], placements={"at_most": 1})
    quick.act(quick.until("PlaceWithAgency"))

    def killed(*_: object) -> None:
        raise DiedError

    with quick.monkeypatch.context() as patch:
        patch.setattr(AllocateDay, "_give", killed)
        with pytest.raises(DiedError):
            quick.close()
    pause(quick)

    quick.close()

    (deferred,) = quick.events(AgencyDeferred)
    assert "paused" in deferred.reason
    assert not quick.keys("AgencyBucket", "agency_id=north/placements/")


def test_the_monthly_reminder_whose_day_fell_into_the_pause_is_sent_after_it_once(world: World) -> None:
    stages = {"call": {"from": {"days_past_due": 1}, "steps": [{"action": "queue_call", "every_days": 2}]}}
    world.stack.publish(stages=stages, monthly_reminder={"day": 4, "template": "monthly", "stages": ["call"]})
    world.report()
    pause(world)
    live(world, 4)
    resume(world)
    assert world.today == date(2005, 6, 6)

    live(world, 3)

    monthly = [event for event in world.events(ActionPlanned) if event.step == "monthly"]
    assert [(event.on, event.reason) for event in monthly] == [
        (date(2005, 6, 6), "monthly reminder on day 4 (rule 7), moved from 2005-06-04")
    ]


def test_a_switch_is_turned_once_with_a_name_and_a_reason_and_every_turn_is_kept(world: World) -> None:
    settings = world.stack.settings
    with pytest.raises(PermanentSetupError, match="say who"):
        settings.turn("pause", on=True, by="I. Operator", why=" ")
    pause(world)
    with pytest.raises(PermanentSetupError, match=r"on since .* by I. Operator: wrong rates"):
        pause(world)
    resume(world)
    with pytest.raises(PermanentSetupError, match="off already"):
        resume(world)

    assert [(turn.name, turn.on, turn.by) for turn in settings.turned()] == [
        ("pause", False, "I. Operator"),
        ("pause", True, "I. Operator"),
    ]


# --- in shadow -------------------------------------------------------------------------------------------------------
def shadow(world: World) -> None:
    world.stack.settings.turn("shadow", on=True, by="I. Operator", why="first month")


def test_in_shadow_a_case_comes_to_court_on_the_same_dates_and_nothing_leaves_the_bank(quick: World) -> None:
    shadow(quick)

    live(quick, 8)

    done = {event.action: event for event in quick.events(ActionPlanned)}
    assert set(done) == {
        *("send_sms", "queue_call", "queue_letter", "freeze_account", "place_with_agency"),
        *("recall_from_agency", "file_legal"),
    }
    assert len(quick.events(ActionDone)) == len(quick.events(ActionPlanned))
    assert left_the_bank(quick) == NOTHING
    assert quick.events(StageEntered)[-1].stage == "legal"


def test_what_was_done_in_shadow_says_so_wherever_it_is_told(quick: World) -> None:
    shadow(quick)

    live(quick, 2)

    assert all(("shadow", "yes") in event.details for event in quick.events(ActionDone))
    events = quick.stack.events(CASE_ID)
    assert in_words(events[0]).startswith("case opened in shadow")
    assert any("done in shadow, nothing left the bank" in in_words(event) for event in events)
    assert {row.reason.endswith("(in shadow)") for row in timeline(events) if row.action != "stage_entered"} == {True}
    assert quick.invoke("build_worklist", {})["calls"] == 0


def test_texts_and_letters_of_a_case_in_shadow_are_kept_for_the_bank_to_read(quick: World) -> None:
    shadow(quick)

    live(quick, 4)

    assert quick.keys("DocumentsBucket", "messages/")
    assert quick.keys("DocumentsBucket", "letters/")


def test_several_agencies_in_shadow_are_allocated_and_get_nothing(quick: World) -> None:
    quick.stack.publish(stages=QUICK, agencies=[{"id": "north"}], placements={"at_most": 1})
    shadow(quick)

    live(quick, 5)

    placement = quick.stack.case(CASE_ID).case.placements[0]
    assert placement.agency_id == "north"
    assert not [key for key in quick.keys("AgencyBucket") if "/placements/" in key]


def test_while_the_stack_is_in_shadow_nothing_goes_out_for_a_case_that_began_before(quick: World) -> None:
    live(quick, 1)
    assert len(quick.texts()) == 1
    shadow(quick)

    live(quick, 3)

    held = quick.events(ActionHeld)
    assert "in shadow mode" in held[0].reason
    assert len(quick.texts()) == 1
    assert not quick.queued("CallQueue")


def test_when_shadow_mode_ends_a_case_in_shadow_closes_and_a_real_one_begins_with_nothing_done(quick: World) -> None:
    shadow(quick)
    live(quick, 2)
    quick.stack.settings.turn("shadow", on=False, by="I. Operator")

    assert EndShadow(quick.stack.table, quick.stack.settings)() == 1

    (closed,) = quick.events(CaseClosed)
    assert "shadow mode is over" in closed.reason
    assert EndShadow(quick.stack.table, quick.stack.settings)() == 0
    due = date.fromisoformat(quick.stack.queued()[ACCOUNT_ID])
    assert due == quick.today + DAY
    quick.stack.on(due)
    fresh = f"{ACCOUNT_ID}-{due:%Y%m%d}"
    quick.assess(fresh)
    (opened,) = quick.events(CaseOpened, fresh)
    assert not opened.shadow
    assert not quick.stack.case(fresh).case.done


def test_a_case_in_shadow_that_nobody_closed_closes_by_itself_when_it_is_looked_at(quick: World) -> None:
    shadow(quick)
    live(quick, 1)
    quick.stack.settings.turn("shadow", on=False, by="I. Operator")

    assert quick.assess()["next"] == "Closed"

    assert "shadow mode is over" in quick.events(CaseClosed)[0].reason
    assert quick.stack.queued()[ACCOUNT_ID] == (quick.today + DAY).isoformat()
