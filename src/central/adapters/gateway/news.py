"""News of one gateway on their way to the store. A batch takes what has come together since the last one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from central.application.ports.carriers import NewsBatch, SmsNews

_MOST: Final = 2_000


class NewsQueue:
    """Filled by requests that end, emptied by one reader; nobody waits for an acknowledgement."""

    def __init__(self) -> None:
        self._items: list[SmsNews] = []
        self._wake = asyncio.Event()
        self._ended = False

    def put(self, news: SmsNews) -> None:
        """One piece of news."""
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
                yield NewsBatch(taken, _nothing, _nothing)
            elif self._ended:
                return
            else:
                self._wake.clear()
                await self._wake.wait()


async def _nothing() -> None:
    """The far end had its answer with the request."""
