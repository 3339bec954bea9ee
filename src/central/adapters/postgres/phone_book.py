"""The PhoneBook port on PostgreSQL (``queries/offer.sql``), for all accounts of the shard."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, transaction
from central.application.ports.telephony import Phone

_SQL = hot_statements("offer")


class PostgresPhoneBook:
    """SIP phones of agents; ``pool`` is one of central_worker, ``node`` the voice node's name."""

    def __init__(self, pool: Pool, node: str) -> None:
        self._pool, self._node = pool, node

    async def phones(self) -> Sequence[Phone]:
        """All phones that have credentials."""
        async with transaction(self._pool) as connection:
            return [Phone(agent, password) for agent, password in await _SQL["phones"].rows(connection, {})]

    async def registered(self, agents: frozenset[UUID]) -> None:
        """These are registered here, no others are."""
        async with transaction(self._pool) as connection:
            await _SQL["phones_there"].run(connection, {"agents": sorted(agents), "node": self._node})
