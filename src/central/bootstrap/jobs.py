"""The process of the background jobs: loading of uploads, upkeep."""

from __future__ import annotations

import asyncio
import sys

from central.adapters.files.list_files import DiskListFiles
from central.adapters.files.shape import FileLimits
from central.adapters.judges.processes import JudgeProcesses
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.jobs import JobDeeds, open_jobs, run_jobs
from central.adapters.postgres.prompts import PostgresContents, PostgresPrompts
from central.adapters.postgres.recordings import PostgresRecordings
from central.adapters.postgres.retention import PostgresRetention
from central.adapters.speech.prompts import PromptFiles
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.application.administration.retire_prompts import RetirePrompts
from central.application.administration.retire_recordings import RetireRecordings
from central.application.intake.load_upload import LoadUpload
from central.application.intake.open_request import OpenRequest
from central.bootstrap.recordings import recording_storage
from central.bootstrap.speech import speech_config
from central.bootstrap.store import database_dsn, row_retention, upkeep, worker_pool
from central.bootstrap.worker_stores import worker_stores
from central.settings import Settings

_JUDGE = [sys.executable, "-m", "central.bootstrap.judge"]


async def run(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    """Run until ``stop`` is set."""
    async with (
        worker_stores(settings, "jobs") as stores,
        await worker_pool(settings, "central_api", "loading", 3) as api_pool,
        JudgeProcesses(_JUDGE, settings.intake_processes, telemetry) as judges,
        open_jobs(database_dsn(settings), "central_worker").open_async() as app,
    ):
        intake = PostgresIntake(api_pool)
        opener = OpenRequest(intake, stores.library, stores.clock, stores.ids)
        limits = FileLimits(
            max_bytes=settings.upload_bytes,
            max_rows=settings.upload_rows,
            max_unpack_ratio=settings.upload_unpack_ratio,
        )
        files, rows = DiskListFiles(limits), settings.intake_chunk_rows
        load = LoadUpload(intake, opener, files, judges, stores.ids, telemetry, chunk_rows=rows)

        index = PostgresRecordings(stores.pool)
        retire_recordings = RetireRecordings(index, recording_storage(settings), stores.clock)
        prompt_files = PromptFiles(speech_config(settings), PostgresPrompts(stores.pool))
        retire_prompts = RetirePrompts(PostgresContents(stores.pool), prompt_files, stores.clock)

        async def keep_house() -> None:
            await upkeep(settings)
            retired = await PostgresRetention(stores.pool).retire(stores.clock.now(), row_retention(settings))
            telemetry.event("rows_retired", **retired)
            telemetry.event("recordings_retired", n=await retire_recordings())
            telemetry.event("prompts_retired", n=await retire_prompts())

        deeds = JobDeeds(load=load, upkeep=keep_house, stranded=stores.tracking.stranded_uploads, give_up=load.give_up)
        await run_jobs(app, deeds, stop, telemetry)
