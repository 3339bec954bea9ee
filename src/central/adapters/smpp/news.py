"""News of one carrier on their way to the store, with who must be answered once they are stored.

Step 3 of the path (channel). News are kept in the order in which they became known; a batch takes what has come together since
the last one, so that a slow store gets larger batches and not more of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import Final, Protocol

from central.adapters.smpp.events import Token
from central.adapters.smpp.pdu import RMSGQFUL, ROK
from central.application.ports.carriers import NewsBatch, PartAnswered, SmsNews

_MOST: Final = 2_000


class Answerer(Protocol):
    """Who answers inbound requests: a bind."""

    def answer(self, tokens: Sequence[Token], status: int) -> None:
        """Answer them with that command_status."""
        ...


Handle = tuple[Answerer, Token]


class NewsQueue:
    """Filled by callbacks, emptied by one reader. ``unstored``: answers to submits that nobody has acknowledged as stored."""

    def __init__(self) -> None:
        self.unstored = 0
        self._items: deque[tuple[SmsNews, Sequence[Handle]]] = deque()
        self._wake = asyncio.Event()
        self._ended = False

    def put(self, news: SmsNews, handles: Sequence[Handle] = ()) -> None:
        """One piece of news; ``handles`` are answered after it is stored."""
        self.unstored += type(news) is PartAnswered
        self._items.append((news, handles))
        self._wake.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._wake.set()

    async def batches(self) -> AsyncIterator[NewsBatch]:
        """Everything, until the end."""
        items = self._items
        while True:
            if not items:
                if self._ended:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            taken = list(islice(items, _MOST))
            if len(taken) == len(items):
                items.clear()
            else:
                for _ in taken:
                    items.popleft()
            handles = [handle for _, some in taken for handle in some]
            answers = sum(type(news) is PartAnswered for news, _ in taken)
            ack, refuse = (self._answering(handles, status, answers) for status in (ROK, RMSGQFUL))
            yield NewsBatch([news for news, _ in taken], ack, refuse)

    def _answering(self, handles: Iterable[Handle], status: int, answers: int) -> Callable[[], Awaitable[None]]:
        async def answer() -> None:
            self.unstored -= answers  # whoever refuses the rest has stored them: they are told once
            by_bind: dict[Answerer, list[Token]] = {}
            for bind, token in handles:
                by_bind.setdefault(bind, []).append(token)
            for bind, tokens in by_bind.items():
                bind.answer(tokens, status)

        return answer
