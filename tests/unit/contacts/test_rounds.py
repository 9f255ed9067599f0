"""Rounds of calls: one number at a time, worked out by hand."""

from arrears.domain.case import evolve, opening
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import Act, Wait, decide, open_case
from arrears.domain.events import ActionDone, CaseOpened, HoldLifted
from arrears.domain.facts import Call, CallOutcome, Phone
from arrears.domain.moment import Moment
from arrears.domain.turn import planned, take_turn
from tests.support.builders import account, extract, payment, policy
from tests.support.played import called, dates, day, decided, fact, last_case, play, reasons, stages

CALLS = {"tries_per_number": 3, "again_after_days": 2}
STAGES = stages(
    call={
        "from": {"days_past_due": 15},
        "steps": [{"action": "queue_call", "every_days": 20, "at_most": 3}],
        "promise_windows_days": [7, 5],
    }
)

#: Thirteen results in a row: when the call is queued, to which number, what comes of it on the morning after.
RESULTS: list[tuple[str, Phone, CallOutcome]] = [
    ("06-16", "mobile", "no_answer"),
    ("06-18", "mobile", "busy"),
    ("06-20", "mobile", "no_answer"),  # three tries: the next number
    ("06-22", "work", "invalid_number"),  # dropped for good: the next number at once
    ("06-23", "home", "busy"),
    ("06-25", "home", "message_left"),  # a message with somebody else: the next number at once
    ("06-26", "family", "message_left"),
    ("06-27", "contact", "no_answer"),
    ("06-29", "contact", "no_answer"),
    ("07-01", "contact", "busy"),  # the last number: the round is over
    ("07-06", "mobile", "no_answer"),  # 20 days after the first call of the round before
    ("07-08", "mobile", "right_party"),  # a conversation ends the round
    ("07-26", "mobile", "promise"),
]


def test_thirteen_results_in_a_row() -> None:
    facts = [
        called(day(on) + ONE_DAY, phone, result, promised_on=day("08-01") if result == "promise" else None)
        for on, phone, result in RESULTS
    ]

    played = play(facts, last=day("07-28"), calls=CALLS, **STAGES)

    made = [done for done in last_case(played).done if done.action == "queue_call"]
    assert [(f"{done.on:%m-%d}", done.phone) for done in made] == [(on, phone) for on, phone, _ in RESULTS]
    assert reasons(played, "queue_call") == [
        "stage call: queue_call 1 of 3, due 2005-06-16, to the mobile number",
        "stage call: call 2 of round 1 to the mobile number, try 2 of 3 in this round",
        "stage call: call 3 of round 1 to the mobile number, try 3 of 3 in this round",
        "stage call: call 4 of round 1 to the work number, try 1 of 3 in this round",
        "stage call: call 5 of round 1 to the home number, try 1 of 3 in this round",
        "stage call: call 6 of round 1 to the home number, try 2 of 3 in this round",
        "stage call: call 7 of round 1 to the family number, try 1 of 3 in this round",
        "stage call: call 8 of round 1 to the contact number, try 1 of 3 in this round",
        "stage call: call 9 of round 1 to the contact number, try 2 of 3 in this round",
        "stage call: call 10 of round 1 to the contact number, try 3 of 3 in this round",
        "stage call: queue_call 2 of 3, due 2005-07-06, to the mobile number",
        "stage call: call 2 of round 2 to the mobile number, try 2 of 3 in this round",
        "stage call: queue_call 3 of 3, due 2005-07-26, to the mobile number",
    ]
    assert [done.action_id for done in made[:2]] == ["CARD-0001-20050602.call.0.1", "CARD-0001-20050602.call.0.1.2"]
    assert len({done.action_id for done in made}) == len(made)
    (promise,) = last_case(played).promises
    assert promise.until == day("08-01"), "five days, the window after one earlier conversation"


def test_a_call_without_a_result_counts_as_not_answered() -> None:
    played = play(last=day("06-30"), calls={"numbers": ["mobile", "home"], "tries_per_number": 2}, **STAGES)

    made = [(f"{done.on:%m-%d}", done.phone) for done in last_case(played).done if done.action == "queue_call"]
    assert made == [("06-16", "mobile"), ("06-17", "mobile"), ("06-18", "home"), ("06-19", "home")]


def test_a_number_that_is_left_out_is_never_called() -> None:
    played = play(last=day("07-30"), calls={"numbers": ["mobile", "work", "home"]}, **STAGES)

    assert {done.phone for done in last_case(played).done if done.action == "queue_call"} == {"mobile", "work", "home"}


def test_an_invalid_number_is_dropped_for_good() -> None:
    dead = called(day("06-17"), "mobile", "invalid_number")

    played = play([dead], last=day("07-30"), calls={"numbers": ["mobile", "home"]}, **STAGES)

    made = [(f"{done.on:%m-%d}", done.phone) for done in last_case(played).done if done.action == "queue_call"]
    assert made == [("06-16", "mobile"), ("06-17", "home"), ("07-06", "home"), ("07-26", "home")]


