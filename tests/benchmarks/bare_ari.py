"""The shortest loop that places calls over ARI: originate, hang up on answer, next. No store, no flow, no copies.

It asks the engine for nothing but the two events it needs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec

from central.adapters.asterisk.engine import Access
from central.adapters.asterisk.outgoing import trunk_objects
from central.application.ports.telephony import Trunk
from central.domain.ids import TrunkId

_APP = "bare"
_ENDPOINT = "bare"
_WANTED = {"allowed": [{"type": "StasisStart"}, {"type": "ChannelDestroyed"}]}


async def place_calls(access: Access, port: int, calls: int, channels: int) -> float:
    """Place so many calls, at most ``channels`` at once; the seconds until the last has ended. RuntimeError for a failed one."""
    connector = aiohttp.TCPConnector(limit=64)
    async with (
        aiohttp.ClientSession(headers=access.headers, connector=connector) as http,
        http.ws_connect(f"{access.url}/events", params={"app": _APP}) as socket,
    ):
        async with http.put(f"{access.url}/applications/{_APP}/eventFilter", json=_WANTED) as answer:
            if answer.status != 200:
                raise RuntimeError(await answer.text())
        return await _run(http, access, socket, port, calls, channels)


class _Calls:
    """The calls of one run: placed while there is room, hung up when answered."""

    def __init__(self, http: aiohttp.ClientSession, url: str, port: int, calls: int, channels: int) -> None:
        self.http, self.url, self.port, self.left = http, url, port, calls
        self.answered = 0
        self.free, self.over = asyncio.Semaphore(channels), asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    async def hear(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            event: dict[str, Any] = msgspec.json.decode(message.data)
            if event["type"] == "StasisStart":
                self.answered += 1
                self.spawn(self.hang_up(event["channel"]["id"]))
            elif event["type"] == "ChannelDestroyed":
                self.left -= 1
                self.free.release()
                if self.left == 0:
                    self.over.set()

    async def hang_up(self, channel: str) -> None:
        async with self.http.delete(f"{self.url}/channels/{channel}"):
            pass

    async def originate(self, n: int) -> None:
        where = f"PJSIP/{_ENDPOINT}/sip:9198{n:08d}@127.0.0.1:{self.port}"
        body = {"endpoint": where, "app": _APP, "timeout": 60, "callerId": "918000000001"}
        async with self.http.post(f"{self.url}/channels/{uuid4().hex}", json=body) as answer:
            if answer.status != 200:
                raise RuntimeError(await answer.text())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def _run(
    http: aiohttp.ClientSession,
    access: Access,
    socket: aiohttp.ClientWebSocketResponse,
    port: int,
    calls: int,
    channels: int,
) -> float:
    placed = _Calls(http, access.url, port, calls, channels)
    listener = asyncio.create_task(placed.hear(socket))
    begun = time.monotonic()
    for n in range(calls):
        await placed.free.acquire()
        placed.spawn(placed.originate(n))
    await placed.over.wait()
    seconds = time.monotonic() - begun
    listener.cancel()
    if placed.answered != calls:
        raise RuntimeError(f"{placed.answered} of {calls} calls were answered")
    return seconds


async def make_trunk(access: Access, port: int) -> None:
    """Make the endpoint that the calls go over; once an engine, because making it again disturbs it."""
    trunk = Trunk(TrunkId(uuid4()), _ENDPOINT, "127.0.0.1", port)
    async with aiohttp.ClientSession(headers=access.headers) as http:
        for made in trunk_objects(trunk, _ENDPOINT, 0):
            async with http.put(access.url + made.path, json=made.body) as answer:
                if answer.status >= 300:
                    raise RuntimeError(await answer.text())
