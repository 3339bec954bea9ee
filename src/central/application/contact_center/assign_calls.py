"""One tick of the contact center: whoever waits is offered to who is free (path step 4b, domain 9.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from central.application.ports.offers import ChoiceStore, Desk, NewOffer
from central.application.ports.world import Clock, Ids
from central.domain.agents import FreeAgent, Match, assign


class AssignCalls:
    """The use case; ``roll(n)``: a random number below n."""

    def __init__(self, store: ChoiceStore, clock: Clock, ids: Ids, roll: Callable[[int], int]) -> None:
        self._store, self._clock, self._ids, self._roll = store, clock, ids, roll

    async def run(self) -> int:
        """Make the offers of this moment; how many agents are to be rung. One read and one write, whatever the number of calls."""
        now = self._clock.now()
        offers: list[NewOffer] = []
        for desk in await self._store.desks(now):
            matches = assign(desk.queues, desk.waiting, desk.free, now, self._roll)
            offers += self._offers(desk, matches)
        return await self._store.offer(offers, now) if offers else 0

    def _offers(self, desk: Desk, matches: list[Match]) -> list[NewOffer]:
        queues: Mapping[UUID, UUID | None] = {call.id: call.queue for call in desk.waiting if call.agent is None}
        agents: Mapping[UUID, FreeAgent] = {agent.id: agent for agent in desk.free}
        made: list[NewOffer] = []
        for match in matches:
            queue = queues.get(match.call)
            for agent in match.agents:
                member = agents[agent].queues.get(queue) if queue is not None else None
                turn = member.order if member is not None else None
                made.append(NewOffer(desk.account_id, self._ids.uuid(), match.call, agent, turn))
        return made
