"""The table: append as one transaction, the chain, the queue, and what happens when two writers meet."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from arrears.adapters import table as table_module
from arrears.adapters.table import AccountRecord, CaseRecord, StaleError, Table
from arrears.domain import codec
from arrears.domain.case import replay
from arrears.domain.chain import GENESIS
from arrears.domain.decide import open_case
from arrears.domain.events import CaseOpened, StageEntered
from arrears.errors import PermanentActionError, TransientConflictError, TransientServiceError
from tests.support.builders import (
    ACCOUNT_ID,
    CASE_ID,
    OPENS,
    PROFILE,
    account,
    extract,
    paid,
    personal_data,
    policy,
    stamp,
)
from tests.support.stack import Stack
from tools.template import load, resources


def opened(on: date = OPENS, account_id: str = ACCOUNT_ID) -> CaseOpened:
    event = open_case(account(extract(as_of=on), account_id=account_id), policy(), on)
    assert event is not None
    return event


@pytest.fixture
def case(stack: Stack) -> CaseRecord:
    """A case that has just opened."""
    return stack.table.append(None, [opened()], stamp())


def entered(stage: str = "reminder", on: date = OPENS) -> StageEntered:
    return StageEntered(stage, on, f"stage {stage}")


# --- append ----------------------------------------------------------------------------------------------------------
def test_an_event_and_its_case_are_written_together(stack: Stack, case: CaseRecord) -> None:
    after = stack.table.append(case, [entered()], stamp())

    stored = stack.case(CASE_ID)
    assert stored.case == after.case
    assert stored.case.stage == "reminder"
    assert stored.case.version == 2
    assert stack.kinds(CASE_ID) == ["CaseOpened", "StageEntered"]


def test_several_events_are_one_transaction(stack: Stack, case: CaseRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counting(stack, monkeypatch)

    stack.table.append(case, [entered(), paid("1.00")], stamp())

    assert calls == ["TransactWriteItems"]
    assert stack.case(CASE_ID).case.version == 3


def test_who_was_slower_learns_it_and_has_written_nothing(stack: Stack, case: CaseRecord) -> None:
    stack.table.append(case, [paid("1.00")], stamp(), wakes=True)

    with pytest.raises(StaleError):
        stack.table.append(case, [entered()], stamp())

    assert stack.kinds(CASE_ID) == ["CaseOpened", "PaymentReceived"]


def test_a_case_opens_once(stack: Stack, case: CaseRecord) -> None:
    with pytest.raises(StaleError):
        stack.table.append(None, [opened()], stamp())

    assert stack.case(CASE_ID).case.version == case.case.version == 1


def test_a_case_begins_with_its_opening(stack: Stack) -> None:
    with pytest.raises(TypeError, match="CaseOpened"):
        stack.table.append(None, [entered()], stamp())


def test_to_append_nothing_is_a_mistake(stack: Stack) -> None:
    with pytest.raises(TypeError, match="no events"):
        stack.table.append(None, [], stamp())


def test_nothing_is_appended_when_what_belongs_to_it_is_stale(stack: Stack, case: CaseRecord) -> None:
    stack.report(account())
    never_read = stack.table.put_account(AccountRecord(account()), None)

    with pytest.raises(StaleError) as stale:
        stack.table.append(case, [entered()], stamp(), extra=[never_read])

    assert stale.value.failed == [2]
    assert stack.kinds(CASE_ID) == ["CaseOpened"]


def test_replaying_the_events_gives_the_stored_case(stack: Stack, case: CaseRecord) -> None:
    stack.table.append(case, [entered(), paid("250.00")], stamp())

    assert replay(stack.events(CASE_ID)) == stack.case(CASE_ID).case


# --- the chain -------------------------------------------------------------------------------------------------------
def test_each_event_is_chained_to_the_one_before_it(stack: Stack, case: CaseRecord) -> None:
    stack.table.append(case, [entered(), paid("1.00")], stamp())

    envelopes = list(stack.table.envelopes(CASE_ID))
    assert [envelope.previous for envelope in envelopes] == [GENESIS, *(one.hash for one in envelopes[:-1])]
    assert all(envelope.intact for envelope in envelopes)
    assert stack.case(CASE_ID).head == envelopes[-1].hash


def test_a_changed_event_breaks_the_chain(stack: Stack, case: CaseRecord) -> None:
    stack.table.append(case, [paid("1.00")], stamp())
    key = {"pk": {"S": f"ACCOUNT#{ACCOUNT_ID}"}, "sk": {"S": f"EVENT#{CASE_ID}#000002"}}
    item = stack.client.get_item(TableName=stack.table.name, Key=key)["Item"]
    forged = {"S": item["body"]["S"].replace('"1.00"', '"9.00"')}
    assert forged != item["body"]
    stack.client.put_item(TableName=stack.table.name, Item={**item, "body": forged})

    assert [envelope.intact for envelope in stack.table.envelopes(CASE_ID)] == [True, False]


def test_events_come_in_order_past_nine_of_them(stack: Stack, case: CaseRecord) -> None:
    record = case
    for number in range(11):
        record = stack.table.append(record, [paid("1.00", payment_id=f"PAY-{number}")], stamp())

    assert [envelope.number for envelope in stack.table.envelopes(CASE_ID)] == list(range(1, 13))


# --- two writers -----------------------------------------------------------------------------------------------------
def counting(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the names of the calls that write."""
    calls: list[str] = []
    send = stack.client._make_api_call  # type: ignore[attr-defined]

    def counted(operation: str, arguments: dict[str, Any]) -> Any:
        calls.append(operation)
        return send(operation, arguments)

    monkeypatch.setattr(stack.client, "_make_api_call", counted)
    return calls


