"""Whatever happens in whatever order, no case is lost, none is opened twice, and no action is done twice.

The stack is played at random: scans, turns, actions that crash, waits, news whose wake-up arrives late or never,
executions that die, and the net's events late or twice. Step Functions is played here in few words; the rest is real.
When everything under way has come to rest, each account must be where it belongs. A seed names a play: one that fails
fails again. (Hypothesis, which shrinks, seldom gets a case beyond its first action here; plain weights do.)
"""

import itertools
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from arrears.adapters import table as table_module
from arrears.domain.case import replay
from arrears.domain.decide import opens_on
from arrears.domain.events import ArrearsReported, Event, HoldLifted, HoldPlaced, PaymentReceived
from arrears.errors import ArrearsError, TransientServiceError
from arrears.usecases import assess as assess_module
from arrears.usecases.assess import Assess
from arrears.usecases.carry_out import CarryOut, Effect, Work
from arrears.usecases.next_step import NextStep, Request
from arrears.usecases.recover import Recover
from arrears.usecases.scan import Scan
from arrears.usecases.wake import Wake
from tests.support.builders import OPENS, account, extract, payment
from tests.support.stack import Stack
from tests.support.states import STATE_MACHINE, States, client_error

DAY = timedelta(days=1)
ACCOUNTS = ("CARD-1", "CARD-2")
#: What goes wrong with a function: nothing; its answer is lost; the other side is busy; it dies before or after its
#: effect.
FAULTS = ("", "", "", "", "", "", "lost", "busy", "before", "after")
#: What happens, by how often.
EVENTS = {"step": 60, "advance": 7, "tell": 12, "wake": 8, "fall": 3, "recover": 4, "scan": 6}


class DiedError(BaseException):
    """A function's process is gone."""


@dataclass
class Execution:
    """An execution: its state machine's data, and where it stands.

    Attributes:
        at: `Assess`, the state of an action, `Store` (about to store its token), `Wait`, or `Ended`.
    """

    case_id: str
    generation: int
    at: str = "Assess"
    step: NextStep | None = None
    token: str = ""
    due: str = ""

    @property
    def request(self) -> Request:
        """What its functions are given."""
        first: Request = {"case_id": self.case_id, "generation": self.generation}
        if self.step is not None:
            first |= {"turns": self.step["turns"], "next": self.step["next"], "action_id": self.step["action_id"]}
        return first


@dataclass
class Engine(States):
    """Step Functions: executions by name, of which some have ended."""

    executions: dict[str, Execution] = field(default_factory=dict)

    def start_execution(self, **named: Any) -> dict[str, str]:
        name = named["name"]
        is_new = name not in self.started
        answer = super().start_execution(**named)
        if is_new:
            given = self.started[name]
            self.executions[name] = Execution(given["case_id"], given["generation"])
        return answer

    def send_task_success(self, **named: Any) -> None:
        for execution in self.executions.values():
            if execution.at == "Wait" and execution.token == named["taskToken"]:
                execution.at = "Assess"
                return
        raise client_error("TaskDoesNotExist", "SendTaskSuccess")

    def end(self, name: str) -> Execution:
        self.ended.add(name)
        execution = self.executions.pop(name)
        execution.at = "Ended"
        return execution


