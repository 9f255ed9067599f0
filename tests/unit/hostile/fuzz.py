"""How much is tried, and how memory and work are measured.

The ordinary run tries a few dozen examples of each kind. `HOSTILE_EXAMPLES=5000 pytest tests/unit/hostile` tries more.
"""

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, settings, strategies as st

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "40"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

#: What people have written into files, names and keys to break what reads them.
WORDS = [
    *(
        '"',
        '""',
        "'",
        ",",
        ";",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "\x00",
        "\x1b[2J",
        "\x1f",
        "\x85",
        "\u2028",
        "\u202e",
        "\u200b",
    ),
    *(
        "\ufeff",
        "\ud800",
        "\U000e0001",
        "=1+1",
        "@SUM(A1)",
        "+1",
        "-1",
        "\uff1d1",
        "a\u0301\u0301\u0301\u0301",
        "👩‍👧",
        "〓",
    ),
    *(
        "👩\u200d👧",
        "〓",
        "<b>",
        "</para>",
        "&amp;",
        "<img src='file:///etc/passwd'>",
        ") Tj",
        "(",
        "\\",
        "%s",
        "%n",
        "$HOME",
        "`id`",
    ),
    *(
        "{bank}",
        "{0.__class__}",
        "{x:>999999999}",
        "{{",
        "}}",
        "../",
        "..",
        "/",
        "陳",
        "\u0430dmin",
        "\u0663",
        "NaN",
        "1e999",
    ),
    *("null", "true", "{", "}", "[", "]", ":", "9" * 40, "x" * 300),
]
words = st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=12).map("".join)


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Fail when Python held more than so many bytes more than before, at any moment."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield
        used = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert used <= size, f"{used} bytes were held at a time"


class Counted:
    """Bytes that are made as they are read.

    Attributes:
        read_bytes: how many were read.
    """

    def __init__(self, block: bytes, times: int, head: bytes = b"") -> None:
        self._block, self._times, self._rest = block, times, head
        self.read_bytes = 0

    def read(self, size: int = 1 << 16, /) -> bytes:
        while len(self._rest) < size and self._times:
            self._times -= 1
            self._rest += self._block
        out, self._rest = self._rest[:size], self._rest[size:]
        self.read_bytes += len(out)
        return out


def counting(function: Callable[..., object], counter: list[int]) -> Callable[..., object]:
    """A function that counts its calls."""

    def counted(*args: object, **kwargs: object) -> object:
        counter[0] += 1
        return function(*args, **kwargs)

    return counted