Refuse = Callable[..., list[str]]


@pytest.fixture
def refuse(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Have the next transactions cancelled, each with the reasons given; returns the names of all calls."""

    def refuse_with(*cancellations: Sequence[str], error: str = "TransactionCanceledException") -> list[str]:
        waiting = [list(reasons) for reasons in cancellations]
        calls: list[str] = []
        send = stack.client._make_api_call  # type: ignore[attr-defined]

        def cancelled(operation: str, arguments: dict[str, Any]) -> Any:
            calls.append(operation)
            if not waiting or operation not in {"TransactWriteItems", "PutItem"}:
                return send(operation, arguments)
            reasons = waiting.pop(0)
            answer: Any = {
                "Error": {"Code": error, "Message": "cancelled"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
                "CancellationReasons": [{"Code": reason} for reason in reasons],
            }
            raise ClientError(answer, operation)

        monkeypatch.setattr(stack.client, "_make_api_call", cancelled)
        return calls

    monkeypatch.setattr(table_module, "back_off", lambda _attempt: None)
    return refuse_with


def test_a_transaction_that_met_another_one_is_tried_again(stack: Stack, case: CaseRecord, refuse: Refuse) -> None:
    calls = refuse(["TransactionConflict", "None"], ["None", "TransactionConflict"])

    stack.table.append(case, [entered()], stamp())

    assert calls == ["TransactWriteItems"] * 3
    assert stack.case(CASE_ID).case.stage == "reminder"


def test_a_condition_that_failed_counts_more_than_a_conflict_beside_it(
    stack: Stack, case: CaseRecord, refuse: Refuse
) -> None:
    calls = refuse(["TransactionConflict", "ConditionalCheckFailed"])

    with pytest.raises(StaleError) as stale:
        stack.table.append(case, [entered()], stamp())

    assert stale.value.failed == [1]
    assert calls == ["TransactWriteItems"]


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_transaction_is_tried_again(stack: Stack, case: CaseRecord, refuse: Refuse, reason: str) -> None:
    refuse([reason, "None"])

    stack.table.append(case, [entered()], stamp())

    assert stack.case(CASE_ID).case.stage == "reminder"


def test_a_table_that_stays_contended_is_left_for_a_later_try(stack: Stack, case: CaseRecord, refuse: Refuse) -> None:
    refuse(*[["TransactionConflict", "None"]] * 20)

    with pytest.raises(TransientConflictError):
        stack.table.append(case, [entered()], stamp())


def test_a_transaction_that_is_wrong_in_itself_is_not_tried_again(
    stack: Stack, case: CaseRecord, refuse: Refuse
) -> None:
    calls = refuse(["ValidationError", "None"])

    with pytest.raises(PermanentActionError):
        stack.table.append(case, [entered()], stamp())

    assert calls == ["TransactWriteItems"]


@pytest.mark.parametrize(
    "error", ["ThrottlingException", "TransactionInProgressException", "ProvisionedThroughputExceededException"]
)
def test_a_busy_table_is_a_reason_to_come_back(stack: Stack, case: CaseRecord, refuse: Refuse, error: str) -> None:
    refuse([], error=error)

    with pytest.raises(TransientServiceError):
        stack.table.append(case, [entered()], stamp())


def test_a_single_put_tells_a_conflict_from_a_failed_condition(stack: Stack, refuse: Refuse) -> None:
    write = stack.table.put_account(AccountRecord(account()), OPENS)
    calls = refuse([], error="TransactionConflictException")

    stack.table.transact([write])
    assert calls == ["PutItem", "PutItem"]
    with pytest.raises(StaleError):
        stack.table.transact([write])


# --- the queue -------------------------------------------------------------------------------------------------------
def test_an_account_is_on_the_queue_from_the_first_date_on_which_a_case_could_open(stack: Stack) -> None:
    due_later = OPENS + timedelta(days=4)
    stack.report(account(extract(oldest_due=due_later, as_of=due_later)))

    assert stack.queued() == {ACCOUNT_ID: (due_later + timedelta(days=1)).isoformat()}


@pytest.mark.parametrize(
    ("past_due", "oldest_due"),
    [("0.00", None), ("1.00", OPENS - timedelta(days=1))],
    ids=["nothing is due", "within the tolerance"],
)
def test_an_account_without_arrears_is_not_on_the_queue(stack: Stack, past_due: str, oldest_due: date | None) -> None:
    stack.report(account(extract(past_due, oldest_due=oldest_due)))

    assert stack.queued() == {}


def test_an_account_leaves_the_queue_when_it_is_written_without_a_date(stack: Stack) -> None:
    record = stack.report(account())

    stack.table.transact([stack.table.put_account(record, None)])

    assert stack.queued() == {}
    assert stack.table.account(ACCOUNT_ID).due is None


def test_a_shard_is_read_by_date_and_no_further_than_asked(stack: Stack) -> None:
    stack.table.shards = 1
    for number, days in enumerate((3, 0, 1)):
        day = OPENS + timedelta(days=days)
        stack.report(account(extract(as_of=day, oldest_due=day - timedelta(days=1)), account_id=f"CARD-{number}"))

    until = (OPENS + timedelta(days=1)).isoformat()
    assert [entry.account_id for entry in stack.table.queued("scan", 0, until)] == ["CARD-1", "CARD-2"]
    assert [entry.account_id for entry in stack.table.queued("scan", 0)] == ["CARD-1", "CARD-2", "CARD-0"]


def test_open_cases_are_found_by_the_time_they_wait_for(stack: Stack, case: CaseRecord) -> None:
    (entry,) = [one for shard in range(stack.table.shards) for one in stack.table.queued("open", shard)]

    assert (entry.case_id, entry.due, entry.version) == (CASE_ID, OPENS.isoformat(), 1)
    assert (entry.head, entry.updated_on) == (case.head, OPENS.isoformat())


def test_what_the_index_is_asked_for_is_in_its_projection(stack: Stack) -> None:
    """moto projects as the template says, so an entry that lacks nothing here lacks nothing on AWS."""
    ((_, body),) = resources(load(), "AWS::DynamoDB::Table").items()
    (index,) = body["Properties"]["GlobalSecondaryIndexes"]
    stack.report(account())
    assert index["Projection"]["ProjectionType"] == "INCLUDE"

    (entry,) = [one for shard in range(stack.table.shards) for one in stack.table.queued("scan", shard)]

    assert (entry.timezone, entry.generation, entry.version) == ("Asia/Shanghai", 1, 1)


# --- the token -------------------------------------------------------------------------------------------------------
def store_token(stack: Stack, record: CaseRecord) -> None:
    """Store a token the way the state machine does."""
    stack.client.update_item(
        TableName=stack.table.name,
        Key={"pk": {"S": f"ACCOUNT#{record.case.account_id}"}, "sk": {"S": f"CASE#{record.case.case_id}"}},
        UpdateExpression="SET #token = :token, token_version = :version",
        ExpressionAttributeNames={"#token": "token"},
        ExpressionAttributeValues={":token": {"S": "the token"}, ":version": {"N": str(record.case.version)}},
    )


def test_news_from_outside_leaves_the_token_for_whoever_wakes(stack: Stack, case: CaseRecord) -> None:
    store_token(stack, case)

    stack.table.append(stack.case(CASE_ID), [paid("1.00")], stamp(), wakes=True)

    assert (stack.case(CASE_ID).token, stack.case(CASE_ID).token_version) == ("the token", 1)


def test_what_the_execution_appends_itself_takes_its_spent_token_away(stack: Stack, case: CaseRecord) -> None:
    store_token(stack, case)

    stack.table.append(stack.case(CASE_ID), [entered()], stamp())

    assert (stack.case(CASE_ID).token, stack.case(CASE_ID).token_version) == (None, 0)


def test_only_news_from_outside_is_marked_to_wake(stack: Stack, case: CaseRecord) -> None:
    record = stack.table.append(case, [entered()], stamp())
    stack.table.append(record, [paid("1.00")], stamp(), wakes=True)

    marks = [
        "wakes" in (stack.item(f"ACCOUNT#{ACCOUNT_ID}", f"EVENT#{CASE_ID}#{number:06d}") or {}) for number in (1, 2, 3)
    ]
    assert marks == [False, False, True]


def test_a_later_generation_takes_the_token_of_the_earlier_one_away(stack: Stack, case: CaseRecord) -> None:
    store_token(stack, case)

    stack.table.transact([stack.table.set_generation(stack.case(CASE_ID), 2)])

    assert (stack.case(CASE_ID).generation, stack.case(CASE_ID).token) == (2, None)
    with pytest.raises(StaleError):
        stack.table.transact([stack.table.set_generation(case, 2)])


# --- accounts and facts ----------------------------------------------------------------------------------------------
def test_an_account_comes_back_as_it_was_stored(stack: Stack) -> None:
    record = AccountRecord(account(), 0, PROFILE, None, 3, {"2005-06-02": "a b c"})

    stack.table.transact([stack.table.put_account(record, OPENS)])

    assert stack.table.account(ACCOUNT_ID) == replace(record, version=1, due=OPENS.isoformat())


def test_an_account_that_is_not_stored_is_an_empty_record(stack: Stack) -> None:
    record = stack.table.account("CARD-9999")

    assert (record.version, record.open_case, record.account.extracts) == (0, None, ())


def test_a_stored_account_is_changed_only_by_who_has_read_it(stack: Stack) -> None:
    read = stack.report(account())
    stack.report(account(extract("2000.00")))

    with pytest.raises(StaleError):
        stack.table.transact([stack.table.put_account(read, None)])
    with pytest.raises(StaleError):
        stack.table.transact([stack.table.put_account(replace(read, version=0), None)])


def test_more_than_a_hundred_accounts_are_read_in_as_few_requests_as_it_takes(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(105):
        stack.table.transact([stack.table.put_account(AccountRecord(account(account_id=f"CARD-{number}")), None)])
    calls = counting(stack, monkeypatch)

    names = [f"CARD-{number}" for number in range(-5, 105)]
    found = stack.table.accounts([*names, "CARD-1"])

    assert calls == ["BatchGetItem"] * 2
    assert set(found) == set(names)
    assert [found[f"CARD-{number}"].version for number in (-1, 0, 104)] == [0, 1, 1]


def test_keys_that_a_batch_leaves_over_are_asked_for_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "back_off", lambda _attempt: None)
    for number in range(3):
        stack.report(account(account_id=f"CARD-{number}"))
    send = stack.client._make_api_call  # type: ignore[attr-defined]

    def stingy(operation: str, arguments: dict[str, Any]) -> Any:
        if operation != "BatchGetItem":
            return send(operation, arguments)
        asked = arguments["RequestItems"][stack.table.name]
        first = {stack.table.name: {**asked, "Keys": asked["Keys"][:1]}}
        answer = send(operation, {"RequestItems": first})
        rest = asked["Keys"][1:]
        return {**answer, "UnprocessedKeys": {stack.table.name: {**asked, "Keys": rest}} if rest else {}}

    monkeypatch.setattr(stack.client, "_make_api_call", stingy)

    found = stack.table.accounts(["CARD-0", "CARD-1", "CARD-2"])

    assert [record.version for record in found.values()] == [1, 1, 1]


def test_a_query_goes_on_over_all_pages(stack: Stack, case: CaseRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    record = case
    for number in range(4):
        record = stack.table.append(record, [paid("1.00", payment_id=f"PAY-{number}")], stamp())
    send = stack.client._make_api_call  # type: ignore[attr-defined]
    pages: list[int] = []

    def two_a_page(operation: str, arguments: dict[str, Any]) -> Any:
        answer = send(operation, arguments | ({"Limit": 2} if operation == "Query" else {}))
        if operation == "Query":
            pages.append(len(answer["Items"]))
        return answer

    monkeypatch.setattr(stack.client, "_make_api_call", two_a_page)

    assert [envelope.number for envelope in stack.table.envelopes(CASE_ID)] == [1, 2, 3, 4, 5]
    assert pages[:3] == [2, 2, 1]


def test_a_fact_comes_in_once(stack: Stack) -> None:
    write = stack.table.put_fact(ACCOUNT_ID, "payment", "PAY-1", "what it said")
    stack.table.transact([write])

    assert stack.table.fact(ACCOUNT_ID, "payment", "PAY-1") == "what it said"
    assert stack.table.fact(ACCOUNT_ID, "payment", "PAY-2") is None
    with pytest.raises(StaleError):
        stack.table.transact([write])


def test_the_cases_of_an_account_are_its_own_and_come_oldest_first(stack: Stack) -> None:
    later = OPENS + timedelta(days=40)
    stack.table.append(None, [opened()], stamp())
    stack.table.append(None, [opened(later)], stamp(later))
    stack.table.append(None, [opened(OPENS, f"{ACCOUNT_ID}0")], stamp())

    assert [record.case.case_id for record in stack.table.cases(ACCOUNT_ID)] == [
        CASE_ID,
        f"{ACCOUNT_ID}-{later:%Y%m%d}",
    ]


def test_no_event_and_no_case_holds_who_the_cardholder_is(stack: Stack, case: CaseRecord) -> None:
    stack.report(account())
    packed = (stack.item(f"ACCOUNT#{ACCOUNT_ID}", f"CASE#{CASE_ID}") or {})["state"]["B"]
    assert codec.case_from_bytes(packed) == case.case
    stored = zlib.decompress(packed).decode() + "".join(one.body for one in stack.table.envelopes(CASE_ID))

    assert not [text for text in personal_data() if text in stored]


def test_a_table_may_have_any_number_of_shards(stack: Stack) -> None:
    one = Table(stack.client, stack.table.name, shards=1)
    one.transact([one.put_account(AccountRecord(account()), OPENS)])

    assert [entry.account_id for entry in one.queued("scan", 0)] == [ACCOUNT_ID]
