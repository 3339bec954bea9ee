"""Receipts that gateways bring: proved, read, stored, and only then acknowledged (path step 5)."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.messaging.calling_carriers import CallingCarriers, StoreTogether
from central.application.messaging.hear_texts import HearShortMessages
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.ports.carriers import CarrierId, ReceiptCame
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.receipt_calls import HearReceipts, ReceiptCall
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.errors import Forbidden, NotFound


class TakeReceipts:
    """The use case; one instance a process."""

    def __init__(self, store: MessageStore, hear: HearReceipts, clock: Clock, ids: Ids, telemetry: Telemetry) -> None:
        self._store, self._hear, self._clock, self._ids, self._telemetry = store, hear, clock, ids, telemetry
        self._gateways = CallingCarriers(store.gateways, clock)
        self._put = StoreTogether(self._together)

    async def __call__(self, carrier_id: CarrierId, call: ReceiptCall) -> int:
        """Store what it brings; how many receipts. They are committed when this returns.

        Raises NotFound ``gateway_not_found``, Forbidden ``receipt_forged``, InvalidInput ``receipt_unreadable``, NeighbourError.
        """
        row = await self._gateways.find(carrier_id)
        if row is None:
            raise NotFound("gateway_not_found", "There is no such gateway that brings receipts.")
        try:
            news = self._hear(row, call, self._clock.now())
        except Forbidden:
            self._telemetry.warning("gateway_receipt_forged", carrier=row.name, account_id=str(row.account_id))
            raise
        await self._put(row, news)
        self._telemetry.count("gateway_receipts", len(news), carrier=row.name)
        return len(news)

    async def _together(self, row: OpenCarrier, news: Sequence[ReceiptCame]) -> None:
        texts = HearShortMessages(self._store, self._clock, self._ids)
        store = StoreSmsNews(self._store, row, row.routes, self._clock, self._ids, texts, self._telemetry)
        await store.receipts(news)
