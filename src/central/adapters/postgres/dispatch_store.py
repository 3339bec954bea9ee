"""The dispatcher's and claimers' side of the store (port DispatchStore): leadership, demands, grants, claims (path step 2)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from central.adapters.postgres.account_rows import ACCOUNT_COLUMNS, account_of
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Connection, Pool, transaction
from central.application.ports.dispatch import (
    AliveNode,
    ClaimDecision,
    Claimed,
    DueRequest,
    FlowDocument,
    Grant,
    InFlight,
    ListState,
    NodeState,
    PickedRecord,
    Purse,
    QueueNeed,
    QueueRoom,
    Sleeper,
)
from central.application.ports.world import Ids
from central.domain.accounts import Account
from central.domain.contacts import Contact
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from central.domain.statuses import FlowStatus

_SQL = hot_statements("dispatch")
_TRACKING = hot_statements("tracking")
_DIAL = hot_statements("dial")
_MAY_SLEEP: Final = frozenset({FlowStatus.IN_PROGRESS, FlowStatus.RESUME})
_GRANT_AGE = timedelta(seconds=5)


def as_json(value: object) -> str:
    """One jsonb parameter for a whole batch; dataclasses become objects of their field names."""
    return msgspec.json.encode(value).decode()


class PostgresClaim:
    """One open claim transaction (port ClaimBatch)."""

    def __init__(self, connection: Connection, owner: str, now: datetime, ids: Ids) -> None:
        self._connection, self._owner, self._now, self._ids = connection, owner, now, ids
        self.records: Sequence[PickedRecord] = ()
        self.accounts: Mapping[AccountId, Account] = {}
        self.lists: Mapping[AccountId, Mapping[str, ListState]] = {}
        self.purses: Mapping[AccountId, Purse] = {}
        self.prefixes: Mapping[AccountId, Sequence[tuple[str, str]]] = {}
        self.zoned: frozenset[AccountId] = frozenset()

    async def pick(self, node: str) -> None:
        """Take the node's grants and lock what they ask for, with accounts, list versions and balances."""
        connection = self._connection
        grants = await _SQL["take_grants"].rows(connection, {"node": node})
        if not grants:
            return
        free = _merged([(a, q, n) for a, q, n, queue in grants if queue is None])
        paced = [{"account_id": a, "request_id": q, "queue_id": u, "n": n} for a, q, n, u in grants if u is not None]
        if paced:
            spent = await _DIAL["spend"].rows(connection, {"quota": as_json(paced), "now": self._now})
            free = _merged([*free, *spent])
        quota = as_json([{"account_id": a, "request_id": q, "n": n} for a, q, n in free])
        rows = await _SQL["pick"].rows(connection, {"quota": quota, "now": self._now})
        self.records = await self._with_sleepers([_picked(row) for row in rows])
        if not rows:
            return
        accounts = {"accounts": list({record.account_id for record in self.records})}
        fact_rows = await _SQL["account_facts"].rows(connection, accounts)
        prefix_rows = await _SQL["prefix_entries"].rows(connection, accounts | {"now": self._now})
        purse_rows = await _SQL["balances"].rows(connection, accounts)
        self.accounts = {AccountId(row[0]): account_of(row) for row in fact_rows}
        self.lists = {AccountId(row[0]): list_states(row[ACCOUNT_COLUMNS]) for row in fact_rows}
        self.zoned = frozenset(AccountId(row[0]) for row in fact_rows if row[ACCOUNT_COLUMNS + 1])
        self.purses = {AccountId(a): Purse(balance, reserved) for a, balance, reserved in purse_rows}
        found: dict[AccountId, list[tuple[str, str]]] = {}
        for account_id, name, number in prefix_rows:
            found.setdefault(AccountId(account_id), []).append((number, name))
        self.prefixes = found

    async def _with_sleepers(self, records: list[PickedRecord]) -> list[PickedRecord]:
        """The same records, those whose attempt goes on with the run that sleeps; asks nothing where none can be."""
        asked = [r for r in records if r.attempts_made and r.status in _MAY_SLEEP]
        if not asked:
            return records
        rows = await _SQL["sleepers"].rows(self._connection, {"records": _keys(asked)})
        found = {(account_id, record_id): Sleeper(*more) for account_id, record_id, *more in rows}
        return [replace(r, sleeper=found.get((r.account_id, r.id))) for r in records]

    async def contacts(self, wanted: Collection[tuple[AccountId, str]]) -> Mapping[tuple[AccountId, str], Contact]:
        """What is kept about these numbers; see the port."""
        return await read_contacts(self._connection, wanted)

    async def settle(self, decisions: Sequence[ClaimDecision], lease: timedelta) -> Sequence[Claimed]:
        """Store the whole judged batch, reservations included; answers the records handed over."""
        if not decisions:
            return ()
        rows = [
            {
                "account_id": d.record.account_id, "id": d.record.id, "verdict": d.verdict, "from_status": d.record.status,
                "status": d.status, "reason": d.reason, "due_at": d.due_at, "struck": d.struck, "attempt_id": d.attempt_id,
                "event_id": d.event_id, "data": d.event, "reserved": d.reserved, "policy_id": d.policy_id,
                "policy_version": d.policy_version, "dnd_version": d.dnd_version, "blacklist_version": d.blacklist_version,
            }
            for d in decisions
        ]  # fmt: skip
        owner = {"owner": self._owner, "lease": lease, "now": self._now}
        moved = await _SQL["settle_claim"].rows(self._connection, {"decisions": as_json(rows)} | owner)
        await self._settle_sleepers(decisions, {record_id for _, record_id, *_ in moved})
        if moves := self._reservations(decisions):
            booked = await _SQL["reserve"].run(self._connection, {"moves": as_json(moves), "now": self._now})
            if booked != len(moves):
                raise NeighbourError(
                    "balance_moved", "another claim spent the money first: the records are judged again"
                )
        handed = {d.record.id for d in decisions if d.verdict in {"hand_over", "wake"}}
        return [Claimed(a, i, fence, attempt) for a, i, fence, attempt in moved if i in handed]

    async def _settle_sleepers(self, decisions: Sequence[ClaimDecision], moved: Collection[RecordId]) -> None:
        """Runs that slept are awake now, or their attempts are closed; those put back sleep on."""
        over = [d for d in decisions if d.record.sleeper is not None and d.record.id in moved]
        if awake := [d.record for d in over if d.verdict == "wake"]:
            await _SQL["wake_sleepers"].run(self._connection, {"records": _keys(awake)})
        if ended := [d.record for d in over if d.verdict == "end"]:
            await _TRACKING["close_sleepers"].run(self._connection, {"records": _keys(ended), "now": self._now})

    def _reservations(self, decisions: Sequence[ClaimDecision]) -> list[dict[str, object]]:
        """One reservation per account and batch."""
        sums: dict[AccountId, list[int]] = {}
        for decision in decisions:
            if decision.verdict == "hand_over" and decision.reserved:
                total = sums.setdefault(decision.record.account_id, [0, 0])
                total[0] += decision.reserved
                total[1] += 1
        return [
            {"account_id": a, "id": self._ids.uuid(), "reserved": s, "records": n} for a, (s, n) in sorted(sums.items())
        ]


