"""Texts, calls and letters with everything that comes back: opt-outs, receipts, withdrawals, the worklist, the mail."""

import base64
import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from arrears.adapters import aws
from arrears.adapters.queues import FifoInbox
from arrears.adapters.spending import TableSpending
from arrears.domain.events import (
    ActionDone,
    ActionPostponed,
    FreezeAnswered,
    LetterMailed,
    LetterWithdrawn,
    OptedOut,
    SmsReported,
)
from arrears.errors import TransientServiceError
from arrears.usecases.build_worklist import worklist_key
from arrears.usecases.dispatch_letters import mail_folder
from tests.aws.effects.world import DiedError, World, give_back
from tests.support.builders import (
    ACCOUNT_ID,
    CASE_ID,
    OPENS,
    PROFILE,
    extract,
    held,
    lifted,
    paid,
    personal_data,
)
from tests.support.personal import People
from tests.support.stack import Context
from tests.unit.effects.made import without
from tools.template import load

LETTER = f"{CASE_ID}.lawyer_letter.0.1"
FALLBACK = {"send_sms": {"action": "queue_letter", "template": "reminder_letter"}}
CALLS = {"numbers": ["mobile", "home"], "tries_per_number": 2, "again_after_days": 2, "capacity_per_day": 2}


# --- texts -----------------------------------------------------------------------------------------------------------
def test_who_is_on_the_networks_list_gets_the_fallback_at_once(world: World) -> None:
    world.stack.publish(contact={"fallback": FALLBACK})
    # moto has numbers that end in 99 on the list.
    opted_out = without(PROFILE, "phone_mobile")
    opted_out.phone_mobile = "+8613800138099"  # type: ignore[misc]  # a copy of this test's own
    world.report(profile=opted_out)

    after = world.act(world.until("SendSms"))
    step = world.assess()

    assert after["wait"]["version"] == "0", "there is more to do at once"
    assert (step["next"], step["action_id"]) == ("QueueLetter", f"{CASE_ID}.reminder.0.1")
    (news,) = world.events(OptedOut)
    assert news.source == "network"
    assert world.texts() == []
    assert world.stack.table.account(ACCOUNT_ID).account.opted_out_on == OPENS, "it stays for the next case"


def test_a_number_that_takes_no_text_is_news_and_nothing_personal(world: World) -> None:
    landline = without(PROFILE, "phone_mobile")
    landline.phone_mobile = "+862155550100"  # type: ignore[misc]  # a copy of this test's own
    world.report(profile=landline)

    world.act(world.until("SendSms"))

    (news,) = world.events(SmsReported)
    assert (news.status, news.final) == ("failed", True)
    assert world.assess()["next"] == "WaitForNews", "without a fallback nothing is sent instead"
    assert not [text for text in personal_data(landline) if text in str(world.stack.events(CASE_ID))]


def test_at_the_months_budget_texts_wait_and_calls_go_on(world: World) -> None:
    world.stack.publish(sms={"segment_price": "0.50", "monthly_budget": {"total": "2.00"}})
    world.report()
    world.report("CARD-0002")

    world.act(world.until("SendSms"))
    other = "CARD-0002-20050602"
    world.act(world.until("SendSms", other))

    (postponed,) = world.events(ActionPostponed, other)
    assert postponed.until == date(2005, 7, 1)
    assert len(world.texts()) == 1
    spent = TableSpending(world.stack.table).spent(OPENS)
    assert {stage: str(amount) for stage, amount in spent.items()} == {"reminder": "1.50"}
    assert world.until("QueueCall", other)["next"] == "QueueCall"


def receipt(message_id: str, status: str, said: str) -> dict[str, Any]:
    """An entry of SNS's delivery status log, as CloudWatch Logs hands it over."""
    entry = {
        "notification": {"messageId": message_id, "timestamp": "2005-06-02 04:00:05.558"},
        "delivery": {"destination": PROFILE.phone_mobile, "providerResponse": said},
        "status": status,
    }
    batch = {
        "messageType": "DATA_MESSAGE",
        "logEvents": [{"id": "1", "timestamp": 1, "message": json.dumps(entry)}, {"id": "2", "message": "no json"}],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()}}


