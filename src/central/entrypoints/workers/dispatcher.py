"""The dispatcher: a singleton by leadership; each tick it shares out what may start now (path step 2)."""

from __future__ import annotations

import asyncio

from central.application.dispatch.grant_shares import GrantShares
from central.application.ports.telemetry import Telemetry
from central.entrypoints.workers.rounds import repeat


async def run_dispatcher(shares: GrantShares, tick_s: float, stop: asyncio.Event, telemetry: Telemetry) -> None:
    """Run until ``stop`` is set; a standby that does not lead looks again each tick."""

    async def tick() -> int:
        granted = await shares()
        if granted:
            telemetry.count("records_granted", granted)
        return 0

    await repeat("dispatch", tick, tick_s, stop, telemetry)
