"""A voice node's writer (port JournalStore): one transaction a group commit, guarded by the record's fence (steps 3 to 5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import zstandard

from central.adapters.postgres.dispatch_store import as_json
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Connection, Pool, transaction
from central.application.ports.journal import JournalAnswer, JournalBatch, LegHandOver, TraceRow

if TYPE_CHECKING:
    from central.application.ports.world import Ids
    from central.domain.ids import AccountId, LegId, RecordId

_SQL = hot_statements("journal")
_MONEY = hot_statements("dispatch")
_TRACKING = hot_statements("tracking")


class PostgresJournal:
    """JournalStore on a pool of role central_worker."""

    def __init__(self, pool: Pool, ids: Ids) -> None:
        self._pool, self._ids = pool, ids
        self._pack = zstandard.ZstdCompressor(level=3)

    async def commit(self, owner: str, batch: JournalBatch, now: datetime) -> JournalAnswer:
        """Write one batch in one transaction; see the port."""
        async with transaction(self._pool) as connection:
            return await self._write(connection, owner, batch, now)

    async def _write(self, connection: Connection, owner: str, batch: JournalBatch, now: datetime) -> JournalAnswer:
        legs: frozenset[LegId] = frozenset()
        short: frozenset[LegId] = frozenset()
        if batch.legs:
            rows = await _SQL["hand_over_legs"].rows(connection, {"legs": as_json(batch.legs), "owner": owner})
            fresh = {leg for *_, leg, new in rows if new}
            short = await self._reserve(connection, [leg for leg in batch.legs if leg.id in fresh], now)
            legs = frozenset(row[2] for row in rows) - short
        ended = {leg.id for leg in batch.ends}  # the end of a leg tells its answer too
        if answers := [leg for leg in batch.answers if leg.id not in ended]:
            await _SQL["answer_legs"].run(connection, {"legs": as_json(answers)})
        if batch.ends:
            await _SQL["end_legs"].run(connection, {"legs": as_json(batch.ends)})
        if batch.events:
            await _SQL["add_events"].run(connection, {"events": as_json(batch.events)})
        asleep: frozenset[RecordId] = frozenset()
        if batch.sleeps:
            rows = await _SQL["sleep"].rows(connection, {"rows": as_json(batch.sleeps), "owner": owner})
            asleep = frozenset(record_id for _, record_id in rows)
        results: dict[RecordId, Any] = {}
        if batch.results:
            rows = await _SQL["finish"].rows(connection, {"results": as_json(batch.results), "now": now})
            results = {record_id: answer for _, record_id, answer in rows}
        return JournalAnswer(legs, short, results, asleep)

    async def _reserve(self, connection: Connection, legs: Sequence[LegHandOver], now: datetime) -> frozenset[LegId]:
        """Set money aside for further legs (the first is paid by the claim); answers those that cannot be paid."""
        further = [leg for leg in legs if leg.position > 0 and leg.reserved > 0]
        if not further:
            return frozenset()
        accounts = sorted({leg.account_id for leg in further})
        rows = await _MONEY["lock_balances"].rows(connection, {"accounts": accounts})
        limits = dict(await _MONEY["credit_limits"].rows(connection, {"accounts": accounts}))
        free = {account_id: balance + limits[account_id] - reserved for account_id, balance, reserved in rows}
        paid: list[LegHandOver] = []
        short: list[LegHandOver] = []
        for leg in further:
            if free.get(leg.account_id, 0) < leg.reserved:
                short.append(leg)
            else:
                free[leg.account_id] -= leg.reserved
                paid.append(leg)
        if paid:
            await _SQL["reserve_legs"].run(connection, {"legs": as_json(paid)})
            await _MONEY["reserve"].run(connection, {"moves": as_json(self._moves(paid)), "now": now})
        if short:
            await _SQL["refuse_legs"].run(connection, {"legs": as_json(short)})
        return frozenset(leg.id for leg in short)

    def _moves(self, legs: Sequence[LegHandOver]) -> list[dict[str, object]]:
        """One reservation an account."""
        sums: dict[AccountId, list[int]] = {}
        for leg in legs:
            total = sums.setdefault(leg.account_id, [0, 0])
            total[0] += leg.reserved
            total[1] += 1
        return [
            {"account_id": a, "id": self._ids.uuid(), "reserved": s, "records": n} for a, (s, n) in sorted(sums.items())
        ]

    async def extend(
        self, owner: str, records: Sequence[tuple[AccountId, RecordId, int]], lease: timedelta
    ) -> frozenset[RecordId]:
        """Extend the leases of (account, record, fence); answers the records that are still ours."""
        wanted = as_json([{"account_id": a, "id": i, "fence": fence} for a, i, fence in records])
        async with transaction(self._pool) as connection:
            rows = await _SQL["extend"].rows(connection, {"records": wanted, "owner": owner, "lease": lease})
        return frozenset(record_id for _, record_id in rows)

    async def stopping(self, owner: str) -> frozenset[RecordId]:
        """Records of ours whose request was stopped with force."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["stopping"].rows(connection, {"owner": owner})
        return frozenset(record_id for _, record_id in rows)

    async def add_traces(self, rows: Sequence[TraceRow]) -> None:
        """Store SIP traces, one compressed blob a leg."""
        values = [
            {
                "account_id": row.account_id, "record_id": row.record_id, "leg_id": row.leg_id, "sip_call_id": row.trace.sip_call_id,
                "messages": len(row.trace.messages), "dropped": row.trace.dropped,
                "blob": self._pack.compress(msgspec.msgpack.encode(row.trace.messages)),
            }
            for row in rows
        ]  # fmt: skip
        async with transaction(self._pool) as connection, connection.cursor() as cursor:
            await cursor.executemany(_SQL["add_traces"].sql, values)

    async def disown(self, node: str, owner: str) -> int:
        """End the leases of this node's earlier lives; answers how many."""
        async with transaction(self._pool) as connection:
            return await _TRACKING["disown"].run(connection, {"node": node, "owner": owner})

    async def release_strays(self, owner: str, known: Sequence[tuple[AccountId, RecordId]]) -> int:
        """Give up leases that are ours by name but unknown to us."""
        wanted = as_json([{"account_id": a, "id": i} for a, i in known])
        async with transaction(self._pool) as connection:
            return await _TRACKING["release_strays"].run(connection, {"owner": owner, "known": wanted})
