"""Makes text that came from outside harmless, wherever it is printed: names, addresses, notes of other systems."""

import re
import unicodedata

_SPACES = re.compile(r"\s+")
#: Emoji and ideographic variation selectors: they choose a shape, and no font here has a second one.
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\U0001f3fb-\U0001f3ff]")
_MARKS_IN_A_ROW = 2
#: Joined to a letter by nothing, a dot or a colon makes a phone turn a name into a link.
_LINKS = re.compile(r"(?<=\w)([.:/]+)(?=\w)")
#: What a name holds beside letters, their marks and digits.
_IN_A_NAME = frozenset(" .,'`’‘-–·‧・．()（）〇&/")


def clean(text: str, *, limit: int = 100_000) -> str:
    """Return text on one line, without anything that is not seen: controls, direction marks, private characters.

    Args:
        text: anything.
        limit: the most characters; what is longer ends in an ellipsis.
    """
    text = unicodedata.normalize("NFC", text[: limit * 8])
    text = _VARIATION.sub("", _SPACES.sub(" ", text))
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category.startswith("C"):  # control, format, surrogate, private use, not assigned
            continue
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks <= _MARKS_IN_A_ROW:
            kept.append(character)
    text = _SPACES.sub(" ", "".join(kept)).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def clean_name(text: str, *, limit: int = 80) -> str:
    """Return a person's name as it can stand in a text: nothing in it is a link, markup or a digit of a number."""
    text = clean(text, limit=limit * 2).replace("_", " ")
    text = "".join(each for each in text if each in _IN_A_NAME or unicodedata.category(each)[0] in "LMN")
    text = _LINKS.sub(lambda match: match.group(1)[0] + " ", text.replace("/", " "))
    return clean(text, limit=limit)


def in_script_of(name: str, language: str) -> str:
    """Return the part of a name given in two scripts that the language uses: `示範銀行 Sample Bank`, `Sample Bank`.

    A name in one script stays as it is. In an English text one Chinese character would more than double what it costs.
    """
    chinese = language.startswith("zh")
    words = name.split(" ")
    ours = [word for word in words if any(map(_is_chinese, word)) == chinese]
    return " ".join(ours) if any(any(map(str.isalpha, word)) for word in ours) else name


def _is_chinese(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff"
