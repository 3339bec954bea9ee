"""Background jobs on Procrastinate, in the same PostgreSQL: loading of uploads, upkeep of partitions (never records).

A job carries ids only. One job an upload waits (queueing lock) and one runs (lock); a job whose worker died is found by its
missing heartbeat and run again, and goes on where the rows say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from central.application.ports.telemetry import Telemetry
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, RequestId

LOAD = "load_upload"
_STALLED_S = 20.0
_HEARTBEAT_S = 5.0
_RECOVER_S = 5.0


def open_jobs(dsn: str, role: str) -> procrastinate.App:
    """The job library on connections of ``role``; use it as an async context manager."""

    async def configure(connection: object) -> None:
        execute = getattr(connection, "execute")  # noqa: B009 - typed loosely by the library
        await execute("select set_config('role', %s, false)", [role])
        await getattr(connection, "commit")()  # noqa: B009

    connector = procrastinate.PsycopgConnector(
        conninfo=dsn, min_size=1, max_size=4, configure=configure, kwargs={"application_name": "central jobs"}
    )
    return procrastinate.App(connector=connector)


class JobQueue:
    """Port LoadQueue: where the API puts the loading of a received file."""

    def __init__(self, app: procrastinate.App) -> None:
        self._app = app

    async def enqueue_load(self, account_id: AccountId, request_id: RequestId) -> None:
        """Load this upload soon; asking twice does no harm."""
        try:
            name = f"load/{request_id}"
            task = self._app.configure_task(LOAD, lock=name, queueing_lock=name)
            await task.defer_async(account_id=str(account_id), request_id=str(request_id))
        except AlreadyEnqueued:
            return


@dataclass(frozen=True, slots=True)
class JobDeeds:
    """What the jobs do; given by bootstrap. ``upkeep`` makes partitions and drops old ones."""

    load: Callable[[AccountId, RequestId], Awaitable[int]]
    upkeep: Callable[[], Awaitable[None]]
    stranded: Callable[[], Awaitable[list[tuple[AccountId, RequestId]]]]


async def run_jobs(app: procrastinate.App, deeds: JobDeeds, stop: asyncio.Event, telemetry: Telemetry) -> None:
    """Work off jobs until ``stop`` is set; the running one gets some seconds to end."""
    queue = JobQueue(app)

    @app.task(name=LOAD, retry=procrastinate.RetryStrategy(max_attempts=50, wait=2))
    async def load(account_id: str, request_id: str) -> None:
        await deeds.load(AccountId(UUID(account_id)), RequestId(UUID(request_id)))

    @app.periodic(cron="7 * * * *")
    @app.task(name="keep_partitions", queueing_lock="keep_partitions")
    async def keep(timestamp: int) -> None:
        del timestamp
        await deeds.upkeep()

    await _recover(app, queue, deeds, telemetry)
    recovering = asyncio.create_task(_keep_recovering(app, queue, deeds, telemetry))
    worker = asyncio.create_task(
        app.run_worker_async(
            concurrency=2,
            install_signal_handlers=False,
            shutdown_graceful_timeout=5,
            update_heartbeat_interval=_HEARTBEAT_S,
            stalled_worker_timeout=_STALLED_S,
            fetch_job_polling_interval=1.0,
            delete_jobs="successful",
        )
    )
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait((worker, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    recovering.cancel()
    await asyncio.gather(recovering, return_exceptions=True)
    if worker.done():
        worker.result()
        return
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def _keep_recovering(app: procrastinate.App, queue: JobQueue, deeds: JobDeeds, telemetry: Telemetry) -> None:
    """Look again and again: a list that nobody loads must not wait for a restart."""
    while True:
        await asyncio.sleep(_RECOVER_S)
        try:
            await _recover(app, queue, deeds, telemetry)
        except (NeighbourError, ConnectorException) as error:
            telemetry.warning("round_delayed", round="recover_jobs", detail=str(error))


async def _recover(app: procrastinate.App, queue: JobQueue, deeds: JobDeeds, telemetry: Telemetry) -> None:
    """Run again what a dead worker left, and uploads that were received but never queued."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_S):
        telemetry.warning("job_stalled", task=job.task_name, job=job.id)
        await app.job_manager.retry_job(job)
    for account_id, request_id in await deeds.stranded():
        await queue.enqueue_load(account_id, request_id)
