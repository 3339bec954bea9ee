"""The DialAllowances port on PostgreSQL (``queries/dial.sql``), for all accounts of the shard."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, transaction
from central.application.ports.dial_allowances import Allowance
from central.domain.ids import AccountId

_SQL = hot_statements("dial")


class PostgresDialAllowances:
    """Allowances; ``pool`` is one of central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def allow(self, decided: Sequence[Allowance]) -> None:
        """Write decisions."""
        async with transaction(self._pool) as connection:
            await _SQL["allow"].run(connection, {"decided": msgspec.json.encode(decided).decode()})

    async def allowances(self) -> Sequence[Allowance]:
        """The last decision about every queue."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["allowances"].rows(connection)
        return [
            Allowance(
                account_id=AccountId(account),
                queue_id=queue,
                mode=mode,
                granted=granted,
                decided_at=at,
                expires_at=expires,
                used=used,
            )
            for account, queue, mode, granted, at, expires, used in rows
        ]
