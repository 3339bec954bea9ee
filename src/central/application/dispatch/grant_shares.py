"""The dispatcher's round (path step 2): who may start how many records now, and on which node. It only writes grants.

Places in use are counted from the rows each round, so nothing drifts; call rates are token buckets of this leader's life. Records
of flows that need a call go to voice nodes, all others to nodes without voice: each kind is shared out by itself, and only calls
count against the caps of an account, which are channels and calls per second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from central.application.dispatch.admit_dials import Admission, AdmitDials
from central.application.dispatch.usable_set_up import usable_flows
from central.application.ports.dispatch import MESSAGES, VOICE, AliveNode, DispatchStore, DueRequest, Grant, InFlight
from central.application.ports.library import Library
from central.application.ports.world import Clock
from central.domain.fairness import Deficits, Demand, Room, Share, share
from central.domain.ids import AccountId, FlowId, RequestId
from central.flow.prepared import PreparedFlow

ROLE = "dispatcher"
_STALE = timedelta(seconds=5)
_LEADER_LEASE = timedelta(seconds=10)
_MOST_DUE = 2000
_BURST_S = 0.5  # of unused call rate that a quiet account or flow keeps
_KINDS = (VOICE, MESSAGES)

Flows = Mapping[UUID, PreparedFlow]


class GrantShares:
    """The use case; one instance a dispatcher process, called once a tick."""

    def __init__(self, store: DispatchStore, library: Library, clock: Clock, holder: str) -> None:
        self._store, self._library, self._clock, self._holder = store, library, clock, holder
        self._deficits: dict[str, Deficits] = {kind: {} for kind in _KINDS}
        self._buckets: dict[object, tuple[float, float]] = {}

    async def __call__(self) -> int | None:
        """Run one round; the number of records granted, or None when another process leads.

        Raises NeighbourError when the store cannot be reached.
        """
        epoch = await self._store.lead(ROLE, self._holder, _LEADER_LEASE)
        if epoch is None:
            return None
        nodes = await self._store.alive_nodes(_KINDS, _STALE)
        free = {node.name: max(0, node.channels - node.leased - node.granted) for node in nodes}
        due = await self._store.demands(self._clock.now(), _MOST_DUE) if any(free.values()) else ()
        shares: list[Share] = []
        grants: list[Grant] = []
        if due:
            granted, used = await self._store.open_grants(), await self._store.in_flight()
            versions = await usable_flows(self._library, self._versions(due, used))
            for kind in _KINDS:
                mine = [node for node in nodes if node.kind == kind]
                room = {node.name: free[node.name] for node in mine}
                wanted = [d for d in due if _kind(versions, d.flow_version_id) == kind]
                if wanted and any(room.values()):
                    calls = [row for row in used if _kind(versions, row.flow_version_id) == kind]
                    agents = await self._admission(wanted, used, versions) if kind == VOICE else Admission()
                    given = self._share(kind, mine, sum(room.values()), wanted, calls, granted, versions, agents)
                    shares += given
                    grants += _spread(given, room, agents.paced)
        await self._store.grant(grants, epoch, self._holder)
        return sum(s.n for s in shares)

    async def _admission(self, wanted: Sequence[DueRequest], used: Sequence[InFlight], versions: Flows) -> Admission:
        """What queues can serve; nothing is asked where no dialer flow has due records."""
        dials = AdmitDials(wanted, used, versions)
        rooms = await self._store.queue_rooms(dials.needs, self._clock.now()) if dials.needs else ()
        return dials.admission(rooms)

    @staticmethod
    def _versions(due: Sequence[DueRequest], used: Sequence[InFlight]) -> set[UUID]:
        return {d.flow_version_id for d in due} | {row.flow_version_id for row in used}

    def _share(
        self,
        kind: str,
        nodes: Sequence[AliveNode],
        capacity: int,
        demands: Sequence[DueRequest],
        used: Sequence[InFlight],
        granted: Mapping[RequestId, int],
        versions: Flows,
        agents: Admission,
    ) -> list[Share]:
        rate = sum(node.cps for node in nodes)
        room = Room(
            capacity=min(capacity, self._tokens((ROLE, kind), rate)),
            accounts=self._room_of_accounts(demands, used) if kind == VOICE else {},
            flows=agents.caps(self._room_of_flows(kind, demands, used, versions)),
            account_weights={d.account_id: d.account_weight for d in demands},
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
        shares, self._deficits[kind] = share(room, wanted, self._deficits[kind])
        shares = agents.cut(shares)
        flow_of = {d.request_id: d.flow_id for d in demands}
        for s in shares:
            self._spend((ROLE, kind), s.n)
            self._spend((kind, flow_of[s.request]), s.n)
            if kind == VOICE:
                self._spend(s.account, s.n)
        return shares

    def _room_of_accounts(self, demands: Sequence[DueRequest], used: Sequence[InFlight]) -> dict[AccountId, int]:
        """Free channels of each account, and no more of them than its call rate allows now."""
        in_use: dict[AccountId, int] = {}
        for row in used:
            in_use[row.account_id] = in_use.get(row.account_id, 0) + row.n
        room: dict[AccountId, int] = {}
        for d in demands:
            if d.account_id not in room:
                channels = max(0, d.channel_cap - in_use.get(d.account_id, 0))
                room[d.account_id] = min(channels, self._tokens(d.account_id, d.cps_cap))
        return room

    def _room_of_flows(
        self, kind: str, demands: Sequence[DueRequest], used: Sequence[InFlight], versions: Flows
    ) -> dict[FlowId, int]:
        """The same for flows that set caps of their own."""
        in_use: dict[FlowId, int] = {}
        for row in used:
            in_use[row.flow_id] = in_use.get(row.flow_id, 0) + row.n
        room: dict[FlowId, int] = {}
        for d in demands:
            if (flow := versions.get(d.flow_version_id)) is None:
                continue  # the claim says so in the record's history and puts it back
            calls = flow.calls
            if d.flow_id not in room and (calls.channels is not None or calls.cps is not None):
                left = _MOST_DUE if calls.channels is None else max(0, calls.channels - in_use.get(d.flow_id, 0))
                room[d.flow_id] = left if calls.cps is None else min(left, self._tokens((kind, d.flow_id), calls.cps))
        return room

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


def _kind(versions: Flows, version_id: UUID) -> str:
    """Which kind of node runs a version; one that cannot be read goes where its claim tells so."""
    flow = versions.get(version_id)
    return VOICE if flow is None or flow.needs_voice else MESSAGES


def _spread(
    shares: Sequence[Share], free: Mapping[str, int], paced: Mapping[RequestId, UUID] | None = None
) -> list[Grant]:
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
            grants.append(Grant(node, s.account, RequestId(s.request), part, (paced or {}).get(s.request)))
    return grants
