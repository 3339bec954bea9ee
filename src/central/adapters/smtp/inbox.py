"""What was heard and is not stored yet: news go out in batches, and who brought them waits for the acknowledgement.

Step 3 of the path (channel). Bounded by those who bring: each waits with what it holds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final

from central.application.ports.carriers import LinkMoved, MailHeard, NewsBatch

_BATCH: Final = 200


class Inbox:
    """One stream of news; one consumer."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Sequence[MailHeard | LinkMoved], asyncio.Future[bool]]] = deque()
        self._given: set[asyncio.Future[bool]] = set()
        self._something = asyncio.Event()
        self._closed = False

    async def bring(self, news: Sequence[MailHeard | LinkMoved]) -> bool:
        """Wait until it is stored: True; or not: False. Whoever stops waiting takes it back, if it was not given away yet."""
        if self._closed:
            return False
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        one = (news, answer)
        self._waiting.append(one)
        self._something.set()
        try:
            return await answer
        finally:
            if one in self._waiting:
                self._waiting.remove(one)

    def close(self) -> None:
        """Nothing more is taken; what was not given away is refused."""
        self._closed = True
        while self._waiting:
            _settle(self._waiting.popleft()[1], stored=False)
        self._something.set()

    async def settled(self) -> None:
        """Wait until all that was given away is answered."""
        while self._given:
            await asyncio.wait(self._given)

    async def news(self) -> AsyncIterator[NewsBatch]:
        """All of it, until it is closed."""
        while not self._closed:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                yield self._batch()

    def _batch(self) -> NewsBatch:
        parts = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        answers = [answer for _, answer in parts]
        self._given.update(answers)

        async def ack() -> None:
            self._settle(answers, stored=True)

        async def refuse() -> None:
            self._settle(answers, stored=False)

        return NewsBatch([one for news, _ in parts for one in news], ack, refuse)

    def _settle(self, answers: list[asyncio.Future[bool]], *, stored: bool) -> None:
        self._given.difference_update(answers)
        for one in answers:
            _settle(one, stored=stored)


def _settle(answer: asyncio.Future[bool], *, stored: bool) -> None:
    if not answer.done():  # the connection may be gone in between
        answer.set_result(stored)
