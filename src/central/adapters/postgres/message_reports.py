"""The MessageReports port on PostgreSQL (``queries/message_report.sql``), inside one account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

import msgspec

from central.adapters.postgres.administration_rows import fetch
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.message_reports import EventRow, MessageRow, MessageWish, TextRow, TextWish
from central.domain.ids import AccountId, MessageId

_SQL = load_statements("message_report")


class PostgresMessageReports:
    """Reading messages; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, account_id: AccountId, wanted: MessageWish, before: MessageId | None, limit: int
    ) -> Sequence[MessageRow]:
        """Newest first."""
        asked = msgspec.structs.asdict(wanted) | {
            "account_id": account_id, "before": before, "limit": limit, "id": None,
        }  # fmt: skip
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["message_page"], MessageRow, asked)

    async def get(self, account_id: AccountId, message_id: MessageId) -> MessageRow | None:
        """One message."""
        async with tenant(self._pool, account_id) as connection:
            asked = {"account_id": account_id, "id": message_id}
            found = await fetch(connection, _SQL["one_message"], MessageRow, asked)
        return found[0] if found else None

    async def history(self, account_id: AccountId, ids: Sequence[MessageId]) -> Sequence[EventRow]:
        """Every line of these messages."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch(
                connection, _SQL["message_history"], EventRow, {"account_id": account_id, "ids": list(ids)}
            )

    async def counts(
        self, account_id: AccountId, channel: Literal["sms", "email"], request_id: UUID | None
    ) -> Mapping[str, int]:
        """How many there are by status."""
        asked = {"account_id": account_id, "channel": channel, "request_id": request_id}
        async with tenant(self._pool, account_id) as connection:
            cursor = await connection.execute(_SQL["message_counts"], asked)
            return {str(status): int(n) for status, n in await cursor.fetchall()}

    async def texts(
        self, account_id: AccountId, wanted: TextWish, before: UUID | None, limit: int
    ) -> Sequence[TextRow]:
        """Inbound texts, newest first."""
        asked = msgspec.structs.asdict(wanted) | {"account_id": account_id, "before": before, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["text_page"], TextRow, asked)
