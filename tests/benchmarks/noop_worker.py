"""A Procrastinate worker with nothing to do in its jobs: ``python -m tests.benchmarks.noop_worker DSN``.

Prints ``ready``, waits for a line, then works until the queue is empty.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from tests.benchmarks.noop_app import CONCURRENCY, noop_app


async def work(dsn: str) -> None:
    """Run until no job waits."""
    async with noop_app(dsn).open_async() as app:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        await app.run_worker_async(
            queues=["records"], concurrency=CONCURRENCY, wait=False, install_signal_handlers=False, listen_notify=False
        )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(sys.argv[1]))
