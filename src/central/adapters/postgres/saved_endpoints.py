"""The ports SavedEndpoints and EndpointNames on PostgreSQL: what an endpoint's name means (``queries/saved_endpoint.sql``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from central.adapters.postgres.administration_rows import fetch, fetch_one
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.web_calls import SavedEndpoint
from central.domain.endpoints import parse_auth
from central.domain.ids import AccountId

_SQL = load_statements("saved_endpoint")


@dataclass(frozen=True, slots=True)
class _Row:
    url: str
    auth: Mapping[str, object] | None
    secrets: tuple[str, ...]
    disabled: bool


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


class PostgresSavedEndpoints:
    """Endpoints of the accounts, one account a transaction; ``pool`` is one of ``central_api`` or ``central_worker``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find_endpoint(self, account_id: AccountId, name: str) -> SavedEndpoint | None:
        """The endpoint of this name; see the port."""
        values = {"account_id": account_id, "name": name}
        async with tenant(self._pool, account_id) as connection:
            row = await fetch_one(connection, _SQL["find_endpoint"], _Row, values)
        if row is None:
            return None
        return SavedEndpoint(row.url, parse_auth(row.auth), row.secrets, disabled=row.disabled)

    async def known_endpoints(self, account_id: AccountId, names: Sequence[str]) -> frozenset[str]:
        """Those of the names that an endpoint of the account has; see the port."""
        values = {"account_id": account_id, "names": list(names)}
        async with tenant(self._pool, account_id) as connection:
            rows = await fetch(connection, _SQL["known_endpoints"], _Name, values)
        return frozenset(row.name for row in rows)
