"""Recordings whose time is over: the file is deleted first, then the row says so (background job)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.application.ports.recordings import RecordingIndex, RecordingStorage
from central.application.ports.world import Clock

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class RetireRecordings:
    """The use case; a crash in it deletes a file twice, which does no harm, and forgets none."""

    index: RecordingIndex
    storage: RecordingStorage
    clock: Clock

    async def __call__(self) -> int:
        """Delete until nothing is due; how many. Raises NeighbourError when the storage is away."""
        count = 0
        while rows := await self.index.expired(self.clock.now(), _BATCH):
            for row in rows:
                await self.storage.delete(row.key)
            await self.index.deleted(rows, self.clock.now())
            count += len(rows)
        return count
