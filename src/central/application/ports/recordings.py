"""The recordings port: where recorded calls are kept, the spool before it, and the index of what is kept.

A recording exists first as a ticket in the spool (written before or while it is recorded), then as a file beside the ticket,
then in the storage; its row is written last, so that no row names a file that is not there. Implementations:
adapters/recordings (folder, S3-compatible, spool), adapters/postgres/recordings.py (index).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec

from central.domain.ids import AccountId, LegId, RecordId


class Ticket(msgspec.Struct, frozen=True):
    """What is being recorded. ``step`` "" = the whole call; ``key`` is its place in the storage, ``name`` what people see."""

    account_id: AccountId
    record_id: RecordId
    id: UUID
    leg_id: LegId
    step: str
    name: str
    key: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Sound:
    """What a finished file holds. ``loud_s``: seconds in which something was to be heard, counted up to the limit asked for."""

    seconds: float
    loud_s: float
    channels: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """A stored recording. ``deleted_at``: its file is gone, the row tells so until the audit's retention is over."""

    account_id: AccountId
    record_id: RecordId
    id: UUID
    leg_id: LegId
    step: str
    name: str
    seconds: float
    channels: int
    bytes: int
    sha256: str
    key: str
    created_at: datetime
    expires_at: datetime | None = None
    deleted_at: datetime | None = None


class RecordingSpool(Protocol):
    """Files on their way to the storage, on a disk of this node; survives the process."""

    async def begin(self, ticket: Ticket) -> None:
        """Write the ticket, so that what is recorded under it is found again after a crash. Raises NeighbourError."""
        ...

    def file(self, recording: UUID) -> Path:
        """Where the finished WAV file belongs."""
        ...

    async def measure(self, recording: UUID, enough_s: float) -> Sound | None:
        """What the file holds, None when there is no file or none that can be read; looks for ``enough_s`` of sound at most."""
        ...

    async def waiting(self) -> Sequence[Ticket]:
        """All tickets, oldest first; damaged ones are put aside."""
        ...

    async def drop(self, recording: UUID) -> None:
        """Remove ticket and file; safe to repeat."""
        ...


class RecordingStorage(Protocol):
    """Where files are kept. Keys are relative paths of safe characters. All raise NeighbourError ``recordings_away``."""

    async def put(self, key: str, file: Path) -> None:
        """Store the file whole or not at all; replaces an earlier one with the same key."""
        ...

    def read(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        """The bytes from ``first`` to ``last``, both included. Raises NotFound ``recording_missing``."""
        ...

    async def delete(self, key: str) -> None:
        """Remove it; safe to repeat."""
        ...


class RecordingIndex(Protocol):
    """The rows, one account a call except where a node or a job works for all."""

    async def add(self, rows: Sequence[RecordingRow], keep_days: int) -> None:
        """Add rows, those that are there already excepted; kept for the account's own number of days, else ``keep_days``."""
        ...

    async def of_record(self, account_id: AccountId, record_id: RecordId) -> Sequence[RecordingRow]:
        """All of a record by time, deleted ones too."""
        ...

    async def find(self, account_id: AccountId, recording: UUID) -> RecordingRow | None:
        """One recording."""
        ...

    async def expired(self, now: datetime, limit: int) -> Sequence[RecordingRow]:
        """Recordings of any account whose time is over and whose file was not deleted yet, oldest first."""
        ...

    async def deleted(self, rows: Sequence[RecordingRow], at: datetime) -> None:
        """Their files are gone: say so in the rows and in the audit trail of each account."""
        ...
