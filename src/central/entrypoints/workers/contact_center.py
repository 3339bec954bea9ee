"""The contact center: a singleton by leadership; each tick it offers who waits to who is free (path step 4b)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from central.application.ports.telemetry import Telemetry
from central.entrypoints.workers.rounds import repeat

LEAD_FOR: Final = timedelta(seconds=3)
_ASSIGN_S: Final = 0.1
_TEND_S: Final = 1.0


async def run_contact_center(
    assign: Callable[[], Awaitable[int]],
    tend: Callable[[], Awaitable[int]],
    lead: Callable[[timedelta], Awaitable[bool]],
    stop: asyncio.Event,
    telemetry: Telemetry,
) -> None:
    """Run until ``stop`` is set; a standby that does not lead looks again each second."""
    leads = False

    async def keep() -> None:
        nonlocal leads
        leads = await lead(LEAD_FOR)

    async def offer() -> int:
        made = await assign() if leads else 0
        if made:
            telemetry.count("calls_offered", made)
        return 0

    async def tended() -> int:
        await keep()
        return await tend() if leads else 0

    await asyncio.gather(
        repeat("offers", offer, _ASSIGN_S, stop, telemetry), repeat("agents", tended, _TEND_S, stop, telemetry)
    )
