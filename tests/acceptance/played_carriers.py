"""Far ends that a test plays, on an event loop in a thread of their own, so that an installation beside it can speak with them."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from central.adapters.smpp import pdu as wire
from tests.integration.smpp.peer import Answering, Smsc, smsc

T = TypeVar("T")


class PlayedFarEnds:
    """A context manager; ``open`` opens one of them, all are closed at its end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="played far ends")
        self._open = AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def open(self, far_end: AbstractAsyncContextManager[T]) -> T:
        """Open it there."""
        return self._run(self._open.enter_async_context(far_end))

    async def _end(self) -> None:
        await self._open.aclose()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


class FarSide(PlayedFarEnds):
    """SMSCs: ``peers`` by name, each with its way of answering."""

    def __init__(self, behaviours: Mapping[str, Answering]) -> None:
        super().__init__()
        self._behaviours = behaviours
        self.peers: dict[str, Smsc] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        self.peers = {name: self.open(smsc(answering)) for name, answering in self._behaviours.items()}
        return self

    def submits(self, name: str) -> Counter[str]:
        """How often each number stood in a submit_sm that came."""
        return Counter(pdu.dest for pdu in self.peers[name].heard(wire.SUBMIT_SM) if isinstance(pdu, wire.Message))
