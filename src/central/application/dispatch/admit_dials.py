"""How many records of dialer flows their queues can serve (path step 2, ADR 46). Pure, but for the question it prepares.

agent_first and progressive: one record for each agent who is free and whom nobody waits for. predictive: as many as the
pacing process allows; where it has not decided, or says so, the same rule as progressive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from central.application.ports.dispatch import DueRequest, InFlight, QueueNeed, QueueRoom
from central.domain.fairness import Share
from central.domain.ids import AccountId, FlowId, RequestId
from central.flow.prepared import PreparedFlow
from central.flow.widgets.make_call_for_dialer import MakeCallForDialerNode

_Queue = tuple[AccountId, str, bool]
"""A queue, and whether its pacing is asked."""


@dataclass(slots=True)
class Admission:
    """What may be granted: by queue and flow. ``paced``: requests whose claims spend the allowance of a queue."""

    left: dict[_Queue, int] = field(default_factory=dict[_Queue, int])
    flows: dict[FlowId, int] = field(default_factory=dict[FlowId, int])
    queue_of: dict[RequestId, _Queue] = field(default_factory=dict[RequestId, _Queue])
    paced: dict[RequestId, UUID] = field(default_factory=dict[RequestId, UUID])

    def caps(self, flows: Mapping[FlowId, int]) -> Mapping[FlowId, int]:
        """The caps of flows, with what their agents can serve."""
        return {**flows, **{flow: min(n, flows.get(flow, n)) for flow, n in self.flows.items()}}

    def cut(self, shares: Sequence[Share]) -> list[Share]:
        """The same shares, as far as the queues go round that several flows draw on."""
        kept: list[Share] = []
        for one in shares:
            queue = self.queue_of.get(RequestId(one.request))
            n = one.n if queue is None else min(one.n, self.left[queue])
            if queue is not None:
                self.left[queue] -= n
            if n > 0:
                kept.append(Share(one.account, one.request, n))
        return kept


class AdmitDials:
    """The question to the store about these demands, and what its answer comes to; ``used`` are the records in flight."""

    def __init__(
        self, wanted: Sequence[DueRequest], used: Sequence[InFlight], versions: Mapping[UUID, PreparedFlow]
    ) -> None:
        self._wanted = [one for one in wanted if _dialer(versions, one.flow_version_id) is not None]
        self._versions = versions
        self._keys: dict[tuple[AccountId, str, tuple[str, ...]], int] = {}
        of_queue: dict[tuple[AccountId, str], set[UUID]] = {}
        known = [(one.account_id, one.flow_version_id) for one in self._wanted]
        for account, version in (*known, *((row.account_id, row.flow_version_id) for row in used)):
            dialer = _dialer(versions, version)
            if dialer is not None:
                of_queue.setdefault((account, dialer.queue), set()).add(version)
        for one in self._wanted:
            for skills in ((), self._skills(one)):
                self._keys.setdefault((one.account_id, self._queue(one), skills), len(self._keys))
        self.needs = [
            QueueNeed(
                key=key,
                account_id=account,
                queue=queue,
                skills=dict(map(_skill, skills)),
                versions=sorted(of_queue[account, queue]),
            )
            for (account, queue, skills), key in self._keys.items()
        ]

    def admission(self, rooms: Sequence[QueueRoom]) -> Admission:
        """What may be granted; a queue that does not exist serves nobody."""
        by_key = {room.key: room for room in rooms}
        found = Admission()
        for one in self._wanted:
            account, queue = one.account_id, self._queue(one)
            whole = by_key.get(self._keys[account, queue, ()])
            skilled = by_key.get(self._keys[account, queue, self._skills(one)])
            paced = (
                whole is not None and self._predictive(one) and whole.mode == "predictive" and whole.allowed is not None
            )
            if whole is None or skilled is None:
                n = found.flows[one.flow_id] = 0
            elif paced:
                n = found.flows[one.flow_id] = max(0, (whole.allowed or 0) - whole.granted)
                found.paced[one.request_id] = whole.queue_id
            else:
                n, found.flows[one.flow_id] = whole.served, skilled.served
            key = found.queue_of[one.request_id] = (account, queue, paced)
            found.left.setdefault(key, n)
        return found

    def _queue(self, one: DueRequest) -> str:
        dialer = _dialer(self._versions, one.flow_version_id)
        return "" if dialer is None else dialer.queue

    def _skills(self, one: DueRequest) -> tuple[str, ...]:
        """Those that the document says; what a variable asks for is known when the record is there."""
        dialer = _dialer(self._versions, one.flow_version_id)
        return () if dialer is None else tuple(sorted(s.literal for s in dialer.skills if s.literal is not None))

    def _predictive(self, one: DueRequest) -> bool:
        dialer = _dialer(self._versions, one.flow_version_id)
        return dialer is not None and dialer.mode == "predictive"


def _dialer(versions: Mapping[UUID, PreparedFlow], version_id: UUID) -> MakeCallForDialerNode | None:
    flow = versions.get(version_id)
    return None if flow is None else flow.dialer


def _skill(text: str) -> tuple[str, int]:
    name, _, level = text.partition(":")
    return name.strip(), int(level or 1)
