"""The messenger's loops: its place is kept whatever carriers do, carriers are closed side by side, and no loop dies unheard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from central.application.ports.carriers import CarrierId
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.domain.errors import CentralError
from central.domain.ids import AccountId, MessageId, uuid7
from central.domain.message_routes import CarrierRoute
from central.entrypoints.workers.messenger import LEAD_FOR, Messenger
from tests.fakes.observed import ManualClock, ObservedTelemetry

Held = Collection[tuple[AccountId, MessageId]]
ACCOUNT = AccountId(uuid7(1, 1))
LIMIT_S = 20


def row(number: int, changes: int = 0) -> OpenCarrier:
    return OpenCarrier(ACCOUNT, CarrierId(uuid7(number, 1)), f"carrier {number}", "sms", "smpp", {}, {}, changes)


@dataclass(eq=False)
class Carrier:
    """A carrier in service; ``may_close``: its far end lets it go."""

    row: OpenCarrier
    may_close: asyncio.Event
    has: list[MessageId] = field(default_factory=list[MessageId])
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    dies_of: Exception | None = None

    async def send(self) -> int:
        self.sent.set()
        return 0

    async def gather(self) -> None:
        await self.news.wait()
        if self.dies_of is not None:
            raise self.dies_of

    async def hear(self, wait_s: float) -> int:
        await asyncio.sleep(min(wait_s, 0.01))
        return 0

    async def catch_up(self) -> int:
        return 0

    def held(self) -> Held:
        return [(ACCOUNT, message) for message in self.has]

    def know_routes(self, routes: tuple[CarrierRoute, ...]) -> None:
        pass

    async def close(self, patience_s: float) -> None:
        assert patience_s >= 0
        self.closing.set()
        await self.may_close.wait()
        self.news.set()


@dataclass(eq=False)
class House:
    """A messenger with carriers that do what a test says."""

    rows: list[OpenCarrier]
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    leads: list[timedelta] = field(default_factory=list[timedelta])
    kept: list[Held] = field(default_factory=list[Held])
    told: list[str] = field(default_factory=list[str])
    carriers: dict[CarrierId, Carrier] = field(default_factory=dict[CarrierId, Carrier])
    telemetry: ObservedTelemetry = field(default_factory=ObservedTelemetry)

    async def open(self, found: OpenCarrier) -> Carrier:
        carrier = self.carriers[found.id] = Carrier(found, self.let_go)
        return carrier

    async def lead(self, lease: timedelta) -> bool:
        self.leads.append(lease)
        return True

    async def keep(self, held: Held) -> None:
        self.told.append("keep")
        self.kept.append(list(held))

    async def tend(self) -> int:
        self.told.append("tend")
        return 0

    def messenger(self) -> Messenger:
        store = cast("MessageStore", _Rows(self))
        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        return Messenger(store, self.open, self.lead, self.keep, self.tend, clock, self.telemetry, poll_s=0.01)


class _Rows:
    def __init__(self, house: House) -> None:
        self._house = house

    async def carriers(self) -> Sequence[OpenCarrier]:
        return self._house.rows

    async def tell_carrier(self, *_: Any) -> None:
        pass


@asynccontextmanager
async def working(house: House, messenger: Messenger | None = None) -> AsyncGenerator[asyncio.Task[None]]:
    task = asyncio.create_task((messenger or house.messenger()).run(house.stop, 0.2))
    try:
        async with asyncio.timeout(LIMIT_S):
            yield task
    finally:
        house.let_go.set()
        house.stop.set()
        with suppress(CentralError, RuntimeError):
            await task


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - rounds of another task
        await asyncio.sleep(0.01)


async def test_a_carrier_that_does_not_let_go_costs_no_leadership_and_delays_nobody() -> None:
    one, two = row(1), row(2)
    house = House([one])
    async with working(house) as task:
        await until(lambda: one.id in house.carriers)
        silent = house.carriers[one.id]
        await silent.sent.wait()
        house.rows = [row(1, changes=1), two]
        await silent.closing.wait()
        begun = len(house.leads)
        await until(lambda: two.id in house.carriers and house.carriers[two.id].sent.is_set())
        await until(lambda: len(house.leads) >= begun + 2)
        assert house.carriers[one.id] is silent  # one that is not closed yet is not opened a second time
        house.let_go.set()
        await until(lambda: house.carriers[one.id] is not silent)
        house.stop.set()
        await task
    assert house.leads[:-1] == [LEAD_FOR] * (len(house.leads) - 1)
    assert house.leads[-1] == timedelta(0)  # who comes next need not wait


async def test_all_are_closed_side_by_side_and_what_they_hold_is_kept_meanwhile() -> None:
    rows = [row(number) for number in range(1, 6)]
    house = House(rows)
    async with working(house) as task:
        await until(lambda: len(house.carriers) == len(rows))
        message = MessageId(uuid7(9, 9))
        house.carriers[rows[3].id].has.append(message)
        house.stop.set()
        for carrier in house.carriers.values():
            await carrier.closing.wait()  # none of them has let go
        asked = len(house.kept)
        await until(lambda: len(house.kept) > asked)
        assert house.kept[-1] == [(ACCOUNT, message)]
        assert len(house.leads) > 0
        house.let_go.set()
        await task


async def test_what_is_held_is_kept_before_anything_is_taken_for_lost() -> None:
    house = House([row(1)])
    async with working(house):
        await until(lambda: len(house.told) >= 4)
    assert house.told[:4] == ["keep", "tend", "keep", "tend"]


async def test_a_loop_that_dies_ends_the_process() -> None:
    house = House([row(1)])
    async with working(house) as task:
        await until(lambda: len(house.carriers) == 1)
        house.let_go.set()
        (carrier,) = house.carriers.values()
        carrier.dies_of = RuntimeError("a defect")
        carrier.news.set()
        with pytest.raises(RuntimeError, match="a defect"):
            await task
    assert [name for name, _ in house.telemetry.events] == ["messenger_loop_died"]


async def test_a_carrier_whose_news_end_by_themselves_ends_the_process() -> None:
    house = House([row(1)])
    async with working(house) as task:
        await until(lambda: len(house.carriers) == 1)
        house.let_go.set()
        for carrier in house.carriers.values():
            carrier.news.set()
        with pytest.raises(CentralError) as caught:
            await task
    assert caught.value.code == "loop_ended"


@pytest.mark.parametrize("error", [RuntimeError("a defect"), None])
async def test_whatever_else_it_watches_ends_it_too(error: Exception | None) -> None:
    house = House([])
    house.let_go.set()
    messenger = house.messenger()

    async def hears_bounces() -> None:
        if error is not None:
            raise error

    messenger.watch(asyncio.create_task(hears_bounces(), name="bounces"))
    async with working(house, messenger) as task:
        with pytest.raises((RuntimeError, CentralError)):
            await task
    assert house.telemetry.events[0][0] == "messenger_loop_died"
