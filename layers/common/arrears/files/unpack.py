"""Unpacking gzip piece by piece, and no more of it than the packed bytes are worth.

A gzip file of a few kilobytes can hold gigabytes. Rows pack to a tenth or so of their size, and hardly ever to a
hundredth; what unpacks to far more is no file of rows.
"""

import zlib
from collections.abc import Iterator
from typing import Final

GZIP: Final = b"\x1f\x8b"
#: So much may be unpacked, in bytes, from however few.
UNPACKED_FREELY: Final = 64 << 20
#: Beyond that, so many times what was packed.
MOST_RATIO: Final = 200
#: And no more than this in all.
MOST_UNPACKED: Final = 8 << 30
_CHUNK: Final = 1 << 16
_GZIP_WBITS: Final = 31


class UnpacksToTooMuchError(ValueError):
    """A gzip file holds far more than its size lets expect."""


def gunzip(pieces: Iterator[bytes], most: int | None = None) -> Iterator[bytes]:
    """Unpack gzip, member after member; what can be unpacked comes before the error.

    `gzip.GzipFile` would lose what it has in its buffer when the file breaks off.

    Args:
        pieces: the packed bytes, none of them empty.
        most: how much it may unpack to, in bytes; by default what `MOST_RATIO` and `MOST_UNPACKED` say.

    Raises:
        EOFError: the file ends within a member.
        zlib.error: it is damaged.
        UnpacksToTooMuchError: it unpacks to more than it may.
    """
    unpack = zlib.decompressobj(wbits=_GZIP_WBITS)
    packed = total = 0

    def counted(unpacked: bytes) -> bytes:
        nonlocal total
        total += len(unpacked)
        allowed = min(max(UNPACKED_FREELY, MOST_RATIO * packed), MOST_UNPACKED) if most is None else most
        if total > allowed:
            raise UnpacksToTooMuchError
        return unpacked

    for piece in pieces:
        rest = piece
        packed += len(piece)
        while rest:
            if unpack.eof:
                rest = rest.lstrip(b"\0")  # padding between members and at the end
                if not rest:
                    break
                unpack = zlib.decompressobj(wbits=_GZIP_WBITS)
            unpacked = unpack.decompress(rest, _CHUNK)
            if unpacked:
                yield counted(unpacked)
            rest = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    while not unpack.eof:
        unpacked = unpack.decompress(b"", _CHUNK)
        if not unpacked:
            raise EOFError
        yield counted(unpacked)
