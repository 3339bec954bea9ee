"""The messenger process: the carriers of the shard, what is handed to them, and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from central.adapters.postgres.account_files import PostgresAttachments
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.messages import PostgresMessages
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.text_answers import PostgresOwedAnswers
from central.adapters.postgres.text_routes import PostgresTextStarts
from central.adapters.smtp.compose import MailComposer
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.application.intake.open_request import OpenRequest
from central.application.intake.start_texts import StartTexts
from central.application.intake.submit_records import SubmitRecords
from central.application.messaging.accept_messages import AcceptShortMessages
from central.application.messaging.answer_texts import AnswerTexts
from central.application.messaging.hand_over import HandOverSms
from central.application.messaging.hand_over_mails import HandOverMails
from central.application.messaging.hear_mail import hear_mail
from central.application.messaging.hear_texts import HearShortMessages
from central.application.messaging.keep_hand_overs import KeepHandOvers
from central.application.messaging.serve_carrier import ServeCarrier
from central.application.messaging.shorten_links import ShortenLinks
from central.application.messaging.store_mail_news import StoreHeard, StoreMailNews
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.messaging.take_back import AskToCancel
from central.application.messaging.tend_messages import TendMessages
from central.application.ports.carriers import MailAnswered, PartAnswered
from central.application.ports.message_store import OpenCarrier
from central.bootstrap.carriers import open_mailbox, open_relay, open_sms_carrier
from central.bootstrap.mail import bounce_receiver, token_keys
from central.bootstrap.reach import carrier_reach
from central.bootstrap.store import worker_pool
from central.bootstrap.worker_stores import WorkerStores, worker_stores
from central.domain.mail_tokens import bounced_message
from central.entrypoints.workers.messenger import Messenger, Served
from central.entrypoints.workers.rounds import repeat
from central.settings import Settings

_INTAKE_CONNECTIONS: Final = 2  # of role central_api, for records that texts start
_LOOK_S: Final = 0.5


async def run(settings: Settings, stop: asyncio.Event, telemetry: ProcessTelemetry) -> None:
    """Run until ``stop`` is set; what is handed over may be answered."""
    asyncio.get_running_loop().set_exception_handler(partial(_tell, telemetry))
    async with (
        worker_stores(settings, "messenger", by_keys=True) as stores,
        await worker_pool(settings, "central_worker", "messenger files", 2) as files,
        await worker_pool(settings, "central_api", "messenger intake", _INTAKE_CONNECTIONS) as tenants,
    ):
        owner = f"{settings.node_name}/{stores.ids.uuid().hex[-12:]}"
        store = PostgresMessages(stores.pool, stores.ids)
        doors = _Doors(settings, stores, store, files, owner, telemetry)

        async def lead(lease: timedelta) -> bool:
            return await stores.dispatch.lead("messenger", owner, lease) is not None

        keep = KeepHandOvers(store, stores.clock, owner)
        tend = TendMessages(store, stores.clock, stores.ids, telemetry)
        poll_s = settings.message_round_ms / 1000
        messenger = Messenger(store, doors.open, lead, keep, tend.step, stores.clock, telemetry, poll_s=poll_s)
        starts = text_starts(stores, tenants, telemetry)
        answers = text_answers(settings, stores, store, telemetry)
        async with (
            _receiving(settings, stores, store, telemetry, messenger),
            _repeating("texts", starts.step, telemetry, messenger),
            _repeating("answers", answers.step, telemetry, messenger),
        ):
            await messenger.run(stop, settings.drain_s)


def _tell(telemetry: ProcessTelemetry, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What was raised where nobody waits (connections, tasks that were dropped) stands in the log like all else."""
    message = str(context.get("message", ""))
    telemetry.failure("nobody_caught", context.get("exception") or RuntimeError(message), detail=message)


