"""Timers and background work of a worker on the real event loop (port Timers)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from central.application.ports.world import TimerHandle


class LoopTimers:
    """``failed`` resolves with the first exception of spawned work: the worker must stop then, loudly."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed: asyncio.Future[BaseException] = self._loop.create_future()

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        """Run ``action`` once after so many seconds; an exception in it counts as failed work."""
        return self._loop.call_later(seconds, self._guarded, action)

    def spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run a coroutine beside."""
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def watch(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait until one of these ends, and raise what it, or spawned work, died of."""
        watched: list[asyncio.Future[object]] = [self.failed, *tasks]  # type: ignore[list-item]
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        if self.failed.done():
            raise self.failed.result()
        for task in tasks:
            if task.done():
                task.result()

    async def close(self) -> None:
        """Cancel what still runs."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as error:
            self._fail(error)
            raise

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_result(error)
