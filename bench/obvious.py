"""The same product, driven the obvious way: a nightly scan of the whole table, and an execution that polls once a day.

What is promised is the same: the same `decide`, the same functions that carry out, every event recorded and chained, a
plan before an action and its outcome after it, the policy and the switches as data that counts for the next decision,
and the same writes of an import. So is what is done for the cardholder, date by date. What drives it is the pattern of
AWS's sample "Poll for job status" (Wait, get the status, Choice), in `obvious.asl.json`:

    Poll -> What next? -> an action -> More today? -> Wait a day -> Poll -> What next? -> Wait a day -> ...

Each night a function scans the table and, for each account that is past due, starts an execution under the name of the
case: Step Functions answers a name that runs already, so that nobody has to remember who runs, and an execution that
has died is there again the next night. A poll reads what a turn of ours reads, the account as last reported, the case,
the policies in force and the switches, and asks for each by itself.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from arrears.adapters.settings import Clock, Policies
from arrears.adapters.table import AccountRecord, Table
from arrears.domain.codec import account_from_json
from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import Act, Close, Decision, account_of, case_id_of, open_case, opens_on
from arrears.domain.policy import Policy
from arrears.domain.turn import take_turn
from arrears.records import Stamp
from arrears.switches import Switches
from arrears.usecases.next_step import STATES, Request, execution_input, execution_name
from bench import real
from bench.harness import Bank, bank
from bench.life import Lives, played
from bench.reference import OWES, reference_cases
from bench.sizes import Size

MACHINE = Path(__file__).with_name("obvious.asl.json")
_PIECES = 4


class Obvious(Bank):
    """The stack, and the executions that poll."""

    indexed = False
    #: They are walked here, state by state.
    executes = False

    def begin(self) -> None:
        """Make the state machine, and have nothing running."""
        self.states = json.loads(MACHINE.read_text(encoding="utf-8"))["States"]
        self.table: Table = self.stack.table
        #: What each execution holds while it waits for the next day.
        self.waiting: dict[str, Any] = {}
        self.client = boto3.client("stepfunctions")
        role = "arn:aws:iam::123456789012:role/obvious"
        text = MACHINE.read_text(encoding="utf-8")
        with self.meter.off():
            made = self.client.create_state_machine(name="obvious", definition=text, roleArn=role)
        self.arn = made["stateMachineArn"]

    @property
    def clock_now(self) -> Clock:
        """The clock, which production does not ask anybody for."""
        return Clock(datetime.now(UTC), self.today)

    # --- the executions ----------------------------------------------------------------------------------------------
    def play(self, on: date, rows: real.Day | None = None) -> None:
        """Play a date: what comes in, the polls of those that wait, and the night's scan."""
        self.clock(on)
        if rows is not None:
            self.take_in(rows, on)
        self.approve(self.to_approve(on))
        for case_id, held in sorted(self.waiting.items()):
            self.walk(case_id, self.states["Wait a day"]["Next"], held)
        for case_id in self.night(on):
            self.walk(case_id, "Poll", {"case_id": case_id, "generation": 1})

    def walk(self, case_id: str, name: str, held: Any) -> None:
        """Let an execution go on from a state to its next wait or its end; each state it enters is a transition."""
        self.waiting.pop(case_id, None)
        while True:
            self.meter.count.transitions += 1
            state = self.states[name]
            if state["Type"] == "Succeed":
                self.lives.turns += 1
                self.ended(case_id)
                return
            if state["Type"] == "Wait":
                self.lives.turns += 1
                self.waiting[case_id] = held
                return
            if state["Type"] == "Choice":
                name = _chosen(state, held)
                continue
            folder = state["Parameters"]["FunctionName"].strip("${}")
            held = self.invoke(folder, held)
            self.lives.actions += folder != "poll"
            name = state["Next"]

    def invoke(self, folder: str, held: Any) -> Any:
        """Invoke the function of a task."""
        if folder == "poll":
            with self.meter.function("poll"):
                return self.poll(held)
        answered = self.escalation.lambdas._run(folder, held)
        assert "FunctionError" not in answered, answered
        return answered["Payload"]

    # --- the functions -----------------------------------------------------------------------------------------------
    def night(self, on: date) -> list[str]:
        """Scan the whole table, and make sure that an execution runs for each account that is past due."""
        with self.meter.off():  # once a night, whoever is in the table
            policy = self.stack.settings.policies().for_new(on).policy
        new = []
        pages = self.stack.client.get_paginator("scan").paginate(
            TableName=self.table.name,
            FilterExpression="sk = :account",
            ExpressionAttributeValues={":account": {"S": "ACCOUNT"}},
        )
        for item in [item for page in pages for item in page["Items"]]:
            open_case_id = item["open_case"]["S"] if "open_case" in item else None
            case_id = open_case_id or _opens(account_from_json(item["facts"]["S"]), policy, on)
            if case_id is None:
                continue
            self.client.start_execution(
                stateMachineArn=self.arn, name=execution_name(case_id, 1), input=execution_input(case_id, 1)
            )
            if case_id not in self.waiting:
                new.append(case_id)
        return new

    def poll(self, request: Request) -> Any:
        """Load what the decision depends on, each with a request of its own; decide, and record what follows."""
        case_id = request["case_id"]
        account = self.table.account(account_of(case_id))
        record = self.table.case(case_id)
        policies, switches = self.stack.settings.policies(), self.stack.settings.switches()
        if record is None:
            return _next(request, self._open(account, policies, switches))
        assert not record.case.shadow, "nobody has turned a switch"
        on = self.today
        policy = policies.for_case(record.case, on).policy
        case, events, decision = take_turn(record.case, policy, self.clock_now.now(account.account.timezone))
        if events:
            extra = []
            if isinstance(decision, Close):
                facts = account.account.with_reached(case.contacts())
                due = opens_on(facts, policies.for_new(on).policy, on + ONE_DAY)
                extra.append(self.table.put_account(replace(account, account=facts, open_case=None), due))
            self.table.append(record, events, self._stamp(account, policy), extra=extra)
        return _next(request, decision)

    def _open(self, account: AccountRecord, policies: Policies, switches: Switches) -> Decision:
        policy = policies.for_new(self.today).policy
        opened = open_case(account.account, policy, self.today)
        assert opened is not None, account.account.account_id
        shadow = switches.shadow is not None
        opened = replace(opened, account=account.account.pruned(self.today), shadow=shadow)
        stamp = self._stamp(account, policy)
        record, _ = self.table.appending(None, [opened], stamp)
        _, events, decision = take_turn(record.case, policy, self.clock_now.now(account.account.timezone))
        kept = replace(account, account=replace(account.account, plans=()), open_case=opened.case_id)
        taken = self.table.put_account(kept, None)
        self.table.append(None, [opened, *events], stamp, extra=[taken])
        return decision

    def _stamp(self, account: AccountRecord, policy: Policy) -> Stamp:
        return Stamp(self.clock_now.at(account.account.timezone), self.today, policy.label)

    def finish(self) -> Lives:
        """Count the cases that are still open, and what is stored."""
        for case_id in self.waiting:
            self.ended(case_id)
        # A page is 1 MB: a thousand accounts, or what is kept of thirty cases. These few would pay for empty ones.
        del self.meter.count.calls["dynamodb:Scan"]
        return super().finish()


