"""Events that a mail provider brings: proved, read, stored, and only then acknowledged (path step 5)."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.messaging.calling_carriers import CallingCarriers, StoreTogether
from central.application.messaging.store_mail_news import StoreHeard
from central.application.ports.carriers import CarrierId, MailHeard
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.provider_events import HearEvents
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.errors import Forbidden, NotFound


class TakeEvents:
    """The use case; one instance a process."""

    def __init__(self, store: MessageStore, hear: HearEvents, clock: Clock, ids: Ids, telemetry: Telemetry) -> None:
        self._store, self._hear, self._clock, self._ids, self._telemetry = store, hear, clock, ids, telemetry
        self._relays = CallingCarriers(store.relays, clock)
        self._put = StoreTogether(self._together)

    async def __call__(self, carrier_id: CarrierId, body: bytes) -> int:
        """Store what it brings; how many news, 0 for a confirmation. They are committed when this returns.

        Raises NotFound ``relay_not_found``, Forbidden ``topic_unknown``, ``event_forged``, InvalidInput ``event_unreadable``,
        NeighbourError.
        """
        row = await self._relays.find(carrier_id)
        if row is None:
            raise NotFound("relay_not_found", "There is no such relay that brings events.")
        try:
            news = await self._hear(row, body)
        except Forbidden as error:
            self._telemetry.warning(
                "provider_event_refused", carrier=row.name, account_id=str(row.account_id), code=error.code
            )
            raise
        if not news:
            self._telemetry.event("provider_subscription_confirmed", carrier=row.name, account_id=str(row.account_id))
            return 0
        await self._put(row, news)
        self._telemetry.count("provider_events", len(news), carrier=row.name)
        return len(news)

    async def _together(self, row: OpenCarrier, news: Sequence[MailHeard]) -> None:
        """The account's own topics can speak of its own messages only."""
        await StoreHeard(self._store, self._clock, self._ids, self._telemetry, row.account_id)(news)
