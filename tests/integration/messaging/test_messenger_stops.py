"""A messenger that is told to stop: what is under way is answered, stored and acknowledged before it leaves the SMSC."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from datetime import timedelta

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.pdu import Pdu
from central.adapters.system import SystemClock, SystemIds
from central.application.messaging.hand_over import HandOverSms
from central.application.messaging.hear_texts import HearShortMessages
from central.application.messaging.serve_carrier import ServeCarrier
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.ports.carriers import PartAnswered
from central.application.ports.message_store import OpenCarrier
from central.bootstrap.carriers import open_sms_carrier
from central.domain.ids import AccountId, MessageId
from central.entrypoints.workers.messenger import Messenger
from tests.fakes.reach import loopback_reach
from tests.integration.messaging.conftest import Post, Served
from tests.integration.smpp.peer import Link, polite, smsc

ONE = "919800000001"


async def test_receipts_that_come_while_it_stops_are_acknowledged(post: Post) -> None:
    submitted = asyncio.Event()

    async def slow(link: Link, pdu: Pdu) -> None:
        if pdu.command == wire.SUBMIT_SM:
            submitted.set()
            loop = asyncio.get_running_loop()
            loop.call_later(0.8, link.deliver, b"id:1 stat:DELIVRD err:000")
            loop.call_later(1.0, link.answer, pdu, 0, "1")
        else:
            await polite(link, pdu)

    async def open_carrier(row: OpenCarrier) -> Served:
        clock, ids = SystemClock(), SystemIds()
        carrier = open_sms_carrier(row, clock, ids, post.telemetry, loopback_reach())
        texts = HearShortMessages(post.store, post.clock, ids)
        news = StoreSmsNews(post.store, row, row.routes, post.clock, ids, texts, post.telemetry)
        hand_over = HandOverSms(post.store, post.library, post.clock, ids, "test/1")
        return ServeCarrier(row, carrier, hand_over, news, PartAnswered, post.store, post.telemetry, carrier.query)

    async def lead(_for: timedelta) -> bool:
        return True

    async def keep(_held: Collection[tuple[AccountId, MessageId]]) -> None:
        pass

    async def tend() -> int:
        return 0

    async with smsc(slow) as peer:
        account = post.stock.account()
        carrier = post.carrier(account)
        post.stock.run(
            "update carrier set settings = jsonb_build_object('host', '127.0.0.1', 'port', %s::int, 'system_id', 'esme')"
            " where id = %s", peer.port, carrier,
        )  # fmt: skip
        (message,) = await post.write(account, ONE)
        messenger = Messenger(post.store, open_carrier, lead, keep, tend, post.clock, post.telemetry, poll_s=0.05)
        stop = asyncio.Event()
        running = asyncio.create_task(messenger.run(stop, drain_s=20))
        async with asyncio.timeout(20):
            await submitted.wait()
        begun = time.monotonic()
        stop.set()
        await running
        assert time.monotonic() - begun < 10
        (receipt,) = peer.heard(wire.DELIVER_SM | wire.RESPONSE)
        assert receipt.status == 0
        assert len(peer.heard(wire.UNBIND)) == 1
    assert post.status(message.id)[0] == "DELIVERED"
