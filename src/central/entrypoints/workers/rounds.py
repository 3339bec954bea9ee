"""One loop for all workers: do a round, wait, again; a neighbour that is away delays the round and is said, nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from central.application.ports.telemetry import Telemetry
from central.domain.errors import NeighbourError

_LONGEST_PAUSE_S = 5.0


async def repeat(
    name: str, round_: Callable[[], Awaitable[object]], every_s: float, stop: asyncio.Event, telemetry: Telemetry
) -> None:
    """Run rounds until ``stop`` is set. A round that returns a true number is followed by the next at once."""
    pause = every_s
    while not stop.is_set():
        try:
            busy = await round_()
            pause = 0.0 if isinstance(busy, int) and busy > 0 else every_s
        except NeighbourError as error:
            pause = min(_LONGEST_PAUSE_S, max(0.1, pause * 2))
            telemetry.warning("round_delayed", round=name, code=error.code, detail=error.message)
        if pause:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
        else:
            await asyncio.sleep(0)
