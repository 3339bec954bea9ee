"""The promises of the door of the contact center: the one of tests, and the real one on PostgreSQL with its chooser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

import pytest

from central.adapters.postgres.offers import PostgresOffers
from central.adapters.system import SystemClock, SystemIds
from central.application.contact_center.assign_calls import AssignCalls
from central.application.contact_center.hold_places import HoldPlaces
from central.application.ports.contact_center import AgentWish, ContactCenter, Offer, Place
from central.domain.ids import AccountId, LegId, RecordId
from tests.fakes.contact_center import MemoryContactCenter, MemoryQueue
from tests.stock import Stock

Opened = Callable[[Mapping[str, str], int], AbstractAsyncContextManager[tuple[ContactCenter, AccountId]]]
ASHA, BINU = {"Asha": "919812340001"}, {"Asha": "919812340001", "Binu": "919812340002"}


@asynccontextmanager
async def in_memory(agents: Mapping[str, str], places: int) -> AsyncGenerator[tuple[ContactCenter, AccountId]]:
    yield MemoryContactCenter({"support": MemoryQueue(dict(agents), places=places)}), AccountId(uuid4())


@pytest.fixture(params=["memory", "postgres"])
def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "memory":
        return in_memory
    stock, pool = Stock(request.getfixturevalue("database")), request.getfixturevalue("worker_pool")

    @asynccontextmanager
    async def stored(agents: Mapping[str, str], places: int) -> AsyncGenerator[tuple[ContactCenter, AccountId]]:
        account = _staff(stock, agents, places)
        ids, store = SystemIds(), PostgresOffers(pool)
        door = HoldPlaces(store, "node/1", SystemClock(), ids)
        chooser = AssignCalls(store, SystemClock(), ids, lambda _: 0)
        ticks = asyncio.create_task(_tick(chooser, door))
        yield door, account
        ticks.cancel()

    return stored


def _staff(stock: Stock, agents: Mapping[str, str], places: int) -> AccountId:
    account, queue = stock.account(), uuid4()
    stock.run(
        "insert into queue (account_id, id, name, max_length, wrap_up_s, created_at) values (%s, %s, 'support', %s, null, now())",
        account, queue, places,
    )  # fmt: skip
    for n, (name, number) in enumerate(agents.items()):
        agent = uuid4()
        stock.run(
            "insert into agent (account_id, id, key, name, phone, number, status, since, created_at)"
            " values (%s, %s, %s, %s, 'number', %s, 'IDLE', now() - make_interval(secs => %s), now())",
            account, agent, name, name, number, 100 - n,
        )  # fmt: skip
        stock.run("insert into queue_agent values (%s, %s, %s)", account, queue, agent)
    return account


async def _tick(chooser: AssignCalls, door: HoldPlaces) -> None:
    while True:
        await chooser.run()
        await door.round()
        await asyncio.sleep(0.02)


def wish(account: AccountId, queue: str = "support", max_wait_s: float = 5.0) -> AgentWish:
    return AgentWish(
        account_id=account, record_id=RecordId(uuid4()), leg=LegId(uuid4()), number="919800000001",
        queue=queue, max_wait_s=max_wait_s,
    )  # fmt: skip


async def rung(place: Place) -> Offer:
    offers = await place.offers()
    assert not isinstance(offers, str), offers
    (offer,) = offers
    return offer


async def test_they_talk_and_the_agent_is_free_again(opened: Opened) -> None:
    async with opened(ASHA, 5) as (door, account):
        for how in ("agent_left", "customer_left"):
            place = await door.enter(wish(account))
            offer = await rung(place)
            assert (offer.name, offer.number) == ("Asha", ASHA["Asha"])
            assert await place.taken(offer)
            await place.over(offer, how)
            await place.leave()


@pytest.mark.parametrize(
    ("agents", "places", "queue", "outcome"),
    [(ASHA, 1, "support", "queue_full"), (ASHA, 5, "odd", "no_agent_available")],
)
async def test_no_place(opened: Opened, agents: Mapping[str, str], places: int, queue: str, outcome: str) -> None:
    async with opened(agents, places) as (door, account):
        await door.enter(wish(account))
        assert await (await door.enter(wish(account, queue))).offers() == outcome


async def test_patience_ends_the_wait(opened: Opened) -> None:
    async with opened(ASHA, 5) as (door, account):
        first, second = await door.enter(wish(account)), await door.enter(wish(account, max_wait_s=0.2))
        await rung(first)
        assert await second.offers() == "max_wait_time_reached"


async def test_who_was_rung_in_vain_is_free_for_others_and_the_next_is_rung(opened: Opened) -> None:
    async with opened(BINU, 5) as (door, account):
        place = await door.enter(wish(account))
        offer = await rung(place)
        await place.ended(offer, "missed")
        assert not await place.taken(offer)
        assert (await rung(place)).name == "Binu"


async def test_a_customer_who_is_gone_leaves_his_place_and_the_agent(opened: Opened) -> None:
    async with opened(ASHA, 1) as (door, account):
        for _ in range(3):
            place = await door.enter(wish(account))
            await rung(place)
            await place.leave()
            await place.leave()


async def test_one_whose_agent_is_lost_is_in_his_place_again(opened: Opened) -> None:
    async with opened(BINU, 1) as (door, account):
        place = await door.enter(wish(account))
        offer = await rung(place)
        assert await place.taken(offer)
        await place.over(offer, "agent_lost")
        assert (await rung(place)).name == "Binu"
        assert await (await door.enter(wish(account))).offers() == "queue_full"
