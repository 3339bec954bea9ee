"""One pass over the bytes of a text file before its first row is loaded, so that file-level errors load nothing.

It proves the encoding over the whole file, bounds line lengths and row count, and notes whether quotes occur at all.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from central.adapters.files.encodings import ambiguous, detect, encoding_by_mark
from central.adapters.files.opened import opened, too_large
from central.adapters.files.shape import FileKind, FileLimits
from central.domain.encodings import codec_of
from central.domain.errors import InvalidInput

_CHUNK_BYTES = 256 * 1024
_SAMPLE_BYTES = 64 * 1024
_SAMPLE_LINES = 256
_START_BYTES = 4096


@dataclass(slots=True)
class Scan:
    """What the pass found; lines end at LF or CR, so ``lines`` is an upper bound. ``sample``: lines outside ASCII."""

    encoding: str
    size: int = 0
    lines: int = 1
    longest: int = 0
    quoted: bool = False
    sample: bytes = b""
    decodes: bool = True


def scan(path: Path, kind: FileKind, limits: FileLimits, encoding: str | None) -> Scan:
    """Read the whole file once; InvalidInput for size, line length and every trouble with the encoding."""
    with opened(path, kind, limits) as file:
        start = file.read(_START_BYTES)
    marked = encoding_by_mark(start)
    if marked is None and encoding is None:
        found = measure(path, kind, limits, "utf-8")
        if b"\0" in start.partition(b"\n")[0]:
            raise ambiguous("The file looks like UTF-16 without a mark.")
        if found.decodes:
            return found
        encoding = detect(found.sample)
    name = marked or codec_of(encoding or "utf-8")
    found = measure(path, kind, limits, name)
    if not found.decodes:
        raise InvalidInput("encoding_broken", f"The file's bytes are not {name} throughout.", encoding=name)
    return found


def measure(path: Path, kind: FileKind, limits: FileLimits, encoding: str) -> Scan:
    """Scan under one encoding; ``decodes`` False: the bytes are not in it (utf-8 goes on then, to measure and sample)."""
    found = Scan(encoding)
    carried = b""
    with opened(path, kind, limits) as file:
        for chunk in _as_utf8(file, encoding, found):
            found.size += len(chunk)
            if found.size > limits.max_bytes * 2:  # UTF-16 may double; opened() bounds the file itself
                raise too_large(limits)
            found.quoted = found.quoted or b'"' in chunk
            lines = (chunk.replace(b"\r", b"\n") if b"\r" in chunk else chunk).split(b"\n")
            found.lines += len(lines) - 1
            lines[0] = carried + lines[0]
            carried = lines[-1]
            found.longest = max(found.longest, *map(len, lines))
            if found.longest > limits.max_record_bytes:
                raise InvalidInput(
                    "record_too_large", "A line is longer than any row can be.", limit=limits.max_record_bytes
                )
            if len(found.sample) < (_SAMPLE_BYTES if found.decodes else 2 * _SAMPLE_BYTES) and not chunk.isascii():
                found.sample += _outside_ascii(lines)
    return found


def _outside_ascii(lines: list[bytes]) -> bytes:
    """Some of the lines that hold other than ASCII; cut, since a sample needs no whole cells."""
    some = islice((line[:_START_BYTES] for line in lines if not line.isascii()), _SAMPLE_LINES)
    return b"".join(line + b"\n" for line in some)


def _as_utf8(file: IO[bytes], encoding: str, found: Scan) -> Iterator[bytes]:
    """The file in chunks of UTF-8; if it does not decode, ``found.decodes`` becomes False and raw bytes follow."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    plain = encoding in {"utf-8", "utf-8-sig"}
    while True:
        chunk = file.read(_CHUNK_BYTES)
        if found.decodes:
            try:
                text = decoder.decode(chunk, final=not chunk)
                decoded = b"" if plain else text.encode()
            except UnicodeError:
                found.decodes = False
                if not plain:
                    return
            else:
                if chunk and not plain:
                    yield decoded
        if not chunk:
            return
        if plain:
            yield chunk