def test_when_no_number_is_left_the_policy_falls_back() -> None:
    dead = called(day("06-17"), "mobile", "invalid_number")
    contact = {"fallback": {"queue_call": {"action": "queue_letter", "template": "reminder_letter"}}}

    played = play([dead], last=day("07-30"), calls={"numbers": ["mobile"]}, contact=contact, **STAGES)

    assert dates(played, "queue_call") == ["06-16"]
    assert dates(played, "queue_letter") == ["07-06", "07-26"]
    assert "there is no number left that may be called" in reasons(played, "queue_letter")[0]


def test_a_number_stays_dropped_when_another_case_opens() -> None:
    dead = called(day("06-17"), "mobile", "invalid_number")
    cured = fact(day("06-20"), extract("0.00", as_of=day("06-20"), oldest_due=None, phones=("mobile", "home")))
    again = fact(
        day("07-02"), extract("900.00", as_of=day("07-02"), oldest_due=day("07-01"), phones=("mobile", "home"))
    )

    played = play([dead, cured, again], calls={"numbers": ["mobile", "home"]}, last=day("07-20"), **STAGES)

    assert len(played.stories) == 2
    assert {done.phone for done in last_case(played).done if done.action == "queue_call"} == {"home"}


def test_a_dispute_on_the_phone_holds_the_case_until_a_hold_of_its_name_is_lifted() -> None:
    disputed = called(day("06-16"), "mobile", "disputed")
    assert isinstance(disputed.fact, Call)
    lifted = fact(day("07-10"), HoldLifted(f"call-{disputed.fact.call_id}", "dispute", day("07-10")))

    played = play([disputed, lifted], last=day("07-30"), calls=CALLS | {"disputed_is_hold": True}, **STAGES)

    # On the day of the dispute the case is held before its first call is queued.
    assert dates(played, "queue_call")[0] == "07-10"


# --- withdrawn -------------------------------------------------------------------------------------------------------
def test_a_queued_call_is_withdrawn_once_when_the_case_is_paid() -> None:
    paid = fact(day("06-18"), payment(on=day("06-18")))

    played = play([paid], calls=CALLS, last=day("07-30"), **STAGES)

    withdrawn = [e for e in decided(played, ActionDone) if ".withdraw." in e.action_id]
    assert [(e.action_id, e.on) for e in withdrawn] == [("CARD-0001-20050602.withdraw.1", day("06-18"))]
    assert all(done.withdrawn_on == day("06-18") for done in last_case(played).done if done.action == "queue_call")
    assert not last_case(played).is_open


def test_a_call_that_was_answered_is_not_withdrawn() -> None:
    answered = called(day("06-16"), "mobile", "right_party")
    paid = fact(day("06-18"), payment(on=day("06-18")))

    played = play([answered, paid], calls=CALLS, last=day("07-30"), **STAGES)

    assert not [e for e in decided(played, ActionDone) if ".withdraw." in e.action_id]


def test_a_result_for_a_withdrawn_call_is_known_as_such() -> None:
    paid = fact(day("06-18"), payment(on=day("06-18")))
    case = last_case(play([paid], calls=CALLS, last=day("07-30"), **STAGES))

    late, same_day = called(day("06-19"), "mobile", "no_answer").fact, called(day("06-18"), "mobile", "busy").fact
    assert isinstance(late, Call)
    assert isinstance(same_day, Call)
    assert case.withdrawn_call(late) is not None
    assert case.withdrawn_call(same_day) is None, "it may have been made before the money came"


def test_a_call_whose_function_died_is_queued_again_to_the_same_number() -> None:
    pol = policy(calls=CALLS, **STAGES)
    opened = open_case(account(extract(phones=("mobile", "home"))), pol, day("06-16"))
    assert isinstance(opened, CaseOpened)
    case, _, act = take_turn(opening(opened), pol, Moment(day("06-16")))
    assert isinstance(act, Act)
    assert act.phone == "mobile"

    again = decide(evolve(case, planned(act, Moment(day("06-16")))), pol, Moment(day("06-17")))

    assert isinstance(again, Act)
    assert (again.action_id, again.phone) == (act.action_id, "mobile")


def test_a_result_that_names_no_number_is_that_of_the_last_call() -> None:
    told = called(day("06-16"), None, "right_party")

    played = play([told], last=day("06-30"), calls=CALLS, **STAGES)

    assert dates(played, "queue_call") == ["06-16"]
    assert not last_case(played).unanswered_calls(day("06-30"))


def test_waiting_for_a_later_call_says_until_when() -> None:
    case = last_case(play(last=day("06-16"), calls=CALLS, **STAGES))

    waits = decide(case, policy(calls=CALLS, **STAGES), Moment(day("06-16")))

    assert isinstance(waits, Wait)
    assert waits.until is not None
    assert waits.until.on == day("06-18")