class _Doors:
    """Opens carriers as their rows say."""

    def __init__(
        self, settings: Settings, stores: WorkerStores, store: PostgresMessages, files: Pool, owner: str,
        telemetry: ProcessTelemetry,
    ) -> None:  # fmt: skip
        clock, ids = stores.clock, stores.ids
        self._clock, self._ids, self._store, self._telemetry = clock, ids, store, telemetry
        self._reach = carrier_reach(settings)
        self._prove = partial(bounced_message, token_keys(settings))
        self._texts = HearShortMessages(store, clock, ids)
        self._sms = HandOverSms(store, stores.library, clock, ids, owner)
        self._composer = MailComposer(token_keys(settings), clock, PostgresAttachments(files))
        self._owner, self._link_address = owner, settings.mail_link_address

    async def open(self, row: OpenCarrier) -> Served:
        """A carrier in service. Raises InvalidInput for settings that are wrong."""
        store, clock, ids, telemetry = self._store, self._clock, self._ids, self._telemetry
        if row.channel == "email":
            relay = open_relay(row, clock, self._reach)
            mailbox = open_mailbox(row, clock, self._prove, self._reach)
            mails = HandOverMails(store, self._composer, clock, ids, self._owner, self._link_address)
            heard = StoreMailNews(store, row, row.routes, clock, ids, telemetry)
            served = ServeCarrier(row, relay, mails, heard, MailAnswered, store, telemetry)
            if mailbox is not None:
                served.hear_by(mailbox)
            return served
        carrier = open_sms_carrier(row, clock, ids, telemetry, self._reach)
        news = StoreSmsNews(store, row, row.routes, clock, ids, self._texts, telemetry)
        short = ServeCarrier(row, carrier, self._sms, news, PartAnswered, store, telemetry, carrier.query)
        short.give_back_by(AskToCancel(store, row, clock, carrier.cancel))
        return short


def text_answers(
    settings: Settings, stores: WorkerStores, store: PostgresMessages, telemetry: ProcessTelemetry
) -> AnswerTexts:
    """Who answers HELP, STOP and START."""
    shorten = ShortenLinks(stores.ids, settings.link_address)
    accept = AcceptShortMessages(store, stores.library, shorten, stores.clock)
    return AnswerTexts(PostgresOwedAnswers(stores.pool), accept, telemetry)


def text_starts(stores: WorkerStores, tenants: Pool, telemetry: ProcessTelemetry) -> StartTexts:
    """Who starts the flows of texts; ``tenants`` is a pool of central_api."""
    clock, ids, intake = stores.clock, stores.ids, PostgresIntake(tenants)
    submit = SubmitRecords(intake, OpenRequest(intake, stores.library, clock, ids), clock, ids)
    return StartTexts(PostgresTextStarts(stores.pool), intake, submit, telemetry)


@contextlib.asynccontextmanager
async def _repeating(
    name: str, step: Callable[[], Awaitable[int]], telemetry: ProcessTelemetry, messenger: Messenger
) -> AsyncGenerator[None]:
    """A loop of its own: what is asked of texts and their records may take its time."""
    over = asyncio.Event()
    repeating = asyncio.create_task(repeat(name, step, _LOOK_S, over, telemetry), name=name)
    messenger.watch(repeating)
    try:
        yield
    finally:
        over.set()
        await asyncio.wait([repeating])


@contextlib.asynccontextmanager
async def _receiving(
    settings: Settings, stores: WorkerStores, store: PostgresMessages, telemetry: ProcessTelemetry, messenger: Messenger
) -> AsyncGenerator[None]:
    """The receiver of bounces, where one is set."""
    receiver = bounce_receiver(settings, stores.clock)
    if receiver is None:
        yield
        return
    await receiver.open()
    telemetry.event("bounce_receiver_listens", port=receiver.port, domain=settings.bounce_domain)
    heard = StoreHeard(store, stores.clock, stores.ids, telemetry)
    hearing = asyncio.create_task(hear_mail(receiver, heard, telemetry), name="bounces")
    messenger.watch(hearing)
    try:
        yield
    finally:
        await receiver.close(5)
        await hearing
