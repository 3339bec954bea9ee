"""The node's spool on a local disk (port RecordingSpool): ``<id>.json`` is the ticket, ``<id>.wav`` the file beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec

from central.adapters.recordings.sound import measure_sound
from central.application.ports.recordings import Sound, Ticket
from central.domain.errors import NeighbourError

_tickets = msgspec.json.Decoder(Ticket)
T = TypeVar("T")


class DiskSpool:
    """One folder of one node; nobody else may use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def begin(self, ticket: Ticket) -> None:
        """Write the ticket durably. Raises NeighbourError ``recording_spool_fault``."""
        await _on_disk(lambda: self._write(ticket))

    def file(self, recording: UUID) -> Path:
        """Where the finished WAV file belongs."""
        return self._folder / f"{recording.hex}.wav"

    async def measure(self, recording: UUID, enough_s: float) -> Sound | None:
        """What the file holds; see the port."""
        return await _on_disk(lambda: measure_sound(self.file(recording), enough_s))

    async def waiting(self) -> Sequence[Ticket]:
        """All tickets, oldest first; a damaged one is renamed to ``*.damaged``."""
        return await _on_disk(self._read_all)

    async def drop(self, recording: UUID) -> None:
        """Remove ticket and file, the file first: a ticket without file is nothing, a file without ticket would stay."""
        await _on_disk(lambda: self._remove(recording))

    def _ticket(self, recording: UUID) -> Path:
        return self._folder / f"{recording.hex}.json"

    def _write(self, ticket: Ticket) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._ticket(ticket.id)
        part = path.with_suffix(".part")
        with part.open("wb") as target:
            target.write(msgspec.json.encode(ticket))
            target.flush()
            os.fsync(target.fileno())
        part.replace(path)

    def _read_all(self) -> Sequence[Ticket]:
        found: list[Ticket] = []
        for path in self._folder.glob("*.json"):
            try:
                found.append(_tickets.decode(path.read_bytes()))
            except msgspec.MsgspecError:
                path.replace(path.with_suffix(".damaged"))
        return sorted(found, key=lambda ticket: ticket.begun_at)

    def _remove(self, recording: UUID) -> None:
        self.file(recording).unlink(missing_ok=True)
        self._ticket(recording).unlink(missing_ok=True)


async def _on_disk(deed: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(deed)
    except OSError as error:
        raise NeighbourError("recording_spool_fault", f"The recording spool: {error.strerror or error}") from error
