"""The contact center process: who is offered which call."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from central.adapters.postgres.agent_statuses import PostgresAgentStatuses
from central.adapters.postgres.dispositions import PostgresUnsaid
from central.adapters.postgres.offers import PostgresOffers
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.application.contact_center.assign_calls import AssignCalls
from central.application.contact_center.end_stranded import EndStranded
from central.application.contact_center.keep_status import TendAgents
from central.application.contact_center.save_disposition import CloseUnsaid
from central.bootstrap.worker_stores import worker_stores
from central.entrypoints.workers.contact_center import run_contact_center
from central.settings import Settings


async def run(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    """Run until ``stop`` is set."""
    async with worker_stores(settings, "contact-center") as stores:
        holder = f"{settings.node_name}/{stores.ids.uuid().hex[-12:]}"
        store = PostgresOffers(stores.pool)
        assign = AssignCalls(store, stores.clock, stores.ids, lambda n: stores.ids.uuid().int % n)
        stranded = EndStranded(store, stores.clock)
        unsaid = CloseUnsaid(PostgresUnsaid(stores.pool), stores.clock)
        agents = TendAgents(PostgresAgentStatuses(stores.pool), stores.clock)

        async def lead(lease: timedelta) -> bool:
            return await stores.dispatch.lead("contact-center", holder, lease) is not None

        async def tend() -> int:
            return await stranded.run() + await agents.run() + await unsaid.run()

        await run_contact_center(assign.run, tend, lead, stop, telemetry)
