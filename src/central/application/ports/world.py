"""Time and identity as ports, so that tests run on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back."""
        ...


class Ids(Protocol):
    """Where fresh ids and secrets come from."""

    def uuid(self) -> UUID:
        """A new version 7 UUID."""
        ...

    def uuids(self, n: int) -> list[UUID]:
        """``n`` new ids, ascending."""
        ...

    def instant(self) -> int:
        """The present time in milliseconds, but later than any instant before: what orders the ids of batches."""
        ...

    def texts(self, n: int, instant: int) -> list[str]:
        """``n`` new ids as text, ascending, and behind those of every earlier instant; n at most 16 million."""
        ...

    def secret(self, n_bytes: int = 32) -> str:
        """A URL-safe secret."""
        ...

    def code(self, length: int = 10) -> str:
        """Letters and digits that cannot be guessed: about six bits a character."""
        ...


class TimerHandle(Protocol):
    """A timer that was set."""

    def cancel(self) -> None:
        """Nobody is interested any more."""
        ...


class Timers(Protocol):
    """Timers of a worker: real ones from the event loop, virtual ones in the simulator."""

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        """Run ``action`` once after so many seconds, on the worker's own thread."""
        ...

    def spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run a coroutine beside; an exception in it stops the worker loudly."""
        ...
