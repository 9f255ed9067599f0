"""A restore as the runbook has it: a table of another name is verified, and accounts are put back from it."""

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

import arrears.stack
from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.cli import main
from arrears.domain.events import ActionDone, PaymentReceived
from arrears.usecases.assess import Assess
from tests.aws.effects.world import World
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, paid

RESTORED = "arrears-table-restored"
Run = Callable[..., str]


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the stack; returns what it prints."""
    connected = SimpleNamespace(
        table=world.stack.table,
        settings=world.stack.settings,
        other_table=lambda name: Table(world.stack.client, name, shards=world.stack.table.shards),
    )
    monkeypatch.setattr(arrears.stack, "connect", lambda _: connected)

    def command(*arguments: str, expect: int = 0) -> str:
        assert main(list(arguments)) == expect, capsys.readouterr()
        printed = capsys.readouterr()
        return printed.out + printed.err

    return command


@pytest.fixture
def restored(world: World) -> World:
    """A case with a text sent and a second account, both restored to a second before what comes."""
    world.report("CARD-0002")
    world.report()
    world.act(world.assess())
    world.stack.client.restore_table_to_point_in_time(
        SourceTableName=world.stack.table.name, TargetTableName=RESTORED, UseLatestRestorableTime=True
    )
    return world


def pause(run: Run) -> None:
    run("ops", "pause", "--by", "I. Operator", "--why", "restore")


def damage(world: World) -> None:
    """What came since, a payment that nobody made; and an event that somebody has changed in the table."""
    world.stack.news(CASE_ID, paid("60000.00"))
    key = {"pk": {"S": f"ACCOUNT#{ACCOUNT_ID}"}, "sk": {"S": f"EVENT#{CASE_ID}#000002"}}
    item = world.stack.item(key["pk"]["S"], key["sk"]["S"])
    assert item is not None
    item["body"]["S"] = item["body"]["S"].replace("2005", "2004", 1)
    world.stack.client.put_item(TableName=world.stack.table.name, Item=item)


def test_a_restored_table_is_verified_under_its_own_name_and_an_account_is_put_back(restored: World, run: Run) -> None:
    damage(restored)
    assert "was changed" in run("audit", "verify", ACCOUNT_ID, expect=1)
    assert "the chain holds for all" in run("audit", "verify", "--table", RESTORED)
    assert "1 cases" in run("audit", "verify", ACCOUNT_ID, "--table", RESTORED)
    pause(run)

    run("ops", "restore", ACCOUNT_ID, "--from", RESTORED)

    assert "the chain holds for all" in run("audit", "verify", ACCOUNT_ID)
    assert not restored.events(PaymentReceived)
    items = [list(table.query(f"ACCOUNT#{ACCOUNT_ID}")) for table in (restored.stack.table, _table(restored))]
    assert items[0] == items[1]


def test_the_case_goes_on_in_a_fresh_execution_and_does_nothing_twice(restored: World, run: Run) -> None:
    damage(restored)
    pause(run)
    run("ops", "restore", ACCOUNT_ID, "--from", RESTORED)
    assert "1 cases are one generation on" in run("ops", "recover", CASE_ID)
    run("ops", "resume", "--by", "I. Operator")

    step = Assess(restored.stack.table, restored.stack.settings, lambda *_: None)({"case_id": CASE_ID, "generation": 2})

    assert step["next"] == "WaitForNews"
    assert len(restored.events(ActionDone)) == len(restored.texts()) == 1


def test_no_generation_goes_back(restored: World, run: Run) -> None:
    for _ in range(3):
        run("ops", "recover", CASE_ID)
    pause(run)

    run("ops", "restore", ACCOUNT_ID, "--from", RESTORED)

    assert restored.stack.case(CASE_ID).generation == 4
    run("ops", "recover", CASE_ID)
    assert restored.stack.case(CASE_ID).generation == 5


@pytest.mark.usefixtures("restored")
def test_an_account_is_not_put_back_while_things_go_out_nor_from_a_table_that_has_it_not(run: Run) -> None:
    assert "paused first" in run("ops", "restore", ACCOUNT_ID, "--from", RESTORED, expect=1)
    pause(run)
    assert "has no account CARD-9999" in run("ops", "restore", "CARD-9999", "--from", RESTORED, expect=1)
    assert "has cases" in run("ops", "restore", "--all", "--from", RESTORED, expect=1)


# --- what was done outside -------------------------------------------------------------------------------------------
def test_what_the_undone_events_did_outside_is_told_before_it_is_undone(restored: World, run: Run) -> None:
    kept = restored.events(ActionDone)[0].action_id
    text = restored.act(restored.until("SendSms")) and restored.events(ActionDone)[-1].action_id
    call = restored.act(restored.until("QueueCall")) and restored.events(ActionDone)[-1].action_id
    restored.die_before_confirming(restored.until("QueueCall"))
    pause(run)

    said = run("ops", "restore", ACCOUNT_ID, "--from", RESTORED)

    assert f"{text}: a text was sent" in said
    assert f"{call}: a call was queued" in said
    assert "perhaps a call was queued (it was planned, and no outcome is kept)" in said
    assert kept not in said, "it is not undone"
    assert "outside" not in run("ops", "restore", ACCOUNT_ID, "--from", RESTORED)


def test_an_event_that_cannot_be_read_any_more_is_told_of(restored: World, run: Run) -> None:
    restored.stack.news(CASE_ID, paid("1.00"))
    key = {"pk": f"ACCOUNT#{ACCOUNT_ID}", "sk": f"EVENT#{CASE_ID}#{restored.stack.case(CASE_ID).case.version:06d}"}
    item = restored.stack.item(key["pk"], key["sk"])
    assert item is not None
    restored.stack.client.put_item(TableName=restored.stack.table.name, Item=item | {"body": {"S": "{"}})
    pause(run)

    assert "cannot be read, and is undone too" in run("ops", "restore", ACCOUNT_ID, "--from", RESTORED)


# --- the whole table -------------------------------------------------------------------------------------------------
@pytest.fixture
def emptied(restored: World) -> World:
    """The stack's own table is emptied, and stands for that of a second one."""
    client, name = restored.stack.client, restored.stack.table.name
    for item in client.scan(TableName=name)["Items"]:
        client.delete_item(TableName=name, Key={part: item[part] for part in ("pk", "sk")})
    return restored


