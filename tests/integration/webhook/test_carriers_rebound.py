"""A name that leads elsewhere at the next look-up (DNS rebinding) brings no carrier into our own network."""

from __future__ import annotations

import asyncio
from typing import Self

from central.adapters.smpp.channel import SmppCarrier
from central.adapters.smpp.config import SmppConfig, Timers
from central.adapters.smtp.channel import SmtpRelay
from central.adapters.smtp.config import RelayConfig
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.carriers import LinkMoved, MailRelay, SmsCarrier
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.reach import reach_by


class Far:
    """A listener on loopback that counts who came."""

    def __init__(self) -> None:
        self.came = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        writer.close()


async def first_moves(carrier: SmsCarrier | MailRelay, met: str) -> str:
    """Read its news until one has the words."""
    async with asyncio.timeout(10):
        async for batch in carrier.news():
            await batch.ack()
            for one in batch.news:
                if isinstance(one, LinkMoved) and met in one.detail:
                    return one.detail
    raise AssertionError(met)


async def test_a_bind_to_a_name_that_is_bound_anew_connects_to_nothing_of_ours() -> None:
    names = {"smsc.example": [["127.0.0.2"], ["127.0.0.1"]]}  # the first look-up passes, nobody listens there
    async with Far() as far:
        config = SmppConfig(
            name="c", host="smsc.example", port=far.port, system_id="me", timers=Timers(reconnect=(0.05, 0.1))
        )
        carrier = SmppCarrier(config, SystemClock(), SystemIds(), ObservedTelemetry(), reach_by(names, "127.0.0.2/32"))
        carrier.start()
        detail = await first_moves(carrier, "address_refused")
        assert "127.0.0.1" in detail
        await carrier.close(0)
        assert far.came == 0


async def test_a_relay_by_a_name_that_is_bound_anew_connects_to_nothing_of_ours() -> None:
    names = {"relay.example": [["127.0.0.2"], ["127.0.0.1"]]}
    async with Far() as far:
        config = RelayConfig(name="r", host="relay.example", hello="us.example", port=far.port, retry_first_s=0.05)
        relay = SmtpRelay(config, SystemClock(), reach_by(names, "127.0.0.2/32"))
        relay.open()
        detail = await first_moves(relay, "address_refused")
        assert "127.0.0.1" in detail
        assert relay.room() == 0
        await relay.close(0)
        assert far.came == 0
