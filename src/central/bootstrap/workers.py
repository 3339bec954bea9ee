"""The worker processes, built from settings: dispatcher, voice node, tracker, publisher, jobs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta

from central.adapters.asterisk.channel import AsteriskTelephony
from central.adapters.asterisk.config import AsteriskConfig, ForeignEngine, OwnEngine
from central.adapters.files.list_files import DiskListFiles
from central.adapters.files.shape import FileLimits
from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.jobs import JobDeeds, open_jobs, run_jobs
from central.adapters.postgres.journal_store import PostgresJournal
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.outbox import PostgresOutbox
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.prompts import PostgresPrompts
from central.adapters.postgres.retention import PostgresRetention
from central.adapters.postgres.tracking_store import PostgresTracking
from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.prompts import PromptFiles
from central.adapters.speech.renderer import CachedSpeech
from central.adapters.system import SystemClock, SystemIds
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.adapters.webhook.channel import WebhookCourier
from central.adapters.webhook.config import WebhookConfig
from central.application.dispatch.grant_shares import GrantShares
from central.application.intake.load_upload import LoadUpload
from central.application.intake.open_request import OpenRequest
from central.application.ports.dispatch import NodeState
from central.application.publishing.publish_events import EventPublisher, PublishLimits
from central.application.tracking.control_requests import ControlRequests, KeepCounts
from central.application.tracking.reap_leases import ReapLeases
from central.bootstrap.process import on_stop_signal, open_telemetry
from central.bootstrap.store import database_dsn, row_retention, upkeep, worker_pool
from central.domain.delivery import RetryRule
from central.entrypoints.workers.dispatcher import run_dispatcher
from central.entrypoints.workers.rounds import repeat
from central.entrypoints.workers.tracker import run_tracker
from central.entrypoints.workers.voice_node import NodeParts, VoiceNode
from central.settings import Settings

ROLES = ("dispatcher", "tracker", "publisher", "jobs")


@dataclass(frozen=True, slots=True)
class WorkerStores:
    """The stores of a worker process on one pool."""

    pool: Pool
    dispatch: PostgresDispatch
    journal: PostgresJournal
    tracking: PostgresTracking
    library: PostgresLibrary
    clock: SystemClock
    ids: SystemIds


@contextlib.asynccontextmanager
async def worker_stores(settings: Settings, name: str) -> AsyncGenerator[WorkerStores]:
    """Open the pool of a worker process and what stands on it."""
    clock, ids = SystemClock(), SystemIds()
    async with await worker_pool(settings, "central_worker", name) as pool:
        dispatch = PostgresDispatch(pool, ids)
        yield WorkerStores(
            pool=pool,
            dispatch=dispatch,
            journal=PostgresJournal(pool, ids),
            tracking=PostgresTracking(pool),
            library=PostgresLibrary(pool, dispatch, clock),
            clock=clock,
            ids=ids,
        )


async def run_worker(settings: Settings, role: str) -> None:
    """Run one worker role until SIGTERM or SIGINT."""
    telemetry = open_telemetry(settings, role)
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    match role:
        case "dispatcher":
            await _dispatcher(settings, stop, telemetry)
        case "tracker":
            await _tracker(settings, stop, telemetry)
        case "publisher":
            await _publisher(settings, stop, telemetry)
        case _:
            await _jobs(settings, stop, telemetry)


async def _dispatcher(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    async with worker_stores(settings, "dispatcher") as stores:
        holder = f"{settings.node_name}/{stores.ids.uuid().hex[-12:]}"
        shares = GrantShares(stores.dispatch, stores.library, stores.clock, holder)
        await run_dispatcher(shares, settings.dispatch_round_ms / 1000, stop, telemetry)


async def _tracker(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    async with worker_stores(settings, "tracker") as s:
        reap = ReapLeases(s.tracking, s.journal, s.library, s.clock, s.ids, telemetry)
        control, counts = ControlRequests(s.tracking, s.clock), KeepCounts(s.tracking, s.clock)
        await run_tracker(reap, control, counts, stop, telemetry)


def webhook_config(settings: Settings) -> WebhookConfig:
    """How webhooks are posted."""
    return WebhookConfig(
        timeout_s=settings.webhook_timeout_s,
        max_answer_bytes=max(1, settings.webhook_response_bytes),
        allow_private=settings.allow_private_webhooks,
    )


async def _publisher(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    async with worker_stores(settings, "publisher") as stores:
        courier = WebhookCourier(webhook_config(settings))
        owner = f"{settings.node_name}/{stores.ids.uuid().hex[-12:]}"
        publisher = EventPublisher(
            PostgresOutbox(stores.pool),
            courier,
            stores.clock,
            telemetry,
            owner=owner,
            limits=PublishLimits(in_flight=settings.webhook_connections, lease_s=settings.webhook_timeout_s + 50),
            rule=RetryRule(
                first=timedelta(seconds=settings.webhook_first_retry_s),
                give_up_after=timedelta(hours=settings.webhook_retry_hours),
            ),
        )

        async def step() -> int:
            return 0 if (await publisher.step()).idle else 1

        try:
            await repeat("publish", step, 0.2, stop, telemetry)
            await publisher.drain(settings.webhook_timeout_s)
        finally:
            await courier.close()


async def _jobs(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    async with (
        worker_stores(settings, "jobs") as stores,
        await worker_pool(settings, "central_api", "loading", 3) as api_pool,
        open_jobs(database_dsn(settings), "central_worker").open_async() as app,
    ):
        intake = PostgresIntake(api_pool)
        opener = OpenRequest(intake, stores.library, stores.clock, stores.ids)
        limits = FileLimits(
            max_bytes=settings.upload_bytes,
            max_rows=settings.upload_rows,
            max_unpack_ratio=settings.upload_unpack_ratio,
        )
        load = LoadUpload(
            intake, opener, DiskListFiles(limits), stores.ids, telemetry, chunk_rows=settings.intake_chunk_rows
        )

        async def keep_house() -> None:
            await upkeep(settings)
            retired = await PostgresRetention(stores.pool).retire(stores.clock.now(), row_retention(settings))
            telemetry.event("rows_retired", **retired)

        deeds = JobDeeds(load=load, upkeep=keep_house, stranded=stores.tracking.stranded_uploads)
        await run_jobs(app, deeds, stop, telemetry)


def asterisk_config(settings: Settings) -> AsteriskConfig:
    """How this node reaches its Asterisk: somebody's by URL, else our own."""
    if settings.asterisk_url is not None:
        engine: OwnEngine | ForeignEngine = ForeignEngine(
            url=settings.asterisk_url,
            user=settings.asterisk_user,
            password=settings.asterisk_password or "",
            hep_port=settings.hep_port,
        )
    else:
        host, port = settings.sip_address
        engine = OwnEngine(
            root=settings.private_asterisk_root,
            state_dir=settings.state_dir / f"asterisk-{settings.node_name}",
            sip_host=host,
            sip_port=port,
            external_host=settings.sip_external or "",
            ari_port=settings.ari_port,
            rtp_ports=(settings.rtp_start, settings.rtp_end),
            strict_rtp=settings.strict_rtp,
            max_calls=settings.channels + 50,
        )
    return AsteriskConfig(
        engine=engine,
        rtp_timeout_s=settings.rtp_timeout_s,
        tls_verify=settings.tls_verify,
        trace=settings.sip_trace,
    )


