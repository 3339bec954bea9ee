"""What kind of sound some bytes are, told by the bytes alone: neither a file's name nor a header of a request decides. Pure.

The kind is given to sox by name, so that it never guesses one: among what it would guess are lists of other files and addresses.
"""

from __future__ import annotations

from typing import Final

_MP3_SYNC: Final = 0xE0
_MP3_LAYER_3: Final = 0x02
_OGG_LAST_PAGE: Final = 0x04
_OGG_TABLE: Final = 27  # bytes before the table of segments
_HEAD: Final = 128
OFFERED: Final = "WAV, MP3, OGG (Vorbis) or FLAC"


def sound_kind(audio: bytes) -> str | None:
    """``wav``, ``mp3``, ``ogg`` or ``flac``, as sox calls them; None for anything else."""
    head = audio[:_HEAD]
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS" and b"\x01vorbis" in head:
        return "ogg"
    tagged = head[:3] == b"ID3"
    framed = len(head) > 1 and head[0] == 0xFF and head[1] & _MP3_SYNC == _MP3_SYNC and head[1] & 0x06 == _MP3_LAYER_3  # noqa: PLR2004
    return "mp3" if tagged or framed else None


def is_cut(audio: bytes, kind: str, said: str) -> bool:
    """Whether the end of the file is missing, by what sox ``said`` about it; an MP3 does not know its own length."""
    if kind == "ogg":  # RFC 3533, section 6: the last page says that it is the last, and how long it is
        page = audio[audio.rfind(b"OggS") :]
        table = page[_OGG_TABLE : _OGG_TABLE + page[_OGG_TABLE - 1]] if len(page) >= _OGG_TABLE else b""
        whole = _OGG_TABLE + len(table) + sum(table)
        return not table or len(page) < whole or not page[5] & _OGG_LAST_PAGE
    return "Premature EOF" in said or (kind == "flac" and "FAIL" in said)
