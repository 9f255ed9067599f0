"""The thirteen rules of the policy, read a second time, as plainly as they can be written down.

Shares nothing with `arrears.domain`: no events, no waits, no reasons. Every date is looked at, and each rule is worked
out from lists of dates and amounts. What it says a case goes through must be what the simulator says; it is slow, and
meant to be read beside docs/policy.md.
"""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

COLLECTIONS = ("send_sms", "queue_call", "queue_letter")
CONVERSATIONS = ("right_party", "promise", "refused", "disputed")
DAY = timedelta(days=1)
#: Date, account, case, stage and action, as in `timeline.csv`.
Row = tuple[date, str, str, str, str]


@dataclass
class Facts:
    """What the bank's files say of one account: rows as dictionaries, in order of the date `on` of each.

    Attributes:
        extracts: arrears, currency, oldest_due, mobile, phones, opted_out, address.
        payments: amount, currency.
        holds: id, status.
        calls: result, promised_on.
        returns: case_id, outcome.
        approvals: case_id, decision.
    """

    extracts: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    holds: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    returns: list[dict[str, Any]] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class PlainCase:
    """An open case.

    Attributes:
        done: date, action, and which step of which stage it was for.
        placed: since when an agency has the case.
        failed: since when the agency stage has failed.
        void: how many placements a hold ended; they are due again.
        asked: since when a legal officer is asked.
    """

    case_id: str
    opened: date
    stage: str | None = None
    done: list[tuple[date, str, str]] = field(default_factory=list)
    placed: date | None = None
    failed: date | None = None
    void: int = 0
    asked: date | None = None
    promised_until: date | None = None
    frozen: bool = False


