"""Objects: read as a stream, version by version; a broken connection is no short file."""

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.response import StreamingBody

from arrears.adapters.objects import Objects
from arrears.errors import PermanentActionError, TransientServiceError
from tests.support.inbox import INBOUND, Inbox
from tests.support.stack import Stack
from tests.support.states import client_error

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def inbox(stack: Stack) -> Inbox:
    """The buckets, empty."""
    return Inbox(stack)


@pytest.fixture
def objects(inbox: Inbox) -> Objects:
    """The adapter, on moto."""
    return Objects(inbox.client)


class Breaking(io.RawIOBase):
    """A connection that breaks off in the middle."""

    def __init__(self, error: Exception) -> None:
        self._error, self._given = error, False

    def read(self, _size: int | None = -1, /) -> bytes:
        if self._given:
            raise self._error
        self._given = True
        return b"abc"


def test_each_version_of_an_object_can_be_read(inbox: Inbox, objects: Objects) -> None:
    first = inbox.put("portfolio/a", b"first")["object"]["version-id"]
    second = inbox.put("portfolio/a", b"second")["object"]["version-id"]

    for version, body in ((first, b"first"), (second, b"second"), ("", b"second")):
        opened = objects.open(INBOUND, "portfolio/a", version)
        assert opened is not None
        assert (opened.body.read(), opened.version, opened.size) == (body, version or second, len(body))
    assert objects.latest_version(INBOUND, "portfolio/a") == second


def test_what_is_not_there_is_none(objects: Objects) -> None:
    assert objects.open(INBOUND, "nothing") is None
    assert objects.read(INBOUND, "nothing") is None
    assert objects.latest_version(INBOUND, "nothing") == ""
    objects.delete(INBOUND, "nothing")
    with pytest.raises(PermanentActionError, match="gone"):
        list(objects.lines(INBOUND, "nothing"))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_come_whole_however_long(inbox: Inbox, objects: Objects, size: int, end: bytes) -> None:
    lines = [b"a" * size, "é€".encode(), b"", b"last"]
    inbox.put("work/lines", b"\n".join(lines) + end)

    assert list(objects.lines(INBOUND, "work/lines")) == lines


def test_a_bucket_that_keeps_no_versions_has_none(objects: Objects, inbox: Inbox) -> None:
    inbox.client.create_bucket(Bucket="plain-bucket")
    objects.put("plain-bucket", "a", b"x", "text/plain")

    opened = objects.open("plain-bucket", "a")

    assert opened is not None
    assert (opened.version, objects.latest_version("plain-bucket", "a")) == ("", "")


@pytest.mark.parametrize(
    "error", [ConnectionResetError("reset"), ReadTimeoutError(endpoint_url="https://s3"), TimeoutError("slow")]
)
def test_a_connection_that_breaks_off_is_no_end_of_the_file(
    inbox: Inbox, objects: Objects, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    inbox.put("portfolio/a", b"abcdef")
    real = inbox.client.get_object

    def breaking(**arguments: Any) -> Any:
        return {**real(**arguments), "Body": StreamingBody(cast("IO[bytes]", Breaking(error)), 6)}

    monkeypatch.setattr(inbox.client, "get_object", breaking)

    with pytest.raises(TransientServiceError):
        list(objects.lines(INBOUND, "portfolio/a"))


def test_a_body_that_is_too_short_is_no_end_of_the_file(
    inbox: Inbox, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.put("portfolio/a", b"abcdef")
    real = inbox.client.get_object

    def short(**arguments: Any) -> Any:
        return {**real(**arguments), "Body": StreamingBody(io.BytesIO(b"abc"), 6)}

    monkeypatch.setattr(inbox.client, "get_object", short)

    with pytest.raises(TransientServiceError):
        objects.read(INBOUND, "portfolio/a")


@pytest.mark.parametrize(
    ("operation", "code", "status", "raised"),
    [
        ("get_object", "SlowDown", 503, TransientServiceError),
        ("get_object", "AccessDenied", 403, PermanentActionError),
        ("head_object", "403", 403, PermanentActionError),
        ("head_object", "500", 500, TransientServiceError),
        ("put_object", "SlowDown", 503, TransientServiceError),
        ("delete_object", "InternalError", 500, TransientServiceError),
    ],
)
def test_errors_of_s3_are_ours(
    inbox: Inbox,
    objects: Objects,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    code: str,
    status: int,
    raised: type[Exception],
) -> None:
    def fail(**_: Any) -> None:
        raise client_error(code, operation, status)

    monkeypatch.setattr(inbox.client, operation, fail)
    calls: dict[str, Callable[[], object]] = {
        "get_object": lambda: objects.read(INBOUND, "a"),
        "head_object": lambda: objects.latest_version(INBOUND, "a"),
        "put_object": lambda: objects.put(INBOUND, "a", b"", "text/plain"),
        "delete_object": lambda: objects.delete(INBOUND, "a"),
    }

    with pytest.raises(raised, match=code):
        calls[operation]()


def test_a_file_of_any_size_is_stored(inbox: Inbox, objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 1_000_000)

    objects.put_file(INBOUND, "work/file", path, "application/x-ndjson")

    assert inbox.read("work/file") == path.read_bytes()
    assert inbox.client.head_object(Bucket=INBOUND, Key="work/file")["ContentType"] == "application/x-ndjson"


def test_an_upload_that_fails_says_why(
    inbox: Inbox, objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")

    def fail(**_: Any) -> None:
        raise client_error("SlowDown", "PutObject", 503)

    monkeypatch.setattr(inbox.client, "put_object", fail)

    with pytest.raises(TransientServiceError, match="SlowDown") as raised:
        objects.put_file(INBOUND, "work/file", path, "application/x-ndjson")
    assert isinstance(raised.value.__cause__, ClientError)
