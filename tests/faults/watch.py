"""The invariants of the design, looked at with everything that is written, sent, queued or put.

They are worked out here from the events and from what went out, in other words than the product's own.
"""

import csv
import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from arrears.adapters.settings import _rollouts as rollouts_of
from arrears.adapters.table import account_pk
from arrears.domain import codec
from arrears.domain.case import BrokenHistoryError, Case, evolve, opening
from arrears.domain.chain import GENESIS, link
from arrears.domain.dates import add_months, zone
from arrears.domain.events import (
    ActionDone,
    ActionFailed,
    ActionPlanned,
    ActionPostponed,
    ActionUncertain,
    ActionWithdrawn,
    AgencyAssigned,
    AgencyDeferred,
    CaseOpened,
    Event,
    LegalDecided,
    StageEntered,
)
from arrears.domain.facts import Hold
from arrears.domain.policy import Policy
from arrears.domain.rollout import Rollout
from tests.faults.dynamo import Dynamo, Written
from tests.faults.hub import BrokenError, Hub
from tests.faults.services import REMEMBERED, Buckets

CONTACTS = ("send_sms", "queue_call", "queue_letter")
#: What begins something for the bank; what ends it (recalls, withdrawals) is done for a paid or held case too.
ONWARD = (*CONTACTS, "place_with_agency", "file_legal", "freeze_account")
#: A function runs no longer than this, in seconds, after it has read which policies count.
_READ_BEFORE = 300.0
#: No word of a message for others says what it is about (invariant 8).
TELLING = ("debt", "overdue", "arrears", "payment", "card", "欠", "逾期", "还款", "账单", "催收")


