"""The bytes of a list: a plain file, or the one CSV inside a zip, unpacked as a stream and never onto the disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from typing_extensions import override

from central.adapters.files.shape import FileKind, FileLimits
from central.domain.errors import InvalidInput

_ENCRYPTED = 0x1
_DEFLATE_MOST = 1032
"""More than this, deflate cannot pack (zlib, "Technical Details"); a directory that says so is damaged."""

_KNOWN_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@contextmanager
def opened(path: Path, kind: FileKind, limits: FileLimits) -> Generator[IO[bytes]]:
    """Open the list's bytes; InvalidInput for a file over the limit or a zip that is not exactly one harmless CSV."""
    if path.stat().st_size > limits.max_bytes:
        raise too_large(limits)
    if kind is not FileKind.ZIP:
        with path.open("rb") as file:
            yield file
        return
    try:
        with zipfile.ZipFile(path) as archive:
            member = _one_csv(archive, limits)
            with archive.open(member) as packed:
                allowed = min(limits.max_bytes, member.compress_size * limits.max_unpack_ratio)
                yield io.BufferedReader(_Counted(packed, allowed), buffer_size=1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InvalidInput("zip_broken", f"The zip cannot be unpacked: {str(error).rstrip('.')}.") from error


@contextmanager
def opened_text(path: Path, kind: FileKind, encoding: str, limits: FileLimits) -> Generator[io.TextIOWrapper]:
    """The list as text, line ends kept, for the CSV parser."""
    with opened(path, kind, limits) as file:
        text = io.TextIOWrapper(file, encoding, newline="")
        try:
            yield text
        finally:
            text.detach()  # the bytes belong to ``opened``, which closes them


def too_large(limits: FileLimits) -> InvalidInput:
    """The file error for more bytes than are allowed."""
    return InvalidInput("file_too_large", f"The file holds more than {limits.max_bytes} bytes.", limit=limits.max_bytes)


def _one_csv(archive: zipfile.ZipFile, limits: FileLimits) -> zipfile.ZipInfo:
    """The one member, refused unless its name and the sizes that its directory claims are harmless."""
    members = archive.infolist()
    for member in members:
        name = member.orig_filename
        if "/" in name or "\\" in name or ".." in name or "\0" in name or ":" in name:
            raise InvalidInput("zip_unsafe_name", "The zip holds a folder or a path; put one CSV at its top.")
    if len(members) != 1 or not members[0].filename.lower().endswith(".csv"):
        raise InvalidInput("zip_not_one_csv", f"The zip must hold exactly one CSV; it holds {len(members)} files.")
    member = members[0]
    if member.flag_bits & _ENCRYPTED:
        raise InvalidInput("zip_encrypted", "The zip is encrypted.")
    if member.compress_type not in _KNOWN_METHODS:
        raise InvalidInput("zip_broken", "The zip uses a packing method other than deflate.")
    if member.file_size > (member.compress_size + 1) * _DEFLATE_MOST:
        raise InvalidInput("zip_broken", "The zip's directory names sizes that no packing gives.")
    if member.file_size > limits.max_bytes:
        raise too_large(limits)
    if member.file_size > member.compress_size * limits.max_unpack_ratio:
        raise _bomb(limits)
    return member


def _bomb(limits: FileLimits) -> InvalidInput:
    return InvalidInput(
        "zip_bomb",
        f"The zip unpacks to more than {limits.max_unpack_ratio} times its size.",
        ratio=limits.max_unpack_ratio,
    )


class _Counted(io.RawIOBase):
    """Counts what is really unpacked: the directory of a hostile zip may claim less."""

    def __init__(self, packed: IO[bytes], allowed: int) -> None:
        super().__init__()
        self._packed = packed
        self._left = allowed

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        chunk = self._packed.read(len(buffer))
        self._left -= len(chunk)
        if self._left < 0:
            raise InvalidInput("zip_bomb", "The zip unpacks to more than its directory claims or the limit allows.")
        buffer[: len(chunk)] = chunk
        return len(chunk)
