"""Bugs that could be made, each switched on for as long as a `with` lasts. The worlds must find every one."""

import copy
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, cast
from unittest.mock import patch

from arrears import bootstrap, bootstrap_effects
from arrears.adapters.queues import FifoQueue
from arrears.adapters.settings import Settings
from arrears.adapters.table import Table
from arrears.domain import decide as decide_module, stages
from arrears.domain.chain import GENESIS
from arrears.domain.decide import Act
from arrears.domain.events import ActionDone
from arrears.domain.facts import Account
from arrears.domain.money import Money
from arrears.domain.turn import take_turn
from arrears.domain.value import changed
from arrears.records import Envelope, Stamp
from arrears.switches import Switches
from arrears.usecases import assess as assess_module, carry_out as carry_out_module
from arrears.usecases.allocate_day import AllocateDay
from arrears.usecases.build_worklist import BuildWorklist
from arrears.usecases.carry_out import CarryOut, Effect, Work
from arrears.usecases.close_day import CloseDay, _entry
from arrears.usecases.recover import Recover
from arrears.usecases.roll_out import RollOut
from arrears.usecases.sweep import Sweep
from tests.faults import machine, world

Bug = Callable[[], AbstractContextManager[None]]


@contextmanager
def no_version_condition_on_the_token() -> Iterator[None]:
    """The wait stores its token whatever came in since it was decided on."""
    changed_machine = copy.deepcopy(machine.definition())
    changed_machine["States"]["WaitForNews"]["Parameters"]["ConditionExpression"] = "generation = :generation"
    with patch.object(machine, "definition", lambda: changed_machine):
        yield


@contextmanager
def confirm_before_do() -> Iterator[None]:
    """An action is recorded as done, and done then."""
    compose = bootstrap_effects._carry_out

    def backwards(perform: Any, *rest: Any) -> CarryOut:
        def confirmed_first(work: Work) -> Effect:
            case = work.record.case
            stamp = Stamp(work.clock.at(case.account.timezone), work.now.on, work.active.policy.label)
            bootstrap.table().append(work.record, [ActionDone(work.act.action_id, work.now.on, "", ())], stamp)
            return cast("Effect", perform(work))

        return compose(confirmed_first, *rest)

    with patch.object(bootstrap_effects, "_carry_out", backwards):
        yield


@contextmanager
def wake_without_stream_retry() -> Iterator[None]:
    """The stream brings each record once, whatever becomes of it."""
    with patch.object(world, "_first_failed", lambda batch, _failed: len(batch)):
        yield


@contextmanager
def recheck_left_out() -> Iterator[None]:
    """What was decided a moment ago is planned as it was decided."""
    decided: dict[str, Any] = {}

    def remembered(case: Any, *arguments: Any) -> Any:
        turn = take_turn(case, *arguments)
        decided[case.case_id] = turn[2]
        return turn

    def at_once(case: Any, *arguments: Any) -> Any:
        act = decided.get(case.case_id)
        if not isinstance(act, Act) or case.pending is not None or act.action_id in {d.action_id for d in case.done}:
            return take_turn(case, *arguments)
        return case, [], act

    with patch.object(assess_module, "take_turn", remembered), patch.object(carry_out_module, "take_turn", at_once):
        yield


@contextmanager
def manifest_first() -> Iterator[None]:
    """The manifest of a day is written before what it lists."""
    later: list[tuple[Any, ...]] = []
    last = CloseDay._write_manifest

    def put_off(self: CloseDay, key: str, body: bytes, content_type: str, rows: int) -> Any:
        later.append((self, key, body, content_type))
        return _entry(key, body, rows)

    def first(self: CloseDay, *arguments: Any) -> None:
        last(self, *arguments)
        while later:
            closing, key, body, content_type = later.pop()
            closing.agencies.put(key, body, content_type)

    with patch.object(CloseDay, "_write", put_off), patch.object(CloseDay, "_write_manifest", first):
        yield


@contextmanager
def chain_not_linked() -> Iterator[None]:
    """Each event is sealed by itself."""
    seal = Envelope.seal

    def alone(*arguments: Any, previous: str) -> Envelope:
        assert previous
        return seal(*arguments, previous=GENESIS)

    with patch.object(Envelope, "seal", alone):
        yield


@contextmanager
def no_idempotency_key() -> Iterator[None]:
    """A task has another deduplication id each time it is queued."""
    send, numbers = FifoQueue.send, itertools.count()

    def anew(self: FifoQueue, *, group: str, task_id: str, body: str) -> str:
        return send(self, group=group, task_id=f"{task_id}-{next(numbers)}", body=body)

    with patch.object(FifoQueue, "send", anew):
        yield


@contextmanager
def stage_may_go_back() -> Iterator[None]:
    """The stage is found anew each time, instead of from the one that the case is in."""
    forwards = stages.next_stage

    def anew(case: Any, policy: Any, on: Any) -> Any:
        entered = forwards(changed(case, stage=None), policy, on)
        return None if entered is None or entered.stage == case.stage else entered

    with patch.object(decide_module, "next_stage", anew):
        yield


@contextmanager
def no_net() -> Iterator[None]:
    """Nobody puts a case back whose execution ended badly."""
    with patch.object(Recover, "__call__", lambda *_, **__: False):
        yield


