"""SMSCs that a test plays, on an event loop in a thread of its own, so that an installation beside it can speak with them."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from central.adapters.smpp import pdu as wire
from tests.integration.smpp.peer import Answering, Smsc, smsc

T = TypeVar("T")


class FarSide:
    """A context manager; ``peers`` by name, each with its way of answering."""

    def __init__(self, behaviours: Mapping[str, Answering]) -> None:
        self._behaviours = behaviours
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="played carriers")
        self._open = AsyncExitStack()
        self.peers: dict[str, Smsc] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        for name, answering in self._behaviours.items():
            self.peers[name] = self._run(self._open.enter_async_context(smsc(answering)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def submits(self, name: str) -> Counter[str]:
        """How often each number stood in a submit_sm that came."""
        return Counter(pdu.dest for pdu in self.peers[name].heard(wire.SUBMIT_SM) if isinstance(pdu, wire.Message))

    async def _end(self) -> None:
        await self._open.aclose()
        links = [link for peer in self.peers.values() for link in peer.links]
        for link in links:
            link.cut()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*serving, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
