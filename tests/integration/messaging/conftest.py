"""Short messages on a database of the test's own, with a carrier that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.messages import PostgresMessages
from central.adapters.postgres.pool import Pool
from central.adapters.system import SystemIds
from central.application.messaging.accept_messages import AcceptShortMessages
from central.application.messaging.hand_over import HandOverSms
from central.application.messaging.hear_texts import HearShortMessages
from central.application.messaging.send_sms import SendSms, SmsWish
from central.application.messaging.serve_carrier import ServeCarrier
from central.application.messaging.shorten_links import ShortenLinks
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.messaging.take_back import AskToCancel, TakeBack
from central.application.messaging.tend_messages import TendMessages
from central.application.ports.carriers import CarrierId, PartAnswered, SmsNews, Submission
from central.application.ports.message_store import NewMessage
from central.domain.ids import AccountId
from central.domain.policies import Purpose
from tests.fakes.carrier import FakeCarrier
from tests.fakes.observed import ManualClock, ObservedTelemetry
from tests.stock import Stock

LINKS = "https://sho.rt/l/"
Served = ServeCarrier[Submission, PartAnswered]


@dataclass(slots=True)
class Post:
    """Everything between the tables and the use cases of short messages."""

    stock: Stock
    pool: Pool
    clock: ManualClock
    ids: SystemIds = field(default_factory=SystemIds)
    telemetry: ObservedTelemetry = field(default_factory=ObservedTelemetry)
    store: PostgresMessages = field(init=False)
    library: PostgresLibrary = field(init=False)
    accept: AcceptShortMessages = field(init=False)
    send: SendSms = field(init=False)
    tend: TendMessages = field(init=False)
    take_back: TakeBack = field(init=False)
    gathering: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def __post_init__(self) -> None:
        self.store = PostgresMessages(self.pool, self.ids)
        self.library = PostgresLibrary(self.pool, PostgresDispatch(self.pool, self.ids), self.clock)
        shorten = ShortenLinks(self.ids, LINKS)
        self.accept = AcceptShortMessages(self.store, self.library, shorten, self.clock)
        self.send = SendSms(self.accept, self.ids)
        self.tend = TendMessages(self.store, self.clock, self.ids, self.telemetry)
        self.take_back = TakeBack(self.store, self.clock)

    def carrier(self, account_id: AccountId, name: str = "one", *, prefix: str = "", priority: int = 1) -> CarrierId:
        carrier = CarrierId(self.ids.uuid())
        self.stock.run(
            "insert into carrier (account_id, id, name, channel, kind) values (%s, %s, %s, 'sms', 'smpp')",
            account_id, carrier, name,
        )  # fmt: skip
        self.stock.run(
            "insert into carrier_route (account_id, carrier_id, prefix, priority) values (%s, %s, %s, %s)",
            account_id, carrier, prefix, priority,
        )  # fmt: skip
        return carrier

    async def serve(self, carrier: CarrierId, room: int = 100) -> tuple[Served, FakeCarrier]:
        rows = await self.store.carriers()
        row = next(row for row in rows if row.id == carrier)
        fake = FakeCarrier(self.clock.now(), room)
        routes = [route for other in rows if other.account_id == row.account_id for route in other.routes]
        texts = HearShortMessages(self.store, self.clock, self.ids)
        news = StoreSmsNews(self.store, row, routes, self.clock, self.ids, texts, self.telemetry)
        hand_over = HandOverSms(self.store, self.library, self.clock, self.ids, "test/1")
        served = ServeCarrier(row, fake, hand_over, news, PartAnswered, self.store, self.telemetry, fake.query)
        served.give_back_by(AskToCancel(self.store, row, self.clock, fake.cancel))
        self.gathering.append(asyncio.create_task(served.gather()))
        return served, fake

    async def hear(self, served: Served, fake: FakeCarrier, *news: SmsNews) -> int:
        if news:
            fake.tell(*news)
        return await served.hear(5)

    async def write(
        self, account: AccountId, *numbers: str, text: str = "Hello.", purpose: Purpose = Purpose.SERVICE
    ) -> list[NewMessage]:
        wishes = [SmsWish(to=number, text=text, purpose=purpose) for number in numbers]
        return list(await self.send(account, "IN", wishes))

    def status(self, message: UUID) -> tuple[object, ...]:
        return self.stock.rows("select status, reason from message where id = %s", message)[0]

    def kinds(self, message: UUID) -> list[object]:
        query = "select kind, late, to_status from message_event where message_id = %s order by id"
        return [(kind, to) if not late else (kind, "late") for kind, late, to in self.stock.rows(query, message)]


@pytest.fixture
async def post(database: str, worker_pool: Pool) -> AsyncIterator[Post]:
    stock = Stock(database)
    post = Post(stock, worker_pool, ManualClock(stock.now))
    yield post
    for task in post.gathering:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
