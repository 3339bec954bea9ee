"""What many calls ask of a channel at one moment goes to it as one batch (path step 4).

Calls of a node come back from their group commit together, so what they send next is asked for in one turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from central.domain.errors import DefectError

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Batch(Generic[Item, Answer]):
    items: list[Item]
    answers: asyncio.Task[Sequence[Answer]] | None = None


class GatherMessages(Generic[Item, Answer]):
    """The use case: ``send`` takes a batch and answers in its order."""

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]]) -> None:
        self._send = send
        self._open: _Batch[Item, Answer] = _Batch([])

    async def one(self, item: Item) -> Answer:
        """Send it with the others of this moment; a caller who waits no more does not stop the batch.

        Raises what ``send`` raised for the batch (NeighbourError), DefectError where it gave too few answers.
        """
        batch, place = self._open, len(self._open.items)
        batch.items.append(item)
        if batch.answers is None:
            batch.answers = asyncio.get_running_loop().create_task(self._close(batch), name="messages")
        answers = await asyncio.shield(batch.answers)
        return answers[place]

    async def _close(self, batch: _Batch[Item, Answer]) -> Sequence[Answer]:
        await asyncio.sleep(0)
        self._open = _Batch([])
        answers = await self._send(batch.items)
        if len(answers) != len(batch.items):
            raise DefectError("answers_missing", "A channel gave not one answer for each message.")
        return answers
