"""How a network counts and bills a text: GSM 03.38 where every character fits, UCS-2 otherwise, and concatenation.

3GPP TS 23.038 (alphabets) and TS 23.040 (concatenation with an 8-bit reference, 6 octets of header). National
language shift tables are not used: the gateways that bulk texts pass through do not offer them.
"""

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["GSM-7", "UCS-2"]

#: The GSM 7-bit default alphabet; each takes one septet. The escape at 0x1B is no character.
GSM_BASIC: frozenset[str] = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: The extension table: an escape and a septet, two in all.
GSM_EXTENSION: frozenset[str] = frozenset("\f^{}\\[~]|€")

#: Units that one message holds alone, and each of several holds beside the concatenation header.
_ALONE: dict[Encoding, int] = {"GSM-7": 160, "UCS-2": 70}
_JOINED: dict[Encoding, int] = {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class SmsLength:
    """What a text costs to send.

    Attributes:
        encoding: the alphabet that the whole text is sent in.
        units: septets (GSM-7) or 16-bit code units (UCS-2), without headers.
        segments: messages that the network bills.
    """

    encoding: Encoding
    units: int
    segments: int


def measure(text: str) -> SmsLength:
    """Count a text as the network bills it. A two-unit character is never split over two messages."""
    encoding: Encoding = "GSM-7" if all(c in GSM_BASIC or c in GSM_EXTENSION for c in text) else "UCS-2"
    if encoding == "GSM-7":
        sizes = [2 if character in GSM_EXTENSION else 1 for character in text]
    else:
        sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]  # noqa: PLR2004 - beyond it: a surrogate pair
    units = sum(sizes)
    if units <= _ALONE[encoding]:
        return SmsLength(encoding, units, 1)
    room = _JOINED[encoding]
    segments, used = 1, 0
    for size in sizes:
        if used + size > room:
            segments, used = segments + 1, 0
        used += size
    return SmsLength(encoding, units, segments)