def speech_config(settings: Settings) -> SpeechConfig:
    """Where speech is cached and which programs speak."""
    return SpeechConfig(
        cache_folder=settings.cache_dir / "speech",
        prompt_folder=settings.state_dir / "prompts",
        piper="piper" if settings.piper_model else "",
        piper_model=str(settings.piper_model or ""),
    )


async def run_voice_node(settings: Settings) -> None:
    """Run this machine's voice node until SIGTERM or SIGINT."""
    telemetry = open_telemetry(settings, "voice-node")
    async with worker_stores(settings, "voice-node") as stores:
        speech = CachedSpeech(speech_config(settings))
        state = NodeState(
            name=settings.node_name,
            generation=stores.ids.uuid().hex[-12:],
            kind="voice",
            channels=settings.channels,
            cps=settings.cps,
        )
        node = VoiceNode(
            NodeParts(
                state=state,
                telephony=AsteriskTelephony(asterisk_config(settings), stores.clock, stores.ids),
                speech=speech,
                prompts=PromptFiles(speech_config(settings), PostgresPrompts(stores.pool)),
                dispatch=stores.dispatch,
                journal=stores.journal,
                library=stores.library,
                clock=stores.clock,
                ids=stores.ids,
                telemetry=telemetry,
                lease=timedelta(seconds=settings.lease_s),
                gather=timedelta(milliseconds=settings.group_commit_ms),
                drain=timedelta(seconds=settings.drain_s),
            )
        )
        on_stop_signal(node.stop)
        try:
            await node.run()
        finally:
            await speech.close()