def _opens(account: Any, policy: Policy, on: date) -> str | None:
    return None if open_case(account, policy, on) is None else case_id_of(account.account_id, on)


def _next(request: Request, decision: Decision) -> Any:
    """Return what the execution goes on with, of the form in which the functions that act answer."""
    step = {"case_id": request["case_id"], "generation": 1, "next": "Wait a day", "action_id": ""}
    if isinstance(decision, Act):
        step |= {"next": STATES[decision.action], "action_id": decision.action_id}
    elif isinstance(decision, Close):
        step["next"] = "Closed"
    return step


def _chosen(state: Any, held: Any) -> str:
    """Return the state that a Choice goes on with."""
    for choice in state["Choices"]:
        found = held
        for part in choice["Variable"].removeprefix("$.").split("."):
            found = found[part]
        if found == choice["StringEquals"]:
            return str(choice["Next"])
    return str(state["Default"])


def play(accounts: Sequence[str], days: int) -> Lives:
    """Play some real accounts from the first date on."""
    with bank(Obvious, accounts, "tw-credit-card") as design:
        design.play_days(days)
        return design.finish()


def reference(cases: int, nights: int) -> Lives:
    """Play reference cases that are open for so many nights: paid on the last of them."""
    without = ["monthly_reminder", "stages.agency", "stages.legal"]
    return reference_cases(Obvious, cases, OWES + timedelta(days=nights), without)


def measure(size: Size) -> Lives:
    """Play the real accounts."""
    return played(play, size, _PIECES)
