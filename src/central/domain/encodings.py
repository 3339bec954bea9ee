"""The text encodings that an uploaded list may be in when its sender names one: those that the detection knows, and few more.

Python has a hundred codecs, and some are no text encodings of files (punycode, unicode_escape): only these are accepted.
"""

from __future__ import annotations

from collections.abc import Mapping

from central.domain.errors import InvalidInput

_CODECS: Mapping[str, str] = {
    "utf-8": "utf-8",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "windows-1250": "cp1250",  # Central European
    "windows-1251": "cp1251",  # Cyrillic
    "windows-1252": "cp1252",  # Western European
    "windows-1253": "cp1253",  # Greek
    "windows-1254": "cp1254",  # Turkish
    "windows-1255": "cp1255",  # Hebrew
    "windows-1256": "cp1256",  # Arabic
    "windows-1257": "cp1257",  # Baltic
    "iso-8859-1": "iso8859-1",
    "iso-8859-2": "iso8859-2",
    "iso-8859-5": "iso8859-5",
    "iso-8859-9": "iso8859-9",
    "iso-8859-15": "iso8859-15",
    "koi8-r": "koi8-r",
    "shift-jis": "cp932",
    "gb18030": "gb18030",
    "big5": "big5",
    "euc-kr": "cp949",
}
ENCODINGS = tuple(_CODECS)
"""The names, as they are documented."""

_BY_CODEC = {codec: codec for codec in (*_CODECS.values(), "utf-8-sig")}


def codec_of(name: str) -> str:
    """The codec for an encoding that the caller named (or that the detection showed). Raises InvalidInput ``unknown_encoding``."""
    plain = name.strip().lower().replace("_", "-")
    found = _CODECS.get(plain) or _BY_CODEC.get(plain)
    if found is None:
        message = f'"{name[:40]}" is not one of the accepted encodings.'
        raise InvalidInput("unknown_encoding", message, encoding=name[:40], accepted=list(ENCODINGS))
    return found
