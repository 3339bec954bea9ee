"""Requests of an account: a page of them, or one with its progress (path step 7). The cost does not grow with the lists."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.ports.reporting import ReportStore, RequestWish
from central.application.ports.world import Clock
from central.application.reporting.measure_rate import RateMeter
from central.application.reporting.request_values import RequestView
from central.application.reporting.view_request import view_request
from central.domain.errors import NotFound
from central.domain.ids import AccountId, RequestId


class ReadRequests:
    """The use case; keep one a process, because rates come from successive looks."""

    def __init__(self, store: ReportStore, clock: Clock, meter: RateMeter | None = None) -> None:
        self._store, self._clock = store, clock
        self._meter = meter or RateMeter()

    async def page(
        self, account_id: AccountId, wanted: RequestWish, before: RequestId | None, limit: int
    ) -> Sequence[RequestView]:
        """At most ``limit`` requests older than ``before``, newest first; without rates."""
        now = self._clock.now()
        rows = await self._store.requests(account_id, wanted, before, limit, now)
        return [view_request(row, now) for row in rows]

    async def one(self, account_id: AccountId, request_id: RequestId) -> RequestView:
        """One request with rates and forecast. Raises NotFound ``request_not_found``."""
        row = await self._store.request(account_id, request_id)
        if row is None:
            raise NotFound("request_not_found", "This account has no such request.", request_id=str(request_id))
        now = self._clock.now()
        seen = view_request(row, now)
        rates = self._meter.note(request_id, self._clock.monotonic(), seen.progress.finished, seen.attempts)
        return view_request(row, now, rates)
