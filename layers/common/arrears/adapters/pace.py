"""A token bucket: keeps a function's calls below the rate that a service takes."""

import time
from collections.abc import Callable

#: How many seconds' worth of calls may be made at once after a rest. Step Functions' own bucket of StartExecution
#: holds 4.3 seconds' worth in the largest regions and 5.3 elsewhere (Step Functions quotas).
BURST_SECONDS = 4.0


class TokenBucket:
    """Lets calls through at a steady rate.

    Args:
        rate: calls a second.
        clock: seconds that never go back.
        sleep: waits for some seconds.
    """

    def __init__(
        self, rate: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._tokens, self._seen = rate * BURST_SECONDS, clock()

    def take(self) -> None:
        """Take a token; wait until there is one."""
        self._fill()
        if self._tokens < 1:
            self._sleep((1 - self._tokens) / self._rate)
            self._fill()
        self._tokens -= 1

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._rate * BURST_SECONDS, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
