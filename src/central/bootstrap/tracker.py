"""The tracker process."""

from __future__ import annotations

import asyncio

from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.application.tracking.control_requests import ControlRequests, KeepCounts
from central.application.tracking.reap_leases import ReapLeases
from central.application.tracking.watch_backlog import WatchBacklog
from central.bootstrap.worker_stores import worker_stores
from central.entrypoints.workers.tracker import run_tracker
from central.settings import Settings


async def run(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    """Run until ``stop`` is set."""
    async with worker_stores(settings, "tracker") as s:
        reap = ReapLeases(s.tracking, s.journal, s.library, s.clock, s.ids, telemetry)
        control, counts = ControlRequests(s.tracking, s.clock), KeepCounts(s.tracking, s.clock)
        await run_tracker(reap, control, counts, WatchBacklog(s.tracking, telemetry), stop, telemetry)
