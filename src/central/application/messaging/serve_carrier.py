"""One open carrier of short messages: due messages go to it while it has room, and its news are stored in large batches.

Path steps 4d and 5. Two loops run side by side: ``send`` and ``hear``. News are gathered while the store is busy with those before
them, so that a carrier of any speed costs few transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from central.application.messaging.hand_over import HandOverSms
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.ports.carriers import LinkMoved, NewsBatch, PartAnswered, ReceiptCame, SmsCarrier, TextCame
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.telemetry import Telemetry
from central.domain.errors import NeighbourError
from central.domain.message_routes import CarrierRoute

_MOST_GATHERED: Final = 4000
_PAUSE_S: Final = 0.5


class HearTexts(Protocol):
    """What is done with short messages that people write."""

    async def __call__(self, carrier: OpenCarrier, texts: Sequence[TextCame], /) -> None:
        """Store them. Raises NeighbourError."""
        ...


class ServeCarrier:
    """The use case; one instance an open carrier."""

    def __init__(
        self, row: OpenCarrier, carrier: SmsCarrier, hand_over: HandOverSms, news: StoreSmsNews, texts: HearTexts,
        store: MessageStore, telemetry: Telemetry,
    ) -> None:  # fmt: skip
        self.row, self.carrier, self.news = row, carrier, news
        self._hand_over, self._texts, self._store = hand_over, texts, store
        self._telemetry = telemetry.bound(carrier=row.name)
        self._gathered: list[NewsBatch] = []
        self._came = asyncio.Event()
        self._room = asyncio.Event()

    async def send(self) -> int:
        """Hand over what is due and fits. Raises NeighbourError: then nothing was given to the carrier."""
        room = self.carrier.room()
        if room <= 0:
            return 0
        submissions = await self._hand_over(self.row, room)
        if submissions:
            self.news.await_answers(submissions)
            await self.carrier.submit(submissions)
            self._telemetry.count("sms_handed_over", len(submissions))
        return len(submissions)

    async def gather(self) -> None:
        """Take the carrier's news until it is closed; waits while too many are not stored."""
        async for batch in self.carrier.news():
            self._gathered.append(batch)
            self._came.set()
            while sum(len(gathered.news) for gathered in self._gathered) > _MOST_GATHERED:
                self._room.clear()
                await self._room.wait()

    async def hear(self, wait_s: float) -> int:
        """Store what was gathered, waiting for it so long; how many news. The far end hears that we have them only then."""
        if not self._gathered:
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), wait_s)
            except TimeoutError:
                return 0
        batches, self._gathered = self._gathered, []
        self._room.set()
        news = [one for batch in batches for one in batch.news]
        try:
            if answers := [one for one in news if isinstance(one, PartAnswered)]:
                await self.news.answers(answers)
        except NeighbourError as error:  # told once: they stay with us
            self._gathered = [*batches, *self._gathered]
            self._came.set()
            await self._delayed(error, len(news))
            return 0
        try:
            await self._store_others(news)
        except NeighbourError as error:
            await self._delayed(error, len(news))
            for batch in batches:
                await batch.refuse()
            return 0
        for batch in batches:
            await batch.ack()
        return len(news)

    async def _delayed(self, error: NeighbourError, news: int) -> None:
        self._telemetry.warning("carrier_news_delayed", code=error.code, news=news)
        await asyncio.sleep(_PAUSE_S)

    async def _store_others(self, news: Sequence[object]) -> None:
        if receipts := [one for one in news if isinstance(one, ReceiptCame)]:
            await self.news.receipts(receipts)
        if texts := [one for one in news if isinstance(one, TextCame)]:
            await self._texts(self.row, texts)
        for moved in (one for one in news if isinstance(one, LinkMoved)):
            self._telemetry.event("carrier_link_moved", link=moved.link, news=moved.news, detail=moved.detail)
            await self._store.tell_carrier(
                self.row.account_id, self.row.id, moved.news, f"{moved.link}: {moved.detail}", moved.at
            )

    async def catch_up(self) -> int:
        """Match receipts that came while the answer to their message was being stored; ask about what was never told."""
        if silent := await self.news.silence.due():
            await self.carrier.query(silent)
        return await self.news.match_strays()

    def know_routes(self, routes: tuple[CarrierRoute, ...]) -> None:
        """The routes of the account, for what must go another way."""
        self.news.routes = routes

    async def close(self, patience_s: float) -> None:
        """Take no more, let what is under way be answered, end the news."""
        await self.carrier.close(patience_s)
