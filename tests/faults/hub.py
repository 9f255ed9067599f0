"""The scheduler: one thing happens at a time, and chance says which, how long it takes and what goes wrong.

A function runs in a greenlet. Whenever it calls out, the hub takes over, and may let any other run, or an event whose
time has come, go first. So functions interleave at every call to the outside; a run is a function of its choices.
"""

import heapq
import itertools
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError
from greenlet import getcurrent, greenlet

from arrears.adapters.aws import error_code
from arrears.errors import ArrearsError
from tests.faults.choices import Choices
from tests.support.states import client_error

#: What can go wrong with a call: the process dies before or after it, the service is too busy, the answer is lost after
#: the effect, it takes long.
FAULTS = ("", "died before", "died after", "throttled", "answer lost", "slow")
_LATENCY = 0.02
Done = Callable[[Any, str | None], None]
T = TypeVar("T")


class CrashedError(BaseException):
    """The process is gone: nothing after this line runs."""


class BrokenError(BaseException):
    """Something that must always hold does not."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule


@dataclass
class Run:
    """A function that runs.

    Attributes:
        dies_at: when its time is up.
        mortal: whether it can die; a service's own call cannot.
        seen: by case, the version of which it knows.
        started: when it began.
    """

    name: str
    body: greenlet
    dies_at: float
    mortal: bool = True
    wakes_at: float = 0.0
    seen: dict[str, int] = field(default_factory=dict)
    started: float = 0.0


class Hub:
    """Runs functions and events.

    Attributes:
        storm: how often a call goes wrong.
        faults: how often each thing went wrong.
        moves: how often each thing was done by those who run the system, or told by the networks it speaks to.
        order: a hash over what happened in which order.
        trace: what happened; None where nobody wants to know.
    """

    def __init__(self, choices: Choices, start: float, trace: list[str] | None = None) -> None:
        self.choices, self.time, self.trace = choices, start, trace
        self.storm = 0.0
        self.restless = 0.0
        self.faults: Counter[str] = Counter()
        self.moves: Counter[str] = Counter()
        self.order = 0
        self.steps = 0
        self._runs: list[Run] = []
        self._timers: list[tuple[float, int, str, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._home = getcurrent()
        self._last: Run | None = None
        self._weights: tuple[float, ...] = (1.0,)

    # --- what may happen ---------------------------------------------------------------------------------------------
    def at(self, when: float, what: str, then: Callable[[], None]) -> None:
        """Have something happen at a time, or as soon after as it comes to it."""
        heapq.heappush(self._timers, (when, next(self._numbers), what, then))

    def start(
        self, name: str, function: Callable[[], Any], done: Done, *, seconds: float = 60.0, mortal: bool = True
    ) -> None:
        """Begin a run; `done` is given what it returns, or the name of its error."""

        def body() -> None:
            answer, error = None, None
            try:
                answer = function()
            except BrokenError:
                raise
            except CrashedError:
                error = "Runtime.ExitError"
            except ArrearsError as ours:
                error = type(ours).__name__
            except ClientError as refused:
                error = error_code(refused)
            except ReadTimeoutError:
                error = "SdkClientException"
            if error is not None:
                self.note(f"{name}: {error}")
            done(answer, error)

        run = Run(name, greenlet(body, parent=self._home), self.time + seconds, mortal, started=self.time)
        self._runs.append(run)

    def busy(self) -> bool:
        """Say whether anything runs."""
        return bool(self._runs)

    # --- calls to the outside ----------------------------------------------------------------------------------------
    @property
    def current(self) -> Run | None:
        """The run that is at work; None for an event."""
        return self._last if getcurrent() is not self._home else None

    def call(self, operation: str, effect: Callable[[], T], *, throttled: str, once: bool = False) -> T:
        """Make a call to a service, with all that can come in between and go wrong."""
        run = self.current
        if run is None:
            return effect()  # the world itself looks at something
        self.pause()
        if self.time >= run.dies_at and run.mortal:
            self._happens("timed out")
            raise CrashedError
        fault = FAULTS[self.choices.pick(self._weights)] if self.storm else ""
        if not fault:
            return effect()
        if not run.mortal and fault.startswith("died"):
            fault = "slow"
        self._happens(fault, f"{run.name}: {operation}")
        if fault == "died before":
            raise CrashedError
        if fault == "throttled":
            raise client_error(throttled, operation)
        if fault == "slow":
            run.wakes_at = self.time + (0.5, 2.0, 20.0, 70.0)[self.choices.below(4)]
            self.pause()
            return effect()
        answer = effect()
        if fault == "died after":
            raise CrashedError
        if not once and not self.choices.below(2):
            return effect()  # the SDK tries again by itself
        assert answer is not None
        raise ReadTimeoutError(endpoint_url="")

    def in_flight(self) -> None:
        """Let others come in while a transaction is under way, now and then."""
        run = self.current
        if run is not None and self.storm and self.choices.chance(0.1):
            self.faults["transaction under way"] += 1
            self.pause()

    def pause(self) -> None:
        """Let whatever is next go first."""
        self.time += _LATENCY
        self._home.switch()

    def _happens(self, fault: str, where: str = "") -> None:
        self.faults[fault] += 1
        if self.trace is not None:
            self.note(f"! {fault}: {where}")

    # --- one thing after another -------------------------------------------------------------------------------------
    def weather(self, storm: float, restless: float) -> None:
        """Set how often calls go wrong, and how often another run goes first."""
        self.storm, self.restless = storm, restless
        self._weights = (1 - storm, *(storm * share for share in (0.2, 0.25, 0.2, 0.25, 0.1)))

    def step(self) -> bool:
        """Let one thing happen; False when nothing is left to happen."""
        able = [run for run in self._runs if run.wakes_at <= self.time]
        if not able and not self._move_on():
            return False
        due = bool(self._timers) and self._timers[0][0] <= self.time
        if due and (not able or not self.restless or self.choices.chance(0.5)):
            self._fire()
        elif able:
            self._resume(self._next(able))
        self.steps += 1
        return True

    def _move_on(self) -> bool:
        times = [run.wakes_at for run in self._runs]
        if self._timers:
            times.append(self._timers[0][0])
        if times:
            self.time = max(self.time, min(times))
        return bool(times)

    def next_time(self) -> float | None:
        """When the next event is due."""
        return self._timers[0][0] if self._timers else None

    def _fire(self) -> None:
        ready = [heapq.heappop(self._timers)]
        if self.restless:
            while len(ready) < 3 and self._timers and self._timers[0][0] <= self.time:
                ready.append(heapq.heappop(self._timers))
        chosen = ready.pop(self.choices.below(len(ready)))
        for each in ready:
            heapq.heappush(self._timers, each)
        if ready and chosen[1] > min(each[1] for each in ready):
            self.faults["reordered"] += 1
        self._count(chosen[2])
        chosen[3]()

    def _next(self, able: list[Run]) -> Run:
        if self._last in able and not (len(able) > 1 and self.choices.chance(self.restless)):
            assert self._last is not None
            return self._last
        return able[self.choices.below(len(able))]

    def _resume(self, run: Run) -> None:
        if run is not self._last:
            self._count(run.name)
        self._last = run
        run.body.switch()
        if run.body.dead:
            self._runs.remove(run)

    def _count(self, what: str) -> None:
        self.order = zlib.crc32(what.encode(), self.order)

    def note(self, what: str) -> None:
        """Write a line of the trace."""
        if self.trace is not None:
            self.trace.append(what)

    def stop(self) -> None:
        """Leave everything where it is."""
        for run in self._runs:
            if run.body:
                run.body.throw()
        self._runs.clear()
        self._timers.clear()
