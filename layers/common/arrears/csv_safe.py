"""CSV that a spreadsheet opens without running anything in it.

Excel and its like take a cell for a formula when it begins with `=`, `+`, `-`, `@`, a tab or a line break (OWASP, "CSV
Injection"), the full-width forms of these included, also behind spaces. The rule here: such a cell gets an apostrophe
in front, and so does one that begins with an apostrophe; whoever reads the file by program takes one leading
apostrophe away. It holds for every cell alike, telephone numbers that begin with `+` among them.

Where lists are separated by semicolons (Germany, France), a spreadsheet that opens the file splits it there, quoted or
not. So what would then begin a formula inside a cell gets an apostrophe too, and that one stays.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

#: With the full-width and small forms of `=`, `+`, `-` and `@`, and the minus sign.
_STARTS_A_FORMULA: Final = frozenset(
    "=+-@\t\r\n'\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212",
)
#: Spaces that a spreadsheet may pass over before it looks.
_SPACES: Final = " \u00a0\u3000\ufeff\u200b"
_AFTER_A_SEMICOLON: Final = re.compile(f'(?<=;)(?=[{_SPACES}"]*[{re.escape("".join(sorted(_STARTS_A_FORMULA)))}])')


def safe_cell(value: object) -> str:
    """Return a cell's text; None is an empty cell."""
    text = "" if value is None else str(value)
    if ";" in text:
        text = _AFTER_A_SEMICOLON.sub("'", text)
    return f"'{text}" if text.lstrip(_SPACES)[:1] in _STARTS_A_FORMULA else text


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return a CSV file: a header row, RFC 4180 quoting, lines that end in CR LF, UTF-8 without a byte order mark."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe_cell(row.get(column)) for column in columns])
    return text.getvalue().encode()
