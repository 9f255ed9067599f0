"""A restore as the runbook has it: a table of another name is verified, and accounts are put back from it."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import arrears.stack
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

    step = Assess(restored.stack.table, restored.stack.settings, lambda _: None)({"case_id": CASE_ID, "generation": 2})

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


def test_the_whole_is_put_into_a_stack_that_has_no_case(restored: World, run: Run) -> None:
    """The stack's own table is emptied, and stands for that of a second one."""
    client, name = restored.stack.client, restored.stack.table.name
    for item in client.scan(TableName=name)["Items"]:
        client.delete_item(TableName=name, Key={part: item[part] for part in ("pk", "sk")})

    assert "items copied" in run("ops", "restore", "--all", "--from", RESTORED)

    whole = [
        sorted(map(json.dumps, map(_readable, client.scan(TableName=table)["Items"]))) for table in (name, RESTORED)
    ]
    assert whole[0] == whole[1]
    assert restored.stack.queued() == {"CARD-0002": OPENS.isoformat()}
    assert "the chain holds for all" in run("audit", "verify")
    assert "1 cases are one generation on" in run("ops", "recover", "--all")


def _readable(item: Any) -> Any:
    return json.loads(json.dumps(item, default=lambda raw: bytes(raw).hex(), sort_keys=True))


def _table(world: World) -> Table:
    return Table(world.stack.client, RESTORED, shards=world.stack.table.shards)
