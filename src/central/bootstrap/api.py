"""The API process: every use case on one pool of central_api, served by uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import uvicorn

from central.adapters.passwords import Argon2Passwords
from central.adapters.postgres.account_files import PostgresFiles
from central.adapters.postgres.administration_accounts import (
    PostgresAccounts,
    PostgresIdempotency,
    PostgresKeys,
    PostgresPeople,
    PostgresPolicies,
)
from central.adapters.postgres.administration_control import PostgresControl
from central.adapters.postgres.administration_flows import PostgresEndpoints, PostgresFlows
from central.adapters.postgres.administration_numbers import PostgresDids, PostgresLists, PostgresTrunks
from central.adapters.postgres.carriers import PostgresCarriers
from central.adapters.postgres.contacts import PostgresContacts, PostgresLinks
from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.flow_names import PostgresFlowNames
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.jobs import JobQueue, open_jobs
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.mail_domains import PostgresMailDomains
from central.adapters.postgres.message_reports import PostgresMessageReports
from central.adapters.postgres.messages import PostgresMessages
from central.adapters.postgres.outbox import PostgresDeadLetters
from central.adapters.postgres.pool import Pool, transaction
from central.adapters.postgres.prompts import PostgresPrompts
from central.adapters.postgres.recordings import PostgresRecordings
from central.adapters.postgres.reporting_store import PostgresReports
from central.adapters.postgres.saved_endpoints import PostgresSavedEndpoints
from central.adapters.postgres.sms_templates import PostgresTemplates
from central.adapters.postgres.text_answers import PostgresTextAnswers
from central.adapters.postgres.text_routes import PostgresTextRoutes
from central.adapters.smtp.identities import SenderDomains
from central.adapters.smtp.name_lookup import DnsNameLookup
from central.adapters.speech.prompts import PromptFiles
from central.adapters.system import SystemClock, SystemIds
from central.adapters.telemetry.metrics import CONTENT_TYPE
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.adapters.webhook.channel import WebhookCourier
from central.adapters.webhook.pages import WebPages
from central.adapters.webhook.url_policy import WebhookUrlPolicy
from central.application.administration.acting import Auditor
from central.application.administration.arrange_flow import ArrangeFlow
from central.application.administration.authenticate_key import AuthenticateKey
from central.application.administration.compare_versions import CompareVersions
from central.application.administration.control_work import ControlWork
from central.application.administration.edit_list import EditList
from central.application.administration.find_missing import FindMissing
from central.application.administration.import_list import ImportList
from central.application.administration.keep_contacts import KeepContacts
from central.application.administration.keep_files import KeepFiles
from central.application.administration.keep_keys import KeepKeys
from central.application.administration.keep_prompts import KeepPrompts
from central.application.administration.maintain_account import (
    OPERATOR_FIELDS,
    ChangeAccount,
    OperateAccounts,
    ReadAccount,
)
from central.application.administration.maintain_carriers import MaintainCarriers
from central.application.administration.maintain_endpoints import MaintainEndpoints
from central.application.administration.maintain_mail_domains import MaintainMailDomains
from central.application.administration.maintain_people import MaintainPeople
from central.application.administration.maintain_policies import MaintainPolicies
from central.application.administration.maintain_templates import MaintainTemplates
from central.application.administration.maintain_text_answers import MaintainTextAnswers
from central.application.administration.maintain_text_routes import MaintainTextRoutes
from central.application.administration.maintain_trunks import MaintainDids, MaintainTrunks
from central.application.administration.publish_flow import PublishFlow
from central.application.administration.save_flow import SaveFlow
from central.application.intake.open_request import OpenRequest
from central.application.intake.receive_upload import ReceiveUpload
from central.application.intake.reload_request import ReloadRequest
from central.application.intake.submit_records import SubmitRecords
from central.application.messaging.accept_mails import AcceptMails
from central.application.messaging.accept_messages import AcceptShortMessages
from central.application.messaging.send_emails import SendEmails
from central.application.messaging.send_sms import SendSms
from central.application.messaging.shorten_links import ShortenLinks
from central.application.messaging.take_back import TakeBack
from central.application.messaging.take_events import TakeEvents
from central.application.messaging.take_receipts import TakeReceipts
from central.application.messaging.track_mail import TrackMail
from central.application.ports.carriers import ProviderPages
from central.application.ports.intake import LoadQueue
from central.application.ports.telemetry import Telemetry
from central.application.reporting.read_messages import ReadMessages
from central.application.reporting.read_recordings import ReadRecordings
from central.application.reporting.reporting import Reporting
from central.bootstrap.call_centre import call_centre, follow_up
from central.bootstrap.carriers import carrier_check
from central.bootstrap.collector import calm_collector
from central.bootstrap.gateways import hear_receipts
from central.bootstrap.mail import mail_house, mail_trials, name_servers, token_keys
from central.bootstrap.operator import operator_key_hash
from central.bootstrap.process import open_telemetry
from central.bootstrap.provider_events import HearProviderEvents
from central.bootstrap.publisher import webhook_config
from central.bootstrap.reach import carrier_reach
from central.bootstrap.recordings import recording_links, recording_storage
from central.bootstrap.speech import speech_config
from central.bootstrap.store import database_dsn, worker_pool
from central.domain.errors import NeighbourError
from central.domain.mail_hits import known_machines
from central.entrypoints.api.app import create_app
from central.entrypoints.api.services import Limits, Messaging, Neighbour, Services
from central.settings import Settings

_Web = tuple[WebhookCourier, ProviderPages]
_READY_S = 2.0  # a probe does not wait longer
_NODES = {"voice": "voice-node", "messages": "runner"}


def build_services(
    settings: Settings, pool: Pool, shard: Pool, queue: LoadQueue, web: _Web, telemetry: ProcessTelemetry
) -> Services:
    """Wire every use case. ``shard`` is a pool of central_worker: for the operator's routes and frozen flow versions."""
    auditor, operators = Auditor(clock := SystemClock(), ids := SystemIds()), PostgresAccounts(shard)
    flows, keys, lists, prompts = PostgresFlows(pool), PostgresKeys(pool), PostgresLists(pool), PostgresPrompts(pool)
    missing = FindMissing(prompts, PostgresSavedEndpoints(pool), PostgresFlowNames(pool), PostgresAccounts(pool))
    urls = WebhookUrlPolicy(webhook_config(settings))
    work = _work(settings, pool, library := PostgresLibrary(shard, PostgresDispatch(shard, ids), clock), queue)
    return Services(
        clock=clock,
        ids=ids,
        telemetry=telemetry,
        authenticate=AuthenticateKey(keys),
        idempotency=PostgresIdempotency(pool),
        account=ReadAccount(PostgresAccounts(pool)),
        change_account=ChangeAccount(PostgresAccounts(pool), library, auditor),
        people=MaintainPeople(PostgresPeople(pool), Argon2Passwords(), auditor),
        keys=KeepKeys(keys, auditor),
        trunks=MaintainTrunks(PostgresTrunks(pool), auditor),
        dids=MaintainDids(PostgresDids(pool), auditor),
        messaging=messaging(settings, pool, shard, library, auditor, web[1], telemetry),
        call_centre=call_centre(pool, auditor, library, follow_up(pool, library, clock, ids)),
        lists=EditList(lists, auditor),
        import_list=ImportList(lists, auditor),
        flows=SaveFlow(flows, missing, auditor),
        publish=PublishFlow(flows, missing, auditor),
        versions=CompareVersions(flows, prompts, auditor),
        arrange=ArrangeFlow(flows, auditor),
        prompts=KeepPrompts(PromptFiles(speech_config(settings), prompts), prompts, auditor),
        control=ControlWork(PostgresControl(pool, clock), flows, auditor),
        endpoints=MaintainEndpoints(PostgresEndpoints(pool), flows, urls, auditor),
        dead_letters=PostgresDeadLetters(pool),
        courier=web[0],
        policies=MaintainPolicies(PostgresPolicies(pool)),
        submit=work.submit,
        receive=work.receive,
        reload=work.reload,
        contacts=KeepContacts(PostgresContacts(pool), auditor),
        links=PostgresLinks(pool),
        reporting=work.reports,
        readiness=lambda: _readiness(pool),
        metrics=lambda: (telemetry.render_metrics(), CONTENT_TYPE),
        limits=_limits(settings),
        operate_accounts=OperateAccounts(operators, library, auditor),
        operate_change=ChangeAccount(operators, library, auditor, OPERATOR_FIELDS),
        operate_keys=KeepKeys(PostgresKeys(shard), auditor),
        operate_policies=MaintainPolicies(PostgresPolicies(shard)),
        recordings=_recordings(settings, pool),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """Intake and reporting."""

    submit: SubmitRecords
    receive: ReceiveUpload
    reload: ReloadRequest
    reports: Reporting


def _work(settings: Settings, pool: Pool, library: PostgresLibrary, queue: LoadQueue) -> _Work:
    clock, ids = SystemClock(), SystemIds()
    intake, store = PostgresIntake(pool), PostgresReports(pool)
    opener = OpenRequest(intake, library, clock, ids)
    receive = ReceiveUpload(intake, opener, queue, clock, ids, settings.upload_bytes)
    return _Work(
        submit=SubmitRecords(intake, opener, clock, ids),
        receive=receive,
        reload=ReloadRequest(intake, receive),
        reports=Reporting(store, library, clock),
    )


def messaging(
    settings: Settings, pool: Pool, shard: Pool, library: PostgresLibrary, auditor: Auditor, pages: ProviderPages,
    telemetry: Telemetry,
) -> Messaging:  # fmt: skip
    """Wire what the API offers of SMS and e-mail; ``shard`` is a pool of central_worker: tokens of e-mails name no account."""
    clock, ids = auditor.clock, auditor.ids
    store = PostgresMessages(pool, ids, as_tenant=True)
    records = SenderDomains(mail_house(settings), DnsNameLookup(name_servers(settings)))
    return Messaging(
        carriers=MaintainCarriers(PostgresCarriers(pool), carrier_check(carrier_reach(settings)), auditor),
        send_sms=SendSms(AcceptShortMessages(store, library, ShortenLinks(ids, settings.link_address), clock), ids),
        send_emails=SendEmails(AcceptMails(store, PostgresFiles(pool), mail_trials(settings, clock), clock), ids),
        files=KeepFiles(PostgresFiles(pool), auditor),
        templates=MaintainTemplates(PostgresTemplates(pool), auditor),
        text_answers=MaintainTextAnswers(PostgresTextAnswers(pool), auditor),
        text_routes=MaintainTextRoutes(PostgresTextRoutes(pool), PostgresIntake(pool), auditor),
        domains=MaintainMailDomains(PostgresMailDomains(pool), records, auditor, settings.bounce_domain),
        track=TrackMail(PostgresMessages(shard, ids), token_keys(settings), known_machines(), clock, ids),
        read=ReadMessages(PostgresMessageReports(pool)),
        take_back=TakeBack(store, clock),
        take_receipts=TakeReceipts(PostgresMessages(shard, ids), hear_receipts, clock, ids, telemetry),
        take_events=TakeEvents(
            PostgresMessages(shard, ids),
            HearProviderEvents(token_keys(settings), pages, clock),
            clock,
            ids,
            telemetry,
        ),
    )


def _recordings(settings: Settings, pool: Pool) -> ReadRecordings:
    storage, links = recording_storage(settings), recording_links(settings)
    return ReadRecordings(PostgresRecordings(pool), storage, links, SystemClock())


def _limits(settings: Settings) -> Limits:
    return Limits(
        body_bytes=settings.api_body_bytes,
        upload_bytes=settings.upload_bytes,
        prompt_bytes=speech_config(settings).max_prompt_bytes,
        link_address=settings.link_address,
        operator_key_hash=operator_key_hash(settings),
    )


async def _readiness(pool: Pool) -> Sequence[Neighbour]:
    """How the neighbours are: the store, and the nodes by their signs of life."""
    try:
        async with asyncio.timeout(_READY_S), transaction(pool) as connection:
            cursor = await connection.execute(
                "select kind, name, healthy and not draining and heartbeat_at > now() - interval '5 seconds', heartbeat_at from node "
                "where heartbeat_at > now() - interval '1 hour' order by name"
            )
            rows = await cursor.fetchall()
    except (NeighbourError, TimeoutError) as error:
        return [Neighbour("postgresql", "down", str(error) or f"no answer within {_READY_S:g} s")]
    nodes = [
        Neighbour(
            f"{_NODES.get(kind, kind)} {name}",
            "up" if alive else "down",
            f"last heard {heard:%Y-%m-%dT%H:%M:%SZ}",
            needed=False,
        )
        for kind, name, alive, heard in rows
    ]
    return [Neighbour("postgresql", "up"), *nodes]


@contextlib.asynccontextmanager
async def api_services(settings: Settings, telemetry: ProcessTelemetry) -> AsyncGenerator[Services]:
    """Open what the API needs and close it again."""
    courier, pages = WebhookCourier(webhook_config(settings)), WebPages(webhook_config(settings))
    try:
        async with (
            await worker_pool(settings, "central_api", "api") as pool,
            await worker_pool(settings, "central_worker", "api shard", 2) as shard,
            open_jobs(database_dsn(settings), "central_api").open_async() as jobs,
        ):
            yield build_services(settings, pool, shard, JobQueue(jobs), (courier, pages), telemetry)
    finally:
        await courier.close()
        await pages.close()


async def run_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    telemetry = open_telemetry(settings, "api")
    async with api_services(settings, telemetry) as services:
        config = uvicorn.Config(
            create_app(services),
            host=settings.api_host,
            port=settings.api_port,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=5,
            server_header=False,
        )
        calm_collector()
        await asyncio.create_task(uvicorn.Server(config).serve())
