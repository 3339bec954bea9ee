"""The dispatcher's round (path step 2): who may start how many records now, and on which node. It only writes grants.

Channels in use are counted from the rows each round, so nothing drifts; call rates are token buckets of this leader's life.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from central.application.dispatch.usable_set_up import usable_flows
from central.application.ports.dispatch import AliveNode, DispatchStore, DueRequest, Grant
from central.application.ports.library import Library
from central.application.ports.world import Clock
from central.domain.fairness import Deficits, Demand, Room, Share, share
from central.domain.ids import AccountId, FlowId, RequestId

ROLE = "dispatcher"
_STALE = timedelta(seconds=5)
_LEADER_LEASE = timedelta(seconds=10)
_MOST_DUE = 2000
_BURST_S = 0.5  # of unused call rate that a quiet account or flow keeps


class GrantShares:
    """The use case; one instance a dispatcher process, called once a tick."""

    def __init__(self, store: DispatchStore, library: Library, clock: Clock, holder: str, kind: str = "voice") -> None:
        self._store, self._library, self._clock, self._holder, self._kind = store, library, clock, holder, kind
        self._deficits: Deficits = {}
        self._buckets: dict[object, tuple[float, float]] = {}

    async def __call__(self) -> int | None:
        """Run one round; the number of records granted, or None when another process leads.

        Raises NeighbourError when the store cannot be reached.
        """
        epoch = await self._store.lead(ROLE, self._holder, _LEADER_LEASE)
        if epoch is None:
            return None
        nodes = await self._store.alive_nodes(self._kind, _STALE)
        free = {node.name: max(0, node.channels - node.leased - node.granted) for node in nodes}
        capacity = sum(free.values())
        demands = await self._store.demands(self._clock.now(), _MOST_DUE) if capacity else ()
        shares = await self._share(capacity, nodes, demands) if demands else []
        await self._store.grant(_spread(shares, free), epoch, self._holder)
        return sum(s.n for s in shares)

    async def _share(self, capacity: int, nodes: Sequence[AliveNode], demands: Sequence[DueRequest]) -> list[Share]:
        granted = await self._store.open_grants()
        accounts, flows = await self._in_use()
        versions = await usable_flows(self._library, {d.flow_version_id for d in demands})
        account_room: dict[AccountId, int] = {}
        flow_room: dict[FlowId, int] = {}
        weights: dict[AccountId, int] = {}
        for d in demands:
            weights[d.account_id] = d.account_weight
            if d.account_id not in account_room:
                channels = max(0, d.channel_cap - accounts.get(d.account_id, 0))
                account_room[d.account_id] = min(channels, self._tokens(d.account_id, d.cps_cap))
            if (flow := versions.get(d.flow_version_id)) is None:
                continue  # the claim says so in the record's history and puts it back
            calls = flow.calls
            if d.flow_id not in flow_room and (calls.channels is not None or calls.cps is not None):
                left = _MOST_DUE if calls.channels is None else max(0, calls.channels - flows.get(d.flow_id, 0))
                flow_room[d.flow_id] = left if calls.cps is None else min(left, self._tokens(d.flow_id, calls.cps))
        rate = sum(node.cps for node in nodes)
        room = Room(
            capacity=min(capacity, self._tokens(ROLE, rate)),
            accounts=account_room,
            flows=flow_room,
            account_weights=weights,
        )
        wanted = [
            Demand(
                account=d.account_id,
                flow=d.flow_id,
                request=d.request_id,
                due=max(0, d.due - granted.get(d.request_id, 0)),
                weight=max(1, d.weight) * (1 + max(0, d.priority)),
            )
            for d in demands
        ]
        shares, self._deficits = share(room, wanted, self._deficits)
        flow_of = {d.request_id: d.flow_id for d in demands}
        for s in shares:
            for key in (ROLE, s.account, flow_of[s.request]):
                self._spend(key, s.n)
        return shares

    async def _in_use(self) -> tuple[Mapping[AccountId, int], Mapping[FlowId, int]]:
        accounts: dict[AccountId, int] = {}
        flows: dict[FlowId, int] = {}
        for row in await self._store.in_flight():
            accounts[row.account_id] = accounts.get(row.account_id, 0) + row.n
            flows[row.flow_id] = flows.get(row.flow_id, 0) + row.n
        return accounts, flows

    def _tokens(self, key: object, per_s: float) -> int:
        """Whole calls that may start now at a rate of ``per_s``; a new key begins with the burst of a quiet one."""
        now = self._clock.monotonic()
        most = max(1.0, per_s * _BURST_S)
        tokens, at = self._buckets.get(key, (most, now))
        tokens = min(most, tokens + (now - at) * per_s)
        self._buckets[key] = (tokens, now)
        return int(tokens)

    def _spend(self, key: object, n: int) -> None:
        if key in self._buckets:
            tokens, at = self._buckets[key]
            self._buckets[key] = (tokens - n, at)


def _spread(shares: Sequence[Share], free: Mapping[str, int]) -> list[Grant]:
    """Lay the shares on the nodes, the freest first, so that load stays even."""
    room = dict(free)
    grants: list[Grant] = []
    for s in shares:
        left = s.n
        while left > 0:
            node = max(room, key=lambda name: room[name])
            part = min(left, max(1, -(-s.n // len(room))), room[node])
            if part <= 0:
                break
            room[node] -= part
            left -= part
            grants.append(Grant(node, s.account, RequestId(s.request), part))
    return grants
