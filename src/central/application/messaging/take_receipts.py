"""Receipts that gateways bring: proved, read, stored, and only then acknowledged (path step 5).

Calls for one carrier that come while others are being stored are stored together, in one transaction.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from central.application.messaging.hear_texts import HearShortMessages
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.ports.carriers import CarrierId, ReceiptCame
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.receipt_calls import HearReceipts, ReceiptCall
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.errors import Forbidden, NotFound

_FRESH_S: Final = 2.0


class _Call:
    """The receipts of one call, until they are stored."""

    __slots__ = ("news", "stored")

    def __init__(self, news: Sequence[ReceiptCame]) -> None:
        self.news, self.stored = news, False


class TakeReceipts:
    """The use case; one instance a process."""

    def __init__(self, store: MessageStore, hear: HearReceipts, clock: Clock, ids: Ids, telemetry: Telemetry) -> None:
        self._store, self._hear, self._clock, self._ids, self._telemetry = store, hear, clock, ids, telemetry
        self._gateways: Mapping[CarrierId, OpenCarrier] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._waiting: dict[CarrierId, list[_Call]] = defaultdict(list)
        self._storing: dict[CarrierId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __call__(self, carrier_id: CarrierId, call: ReceiptCall) -> int:
        """Store what it brings; how many receipts. They are committed when this returns.

        Raises NotFound ``gateway_not_found``, Forbidden ``receipt_forged``, InvalidInput ``receipt_unreadable``, NeighbourError.
        """
        row = await self._gateway(carrier_id)
        try:
            news = self._hear(row, call, self._clock.now())
        except Forbidden:
            self._telemetry.warning("gateway_receipt_forged", carrier=row.name, account_id=str(row.account_id))
            raise
        await self._put(row, _Call(news))
        self._telemetry.count("gateway_receipts", len(news), carrier=row.name)
        return len(news)

    async def _put(self, row: OpenCarrier, mine: _Call) -> None:
        waiting = self._waiting[row.id]
        waiting.append(mine)
        try:
            async with self._storing[row.id]:
                if mine.stored:
                    return
                together = list(waiting)
                texts = HearShortMessages(self._store, self._clock, self._ids)
                store = StoreSmsNews(self._store, row, row.routes, self._clock, self._ids, texts, self._telemetry)
                await store.receipts([one for call in together for one in call.news])
                for call in together:
                    call.stored = True
        finally:
            waiting.remove(mine)

    async def _gateway(self, carrier_id: CarrierId) -> OpenCarrier:
        """Read from the store every two seconds at most: whoever guesses addresses costs it nothing."""
        async with self._reading:
            if self._clock.monotonic() - self._read_at > _FRESH_S:
                self._gateways = await self._store.gateways()
                self._read_at = self._clock.monotonic()
        found = self._gateways.get(carrier_id)
        if found is None:
            raise NotFound("gateway_not_found", "There is no such gateway that brings receipts.")
        return found
