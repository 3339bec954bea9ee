"""A contact center in memory: queues with so many agents, each of whom rings a while and talks a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from central.application.ports.contact_center import AgentAnswer, AgentWish, WaitStage


@dataclass
class MemoryQueue:
    """agents: who are free. places: how many customers may wait or talk. rings_s, talks_s: what an agent does; lost: breaks off."""

    agents: list[str] = field(default_factory=list[str])
    places: int = 10
    logged_in: bool = True
    rings_s: float = 1.0
    talks_s: float = 5.0
    lost: bool = False


@dataclass
class MemoryContactCenter:
    """Port ContactCenter."""

    queues: dict[str, MemoryQueue] = field(default_factory=dict[str, MemoryQueue])
    wishes: list[AgentWish] = field(default_factory=list[AgentWish])
    inside: dict[str, int] = field(default_factory=dict[str, int])
    let_go: int = 0

    async def connect(self, wish: AgentWish, moved: Callable[[WaitStage], None]) -> AgentAnswer:
        self.wishes.append(wish)
        queue = self.queues.get(wish.queue)
        if queue is None or not queue.logged_in:
            return AgentAnswer("no_agent_available", detail="There is no such queue, or nobody is logged in.")
        if self.inside.get(wish.queue, 0) >= queue.places:
            return AgentAnswer("queue_full")
        self.inside[wish.queue] = self.inside.get(wish.queue, 0) + 1
        try:
            return await self._wait(wish, queue, moved)
        except asyncio.CancelledError:
            self.let_go += 1
            raise
        finally:
            self.inside[wish.queue] -= 1

    async def _wait(self, wish: AgentWish, queue: MemoryQueue, moved: Callable[[WaitStage], None]) -> AgentAnswer:
        waited_s = 0.0
        while not queue.agents:
            if waited_s >= wish.max_wait_s:
                return AgentAnswer("max_wait_time_reached", waited_s=waited_s)
            await asyncio.sleep(0.5)
            waited_s += 0.5
        agent = queue.agents.pop(0)
        try:
            await asyncio.sleep(queue.rings_s)
            moved("conversation")
            await asyncio.sleep(queue.talks_s)
        finally:
            queue.agents.append(agent)
        return AgentAnswer("agent_lost" if queue.lost else "agent_allocated", agent, waited_s + queue.rings_s)
