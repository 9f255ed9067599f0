import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from arrears.domain.events import ActionDone, ActionFailed, ActionRetried, FreezeAnswered, FreezeStatus, LetterWithdrawn
from arrears.effects.folders import letter_key
from arrears.effects.queue_letter import QueueLetter
from arrears.effects.wording import Wordings
from arrears.errors import PermanentDocumentError, TransientServiceError
from arrears.resources import resource
from tests.support.builders import CASE_ID, PROFILE, extract, paid, personal_data, policy, reported
from tests.unit.documents.reading import text_of
from tests.unit.effects.made import Folder, Play, Queue, without

SCHEMA = Draft202012Validator(json.loads(resource("schemas", "letter-task-1.schema.json").read_text()))


def writing(folder: Folder, queue: Queue, *, production: bool = False) -> QueueLetter:
    return QueueLetter(folder, queue, Wordings(production=production))


def test_the_letter_lies_under_its_id_and_the_task_names_it() -> None:
    folder, queue = Folder(), Queue()
    work = Play().until("queue_letter")
    effect = writing(folder, queue)(work)
    letter_id = work.act.action_id
    task = json.loads(queue.bodies[letter_id])
    SCHEMA.validate(task)
    body = folder.objects[letter_key(letter_id)]
    assert body.startswith(b"%PDF-")
    details = dict(effect.details)
    assert task["sha256"] == details["sha256"] == hashlib.sha256(body).hexdigest()
    assert task["key"] == details["key"] == letter_key(letter_id)
    assert task["registered"] is True
    assert details["template"] == details["kind"] == "lawyer_letter"
    assert task["recipient"] == PROFILE.name
    assert not [value for value in personal_data() if value in str(effect)]


def test_a_letter_made_again_after_a_crash_is_the_same_even_when_the_bank_has_reported_since() -> None:
    folder, queue, play = Folder(), Queue(), Play()
    effect = writing(folder, queue)(play.until("queue_letter"))
    play.on += timedelta(days=1)
    play.append(reported("2000.00", as_of=play.on))
    again = writing(folder, queue)(play.work())
    assert again.details == effect.details
    assert len(folder.written) == 1
    assert len(queue.bodies) == 1


def test_a_letter_that_cannot_have_been_made_before_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, queue, play = Folder(), Queue(), Play()
    monkeypatch.setattr(folder, "notes", None)

    writing(folder, queue)(replace(play.until("queue_letter"), again=False))

    assert len(folder.written) == len(queue.bodies) == 1


def test_a_letter_that_an_operator_lets_be_tried_again_is_made_for_its_new_date() -> None:
    folder, play = Folder(), Play()
    work = play.until("queue_letter")
    writing(folder, Queue())(work)
    play.append(ActionFailed(work.act.action_id, "queue_letter", play.on, "PermanentActionError"))
    play.on += timedelta(days=9)
    play.append(ActionRetried(work.act.action_id, play.on, "operator"))
    again = play.until("queue_letter")
    assert again.act.action_id == work.act.action_id
    writing(folder, Queue())(again)
    assert folder.metadata[letter_key(again.act.action_id)]["planned"] == play.on.isoformat()
    assert len(folder.written) == 2


def test_a_letter_that_takes_the_place_of_one_taken_out_of_the_mail_is_the_first() -> None:
    play = Play()
    first = play.until("queue_letter")
    play.append(ActionDone(first.act.action_id, play.on), LetterWithdrawn(first.act.action_id, play.on, "held"))

    again = play.until("queue_letter")

    assert again.act.action_id != first.act.action_id
    assert again.act.reason == first.act.reason == "stage lawyer_letter: queue_letter 1 of 1, due 2005-07-31"


