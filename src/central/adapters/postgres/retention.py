"""Deletion of rows whose time is over, in small batches (background job; never on the hot path)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, transaction

_SQL = hot_statements("retention")
_BATCH = 2000


class PostgresRetention:
    """On a pool of role central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def retire(self, now: datetime, keep: Mapping[str, timedelta]) -> Mapping[str, int]:
        """Run each named statement with its age until nothing is left to do; answers the rows touched by each."""
        touched: dict[str, int] = {}
        for name, age in keep.items():
            touched[name] = 0
            while True:
                async with transaction(self._pool) as connection:
                    rows = await _SQL[name].run(connection, {"before": now - age, "n": _BATCH})
                touched[name] += rows
                if rows < _BATCH:
                    break
        return touched
