"""Who does which errand of a flow on a voice node: one line each."""

from __future__ import annotations

from central.adapters.postgres.contacts import PostgresContacts, PostgresLinks
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.pool import Pool
from central.application.conversation.call_functions import CallFunctions
from central.application.conversation.run_errands import Runners
from central.application.intake.open_request import OpenRequest
from central.application.intake.start_flow import StartFlow
from central.application.intake.submit_records import SubmitRecords
from central.application.ports.telemetry import Telemetry
from central.bootstrap.worker_stores import WorkerStores
from central.flow import errands
from central.settings import Settings


def errand_runners(settings: Settings, stores: WorkerStores, tenants: Pool, telemetry: Telemetry) -> Runners:
    """The table; ``tenants`` is a pool of central_api."""
    functions = call_functions(settings, stores, tenants, telemetry)
    return {
        errands.StartFlow: functions.start_flow,
        errands.UpdateContact: functions.update_contact,
        errands.ShortenLink: functions.shorten_link,
    }


def call_functions(settings: Settings, stores: WorkerStores, tenants: Pool, telemetry: Telemetry) -> CallFunctions:
    """What flows do beyond their call."""
    clock, ids = stores.clock, stores.ids
    intake = PostgresIntake(tenants)
    submit = SubmitRecords(intake, OpenRequest(intake, stores.library, clock, ids), clock, ids)
    return CallFunctions(
        starter=StartFlow(intake, submit, clock),
        contacts=PostgresContacts(tenants),
        links=PostgresLinks(tenants),
        clock=clock,
        ids=ids,
        telemetry=telemetry,
        link_address=settings.link_address,
    )
