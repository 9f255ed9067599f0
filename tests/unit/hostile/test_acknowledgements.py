"""An acknowledgement is JSON that an agency writes: it can be read in one way only, or it is refused."""

import gzip
import io
import json

import pytest
from hypothesis import given, strategies as st

from arrears.files import RowError
from arrears.usecases.split_file import _ack
from tests.unit.hostile.fuzz import Counted, at_most, fuzzed, words

MOST = 65_536


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"accepted": false, "accepted": true}', "a key is there twice"),
        (b'{"problems": {"a": 1, "a": 2}}', "a key is there twice"),
        (b'{"accepted": NaN}', "NaN and Infinity are no numbers"),
        (b'{"accepted": -Infinity}', "NaN and Infinity are no numbers"),
        (b'{"accepted": ' + b"9" * 5000 + b"}", "a number has more than 18 digits"),
        (b'{"problems": ' + b"[" * 9 + b"]" * 9 + b"}", "is nested more than 8 deep"),
        (b'{"problems": ' + b"[" * 400 + b"]" * 400 + b"}", "is nested more than 8 deep"),
        (b'{"a":' * 800 + b"1" + b"}" * 800, "is nested more than 8 deep"),
        (b"[" * 60_000, "is no JSON object of at most 65536 bytes"),
        (b'{"problems": "\\ud800"}', "is not valid UTF-8"),
        (b'{"\\udfff": 1}', "is not valid UTF-8"),
        ('{"accepted": true}'.encode("utf-16"), "is no JSON object of at most 65536 bytes"),
        ('{"problems": "陳"}'.encode("big5"), "is no JSON object of at most 65536 bytes"),
        (b'{"accepted": true}\0', "is no JSON object of at most 65536 bytes"),
        (gzip.compress(b'{"accepted": true}') + gzip.compress(b"false"), "is no JSON object of at most 65536 bytes"),
        (gzip.compress(b'{"accepted": true}')[:-9], "is no JSON object of at most 65536 bytes"),
    ],
)
def test_what_two_readers_could_take_for_two_things_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(RowError) as refused:
        _ack(io.BytesIO(body), MOST)

    assert str(refused.value) == f"file: {reason}"


@pytest.mark.parametrize("body", [b'{"accepted": 12, "problems": [{"case_id": "A"}]}', b"\xef\xbb\xbf{}"])
def test_a_good_one_is_read_packed_or_not(body: bytes) -> None:
    read = {"line": 1, "row": json.loads(body.decode("utf-8-sig"))}

    assert _ack(io.BytesIO(body), MOST) == _ack(io.BytesIO(gzip.compress(body)), MOST) == read


def test_no_more_is_read_or_unpacked_than_one_may_have() -> None:
    endless, bomb = Counted(b" " * 65_536, 1000), io.BytesIO(gzip.compress(b" " * 50_000_000))

    with at_most(1 << 20):
        for source in (endless, bomb):
            with pytest.raises(RowError):
                _ack(source, MOST)
    assert endless.read_bytes == MOST + 1


@given(words | st.recursive(words | st.integers() | st.floats() | st.none(), st.lists).map(json.dumps))
@fuzzed
def test_whatever_it_holds_it_is_kept_as_it_is_or_refused(text: str) -> None:
    body = b'{"problems": ' + text.encode("utf-8", "surrogatepass") + b"}"
    try:
        row = _ack(io.BytesIO(body), MOST)["row"]
    except RowError as refused:
        row = {"refused": refused.reason[:100]}
    # As it goes through the piece, and as it is kept for an operator.
    assert json.loads(json.dumps(row)) == row
    assert json.dumps(row, ensure_ascii=False).encode()