class Play:
    """A stack with two accounts, and everything that can happen to it."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a play, not a secret
        self.stack = stack
        self.stack.table.shards = 1
        self.engine = Engine()
        self.today = OPENS
        self.numbers = itertools.count(1)
        self.done: Counter[str] = Counter()
        self.fault = ""
        self.stream: list[tuple[str, int]] = []
        self.fallen: list[tuple[str, int]] = []
        table, of = self.stack.table, self.stack.settings
        self.assess = Assess(table, of, lambda _: None)
        self.carry_out = CarryOut(table, of, self.perform, lambda _: None)
        self.scan_ = Scan(table, of, self.engine.client, STATE_MACHINE)
        self.wake_ = Wake(table, of, self.engine.client)
        self.recover_ = Recover(table, of)
        for name in ACCOUNTS:
            self.stack.report(account(account_id=name))
        self.scan()

    def __call__(self, events: int) -> None:
        """Let so much happen, and see that what must hold holds after each."""
        names, weights = zip(*EVENTS.items(), strict=True)
        for name in self.random.choices(names, weights, k=events):
            getattr(self, name)()
            self.no_account_has_two_open_cases()
            assert all(times == 1 for action_id, times in self.done.items() if ".reminder." in action_id)

    # --- the world outside -------------------------------------------------------------------------------------------
    def perform(self, work: Work) -> Effect:
        if self.fault == "busy":
            raise TransientServiceError("the other side is busy")
        if self.fault == "before":
            raise DiedError
        self.done[work.act.action_id] += 1
        if self.fault == "after":
            raise DiedError
        return Effect()

    # --- what can happen ---------------------------------------------------------------------------------------------
    def scan(self) -> None:
        assert self.scan_(lambda: False)["failed"] == []

    def step(self) -> None:
        """An execution takes some steps; a function may die, or its answer be lost, and is tried again at the next."""
        name = self._one()
        for _ in range(self.random.randint(1, 4)):
            self.fault = self.random.choice(FAULTS)
            if name in self.engine.executions:
                self._step(name)
        self.fault = ""

    def _one(self) -> str:
        return self.random.choice(sorted(self.engine.executions)) if self.engine.executions else ""

    def _step(self, name: str) -> None:
        execution = self.engine.executions[name]
        if execution.at == "Store":
            self._store_token(execution)
        elif execution.at != "Wait":
            try:
                step = self.assess(execution.request) if execution.at == "Assess" else self.carry_out(execution.request)
            except (DiedError, ArrearsError):
                return
            if self.fault != "lost":
                execution.step = step
                self._goes_on(name, execution, step)

    def _goes_on(self, name: str, execution: Execution, step: NextStep) -> None:
        if step["next"] == "WaitForNews":
            execution.at = "Store"
        elif step["next"] == "Closed":
            self._ended(name)
        elif step["next"] == "HandOver":
            self.engine.start_execution(stateMachineArn=STATE_MACHINE, name=step["execution"], input=step["input"])
            self._ended(name)
        else:
            execution.at = step["next"]

    def _ended(self, name: str) -> str:
        return self.engine.end(name).at

    def _store_token(self, execution: Execution) -> None:
        """What the state `WaitForNews` does."""
        assert execution.step is not None
        wait, execution.token = execution.step["wait"], f"token-{next(self.numbers)}"
        try:
            self.stack.client.update_item(
                TableName=self.stack.table.name,
                Key={"pk": {"S": execution.step["pk"]}, "sk": {"S": execution.step["sk"]}},
                UpdateExpression="SET #token = :token, token_version = :version, #due = :due",
                ConditionExpression="version = :version AND generation = :generation",
                ExpressionAttributeNames={"#token": "token", "#due": "due"},
                ExpressionAttributeValues={
                    ":token": {"S": execution.token},
                    ":version": {"N": wait["version"]},
                    ":generation": {"N": str(execution.generation)},
                    ":due": {"S": wait["due"]},
                },
            )
        except ClientError:
            execution.at = "Assess"
        else:
            execution.at, execution.due = "Wait", wait["due"][:10]

    def fall(self) -> None:
        """An execution fails, times out or is aborted, wherever it stands."""
        if self.engine.executions:
            execution = self.engine.end(self._one())
            self.fallen.append((execution.case_id, execution.generation))

    def recover(self) -> None:
        """The net hears of it, late perhaps, and perhaps twice."""
        if self.fallen:
            event = self.random.choice(self.fallen)
            if self.random.random() < 0.7:
                self.fallen.remove(event)
            self.recover_(*event)

    def wake(self) -> None:
        """The stream brings an event, in any order; some never arrive."""
        if self.stream:
            event = self.stream.pop(self.random.randrange(len(self.stream)))
            if self.random.random() < 0.7:
                self.wake_(*event)

    def tell(self) -> None:
        """News of an account comes in, the way the import takes it in."""
        name, event = self.random.choice(ACCOUNTS), self._news()
        record = self.stack.table.account(name)
        if record.open_case is not None:
            after = self.stack.news(record.open_case, event, on=self.today)
            self.stream.append((record.open_case, after.case.version))
            return
        known = record.account
        match event:
            case PaymentReceived(payment=paid):
                known = known.with_payment(paid)
            case ArrearsReported(extract=newer):
                known = known.with_extract(newer)
            case HoldPlaced(hold_id, reason, on):
                known = known.with_hold(hold_id, reason, placed=on)
            case HoldLifted(hold_id, reason, on):
                known = known.with_hold(hold_id, reason, lifted=on)
        due = opens_on(known, self.stack.settings.active().policy, self.today)
        self.stack.table.transact([self.stack.table.put_account(replace(record, account=known), due)])

    def _news(self) -> Event:
        kind = self.random.choice(["payment", "payment", "extract", "extract", "placed", "lifted"])
        if kind == "payment":
            amount = self.random.choice(["1.00", "600.00", "2000.00"])
            return PaymentReceived(payment(amount, on=self.today, payment_id=f"PAY-{next(self.numbers)}"))
        if kind == "extract":
            amount = self.random.choice(["0.00", "0.50", "900.00", "2000.00"])
            oldest = None if amount == "0.00" else self.today - self.random.choice([1, 20]) * DAY
            return ArrearsReported(extract(amount, as_of=self.today, oldest_due=oldest), self.today)
        happened = HoldPlaced if kind == "placed" else HoldLifted
        return happened("HOLD-1", "dispute", self.today)

    def advance(self) -> None:
        """Days go by; the waits that fall due end."""
        days = self.random.choice([1, 1, 7, 14])
        self.today += days * DAY
        self.stack.on(self.today)
        for execution in self.engine.executions.values():
            if execution.at == "Wait" and execution.due <= self.today.isoformat():
                execution.at = "Assess"

    # --- what must hold ----------------------------------------------------------------------------------------------
    def no_account_has_two_open_cases(self) -> None:
        for name in ACCOUNTS:
            opened = [record.case.case_id for record in self.stack.table.cases(name) if record.case.is_open]
            assert opened == [case_id for case_id in [self.stack.table.account(name).open_case] if case_id]

    def comes_to_rest(self) -> None:
        """Let all that is under way come to its end, and look where everything is."""
        for _ in range(60):
            for event in self.fallen:
                self.recover_(*event)
            self.fallen.clear()
            # Wake-ups may be lost, so every wait ends once by its own time.
            for execution in self.engine.executions.values():
                execution.at = "Assess" if execution.at == "Wait" else execution.at
            self.scan_(lambda: False)
            for _ in range(40):
                for name in list(self.engine.executions):
                    self._step(name)
            if not self.stack.queued() or not any(
                due <= self.today.isoformat() for due in self.stack.queued().values()
            ):
                break
            self.today += DAY
            self.stack.on(self.today)
        for name in ACCOUNTS:
            self._is_where_it_belongs(name)

    def _is_where_it_belongs(self, name: str) -> None:
        table, record = self.stack.table, self.stack.table.account(name)
        waiting = [one for one in self.engine.executions.values() if one.case_id[:-9] == name]
        if record.open_case is None:
            assert waiting == []
            policy = self.stack.settings.active().policy
            due = opens_on(record.account, policy, self.today)
            # One that closed today opens again tomorrow: today's id is taken.
            assert (record.due is None) == (due is None)
            assert record.due is None or record.due > self.today.isoformat()
        else:
            case = self.stack.case(record.open_case)
            (execution,) = waiting
            assert (execution.at, execution.case_id) == ("Wait", record.open_case)
            assert (case.token, case.token_version) == (execution.token, case.case.version)
            assert case.generation == execution.generation
            assert record.due is None, "an account whose case has an execution is on no queue"
        for one in table.cases(name):
            envelopes = list(table.envelopes(one.case.case_id))
            assert all(envelope.intact for envelope in envelopes)
            assert replay(envelope.event for envelope in envelopes) == one.case
            ids = [done.action_id for done in one.case.done]
            assert len(ids) == len(set(ids))


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Executions hand over after a few turns, and nobody pauses."""
    monkeypatch.setattr(assess_module, "MOST_TURNS", 3)
    monkeypatch.setattr(table_module, "_back_off", lambda _attempt: None)


@pytest.mark.usefixtures("in_a_hurry")
@pytest.mark.parametrize("seed", [2, 3, 6, 10])
def test_every_account_is_where_it_belongs_when_all_has_come_to_rest(stack: Stack, seed: int) -> None:
    play = Play(stack, seed)

    play(150)

    play.comes_to_rest()
    assert play.done, "nothing was done"
