"""E-mail between the tables and a relay on a real socket: what is ready ahead, what is marked, and what a delivery takes back."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from central.adapters.postgres.account_files import PostgresAttachments, PostgresFiles
from central.adapters.smtp.channel import SmtpRelay
from central.adapters.smtp.compose import MailComposer
from central.adapters.smtp.config import RelayConfig
from central.adapters.smtp.signing import new_key
from central.application.messaging.accept_mails import AcceptMails
from central.application.messaging.hand_over_mails import FRESH, LIMIT_READY_BYTES, HandOverMails
from central.application.messaging.send_emails import SendEmails
from central.application.messaging.serve_carrier import ServeCarrier
from central.application.messaging.store_mail_news import StoreHeard, StoreMailNews
from central.application.ports.carriers import CarrierId, Envelope, MailAnswered, MailHeard
from central.application.ports.composition import Composed, MailDraft, Unfit
from central.application.ports.message_store import NewMessage
from central.application.ports.messages import Mail, MailFile
from central.domain.ids import MessageId
from central.domain.mail_tokens import TokenKey, TokenKeys
from central.domain.policies import Purpose
from central.domain.statuses import EmailStatus
from tests.fakes.mail_drafts import trials
from tests.fakes.reach import loopback_reach
from tests.integration.messaging.conftest import Post
from tests.integration.smtp.relays import ScriptedRelay, scripted

KEY = new_key("s1", "ed25519")
MEGABYTE = 1024 * 1024
Served = ServeCarrier[Envelope, MailAnswered]


class WatchedComposer:
    """The real composer; notes how many transactions of the database were open meanwhile, and what it was asked for."""

    def __init__(self, post: Post) -> None:
        self._composer = MailComposer(TokenKeys((TokenKey(1, b"k" * 32),)), post.clock, PostgresAttachments(post.pool))
        self._post = post
        self.asked: list[int] = []
        self.open_transactions = 0

    async def compose(self, drafts: Sequence[MailDraft]) -> Sequence[Composed | Unfit]:
        self.asked.append(len(drafts))
        query = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%%'"
        found = await asyncio.to_thread(self._post.stock.value, query)
        self.open_transactions = max(self.open_transactions, int(str(found)))
        return await self._composer.compose(drafts)


class Mails:
    """An account that may send mail, and its relay."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.account = post.stock.account()
        self.carrier = CarrierId(post.ids.uuid())
        post.stock.run(
            "insert into carrier (account_id, id, name, channel, kind, state) values (%s, %s, 'relay', 'email', 'smtp', 'up')",
            self.account, self.carrier,
        )  # fmt: skip
        post.stock.run("insert into carrier_route (account_id, carrier_id) values (%s, %s)", self.account, self.carrier)
        post.stock.run(
            "insert into mail_domain (account_id, domain, selector, private_key, bounce_domain, verified_at)"
            " values (%s, 'shop.example', %s, %s, 'bounces.example', now())",
            self.account, KEY.selector, KEY.private_pem,
        )  # fmt: skip
        self.composer = WatchedComposer(post)
        self.heard = StoreHeard(post.store, post.clock, post.ids, post.telemetry)

    async def write(
        self, *to: str, files: int = 0, subject: str = "Hello", attachments: tuple[str, ...] = ()
    ) -> list[NewMessage]:
        """One mail with each of these recipients; files: so many octets that go along, attachments: of the account's files."""
        send = SendEmails(
            AcceptMails(self.post.store, PostgresFiles(self.post.pool), trials(), self.post.clock), self.post.ids
        )
        mail = Mail(
            id=MessageId(self.account), account_id=self.account, purpose=Purpose.SERVICE, to=to, subject=subject, text="A text.",
            files=(MailFile("a.bin", bytes(files)),) if files else (), attachments=attachments,
        )  # fmt: skip
        return list((await send(self.account, [mail]))[0])

    def hand_over(self) -> HandOverMails:
        return HandOverMails(
            self.post.store, self.composer, self.post.clock, self.post.ids, "test/1", "https://l.example/t"
        )

    @asynccontextmanager
    async def serve(self, port: int, **settings: object) -> AsyncGenerator[Served]:
        post = self.post
        given: dict[str, object] = {
            "name": "relay",
            "host": "127.0.0.1",
            "hello": "us.example",
            "port": port,
            "tls": "none",
            "connections": 2,
        }
        relay = SmtpRelay(RelayConfig(**(given | settings)), post.clock, loopback_reach())  # type: ignore[arg-type]
        relay.open()
        row = next(row for row in await post.store.carriers() if row.id == self.carrier)
        news = StoreMailNews(post.store, row, row.routes, post.clock, post.ids, post.telemetry)
        served = ServeCarrier(row, relay, self.hand_over(), news, MailAnswered, post.store, post.telemetry)
        gathering = asyncio.create_task(served.gather())
        try:
            while not relay.room():
                await served.hear(1)
            yield served
        finally:
            await relay.close(0)
            await gathering

    def hears(
        self, message: NewMessage, report: str, status: EmailStatus, *, sort: str = "", suppress: str = ""
    ) -> Any:
        news: dict[str, Any] = {"status": status, "sort": sort, "suppress": suppress, "word": "x", "id": message.id}
        return self.heard([MailHeard(report_id=report, kind="report", at=self.post.clock.now(), **news)])


