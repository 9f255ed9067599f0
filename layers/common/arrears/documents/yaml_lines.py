"""Reads YAML and remembers on which line everything stands, for error messages that a person can follow."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from arrears.documents.errors import TemplateError

#: No policy, pack or template that a person writes is longer, in bytes.
MAX_FILE = 256 * 1024
#: How deep mappings and lists may be in each other: no policy, pack or template is deeper.
_MOST_DEEP = 9
#: A longer whole number stays text, which nothing here takes for one.
_WHOLE = re.compile(r"[-+]?[0-9]{1,17}", re.ASCII)
#: What the parser says, by its beginning, in words for whoever writes policies; what is not here is said as it stands.
_WORDS = (
    ("found character '\\t'", "use spaces, not a tab"),
    ("mapping values are not allowed", "put a text that holds a colon in quotes, and indent the lines alike"),
    ("expected <block end>", "the lines are not indented alike, or a quotation mark is not closed"),
    ("could not find expected ':'", "a key is followed by a colon and a space, as in `key: value`"),
    ("expected ','", "a comma is missing, or a bracket is not closed"),
    ("expected the node content, but found '<stream end>'", "a bracket is not closed"),
    ("found unexpected end of stream", "a quotation mark is not closed"),
)
_SCALARS = frozenset({"str", "int", "float", "bool", "null", "timestamp"})


@dataclass(frozen=True, slots=True)
class Located:
    """Plain data read from YAML, and its places.

    Attributes:
        value: mappings, lists, strings, whole numbers, booleans and None.
    """

    value: object
    _places: dict[tuple[str | int, ...], tuple[int, int]]
    _lines: Sequence[str]

    def line(self, path: Sequence[str | int], find: str = "") -> int | None:
        """Return the line, counted from 1, of what is at `path`, or of the first `find` inside it."""
        at = tuple(path)
        while at not in self._places and at:
            at = at[:-1]
        if at not in self._places:
            return None
        first, last = self._places[at]
        for number in range(first, last + 1):
            if find and number < len(self._lines) and find.lower() in self._lines[number].lower():
                return number + 1
        return first + 1


def read_located(path: Path) -> Located:
    """Read a file of YAML or JSON, once it is known to be no larger than such a file may be.

    Raises:
        TemplateError: it cannot be read, is too long, no UTF-8, no YAML, or not plain data.
    """
    file = str(path)
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_FILE + 1)
    except OSError as error:
        raise TemplateError(f"cannot be read: {error.strerror}", file=file) from None
    if len(raw) > MAX_FILE:
        raise TemplateError(f"is longer than {MAX_FILE // 1024} KiB", file=file)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateError("is not UTF-8", file=file, line=raw.count(b"\n", 0, error.start) + 1) from None
    if text.lstrip().startswith("{"):
        # Tabs may indent JSON but not YAML; inside a JSON text they are written \t, so no text changes.
        text = text.replace("\t", " ")
    return load_located(text, file)


def load_located(text: str, file: str) -> Located:
    """Read a YAML document (JSON is one too); tags, aliases and keys given twice are refused.

    Raises:
        TemplateError: it is no YAML, or not plain data.
    """
    places: dict[tuple[str | int, ...], tuple[int, int]] = {}
    try:
        _check_shape(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise TemplateError(_in_words(error), file=file, line=mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise TemplateError(str(error), file=file) from error
    value = _plain(node, (), places, file) if node is not None else None
    return Located(value, places, text.splitlines())


def _in_words(error: yaml.MarkedYAMLError) -> str:
    said = str(error.problem)
    return next((words for begins, words in _WORDS if said.startswith(begins)), said)


def _check_shape(text: str, file: str) -> None:
    """Refuse what is nested deeply, before it is read to its end, and `*name`.

    A few lines of aliases of aliases unfold into more than any memory holds.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent):
            raise TemplateError("aliases (*name) are not allowed: write it out", file=file, line=line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MOST_DEEP:
                raise TemplateError("nested too deeply", file=file, line=line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(
    node: yaml.Node, path: tuple[str | int, ...], places: dict[tuple[str | int, ...], tuple[int, int]], file: str
) -> object:
    places[path] = (node.start_mark.line, node.end_mark.line)
    if node.tag.startswith("!") or "python" in node.tag:
        raise TemplateError(f"the tag {node.tag} is not allowed", file=file, line=node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise TemplateError("a key is a text", file=file, line=key_node.start_mark.line + 1)
            key = str(key_node.value)
            if key in mapping:
                raise TemplateError(f"{key} is given twice", file=file, line=key_node.start_mark.line + 1)
            mapping[key] = _plain(value_node, (*path, key), places, file)
            places[*path, key] = (key_node.start_mark.line, value_node.end_mark.line)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, (*path, index), places, file) for index, each in enumerate(node.value)]
    return _scalar(node, file)


def _scalar(node: yaml.Node, file: str) -> object:
    text = str(node.value)
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind not in _SCALARS:
        raise TemplateError(f"the tag {node.tag} is not allowed", file=file, line=node.start_mark.line + 1)
    if kind == "int" and _WHOLE.fullmatch(text):
        return int(text)
    if kind == "bool":
        return text.lower() in {"true", "yes", "on"}
    # Strings; and dates and decimals as they stand, which no template needs as anything else.
    return None if kind == "null" else text
