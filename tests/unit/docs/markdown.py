"""The documents as data: their links, headings, code and tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.template import ROOT

#: Every document that a reader is sent to.
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "infra").rglob("*.md"),
        *(ROOT / "layers").rglob("*.md"),
    ]
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A block of code.

    Attributes:
        language: as named behind the fence; empty for one without, or that is indented.
        schema: which schema it is said to follow, in the comment before it.
    """

    language: str
    text: str
    schema: str = ""


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def read(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of code, those between fences first."""
    for match in _FENCE.finditer(text):
        said = re.search(r"<!-- schema: ([\w-]+) -->\n$", text[: match.start()])
        yield Block(match[1], match[2], said[1] if said else "")
    for match in re.finditer(r"(?<=\n\n)((?: {4}.*\n?)+)", _FENCE.sub("", text)):
        yield Block("", re.sub(r"^ {4}", "", match[1], flags=re.MULTILINE))


def spans(text: str) -> list[str]:
    """Return what is set as code within the text."""
    return _SPAN.findall(_FENCE.sub("", text))


def commands(text: str) -> Iterator[str]:
    """Yield the command lines: of blocks, with continued lines joined and remarks taken away, and of spans."""
    for block in blocks(text):
        if block.language in {"", "sh", "bash"}:
            for line in block.text.replace("\\\n", " ").splitlines():
                yield re.split(r"\s{2,}(?=\S+ \S)|\s+#", line.strip())[0] if "--" not in line else line.strip()
    yield from spans(text)


def links(text: str) -> list[str]:
    """Return the targets of links."""
    return _LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the names by which headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next of its level or above."""
    match = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^\1? ?#{{1,2}} |\Z)", text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise AssertionError(f"there is no section {heading}")
    level = len(match[1])
    following = re.search(rf"^#{{1,{level}}} ", text[match.start(2) :], re.MULTILINE)
    return text[match.start(2) :][: following.start() if following else None]


def first_cells(text: str) -> list[str]:
    """Return the first cell of each row of the first table, without its header and code marks."""
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    if table is None:
        raise AssertionError("there is no table")
    return [row.split("|")[1].strip().strip("`") for row in table[0].splitlines()[2:]]
