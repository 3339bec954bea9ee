"""The receiver's side of webhooks: a real HTTP server on loopback that is told how to behave, and remembers what came."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    raw_path: str = ""

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]


def answer(status: int, text: str = "", **headers: str) -> Behaviour:
    async def behave(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return behave


@dataclass
class FarEnd:
    """``plan[path]`` are behaviours for the next posts there; afterwards, and elsewhere, ``otherwise``."""

    ssl_context: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list[Received])
    plan: dict[str, list[Behaviour]] = field(default_factory=lambda: defaultdict[str, list[Behaviour]](list))
    otherwise: Behaviour = field(default_factory=lambda: answer(204))
    release: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._receive)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.ssl_context).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        await self._runner.cleanup()

    def url(self, path: str = "/hook", *, host: str = "127.0.0.1") -> str:
        scheme = "https" if self.ssl_context is not None else "http"
        return f"{scheme}://{host}:{self.port}{path}"

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        self.received.append(
            Received(request.path, dict(request.headers), await request.read(), request.method, request.raw_path)
        )
        behaviours = self.plan[request.path]
        behave = behaviours.pop(0) if behaviours else self.otherwise
        return await behave(request)

    async def hang(self, _: web.Request) -> web.StreamResponse:
        """No answer until the test says so (or ends)."""
        await self.release.wait()
        return web.Response(status=204)


async def cut(request: web.Request) -> web.StreamResponse:
    """Close the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def endless(status: int) -> Behaviour:
    """A body that never ends."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    return behave
