"""Recordings as people reach them: listed with their record, heard by a signed link that expires (path step 7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from central.application.ports.recordings import RecordingIndex, RecordingRow, RecordingStorage
from central.application.ports.world import Clock
from central.application.reporting.documents import Document
from central.domain.errors import NotFound, Refused
from central.domain.ids import AccountId, RecordId
from central.domain.recording_links import RecordingLinks


@dataclass(frozen=True, slots=True)
class ReadRecordings:
    """The use cases over one index and one storage."""

    index: RecordingIndex
    storage: RecordingStorage
    links: RecordingLinks
    clock: Clock

    async def of_record(self, account_id: AccountId, record_id: RecordId, *, linked: bool) -> Sequence[Document]:
        """All of a record by time, ``linked`` with a link each; what was deleted has ``deleted_at`` and no link."""
        found = await self.index.of_record(account_id, record_id)
        return [self._document(row, linked=linked) for row in found]

    async def open(self, account_id: AccountId, recording: UUID, expires: int, signature: str) -> RecordingRow:
        """The recording that a link leads to.

        Raises Forbidden ``link_invalid``, Refused ``link_expired`` or ``recording_deleted``, NotFound ``recording_not_found``.
        """
        self.links.check(account_id, recording, expires, signature, self.clock.now())
        row = await self.index.find(account_id, recording)
        if row is None:
            raise NotFound("recording_not_found", "There is no such recording.")
        if row.deleted_at is not None:
            raise Refused("recording_deleted", "The time of this recording is over; it was deleted.")
        return row

    def read(self, row: RecordingRow, first: int, last: int) -> AsyncIterator[bytes]:
        """Its bytes from ``first`` to ``last``, both included. Raises NotFound ``recording_missing``, NeighbourError."""
        return self.storage.read(row.key, first, last)

    def _document(self, row: RecordingRow, *, linked: bool) -> Document:
        told: dict[str, object] = {
            "recording_id": str(row.id),
            "leg_id": str(row.leg_id),
            "step": row.step or None,
            "name": row.name,
            "seconds": round(row.seconds, 3),
            "channels": row.channels,
            "bytes": row.bytes,
            "sha256": row.sha256,
            "created_at": _moment(row.created_at),
            "expires_at": _moment(row.expires_at),
            "deleted_at": _moment(row.deleted_at),
        }
        if linked and row.deleted_at is None:
            url, until = self.links.link(row.account_id, row.id, self.clock.now())
            told |= {"url": url, "url_expires_at": _moment(until)}
        return told


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
