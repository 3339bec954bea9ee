"""The messenger process: the carriers of the shard, and what is handed to them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from central.adapters.postgres.messages import PostgresMessages
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.application.messaging.hand_over import HandOverSms
from central.application.messaging.hear_texts import HearShortMessages
from central.application.messaging.serve_carrier import ServeCarrier
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.messaging.tend_messages import TendMessages
from central.application.ports.message_store import OpenCarrier
from central.bootstrap.carriers import open_sms_carrier
from central.bootstrap.worker_stores import worker_stores
from central.entrypoints.workers.messenger import Messenger
from central.settings import Settings


async def run(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    """Run until ``stop`` is set; what is handed over may be answered."""
    async with worker_stores(settings, "messenger") as stores:
        clock, ids = stores.clock, stores.ids
        owner = f"{settings.node_name}/{ids.uuid().hex[-12:]}"
        store = PostgresMessages(stores.pool, ids)
        hand_over = HandOverSms(store, stores.library, clock, ids, owner)
        texts = HearShortMessages(store, clock, ids)

        async def open_carrier(row: OpenCarrier) -> ServeCarrier:
            carrier = open_sms_carrier(row, clock, ids, telemetry)
            news = StoreSmsNews(store, row, row.routes, clock, ids, telemetry)
            return ServeCarrier(row, carrier, hand_over, news, texts, store, telemetry)

        async def lead(lease: timedelta) -> bool:
            return await stores.dispatch.lead("messenger", owner, lease) is not None

        tend = TendMessages(store, clock, ids, telemetry)
        messenger = Messenger(
            store, open_carrier, lead, tend.step, clock, telemetry, poll_s=settings.message_round_ms / 1000
        )
        await messenger.run(stop, settings.drain_s)
