"""Finds people's names, phone numbers, addresses and cards in what nobody but the bank may read.

It reads as a person would who wants to know: what JSON, an address of the web or Python wrote with escapes is undone,
layer by layer, what is packed is unpacked, and a name may stand in the middle of other letters, as in Chinese it does.
"""

import base64
import binascii
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

#: Escapes of JSON and of Python; one backslash has become several where a text was put into another.
_ESCAPED = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|((?:x[0-9a-fA-F]{2})(?:\\+x[0-9a-fA-F]{2})*)|[nrtbf])")
#: Base64, of the web's kind as well; what is shorter holds no name and no number with anything around it.
_PACKED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_OF_THE_WEB = str.maketrans("-_", "+/")
#: So often a text may be packed in another.
_DEEPEST = 3
_SPACE = re.compile(r"[\s+]+")
#: Digits with what people put between them.
_DIGITS = re.compile(r"\d(?:[\s().\-/]{0,3}\d){7,}")
#: The last digits of a card, where they are said to be such: four digits alone are anything.
_CARD = re.compile(r"(?:card|last4|\*{2,}|[xX]{4,})\W{0,8}(?:last4)?\W{0,8}(\d{4})(?!\d)", re.IGNORECASE)
#: A card's whole number, in one piece or in fours; digits inside an id are none.
_LONG_NUMBER = re.compile(r"(?<![\w.-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7})(?![\w.-])")
_NAMES = ("cardholder_name", "address_line1", "address_line2")
_PHONES = ("phone_mobile", "phone_work", "phone_home", "phone_family", "phone_contact")
#: A shorter one is a word that anything may hold; a name in Chinese has two characters or more.
_SHORTEST_NAME = 3
#: So many last digits make a number recognised, however it is written.
_SUBSCRIBER = 8


@dataclass(frozen=True)
class People:
    """What is known of people, ready to be looked for.

    Attributes:
        names: finds names and parts of addresses, in a text that is folded.
        phones: the digits before the last eight of their numbers, by these.
        cards: the last four digits of their cards.
    """

    names: re.Pattern[str]
    phones: Mapping[str, frozenset[str]]
    cards: frozenset[str]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, str]]) -> "People":
        """The people of portfolio rows."""
        rows = list(rows)
        names = {_folded(row[column]).strip() for row in rows for column in _NAMES if row.get(column)}
        phones: dict[str, set[str]] = {}
        for number in (_digits(row[column]) for row in rows for column in _PHONES if row.get(column)):
            if len(number) >= _SUBSCRIBER:
                phones.setdefault(number[-_SUBSCRIBER:], set()).add(number[:-_SUBSCRIBER])
        return cls(
            _pattern(name for name in names if len(name) >= _SHORTEST_NAME or not name.isascii()),
            {last: frozenset(before) for last, before in phones.items()},
            frozenset(row["card_last4"] for row in rows if row.get("card_last4")),
        )

    def found_in(self, text: str) -> set[str]:
        """What of these people is in a text; empty where nothing is."""
        return {found for reading in readings(text) for found in self._found(unicodedata.normalize("NFKC", reading))}

    def _found(self, text: str) -> Iterator[str]:
        yield from self.names.findall(_SPACE.sub(" ", text.casefold()))
        for written in _DIGITS.finditer(text):
            yield from (f"phone {number}" for number in self._phones(written[0].replace("(0)", "")))
        yield from (f"card {last4}" for last4 in _CARD.findall(text) if last4 in self.cards)
        yield from (number for number in _LONG_NUMBER.findall(text) if _is_card(_digits(number)))

    def _phones(self, written: str) -> Iterator[str]:
        """The numbers among digits: the last eight alone, or the last nine after whatever leads to them."""
        digits = _digits(written)
        for start in range(len(digits) - _SUBSCRIBER + 1):
            last = digits[start : start + _SUBSCRIBER]
            if last in self.phones:
                spelt = re.search(r"(\d*)" + r"\D*".join(last) + r"(?!\d)", written)
                for before in self.phones[last] if spelt else ():
                    led = spelt[1].lstrip("0")  # type: ignore[index]
                    if not led or not before or led[-1] == before[-1]:
                        yield before + last


def readings(text: str, depth: int = _DEEPEST) -> Iterator[str]:
    """A text with its escapes undone, and what is packed in it."""
    plain = _unescaped(text)
    yield plain
    if depth:
        for packed in _PACKED.findall(plain):
            held = _unpacked(packed)
            if held is not None:
                yield from readings(held, depth - 1)


def _unescaped(text: str) -> str:
    for _ in range(_DEEPEST):
        undone = _ESCAPED.sub(_character, text) if "\\" in text else text
        if "%" in undone:
            undone = unquote(undone, errors="replace")
        if undone == text:
            break
        text = undone
    # A character beyond the first 65,536 is escaped as two halves.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not text.isascii() else text


def _character(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return bytes.fromhex(re.sub(r"\\+x|x", "", escape[2])).decode("utf-8", "replace") if escape[2] else " "


def _unpacked(packed: str) -> str | None:
    """The text that base64 holds, compressed or not; None where it is none."""
    try:
        bare = packed.rstrip("=").translate(_OF_THE_WEB)
        content = base64.b64decode(bare + "=" * (-len(bare) % 4))
        if content[:2] == b"\x1f\x8b":
            content = zlib.decompressobj(wbits=31).decompress(content)
        return content.decode()
    except (binascii.Error, UnicodeDecodeError, zlib.error):
        return None


def _folded(text: str) -> str:
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).casefold())


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    """One expression for many names: at each place it goes down a tree of characters once, however many they are.

    A name of one word, such as Ann, is part of other words, so it counts as a word only.
    """
    tree: dict[str, Any] = {}
    for name in names:
        word = name.isascii() and " " not in name
        place = tree
        for part in (r"(?<![a-z0-9])", *name, r"(?![a-z0-9])") if word else (*name, ""):
            place = place.setdefault(part, {})
    return re.compile(f"(?:{_branches(tree)})" if tree else r"(?!)")


def _branches(tree: dict[str, Any]) -> str:
    """The longest first, so that a whole address is found before its beginning."""
    return "|".join(
        (re.escape(part) if len(part) == 1 else part)
        + (f"(?:{_branches(below)})" if len(below) > 1 else _branches(below))
        for part, below in sorted(tree.items(), key=lambda branch: (len(branch[0]) != 1, branch[0]))
    )


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _is_card(digits: str) -> bool:
    """The check of ISO/IEC 7812 (Luhn), for numbers that begin as payment cards do."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return digits[0] in "23456" and (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
