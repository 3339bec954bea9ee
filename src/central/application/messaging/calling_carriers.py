"""Carriers that tell their news by calling us: found by the id in the address, and what comes at once is stored together (path step 5)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from central.application.ports.carriers import CarrierId
from central.application.ports.message_store import OpenCarrier
from central.application.ports.world import Clock

_FRESH_S: Final = 2.0
News = TypeVar("News")


class CallingCarriers:
    """Read from the store every two seconds at most: whoever guesses addresses costs it nothing."""

    def __init__(self, read: Callable[[], Awaitable[Mapping[CarrierId, OpenCarrier]]], clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._known: Mapping[CarrierId, OpenCarrier] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def find(self, carrier_id: CarrierId) -> OpenCarrier | None:
        """The carrier as it was configured two seconds ago or later. Raises NeighbourError."""
        async with self._reading:
            if self._clock.monotonic() - self._read_at > _FRESH_S:
                self._known = await self._read()
                self._read_at = self._clock.monotonic()
        return self._known.get(carrier_id)


class _Call(Generic[News]):
    """The news of one call, until they are stored."""

    __slots__ = ("news", "stored")

    def __init__(self, news: Sequence[News]) -> None:
        self.news, self.stored = news, False


class StoreTogether(Generic[News]):
    """Calls for one carrier that come while others are being stored are stored together, in one transaction."""

    def __init__(self, store: Callable[[OpenCarrier, Sequence[News]], Awaitable[None]]) -> None:
        self._store = store
        self._waiting: dict[CarrierId, list[_Call[News]]] = defaultdict(list)
        self._storing: dict[CarrierId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __call__(self, carrier: OpenCarrier, news: Sequence[News]) -> None:
        """They are committed when this returns. Raises NeighbourError."""
        mine = _Call(news)
        waiting = self._waiting[carrier.id]
        waiting.append(mine)
        try:
            async with self._storing[carrier.id]:
                if mine.stored:
                    return
                together = list(waiting)
                await self._store(carrier, [one for call in together for one in call.news])
                for call in together:
                    call.stored = True
        finally:
            waiting.remove(mine)
