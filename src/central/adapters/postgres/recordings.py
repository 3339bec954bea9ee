"""The port RecordingIndex on PostgreSQL (``queries/recording.sql``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import fetch, fetch_one
from central.adapters.postgres.pool import Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.recordings import RecordingRow
from central.domain.ids import AccountId, RecordId

_SQL = load_statements("recording")
_COLUMNS = ("step", "name", "seconds", "channels", "bytes", "sha256", "key")


class PostgresRecordings:
    """``add``, ``expired`` and ``deleted`` need a pool of ``central_worker``; the others work on one of ``central_api`` too."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, rows: Sequence[RecordingRow], keep_days: int) -> None:
        """Add rows of any account, in one statement; see the port."""
        told = [
            {
                "account_id": str(row.account_id),
                "id": str(row.id),
                "record_id": str(row.record_id),
                "leg_id": str(row.leg_id),
                "created_at": row.created_at.isoformat(),
                **{name: getattr(row, name) for name in _COLUMNS},
            }
            for row in rows
        ]
        async with transaction(self._pool) as connection:
            await connection.execute(_SQL["add_recordings"], {"rows": Jsonb(told), "keep_days": keep_days})

    async def of_record(self, account_id: AccountId, record_id: RecordId) -> Sequence[RecordingRow]:
        """All of a record by time; see the port."""
        asked = {"account_id": account_id, "record_id": record_id}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["recordings_of_record"], RecordingRow, asked)

    async def find(self, account_id: AccountId, recording: UUID) -> RecordingRow | None:
        """One recording."""
        asked = {"account_id": account_id, "id": recording}
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _SQL["recording"], RecordingRow, asked)

    async def expired(self, now: datetime, limit: int) -> Sequence[RecordingRow]:
        """Recordings of any account whose time is over; see the port."""
        async with transaction(self._pool) as connection:
            return await fetch(connection, _SQL["expired_recordings"], RecordingRow, {"now": now, "limit": limit})

    async def deleted(self, rows: Sequence[RecordingRow], at: datetime) -> None:
        """Say that their files are gone; see the port."""
        told = [{"account_id": str(row.account_id), "id": str(row.id)} for row in rows]
        async with transaction(self._pool) as connection:
            await connection.execute(_SQL["recordings_deleted"], {"rows": Jsonb(told), "at": at})
