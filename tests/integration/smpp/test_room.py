"""How much a carrier takes: what is unsure when we die never exceeds its windows, so an answer counts until it is stored."""

from __future__ import annotations

from central.adapters.smpp.channel import SmppCarrier
from central.adapters.smpp.config import SmppConfig
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.carriers import LinkMoved, NewsBatch, PartAnswered
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.reach import loopback_reach
from tests.integration.smpp.peer import message, smsc


async def test_a_submit_keeps_its_place_until_its_answer_is_stored() -> None:
    async with smsc() as peer:
        config = SmppConfig(name="c", host="127.0.0.1", port=peer.port, system_id="esme", password="secret", window=20)
        carrier = SmppCarrier(config, SystemClock(), SystemIds(), ObservedTelemetry(), loopback_reach())
        carrier.start()
        news = carrier.news()
        up = await anext(news)
        assert [type(one) for one in up.news] == [LinkMoved]
        await up.ack()
        assert carrier.room() == 20
        await carrier.submit([message() for _ in range(15)])
        told: list[NewsBatch] = []
        while sum(len(batch.news) for batch in told) < 15:
            told.append(await anext(news))
        assert all(type(one) is PartAnswered for batch in told for one in batch.news)
        assert carrier.room() == 5
        await told[0].refuse()  # its answers are stored, what else it told is not
        for batch in told[1:]:
            await batch.ack()
        assert carrier.room() == 20
        await carrier.close(1.0)
