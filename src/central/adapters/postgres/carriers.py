"""The CarrierStore port on PostgreSQL (``queries/carrier.sql``), inside one account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import changing, fetch, touched
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.carrier_setup import CHANNEL_OF, CarrierRow
from central.application.ports.carriers import CarrierId
from central.domain.ids import AccountId

_SQL = load_statements("carrier")


class PostgresCarriers:
    """Carriers with their routes; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, account_id: AccountId, carrier: CarrierRow, audit: AuditEntry, *, new: bool) -> bool:
        """Store it with its routes; see the port."""
        values = {
            "account_id": account_id, "id": carrier.id, "name": carrier.name, "channel": CHANNEL_OF[carrier.kind],
            "kind": carrier.kind, "settings": Jsonb(carrier.settings), "secrets": Jsonb(carrier.secrets),
            "enabled": carrier.enabled, "created_at": carrier.created_at, "routes": Jsonb(msgspec.to_builtins(carrier.routes)),
        }  # fmt: skip
        async with changing(self._pool, account_id, audit) as change:
            if new:
                await change.connection.execute(_SQL["create_carrier"], values)
            elif not await touched(change.connection, _SQL["change_carrier"], values):
                change.nothing()
            await change.connection.execute(_SQL["drop_routes"], values)
            await change.connection.execute(_SQL["set_routes"], values)
            return True
        return False

    async def page(self, account_id: AccountId, after: CarrierId | None, limit: int) -> Sequence[CarrierRow]:
        """Carriers in the order they were made."""
        values = {"account_id": account_id, "id": None, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["carrier_page"], _carrier, values)

    async def get(self, account_id: AccountId, carrier_id: CarrierId) -> CarrierRow | None:
        """One carrier."""
        values = {"account_id": account_id, "id": carrier_id, "after": None, "limit": 1}
        async with tenant(self._pool, account_id) as connection:
            found = await fetch(connection, _SQL["carrier_page"], _carrier, values)
        return found[0] if found else None

    async def remove(self, account_id: AccountId, carrier_id: CarrierId, audit: AuditEntry) -> bool:
        """Delete it; see the port."""
        async with changing(self._pool, account_id, audit) as change:
            key = {"account_id": account_id, "id": carrier_id}
            await change.connection.execute(_SQL["strand_messages"], key)
            if not await touched(change.connection, _SQL["drop_carrier"], key):
                change.nothing()
            return True
        return False


def _carrier(**columns: Any) -> CarrierRow:  # noqa: ANN401 - at the wire
    return msgspec.convert(columns, CarrierRow)
