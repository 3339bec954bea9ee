"""Header fields of a message, as octets that need no further work. Pure; nothing that ends a line ever gets into one.

Sources: RFC 5322 (fields, folding, lines of at most 998 octets), RFC 2047 (encoded words), RFC 2231 (parameters), RFC 8058.
Addresses come in their ASCII form, so that no SMTPUTF8 is needed on the way.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from central.adapters.smtp.faults import Unfitting
from central.application.ports.composition import MailAddress
from central.domain.statuses import EmailStatus
from central.domain.value_shapes import is_header_text, wire_address

LIMIT_SUBJECT_CHARS: Final = 998
LIMIT_NAME_CHARS: Final = 256
LIMIT_FILE_NAME_CHARS: Final = 255

_LINE_CHARS: Final = 76
_WORD_OCTETS: Final = 45  # in base64, with its frame: 72 characters (RFC 2047, section 2: at most 75)
# Blanks at the ends would be lost by folding.
_PLAIN: Final = re.compile(r"[!-~]+(?: [!-~]+)*", re.ASCII)
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_PARAMETER: Final = re.compile(r"(?=.{1,60}\Z)[A-Za-z0-9._-]+(?: [A-Za-z0-9._-]+)*", re.ASCII)
_WIDEST_WORD: Final = 900


def checked(text: str, what: str, limit_chars: int) -> str:
    """The text itself. Raises Unfitting ``header_text`` (an end of a line, NUL or the like), ``header_too_long``."""
    if not is_header_text(text):
        raise Unfitting("header_text", f"{what} holds an end of a line, a control character or half a character.")
    if len(text) > limit_chars:
        raise Unfitting("header_too_long", f"{what} is longer than {limit_chars} characters.")
    return text


def unstructured(text: str, used: int) -> bytes:
    """A text as the value of a field such as Subject; ``used``: characters that stand on its first line before."""
    if not text:
        return b""
    if _PLAIN.fullmatch(text) and "=?" not in text and max(map(len, text.split(" "))) < _WIDEST_WORD:
        return _folded(text.split(" "), used).encode("ascii")
    return _folded(_encoded_words(text), used).encode("ascii")


def addresses(those: Sequence[MailAddress], used: int, status: EmailStatus, what: str) -> bytes:
    """A list of addresses as the value of From, To, Cc or Reply-To; a name of nothing but blanks is none.

    Raises Unfitting with the status for a bad address.
    """
    if len(those) == 1 and not those[0].name:
        return wire(those[0].address, status, what).encode("ascii")
    words: list[str] = []
    for one in those:
        address = wire(one.address, status, what)
        words += [*_phrase(checked(one.name, f"The name of {what}", LIMIT_NAME_CHARS)), f"<{address}>,"]
    words[-1] = words[-1][:-1]
    return _folded(words, used).encode("ascii")


@lru_cache(maxsize=4096)
def wire(address: str, status: EmailStatus, what: str) -> str:
    """The address as it goes over the wire (ASCII). Raises Unfitting ``address_shape``."""
    found = wire_address(address)
    if found is None:
        raise Unfitting("address_shape", f"The address of {what} is none, or its local part is not ASCII.", status)
    return found


def parameter(name: str, text: str) -> str:
    """``; name="text"`` on a line of its own, encoded where it must be (RFC 2231, in pieces where it is long)."""
    if _PARAMETER.fullmatch(text):
        return f';\r\n {name}="{text}"'
    pieces: list[str] = []
    piece = ""
    for char in text:
        encoded = quote(char, safe="")
        if len(piece) + len(encoded) > _WORD_OCTETS:
            pieces.append(piece)
            piece = ""
        piece += encoded
    if not pieces:
        return f";\r\n {name}*=utf-8''{piece}"
    pieces = [f"utf-8''{pieces[0]}", *pieces[1:], piece]
    return "".join(f";\r\n {name}*{number}*={one}" for number, one in enumerate(pieces))


def _phrase(name: str) -> list[str]:
    if not name.strip():  # readers fold it into one blank, or show an address that seems to have no name
        return []
    if _ATOMS.fullmatch(name) and "=?" not in name and len(name) < _LINE_CHARS:
        return name.split(" ")
    if _PLAIN.fullmatch(name) and "=?" not in name and len(name) < _LINE_CHARS:
        return ['"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"']
    return _encoded_words(name)


def _encoded_words(text: str) -> list[str]:
    words: list[str] = []
    chunk = bytearray()
    for char in text:
        octets = char.encode()
        if len(chunk) + len(octets) > _WORD_OCTETS:
            words.append(_encoded_word(chunk))
            chunk = bytearray()
        chunk += octets
    return [*words, _encoded_word(chunk)]


def _encoded_word(octets: bytes | bytearray) -> str:
    return f"=?utf-8?b?{base64.b64encode(octets).decode('ascii')}?="


def _folded(words: Iterable[str], used: int) -> str:
    """Words with blanks between them, on lines of about 76 characters; the first stays on the field's own line."""
    lines: list[str] = []
    line, room = "", _LINE_CHARS - used
    for word in words:
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, _LINE_CHARS - 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])
