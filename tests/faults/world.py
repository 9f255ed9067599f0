"""The deployed system in one process: the real handlers on services in memory, with a bank's news and its schedules.

What is real: every handler, composition root, use case, effect and adapter, the state machine's definition, the
stream's filter, the functions' time limits. What is played: the services behind boto3's clients, Step Functions, time.
What is left out: the drawing of documents, which decides nothing, and logs.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from arrears import bootstrap
from arrears.adapters.table import account_pk
from arrears.domain.decide import account_of, opens_on
from arrears.effects.exports import Exports
from arrears.errors import PermanentSetupError
from arrears.files import Kind, parse
from arrears.usecases.retry import Retry
from arrears.usecases.take_in import NumberedRow, TakeIn, account_id_of
from tests.faults.choices import Choices
from tests.faults.deploy import deployed, handlers, limits, passes, policy_of, published, stream_pattern
from tests.faults.dynamo import Dynamo, Item, Key, Written
from tests.faults.hub import BrokenError, Done, Hub
from tests.faults.machine import Execution, Machine
from tests.faults.news import START, Told, first_extract, foreign_payment, some_news
from tests.faults.policies import POLICIES
from tests.faults.services import Buckets, Bus, Keys, Queues, Texts
from tests.faults.staff import Staff
from tests.faults.watch import Watch
from tests.support.builders import personal_data
from tests.support.rows import drop
from tests.support.stack import Context

DAY = 86_400.0
#: So many business dates things go wrong on; then the storm is over, and all must come to its end.
DATES = 12
#: No world takes more steps; one that does turns in a circle.
MOST_STEPS = 60_000
#: The stream is given up on a record after so many tries (template.yaml).
_RETRIES = 100


@dataclass
class _Lane:
    """The records of one account, in order, on their way to `wake_case`."""

    records: list[Item] = field(default_factory=list)
    tries: int = 0
    at_work: bool = False


class World(Hub):
    """A world made from choices."""

    def __init__(self, choices: Choices, trace: list[str] | None = None) -> None:
        super().__init__(choices, START.timestamp(), trace)
        self.policy_number = choices.below(len(POLICIES))
        self.policy = policy_of(self.policy_number)
        self.table = Dynamo(self)
        self.buckets = Buckets(self, self._object)
        policies = [policy_of(self.policy_number, version) for version in (1, 2)]
        self.watch = Watch(self, policies, [word for word in personal_data() if not word.isdigit()])
        self.queues = Queues(self, self.watch.task)
        self.staff = Staff(self, DATES)
        self.sns = Texts(self, self.watch.text, self.staff.tell_of_text)
        self.bus, self.kms = Bus(self, self.watch.event), Keys(self)
        self.machine = Machine(self, self.table)
        self.accounts = [f"CARD-{number}" for number in range(1 + choices.pick((0.55, 0.35, 0.1)))]
        self.most_turns = (1000, 4)[choices.pick((0.7, 0.3))]
        self._lanes: dict[str, _Lane] = {}
        self._at_work: set[str] = set()
        self._sequence = 0
        self._news = 0
        self._known: list[Told] = []

    # --- what the hub and the services are told ----------------------------------------------------------------------
    def lag(self) -> float:
        """How far the index is behind."""
        late = (0.0, 1.0, 90.0)[self.choices.pick((0.7, 0.25, 0.05))] if self.storm else 0.0
        self.faults["index behind"] += late > 0
        return late

    def read(self, key: Key, item: Item | None) -> None:
        """Tell what version of a case a run has seen."""
        if item is not None and key[1].startswith("CASE#"):
            self.watch.read(key[1].removeprefix("CASE#"), int(item["version"]["N"]))

    def written(self, writes: Sequence[Written]) -> None:
        """Look at what was written, and put it on the stream."""
        self.watch.written(writes, self.buckets)
        for (pk, sk), before, after in writes:
            image = {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, **({"NewImage": after} if after is not None else {})}
            kind = "INSERT" if before is None else "MODIFY" if after is not None else "REMOVE"
            record = {"eventName": kind, "dynamodb": image}
            if passes(stream_pattern(), record):
                self._sequence += 1
                lane = self._lanes.setdefault(pk, _Lane())
                lane.records.append({**record, "dynamodb": {**image, "SequenceNumber": str(self._sequence)}})
                self._poll(lane, pk)

    def _object(self, bucket: str, key: str, body: bytes) -> None:
        self.watch.stored(bucket, key, body, self.buckets)

    def backoff(self, longest: float) -> float:
        """How long a retry waits: "full jitter"."""
        return longest * self.choices.below(5) / 4

    # --- functions ---------------------------------------------------------------------------------------------------
    def run(self, folder: str, event: Any, done: Done) -> None:
        """Invoke a function; the answer may be lost while it goes on, and nobody listens to it any more."""
        self.watch.started(json.dumps(event, ensure_ascii=False) if folder != "wake_case" else "")
        lost = self.storm > 0 and self.choices.chance(self.storm / 4)
        began, case_id = self.time, event.get("step", event).get("case_id")

        def finished(answer: Any, error: str | None) -> None:
            if error is None and case_id is not None:
                self.watch.looked_at[case_id] = began
            if error is None and folder != "wake_case":
                self.watch.started(json.dumps(answer, ensure_ascii=False))
            if not lost:
                done(answer, error)

        self.start(folder, lambda: handlers()[folder](event, Context(folder)), finished, seconds=limits()[folder])
        if lost:
            self._happens("invocation lost", folder)
            delay = self.choices.below(20)
            self.at(self.time + delay, f"{folder}: lost", lambda: done(None, "Lambda.SdkClientException"))

    def serve(self, what: str, effect: Callable[[], Any], done: Done) -> None:
        """Have Step Functions make a call itself."""
        late = (0.0, 0.4, 2.0)[self.choices.pick((0.6, 0.25, 0.15))] if self.storm else 0.0
        self.at(self.time + late, what, lambda: self.start(what, effect, done, seconds=1e9, mortal=False))

    def again(self, folder: str, event: Any, tries: int = 6) -> None:
        """Invoke a function as an asynchronous event does: it comes at least once, and again after an error."""

        def done(_answer: Any, error: str | None) -> None:
            if error is not None and (tries or not self.storm):
                delay = 1.0 + 60 * self.choices.below(3)
                self.at(self.time + delay, f"{folder} again", lambda: self.again(folder, event, max(0, tries - 1)))

        self.run(folder, event, done)

    # --- the stream --------------------------------------------------------------------------------------------------
    def _poll(self, lane: _Lane, pk: str) -> None:
        if lane.records and not lane.at_work:
            lane.at_work = True
            late = (0.3, 0.02, 5.0, 120.0)[self.choices.pick((0.4, 0.4, 0.15, 0.05))] if self.storm else 0.3
            self.at(self.time + late, f"stream of {pk}", lambda: self._bring(lane, pk))

    def _bring(self, lane: _Lane, pk: str) -> None:
        batch = lane.records[: max(1, 8 >> min(lane.tries, 3))]

        def done(answer: Any, error: str | None) -> None:
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]} if error is None else None
            kept = _first_failed(batch, failed)
            if self.storm and kept == len(batch) and self.choices.chance(0.05):
                self._happens("delivered twice", pk)
                kept = 0
            if kept == len(batch):
                lane.tries = 0
            else:
                lane.tries += 1
                assert lane.tries < _RETRIES
            del lane.records[:kept]
            lane.at_work = False
            if lane.records:
                lane.at_work = True
                wait = min(60.0, 2.0**lane.tries) if lane.tries else 0.3
                self.at(self.time + wait, f"stream of {pk}", lambda: self._bring(lane, pk))

        self.run("wake_case", {"Records": batch}, done)

    # --- the net -----------------------------------------------------------------------------------------------------
    def ended(self, name: str, status: str) -> None:
        """Bring the end of an execution to the net, late, twice or never, if it ended badly."""
        if status == "SUCCEEDED":
            return
        self.faults["execution ended badly"] += 1
        case_id, _, generation = name.rpartition("-g")
        given = json.dumps({"case_id": case_id, "generation": int(generation)})
        event = {"detail": {"input": given, "status": status}}
        times = (1, 2, 0)[self.choices.pick((0.7, 0.2, 0.1))] if self.storm else 1
        if times != 1:
            self._happens("delivered twice" if times else "net event lost", name)
        for _ in range(times):
            late = 1.0 + (0.0, 30.0, 7200.0)[self.choices.pick((0.6, 0.3, 0.1))] if self.storm else 1.0
            self.at(self.time + late, f"net: {name}", lambda: self.again("recover_case", event, 185))

    def _abort(self) -> None:
        """End an execution from outside: an operator, or what no state can catch."""
        running = [each for each in self.machine.executions.values() if each.status == "RUNNING"]
        if running and self.storm:
            self._happens("aborted")
            self.machine.end(
                running[self.choices.below(len(running))], ("ABORTED", "FAILED", "TIMED_OUT")[self.choices.below(3)]
            )

    # --- schedules ---------------------------------------------------------------------------------------------------
    def every(self, folder: str, first: float, seconds: float) -> None:
        """Have a function run again and again, as its schedule does."""

        def fire() -> None:
            self.at(self.time + seconds, folder, fire)
            if folder not in self._at_work:  # one at a time, as their reserved concurrency has it
                self._at_work.add(folder)
                planned = datetime.fromtimestamp(self.time, UTC).isoformat()
                self._scheduled(folder, {"time": planned}, 2)

        self.at(first, folder, fire)

    def _scheduled(self, folder: str, event: Any, tries: int) -> None:
        def done(_answer: Any, error: str | None) -> None:
            if error is not None and tries:
                self.at(self.time + 60.0, f"{folder} again", lambda: self._scheduled(folder, event, tries - 1))
            else:
                self._at_work.discard(folder)

        self.run(folder, event, done)

    # --- the bank's news ---------------------------------------------------------------------------------------------
    def _tell(self, kind: str, agency_id: str, row: dict[str, Any], run: str) -> None:
        """Take in a row as the import does; it comes again until it is in, and sometimes after."""

        def take_in() -> str:
            record = parse(cast("Kind", kind), row)
            account_id = account_id_of(record)
            given = drop(cast("Kind", kind), run=run, agency_id=agency_id)
            taking = TakeIn.begin(bootstrap.table(), bootstrap.settings(), given)
            rows = {account_id: [NumberedRow(2, row, record)]}
            (verdict,) = taking.rows(account_id, rows[account_id], taking.load(rows))
            return f"refused: {verdict.refused}" if verdict.refused is not None else str(verdict.outcome)

        def done(answer: Any, error: str | None) -> None:
            self.note(f"{run}: {error or answer}")
            if error is not None or (self.storm and self.choices.chance(0.05)):
                self.at(self.time + 3.0, f"{run} again", lambda: self._tell(kind, agency_id, row, run))

        self.note(f"{run}: {kind} { ({name: row[name] for name in row if name in _TOLD}) }")
        self.start(run, take_in, done, seconds=120.0)

    def _something_happens(self, account_id: str) -> None:
        self._news += 1
        run = f"news-{self._news}"
        now = datetime.fromtimestamp(self.time, UTC)
        if self._known and self.choices.chance(0.1):
            self._tell(*self._known[self.choices.below(len(self._known))], run)  # the same file, dropped again
            return
        cases = [case for case in self.watch.cases.values() if case.account_id == account_id]
        told = some_news(self.choices, cases[-1] if cases else None, account_id, self._news, now)
        self._known.append(told)
        self._tell(*told, run)

    def _at_some_time(self, account_id: str) -> None:
        """Plan a piece of news: at any time, or just when a wait ends."""
        when = self.time + DAY * DATES * self.choices.below(1000) / 1000

        def happens() -> None:
            ends = [
                each.ends_at
                for each in self.machine.executions.values()
                if self.machine.is_waiting(each) and self.time < each.ends_at < self.time + 2 * DAY
            ]
            if ends and self.choices.chance(0.5):
                self.faults["news as a wait ends"] += 1
                at = min(ends) + (0.0, 0.04, 0.1, 0.2, 0.3, 0.5, 1.0, -0.1, -1.0)[self.choices.below(9)]
                self.at(at, "news", lambda: self._something_happens(account_id))
            else:
                self._something_happens(account_id)

        self.at(when, "news", happens)

    def _operator(self) -> None:
        """Let whoever is on call try again what is parked."""
        for case_id, case in self.watch.cases.items():
            if case.failed is not None and case.is_open:

                def retry(case_id: str = case_id) -> None:
                    try:
                        Retry(bootstrap.table(), bootstrap.settings())(case_id, "operator")
                    except PermanentSetupError:
                        return  # nothing is parked any more

                self.start(f"retry of {case_id}", retry, lambda _answer, _error: None)

    # --- a life ------------------------------------------------------------------------------------------------------
    def play(self) -> None:
        """Play a world: a storm of some dates, then a calm in which everything comes to its end."""
        items, parsed, _ = published(self.policy_number)
        self.table.store(items)
        with deployed(self):
            bootstrap.settings()._parsed = dict(parsed)
            Exports(bootstrap.table()).set_closed_through(START.date() - timedelta(days=1))
            for number, account_id in enumerate(self.accounts):
                if self.choices.chance(0.1):
                    self.moves["payment in another currency"] += 1
                    now = datetime.fromtimestamp(self.time, UTC)
                    self._tell(*foreign_payment(account_id, 900 + number, now), f"foreign-{number}")
                self._tell("portfolio", "", first_extract(self.choices, account_id), f"first-{number}")
                for _ in range(2 + self.choices.below(8)):
                    self._at_some_time(account_id)
            for _ in range(self.choices.below(3)):
                self.at(self.time + DAY * DATES * self.choices.below(1000) / 1000, "abort", self._abort)
            self.staff.plan()
            midnight = START.replace(hour=0).timestamp()
            self.every("scan_delinquencies", self.time + 60, DAY / 4)
            self.every("close_export_day", midnight + 15.75 * 3600, DAY)
            self.every("dispatch_letters", midnight + 10 * 3600, DAY)
            self.every("build_worklist", midnight + 7 * 3600, DAY)
            self.weather(
                (0.0, 0.01, 0.04, 0.12)[self.choices.pick((0.1, 0.4, 0.3, 0.2))], (0.05, 0.3)[self.choices.below(2)]
            )
            self._until(self.time + DAY * DATES)
            self.weather(0.0, 0.0)
            self.note("--- the storm is over")
            self._until(self.time + DAY / 8)
            self._quiet()
            self.nobody_overslept()
            self._operator()
            self._until(self.time + 1.2 * DAY)
            self._until_all_are_found()
            self._quiet()
            self.at_rest()
            self.stop()

    def _until(self, end: float) -> None:
        while True:
            following = self.next_time()
            if not self.busy() and (following is None or following > end):
                self.time = max(self.time, end)
                return
            if not self.step():
                return
            if self.steps > MOST_STEPS:
                raise BrokenError("no rest", "it turns in a circle")

    def _quiet(self) -> None:
        """Let what is under way, but no schedule and no wait, come to its end."""
        self._until(self.time + 900)

    def _until_all_are_found(self) -> None:
        """Go on until the sweep must have found each case that nobody looks after; no wait is longer than 30 days."""
        for _ in range(3):
            dues = [self._due(case_id) for case_id in self._left_alone()]
            if not dues:
                return
            self.faults["found by the sweep"] += len(dues)
            self._until(max(self.time, *dues) + 2.6 * DAY)

    def _left_alone(self) -> list[str]:
        return [
            case_id for case_id, case in self.watch.cases.items() if case.is_open and self._executions(case_id) == []
        ]

    def _executions(self, case_id: str) -> list[Execution]:
        running = (each for each in self.machine.executions.values() if each.status == "RUNNING")
        return [each for each in running if each.name.rpartition("-g")[0] == case_id]

    def _item(self, case_id: str) -> Item:
        return self.table.items[account_pk(account_of(case_id)), f"CASE#{case_id}"]

    def _due(self, case_id: str) -> float:
        item = self._item(case_id)
        at = datetime.fromisoformat(item["due"]["S"]).replace(tzinfo=UTC)
        return at.timestamp()

    # --- what must hold in the end -----------------------------------------------------------------------------------
    def nobody_overslept(self) -> None:
        """News has come through to every case that waits: the stream has been tried again until it did."""
        for execution in self.machine.executions.values():
            if self.machine.is_waiting(execution):
                case_id = execution.name.rpartition("-g")[0]
                item = self._item(case_id)
                if item.get("token", {}).get("S") == execution.token:
                    slept = self.watch.woke_at.get(case_id, 0) > int(item["token_version"]["N"])
                    self._must(not slept, "wake-up", f"{case_id} waits and has not heard the news")

    def everybody_has_looked(self) -> None:
        """Who waits has looked at the policy that was published for all, on or after the date from which it counts."""
        if self.staff.published_at is None:
            return
        for execution in self.machine.executions.values():
            if not self.machine.is_waiting(execution):
                continue
            case_id = execution.name.rpartition("-g")[0]
            case = self.watch.cases[case_id]
            since = self.watch.counts_since(case, self.staff.published_at)
            looked = self.watch.looked_at.get(case_id, 0.0)
            self._must(since is None or looked >= since, "policy", f"{case_id} waits and has not looked at the new one")

    def at_rest(self) -> None:
        """Everything planned has ended, every open case will be looked at again, every account is where it belongs."""
        self.everybody_has_looked()
        self.watch.at_rest(self.table, self.buckets)
        for case_id, case in self.watch.cases.items():
            executions = self._executions(case_id)
            if not case.is_open:
                continue
            self._must(len(executions) == 1, "no case is lost", f"{case_id} is open, with {len(executions)} executions")
            (execution,), item = executions, self._item(case_id)
            waits = self.machine.is_waiting(execution) and item.get("token", {}).get("S") == execution.token
            self._must(waits, "no case is lost", f"{case_id}: {execution.name} does not wait in {execution.state}")
            soon = execution.ends_at <= self.time + 31 * DAY
            self._must(soon, "no case is lost", f"{case_id} waits for longer than 30 days")
        for account_id in self.accounts:
            self._belongs(account_id)

    def _belongs(self, account_id: str) -> None:
        record = bootstrap.table().account(account_id)
        opened = [
            case_id for case_id, case in self.watch.cases.items() if case.is_open and case.account_id == account_id
        ]
        self._must(opened == [each for each in [record.open_case] if each], "one case", f"{account_id}: {opened}")
        if not opened:
            today = datetime.fromtimestamp(self.time, UTC).date()
            due = opens_on(record.account, self.policy, today + timedelta(days=1)) if record.version else None
            self._must(
                (record.due is None) <= (due is None), "no case is lost", f"{account_id} owes and is on no queue"
            )
            late = record.due is not None and record.due < (today - timedelta(days=1)).isoformat()
            self._must(not late, "no case is lost", f"{account_id} is due since {record.due}")

    @staticmethod
    def _must(holds: bool, rule: str, what: str) -> None:
        if not holds:
            raise BrokenError(rule, what)


_TOLD = ("as_of", "past_due_amount", "amount", "paid_at", "reason", "status", "at", "outcome", "result", "promised_on")


def _first_failed(batch: Sequence[Item], failed: set[str] | None) -> int:
    """Return how many records of a batch are through: those before the first that failed (None: all failed)."""
    if failed is None:
        return 0
    for index, record in enumerate(batch):
        if record["dynamodb"]["SequenceNumber"] in failed:
            return index
    return len(batch)
