"""The messenger: owns the carriers of a shard (one messenger leads), gives them what is due and stores what they tell.

Start, heartbeat by leadership, drain, stop. A carrier that cannot be opened is told to its account and tried again when it changes.
The place is kept by a loop of its own, and carriers are closed beside everything else: one that does not answer delays nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from central.application.ports.carriers import CarrierId
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock
from central.domain.errors import CentralError, DefectError, NeighbourError
from central.domain.ids import AccountId, MessageId
from central.domain.message_routes import CarrierRoute
from central.entrypoints.workers.rounds import repeat

LEAD_FOR: Final = timedelta(seconds=10)
_LOOK_S: Final = 1.0
_HEAR_S: Final = 0.5
_PATIENCE_S: Final = 5.0
"""How long answers are waited for when a carrier is closed without the process ending."""


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

    def held(self) -> Collection[tuple[AccountId, MessageId]]:
        """What it was given and has not answered."""
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
    """``open_carrier`` makes a carrier of its row (raises CentralError for one that cannot be); ``lead`` keeps the place.

    ``keep`` keeps hand-overs that go on from being taken for lost, ``tend`` looks after those that are.
    """

    def __init__(
        self,
        store: MessageStore,
        open_carrier: Callable[[OpenCarrier], Awaitable[Served]],
        lead: Callable[[timedelta], Awaitable[bool]],
        keep: Callable[[Collection[tuple[AccountId, MessageId]]], Awaitable[None]],
        tend: Callable[[], Awaitable[int]],
        clock: Clock,
        telemetry: Telemetry,
        *,
        poll_s: float,
    ) -> None:
        self._store, self._open, self._lead, self._keep, self._tend = store, open_carrier, lead, keep, tend
        self._clock, self._telemetry, self._poll_s = clock, telemetry, poll_s
        self._running: dict[CarrierId, _Running] = {}
        self._closing: dict[asyncio.Task[None], _Running] = {}
        self._broken: dict[CarrierId, tuple[int, bool]] = {}
        self._defect: BaseException | None = None
        self._leading = False
        self._asked = asyncio.Event()
        self._over = asyncio.Event()

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Run until ``stop``; then let what is handed over be answered for ``drain_s`` seconds. Raises what a loop died of."""
        rounds = {"place": self._keep_place, "messages": self._look_after}
        beside = [
            asyncio.create_task(repeat(name, round_, _LOOK_S, self._over, self._telemetry), name=name)
            for name, round_ in rounds.items()
        ]
        for task in beside:
            self.watch(task)
        try:
            await repeat("carriers", self._look, _LOOK_S, stop, self._telemetry)
        finally:
            for carrier in list(self._running):
                self._let_go(carrier, drain_s)
            while self._closing:
                await asyncio.wait(self._closing)
            self._over.set()
            await asyncio.wait(beside)
            await self._leave_place()
        if self._defect is not None:
            raise self._defect

    def watch(self, task: asyncio.Task[None]) -> None:
        """A task that must not end before the messenger does: if it dies, the process ends with it."""
        task.add_done_callback(lambda ended: self._ended(ended, may_end=self._over.is_set()))

    async def _leave_place(self) -> None:
        """Whoever comes next need not wait until the lease ends."""
        try:
            if self._leading:
                await self._lead(timedelta(0))
        except NeighbourError as error:
            self._telemetry.warning("place_not_left", code=error.code)

    async def _keep_place(self) -> None:
        self._leading = await self._lead(LEAD_FOR)
        self._asked.set()

    async def _look_after(self) -> int:
        """What carriers still have in hand is not lost; only then is looked for what is."""
        serving = [*self._running.values(), *self._closing.values()]
        await self._keep([held for running in serving for held in running.served.held()])
        return await self._tend() if self._leading else 0

    async def _look(self) -> None:
        """Serve exactly the carriers that are enabled, as they are configured now."""
        if self._defect is not None:
            raise self._defect
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), _LOOK_S)
        if not self._leading:
            for carrier in list(self._running):
                self._let_go(carrier, _PATIENCE_S)
            return
        rows = {row.id: row for row in await self._store.carriers()}
        for carrier, running in list(self._running.items()):
            if carrier not in rows or _state(rows[carrier]) != _state(running.served.row):
                self._let_go(carrier, _PATIENCE_S)
        closing = {running.served.row.id for running in self._closing.values()}
        for row in rows.values():
            if row.id not in self._running and row.id not in closing and self._broken.get(row.id) != _state(row):
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
            task.add_done_callback(lambda ended: self._ended(ended, may_end=running.stop.is_set()))

    def _ended(self, task: asyncio.Task[None], *, may_end: bool) -> None:
        """A loop that dies takes the process with it: its supervisor starts a new one, and an operator hears of it."""
        if task.cancelled():
            return
        error = task.exception()
        if error is None and not may_end:
            error = DefectError("loop_ended", f"The loop {task.get_name()} ended by itself.")
        if error is not None:
            self._telemetry.failure("messenger_loop_died", error, loop=task.get_name())
            self._defect = self._defect or error

    def _let_go(self, carrier: CarrierId, patience_s: float) -> None:
        """Close it beside everything else."""
        running = self._running.pop(carrier)
        running.stop.set()
        task = asyncio.create_task(self._close(running, patience_s), name=f"close {running.served.row.name}")
        self._closing[task] = running
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        del self._closing[task]
        self._ended(task, may_end=True)

    async def _close(self, running: _Running, patience_s: float) -> None:
        while not running.tasks[0].done():  # what is being handed over must still find the carrier open
            await running.served.hear(_HEAR_S / 5)
        closing = asyncio.create_task(running.served.close(patience_s), name=f"leave {running.served.row.name}")
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
