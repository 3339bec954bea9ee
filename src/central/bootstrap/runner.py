"""The flow runner process: flows without a call."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.application.ports.dispatch import MESSAGES, NodeState
from central.bootstrap.errands import errand_runners, fetched_sounds, web_caller
from central.bootstrap.store import worker_pool
from central.bootstrap.worker_stores import worker_stores
from central.entrypoints.workers.flow_runner import FlowRunner, RunnerParts
from central.settings import Settings

_INTAKE_CONNECTIONS = 2  # of role central_api, for records that flows start
_RATE = 10_000  # records a second at most; what the store and the far ends take is less


async def run(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    """Run until ``stop`` is set; runs under way may end."""
    async with (
        worker_stores(settings, "runner") as stores,
        await worker_pool(settings, "central_api", "runner intake", _INTAKE_CONNECTIONS) as tenants,
        web_caller(settings) as web,
        fetched_sounds(settings, stores.clock) as sounds,
    ):
        state = NodeState(
            name=f"{settings.node_name}:runner",  # beside the voice node of that name
            generation=stores.ids.uuid().hex[-12:],
            kind=MESSAGES,
            channels=settings.message_runs,
            cps=_RATE,
        )
        runner = FlowRunner(
            RunnerParts(
                state=state,
                dispatch=stores.dispatch,
                journal=stores.journal,
                library=stores.library,
                clock=stores.clock,
                ids=stores.ids,
                telemetry=telemetry,
                lease=timedelta(seconds=settings.lease_s),
                gather=timedelta(milliseconds=settings.group_commit_ms),
                drain=timedelta(seconds=settings.drain_s),
                runners=errand_runners(settings, stores, tenants, telemetry, web, sounds),
            )
        )
        await runner.run(stop)
