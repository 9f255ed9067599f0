"""The leanest design thinkable that polls, played on the same accounts and counted the same way.

Each night a function scans the whole table and starts an execution for each account that is past due and has none. An
execution waits a day, checks, and waits again: Wait a day -> Check -> Due? -> (an action) -> Wait a day. The account is
one item with all there is to know of it. None of what Arrears promises is kept: no event is recorded, nothing is
planned or confirmed, so that a crash does a thing twice or never; no write is a transaction, the policy comes with the
code, nobody can stop what goes out, the scan knows by magic who runs, and what is due together is done in one go. No
bank could run it; it is the floor of any design that asks once a day.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import boto3

from arrears.domain.case import Case, evolve, opening
from arrears.domain.codec import account_from_json, account_to_json
from arrears.domain.decide import Act, open_case
from arrears.domain.events import ActionDone, ApprovalAsked, ArrearsReported, LegalDecided, PaymentReceived
from arrears.domain.facts import Account
from arrears.domain.moment import Moment
from arrears.domain.policy import Policy
from arrears.domain.turn import planned, take_turn
from arrears.files import PaymentRow, PortfolioRow
from arrears.policy_file import load_policy
from arrears.resources import resource
from bench import real
from bench.life import APPROVED_AFTER, Lives, played
from bench.meter import STORED, Meter, size_of
from bench.sizes import Size
from tests.support.stack import ACCOUNT, REGION, moto_stack

_TABLE = "leanest"
_PIECES = 4
#: States that a night takes: Wait a day, Check, Due?
NIGHT = 3


@dataclass
class Leanest:
    """The design, on moto."""

    policy: Policy
    meter: Meter
    lives: Lives = field(default_factory=Lives)
    waiting: dict[str, Case] = field(default_factory=dict)
    #: The cases for which a legal officer was asked, and when.
    asked: dict[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._table = boto3.client("dynamodb")
        self._table.create_table(
            TableName=_TABLE,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._sns, self._sqs, self._s3 = boto3.client("sns"), boto3.client("sqs"), boto3.client("s3")
        with self.meter.off():
            self._s3.create_bucket(Bucket=_TABLE)
            self._queue = self._sqs.create_queue(QueueName=_TABLE)["QueueUrl"]

    # --- the item ----------------------------------------------------------------------------------------------------
    def load(self, account_id: str) -> dict[str, Any]:
        """Read an account's item."""
        key = {"pk": {"S": account_id}, "sk": {"S": "ACCOUNT"}}
        item: dict[str, Any] = self._table.get_item(TableName=_TABLE, Key=key, ConsistentRead=True).get("Item", {})
        return item

    def store(self, account: Account, profile: str, case: Case | None) -> None:
        """Write it."""
        item = {
            "pk": {"S": account.account_id},
            "sk": {"S": "ACCOUNT"},
            "facts": {"S": account_to_json(account)},
            "profile": {"S": profile},
            "done": {"S": json.dumps([f"{done.on} {done.action}" for done in case.done] if case else [])},
            "case": {"S": case.case_id if case else ""},
        }
        self._table.put_item(TableName=_TABLE, Item=item)

    # --- what happens ------------------------------------------------------------------------------------------------
    def take_in(self, day: real.Day, on: date) -> None:
        """Take in the rows of a date, each by reading and writing its account."""
        before = self.meter.count.copy()
        for groups in day.values():
            for account_id, rows in groups.items():
                self.lives.rows += len(rows)
                for numbered in rows:
                    self._row(account_id, numbered.record, on)
        self.lives.imported += self.meter.count - before

    def _row(self, account_id: str, record: object, on: date) -> None:
        item = self.load(account_id)
        account = account_from_json(item["facts"]["S"]) if item else Account(account_id)
        profile = item["profile"]["S"] if item else ""
        event: ArrearsReported | PaymentReceived
        if isinstance(record, PortfolioRow):
            account = account.with_extract(record.extract)
            profile = json.dumps(record.profile.to_dict())
            event = ArrearsReported(record.extract, on)
        elif isinstance(record, PaymentRow):
            payment = record.payment(account.timezone)
            account, event = account.with_payment(payment), PaymentReceived(payment)
        else:
            raise TypeError(record)
        case = self.waiting.get(account_id)
        if case is not None:
            self.waiting[account_id] = evolve(case, event)
        self.store(account.pruned(on), profile, case)

    def approve(self, on: date) -> None:
        """Let a legal officer approve what was asked for some days ago."""
        for account_id, since in list(self.asked.items()):
            if (on - since).days == APPROVED_AFTER:
                del self.asked[account_id]
                if account_id in self.waiting:
                    decided = LegalDecided(approved=True, on=on, by="A. Officer", why="complete")
                    self.waiting[account_id] = evolve(self.waiting[account_id], decided)

    def night(self, on: date) -> None:
        """Scan all, start what is past due, and let every execution that waits check."""
        pages = self._table.get_paginator("scan").paginate(TableName=_TABLE)
        for item in [item for page in pages for item in page["Items"]]:
            account_id = item["pk"]["S"]
            if account_id not in self.waiting and not item["case"]["S"]:
                self._start(account_from_json(item["facts"]["S"]), item["profile"]["S"], on)
        for account_id in sorted(self.waiting):
            self._check(account_id, on)

    def _start(self, account: Account, profile: str, on: date) -> None:
        opened = open_case(account, self.policy, on)
        if opened is not None:
            self.meter.count.calls["stepfunctions:StartExecution"] += 1
            case = opening(opened)
            self.waiting[account.account_id] = case
            self.store(account, profile, case)

    def _check(self, account_id: str, on: date) -> None:
        with self.meter.function("check"):
            item = self.load(account_id)
            case, events, decision = take_turn(self.waiting[account_id], self.policy, Moment(on))
        self.meter.count.transitions += NIGHT
        self.lives.turns += 1
        if any(isinstance(event, ApprovalAsked) for event in events):
            self.asked.setdefault(account_id, on)
        acted = isinstance(decision, Act)
        if acted:
            self.meter.count.transitions += 1
        while isinstance(decision, Act):
            with self.meter.function("act"):
                self._act(decision)
            self.lives.actions += 1
            for event in (planned(decision, Moment(on)), ActionDone(decision.action_id, on)):
                case = evolve(case, event)
            case, _, decision = take_turn(case, self.policy, Moment(on))
        if acted or not case.is_open or case.stage != self.waiting[account_id].stage:
            self.store(case.account, item["profile"]["S"], case if case.is_open else None)
        if case.is_open:
            self.waiting[account_id] = case
        else:
            self.ended(case, on)
            del self.waiting[account_id]

    def ended(self, case: Case, on: date) -> None:
        """Count a case as it stands."""
        self.lives.ended(case, ((case.closed_on or on) - case.opened_on).days + case.is_open)

    def _act(self, act: Act) -> None:
        if act.action == "send_sms":
            self._sns.publish(PhoneNumber="+8613800138000", Message=act.reason)
        elif act.action in ("queue_letter", "place_with_agency", "file_legal"):
            self._s3.put_object(Bucket=_TABLE, Key=act.action_id, Body=b"a document")
        if act.action != "send_sms":
            self._sqs.send_message(QueueUrl=self._queue, MessageBody=act.action_id)


def play(accounts: Sequence[str], days: int) -> Lives:
    """Play some real accounts from the first date on."""
    rows = real.days(set(accounts))
    with moto_stack():
        meter = Meter(ACCOUNT, REGION)
        design = Leanest(load_policy(resource("tw-credit-card.yaml")).policy, meter, Lives(accounts=len(accounts)))
        with meter.on():
            for ahead in range(days):
                day = real.FIRST + timedelta(days=ahead)
                if day in rows:
                    design.take_in(rows[day], day)
                design.approve(day)
                design.night(day)
            for case in design.waiting.values():
                design.ended(case, real.FIRST + timedelta(days=days - 1))
            # As in `obvious`: these few accounts would pay for empty pages.
            del meter.count.calls["dynamodb:Scan"]
            design.lives.counted = meter.count - design.lives.imported
            with meter.off():
                pages = design._table.get_paginator("scan").paginate(TableName=_TABLE)
                design.lives.stored = sum(size_of(dict(item)) + STORED for page in pages for item in page["Items"])
    return design.lives


def measure(size: Size) -> Lives:
    """Play the real accounts."""
    return played(play, size, _PIECES)