def sent_message(world: World) -> str:
    """The id of the first text, sent."""
    world.report()
    world.act(world.until("SendSms"))
    return str(world.events(ActionDone)[0].reference)


def test_a_delivery_receipt_is_recorded_once(world: World) -> None:
    message_id = sent_message(world)

    first = world.invoke(
        "record_receipts", receipt(message_id, "SUCCESS", "Message has been accepted by phone carrier")
    )
    again = world.invoke(
        "record_receipts", receipt(message_id, "SUCCESS", "Message has been accepted by phone carrier")
    )
    foreign = world.invoke("record_receipts", receipt("of-somebody-else", "SUCCESS", ""))

    assert (first["recorded"], again["recorded"], foreign["foreign"]) == (1, 1, 1), "again: it says the same"
    (news,) = world.events(SmsReported)
    assert (news.action_id, news.status, news.on) == (f"{CASE_ID}.reminder.0.1", "delivered", OPENS)


@pytest.mark.parametrize("poison", ["a text", {"notification": "a text"}, {"notification": None}, ["notification"]])
def test_an_entry_that_nobody_can_read_keeps_no_other_receipt_back(world: World, poison: object) -> None:
    message_id = sent_message(world)
    event = receipt(message_id, "SUCCESS", "")
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    batch["logEvents"].insert(0, {"id": "0", "timestamp": 1, "message": json.dumps(poison)})
    event["awslogs"]["data"] = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()

    assert world.invoke("record_receipts", event)["recorded"] == 1
    assert [news.status for news in world.events(SmsReported)] == ["delivered"]


@pytest.mark.parametrize(
    ("said", "final", "opted_out"),
    [
        ("Invalid phone number", True, False),
        ("Phone has blocked SMS", True, False),
        ("Phone is currently unreachable/unavailable", False, False),
        ("Phone number is opted out", False, True),
    ],
)
def test_a_text_that_failed_says_whether_the_number_is_done_with(
    world: World, said: str, final: bool, opted_out: bool
) -> None:
    message_id = sent_message(world)

    world.invoke("record_receipts", receipt(message_id, "FAILURE", said))

    (news,) = world.events(SmsReported)
    assert (news.status, news.final) == ("failed", final)
    assert bool(world.events(OptedOut)) is opted_out
    stored = world.stack.table.account(ACCOUNT_ID).account
    assert (stored.unusable_on("mobile", "sms") is not None) is final
    assert (stored.opted_out_on is not None) is opted_out


@pytest.fixture
def broken(world: World) -> Iterator[list[Exception]]:
    """Errors that asking for a receipt's action meets, the first first."""
    errors: list[Exception] = []
    action_of = TableSpending.action_of

    def ask(self: TableSpending, message_id: str) -> str | None:
        if errors:
            raise errors.pop(0)
        return action_of(self, message_id)

    with world.monkeypatch.context() as patch:
        patch.setattr(TableSpending, "action_of", ask)
        yield errors


@pytest.fixture(name="dead_letters")
def _dead_letters(world: World) -> str:
    """The queue of what is set aside."""
    url = aws.sqs().create_queue(QueueName="dead-letters")["QueueUrl"]
    world.stack.physical["DeadLetters"] = url
    return url


def set_aside(url: str) -> list[Any]:
    """The dead letters, taken out."""
    messages = aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        aws.sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in messages]


def test_a_receipt_that_meets_a_busy_table_is_recorded_at_the_second_try(
    world: World, dead_letters: str, broken: list[Exception]
) -> None:
    message_id = sent_message(world)
    broken += [TransientServiceError("busy")]

    assert world.invoke("record_receipts", receipt(message_id, "SUCCESS", ""))["recorded"] == 1
    assert set_aside(dead_letters) == []


