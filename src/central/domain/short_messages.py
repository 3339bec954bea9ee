"""How a text becomes a short message: its alphabet, its length in that alphabet, and the parts it is sent in. Pure.

Sources: 3GPP TS 23.038 (formerly GSM 03.38), section 6.2.1: default alphabet and its extension table; section 6.2.3: UCS-2.
TS 23.040 (GSM 03.40), section 9.2.3.24.1: six octets of each part tell how parts belong together, which leaves 153 septets or
67 UCS-2 characters. Neither an escaped character (two septets) nor a surrogate pair (two characters) is torn apart, nor, where
it fits into a part, what people see as one character (Unicode UAX #29, simplified): handsets may show parts one by one.
National shift tables are not used: few gateways take them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

Alphabet = Literal["gsm7", "ucs2"]
Encoding = Literal["gsm7", "ucs2", "binary"]
"""``binary``: octets that are no text, written down as in ``domain/binary_messages``."""

GSM7: Final = (
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5"
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e\x1b\u00c6\u00e6\u00df\u00c9"
    " !\"#\u00a4%&'()*+,-./0123456789:;<=>?"
    "\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00d1\u00dc\u00a7"
    "\u00bfabcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0"
)
"""The default alphabet; the index of a character is its code. 0x1B is no character: it leads to the extension table."""

GSM7_EXTENSION: Final = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "\u20ac": 0x65,
}  # fmt: skip
"""Characters that take two septets: 0x1B and this code."""

LIMIT_PARTS: Final = 10
"""Decision: longer texts are refused. Handsets and gateways differ in what they put together beyond."""

_ESCAPE: Final = "\x1b"
_PLAIN: Final = frozenset(GSM7) - {_ESCAPE}
_WIDE: Final = 0xFFFF
_JOINER: Final = "\u200d"
_EXTENDED: Final = re.compile(f"[{re.escape(''.join(GSM7_EXTENSION))}]")
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
# One message holds 140 octets: 160 septets or 70 UCS-2 characters.
_SIZES: Final[dict[Alphabet, tuple[int, int]]] = {"gsm7": (160, 153), "ucs2": (70, 67)}


@dataclass(frozen=True, slots=True)
class Measured:
    """How a text goes out: ``units`` are septets (gsm7) or 16-bit characters (ucs2), ``parts`` the messages it costs."""

    encoding: Alphabet
    units: int
    parts: int


def measure(text: str) -> Measured:
    """Alphabet, length and parts of a text. An empty text is one part of nothing."""
    widths = _septets(text)
    encoding: Alphabet = "ucs2" if widths is None else "gsm7"
    if widths is None:
        widths = [2 if ord(char) > _WIDE else 1 for char in text]
    whole, _ = _SIZES[encoding]
    units = sum(widths)
    if units <= whole:
        return Measured(encoding, units, 1)
    return Measured(encoding, units, len(divide(text, encoding)))


def divide(text: str, encoding: Alphabet, *, wide_reference: bool = False) -> list[str]:
    """The parts that a text is sent in; as many as ``measure`` says when the encoding is the one it found.

    wide_reference: a 16-bit reference takes one more unit of each part (TS 23.040, section 9.2.3.24.8: 152 and 66).
    What stands in neither table counts as one septet here: whoever encodes it finds out.
    """
    _, part = _SIZES[encoding]
    double = _EXTENDED if encoding == "gsm7" else _ASTRAL
    if fits_one(text, encoding):
        return [text]
    part -= wide_reference
    pieces: list[str] = []
    begun, size = 0, len(text)
    while begun < size:
        end = min(begun + part, size)
        units = end - begun + len(double.findall(text, begun, end))
        while units > part:
            end -= 1
            units -= 2 if double.match(text, end) else 1
        if encoding == "ucs2" and end < size:
            end = _torn_least(text, begun, end, part)
        pieces.append(text[begun:end])
        begun = end
    return pieces


def fits_one(text: str, encoding: Alphabet) -> bool:
    """Whether a text goes as one message that is not a part."""
    double = _EXTENDED if encoding == "gsm7" else _ASTRAL
    return len(text) + len(double.findall(text)) <= _SIZES[encoding][0]


def _torn_least(text: str, begun: int, end: int, part: int) -> int:
    """Where a part ends that may hold ``text[begun:end]``: before a character that would be torn, unless no part holds it."""
    at = end
    while at > begun and not _breaks(text, at, begun):
        at -= 1
    after = at + 1
    while after < len(text) and after - at <= part and not _breaks(text, after, begun):
        after += 1
    return at if at > begun and after - at <= part else end


def _breaks(text: str, at: int, begun: int) -> bool:
    """Whether people see two characters where ``text[at - 1]`` and ``text[at]`` meet (UAX #29, simplified); at ``begun`` they do."""
    char = text[at]
    if text[at - 1] == _JOINER or _extends(char):
        return False
    if not _flag(char):
        return True
    flags = 0  # two regional indicators are one flag
    while flags < at - begun and _flag(text[at - 1 - flags]):
        flags += 1
    return flags % 2 == 0


def _flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _extends(char: str) -> bool:
    """Whether it belongs to the character before: marks, joiners, skin tones, tags, vowels and finals of Hangul."""
    if char < "\u0300":
        return False
    return (
        unicodedata.category(char)[0] == "M"
        or char in "\u200c\u200d"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or "\u1160" <= char <= "\u11ff"
    )


def _septets(text: str) -> list[int] | None:
    """The septets of each character, None when one stands in neither table."""
    widths: list[int] = []
    for char in text:
        if char in _PLAIN:
            widths.append(1)
        elif char in GSM7_EXTENSION:
            widths.append(2)
        else:
            return None
    return widths
