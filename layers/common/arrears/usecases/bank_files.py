"""What a key in the inbound bucket may be: any name that a person can read, and that leads nowhere else."""

import re
import unicodedata
from typing import Final

from arrears.files import RowError
from arrears.usecases.drop import MOST_KEY, Drop

_SEPARATOR: Final = re.compile(r"[/\\\u2044\u2215\u29f8]")
_UP: Final = frozenset({".", ".."})


def check_bank_key(drop: Drop) -> None:
    """Refuse a key that is something else to a person, or to a disk that it is copied to, than it is to S3.

    Raises:
        RowError: it is too long, leads up, or holds what cannot be seen.
    """
    key = drop["key"]
    if len(key.encode("utf-8", "replace")) > MOST_KEY:
        raise RowError("file", f"its name is longer than {MOST_KEY} bytes")
    # Full-width dots and slashes are dots and slashes to some.
    if not _UP.isdisjoint(_SEPARATOR.split(unicodedata.normalize("NFKC", key))):
        raise RowError("file", "its name leads out of its folder")
    if any(unicodedata.category(each).startswith("C") for each in key):
        raise RowError("file", "its name holds characters that cannot be seen")