def add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class PlainPlay:
    """One account, looked at on every date."""

    def __init__(self, account_id: str, facts: Facts, policy: dict[str, Any], approve_after: int | None = None) -> None:
        self.account_id = account_id
        self.approve_after = approve_after
        self.facts = facts
        self.policy = policy
        self.stages: dict[str, dict[str, Any]] = policy["stages"]
        self.ladder = list(self.stages)
        self.term = next((stage["term_days"] for stage in self.stages.values() if "term_days" in stage), None)
        self.case: PlainCase | None = None
        self.rows: list[Row] = []

    def play(self, first: date, last: date) -> list[Row]:
        for ahead in range((last - first).days + 1):
            self.play_date(first + timedelta(days=ahead))
        return self.rows

    def play_date(self, day: date) -> None:
        extract = next((known for known in reversed(self.facts.extracts) if known["on"] <= day), None)
        if extract is None:
            return
        arrears = extract["arrears"]
        for paid in self.facts.payments:
            if extract["on"] < paid["on"] <= day and paid["currency"] == extract["currency"]:
                arrears -= paid["amount"]
        self.returned(day)
        # a cured case closes, its recall first
        tolerance = Decimal(self.policy.get("cure_tolerance", {}).get(extract["currency"], "0"))
        if arrears <= tolerance:
            if self.case is not None:
                if self.case.placed is not None:
                    self.happens(day, self.case, "recall_from_agency")
                self.happens(day, self.case, "case_closed")
                self.case = None
            return
        # a case that is due opens
        due = extract["oldest_due"]
        if self.case is None:
            if due is None or (day - due).days < 1:
                return
            self.case = PlainCase(f"{self.account_id}-{day:%Y%m%d}", day)
            self.happens(day, self.case, "case_opened")
        self.open_case(day, self.case, extract, arrears)

    def happens(self, day: date, case: PlainCase, action: str) -> None:
        self.rows.append((day, self.account_id, case.case_id, case.stage or "", action))

    def returned(self, day: date) -> None:
        """Rule 6: the agency stage has failed when the case was returned."""
        case = self.case
        if case is None or case.placed is None:
            return
        if any(
            given["on"] == day and given["case_id"] == case.case_id and given["outcome"] == "returned"
            for given in self.facts.returns
        ):
            case.placed, case.failed = None, case.failed or day

    def open_case(self, day: date, case: PlainCase, extract: dict[str, Any], arrears: Decimal) -> None:
        # rule 12: a promise is accepted on hold too; what it then keeps from being done is not done anyway
        promised = self.promised(day, case)
        # rule 11: nothing is done on hold, and a placement is recalled
        if self.on_hold(day):
            if case.placed is not None:
                self.happens(day, case, "recall_from_agency")
                case.placed, case.void = None, case.void + 1
            return
        # rule 6: a placement whose term is over is recalled
        if case.placed is not None and self.term is not None and (day - case.placed).days >= self.term:
            self.happens(day, case, "recall_from_agency")
            case.failed = case.failed or case.placed + timedelta(days=self.term)
            case.placed = None
        if promised:
            return
        # rule 3: the furthest stage that can be entered
        for name in reversed(self.ladder[self.place(case) + 1 :]):
            if self.can_enter(self.stages[name], day, case, extract, arrears):
                case.stage = name
                self.happens(day, case, "stage_entered")
                break
        texted = self.steps(day, case, extract)
        self.monthly(day, case, extract, texted=texted)
        self.freeze(day, case, extract["currency"], arrears)

    def place(self, case: PlainCase) -> int:
        return -1 if case.stage is None else self.ladder.index(case.stage)

    def on_hold(self, day: date) -> bool:
        """Rule 11: from the date it is placed to the date it is lifted, that one not included."""
        for hold_id in {hold["id"] for hold in self.facts.holds}:
            said = [hold for hold in self.facts.holds if hold["id"] == hold_id and hold["on"] <= day]
            placed = [hold["on"] for hold in said if hold["status"] == "placed"]
            lifted = [hold["on"] for hold in said if hold["status"] == "lifted"]
            if placed and not any(on >= max(placed) for on in lifted):
                return True
        return False

    def promised(self, day: date, case: PlainCase) -> bool:
        """Rule 12. The windows are those of the stage; of the nearest one before that has any; or after."""
        here = self.place(case)
        nearest = [*reversed(self.ladder[: here + 1]), *self.ladder[here + 1 :]]
        windows: list[int] = next(
            (
                self.stages[name]["promise_windows_days"]
                for name in nearest
                if "promise_windows_days" in self.stages[name]
            ),
            [],
        )
        talks = [call for call in self.facts.calls if call["on"] > case.opened and call["result"] in CONVERSATIONS]
        for number, call in enumerate(talks):
            if call["on"] == day and call["result"] == "promise" and windows:
                longest = windows[min(number, len(windows) - 1)]
                if day <= call["promised_on"] <= day + timedelta(days=longest):
                    case.promised_until = max(case.promised_until or day, call["promised_on"])
        return case.promised_until is not None and day <= case.promised_until

    def can_enter(
        self, stage: dict[str, Any], day: date, case: PlainCase, extract: dict[str, Any], arrears: Decimal
    ) -> bool:
        """Rules 2, 3, 5, 6 and 9."""
        start, due = stage["from"], extract["oldest_due"]
        if "days_past_due" in start and (due is None or (day - due).days < start["days_past_due"]):
            return False
        if "months_past_due" in start and (due is None or day <= add_months(due, start["months_past_due"])):
            return False
        if "agency" in start and (case.failed is None or case.failed > day):
            return False
        for required in stage.get("requires", []):
            ago = required.get("at_least_days_ago", 0)
            if not any(action == required["action"] and (day - on).days >= ago for on, action, _ in case.done):
                return False
        minimum = stage.get("minimum_arrears", {}).get(extract["currency"])
        return minimum is None or arrears >= Decimal(minimum)

    def steps(self, day: date, case: PlainCase, extract: dict[str, Any]) -> bool:
        """Rule 4; returns whether a text went out."""
        texted = False
        if case.stage is None:
            return texted
        for index, step in enumerate(self.stages[case.stage].get("steps", [])):
            action, which = step["action"], f"{case.stage} {index}"
            did = [on for on, _, name in case.done if name == which]
            times = len(did)
            if action == "place_with_agency":
                if case.placed is not None:
                    continue
                times -= case.void
            if times == 0:
                is_due = True
            elif "every_days" not in step or times >= step.get("at_most", times + 1):
                is_due = False
            else:
                is_due = day >= did[-1] + timedelta(days=step["every_days"])
            if action == "file_legal" and not self.approved(day, case):
                is_due = False
            if is_due and reachable(action, extract):
                self.happens(day, case, action)
                case.done.append((day, action, which))
                texted = texted or action == "send_sms"
                if action == "place_with_agency":
                    case.placed = day
        return texted

    def approved(self, day: date, case: PlainCase) -> bool:
        """Rule 10: none is asked for where the policy says nothing of it; else the last word since then counts."""
        if self.policy.get("legal", {}).get("approval") is None:
            return True
        case.asked = case.asked or day
        words = [word for word in self.facts.approvals if word["case_id"] == case.case_id]
        if not words and self.approve_after is not None:
            return day >= case.asked + timedelta(days=self.approve_after)
        said = [word["decision"] for word in words if case.asked <= word["on"] <= day]
        return said[-1:] == ["approve"]

    def monthly(self, day: date, case: PlainCase, extract: dict[str, Any], *, texted: bool) -> None:
        """Rule 7."""
        reminder = self.policy.get("monthly_reminder")
        if reminder is None or case.stage not in reminder["stages"] or texted:
            return
        its_day = min(reminder["day"], calendar.monthrange(day.year, day.month)[1])
        if day.day == its_day and reachable("send_sms", extract):
            self.happens(day, case, "send_sms")
            case.done.append((day, "send_sms", "monthly"))

    def freeze(self, day: date, case: PlainCase, currency: str, arrears: Decimal) -> None:
        """Rules 9 and 13."""
        freeze = self.policy.get("freeze")
        if freeze is None or case.frozen or currency not in freeze["arrears_over"]:
            return
        counted: list[date] = []
        for on, action, _ in case.done:
            if action in COLLECTIONS and (not counted or (on - counted[-1]).days >= freeze.get("apart_days", 0)):
                counted.append(on)
        wanted = freeze.get("after_collections", 0)
        behind = wanted == 0 or (len(counted) >= wanted and counted[wanted - 1] < day)
        if behind and arrears > Decimal(freeze["arrears_over"][currency]):
            self.happens(day, case, "freeze_account")
            case.frozen = True


def reachable(action: str, extract: dict[str, Any]) -> bool:
    """Nobody is texted after opting out, or reached in a way for which there is no number and no address."""
    if action == "send_sms":
        return bool(extract["mobile"]) and not extract["opted_out"]
    if action == "queue_call":
        return bool(extract["phones"])
    return bool(extract["address"]) if action == "queue_letter" else True


def plain_timeline(
    account_id: str,
    facts: Facts,
    policy: dict[str, Any],
    first: date,
    last: date,
    approve_after: int | None = None,
) -> Iterable[Row]:
    """Return what happens to an account, in the order in which it happens."""
    return PlainPlay(account_id, facts, policy, approve_after).play(first, last)
