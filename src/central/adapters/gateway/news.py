"""News of one gateway on their way to the store. A batch takes what has come together since the last one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from central.application.ports.carriers import NewsBatch, PartAnswered, SmsNews

_MOST: Final = 2_000


class NewsQueue:
    """Filled by requests that end, emptied by one reader. ``unstored``: answers that nobody has acknowledged as stored."""

    def __init__(self) -> None:
        self.unstored = 0
        self._items: list[SmsNews] = []
        self._wake = asyncio.Event()
        self._ended = False

    def put(self, news: SmsNews) -> None:
        """One piece of news."""
        self.unstored += type(news) is PartAnswered
        self._items.append(news)
        self._wake.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._wake.set()

    async def batches(self) -> AsyncIterator[NewsBatch]:
        """Everything, until the end."""
        while True:
            if self._items:
                taken, self._items = self._items[:_MOST], self._items[_MOST:]
                stored = self._storing(sum(type(news) is PartAnswered for news in taken))
                yield NewsBatch(taken, stored, stored)
            elif self._ended:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    def _storing(self, answers: int) -> Callable[[], Awaitable[None]]:
        async def stored() -> None:  # the far end had its answer with the request
            self.unstored -= answers

        return stored
