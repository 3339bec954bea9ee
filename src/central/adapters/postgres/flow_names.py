"""The ports FlowFinder and FlowNames on PostgreSQL: which flow a name means (``queries/flow_name.sql``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.adapters.postgres.administration_rows import fetch, fetch_one
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.flow_names import NamedFlow
from central.domain.ids import AccountId

_SQL = load_statements("flow_name")


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


class PostgresFlowNames:
    """Flows of the accounts, one account a transaction; ``pool`` is one of ``central_api`` or ``central_worker``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find_flow(self, account_id: AccountId, flow: str) -> NamedFlow | None:
        """By id, else by name; see the port."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _SQL["named_flow"], NamedFlow, {"account_id": account_id, "flow": flow})

    async def known_queues(self, account_id: AccountId, names: Sequence[str]) -> frozenset[str]:
        """Those of the names that a queue of the account has; see the port."""
        values = {"account_id": account_id, "names": list(names)}
        async with tenant(self._pool, account_id) as connection:
            return frozenset(row.name for row in await fetch(connection, _SQL["known_queues"], _Name, values))

    async def known_flows(self, account_id: AccountId, names: Sequence[str]) -> frozenset[str]:
        """Those of the names that a flow of the account has; see the port."""
        values = {"account_id": account_id, "names": list(names)}
        async with tenant(self._pool, account_id) as connection:
            return frozenset(row.name for row in await fetch(connection, _SQL["known_flows"], _Name, values))
