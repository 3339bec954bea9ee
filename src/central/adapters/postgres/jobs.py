"""Background jobs on Procrastinate, in the same PostgreSQL: loading of uploads, upkeep of partitions (never records).

A job carries ids only. One job an upload waits (queueing lock) and one runs (lock); a job whose worker died is found by its
missing heartbeat and run again, and goes on where the rows say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job
from typing_extensions import override

from central.application.ports.intake import StrandedUpload
from central.application.ports.telemetry import Telemetry
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, RequestId

LOAD = "load_upload"
_STALLED_S = 20.0
_HEARTBEAT_S = 5.0
_LONGEST_WAIT_S = 60.0
_OUR_FAULT = "judge_ended"  # a process of ours: what killed it may be the file, so it is not tried for ever


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


class GiveUp(Protocol):
    """Ends a request whose file is not loaded."""

    async def __call__(self, account_id: AccountId, request_id: RequestId, *, stopped: bool) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class JobDeeds:
    """What the jobs do; given by bootstrap. ``upkeep`` makes partitions and drops old ones."""

    load: Callable[[AccountId, RequestId], Awaitable[int]]
    upkeep: Callable[[], Awaitable[None]]
    stranded: Callable[[], Awaitable[list[StrandedUpload]]]
    give_up: GiveUp


@dataclass(frozen=True, slots=True)
class JobPace:
    """A load that fails by our fault is tried ``tries`` times, after ``wait_s``, twice that ...; rescue looks every ``recover_s``."""

    tries: int = 4
    wait_s: float = 2.0
    recover_s: float = 5.0


class _LoadRetries(procrastinate.BaseRetryStrategy):
    """Patient with neighbours that are away, brief with faults of our own; each is logged."""

    def __init__(self, pace: JobPace, telemetry: Telemetry) -> None:
        self._pace, self._telemetry = pace, telemetry

    @override
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        """When to try again; None gives the job up."""
        tries, request = job.attempts + 1, job.task_kwargs.get("request_id")
        if isinstance(exception, NeighbourError) and exception.code != _OUR_FAULT:
            self._telemetry.warning("upload_delayed", request_id=request, tries=tries, code=exception.code)
        else:
            self._telemetry.failure("upload_load_failed", exception, request_id=request, tries=tries)
            if tries >= self._pace.tries:
                return None
        wait_s = min(self._pace.wait_s * 2 ** min(job.attempts, 16), _LONGEST_WAIT_S)
        return procrastinate.RetryDecision(retry_in={"seconds": wait_s})


async def run_jobs(
    app: procrastinate.App, deeds: JobDeeds, stop: asyncio.Event, telemetry: Telemetry, pace: JobPace | None = None
) -> None:
    """Work off jobs until ``stop`` is set; the running one gets some seconds to end."""
    queue, pace = JobQueue(app), pace or JobPace()

    @app.task(name=LOAD, retry=_LoadRetries(pace, telemetry))
    async def load(account_id: str, request_id: str) -> None:
        await deeds.load(AccountId(UUID(account_id)), RequestId(UUID(request_id)))

    @app.periodic(cron="7 * * * *")
    @app.task(name="keep_partitions", queueing_lock="keep_partitions")
    async def keep(timestamp: int) -> None:
        del timestamp
        await deeds.upkeep()

    await _recover(app, queue, deeds, telemetry)
    recovering = asyncio.create_task(_keep_recovering(app, queue, deeds, telemetry, pace.recover_s))
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


async def _keep_recovering(
    app: procrastinate.App, queue: JobQueue, deeds: JobDeeds, telemetry: Telemetry, every_s: float
) -> None:
    """Look again and again: a list that nobody loads must not wait for a restart."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await _recover(app, queue, deeds, telemetry)
        except (NeighbourError, ConnectorException) as error:
            telemetry.warning("round_delayed", round="recover_jobs", detail=str(error))


async def _recover(app: procrastinate.App, queue: JobQueue, deeds: JobDeeds, telemetry: Telemetry) -> None:
    """Run again what a dead worker left, queue uploads that never were, end those that were given up or stopped by force."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_S):
        telemetry.warning("job_stalled", task=job.task_name, job=job.id)
        await app.job_manager.retry_job(job)
    for upload in await deeds.stranded():
        if upload.fate == "unknown":
            await queue.enqueue_load(upload.account_id, upload.request_id)
        else:
            await deeds.give_up(upload.account_id, upload.request_id, stopped=upload.fate == "stopped")
