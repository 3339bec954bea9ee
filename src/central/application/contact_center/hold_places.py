"""The door of the contact center on a voice node: holds the places of its customers, and tells what became of offers.

Step 4b of the path. Places live in the store under a lease of this node; one statement renews them all and brings the offers.
What is told is written in batches: whatever waits when the one before is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, cast
from uuid import UUID

from central.application.contact_center.settle_offers import Ended, Left, Over, PlaceNews, Taken, settle
from central.application.ports.contact_center import AgentWish, Offer, OfferEnd, Place, QueueOutcome, TalkEnd
from central.application.ports.offers import NewPlace, OfferStore
from central.application.ports.world import Clock, Ids

LEASE: Final = timedelta(seconds=8)
_OUTCOMES: Final = frozenset({"max_wait_time_reached", "no_agent_available", "queue_full", "failed"})


class HoldPlaces:
    """The use case (port ContactCenter). node: this process, never the same again after a restart. ``round`` is to be called often."""

    def __init__(self, store: OfferStore, node: str, clock: Clock, ids: Ids) -> None:
        self._store, self._node, self._clock, self._ids = store, node, clock, ids
        self._places: dict[UUID, HeldPlace] = {}
        self._told: list[tuple[PlaceNews, asyncio.Future[bool]]] = []
        self._writing = asyncio.Lock()

    async def enter(self, wish: AgentWish) -> Place:
        """Let him queue up. Raises NeighbourError when the store is away."""
        now = self._clock.now()
        new = NewPlace(
            account_id=wish.account_id,
            id=self._ids.uuid(),
            record_id=wish.record_id,
            leg_id=wish.leg,
            number=wish.number,
            queue=wish.queue,
            agent=wish.agent,
            skills=dict(map(_skill, wish.skills)),
            priority=wish.priority,
            patience_until=now + timedelta(seconds=wish.max_wait_s),
            ring_timeout_s=wish.ring_timeout_s,
        )
        place = HeldPlace(self, new, wish.max_wait_s)
        refused = (await self._store.enter([new], self._node, LEASE, now))[new.id]
        if refused:
            place.end(refused)
        else:
            self._places[new.id] = place
        return place

    async def round(self) -> int:
        """Keep the places, and hand out what is new; how many offers were."""
        if not self._places:
            return 0
        news = await self._store.hear(self._node, list(self._places), LEASE, self._clock.now())
        for place_id, offer_id in news.withdrawn:
            if place := self._places.get(place_id):
                await place.withdraw(offer_id)
        new = 0
        for place_id, offer in news.offers:
            place = self._places.get(place_id)
            if place is not None and place.offer(offer):
                new += 1
        for place_id, outcome in news.over.items():
            if place := self._places.pop(place_id, None):
                place.end(outcome)
        return new

    def forget(self, place: UUID) -> None:
        """It is over."""
        self._places.pop(place, None)

    async def tell(self, news: PlaceNews) -> bool:
        """Store it with all others that wait to be stored; True when it was an offer that is taken now."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._told.append((news, stored))
        async with self._writing:
            while not stored.done():
                await self._write()
        return stored.result()

    async def _write(self) -> None:
        """One batch, one piece of news for each place; the next one of a place follows in the next batch."""
        batch: dict[UUID, tuple[PlaceNews, asyncio.Future[bool]]] = {}
        later: list[tuple[PlaceNews, asyncio.Future[bool]]] = []
        for entry in self._told:
            if entry[0].place in batch:
                later.append(entry)
            else:
                batch[entry[0].place] = entry
        self._told = later
        try:
            taken = await settle(self._store, [news for news, _ in batch.values()], self._clock.now())
        except BaseException:
            self._told = [*batch.values(), *self._told]
            raise
        for news, stored in batch.values():
            if not stored.done():
                stored.set_result(isinstance(news, Taken) and news.offer in taken)


class HeldPlace:
    """A customer's place (port Place)."""

    def __init__(self, door: HoldPlaces, row: NewPlace, patience_s: float) -> None:
        self._door, self._row = door, row
        self._until = asyncio.get_running_loop().time() + patience_s
        self._seen: set[UUID] = set()
        self._watched: dict[UUID, Callable[[], None]] = {}
        self._new: list[Offer] = []
        self._some = asyncio.Event()
        self._outcome = ""

    # -- for the conversation ------------------------------------------------------------------------------------------
    async def offers(self) -> Sequence[Offer] | QueueOutcome:
        """Wait for agents, or for the end of the wait."""
        patience_s = self._until - asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._some.wait(), max(0.0, patience_s))
        if self._outcome:
            return cast("QueueOutcome", self._outcome if self._outcome in _OUTCOMES else "failed")
        if not self._new:
            await self._leave("max_wait_time_reached")
            return "max_wait_time_reached"
        offers, self._new = self._new, []
        self._some.clear()
        return offers

    def watch(self, offer: Offer, withdrawn: Callable[[], None]) -> None:
        """Have it called when the agent is logged out in mid-call."""
        self._watched[offer.id] = withdrawn

    async def taken(self, offer: Offer) -> bool:
        """The agent answered."""
        return await self._door.tell(Taken(self._row.account_id, self._row.id, offer.id))

    async def ended(self, offer: Offer, how: OfferEnd) -> None:
        """Nobody answered."""
        await self._door.tell(Ended(self._row.account_id, self._row.id, offer.id, how))

    async def over(self, offer: Offer, how: TalkEnd) -> None:
        """The conversation is over."""
        await self._door.tell(Over(self._row.account_id, self._row.id, offer.id, how))
        if how != "agent_lost":
            self._outcome = "agent_allocated"
            self._door.forget(self._row.id)

    async def leave(self) -> None:
        """The customer is gone."""
        if not self._outcome:
            await self._leave("caller_abandoned")

    async def _leave(self, outcome: str) -> None:
        self._outcome = outcome
        self._door.forget(self._row.id)
        await self._door.tell(Left(self._row.account_id, self._row.id, outcome))

    # -- for the door --------------------------------------------------------------------------------------------------
    def offer(self, offer: Offer) -> bool:
        """An agent may be rung; False when that is known."""
        if offer.id in self._seen:
            return False
        self._seen.add(offer.id)
        self._new.append(offer)
        self._some.set()
        return True

    async def withdraw(self, offer: UUID) -> None:
        """The agent was logged out: his leg is ended, and what became of it is told then; without a leg it is told at once."""
        if told := self._watched.pop(offer, None):
            told()
        elif offer not in self._seen:
            self._seen.add(offer)
            await self._door.tell(Ended(self._row.account_id, self._row.id, offer, "withdrawn"))

    def end(self, outcome: str) -> None:
        """Somebody else has ended it."""
        self._outcome = outcome
        self._some.set()


def _skill(text: str) -> tuple[str, int]:
    """``billing:3`` as name and least level; one without a level needs level 1."""
    name, _, level = text.partition(":")
    return name.strip(), int(level or 1)
