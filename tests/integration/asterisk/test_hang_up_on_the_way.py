"""Commands on their way: a hang-up that overtakes its originate is said again, and ringing comes before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from aiohttp import web

from central.adapters.asterisk.channel import AsteriskTelephony
from central.adapters.asterisk.config import AsteriskConfig, ForeignEngine
from central.adapters.system import SystemClock, SystemIds
from central.application.ports.telephony import Accepted, Originate, Rejected, Trunk
from central.domain.ids import LegId, TrunkId


@dataclass
class SlowEngine:
    """As much of ARI as one call needs; POST of a channel waits for ``go``, and only then the channel exists."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    channels: set[str] = field(default_factory=set[str])
    asked: list[str] = field(default_factory=list[str])
    deleted: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    calling: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/ari/events":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for _ in socket:
                pass
            return socket
        channel = request.path.removeprefix("/ari/channels/")
        if request.path == "/ari/channels" or request.path.startswith("/ari/endpoints"):
            return web.json_response([])
        if channel == request.path:
            return web.json_response({})
        name, _, command = channel.partition("/")
        self.asked.append(f"{request.method} {command}".strip())
        if request.method == "POST":
            self.calling.set()
            await self.go.wait()
            self.channels.add(name)
            return web.json_response({"id": channel, "name": "PJSIP/x", "state": "Down", "protocol_id": "call-id"})
        self.told.set()
        if channel not in self.channels:
            return web.json_response({"message": "Channel not found"}, status=404)
        self.channels.discard(channel)
        self.deleted.set()
        return web.Response(status=204)


@pytest.fixture
async def engine() -> AsyncIterator[tuple[SlowEngine, AsteriskTelephony, Trunk]]:
    slow = SlowEngine()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", slow.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    foreign = ForeignEngine(url=f"http://127.0.0.1:{port}/ari", user="u", password="p")
    telephony = AsteriskTelephony(AsteriskConfig(engine=foreign), SystemClock(), SystemIds())
    trunk = Trunk(TrunkId(uuid4()), "lab", "localhost", inbound="none")  # looked up by its first call
    await telephony.start([trunk])
    yield slow, telephony, trunk
    await telephony.stop()
    await runner.cleanup()


async def test_a_hang_up_that_overtakes_the_originate_is_said_again(
    engine: tuple[SlowEngine, AsteriskTelephony, Trunk],
) -> None:
    slow, telephony, trunk = engine
    leg = LegId(uuid4())
    calling = asyncio.create_task(telephony.originate([Originate(leg, trunk.id, "919800000001", None, 30)]))
    async with asyncio.timeout(5):
        await slow.calling.wait()
        await telephony.hang_up(leg, "cancelled_by_us")
        await slow.told.wait()
        slow.go.set()
        (answer,) = await calling
        assert isinstance(answer, Accepted)
        await slow.deleted.wait()
    assert not slow.channels


async def test_a_hang_up_while_the_trunks_name_is_looked_up_sends_nothing(
    engine: tuple[SlowEngine, AsteriskTelephony, Trunk],
) -> None:
    slow, telephony, trunk = engine
    leg = LegId(uuid4())
    slow.go.set()
    calling = asyncio.create_task(telephony.originate([Originate(leg, trunk.id, "919800000001", None, 30)]))
    await asyncio.sleep(0)  # into the lookup
    await asyncio.sleep(0)
    hanging_up = asyncio.create_task(telephony.hang_up(leg, "cancelled_by_us"))
    async with asyncio.timeout(5):
        (answer,) = await calling
        await hanging_up
    assert isinstance(answer, Rejected)
    assert answer.local == "cancelled_by_us"
    assert slow.asked == ["DELETE"]


async def test_what_is_given_at_one_moment_comes_in_its_order(
    engine: tuple[SlowEngine, AsteriskTelephony, Trunk],
) -> None:
    slow, telephony, _ = engine
    leg = LegId(uuid4())
    commands = asyncio.gather(telephony.ring(leg), telephony.answer(leg))
    async with asyncio.timeout(5):
        await slow.calling.wait()
        await telephony.hang_up(
            LegId(uuid4()), "hangup_by_us"
        )  # another connection, there and back: the answer had its chance
        assert slow.asked == ["POST ring", "DELETE"]
        slow.go.set()
        await commands
    assert slow.asked == ["POST ring", "DELETE", "POST answer"]
