"""The token bucket that holds the starts back; time is passed in."""

from arrears.adapters.pace import BURST_SECONDS, TokenBucket


class Time:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def taken(bucket: TokenBucket, times: int) -> None:
    for _ in range(times):
        bucket.take()


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    time = Time()
    bucket = TokenBucket(100, lambda: time.now, time.sleep)

    taken(bucket, int(100 * BURST_SECONDS))
    assert time.slept == []
    taken(bucket, 500)

    assert 4.99 < time.now - 100.0 < 5.01


def test_what_others_take_their_time_for_is_not_slept_again() -> None:
    time = Time()
    bucket = TokenBucket(10, lambda: time.now, time.sleep)
    taken(bucket, int(10 * BURST_SECONDS))

    for _ in range(20):
        time.now += 0.2
        bucket.take()

    assert time.slept == []


def test_a_long_rest_gives_no_more_than_a_burst() -> None:
    time = Time()
    bucket = TokenBucket(10, lambda: time.now, time.sleep)
    taken(bucket, int(10 * BURST_SECONDS))
    time.now += 3600

    taken(bucket, int(10 * BURST_SECONDS) + 1)

    assert len(time.slept) == 1
