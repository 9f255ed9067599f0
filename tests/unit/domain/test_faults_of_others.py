"""Faults that other systems of this kind had (named in their issue trackers), put to ours."""

from datetime import date

from arrears.domain.case import Case, evolve, opening
from arrears.domain.decide import Act, Wait, open_case
from arrears.domain.events import ActionDone, Event, HoldLifted, HoldPlaced, PromiseEnded
from arrears.domain.facts import Account
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.turn import planned, take_turn
from arrears.simulate.player import DatedFact, Player
from tests.unit.domain.told import REMINDER, called, day, extract, happens, hold, only, paid, policy

LADDER = policy(
    ("reminder", {"from": {"days_past_due": 1}, "steps": [{"action": "send_sms"}]}),
    ("call", {"from": {"days_past_due": 15}, "steps": [{"action": "queue_call", "every_days": 3, "at_most": 3}]}),
    ("letter", {"from": {"days_past_due": 30}, "steps": [{"action": "queue_letter"}]}),
    ("agency", {"from": {"days_past_due": 60}, "steps": [{"action": "place_with_agency", "at_most": 1}]}),
    cure_tolerance={"CNY": "1.00"},
)


def test_after_a_part_payment_no_stage_is_skipped() -> None:
    """killbill/killbill#2297: the schedule was not anchored anew, and a stage was passed over."""
    facts = [extract("06-01", "100", "06-01")]
    without = happens(LADDER, facts, "06-01", "08-31")
    assert happens(LADDER, [*facts, paid("06-10", "40"), paid("07-10", "40")], "06-01", "08-31") == without
    # The bank moves the due date when the oldest amount is settled: the ladder goes on from there, rung by rung.
    moved = [*facts, paid("06-10", "40"), extract("06-12", "60", "06-11")]
    assert [row.split()[1] for row in happens(LADDER, moved, "06-01", "2006-06-30") if "enters" in row] == [
        "reminder",
        "call",
        "letter",
        "agency",
    ]


def test_the_last_stage_comes_to_rest() -> None:
    """killbill/killbill#894: in the last stage the evaluation never ended."""
    told = Player(LADDER, day("06-01"), day("2009-12-31"))
    case = told.play("A", [extract("06-01", "100", "06-01")]).last
    assert case is not None
    _, events, decision = take_turn(case, LADDER, Moment(day("2009-12-31")))
    assert events == []
    assert decision == Wait(None, "nothing more is due")


def test_overlapping_holds_count_no_day_twice() -> None:
    """A pause placed around an old one made the days count twice: due dates ran away."""
    one = [hold("06-05", hold_id="one"), hold("06-20", "lifted", "one")]
    around = [*one, hold("06-03", hold_id="two"), hold("06-25", "lifted", "two")]
    facts = [extract("06-01", "100", "06-01")]
    for holds, lifted in ((one, "06-20"), (around, "06-25")):
        rows = happens(LADDER, [*facts, *holds], "06-01", "08-31")
        assert only("queue_call", rows)[0] == lifted  # the call stage was reached at 15 DPD, on 16 June
        assert only("queue_letter", rows) == ["07-01"]  # 30 DPD, as if there had been no hold


def test_a_letter_that_cannot_be_sent_waits_for_nothing_and_goes_when_it_can() -> None:
    """OCA/credit-control#447: a notice stayed "queued" for ever, because the address was blocked."""
    facts = [extract("06-01", "100", "06-01", mailable=False)]
    played = Player(LADDER, day("06-01"), day("07-15")).play("A", facts)
    assert played.last is not None
    assert played.last.pending is None
    assert played.last.failed is None
    facts.append(extract("07-20", "100", "06-01"))
    assert only("queue_letter", happens(LADDER, facts, "06-01", "07-31")) == ["07-20"]


def _promises(*facts: DatedFact) -> list[PromiseEnded]:
    told = policy(
        ("call", {"from": {"days_past_due": 1}, "promise_windows_days": [10], "steps": [{"action": "queue_call"}]})
    )
    played = Player(told, day("06-01"), day("12-31")).play("A", [extract("06-01", "100", "05-31"), *facts])
    return [event for story in played.stories for event in story if isinstance(event, PromiseEnded)]


def test_a_kept_promise_is_not_marked_broken() -> None:
    """It was, when the money came on the promised day itself, or in two parts."""
    promise = called("06-02", "promise", "06-08", amount="60")
    assert [ended.outcome for ended in _promises(promise, paid("06-08", "60"))] == ["kept"]
    assert [ended.outcome for ended in _promises(promise, paid("06-04", "35"), paid("06-08", "25"))] == ["kept"]
    assert [ended.outcome for ended in _promises(promise, paid("06-09", "60"))] == ["broken"]
    assert [ended.outcome for ended in _promises(promise, paid("06-08", "59.99"))] == ["broken"]


def test_a_payment_of_most_of_it_leaves_the_rest_owed() -> None:
    """frappe/erpnext#58220: what was left was forgotten when only the principal was paid."""
    facts = [extract("06-01", "100.00", "06-01"), paid("06-10", "98.99")]
    assert only("case_closed", happens(LADDER, facts, "06-01", "12-31")) == []
    assert only("case_closed", happens(LADDER, [*facts, paid("06-11", "0.01")], "06-01", "12-31")) == ["06-11"]


def _turn(case: Case, told: Policy, on: date) -> tuple[Case, list[Event], Act | Wait]:
    case, events, decision = take_turn(case, told, Moment(on))
    assert isinstance(decision, Act | Wait)
    return case, events, decision


def test_a_hold_entered_after_the_fact_undoes_nothing_and_holds_from_now_on() -> None:
    """openMF/web-app#1937: a pause with a date in the past was refused, or rewrote what had been done."""
    told = policy(("agency", {"from": {"days_past_due": 1}, "steps": [{"action": "place_with_agency", "at_most": 1}]}))
    account = Account("A").with_extract(extract("06-01", "100", "05-31").fact)  # type: ignore[arg-type] # an extract
    opened = open_case(account, told, day("06-01"))
    assert opened is not None
    case, _, placing = _turn(opening(opened), told, day("06-01"))
    assert isinstance(placing, Act)
    case = evolve(case, planned(placing, Moment(day("06-01"))))
    case = evolve(case, ActionDone(placing.action_id, day("06-01")))
    case = evolve(case, HoldPlaced("H", "dispute", day("05-20")))  # told on 10 June
    case, _, recall = _turn(case, told, day("06-10"))
    assert isinstance(recall, Act)
    assert recall.action == "recall_from_agency"
    case = evolve(case, planned(recall, Moment(day("06-10"))))
    case = evolve(case, ActionDone(recall.action_id, day("06-10")))
    assert [one.action for one in case.done] == ["place_with_agency", "recall_from_agency"]
    _, _, waits = _turn(case, told, day("06-11"))
    assert isinstance(waits, Wait)
    lifted = evolve(case, HoldLifted("H", "dispute", day("06-05")))  # told on 12 June, lifted in the past as well
    _, _, again = _turn(lifted, told, day("06-12"))
    assert isinstance(again, Act)
    assert (again.action, again.action_id) == ("place_with_agency", "A-20050601.agency.0.2")


def test_what_users_of_others_ask_for_a_case_that_is_very_late_starts_where_it_is() -> None:
    """OCA/credit-control#35, #432: jump to a later level when very late."""
    assert only("enters", happens(LADDER, [extract("06-01", "100", "01-01")], "06-01", "06-01")) == ["06-01"]
    assert happens(policy(REMINDER), [extract("06-01", "100", "01-01")], "06-01", "06-01")[1] == "06-01 reminder enters"
