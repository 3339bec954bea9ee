"""The ports TextRouteStore and TextStarts on PostgreSQL (``queries/text_route.sql``)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from central.adapters.postgres.administration_rows import changing, fetch, scalar, touched
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.text_routes import StartState, TextRoute, WaitingText, WaitingTexts
from central.domain.errors import NotFound
from central.domain.ids import AccountId, FlowId, RequestId

_SQL = load_statements("text_route")
_HOT = hot_statements("text_route")


class PostgresTextRoutes:
    """Routes of texts; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, account_id: AccountId, route: TextRoute, audit: AuditEntry) -> UUID:
        """Add or change it; see the port."""
        values = msgspec.structs.asdict(route) | {"account_id": account_id}
        async with changing(self._pool, account_id, audit) as change:
            found = await scalar(change.connection, _SQL["put_text_route"], values)
            if found is None:
                raise NotFound("carrier_not_found", "There is no such carrier in this account.")
            return UUID(str(found))
        return route.id

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[TextRoute]:
        """Routes in the order they were made."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["text_route_page"], TextRoute, values)

    async def remove(self, account_id: AccountId, route_id: UUID, audit: AuditEntry) -> bool:
        """Delete it; see the port."""
        values = {"account_id": account_id, "id": route_id}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["drop_text_route"], values):
                change.nothing()
            return True
        return False


class PostgresTextStarts:
    """Texts that wait for their flow; ``pool`` is one of central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def waiting(self, limit: int) -> Sequence[WaitingTexts]:
        """Whole requests to be, the oldest first."""
        async with transaction(self._pool) as connection:
            rows = await _HOT["waiting_texts"].rows(connection, {"limit": limit})
        found: dict[tuple[UUID, UUID, str], list[WaitingText]] = {}
        for account_id, request_id, flow_id, *text in rows:
            found.setdefault((account_id, request_id, flow_id), []).append(WaitingText(*text))
        return [
            WaitingTexts(AccountId(account_id), RequestId(request_id), FlowId(flow_id), texts)
            for (account_id, request_id, flow_id), texts in found.items()
        ]

    async def ended(self, waiting: WaitingTexts, state: StartState, detail: str) -> None:
        """They wait no more."""
        values = {
            "account_id": waiting.account_id, "request_id": waiting.request_id, "state": state, "detail": detail[:500],
        }  # fmt: skip
        async with transaction(self._pool) as connection:
            await _HOT["text_start_ended"].run(connection, values)
