"""Short messages of octets that are no text (8-bit data): how they are written down, measured and divided. Pure.

Sources: 3GPP TS 23.038, section 4 (8-bit data); TS 23.040, sections 9.2.3.16 and 9.2.3.24: a message holds 140 octets, its user data
header among them, and elements 0x00 and 0x08 of the header tell which part of a whole it is.
Written down, such a message is a text of hexadecimal digits: the header without its length, a colon, the octets.
"""

from __future__ import annotations

import re
from typing import Final

LIMIT_OCTETS: Final = 140
_REFERENCE_8: Final = 5
_REFERENCE_16: Final = 6
_WRITTEN: Final = re.compile(r"((?:[0-9a-f]{2})*):((?:[0-9a-f]{2})+)")
_JOINING: Final = frozenset({0x00, 0x08})


def written_binary(header: bytes, octets: bytes) -> str:
    """As it is stored and shown. header: without its length, empty = none."""
    return f"{header.hex()}:{octets.hex()}"


def read_binary(text: str) -> tuple[bytes, bytes]:
    """Header and octets. Raises ValueError for what was not written by us."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError("this is no binary message")
    return bytes.fromhex(found[1]), bytes.fromhex(found[2])


def header_fault(header: bytes) -> str:
    """What is wrong with a header (without its length): its elements do not fill it, or it leaves no room. "" = nothing."""
    at = 0
    while at < len(header):
        if at + 2 > len(header) or at + 2 + header[at + 1] > len(header):
            return "The user data header ends within an element."
        at += 2 + header[at + 1]
    if len(header) + 1 + _REFERENCE_16 >= LIMIT_OCTETS:
        return "The user data header leaves no room for data."
    return ""


def joins_itself(header: bytes) -> bool:
    """Whether the header says already which part of a whole the message is."""
    at = 0
    while at + 1 < len(header):
        if header[at] in _JOINING:
            return True
        at += 2 + header[at + 1]
    return False


def divide_binary(header: bytes, octets: bytes, *, wide_reference: bool = False) -> list[bytes]:
    """The octets of each part; one that goes alone has all of them."""
    whole = LIMIT_OCTETS - (1 + len(header) if header else 0)
    if len(octets) <= whole or joins_itself(header):
        return [octets]
    size = LIMIT_OCTETS - 1 - len(header) - (_REFERENCE_16 if wide_reference else _REFERENCE_8)
    return [octets[begin : begin + size] for begin in range(0, len(octets), size)]


def fits_itself(header: bytes, octets: bytes) -> bool:
    """Whether a message that is a part by its own header fits into one."""
    return not joins_itself(header) or 1 + len(header) + len(octets) <= LIMIT_OCTETS
