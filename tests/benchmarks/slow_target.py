"""A web server that takes its time: ``python -m tests.benchmarks.slow_target SECONDS`` prints its address and serves until its input ends."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Generator

from aiohttp import web


@contextlib.contextmanager
def slow_target(seconds: float) -> Generator[str]:
    """Run one beside, in a process of its own; its address."""
    argv = [sys.executable, "-m", "tests.benchmarks.slow_target", str(seconds)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the target has no pipes")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


async def serve(seconds: float) -> None:
    """Answer every request after so many seconds."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(seconds)
        return web.json_response({"name": "Asha"})

    app = web.Application()
    app.router.add_route("*", "/", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        (address, port) = runner.addresses[0][:2]
        sys.stdout.write(f"http://{address}:{port}/\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
