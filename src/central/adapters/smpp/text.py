"""Texts as the octets of short messages, and back: alphabets, and the ways to tell that parts belong together. Pure.

Sources: 3GPP TS 23.038, section 6.2 (on SMPP its septets go unpacked, one an octet); TS 23.040, section 9.2.3.24 (user data
header); SMPP v3.4, sections 5.2.19 (data_coding) and 5.3.2.22-25 (SAR). How a text is cut is ``domain/short_messages``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from central.adapters.smpp.config import Alphabet, Joining
from central.adapters.smpp.pdu import Tlvs
from central.domain.binary_messages import divide_binary, fits_itself, joins_itself, read_binary
from central.domain.short_messages import GSM7, GSM7_EXTENSION, Encoding, divide, fits_one
from central.domain.short_messages import Alphabet as TextAlphabet

SAR_REFERENCE: Final = 0x020C
SAR_TOTAL: Final = 0x020E
SAR_NUMBER: Final = 0x020F
PAYLOAD: Final = 0x0424

_ESCAPE: Final = "\x1b"
_FOREIGN: Final = "\xff"
_LOST: Final = "\ufffd"
_ASCII: Final = 128
_ENCODE: Final[dict[int, str]] = (
    dict.fromkeys(range(_ASCII), _FOREIGN)
    | {ord(char): chr(code) for code, char in enumerate(GSM7) if char != _ESCAPE}
    | {ord(char): _ESCAPE + chr(code) for char, code in GSM7_EXTENSION.items()}
)
_EXTENDED: Final[Mapping[int, str]] = {code: char for char, code in GSM7_EXTENSION.items()}
_ESCAPED: Final = re.compile(r"\x1b(.?)", re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

# data_coding (SMPP v3.4, section 5.2.19) -> Python's codec. 0 is the carrier's own alphabet and stands in its settings.
_CODECS: Final[Mapping[int, str]] = {
    1: "ascii", 2: "latin-1", 3: "latin-1", 4: "latin-1", 5: "shift_jis", 6: "iso8859-5", 7: "iso8859-8", 8: "utf-16-be",
    10: "iso2022_jp", 13: "shift_jisx0213", 14: "euc_kr",
}  # fmt: skip
_UCS2: Final = 8
_CLASS_GROUPS: Final = (0x00, 0x10, 0x20, 0x30, 0xF0)  # TS 23.038, section 4: general coding and message class
_GROUP: Final = 0xF0
_ALPHABET_BITS: Final = 0x0C

_UDHI_8: Final = b"\x05\x00\x03"
_UDHI_16: Final = b"\x06\x08\x04"
_WORD: Final = 0xFFFF
_BYTE: Final = 0xFF


class Unencodable(ValueError):
    """The text does not stand in that alphabet."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """One submit_sm's content. header: user data header, whose presence esm_class tells. payload: it goes as TLV 0x0424."""

    octets: bytes
    header: bool = False
    payload: bool = False
    tlvs: Tlvs = ()


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Which part of which text: reference, how many, which (from 1)."""

    reference: int
    total: int
    number: int


def gsm7(text: str) -> bytes:
    """Septets, one an octet. Raises Unencodable."""
    try:
        return text.translate(_ENCODE).encode("ascii")
    except UnicodeEncodeError as error:
        raise Unencodable("a character is not in the GSM 7 bit alphabet") from error


def encode(text: str, encoding: TextAlphabet, alphabet: Alphabet) -> bytes:
    """Octets of a text. alphabet: what the carrier takes for GSM 7 bit. A lone surrogate becomes U+FFFD. Raises Unencodable."""
    if encoding == "gsm7":
        if alphabet == "gsm7":
            return gsm7(text)
        try:
            return text.encode("latin-1" if alphabet == "latin1" else "ascii")
        except UnicodeEncodeError as error:
            raise Unencodable(f"a character is not in {alphabet}") from error
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        return _SURROGATE.sub(_LOST, text).encode("utf-16-be")


def parts(
    text: str, encoding: Encoding, *, alphabet: Alphabet, joining: Joining, reference: int
) -> tuple[Encoding, list[Part]]:
    """The parts of a text as the carrier wants them, and the encoding that was possible there.

    A text that the carrier's alphabet cannot hold goes as UCS-2, perhaps in more parts than were counted. Raises Unencodable
    for a text that is no GSM 7 bit text at all.
    """
    if encoding == "binary":
        return encoding, _binary_parts(text, joining, reference)
    if encoding == "gsm7" and alphabet != "gsm7":
        gsm7(text)
        try:
            encode(text, encoding, alphabet)
        except Unencodable:
            encoding = "ucs2"
    if fits_one(text, encoding):
        return encoding, [Part(encode(text, encoding, alphabet))]
    if joining == "payload":
        return encoding, [Part(encode(text, encoding, alphabet), payload=True)]
    pieces = divide(text, encoding, wide_reference=joining == "udh16")
    if len(pieces) > _BYTE:
        raise Unencodable(f"{len(pieces)} parts; a message has at most {_BYTE}")
    octets = [encode(piece, encoding, alphabet) for piece in pieces]
    return encoding, [_joined(one, joining, reference, len(octets), n) for n, one in enumerate(octets, 1)]


def _binary_parts(text: str, joining: Joining, reference: int) -> list[Part]:
    """8-bit data; a user data header of its own stands before the elements that join the parts."""
    try:
        header, octets = read_binary(text)
    except ValueError as error:
        raise Unencodable(str(error)) from error
    if not fits_itself(header, octets):
        raise Unencodable("a part by its own header is longer than a message")
    pieces = divide_binary(header, octets, wide_reference=joining == "udh16")
    own = bytes((len(header),)) + header if header else b""
    if len(pieces) == 1 or joins_itself(header):
        return [Part(own + octets, header=bool(header))]
    if joining == "payload":
        return [Part(own + octets, header=bool(header), payload=True)]
    if len(pieces) > _BYTE:
        raise Unencodable(f"{len(pieces)} parts; a message has at most {_BYTE}")
    found: list[Part] = []
    for number, piece in enumerate(pieces, 1):
        part = _joined(b"", joining, reference, len(pieces), number)
        if part.header:
            elements = header + part.octets[1:]
            found.append(Part(bytes((len(elements),)) + elements + piece, header=True))
        else:
            found.append(Part(own + piece, header=bool(header), tlvs=part.tlvs))
    return found


def _joined(octets: bytes, joining: Joining, reference: int, total: int, number: int) -> Part:
    if joining == "sar":
        word = (reference & _WORD).to_bytes(2, "big")
        tlvs = ((SAR_REFERENCE, word), (SAR_TOTAL, bytes((total,))), (SAR_NUMBER, bytes((number,))))
        return Part(octets, tlvs=tlvs)
    if joining == "udh16":
        header = _UDHI_16 + (reference & _WORD).to_bytes(2, "big")
    else:
        header = _UDHI_8 + bytes((reference & _BYTE,))
    return Part(header + bytes((total, number)) + octets, header=True)


# -- inbound -----------------------------------------------------------------------------------------------------------
def decode(octets: bytes, data_coding: int, alphabet: Alphabet) -> str:
    """The text of octets; what cannot be read becomes U+FFFD. Never raises."""
    if data_coding == 0:
        return _default(octets, alphabet)
    codec = _CODECS.get(data_coding)
    if codec is None and data_coding & _GROUP in _CLASS_GROUPS:
        kind = data_coding & _ALPHABET_BITS
        if kind == _UCS2:
            codec = "utf-16-be"
        elif kind == 0:
            return _default(octets, "gsm7")
    return octets.decode(codec or "latin-1", errors="replace")


def _default(octets: bytes, alphabet: Alphabet) -> str:
    if alphabet == "gsm7":
        return decode_gsm7(octets)
    return octets.decode("latin-1" if alphabet == "latin1" else "ascii", errors="replace")


def decode_gsm7(octets: bytes) -> str:
    """Unpacked septets as text. Unknown escapes show the plain character (TS 23.038, 6.2.1.1), octets above 127 U+FFFD."""
    plain = "".join([GSM7[code] if code < _ASCII else _LOST for code in octets])
    if _ESCAPE not in plain:
        return plain
    return _ESCAPED.sub(lambda found: _escaped(found.group(1)), plain)


def _escaped(char: str) -> str:
    if not char or char == _ESCAPE:
        return " "
    code = GSM7.find(char)
    return _EXTENDED.get(code, char)


def split_header(octets: bytes) -> tuple[Origin | None, bytes]:
    """User data header and what follows it: which part this is, if a header says so. A broken header is skipped."""
    if not octets:
        return None, octets
    end = 1 + octets[0]
    origin: Origin | None = None
    at = 1
    while at + 2 <= min(end, len(octets)):
        element, size = octets[at], octets[at + 1]
        value = octets[at + 2 : min(at + 2 + size, end)]
        if element == 0x00 and len(value) == 3:  # noqa: PLR2004 - TS 23.040, 9.2.3.24.1
            origin = Origin(value[0], value[1], value[2])
        elif element == 0x08 and len(value) == 4:  # noqa: PLR2004 - TS 23.040, 9.2.3.24.8
            origin = Origin(value[0] << 8 | value[1], value[2], value[3])
        at += 2 + size
    return _lawful(origin), octets[end:]


def sar_origin(tlvs: Tlvs) -> Origin | None:
    """Which part this is by SAR TLVs; None when they are missing or make no sense."""
    values = {tag: int.from_bytes(value[:2], "big") for tag, value in tlvs}
    if not {SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER} <= values.keys():
        return None
    return _lawful(Origin(values[SAR_REFERENCE], values[SAR_TOTAL], values[SAR_NUMBER]))


def _lawful(origin: Origin | None) -> Origin | None:
    if origin is None or origin.total < 2 or not 1 <= origin.number <= origin.total <= _BYTE:  # noqa: PLR2004 - one part is no parts
        return None
    return origin
