"""A contact center in memory: queues with agents who are telephone numbers, free or not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from central.application.ports.contact_center import AgentWish, Offer, OfferEnd, Place, QueueOutcome, TalkEnd


@dataclass
class MemoryQueue:
    """agents: name -> telephone number, "" = a SIP phone; free: who may be rung, in turn; ids: theirs.

    places: how many customers may wait. all: rings all at once.
    """

    agents: dict[str, str] = field(default_factory=dict[str, str])
    places: int = 10
    logged_in: bool = True
    all: bool = False
    ring_timeout_s: float = 4.0
    free: list[str] = field(init=False)
    ids: dict[str, UUID] = field(init=False)
    waiting: list[MemoryPlace] = field(default_factory=list["MemoryPlace"])

    def __post_init__(self) -> None:
        self.free = list(self.agents)
        self.ids = {name: uuid4() for name in self.agents}

    def serve(self) -> None:
        """Offer who is free to who waits, first come first served."""
        for place in self.waiting:
            if place.open or not self.free:
                continue
            count = len(self.free) if self.all else 1
            names, self.free = self.free[:count], self.free[count:]
            place.offer([self._offer(name) for name in names])

    def _offer(self, name: str) -> Offer:
        number, ring_s = self.agents[name], self.ring_timeout_s
        return Offer(id=uuid4(), agent=self.ids[name], name=name, number=number, ring_timeout_s=ring_s)


class MemoryPlace:
    """Port Place."""

    def __init__(self, center: MemoryContactCenter, queue: MemoryQueue, wish: AgentWish, refused: str = "") -> None:
        self._center, self._queue, self._wish, self._refused = center, queue, wish, refused
        self.open: dict[UUID, Offer] = {}
        self.watched: dict[str, Callable[[], None]] = {}
        self._new: list[Offer] = []
        self._some = asyncio.Event()
        self._until = asyncio.get_running_loop().time() + wish.max_wait_s
        self._left = bool(refused)

    def offer(self, offers: Sequence[Offer]) -> None:
        self.open |= {offer.id: offer for offer in offers}
        self._new += offers
        self._some.set()

    async def offers(self) -> Sequence[Offer] | QueueOutcome:
        if self._refused:
            return self._refused  # type: ignore[return-value]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._some.wait(), max(0.0, self._until - asyncio.get_running_loop().time()))
        if not self._new:
            await self.leave()
            return "max_wait_time_reached"
        offers, self._new = self._new, []
        self._some.clear()
        return offers

    def watch(self, offer: Offer, withdrawn: Callable[[], None]) -> None:
        self.watched[offer.name] = withdrawn

    async def taken(self, offer: Offer) -> bool:
        if offer.id not in self.open:
            return False
        for rival in list(self.open.values()):
            if rival.id != offer.id:
                self._free(rival, last=False)
        self._center.told.append((offer.name, "taken"))
        return True

    async def ended(self, offer: Offer, how: OfferEnd) -> None:
        self._center.told.append((offer.name, how))
        self._free(offer, last=True)
        self._queue.serve()

    async def over(self, offer: Offer, how: TalkEnd) -> None:
        self._center.told.append((offer.name, how))
        self._free(offer, last=True)
        if how != "agent_lost":
            self._go()
        self._queue.serve()

    async def leave(self) -> None:
        if self._left:
            return
        for offer in list(self.open.values()):
            self._free(offer, last=True)
        self._go()
        self._queue.serve()

    def _go(self) -> None:
        self._left = True
        self._queue.waiting.remove(self)

    def _free(self, offer: Offer, *, last: bool) -> None:
        del self.open[offer.id]
        self._queue.free.insert(len(self._queue.free) if last else 0, offer.name)


@dataclass
class MemoryContactCenter:
    """Port ContactCenter. told: what became of offers."""

    queues: dict[str, MemoryQueue] = field(default_factory=dict[str, MemoryQueue])
    wishes: list[AgentWish] = field(default_factory=list[AgentWish])
    told: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    async def enter(self, wish: AgentWish) -> Place:
        self.wishes.append(wish)
        queue = self.queues.get(wish.queue)
        if queue is None or not queue.logged_in:
            return MemoryPlace(self, MemoryQueue(), wish, "no_agent_available")
        if len(queue.waiting) >= queue.places:
            return MemoryPlace(self, queue, wish, "queue_full")
        place = MemoryPlace(self, queue, wish)
        queue.waiting.append(place)
        queue.serve()
        return place