def test_a_letter_is_kept_where_the_queue_is_busy_and_queued_as_it_is_when_tried_again() -> None:
    class Busy(Queue):
        def send(self, *, group: str, task_id: str, body: str) -> str:
            raise TransientServiceError(f"sqs:SendMessage: {group} {task_id} {len(body)}")

    folder, queue = Folder(), Queue()
    work = Play().until("queue_letter")
    with pytest.raises(TransientServiceError):
        writing(folder, Busy())(work)
    writing(folder, queue)(work)
    assert len(folder.written) == 1
    assert (
        json.loads(queue.bodies[work.act.action_id])["sha256"]
        == folder.metadata[letter_key(work.act.action_id)]["sha256"]
    )


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "发卡银行已要求停止用卡，仍可还款"),
        (["frozen"], "已停止用卡，仍可还款"),
        (["refused"], "正常使用"),
        (["frozen", "lifted"], "正常使用"),
        (["refused", "frozen"], "已停止用卡，仍可还款"),
    ],
)
def test_the_letter_says_of_a_freeze_what_the_core_banking_system_says(answers: list[FreezeStatus], said: str) -> None:
    play, folder = Play(reported=extract("60000.00")), Folder()
    work = play.until("queue_call")
    assert [done.action for done in play.case.done].count("freeze_account") == 1
    play.append(ActionDone(work.act.action_id, play.on))
    for answer in answers:
        play.append(FreezeAnswered(f"{CASE_ID}.freeze", answer, play.on))
    work = play.until("queue_letter")

    writing(folder, Queue())(work)

    assert f"您的账户状态：{said}。" in text_of(folder.objects[letter_key(work.act.action_id)])


def test_an_account_that_nobody_asked_to_freeze_is_in_use() -> None:
    folder, work = Folder(), Play().until("queue_letter")
    writing(folder, Queue())(work)
    assert "您的账户状态：正常使用。" in text_of(folder.objects[letter_key(work.act.action_id)])


@pytest.mark.parametrize("missing", ["name", "address_line1"])
def test_a_letter_without_a_recipient_or_address_is_refused(missing: str) -> None:
    names = (
        ("address_line1", "address_line2", "city", "region", "postal_code") if missing == "address_line1" else ("name",)
    )
    folder, queue = Folder(), Queue()
    with pytest.raises(PermanentDocumentError) as refused:
        writing(folder, queue)(Play(profile=without(PROFILE, *names)).until("queue_letter"))
    assert not [value for value in personal_data() if value in str(refused.value)]
    assert not folder.objects
    assert not queue.bodies


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"name": "陳\U00020000明"}, "1 characters are in no font, 0 texts"),
        ({"address_line1": "12 م Road"}, "1 characters are in no font, 0 texts"),
        ({"name": "Maximiliane " * 20}, "0 characters are in no font, 1 texts"),
        ({"address_line2": "Flat 7, " * 60}, "0 characters are in no font, 1 texts"),
    ],
)
def test_a_letter_whose_name_or_address_cannot_be_printed_wholly_does_not_go_out(
    known: dict[str, str], why: str
) -> None:
    folder, queue = Folder(), Queue()
    with pytest.raises(PermanentDocumentError, match=why) as refused:
        writing(folder, queue)(Play(profile=replace(PROFILE, **known)).until("queue_letter"))
    assert not [value for value in known.values() if value in str(refused.value)]
    assert not folder.objects
    assert not queue.bodies


def test_in_production_a_letter_without_the_banks_details_is_refused() -> None:
    with pytest.raises(PermanentDocumentError):
        writing(Folder(), Queue(), production=True)(Play().until("queue_letter"))


@pytest.mark.parametrize("template", ["reminder_letter", "final_notice"])
def test_other_letters_go_the_same_way(template: str) -> None:
    steps = [{"action": "queue_letter", "template": template}]
    rules = policy(stages={"lawyer_letter": {"from": {"days_past_due": 60}, "steps": steps}})
    effect = writing(Folder(), Queue())(Play(rules=rules).until("queue_letter"))
    assert dict(effect.details)["kind"] == template


def test_a_letter_in_english_for_an_account_whose_payments_came_in() -> None:
    folder, play = Folder(), Play(reported=replace(extract(), language="en"))
    play.append(paid("250.00", on=play.on + timedelta(days=3)))
    effect = writing(folder, Queue())(play.until("queue_letter"))
    assert dict(effect.details)["language"] == "en"