def test_the_whole_is_put_into_a_stack_that_has_no_case(emptied: World, run: Run) -> None:
    assert "paused first" in run("ops", "restore", "--all", "--from", RESTORED, expect=1)
    pause(run)

    assert "items copied; the stack is still paused" in run("ops", "restore", "--all", "--from", RESTORED)

    assert _items(emptied.stack.table) == _items(_table(emptied))
    assert emptied.stack.queued() == {"CARD-0002": OPENS.isoformat()}
    assert "the chain holds for all" in run("audit", "verify")
    assert "1 cases are one generation on" in run("ops", "recover", "--all")
    assert "has cases" in run("ops", "restore", "--all", "--from", RESTORED, expect=1)


def test_the_switches_of_the_restored_table_are_not_copied(emptied: World, run: Run) -> None:
    there = Settings(emptied.stack.client, RESTORED, production=False, default_policy="", agency_id="default")
    there.turn("pause", on=True, by="I. Operator", why="once")
    there.turn("pause", on=False, by="I. Operator")
    pause(run)

    run("ops", "restore", "--all", "--from", RESTORED)

    on = emptied.stack.settings.switches().pause
    assert on is not None
    assert on.why == "restore"


def test_a_table_of_a_stack_in_shadow_mode_is_put_into_one_in_shadow_mode_only(emptied: World, run: Run) -> None:
    there = Settings(emptied.stack.client, RESTORED, production=False, default_policy="", agency_id="default")
    there.turn("shadow", on=True, by="I. Operator", why="first month")
    pause(run)
    assert "turn it on here first" in run("ops", "restore", "--all", "--from", RESTORED, expect=1)

    run("ops", "shadow", "on", "--by", "I. Operator", "--why", "as it was")

    assert "items copied" in run("ops", "restore", "--all", "--from", RESTORED)


def test_a_whole_restore_that_breaks_off_goes_on_where_it_was_and_from_no_other_table(emptied: World, run: Run) -> None:
    pause(run)
    client, written = emptied.stack.client, []

    def expired(params: Any, **_: Any) -> None:
        items = [each["PutRequest"]["Item"]["pk"]["S"] for each in params["RequestItems"][emptied.stack.table.name]]
        written.extend(items)
        if f"ACCOUNT#{ACCOUNT_ID}" in items:
            raise ReadTimeoutError(endpoint_url="")

    event = "before-parameter-build.dynamodb.BatchWriteItem"
    client.meta.events.register(event, expired)
    assert "ReadTimeoutError" in run("ops", "restore", "--all", "--from", RESTORED, expect=1)
    client.meta.events.unregister(event, expired)
    assert f"restore from {RESTORED}" in run("ops", "restore", "--all", "--from", "another", expect=1)
    assert "a restore is not done yet" in run("ops", "resume", expect=1)
    first = set(written)
    assert "ACCOUNT#CARD-0002" in first
    written.clear()
    client.meta.events.register(event, lambda params, **_: written.append(str(params)))

    assert "items copied" in run("ops", "restore", "--all", "--from", RESTORED)

    assert not any("CARD-0002" in each for each in written), "it was copied before"
    assert _items(emptied.stack.table) == _items(_table(emptied))


def test_what_the_table_leaves_unwritten_is_sent_again(emptied: World, run: Run, monkeypatch: Any) -> None:
    pause(run)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    client, whole, calls = emptied.stack.client, emptied.stack.client.batch_write_item, []

    def busy(RequestItems: Any) -> Any:  # noqa: N803 - boto3's names
        calls.append(RequestItems)
        (name,) = RequestItems
        if len(calls) % 2:
            whole(RequestItems={name: RequestItems[name][:1]})
            return {"UnprocessedItems": {name: RequestItems[name][1:]} if RequestItems[name][1:] else {}}
        return whole(RequestItems=RequestItems)

    monkeypatch.setattr(client, "batch_write_item", busy)

    run("ops", "restore", "--all", "--from", RESTORED)

    assert _items(emptied.stack.table) == _items(_table(emptied))


def _items(table: Table) -> list[str]:
    """Everything but the switches, which are a stack's own."""
    items = table.client.scan(TableName=table.name)["Items"]
    return sorted(json.dumps(_readable(item)) for item in items if "SWITCHES" not in (item["pk"]["S"], item["sk"]["S"]))


def _readable(item: Any) -> Any:
    return json.loads(json.dumps(item, default=lambda raw: bytes(raw).hex(), sort_keys=True))


def _table(world: World) -> Table:
    return Table(world.stack.client, RESTORED, shards=world.stack.table.shards)
