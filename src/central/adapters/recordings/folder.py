"""Recordings kept in a folder (port RecordingStorage): the default, on a local disk or a mounted share."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, TypeVar

from central.domain.errors import DefectError, NeighbourError, NotFound

_CHUNK: Final = 256 * 1024
T = TypeVar("T")


class FolderStorage:
    """Files below one folder; a file appears under its name only when it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, file: Path) -> None:
        """Copy the file, whole or not at all; see the port."""
        await _on_disk(lambda: self._put(self._path(key), file))

    async def read(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        """The bytes from ``first`` to ``last``; see the port."""
        path = self._path(key)
        try:
            source = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError as error:
            raise NotFound("recording_missing", "The file of this recording is not there.") from error
        except OSError as error:
            raise _away(error) from error
        try:
            await asyncio.to_thread(source.seek, first)
            left = last - first + 1
            while left > 0:
                length = min(_CHUNK, left)
                chunk = await _on_disk(lambda length=length: source.read(length))  # type: ignore[misc]
                if not chunk:
                    return
                left -= len(chunk)
                yield chunk
        finally:
            await asyncio.to_thread(source.close)

    async def delete(self, key: str) -> None:
        """Remove it; safe to repeat."""
        path = self._path(key)
        await _on_disk(lambda: path.unlink(missing_ok=True))

    def _path(self, key: str) -> Path:
        path = Path(os.path.normpath(self._folder / key))
        if not path.is_relative_to(self._folder):
            raise DefectError("recording_key_unsafe", f"The key {key!r} leads out of the folder.")
        return path

    @staticmethod
    def _put(path: Path, file: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f".{path.name}.part")
        try:
            shutil.copyfile(file, part)
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


async def _on_disk(deed: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(deed)
    except OSError as error:
        raise _away(error) from error


def _away(error: OSError) -> NeighbourError:
    return NeighbourError("recordings_away", f"The recordings folder: {error.strerror or error}")