@pytest.mark.parametrize(
    ("errors", "name"),
    [
        ([TransientServiceError("busy"), TransientServiceError("busy")], "TransientServiceError"),
        ([KeyError(PROFILE.phone_mobile)], "UnexpectedError"),
    ],
)
def test_a_receipt_that_cannot_be_recorded_is_set_aside_without_the_number_and_recorded_when_redriven(
    world: World, dead_letters: str, broken: list[Exception], errors: list[Exception], name: str
) -> None:
    """Lambda would put the whole event into the dead letters, with the number that the text went to."""
    message_id = sent_message(world)
    broken += errors

    said = f"Phone {PROFILE.phone_mobile} is unreachable"
    assert world.invoke("record_receipts", receipt(message_id, "FAILURE", said))["set_aside"] == 1

    assert world.events(SmsReported) == []
    (letter,) = set_aside(dead_letters)
    assert letter["responsePayload"] == {"errorType": name}
    assert People.of([{"phone_mobile": str(PROFILE.phone_mobile)}]).found_in(json.dumps(letter)) == set()

    assert world.invoke("record_receipts", letter["requestPayload"])["recorded"] == 1
    (news,) = world.events(SmsReported)
    assert (news.status, news.reason) == ("failed", "Phone (number) is unreachable")


def test_receipts_for_which_there_is_no_time_left_are_set_aside(
    world: World, dead_letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = sent_message(world)
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 1000)

    assert world.invoke("record_receipts", receipt(message_id, "SUCCESS", ""))["set_aside"] == 1

    (letter,) = set_aside(dead_letters)
    assert [each["message_id"] for each in letter["requestPayload"]["receipts"]] == [message_id]


def test_what_is_no_event_of_a_log_leaves_a_word_and_none_of_itself(world: World, dead_letters: str) -> None:
    event = {"awslogs": {"data": base64.b64encode(str(PROFILE.phone_mobile).encode()).decode()}}

    world.invoke("record_receipts", event)

    (letter,) = set_aside(dead_letters)
    assert letter["requestPayload"] == {"receipts": []}
    assert letter["responsePayload"] == {"errorType": "PermanentSetupError"}


def test_lambda_has_no_place_to_put_an_event_that_names_numbers() -> None:
    configured = load()["Resources"]["RecordReceiptsFunction"]["Properties"]

    assert set(configured["EventInvokeConfig"]) == {"MaximumRetryAttempts"}
    assert "DeadLetterQueue" not in configured


# --- calls -----------------------------------------------------------------------------------------------------------
def test_a_call_task_names_one_number_and_what_may_be_said(world: World) -> None:
    world.stack.publish(calls=CALLS)
    world.report()

    world.act(world.until("QueueCall"))

    (task,) = world.queued("CallQueue")
    assert task["numbers"] == [{"kind": "mobile", "number": PROFILE.phone_mobile, "may_be_told": "cardholder"}]
    assert "逾期" not in task["message_for_others"]
    assert "欠" not in task["message_for_others"]


@pytest.mark.parametrize("why", ["paid", "held"])
def test_a_queued_call_is_taken_back_once(world: World, why: str) -> None:
    world.report()
    world.act(world.until("QueueCall"))
    (task,) = world.queued("CallQueue")
    news = paid("60000.00", on=world.today) if why == "paid" else held(world.today)
    world.stack.news(CASE_ID, news, on=world.today)

    step = world.until("WithdrawCalls")
    world.die_before_confirming(step)
    world.act(step)

    messages = world.queued("CallQueue")
    assert {message["action_id"] for message in messages} == {f"{CASE_ID}.withdraw.1"}
    assert messages[0]["schema"] == "call-withdrawal-1"
    assert messages[0]["action_ids"] == [task["action_id"]]
    assert world.assess()["next"] == ("Closed" if why == "paid" else "WaitForNews")