class PostgresDispatch:
    """DispatchStore on a pool of role central_worker."""

    def __init__(self, pool: Pool, ids: Ids) -> None:
        self._pool, self._ids = pool, ids

    async def lead(self, role: str, holder: str, lease: timedelta) -> int | None:
        """Take or keep leadership; the epoch, or None when somebody else leads."""
        async with transaction(self._pool) as connection:
            epoch = await _SQL["lead"].value(connection, {"role": role, "holder": holder, "lease": lease})
        return None if epoch is None else int(epoch)

    async def heartbeat(self, node: NodeState) -> None:
        """Write a sign of life."""
        async with transaction(self._pool) as connection:
            await _SQL["heartbeat"].run(
                connection,
                {
                    "name": node.name, "generation": node.generation, "kind": node.kind, "channels": node.channels,
                    "cps": node.cps, "address": node.address, "draining": node.draining, "healthy": node.healthy,
                    "detail": as_json(node.detail),
                },
            )  # fmt: skip

    async def alive_nodes(self, kinds: Sequence[str], stale: timedelta) -> Sequence[AliveNode]:
        """Nodes of these kinds that were heard within ``stale`` and take work."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["alive_nodes"].rows(connection, {"kinds": list(kinds), "stale": stale})
        return [AliveNode(*row) for row in rows]

    async def demands(self, now: datetime, cap: int) -> Sequence[DueRequest]:
        """Running requests with due records; each ``due`` counts up to ``cap``."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["demands"].rows(connection, {"now": now, "cap": cap})
        return [DueRequest(a, f, r, v, p, w, aw, ch, cps, due) for a, f, r, p, w, v, aw, ch, cps, due in rows]

    async def in_flight(self) -> Sequence[InFlight]:
        """Places in use by account, flow and version."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["in_flight"].rows(connection)
        return [InFlight(*row) for row in rows]

    async def open_grants(self) -> Mapping[RequestId, int]:
        """Grants that no node has taken yet."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["open_grants"].rows(connection)
        return {RequestId(request_id): n for _, request_id, n in rows}

    async def queue_rooms(self, asked: Sequence[QueueNeed], now: datetime) -> Sequence[QueueRoom]:
        """What queues can serve now, in one snapshot."""
        async with transaction(self._pool) as connection:
            rows = await _DIAL["rooms"].rows(connection, {"asked": as_json(asked), "now": now})
        return [QueueRoom(*row) for row in rows]

    async def grant(self, grants: Sequence[Grant], epoch: int, holder: str) -> None:
        """Write grants, if ``epoch`` still leads; grants that no node took for some seconds are dropped."""
        async with transaction(self._pool) as connection:
            await _SQL["drop_stale_grants"].run(connection, {"age": _GRANT_AGE})
            if grants:
                await _SQL["grant"].run(connection, {"grants": as_json(grants), "epoch": epoch, "holder": holder})

    @contextlib.asynccontextmanager
    async def claim(self, node: NodeState, now: datetime) -> AsyncGenerator[PostgresClaim]:
        """Take this node's grants and pick the records; rolled back by any exception."""
        async with transaction(self._pool) as connection:
            claim = PostgresClaim(connection, node.owner, now, self._ids)
            await claim.pick(node.name)
            yield claim

    async def flow_documents(self, ids: Sequence[UUID]) -> Sequence[FlowDocument]:
        """Frozen versions: their documents, and the recordings that they hold."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["flow_documents"].rows(connection, {"ids": list(ids)})
        return [
            FlowDocument(i, a, f, n, bytes(document), {(name, language): sha for name, language, sha in prompts})
            for a, i, f, n, document, prompts in rows
        ]

    async def flow_dids(
        self, flows: Sequence[tuple[AccountId, FlowId]]
    ) -> Mapping[tuple[AccountId, FlowId], Sequence[str]]:
        """The DIDs attached to flows, in order."""
        wanted = as_json([{"account_id": a, "flow_id": f} for a, f in flows])
        async with transaction(self._pool) as connection:
            rows = await _SQL["flow_dids"].rows(connection, {"flows": wanted})
        found: dict[tuple[AccountId, FlowId], list[str]] = {}
        for account_id, flow_id, number in rows:
            found.setdefault((AccountId(account_id), FlowId(flow_id)), []).append(number)
        return found


def _merged(grants: Sequence[tuple[UUID, UUID, int]]) -> list[tuple[UUID, UUID, int]]:
    """Several grants of one request become one: a lateral query may pick each row once only."""
    sums: dict[tuple[UUID, UUID], int] = {}
    for account_id, request_id, n in grants:
        sums[account_id, request_id] = sums.get((account_id, request_id), 0) + n
    return [(a, q, n) for (a, q), n in sums.items()]


def _keys(records: Sequence[PickedRecord]) -> str:
    return as_json([{"account_id": r.account_id, "id": r.id} for r in records])


def _picked(row: tuple[Any, ...]) -> PickedRecord:
    (account_id, id_, request_id, fence, status, epoch, made, charged, faults, struck, numbers, variables, zone, expires, client,
     due, agent_charged, flow_id, version_id, testing, end_at, hits) = row  # fmt: skip
    return PickedRecord(
        account_id, id_, request_id, flow_id, version_id, testing, end_at, fence, status, epoch, made, charged, faults, struck,
        tuple(numbers), variables, zone, expires, client, due, tuple((n, w) for n, w in hits) if hits else (), None, agent_charged,
    )  # fmt: skip


def list_states(value: Mapping[str, Mapping[str, object]] | None) -> dict[str, ListState]:
    """List versions by name from the JSON of the statements ``account_facts`` and ``account``."""
    return {name: msgspec.convert(state, ListState) for name, state in (value or {}).items()}


async def read_contacts(
    connection: Connection, wanted: Collection[tuple[AccountId, str]]
) -> dict[tuple[AccountId, str], Contact]:
    """What is kept about numbers of several accounts, in one statement."""
    rows = as_json([{"account_id": account_id, "number": number} for account_id, number in wanted])
    found = await _SQL["contacts"].rows(connection, {"wanted": rows})
    return {(AccountId(a), n): Contact(n, values, zone, at) for a, n, values, zone, at in found}