class Watch:
    """Sees everything that leaves a trace.

    Attributes:
        cases: each case as its events give it.
        log: each case's events.
        texts, tasks: what went out, by action.
    """

    def __init__(self, hub: Hub, policies: Sequence[Policy], private: Sequence[str]) -> None:
        self._hub, self._policy, self._private = hub, policies[0], private
        self._policies = {policy.label: policy for policy in policies}
        self.cases: dict[str, Case] = {}
        self.log: defaultdict[str, list[Event]] = defaultdict(list)
        self.heads: dict[str, str] = {}
        self.texts: Counter[str] = Counter()
        self.tasks: defaultdict[str, list[float]] = defaultdict(list)
        self.asked: set[str] = set()
        self.woke_at: dict[str, int] = {}
        self.manifests: dict[tuple[str, str], Any] = {}
        #: By placement, how many rows say it; none where the agency never got it.
        self.rows: Counter[str] = Counter()
        self.handed_over: set[str] = set()
        self.sending = ""
        #: When each switch that is on was turned on.
        self.on_since: dict[str, float] = {}
        #: The publications that count, and since when they are the ones; the latest last.
        self.rollouts: list[tuple[float, tuple[Rollout, ...]]] = [(0.0, (Rollout(policies[0].label, ""),))]
        self.looked_at: dict[str, float] = {}

    # --- what is written ---------------------------------------------------------------------------------------------
    def written(self, writes: Sequence[Written], buckets: Buckets) -> None:
        """Look at what was written at once."""
        touched = set()
        confirms = any(sk.startswith("EVENT#") for (_, sk), _, _ in writes)
        for (pk, sk), before, after in writes:
            if pk == "SETTINGS":
                self._settings(sk, after)
            if "#PLACEMENT#" in sk:
                self._placed(before, after)
                if after is not None and confirms:
                    case = self.cases[sk.partition("#PLACEMENT#")[2]]
                    self._may_leave(case.case_id, sk)
                    now = datetime.fromtimestamp(self._hub.time, zone(case.account.timezone))
                    self._stands(case, now.date(), f"{sk} is given to an agency")
        for (_, sk), before, after in writes:
            if sk.startswith("EVENT#") and after is not None:
                touched.add(self._appended(sk, before, after, buckets))
        for (_, sk), _, after in writes:
            if sk.startswith("CASE#") and after is not None:
                self._stored(sk.removeprefix("CASE#"), after)
                touched.discard(sk.removeprefix("CASE#"))
        self._holds(not touched, "5 replay", f"events without their case: {touched}")
        run = self._hub.current
        if run is not None:
            run.seen |= {case_id: case.version for case_id, case in self.cases.items() if _is_of(case_id, writes)}

    def read(self, case_id: str, version: int) -> None:
        """Note what version of a case a run has seen."""
        run = self._hub.current
        if run is not None:
            run.seen[case_id] = version

    def _placed(self, before: Any, after: Any) -> None:
        """Note which placements have a row, whichever day it is of."""
        for item, change in ((before, -1), (after, 1)):
            if item is not None:
                self.rows[json.loads(item["row"]["S"])["placement_id"]] += change

    def _settings(self, sk: str, item: Any) -> None:
        now = self._hub.time
        if sk == "SWITCHES":
            on = {name for name in ("pause", "shadow") if name in (item or {})}
            self.on_since = {name: self.on_since.get(name, now) for name in on}
        elif sk == "POLICY":
            self.rollouts.append((now, rollouts_of(item)))

    def _may_leave(self, case_id: str, what: str) -> None:
        """Nothing of a case in shadow leaves, and nothing goes out of a function that began after it was stopped."""
        run, case = self._hub.current, self.cases[case_id]
        self._holds(not case.shadow, "shadow", f"{what}: it lives in shadow")
        if run is not None:
            for name, since in self.on_since.items():
                self._holds(since > run.started, "pause", f"{what} by a function that began after {name} was on")

    # --- the policy that counts --------------------------------------------------------------------------------------
    def _decided_under(self, label: str, opened_on: date, on: date, what: str) -> Policy:
        """Return the policy of a decision: the one that counts, or did when its function may have read it."""
        now = self._hub.time
        known = [rollouts for at, rollouts in self.rollouts[:-1] if self.rollouts[-1][0] > now - _READ_BEFORE]
        counting = {_newest(rollouts, opened_on, on) for rollouts in (*known, self.rollouts[-1][1])}
        self._holds(label in counting, "policy", f"{what} on {on} under {label}, not {counting}")
        return self._policies[label]

    def counts_since(self, case: Case, published_at: float) -> float | None:
        """Return from when on a case goes by the policy that was published last; None if that is still to come."""
        rollout = self.rollouts[-1][1][-1]
        if rollout.since is None:
            return published_at
        begins = datetime.combine(rollout.since, time.min, zone(case.account.timezone)).timestamp()
        return None if begins > self._hub.time else max(published_at, begins)

    # --- events as they are appended ---------------------------------------------------------------------------------
    def _appended(self, sk: str, before: Any, after: Mapping[str, Any], buckets: Buckets) -> str:
        _, case_id, number = sk.split("#")
        body, previous = after["body"]["S"], after["previous"]["S"]
        told = json.loads(body, parse_float=_no_float)
        event = codec.event_from_json(json.dumps(told["event"]))
        case = self.cases.get(case_id)
        self._holds(before is None, "5 replay", f"{sk} was changed")
        self._holds(int(number) == (1 if case is None else case.version + 1), "5 replay", f"{sk} follows no event")
        self._holds(previous == self.heads.get(case_id, GENESIS), "5 chain", f"{sk} is not linked to the one before")
        self._holds(after["hash"]["S"] == link(previous, body), "5 chain", f"{sk}: the hash is not that of the text")
        self._personal(body, sk)
        self.heads[case_id] = after["hash"]["S"]
        opened_on = event.on if isinstance(event, CaseOpened) else case.opened_on if case is not None else date.max
        # All cases of a day are allocated at once, by the policy of that day.
        if told["policy"] and not isinstance(event, AgencyAssigned | AgencyDeferred):
            # The date of the turn, and not the event's own: a promise may be found broken days after it was.
            account = event.account if isinstance(event, CaseOpened) else self.cases[case_id].account
            on = datetime.fromisoformat(told["at"]).astimezone(zone(account.timezone)).date()
            self._policy = self._decided_under(told["policy"], opened_on, on, sk)
        if case is not None:
            self._follows(case, event, datetime.fromisoformat(told["at"]), buckets)
        try:
            self.cases[case_id] = (
                opening(event) if isinstance(event, CaseOpened) else evolve(self.cases[case_id], event)
            )
        except (BrokenHistoryError, KeyError) as error:
            raise BrokenError("5 replay", f"{sk}: {error}") from error
        self.log[case_id].append(event)
        self._money(self.cases[case_id], _day_of(event, told["at"]))
        if "wakes" in after:
            self.woke_at[case_id] = int(number)
        if self._hub.trace is not None:
            self._hub.note(f"  {case_id} {int(number)}: {_short(event)}")
        return case_id

    def _stored(self, case_id: str, item: Mapping[str, Any]) -> None:
        case = self.cases.get(case_id)
        if case is None:
            raise BrokenError("5 replay", f"{case_id} is stored without its events")
        stored = item["state"]["B"]
        # A set has no order, so the same case can be other bytes.
        same = stored == codec.case_to_bytes(case) or codec.case_from_bytes(stored) == case
        self._holds(same, "5 replay", f"{case_id} is not what its events give")
        self._holds(item["head"]["S"] == self.heads[case_id], "5 chain", f"{case_id}: its head is not its last event's")

    # --- events ------------------------------------------------------------------------------------------------------
    def _follows(self, case: Case, event: Event, at: datetime, buckets: Buckets) -> None:
        match event:
            case StageEntered():
                self._stage(case, event)
            case ActionPlanned():
                self._holds(case.pending is None, "2 once", f"{event.action_id} is planned while another is under way")
                done = [one.action_id for one in case.done]
                self._holds(event.action_id not in done, "2 once", f"{event.action_id} is planned again")
                self._may(case, event, at)
            case ActionDone():
                self._was_done(case, event, buckets)
            case _:
                pass

    def _money(self, case: Case, on: date) -> None:
        """Invariant 7: the arrears are those of the last extract, less what was paid since in that very currency."""
        extract, arrears = case.account.extract(on), case.arrears(on)
        if extract is None:
            return
        reported = extract.past_due
        same = arrears.currency == reported.currency
        self._holds(same, "7 money", f"{case.case_id}: {arrears!r} of an account in {reported.currency}")
        paid = [
            payment.amount.amount
            for payment in case.account.payments
            if extract.as_of < payment.paid_on <= on and payment.amount.currency == reported.currency
        ]
        owed = reported.amount - sum(paid, Decimal(0))
        same = arrears.amount == owed or (owed <= 0 and arrears.amount <= 0)
        self._holds(same, "7 money", f"{case.case_id} owes {arrears} on {on}, and not {owed} {reported.currency}")

    def _stage(self, case: Case, event: StageEntered) -> None:
        ladder = list(self._policy.stages)
        before = ladder.index(case.stage) if case.stage in ladder else -1
        self._holds(ladder.index(event.stage) > before, "3 stages", f"{case.case_id}: {case.stage} to {event.stage}")
        stage, extract = self._policy.stages[event.stage], case.account.extract(event.on)
        oldest = None if extract is None else extract.oldest_due
        threshold = stage.from_
        if threshold.days_past_due is not None:
            late = oldest is not None and (event.on - oldest).days >= threshold.days_past_due
            self._holds(late, "3 stages", f"{case.case_id}: {event.stage} before its days past due")
        if threshold.months_past_due is not None:
            late = oldest is not None and event.on > add_months(oldest, threshold.months_past_due)
            self._holds(late, "3 stages", f"{case.case_id}: {event.stage} before its months past due")
        if threshold.agency == "failed":
            failed = any(p.ended in ("returned", "term", "order") for p in case.placements)
            self._holds(failed, "3 stages", f"{case.case_id}: {event.stage} before an agency failed")
        for needed in stage.requires:
            since = event.on - timedelta(days=needed.at_least_days_ago)
            did = any(one.action == needed.action and one.on <= since and one.counts for one in case.done)
            self._holds(did, "3 stages", f"{case.case_id}: {event.stage} without {needed.action}")

    def _may(self, case: Case, event: ActionPlanned, at: datetime) -> None:
        """Invariant 1, at the moment of the plan."""
        if event.action not in ONWARD:
            return
        what = f"{event.action_id} ({event.action})"
        self._stands(case, event.on, what)
        if not case.shadow:
            self._may_leave(case.case_id, what)
        if event.action == "file_legal" and self._policy.legal.approval is not None:
            said = [one.approved for one in self.log[case.case_id] if isinstance(one, LegalDecided)]
            self._holds(said[-1:] == [True], "3 approval", f"{what} and no legal officer has approved it")
        if event.action == "send_sms":
            extract, opted = case.account.extract(event.on), case.account.opted_out_on
            out = (extract is not None and extract.sms_opt_out) or (opted is not None and opted <= event.on)
            self._holds(not out, "1 contact", f"{what} after the cardholder opted out")
            dead = case.account.unusable_on("mobile", "sms")
            self._holds(dead is None or dead > event.on, "1 contact", f"{what} to a number that takes no texts")
        contact, local = self._policy.contact, at.astimezone(zone(case.account.timezone))
        if contact.hours is not None and event.action in ("send_sms", "queue_call"):
            inside = contact.hours[0] <= local.time() < contact.hours[1]
            self._holds(inside, "1 contact", f"{what} at {local:%H:%M}")
        for cap in contact.limits:
            if event.action in cap.actions:
                first = event.on - timedelta(days=cap.in_days - 1)
                made = [d for d in case.done if d.action in cap.actions and first <= d.on <= event.on and d.counts]
                self._holds(len(made) < cap.at_most, "1 contact", f"{what} over the cap")

    def _stands(self, case: Case, on: date, what: str) -> None:
        arrears = case.arrears(on)
        cured = arrears.amount <= self._policy.cure_tolerance.get(arrears.currency, 0)
        self._holds(not cured, "1 contact", f"{what} after the arrears were paid")
        self._holds(case.is_open, "1 contact", f"{what} after the case was closed")
        self._holds(not any(_holds_back(each, on) for each in case.account.holds), "1 contact", f"{what} on hold")

    def _was_done(self, case: Case, event: ActionDone, buckets: Buckets) -> None:
        """Invariant 2: what is recorded as done was done."""
        plan = case.pending
        if plan is None:
            raise BrokenError("2 once", f"{event.action_id} is done and was not planned")
        if case.shadow:
            return  # `_may_leave` sees to it that nothing was
        match plan.action:
            case "send_sms":
                did = self.texts[event.action_id] > 0
            case "queue_call" | "queue_letter" | "withdraw_calls":
                did = event.action_id in self.tasks
            case "freeze_account" | "lift_freeze":
                did = event.action_id in self.asked
            case "file_legal":
                did = ("legal", event.reference) in self.manifests
            case _:
                did = True  # its row is in the same transaction; see `at_rest`
        self._holds(did, "2 once", f"{event.action_id} is recorded as done and was not done")
        if plan.action == "file_legal":
            self._holds(("legal", event.reference) in buckets.objects, "4 manifest", f"{event.reference} is not there")

    # --- what goes out -----------------------------------------------------------------------------------------------
    def text(self, to: str, text: str) -> None:
        """Look at a text that went out: once, on what its sender knew, and to the cardholder."""
        run = self._hub.current
        assert run is not None
        (case_id, pending) = self._sender(run.seen)
        self.texts[pending.action_id] += 1
        self._holds(self.texts[pending.action_id] == 1, "2 once", f"{pending.action_id} was sent twice")
        self._holds(to == "+8613800138000", "8 right party", f"{pending.action_id} went to another number")
        assert text
        self._known(case_id, run.seen, pending.on, pending.action_id)
        self._may_leave(case_id, pending.action_id)

    def _sender(self, seen: Mapping[str, int]) -> tuple[str, ActionPlanned]:
        for case_id, version in seen.items():
            planned = self._at(case_id, version).pending
            if planned is not None and planned.action == "send_sms":
                return case_id, planned
        raise BrokenError("2 once", "a text was sent that nobody had planned")

    def _known(self, case_id: str, seen: Mapping[str, int], on: date, what: str) -> None:
        self._stands(self._at(case_id, seen[case_id]), on, what)

    def _at(self, case_id: str, version: int) -> Case:
        if version == self.cases[case_id].version:
            return self.cases[case_id]
        case: Case | None = None
        for event in self.log[case_id][:version]:
            case = opening(event) if isinstance(event, CaseOpened) else evolve(case, event)  # type: ignore[arg-type]
        assert case is not None
        return case

    def task(self, url: str, body: str) -> None:
        """Look at a task that was queued: planned, allowed, and once in five minutes."""
        if "dead" in url.lower():
            return
        told, now = json.loads(body), self._hub.time
        action_id, case_id = told["action_id"], told["case_id"]
        times = self.tasks[action_id]
        again = bool(times) and now - times[-1] < REMEMBERED
        self._holds(not again, "2 once", f"{action_id} is queued twice within five minutes")
        times.append(now)
        self._planned(case_id, action_id)
        run = self._hub.current
        self._holds(not self.cases[case_id].shadow, "shadow", f"{action_id}: it lives in shadow")
        if told["schema"] != "call-withdrawal-1":
            self._may_leave(case_id, action_id)
        if run is not None and case_id in run.seen and told["schema"] != "call-withdrawal-1":
            self._known(case_id, run.seen, self._at(case_id, run.seen[case_id]).pending.on, action_id)  # type: ignore[union-attr]
        for number in told.get("numbers", []):
            if number["kind"] in ("family", "contact"):
                self._holds(number["may_be_told"] == "message_only", "8 right party", f"{action_id}: {number['kind']}")
        for word in TELLING:
            self._holds(word not in told.get("message_for_others", ""), "8 right party", f"{action_id} says {word}")

    def event(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Look at what was put on the bus."""
        self.asked.add(detail["action_id"])
        self._holds(not self.cases[detail["case_id"]].shadow, "shadow", f"{detail['action_id']}: it lives in shadow")
        if kind == "FreezeRequested":
            self._may_leave(detail["case_id"], detail["action_id"])
        self._planned(detail["case_id"], detail["action_id"])

    def _planned(self, case_id: str, action_id: str) -> None:
        was = any(isinstance(event, ActionPlanned) and event.action_id == action_id for event in self.log[case_id])
        self._holds(was, "2 once", f"{action_id} was done before it was planned")

    def started(self, text: str) -> None:
        """Look at what an execution is given, and passes on."""
        self._personal(text, "an execution's data")

    def _personal(self, text: str, where: str) -> None:
        for word in self._private:
            if word in text:
                raise BrokenError("6 personal data", f"{word} in {where}")

    def stored(self, bucket: str, key: str, body: bytes, buckets: Buckets) -> None:
        """Look at an object: a manifest says that what it lists is there; a list of calls is of who may be called."""
        if key.startswith("worklists/") and key.endswith("/calls.csv"):
            self._listed(key, list(csv.DictReader(io.StringIO(body.decode()))))
        if key.endswith("/cases.csv") and key not in self.handed_over:
            # What began to be handed over before it was stopped goes on.
            self.handed_over.add(key)
            for row in csv.DictReader(io.StringIO(body.decode())):
                self._may_leave(row["case_id"], key)
        if not key.endswith("manifest.json"):
            return
        manifest = json.loads(body, parse_float=_no_float)
        for entry in manifest["files"]:
            found = buckets.objects.get((bucket, entry["key"]))
            there = found is not None and hashlib.sha256(found[0]).hexdigest() == entry["sha256"]
            self._holds(there, "4 manifest", f"{key} lists {entry['key']}, which is not there as it says")
        if "totals_by_currency" in manifest:
            self._totals(key, manifest, bucket, buckets)
        self.manifests["legal" if "legal" in bucket else bucket, key] = manifest

    def _listed(self, key: str, rows: Sequence[Mapping[str, str]]) -> None:
        """Invariants 1 and 8 for the morning's list: of queued calls only, no more than the day takes."""
        run, on = self._hub.current, date.fromisoformat(key.split("date=")[1][:10])
        assert run is not None
        calls = self._policies[max(self._policies)].calls
        most = calls.capacity_per_day if calls is not None else None
        called = {row["case_id"] for row in rows}
        self._holds(most is None or len(called) <= most, "1 contact", f"{key}: {len(called)} calls, and not {most}")
        for row in rows:
            case_id, what = row["case_id"], f"{row['action_id']} on the list of {on}"
            self._known(case_id, run.seen, on, what)
            self._may_leave(case_id, what)
            self._holds(row["action_id"] in self.tasks, "2 once", f"{what} was never queued")
            if row["phone"] in ("family", "contact"):
                self._holds(row["may_be_told"] == "message_only", "8 right party", f"{what}: {row['phone']}")
            for word in TELLING:
                self._holds(word not in row["message_for_others"], "8 right party", f"{what} says {word}")

    def _totals(self, key: str, manifest: Mapping[str, Any], bucket: str, buckets: Buckets) -> None:
        """Invariant 7: what a manifest sums up is each currency's own sum."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for entry in manifest["files"]:
            body = buckets.objects[bucket, entry["key"]][0].decode()
            if entry["key"].endswith(("/cases.jsonl", "/recalls.csv")):
                lines = body.splitlines()
                rows = map(json.loads, lines) if entry["key"].endswith(".jsonl") else csv.DictReader(lines)
                for row in rows:
                    sums[row["currency"]] += Decimal(row["arrears"])
        told = {currency: Decimal(amount) for currency, amount in manifest["totals_by_currency"].items()}
        if sums or "/case_id=" not in key:  # a suit is about one case, in one currency
            self._holds(told == sums, "7 money", f"{key}: {told}, and not {dict(sums)}")

    # --- in the end --------------------------------------------------------------------------------------------------
    def at_rest(self, table: Dynamo, buckets: Buckets) -> None:
        """Look at what only holds when everything under way has come to its end."""
        for case_id, case in self.cases.items():
            self._holds(case.pending is None, "2 lost", f"{case_id}: {case.pending} has no end")
            self._ended(case_id)
            self._exports(case, table, buckets)
            item = table.items[account_pk(case.account_id), f"CASE#{case_id}"]
            self._stored(case_id, item)
        listed = {(bucket, each["key"]) for (bucket, _), told in self.manifests.items() for each in told["files"]}
        for bucket, key in buckets.objects:
            sheet = "/placements/" in key and key.endswith(".pdf")
            self._holds(not sheet or (bucket, key) in listed, "4 manifest", f"{key} is in no manifest")

    def _ended(self, case_id: str) -> None:
        planned = Counter(e.action_id for e in self.log[case_id] if isinstance(e, ActionPlanned))
        outcomes = ActionDone | ActionUncertain | ActionFailed | ActionWithdrawn | ActionPostponed
        ended = Counter(e.action_id for e in self.log[case_id] if isinstance(e, outcomes))
        for action_id, times in planned.items():
            self._holds(
                ended[action_id] >= times, "2 lost", f"{action_id} was planned {times} times, ended {ended[action_id]}"
            )

    def _exports(self, case: Case, table: Dynamo, buckets: Buckets) -> None:
        listed: Counter[str] = Counter()
        recalled: list[str] = []
        for (bucket, key), (body, _) in buckets.objects.items():
            if key.endswith("/cases.jsonl"):
                rows = [json.loads(line) for line in body.decode().splitlines()]
                there = (bucket, key.replace("cases.jsonl", "manifest.json")) in self.manifests
                listed.update(row["placement_id"] for row in rows if row["case_id"] == case.case_id and there)
            if key.endswith("/recalls.csv") and (bucket, key.replace("recalls.csv", "manifest.json")) in self.manifests:
                recalled += [line for line in body.decode().splitlines()[1:] if line.startswith(f"{case.case_id},")]
        for pk, sk in table.items:
            # What goes with a day that is not closed yet will be in that day's manifest.
            if pk.startswith("EXPORT#") and (pk, "DAY") not in table.items:
                row = json.loads(table.items[pk, sk].get("row", {"S": "{}"})["S"])
                if row.get("case_id") == case.case_id and "#PLACEMENT#" in sk:
                    listed[row["placement_id"]] += 1
                if row.get("case_id") == case.case_id and "#RECALL#" in sk:
                    recalled.append(sk)
        # Nobody is given a case that lives in shadow.
        placed = [p for p in case.placements if p.agency_id and not case.shadow]
        # The agency knows nothing of a day that is not closed: what was over by then it need not get, nor its recall.
        given = [p for p in placed if self.rows[p.action_id] or not p.ended]
        for placement in given:
            times = listed[placement.action_id]
            self._holds(times == 1, "4 manifest", f"{placement.action_id} is in {times} manifests")
        self._holds(sum(listed.values()) == len(given), "4 manifest", f"{case.case_id}: {listed}")
        taken = [p for p in given if p.ended not in ("", "returned", "deferred")]
        self._holds(
            len(recalled) == len(taken), "4 recalls", f"{case.case_id}: {len(recalled)} recalls of {len(taken)}"
        )

    @staticmethod
    def _holds(what: bool, rule: str, why: str) -> None:
        if not what:
            raise BrokenError(rule, why)


def _holds_back(hold: Hold, on: date) -> bool:
    """Say whether a hold that was placed by a date was not lifted since, by that date (rule 11)."""
    lifts = [at for at in hold.lifted if at.date() <= on]
    return any(placed.date() <= on and all(at < placed for at in lifts) for placed in hold.placed)


def _newest(rollouts: Sequence[Rollout], opened_on: date, on: date) -> str:
    """Return the label of the last publication that is for a case on a date."""
    counting = ""
    for rollout in rollouts:
        day = opened_on if rollout.scope == "new_cases" else on
        if rollout.since is None or rollout.since <= day:
            counting = rollout.label
    return counting


def _day_of(event: Event, at: str) -> date:
    """Return the date that an event was decided on: its own, or the local one of its instant."""
    on = getattr(event, "on", None)
    return on if isinstance(on, date) else datetime.fromisoformat(at).date()


def _no_float(text: str) -> None:
    """Refuse a number with a fraction: an amount is written as text, or it is not the same when it is read."""
    raise BrokenError("7 money", f"{text} is written as a binary fraction")


def _is_of(case_id: str, writes: Sequence[Written]) -> bool:
    return any(sk == f"CASE#{case_id}" for (_, sk), _, _ in writes)


def _short(event: Event) -> str:
    told = json.loads(codec.event_to_json(event))
    kept = {name: value for name, value in told.items() if name in ("action_id", "stage", "on", "outcome", "status")}
    return f"{type(event).__name__} {kept}"
