"""Bodies and parts of a message (RFC 2045, 2046, 2183, 2387), as octets with CRLF and lines of at most 998. Pure.

The frame of a template is written once; only the texts of one recipient are encoded for him. The standard library's generator
takes about ten times as long, and is the judge in the tests.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from central.adapters.smtp.faults import Unfitting
from central.adapters.smtp.headers import LIMIT_FILE_NAME_CHARS, checked, parameter
from central.application.ports.composition import Attachment

LIMIT_LINE_OCTETS: Final = 998
LIMIT_MESSAGE_BYTES: Final = 25 * 1024 * 1024
"""What most receivers take at all; also of one attachment, before it is encoded."""

_BASE64_LINE: Final = 76
_FOREIGN_SHARE: Final = 6  # quoted-printable is the longer one when more than a sixth of the octets are not ASCII
_LINE_ENDS: Final = re.compile(r"\r\n?")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}", re.ASCII)
_CONTENT_ID: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}(?:@[A-Za-z0-9.-]{1,64})?", re.ASCII)


Field = tuple[bytes, bytes]
"""Name and value of a header field as they go over the wire, folded, without the end of the last line."""


class Part(NamedTuple):
    """A part with its own header fields."""

    fields: tuple[Field, ...]
    body: bytes

    def octets(self) -> bytes:
        """As it stands inside another part."""
        return written(self.fields) + b"\r\n" + self.body


def written(fields: Iterable[Field]) -> bytes:
    """Header fields as they go over the wire, each with the end of its line."""
    return b"".join([name + b": " + value + b"\r\n" for name, value in fields])


def text_part(subtype: bytes, text: str) -> Part:
    """A text: 7bit where it can, else quoted-printable or base64. Raises Unfitting ``broken_text``."""
    encoding, body = encoded_text(text)
    return Part(
        ((b"Content-Type", b"text/" + subtype + b"; charset=utf-8"), (b"Content-Transfer-Encoding", encoding)), body
    )


def encoded_text(text: str) -> tuple[bytes, bytes]:
    """The name of an encoding, and the text in it. Raises Unfitting ``broken_text``: NUL, or half of a surrogate pair."""
    if "\0" in text:
        raise Unfitting("broken_text", "The text holds a NUL character.")
    if "\r" in text:
        text = _LINE_ENDS.sub("\n", text)
    try:
        octets = text.replace("\n", "\r\n").encode()
    except UnicodeEncodeError as error:
        raise Unfitting("broken_text", "The text holds half of a surrogate pair.") from error
    if text.isascii() and "--=_" not in text and max(map(len, text.split("\n"))) <= LIMIT_LINE_OCTETS:
        return b"7bit", octets
    if (len(octets) - len(text)) * _FOREIGN_SHARE > len(octets):
        return b"base64", base64_lines(octets)
    # The end of a line at the end tells the encoder to write CRLF in soft breaks too, and to keep blanks before it.
    return b"quoted-printable", binascii.b2a_qp(octets + b"\r\n")[:-2]


def base64_lines(octets: bytes) -> bytes:
    """Base64 in lines of 76 characters, without an end of the last one."""
    encoded = binascii.b2a_base64(octets, newline=False)
    return b"\r\n".join([encoded[place : place + _BASE64_LINE] for place in range(0, len(encoded), _BASE64_LINE)])


def encoded_bytes(octets: int) -> int:
    """How many octets so many take in base64, the ends of lines included."""
    encoded = -(-octets // 3) * 4
    return encoded + encoded // _BASE64_LINE * 2


def file_part(one: Attachment, content: bytes) -> Part:
    """An attachment or a picture inside the HTML. Raises Unfitting: ``attachment_name``, ``media_type``, ``content_id``."""
    name = checked(one.name, "The name of an attachment", LIMIT_FILE_NAME_CHARS).strip()  # as readers do
    if not name:
        raise Unfitting("attachment_name", "An attachment has no name.")
    media_type = one.media_type.lower() or "application/octet-stream"
    if not _MEDIA_TYPE.fullmatch(media_type) or media_type.startswith(("multipart/", "message/")):
        raise Unfitting("media_type", "The media type of an attachment is none, or one of messages and their parts.")
    kind = "inline" if one.content_id else "attachment"
    fields = [
        (b"Content-Type", (media_type + parameter("name", name)).encode("ascii")),
        (b"Content-Transfer-Encoding", b"base64"),
        (b"Content-Disposition", (kind + parameter("filename", name)).encode("ascii")),
    ]
    if one.content_id:
        if not _CONTENT_ID.fullmatch(one.content_id):
            raise Unfitting(
                "content_id", "The id of a picture inside the HTML holds more than letters, digits and . _ + -"
            )
        fields.append((b"Content-ID", b"<" + one.content_id.encode("ascii") + b">"))
    return Part(tuple(fields), base64_lines(content))


def multipart(subtype: bytes, boundary: bytes, parts: Sequence[bytes]) -> Part:
    """Parts with their header fields, as one. The boundary begins with ``=_``, which stands in no encoded part."""
    separator = b"\r\n--" + boundary
    return Part(
        ((b"Content-Type", b"multipart/" + subtype + b';\r\n boundary="' + boundary + b'"'),),
        separator[2:] + b"\r\n" + (separator + b"\r\n").join(parts) + separator + b"--\r\n",
    )
