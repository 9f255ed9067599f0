"""The stack as moto plays it: made from template.yaml, so that no name, key or setting is typed a second time."""

import functools
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from arrears.adapters import aws
from arrears.adapters.aws import Item
from arrears.adapters.settings import Clock, Policies, Settings
from arrears.adapters.table import AccountRecord, CaseRecord, Table
from arrears.domain.decide import opens_on
from arrears.domain.events import Event
from arrears.domain.facts import Account
from arrears.domain.rollout import Scope
from arrears.files.records import Profile
from arrears.switches import Switches
from tests.support.builders import OPENS, POLICY, PROFILE, policy, stamp
from tests.support.quick import quick
from tools.template import ROOT, Resolver, functions, load, resources

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

REGION = "us-east-1"
ACCOUNT = "123456789012"
TABLE = "arrears-table"
#: Everything botocore could find on this machine is shut out, and nothing is looked up over a network.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_SESSION_TOKEN": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
#: What moto's table takes of the template's; the rest (encryption, recovery) has no meaning there.
_TABLE_KEYS = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


def make_table(client: "DynamoDBClient", name: str = TABLE, *, stream: bool = False) -> None:
    """Create the delinquency table as the template describes it, with its stream if it is asked for."""
    ((_, body),) = resources(load(), "AWS::DynamoDB::Table").items()
    arguments: dict[str, Any] = {key: Resolver(load())(body["Properties"][key]) for key in _TABLE_KEYS}
    if stream:
        arguments["StreamSpecification"] = {**body["Properties"]["StreamSpecification"], "StreamEnabled": True}
    client.create_table(TableName=name, **arguments)


@functools.cache
def folders() -> dict[str, str]:
    """Each function's folder by its logical id in the template."""
    return {name: str(body["CodeUri"]) for name, body in functions(load()).items()}


_make_client: "Callable[..., Any]" = boto3.client
_clients: dict[tuple[str, str], Any] = {}


def client_once(service_name: str, **arguments: Any) -> Any:
    """Make a client, once for all tests: making one costs more than most tests do."""
    known = {name: getattr(value, "_user_provided_options", value) for name, value in arguments.items()}
    key = service_name, repr(sorted(known.items()))
    if key not in _clients:
        named = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"} | arguments
        _clients[key] = _make_client(service_name, **named)
    return _clients[key]


def forget_clients() -> None:
    """Have the composition roots and the clients made anew, as in a fresh process."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("arrears.bootstrap", "arrears.adapters.aws")):
            for made in vars(module).values():
                if hasattr(made, "cache_clear") and hasattr(made, "__wrapped__"):
                    made.cache_clear()


class StackSettings(Settings):
    """Settings whose clock a test may hold at an instant; otherwise they are read from the table."""

    held: Clock | None = None

    def clock(self) -> Clock:
        """The held clock, or the table's."""
        return self.held or super().clock()

    def standing(self, items: Mapping[str, Item]) -> tuple[Clock, Policies, Switches]:
        """The settings that were read, and the held clock where there is one."""
        clock, policies, switches = super().standing(items)
        return self.held or clock, policies, switches


@dataclass
class Stack:
    """The table and its settings, and short ways to what tests do most."""

    table: Table
    settings: StackSettings
    physical: dict[str, str] = field(default_factory=lambda: {"DelinquencyTable": TABLE})

    @property
    def client(self) -> "DynamoDBClient":
        """The table's client."""
        return self.table.client

    # --- what the stack plays ----------------------------------------------------------------------------------------
    def on(self, day: date, *, is_open: bool = True) -> None:
        """Set the business date."""
        self.settings.set_clock(day, is_open=is_open)

    def publish(self, *, scope: Scope = "all", since: date | None = None, **changes: Any) -> None:
        """Make the tests' policy the active one, with some of its keys replaced."""
        document = json.dumps({"policy": POLICY | changes, "templates": {}})
        self.settings.publish(document, policy(**changes).label, scope=scope, since=since)

    # --- what comes in -----------------------------------------------------------------------------------------------
    def report(self, account: Account, *, on: date = OPENS, profile: Profile | None = PROFILE) -> AccountRecord:
        """Store an account the way the import does: on the queue by the first date on which a case could open."""
        known = self.table.account(account.account_id)
        record = AccountRecord(account, known.version, profile, known.open_case, known.generation)
        due = None if known.open_case else opens_on(account, self.settings.active().policy, on)
        self.table.transact([self.table.put_account(record, due)])
        return self.table.account(account.account_id)

    def news(self, case_id: str, *events: Event, on: date = OPENS) -> CaseRecord:
        """Append news from outside to a case and its account in one transaction, the way the import does."""
        case = self.case(case_id)
        account = self.table.account(case.case.account_id)
        after, writes = self.table.appending(case, events, stamp(on, ""), wakes=True)
        due = None if account.due is None else date.fromisoformat(account.due)
        writes.append(self.table.put_account(replace(account, account=after.case.account), due))
        self.table.transact(writes)
        return after

    # --- what is stored ----------------------------------------------------------------------------------------------
    def case(self, case_id: str) -> CaseRecord:
        """A case that exists."""
        record = self.table.case(case_id)
        assert record is not None, f"there is no case {case_id}"
        return record

    def events(self, case_id: str) -> list[Event]:
        """The events of a case."""
        return [envelope.event for envelope in self.table.envelopes(case_id)]

    def kinds(self, case_id: str) -> list[str]:
        """The names of a case's events."""
        return [type(event).__name__ for event in self.events(case_id)]

    def queued(self, queue: str = "scan") -> dict[str, str]:
        """The accounts of a queue, each with when it is due."""
        return {
            entry.account_id: entry.due
            for shard in range(self.table.shards)
            for entry in self.table.queued(queue, shard)
        }

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        """An item as it is stored."""
        answer = self.client.get_item(TableName=self.table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
        return answer.get("Item")

    def environment(self, logical_id: str) -> dict[str, str]:
        """The environment that the template gives a function of this stack."""
        resolver = Resolver(load(), physical=self.physical, region=REGION, account=ACCOUNT)
        return resolver.environment(logical_id)


@contextmanager
def moto_stack(config: dict[str, Any] | None = None) -> Iterator[Stack]:
    """A stack on moto, with its table, the tests' policy and its business date on the day a case opens."""
    forget_clients()
    with (
        mock_aws(config=config),  # type: ignore[arg-type]  # a TypedDict that is not exported
        quick(),
        patch.object(boto3, "client", client_once),
        patch.object(aws, "make", lambda service, config: client_once(service, config=config)),
    ):
        client = client_once("dynamodb")
        make_table(client)
        table = Table(client, TABLE)
        settings = StackSettings(client, TABLE, production=False, default_policy="cn-credit-card", agency_id="default")
        stack = Stack(table, settings)
        stack.publish()
        stack.on(OPENS)
        yield stack
    forget_clients()


def import_handler(folder: str) -> ModuleType:
    """Import a function's handler the way Lambda does: `app`, from the function's own folder."""
    name = f"functions.{folder}.app"
    specification = importlib.util.spec_from_file_location(name, ROOT / "functions" / folder / "app.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def handler_of(folder: str) -> "Callable[[Any, Any], Any]":
    """A function's handler."""
    handle: Callable[[Any, Any], Any] = import_handler(folder).handle
    return handle


@dataclass
class Context:
    """What Lambda tells a handler of the invocation."""

    function_name: str = "test"
    memory_limit_in_mb: int = 512
    aws_request_id: str = "request-1"
    remaining_ms: int = 30_000

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """How much time is left."""
        return self.remaining_ms
