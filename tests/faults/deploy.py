"""Builds the functions on a world's services, as the template and the composition roots have it."""

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from arrears import bootstrap, bootstrap_contacts, bootstrap_effects, runtime
from arrears.adapters import aws, settings as settings_module, sms, switchboard, table as table_module
from arrears.domain.policy import Policy
from arrears.effects import file_legal, queue_letter, sheets
from arrears.effects.wording import Wordings
from arrears.usecases import next_step
from tests.faults.dynamo import Calm, Dynamo, Item, Key
from tests.faults.machine import ARN
from tests.faults.policies import BANK, POLICIES, second
from tests.support.stack import forget_clients, import_handler
from tools.template import Resolver, functions, load, merged

if TYPE_CHECKING:
    from tests.faults.world import World

_BUCKETS = {
    "DocumentsBucket": "documents",
    "AgencyBucket": "agency",
    "LegalBucket": "legal",
    "InboundBucket": "inbound",
}


@functools.cache
def handlers() -> dict[str, Callable[[Any, Any], Any]]:
    """Each function's own handler, without what Powertools puts around it."""
    found = {}
    for folder in limits():
        module: Any = import_handler(folder)
        for name in ("count", "about"):
            if hasattr(module, name):
                setattr(module, name, _nothing)
        found[folder] = module.handle.__wrapped__
    return found


@functools.cache
def limits() -> dict[str, float]:
    """How long each function may run, in seconds, by its folder."""
    shared = load()["Globals"]["Function"]
    bodies = functions(load()).values()
    return {str(body["CodeUri"]).removeprefix("functions/"): float(merged(shared, body)["Timeout"]) for body in bodies}


@functools.cache
def environment() -> dict[str, str]:
    """What the template gives the functions, all in one; one shard, since there are few accounts."""
    resolver = Resolver(load(), physical={**_BUCKETS, "DelinquencyTable": "table", "Escalation": ARN})
    given: dict[str, str] = {}
    for name in functions(load()):
        given |= resolver.environment(name)
    return {**given, "SHARDS": "1", "STAGE": "staging", "SPREAD_MINUTES": "0"}


@functools.cache
def stream_pattern() -> dict[str, Any]:
    """Which records of the stream the template lets through to `wake_case`."""
    properties = load()["Resources"]["WakeCaseFunction"]["Properties"]["Events"]["News"]["Properties"]
    (given,) = properties["FilterCriteria"]["Filters"]
    pattern: dict[str, Any] = json.loads(given["Pattern"])
    return pattern


def passes(pattern: Any, record: Any) -> bool:
    """Say whether a record matches a pattern: each key of it, and one of the values that it lists."""
    if isinstance(pattern, list):
        return record in pattern
    return all(name in record and passes(value, record[name]) for name, value in pattern.items())


def _nothing(*_: Any, **__: Any) -> None:
    pass


# --- what stands where the services do --------------------------------------------------------------------------------
@dataclass
class _Drawn:
    """A document that nobody drew: bytes that follow from what it says."""

    pdf: bytes
    language: str = "en"
    pages: int = 1
    missing_glyphs: tuple[str, ...] = ()
    clipped: tuple[str, ...] = ()


def _draw(content: Any, *_: Any, **__: Any) -> _Drawn:
    return _Drawn(hashlib.sha256(repr(content).encode()).hexdigest().encode())


class _Clock(datetime):
    """The clock of whoever asks a datetime for the time."""

    world: "World"

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # a plain datetime will do
        return datetime.fromtimestamp(cls.world.time, tz)


@functools.cache
def policy_of(number: int, version: int = 1) -> Policy:
    first = list(POLICIES.values())[number]
    return Policy.model_validate({**(first if version == 1 else second(first)), "bank": BANK})


@functools.cache
def document_of(number: int, version: int = 1) -> str:
    """A policy as it is published."""
    policy = policy_of(number, version).model_dump(mode="json", by_alias=True)
    return json.dumps({"policy": policy, "templates": {}})


@functools.cache
def published(number: int) -> tuple[dict[Key, Item], dict[str, settings_module.ActivePolicy], Wordings]:
    """The items of a published policy, what is parsed of it, and the words that go with it: once for all worlds."""
    table, given = Dynamo(Calm()), environment()
    settings = settings_module.Settings(
        cast("Any", table), "table", production=False, default_policy=given["POLICY_NAME"], agency_id=given["AGENCY_ID"]
    )
    settings.publish(document_of(number), policy_of(number).label)
    items = dict(table.items)
    settings.active()
    settings.publish(document_of(number, 2), policy_of(number, 2).label)
    settings.active()
    return items, settings._parsed, Wordings(production=False)


@contextmanager
def deployed(world: "World") -> Iterator[None]:
    """Have the composition roots build the functions on a world's services."""
    handlers()
    forget_clients()
    _Clock.world = world
    clients = {
        "dynamodb": world.table,
        "s3": world.buckets,
        "sns": world.sns,
        "sqs": world.queues,
        "kms": world.kms,
        "events": world.bus,
        "stepfunctions": world.machine,
    }

    def pause(_: Any) -> None:
        if world.current is not None:
            world.pause()

    patches: list[AbstractContextManager[object]] = [
        *(patch.object(aws, name, lambda made=made: made) for name, made in clients.items()),
        patch.dict(os.environ, environment()),
        patch.object(bootstrap_effects, "_wordings", lambda: published(world.policy_number)[2]),
        *(patch.object(module, "datetime", _Clock) for module in (settings_module, switchboard)),
        patch.object(table_module, "back_off", pause),
        patch.dict(sms.SnsSms.__init__.__kwdefaults__, {"pause": pause}),
        patch.object(next_step, "MOST_TURNS", world.most_turns),
        patch.object(queue_letter, "render_letter", _draw),
        patch.object(sheets, "render_case_sheet", _draw),
        patch.object(file_legal, "render_dossier", _draw),
        *(patch.object(module, "observe", _nothing) for module in (bootstrap, bootstrap_effects)),
        *(patch.object(module, "count", _nothing) for module in (bootstrap_effects, bootstrap_contacts)),
        patch.object(runtime.logger._logger, "disabled", True),
        patch.object(runtime.metrics, "add_metric", _nothing),
    ]
    with ExitStack() as stack:
        stack.callback(forget_clients)
        for each in patches:
            stack.enter_context(each)
        yield
