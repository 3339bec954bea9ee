"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing else is left to do (ports Clock, Timers).

Everything that sleeps or sets timers on this loop runs unchanged, and an hour takes as long as the work in it. While a file
descriptor is waited for (a database, a socket), time stands still: a neighbour's real milliseconds cost no virtual time.
Work in threads is not seen; do not use ``asyncio.to_thread`` under it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from central.application.ports.world import TimerHandle

T = TypeVar("T")
_OWN_DESCRIPTORS = 1  # the loop's own wake-up socket


class _IdleSelector(selectors.DefaultSelector):
    """Waits for real descriptors as ever; with none to wait for, it lets virtual time pass instead of real time."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As ``BaseSelector.select``."""
        waiting = len(self.get_map()) > _OWN_DESCRIPTORS
        if timeout is None or waiting:
            return super().select(timeout)
        found = super().select(0)
        if not found and timeout > 0:
            self.passed += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` is virtual seconds since the loop was made."""

    def __init__(self) -> None:
        self._idle = _IdleSelector()
        super().__init__(self._idle)

    def time(self) -> float:
        """Virtual seconds."""
        return self._idle.passed


class VirtualClock:
    """The time of a virtual loop as a date (port Clock)."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, begins: datetime = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    ) -> None:
        self._loop, self._begins = loop, begins

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return self._begins + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._loop.time()


class VirtualTimers:
    """Timers and background work on a virtual loop (port Timers); what work raises ends ``run_virtually``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        """Run ``action`` once after so many virtual seconds."""
        return self._loop.call_later(seconds, action)

    def spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run a coroutine beside."""
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": f"{task.get_name()} failed", "exception": error})


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on a loop of its own in virtual time; raises what it raises, else what failed beside it first."""
    failed: list[BaseException] = []

    def note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failed.append(context.get("exception") or RuntimeError(str(context["message"])))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.get_loop().set_exception_handler(note)
        answer = runner.run(main)
    if failed:
        raise failed[0]
    return answer
