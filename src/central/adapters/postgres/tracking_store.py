"""The tracker's side of the store (port TrackingStore): expired leases, control actions, counts (path step 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from central.adapters.postgres.dispatch_store import as_json
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, transaction
from central.application.ports.intake import StrandedUpload
from central.application.ports.tracking import ControlledRequest, Deed, LegState, ReapedRecord
from central.domain.ids import AccountId, RecordId, RequestId

_SQL = hot_statements("tracking")
_BACKLOG = (
    "open_requests", "records_in_progress", "leases_expired", "events_waiting", "events_parked", "uploads_loading",
    "nodes_alive", "dispatcher_silent_s", "partitions_missing",
)  # fmt: skip


class PostgresTracking:
    """TrackingStore on a pool of role central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def reap(self, owner: str, n: int, lease: timedelta) -> Sequence[ReapedRecord]:
        """Take up to ``n`` records with expired leases under a raised fence; their attempts become uncertain."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["reap"].rows(connection, {"owner": owner, "n": n, "lease": lease})
        return [
            ReapedRecord(a, i, q, flow, version, fence, status, made, charged, faults, struck, tuple(numbers), expires, end, zone,
                         control, force, agent)
            for a, i, q, fence, made, charged, faults, struck, numbers, expires, zone, status, agent, version, flow, end, control, force in rows
        ]  # fmt: skip

    async def legs_of(
        self, records: Sequence[tuple[AccountId, RecordId, int]]
    ) -> Mapping[RecordId, Sequence[LegState]]:
        """The legs of (account, record, attempt number)."""
        wanted = as_json([{"account_id": a, "id": i, "attempt": n} for a, i, n in records])
        async with transaction(self._pool) as connection:
            rows = await _SQL["legs_of"].rows(connection, {"records": wanted})
        found: dict[RecordId, list[LegState]] = {}
        for a, record_id, leg, _, position, to, handed, connect, end, status, answered_ms, by, cost, role in rows:
            state = LegState(a, record_id, leg, position, to, handed, connect, end, status, answered_ms, by, cost, role)
            found.setdefault(record_id, []).append(state)
        return found

    async def deeds_of(self, records: Sequence[tuple[AccountId, RecordId, int]]) -> Mapping[RecordId, frozenset[Deed]]:
        """What the attempts (account, record, number) have done, as the rows tell."""
        wanted = as_json([{"account_id": a, "id": i, "attempt": n} for a, i, n in records])
        async with transaction(self._pool) as connection:
            rows = await _SQL["deeds_of"].rows(connection, {"records": wanted})
        found: dict[RecordId, set[Deed]] = {}
        for record_id, deed in rows:
            found.setdefault(record_id, set()).add(deed)
        return {record_id: frozenset(deeds) for record_id, deeds in found.items()}

    async def controlled_requests(self) -> Sequence[ControlledRequest]:
        """Requests that are paused or being stopped."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["controlled_requests"].rows(connection)
        return [ControlledRequest(*row) for row in rows]

    async def hold_waiting(
        self, account_id: AccountId, request_id: RequestId, n: int, now: datetime, actor: str
    ) -> int:
        """Move up to ``n`` waiting records to PAUSE; answers how many."""
        return await self._move("hold_waiting", account_id, request_id, n, now, actor)

    async def end_waiting(
        self,
        account_id: AccountId,
        request_id: RequestId,
        n: int,
        now: datetime,
        actor: str,
        record_id: RecordId | None = None,
    ) -> int:
        """End up to ``n`` waiting records of a stopped request (or one record); answers how many."""
        values = {"account_id": account_id, "request_id": request_id, "n": n, "now": now, "actor": actor}
        async with transaction(self._pool) as connection:
            ((ended, records),) = await _SQL["end_waiting"].rows(connection, values | {"record_id": record_id})
            if ended:
                await _SQL["close_sleepers"].run(connection, {"records": as_json(records), "now": now})
        return int(ended)

    async def resume_held(self, account_id: AccountId, request_id: RequestId, n: int, now: datetime, actor: str) -> int:
        """Move up to ``n`` records from PAUSE to RESUME; answers how many."""
        return await self._move("resume_held", account_id, request_id, n, now, actor)

    async def requeue_short(
        self, account_id: AccountId, request_id: RequestId, n: int, now: datetime, actor: str
    ) -> int:
        """Requeue up to ``n`` records that ended for money or validity; answers how many."""
        return await self._move("requeue_short", account_id, request_id, n, now, actor)

    async def _move(
        self,
        query: str,
        account_id: AccountId,
        request_id: RequestId,
        n: int,
        now: datetime,
        actor: str,
    ) -> int:
        values = {"account_id": account_id, "request_id": request_id, "n": n, "now": now, "actor": actor}
        async with transaction(self._pool) as connection:
            return int(await _SQL[query].value(connection, values))

    async def fold_tallies(self, n: int) -> None:
        """Fold up to ``n`` count changes into one row a counter."""
        async with transaction(self._pool) as connection:
            await _SQL["fold_tallies"].run(connection, {"n": n})

    async def close_requests(self, n: int, now: datetime) -> int:
        """Close requests that are loaded and have nothing pending; answers how many endpoint messages that made."""
        async with transaction(self._pool) as connection:
            await _SQL["close_days"].run(connection, {"now": now})
            return await _SQL["close_requests"].run(connection, {"n": n, "now": now})

    async def stranded_uploads(self) -> list[StrandedUpload]:
        """Received files that nobody loads, and why."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["stranded_uploads"].rows(connection)
        return [StrandedUpload(AccountId(a), RequestId(r), fate) for a, r, fate in rows]

    async def backlog(self) -> Mapping[str, float]:
        """Figures that an operator watches, by metric name."""
        async with transaction(self._pool) as connection:
            (row,) = await _SQL["backlog"].rows(connection)
        return dict(zip(_BACKLOG, map(float, row), strict=True))
