"""Who does which errand of a flow, on whatever node runs it: one line each."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace

from central.adapters.postgres.account_files import PostgresFiles
from central.adapters.postgres.contacts import PostgresContacts, PostgresLinks
from central.adapters.postgres.flow_names import PostgresFlowNames
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.message_states import PostgresMessageStates
from central.adapters.postgres.messages import PostgresMessages
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.saved_endpoints import PostgresSavedEndpoints
from central.adapters.speech.web_sounds import FetchedSounds
from central.adapters.webhook.caller import WebhookCaller
from central.adapters.webhook.downloader import WebhookDownloader
from central.application.conversation.await_receipts import AwaitReceipts
from central.application.conversation.call_functions import CallFunctions
from central.application.conversation.call_webhooks import CallWebhooks
from central.application.conversation.fetch_sounds import FetchSounds
from central.application.conversation.go_on_in_flow import GoOnInFlow
from central.application.conversation.run_errands import Runners
from central.application.conversation.send_messages import SendMails, SendShortMessages
from central.application.intake.open_request import OpenRequest
from central.application.intake.start_flow import StartFlow
from central.application.intake.submit_records import SubmitRecords
from central.application.messaging.accept_mails import AcceptMails
from central.application.messaging.accept_messages import AcceptShortMessages
from central.application.messaging.shorten_links import ShortenLinks
from central.application.ports.telemetry import Telemetry
from central.application.ports.web_sounds import WebSounds
from central.application.ports.world import Clock
from central.bootstrap.mail import mail_trials
from central.bootstrap.publisher import webhook_config
from central.bootstrap.speech import speech_config
from central.bootstrap.worker_stores import WorkerStores
from central.flow import errands
from central.settings import Settings

# A step sets its own time limit (at most 30 s) and keeps the beginning of the answer; the settings are for deliveries.
_WEB_CALL_S = 60.0
_WEB_ANSWER_BYTES = 64 * 1024
_WEB_CALLS_PER_HOST = 100
_SOUND_S = 30.0  # the longest that a step may wait for one


def errand_runners(
    settings: Settings, stores: WorkerStores, tenants: Pool, telemetry: Telemetry, web: WebhookCaller, sounds: WebSounds
) -> Runners:
    """The table; ``tenants`` is a pool of central_api."""
    functions = call_functions(settings, stores, tenants, telemetry)
    messages = PostgresMessages(stores.pool, stores.ids)
    receipts = AwaitReceipts(PostgresMessageStates(stores.pool), telemetry)
    return {
        errands.StartFlow: functions.start_flow,
        errands.UpdateContact: functions.update_contact,
        errands.ShortenLink: functions.shorten_link,
        errands.SendSms: SendShortMessages(
            AcceptShortMessages(
                messages, stores.library, ShortenLinks(stores.ids, settings.link_address), stores.clock
            ),
            receipts,
        ),
        errands.SendEmail: SendMails(
            AcceptMails(messages, PostgresFiles(stores.pool), mail_trials(settings, stores.clock), stores.clock)
        ),
        errands.TransferToFlow: GoOnInFlow(PostgresFlowNames(stores.pool), stores.library),
        errands.CallWebhook: CallWebhooks(web, PostgresSavedEndpoints(stores.pool), stores.clock, telemetry),
        errands.FetchSound: FetchSounds(sounds, telemetry),
    }


@contextlib.asynccontextmanager
async def web_caller(settings: Settings) -> AsyncGenerator[WebhookCaller]:
    """Who sends the web requests of flows, for as long as the node lives."""
    config = replace(
        webhook_config(settings),
        timeout_s=_WEB_CALL_S,
        max_answer_bytes=_WEB_ANSWER_BYTES,
        per_host=_WEB_CALLS_PER_HOST,
    )
    web = WebhookCaller(config)
    try:
        yield web
    finally:
        await web.close()


@contextlib.asynccontextmanager
async def fetched_sounds(settings: Settings, clock: Clock) -> AsyncGenerator[FetchedSounds]:
    """Who fetches what flows play from the web, for as long as the node lives."""
    speech = speech_config(settings)
    config = replace(
        webhook_config(settings),
        timeout_s=_SOUND_S,
        max_answer_bytes=speech.max_prompt_bytes,
        per_host=_WEB_CALLS_PER_HOST,
        keep_connections=False,
    )
    downloader = WebhookDownloader(config)
    sounds = FetchedSounds(speech, downloader, clock)
    try:
        yield sounds
    finally:
        await sounds.close()
        await downloader.close()


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
