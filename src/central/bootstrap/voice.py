"""The voice node process, its engine and its speech."""

from __future__ import annotations

from datetime import timedelta

from central.adapters.asterisk.channel import AsteriskTelephony
from central.adapters.asterisk.config import AsteriskConfig, ForeignEngine, OwnEngine
from central.adapters.postgres.inbound_store import PostgresInbound
from central.adapters.postgres.library import PostgresNumberLists
from central.adapters.postgres.offers import PostgresOffers
from central.adapters.postgres.phone_book import PostgresPhoneBook
from central.adapters.postgres.prompts import PostgresPrompts
from central.adapters.speech.prompts import PromptFiles
from central.adapters.speech.renderer import CachedSpeech
from central.application.contact_center.hold_places import HoldPlaces
from central.application.ports.dispatch import NodeState
from central.bootstrap.collector import calm_collector
from central.bootstrap.errands import errand_runners, fetched_sounds, web_caller
from central.bootstrap.process import on_stop_signal, open_telemetry
from central.bootstrap.recordings import recording_parts
from central.bootstrap.speech import speech_config
from central.bootstrap.store import worker_pool
from central.bootstrap.worker_stores import worker_stores
from central.entrypoints.workers.voice_node import NodeParts, VoiceNode
from central.settings import Settings

_INTAKE_CONNECTIONS = (
    2  # of role central_api: records that flows start are stored under row-level security, as by the API
)


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


async def run_voice_node(settings: Settings) -> None:
    """Run this machine's voice node until SIGTERM or SIGINT."""
    telemetry = open_telemetry(settings, "voice-node")
    async with (
        worker_stores(settings, "voice-node") as stores,
        await worker_pool(settings, "central_api", "voice-node intake", _INTAKE_CONNECTIONS) as tenants,
        web_caller(settings) as web,
        fetched_sounds(settings, stores.clock) as sounds,
    ):
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
                inbound=PostgresInbound(stores.pool),
                journal=stores.journal,
                library=stores.library,
                lists=PostgresNumberLists(stores.pool),
                clock=stores.clock,
                ids=stores.ids,
                telemetry=telemetry,
                lease=timedelta(seconds=settings.lease_s),
                gather=timedelta(milliseconds=settings.group_commit_ms),
                drain=timedelta(seconds=settings.drain_s),
                phones=PostgresPhoneBook(stores.pool, state.name),
                door=HoldPlaces(PostgresOffers(stores.pool), state.owner, stores.clock, stores.ids),
                runners=errand_runners(settings, stores, tenants, telemetry, web, sounds),
                recordings=recording_parts(settings, stores.pool),
            )
        )
        on_stop_signal(node.stop)
        calm_collector()
        try:
            await node.run()
        finally:
            await speech.close()