def worklist(world: World, day: date) -> list[dict[str, str]]:
    """The list of a morning, as a spreadsheet reads it."""
    world.stack.on(day)
    world.invoke("build_worklist", {})
    text = world.body("DocumentsBucket", worklist_key(day)).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_morning_has_the_best_calls_first_capped_and_nobody_who_paid_is_held_or_has_promised(world: World) -> None:
    world.stack.publish(calls=CALLS)
    amounts = {"A": "500.00", "B": "9000.00", "C": "3000.00", "D": "7000.00", "E": "8000.00"}
    for name, amount in amounts.items():
        case_id = world.report(name, known=extract(amount))
        world.stack.on(OPENS)
        world.act(world.until("QueueCall", case_id))
    called, morning = world.today, world.today + timedelta(days=1)
    world.stack.news("D-20050602", held(morning), on=morning)
    world.stack.news("E-20050602", paid("8000.00", on=morning), on=morning)

    first = worklist(world, morning)

    assert [(row["rank"], row["case_id"]) for row in first] == [("1", "B-20050602"), ("2", "C-20050602")]
    assert [row["left_over"] for row in first] == ["False", "False"]
    assert first[0]["number"] == f"'{PROFILE.phone_mobile}", "nothing that a spreadsheet would compute"
    assert (first[0]["arrears"], first[0]["queued_on"]) == ("9000.00", called.isoformat())
    second = worklist(world, morning + timedelta(days=1))
    assert [row["case_id"] for row in second] == ["A-20050602", "B-20050602"], "what did not fit is first"
    assert second[0]["left_over"] == "True"


# --- letters ---------------------------------------------------------------------------------------------------------
def queue_letter(world: World, account_id: str = ACCOUNT_ID, profile: Any = PROFILE) -> str:
    """Play a case until its lawyer's letter is queued; return the letter's id."""
    case_id = world.report(account_id, profile=profile)
    world.stack.on(OPENS)
    step = world.until("QueueLetter", case_id)
    world.act(step)
    return step["action_id"]


def index(world: World, day: date) -> list[dict[str, str]]:
    text = world.body("DocumentsBucket", f"{mail_folder(day)}index.csv").decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_days_letters_become_one_batch_whose_manifest_is_whole(world: World) -> None:
    letters = sorted(queue_letter(world, name) for name in ("A", "B", "C"))
    day = world.today

    report = world.invoke("dispatch_letters", {})

    assert report == {"date": day.isoformat(), "letters": 3, "taken_out": 0, "left": 0, "stopped_by": ""}
    manifest = world.manifest("DocumentsBucket", mail_folder(day))
    assert manifest["letters"] == letters
    rows = index(world, day)
    assert [row["letter_id"] for row in rows] == letters
    assert (rows[0]["recipient"], rows[0]["address_1"], rows[0]["registered"]) == (
        PROFILE.name,
        PROFILE.address_line1,
        "true",
    )
    assert world.body("DocumentsBucket", f"{mail_folder(day)}{letters[0]}.pdf").startswith(b"%PDF")
    assert [event.on for event in world.events(LetterMailed, "A-20050602")] == [day]
    assert world.queued("LetterQueue") == []


@pytest.mark.parametrize("poison", ["no json", "[]", "{}", '{"letter_id": 1, "case_id": null, "address": "x"}'])
def test_a_message_that_is_no_letter_keeps_none_from_the_mail(world: World, poison: str) -> None:
    url = world.stack.physical["LetterQueue"]
    aws.sqs().send_message(QueueUrl=url, MessageBody=poison, MessageGroupId="X", MessageDeduplicationId="poison")
    letter = queue_letter(world)
    day = world.today

    report = world.invoke("dispatch_letters", {})

    assert (report["letters"], report["left"]) == (1, 1)
    assert [row["letter_id"] for row in index(world, day)] == [letter]


@pytest.mark.parametrize("why", ["paid", "held"])
def test_a_letter_that_was_paid_for_or_held_before_is_taken_out_and_it_is_recorded(world: World, why: str) -> None:
    stays, goes = queue_letter(world, "A"), queue_letter(world, "B")
    day = world.today
    news = paid("60000.00", on=day) if why == "paid" else held(day)
    world.stack.news("B-20050602", news, on=day)

    report = world.invoke("dispatch_letters", {})

    assert (report["letters"], report["taken_out"]) == (1, 1)
    assert [row["letter_id"] for row in index(world, day)] == [stays]
    (withdrawn,) = world.events(LetterWithdrawn, "B-20050602")
    assert withdrawn.letter_id == goes
    assert ("paid" if why == "paid" else "dispute hold") in withdrawn.reason
    assert not [key for key in world.keys("DocumentsBucket", mail_folder(day)) if goes in key]