@pytest.fixture
def mails(post: Post) -> Mails:
    return Mails(post)


async def _all_answered(mails: Mails, served: Served) -> None:
    under_way = "select count(*) from message where due_at is not null or lease_until is not null"
    async with asyncio.timeout(30):
        while mails.post.stock.value(under_way):
            await served.send()
            await served.hear(0.2)


async def test_mails_are_composed_while_nothing_is_locked(mails: Mails) -> None:
    await mails.write(*(f"p{n}@far.example" for n in range(30)), files=MEGABYTE)
    async with scripted(ScriptedRelay()) as far, mails.serve(far.port) as served:
        await _all_answered(mails, served)
        assert len(far.taken) == 30
    assert mails.composer.open_transactions == 0
    assert mails.post.stock.rows("select status, count(*) from message group by 1") == [("Sent", 30)]


async def test_no_more_is_marked_than_the_relay_has_transactions_open(mails: Mails) -> None:
    def at(verb: str, _argument: str, _connection: int) -> str | None:
        return "" if verb == "dot" else None  # it never says whether it took it

    await mails.write(*(f"p{n}@far.example" for n in range(50)))
    marked = "select count(*) from message where lease_until is not null"
    async with scripted(ScriptedRelay(at)) as far, mails.serve(far.port, connections=3) as served:
        for _ in range(3):
            await served.send()
            await served.hear(0.1)
        assert mails.post.stock.value(marked) == 6
        assert len(served.held()) == 6
    assert mails.post.stock.value("select count(*) from message where due_at is not null") == 44


@pytest.mark.parametrize("named", [False, True])
async def test_big_mails_wait_in_the_database_and_take_bounded_memory(mails: Mails, *, named: bool) -> None:
    """Twelve recipients of 8 MB: no more than a few of them are in memory, whatever room there is, and wherever the file is."""
    to = [f"p{n}@far.example" for n in range(12)]
    if named:
        mails.post.stock.run(
            "insert into account_file (account_id, name, media_type, size_bytes, sha256, content, created_at)"
            " values (%s, 'big.bin', '', %s, '', %s, now())", mails.account, 8 * MEGABYTE, bytes(8 * MEGABYTE),
        )  # fmt: skip
        await mails.write(*to, attachments=("big.bin",))
    else:
        await mails.write(*to, files=8 * MEGABYTE)
    hand_over = mails.hand_over()
    (row,) = await mails.post.store.carriers()
    gc.collect()
    tracemalloc.start()
    try:
        handed = 0
        while given := await hand_over(row, 1000):
            assert sum(len(envelope.content) for envelope in given) < LIMIT_READY_BYTES + 15 * MEGABYTE
            handed += len(given)
            del given
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert handed == 12
    assert max(mails.composer.asked) <= 3, mails.composer.asked
    assert most < 5 * LIMIT_READY_BYTES, most // MEGABYTE


