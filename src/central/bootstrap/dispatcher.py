"""The dispatcher process."""

from __future__ import annotations

import asyncio

from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.application.dispatch.grant_shares import GrantShares
from central.bootstrap.worker_stores import worker_stores
from central.entrypoints.workers.dispatcher import run_dispatcher
from central.settings import Settings


async def run(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    """Run until ``stop`` is set."""
    async with worker_stores(settings, "dispatcher") as stores:
        holder = f"{settings.node_name}/{stores.ids.uuid().hex[-12:]}"
        shares = GrantShares(stores.dispatch, stores.library, stores.clock, holder)
        await run_dispatcher(shares, settings.dispatch_round_ms / 1000, stop, telemetry)
