"""What an agency may write: how large, of which type, under which keys. It is untrusted until every row is checked.

A file that breaks a limit is refused as a whole, before anything is taken out of it: none of its rows counts.
"""

import io
import re
import zlib
from typing import Final

from arrears.adapters.objects import Reads
from arrears.domain.policy import AgencyFiles
from arrears.files import RowError
from arrears.files.unpack import GZIP, UnpacksToTooMuchError, gunzip
from arrears.usecases.drop import Drop

_CHUNK: Final = 1 << 16
_MOST_KEY: Final = 256
#: Below its folder a key is one name, or names with slashes between them: no way up, nothing invisible.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+ -]*(?:/[A-Za-z0-9][A-Za-z0-9._=+ -]*)*", re.ASCII)


def check_key(drop: Drop, files: AgencyFiles) -> None:
    """Refuse a key that an agency has no use for.

    Raises:
        RowError: it holds a way out of the folder, what cannot be seen or typed, or another type of file.
    """
    key = drop["key"]
    name = key.split("/", 2)[2]
    if len(key) > _MOST_KEY or ".." in name or _NAME.fullmatch(name) is None:
        raise RowError("file", "its name is none: letters, digits and . _ = + - only, no way out of the folder")
    types = (".json", ".json.gz") if drop["kind"] == "acks" else files.returns_types
    if not name.lower().endswith(types):
        raise RowError("file", f"is of another type than {', '.join(types)}")


def read_limited(body: Reads, files: AgencyFiles) -> io.BytesIO:
    """Return a file of returns, once it is known to be no larger than it may be, packed and unpacked.

    Args:
        body: its bytes, as they come.
        files: the agency's limits.

    Raises:
        RowError: it is larger, or only gets larger by unpacking.
    """
    most = files.returns_bytes
    data, size = [], 0
    while size <= most and (chunk := body.read(_CHUNK)):
        data.append(chunk)
        size += len(chunk)
    whole = b"".join(data)
    if len(whole) > most or _unpacks_to_more(whole, most):
        raise RowError("file", f"is larger than {most} bytes, which is this agency's limit")
    return io.BytesIO(whole)


def _unpacks_to_more(data: bytes, most: int) -> bool:
    """Say whether a gzip file unpacks to more than so many bytes, without keeping what it unpacks to."""
    if not data.startswith(GZIP):
        return False
    pieces = (data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK))
    try:
        for _ in gunzip(pieces, most):
            pass
    except UnpacksToTooMuchError:
        return True
    except (EOFError, zlib.error):
        # Damaged: the reader says so, row by row.
        return False
    return False