async def test_a_file_of_100_megabytes_is_refused_by_name(mails: Mails) -> None:
    await mails.write("p@far.example", files=100 * MEGABYTE)
    reason = mails.post.stock.value("select reason from message where status = 'Invalid Data'")
    assert reason == "attachments_too_large"
    assert (
        int(str(mails.post.stock.value("select coalesce(max(length(body::text)), 0) from message_content"))) < MEGABYTE
    )


async def test_what_came_in_while_it_was_ready_is_asked_again(mails: Mails) -> None:
    one, two, three = await mails.write("p1@far.example", "p2@far.example", "p3@far.example")
    hand_over = mails.hand_over()
    (row,) = await mails.post.store.carriers()
    assert [envelope.id for envelope in await hand_over(row, 1)] == [one.id]
    mails.post.stock.run(
        "insert into suppression (account_id, address, reason, since) values (%s, 'p2@far.example', 'complaint', now())",
        mails.account,
    )
    mails.post.stock.run("update message set deadline = now() - interval '1 minute' where id = %s", three.id)
    assert list(await hand_over(row, 5)) == []
    assert mails.post.status(two.id) == ("Rejected", "suppressed")
    assert mails.post.status(three.id) == ("Failure", "expired")
    assert mails.composer.asked == [3]


async def test_what_is_ready_for_long_or_was_tried_elsewhere_is_made_anew(mails: Mails) -> None:
    await mails.write("p1@far.example", "p2@far.example", "p3@far.example")
    hand_over = mails.hand_over()
    (row,) = await mails.post.store.carriers()
    await hand_over(row, 1)
    mails.post.clock.forward(FRESH + timedelta(seconds=1))
    await hand_over(row, 1)
    assert mails.composer.asked == [3, 2]
    mails.post.stock.run("update message set tries = tries + 1 where due_at is not null")
    (envelope,) = [*await hand_over(row, 1), *await hand_over(row, 1)]
    assert envelope.tries == 2
    assert mails.composer.asked == [3, 2, 1]


async def _fails(mails: Mails, times: int, first: int) -> None:
    for n in range(first, first + times):
        mails.post.clock.forward(timedelta(days=2))
        (message,) = await mails.write("Full@far.example", subject=str(n))
        mails.post.stock.run("update message set status = 'Sent', due_at = null where id = %s", message.id)
        await mails.hears(message, f"r{n}", EmailStatus.BOUNCED, sort="soft", suppress="soft")


async def test_a_delivery_takes_soft_failures_back(mails: Mails) -> None:
    since = "select since from suppression where address = 'full@far.example'"
    await _fails(mails, 4, 0)
    (reached,) = await mails.write("Full@far.example")
    mails.post.stock.run("update message set status = 'Sent', due_at = null where id = %s", reached.id)
    await mails.hears(reached, "d", EmailStatus.DELIVERED)
    assert mails.post.stock.rows(since) == []
    await _fails(mails, 4, 10)
    assert mails.post.stock.value(since) is None
    await _fails(mails, 1, 20)
    assert mails.post.stock.value(since) is not None
    (_,) = (refused,) = await mails.write("full@far.example")
    assert (refused.status, refused.reason) == ("Rejected", "suppressed")
    await mails.hears(reached, "d2", EmailStatus.DELIVERED)
    assert mails.post.stock.value(since) is not None  # who is suppressed stays so


async def test_a_relay_that_is_the_recipients_own_server_takes_them_back_too(mails: Mails) -> None:
    await _fails(mails, 2, 0)
    await mails.write("full@far.example")
    async with scripted(ScriptedRelay()) as far, mails.serve(far.port, direct=True) as served:
        await _all_answered(mails, served)
    assert mails.post.stock.rows("select 1 from suppression") == []
