"""The account's own server for webhooks: takes every push at once."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from aiohttp import web


@contextlib.asynccontextmanager
async def push_sink() -> AsyncGenerator[str]:
    """Serve on loopback while the block runs; its address."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        (address, port) = runner.addresses[0][:2]
        yield f"http://{address}:{port}/"
    finally:
        await runner.cleanup()
