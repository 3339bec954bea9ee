"""The messenger: owns the carriers of a shard (one messenger leads), gives them what is due and stores what they tell.

Start, heartbeat by leadership, drain, stop. A carrier that cannot be opened is told to its account and tried again when it changes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from central.application.ports.carriers import CarrierId
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock
from central.domain.errors import CentralError
from central.domain.message_routes import CarrierRoute
from central.entrypoints.workers.rounds import repeat

LEAD_FOR: Final = timedelta(seconds=10)
_LOOK_S: Final = 1.0
_HEAR_S: Final = 0.5


class Served(Protocol):
    """A carrier in service, whatever it carries."""

    row: OpenCarrier

    async def send(self) -> int:
        """Give it what is due and fits."""
        ...

    async def gather(self) -> None:
        """Take its news until it is closed."""
        ...

    async def hear(self, wait_s: float) -> int:
        """Store what was gathered."""
        ...

    async def catch_up(self) -> int:
        """What is looked at now and then."""
        ...

    def know_routes(self, routes: tuple[CarrierRoute, ...]) -> None:
        """The routes of its account have changed."""
        ...

    async def close(self, patience_s: float) -> None:
        """Take no more, and end its news."""
        ...


@dataclass(slots=True)
class _Running:
    served: Served
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])


class Messenger:
    """``open_carrier`` makes a carrier of its row (raises CentralError for one that cannot be); ``lead`` keeps the place."""

    def __init__(
        self,
        store: MessageStore,
        open_carrier: Callable[[OpenCarrier], Awaitable[Served]],
        lead: Callable[[timedelta], Awaitable[bool]],
        tend: Callable[[], Awaitable[int]],
        clock: Clock,
        telemetry: Telemetry,
        *,
        poll_s: float,
    ) -> None:
        self._store, self._open, self._lead, self._tend, self._clock = store, open_carrier, lead, tend, clock
        self._telemetry, self._poll_s = telemetry, poll_s
        self._running: dict[CarrierId, _Running] = {}
        self._broken: dict[CarrierId, tuple[int, bool]] = {}
        self._defect: BaseException | None = None
        self._leading = False

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Run until ``stop``; then let what is handed over be answered for ``drain_s`` seconds."""
        try:
            await asyncio.gather(
                repeat("carriers", self._look, _LOOK_S, stop, self._telemetry),
                repeat("messages", self._tend_when_leading, _LOOK_S, stop, self._telemetry),
            )
        finally:
            await asyncio.gather(*(self._close(carrier, drain_s) for carrier in list(self._running)))

    async def _tend_when_leading(self) -> int:
        return await self._tend() if self._leading else 0

    async def _look(self) -> None:
        """Keep the place, and serve exactly the carriers that are enabled, as they are configured now."""
        if self._defect is not None:
            raise self._defect
        self._leading = await self._lead(LEAD_FOR)
        if not self._leading:
            await asyncio.gather(*(self._close(carrier, 0) for carrier in list(self._running)))
            return
        rows = {row.id: row for row in await self._store.carriers()}
        for carrier, running in list(self._running.items()):
            if carrier not in rows or _state(rows[carrier]) != _state(running.served.row):
                await self._close(carrier, _HEAR_S)
        for row in rows.values():
            if row.id not in self._running and self._broken.get(row.id) != _state(row):
                await self._begin(row)
        for running in self._running.values():
            mine = running.served.row
            running.served.know_routes(
                tuple(route for row in rows.values() if (row.account_id, row.channel) == (mine.account_id, mine.channel)
                      for route in row.routes)
            )  # fmt: skip

    async def _begin(self, row: OpenCarrier) -> None:
        try:
            served = await self._open(row)
        except CentralError as error:
            self._broken[row.id] = _state(row)
            self._telemetry.warning("carrier_unusable", carrier=row.name, code=error.code)
            await self._store.tell_carrier(row.account_id, row.id, "unusable", error.message, self._clock.now())
            return
        running = self._running[row.id] = _Running(served)
        loops = {
            "send": repeat("send", served.send, self._poll_s, running.stop, self._telemetry),
            "hear": repeat("hear", lambda: served.hear(_HEAR_S), 0.0, running.stop, self._telemetry),
            "catch_up": repeat("catch_up", served.catch_up, 5.0, running.stop, self._telemetry),
            "gather": served.gather(),
        }
        running.tasks = [asyncio.create_task(loop, name=f"{name} {row.name}") for name, loop in loops.items()]
        for task in running.tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A loop that dies of a defect takes the process with it: its supervisor starts a new one, and an operator hears of it."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._defect is None:
            self._telemetry.failure("carrier_loop_died", error, loop=task.get_name())
            self._defect = error

    async def _close(self, carrier: CarrierId, patience_s: float) -> None:
        running = self._running.pop(carrier, None)
        if running is None:
            return
        running.stop.set()
        while not running.tasks[0].done():  # what is being handed over must still find the carrier open
            await running.served.hear(_HEAR_S / 5)
        closing = asyncio.create_task(running.served.close(patience_s), name=f"close {running.served.row.name}")
        while not closing.done():  # its far end waits until we have what it tells
            await running.served.hear(_HEAR_S / 5)
        await closing
        done = asyncio.gather(*running.tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done, patience_s + _HEAR_S * 2)
        while await running.served.hear(0):  # what was told at the very end
            pass


def _state(row: OpenCarrier) -> tuple[int, bool]:
    """What makes it another carrier when it changes."""
    return row.changes, row.plain_http
