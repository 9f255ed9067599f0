import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st
from jsonschema import Draft202012Validator

from arrears.domain.events import ActionDone, CallResult
from arrears.domain.facts import PHONES, Phone
from arrears.effects.queue_call import QueueCall, call_numbers
from arrears.files.records import Profile
from arrears.resources import resource
from tests.support.builders import PROFILE, extract, personal_data, policy
from tests.unit.effects.made import Play, Queue
from tests.unit.rules.ruled import PACKS, bound

SCHEMA = Draft202012Validator(json.loads(resource("schemas", "call-task-1.schema.json").read_text()))
DEBT = ("逾期", "欠", "款", "卡", "overdue", "debt", "card", "pay", "arrears", "owe")


def task_of(play: Play) -> tuple[dict[str, Any], Queue]:
    queue = Queue()
    work = play.until("queue_call")
    QueueCall(queue, production=False)(work)
    return json.loads(queue.bodies[work.act.action_id]), queue


def test_a_task_is_valid_by_the_published_schema_and_in_its_accounts_group() -> None:
    task, queue = task_of(Play())
    SCHEMA.validate(task)
    assert (task["arrears"], task["currency"], task["days_past_due"]) == ("1000.00", "CNY", 15)
    assert queue.groups == ["CARD-0001"]


def test_numbers_stand_in_the_lawful_order_with_what_may_be_said() -> None:
    task, _ = task_of(Play())
    assert [(number["kind"], number["may_be_told"]) for number in task["numbers"]] == [
        ("mobile", "cardholder"),
        ("work", "cardholder"),
        ("home", "cardholder"),
        ("family", "message_only"),
        ("contact", "message_only"),
    ]


@pytest.mark.parametrize(
    ("guarantors", "others"), [((), []), (("family",), [("family", "guarantor")])], ids=["nobody", "a guarantor"]
)
def test_under_chinese_rules_other_people_are_named_to_callers_only_where_they_are_guarantors(
    guarantors: tuple[Phone, ...], others: list[tuple[str, str]]
) -> None:
    reported = replace(extract(phones=PHONES), guarantors=guarantors)
    task, _ = task_of(Play(rules=bound(PACKS["cn"]), reported=reported))
    SCHEMA.validate(task)
    own = [(kind, "cardholder") for kind in ("mobile", "work", "home")]
    assert [(number["kind"], number["may_be_told"]) for number in task["numbers"]] == own + others


def test_callers_are_told_the_narrower_hours_of_bank_and_rules() -> None:
    hours = task_of(Play(rules=bound(PACKS["cn"], contact={"hours": ["09:00", "21:00"]})))[0]["contact_hours"]
    assert hours == ["09:00", "21:00"]
    assert task_of(Play(rules=bound(PACKS["cn"])))[0]["contact_hours"] == ["08:00", "21:00"]
    somewhere = Play(rules=bound(PACKS["cn"]), reported=extract(timezone="UTC"))
    assert task_of(somewhere)[0]["contact_hours"] == ["00:00", "13:00"], "08:00 to 21:00 in Shanghai"


@pytest.mark.parametrize("language", ["zh-CN", "zh-TW", "en", "fr"])
@pytest.mark.parametrize("name", ["Wang Xiaoming", None])
def test_the_message_for_others_says_nothing_of_a_debt(language: str, name: str | None) -> None:
    rules = policy(bank={"name": "Sample Bank", "phone": "+44 1632 960001"})
    play = Play(rules=rules, reported=replace(extract(), language=language), profile=replace(PROFILE, name=name))
    message = task_of(play)[0]["message_for_others"].lower()
    assert "sample bank" in message
    assert not [word for word in DEBT if word in message]


@pytest.mark.parametrize("production", [False, True])
def test_a_number_stands_in_for_one_that_the_policy_leaves_out_but_not_in_production(production: bool) -> None:
    queue, work = Queue(), Play(rules=policy(bank={"name": "Sample Bank"})).until("queue_call")
    QueueCall(queue, production)(work)
    message = json.loads(queue.bodies[work.act.action_id])["message_for_others"]
    assert ("+44 1632 960001" in message) is not production


def test_the_time_that_a_promise_may_take_shrinks_with_each_conversation() -> None:
    play = Play()
    assert task_of(play)[0]["promise_within_days"] == 7
    pending = play.case.pending
    assert pending is not None
    play.append(ActionDone(pending.action_id, play.on), CallResult(play.call("CALL-1", "refused")))
    assert task_of(play)[0]["promise_within_days"] == 5


def test_repeating_a_call_queues_the_same_task() -> None:
    queue, play = Queue(), Play()
    work = play.until("queue_call")
    first = QueueCall(queue, production=False)(work)
    second = QueueCall(queue, production=False)(work)
    assert first.details == second.details
    assert len(queue.bodies) == 1


def test_nothing_personal_is_recorded() -> None:
    effect = QueueCall(Queue(), production=False)(Play().until("queue_call"))
    assert not [value for value in personal_data() if value in str(effect)]


@given(st.fixed_dictionaries({f"phone_{kind}": st.none() | st.sampled_from(["+1", "+2", "+3"]) for kind in PHONES}))
def test_each_number_is_called_once_in_the_lawful_order(phones: dict[str, str | None]) -> None:
    numbers = call_numbers(Profile.from_dict(phones))
    kinds = [number["kind"] for number in numbers]
    assert kinds == sorted(kinds, key=PHONES.index)
    assert {number["number"] for number in numbers} == {number for number in phones.values() if number}
    assert len({number["number"] for number in numbers}) == len(numbers)
