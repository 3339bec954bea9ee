"""The tracker: expired leases, control actions, counts, closing of requests (path step 5)."""

from __future__ import annotations

import asyncio

from central.application.ports.telemetry import Telemetry
from central.application.tracking.control_requests import ControlRequests, KeepCounts
from central.application.tracking.reap_leases import ReapLeases
from central.application.tracking.watch_backlog import WatchBacklog
from central.entrypoints.workers.rounds import repeat


async def run_tracker(
    reap: ReapLeases,
    control: ControlRequests,
    counts: KeepCounts,
    backlog: WatchBacklog,
    stop: asyncio.Event,
    telemetry: Telemetry,
) -> None:
    """Run all rounds side by side until ``stop`` is set. Several trackers may run: rows are taken with SKIP LOCKED."""
    await asyncio.gather(
        repeat("reap", reap, 0.5, stop, telemetry),
        repeat("control", control, 0.3, stop, telemetry),
        repeat("counts", counts, 0.3, stop, telemetry),
        repeat("backlog", backlog, 5.0, stop, telemetry),
    )