@contextmanager
def no_sweep() -> Iterator[None]:
    """Nobody looks for cases whose end nobody told."""
    with patch.object(Sweep, "_recover", lambda *_: False):
        yield


@contextmanager
def news_without_the_version() -> Iterator[None]:
    """A case is written whatever its version."""
    write = Table._write_case

    def unconditional(self: Table, case: Any, head: str, before: int, stamp: Any, **how: Any) -> Any:
        item = write(self, case, head, before, stamp, **how)
        if before:
            item["Update"]["ConditionExpression"] = "attribute_exists(pk)"
            del item["Update"]["ExpressionAttributeValues"][":before"]
        return item

    put = Table._put_event

    def over(self: Table, case: Any, envelope: Any, **how: Any) -> Any:
        item = put(self, case, envelope, **how)
        del item["Put"]["ConditionExpression"]
        return item

    with patch.object(Table, "_write_case", unconditional), patch.object(Table, "_put_event", over):
        yield


@contextmanager
def pause_not_looked_at_where_it_leaves() -> Iterator[None]:
    """The switches are not looked at any more once it is decided that something is to go out."""
    with patch.object(CarryOut, "_why_held", lambda *_: None):
        yield


@contextmanager
def shadow_sends() -> Iterator[None]:
    """What is to be done in shadow is done."""
    with patch.object(CarryOut, "_perform", lambda self, work: self.perform(work)):
        yield


@contextmanager
def calls_listed_in_a_pause() -> Iterator[None]:
    """The morning's list of calls is made as if nothing were stopped."""
    build = BuildWorklist.__call__

    def anyway(self: BuildWorklist, day: Any) -> Any:
        settings = copy.copy(self.settings)
        settings.switches = Switches  # type: ignore[method-assign]  # both are off
        return build(replace(self, settings=settings), day)

    with patch.object(BuildWorklist, "__call__", anyway):
        yield


@contextmanager
def sets_handed_over_in_a_pause() -> Iterator[None]:
    """A day is closed in a pause as on any other evening."""
    with patch.object(CloseDay, "_without_placements", lambda _self, _day, rows: rows):
        yield


@contextmanager
def allocated_without_another_look() -> Iterator[None]:
    """What has come in since a day's allocation was decided on does not count."""
    with patch.object(AllocateDay, "_why_not", lambda *_: None):
        yield


@contextmanager
def roll_out_wakes_nobody() -> Iterator[None]:
    """A policy is published, and who waits goes on to wait."""
    with patch.object(RollOut, "_wake", lambda *_: False):
        yield


@contextmanager
def policy_from_memory() -> Iterator[None]:
    """A function goes by the policies that counted when its process began."""
    read = Settings.policies

    def remembered(self: Settings) -> Any:
        if "remembered" not in vars(self):
            vars(self)["remembered"] = read(self)
        return vars(self)["remembered"]

    with patch.object(Settings, "policies", remembered):
        yield


@contextmanager
def approval_left_out() -> Iterator[None]:
    """Who is to be sued is sued, whatever a legal officer says."""
    with patch.object(decide_module, "why_not_filed", lambda *_: ""):
        yield


@contextmanager
def currencies_added() -> Iterator[None]:
    """What was paid is taken off what is owed, whatever the currencies."""

    def less_all(self: Account, on: date) -> Money | None:
        extract = self.extract(on)
        if extract is None:
            return None
        paid = [each.amount.amount for each in self.payments if extract.as_of < each.paid_on <= on]
        return Money(max(extract.past_due.amount - sum(paid), Decimal(0)), extract.past_due.currency)

    with patch.object(Account, "arrears", less_all):
        yield


#: Each bug, and the rules by which it may be found.
PLANTED: dict[str, tuple[Bug, tuple[str, ...]]] = {
    "no version condition on the token": (no_version_condition_on_the_token, ("wake-up", "no case is lost")),
    "confirm before do": (confirm_before_do, ("2 once",)),
    "wake without stream retry": (wake_without_stream_retry, ("wake-up",)),
    "recheck left out": (recheck_left_out, ("1 contact",)),
    "manifest first": (manifest_first, ("4 manifest",)),
    "chain not linked": (chain_not_linked, ("5 chain",)),
    "no idempotency key": (no_idempotency_key, ("2 once",)),
    "stage may go back": (stage_may_go_back, ("3 stages",)),
    "no net under executions": (no_net, ("no case is lost",)),
    "no sweep under the net": (no_sweep, ("no case is lost",)),
    "pause not looked at at the send": (pause_not_looked_at_where_it_leaves, ("pause",)),
    "calls listed in a pause": (calls_listed_in_a_pause, ("pause",)),
    "sets handed over in a pause": (sets_handed_over_in_a_pause, ("pause",)),
    "allocated without another look": (allocated_without_another_look, ("1 contact", "pause", "4 manifest")),
    "shadow sends": (shadow_sends, ("shadow",)),
    "roll-out wakes nobody": (roll_out_wakes_nobody, ("policy",)),
    "policy from memory": (policy_from_memory, ("policy",)),
    "approval left out": (approval_left_out, ("3 approval",)),
    "currencies added": (currencies_added, ("7 money",)),
    "append without the version": (news_without_the_version, ("5 replay", "5 chain")),
}
