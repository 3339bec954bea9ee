"""Following a request while it runs: its view each time something changed, shared by all who watch (path step 7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

from central.application.ports.world import Clock
from central.application.reporting.read_requests import ReadRequests
from central.application.reporting.request_values import RequestView
from central.domain.ids import AccountId, RequestId
from central.domain.requests import RequestStatus

INTERVAL_S = 0.5


@dataclass(slots=True)
class _Last:
    """The last look at a request; the lock makes watchers that come together wait for one look."""

    view: RequestView | None = None
    at: float = float("-inf")
    watchers: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class WatchRequests:
    """The use case; one a process. The store is asked at most twice a second a request, however many watch it."""

    def __init__(
        self,
        read: ReadRequests,
        clock: Clock,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._read, self._clock, self._wait, self._interval_s = read, clock, wait, interval_s
        self._seen: dict[tuple[AccountId, RequestId], _Last] = {}

    async def watch_request(self, account_id: AccountId, request_id: RequestId) -> AsyncGenerator[RequestView]:
        """The view now, then at each change, ending with the completed one. Raises NotFound ``request_not_found``."""
        key = (account_id, request_id)
        last = self._seen.setdefault(key, _Last())
        last.watchers += 1
        told: RequestView | None = None
        try:
            while True:
                view = await self._look(key, last)
                if told is None or _figures(view) != _figures(told):
                    told = view
                    yield view
                if view.status is RequestStatus.COMPLETED:
                    return
                await self._wait(self._interval_s)
        finally:
            last.watchers -= 1
            if not last.watchers:
                self._seen.pop(key, None)

    async def _look(self, key: tuple[AccountId, RequestId], last: _Last) -> RequestView:
        async with last.lock:
            now = self._clock.monotonic()
            if last.view is None or now - last.at >= self._interval_s:
                last.view, last.at = await self._read.one(*key), now
            return last.view


def _figures(view: RequestView) -> tuple[object, ...]:
    """What a watcher wants to hear about: counts, control, rates; not the forecast, which moves with the clock."""
    progress = view.progress
    rates = (progress.finished_per_s_10, progress.finished_per_s_60, progress.attempts_per_s_10)
    return (view.statuses, view.calls, view.attempts, view.status, view.control, view.flow_control, view.loading, rates)
