"""Finds people's names, phone numbers, addresses and cards in what nobody but the bank may read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"\+?\d[\d \-]{5,18}\d")
#: The last digits of a card, where they are said to be such: four digits alone are anything.
_CARD = re.compile(r"(?:card|last4|\*{2,}|[xX]{4,})\W{0,8}(?:last4)?\W{0,8}(\d{4})(?!\d)", re.IGNORECASE)
#: A card's whole number, in one piece or in fours; digits inside an id are none.
_LONG_NUMBER = re.compile(r"(?<![\w.-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7})(?![\w.-])")
_NAMES = ("cardholder_name", "address_line1", "address_line2")
_PHONES = ("phone_mobile", "phone_work", "phone_home", "phone_family", "phone_contact")
#: A shorter one is a word that anything may hold.
_SHORTEST_NAME = 3
#: So many last digits make a number recognised, however it is written.
_SUBSCRIBER = 8


@dataclass(frozen=True)
class People:
    """What is known of people, ready to be looked for.

    Attributes:
        texts: names and parts of addresses, by their first word.
        phones: the last digits of their numbers.
        cards: the last four digits of their cards.
    """

    texts: Mapping[str, frozenset[str]]
    phones: frozenset[str]
    cards: frozenset[str]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, str]]) -> "People":
        """The people of portfolio rows."""
        rows = list(rows)
        texts: dict[str, set[str]] = {}
        for text in {row[column].strip() for row in rows for column in _NAMES if row.get(column)}:
            words = _WORD.findall(text)
            if words and len(text) >= _SHORTEST_NAME:
                texts.setdefault(words[0], set()).add(text)
        phones = {_digits(row[column])[-_SUBSCRIBER:] for row in rows for column in _PHONES if row.get(column)}
        return cls(
            {word: frozenset(found) for word, found in texts.items()},
            frozenset(phone for phone in phones if len(phone) == _SUBSCRIBER),
            frozenset(row["card_last4"] for row in rows if row.get("card_last4")),
        )

    def found_in(self, text: str) -> set[str]:
        """What of these people is in a text; empty where nothing is."""
        words = set(_WORD.findall(text))
        found = {term for word in words & set(self.texts) for term in self.texts[word] if term in text}
        found |= {number for number in _DIGITS.findall(text) if _digits(number)[-_SUBSCRIBER:] in self.phones}
        found |= {f"card {last4}" for last4 in _CARD.findall(text) if last4 in self.cards}
        return found | {number for number in _LONG_NUMBER.findall(text) if _is_card(_digits(number))}


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _is_card(digits: str) -> bool:
    """The check of ISO/IEC 7812 (Luhn), for numbers that begin as payment cards do."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return digits[0] in "23456" and (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