def test_a_letter_that_a_hold_took_out_is_written_again_when_it_is_lifted(world: World) -> None:
    first = queue_letter(world)
    day = world.today
    world.stack.news(CASE_ID, held(day), on=day)
    world.invoke("dispatch_letters", {})
    world.stack.news(CASE_ID, lifted(day + timedelta(days=2)), on=day)
    world.stack.on(day + timedelta(days=2))

    again = world.until("QueueLetter")

    assert (first, again["action_id"]) == (LETTER, f"{CASE_ID}.lawyer_letter.0.2")


def test_the_letter_that_a_hold_has_sent_goes_out_once_while_the_hold_stands(world: World) -> None:
    world.stack.publish(holds={"dispute": {"steps": [{"action": "queue_letter", "template": "dispute_received"}]}})
    world.report()
    world.assess()
    day = world.today
    world.stack.news(CASE_ID, held(day), on=day)
    world.act(world.until("QueueLetter"))

    report = world.invoke("dispatch_letters", {})
    world.stack.on(day + timedelta(days=1))

    assert (report["letters"], report["taken_out"]) == (1, 0)
    assert world.assess()["next"] == "WaitForNews", "the answer is on its way; nothing else goes out"


def test_a_second_run_on_a_day_leaves_what_came_since_for_the_next(world: World) -> None:
    queue_letter(world, "A")
    day = world.today
    world.invoke("dispatch_letters", {})
    late = queue_letter(world, "B")

    report = world.invoke("dispatch_letters", {"date": day.isoformat()})

    assert (report["letters"], report["left"]) == (0, 1)
    assert late not in str(index(world, day))


@pytest.mark.parametrize("dies_at", ["the manifest", "the queue"])
def test_a_run_that_broke_off_mails_nothing_twice_and_loses_nothing(world: World, dies_at: str) -> None:
    letter = queue_letter(world)
    day = world.today

    def killed(*_: Any, **__: Any) -> None:
        raise DiedError

    with world.monkeypatch.context() as patch:
        if dies_at == "the manifest":
            put = type(world.bucket("DocumentsBucket")).put

            def dying(self: Any, key: str, *rest: Any) -> None:
                if key.endswith("manifest.json"):
                    raise DiedError
                put(self, key, *rest)

            patch.setattr(type(world.bucket("DocumentsBucket")), "put", dying)
        else:
            patch.setattr(FifoInbox, "delete", killed)
        with pytest.raises(DiedError):
            world.invoke("dispatch_letters", {})
    give_back()

    world.invoke("dispatch_letters", {"date": (day + timedelta(days=1)).isoformat()})

    mailed = [
        json.loads(world.body("DocumentsBucket", key))["letters"]
        for key in world.keys("DocumentsBucket", "mail/")
        if key.endswith("manifest.json")
    ]
    assert mailed == [[letter]]
    give_back()
    assert world.queued("LetterQueue") == []


# --- the freeze ------------------------------------------------------------------------------------------------------
def test_the_core_systems_answer_comes_back_and_a_cure_asks_for_the_freeze_to_be_lifted(world: World) -> None:
    world.report()
    world.act(world.until("FreezeAccount"))
    answer = {"action_id": f"{CASE_ID}.freeze", "status": "frozen", "at": world.today.isoformat()}
    event = {"id": "1", "detail-type": "FreezeAnswered", "source": "core-banking", "detail": answer}

    assert world.invoke("record_freeze", event) == {"outcome": "accepted"}
    assert world.invoke("record_freeze", event | {"id": "2"}) == {"outcome": "unchanged"}
    assert world.invoke("record_freeze", event | {"detail": answer | {"action_id": "X-20050101.freeze"}}) == {
        "outcome": "refused"
    }
    assert [told.status for told in world.events(FreezeAnswered)] == ["frozen"]
    world.told()
    world.stack.news(CASE_ID, paid("60000.00", on=world.today), on=world.today)
    world.act(world.until("LiftFreeze"))

    (request,) = [told for told in world.told() if told["detail-type"] == "FreezeLiftRequested"]
    assert request["detail"]["freeze_action_id"] == f"{CASE_ID}.freeze"
    assert world.assess()["next"] in ("Closed", "WithdrawCalls")
