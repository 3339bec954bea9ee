"""The mailbox of a relay, as its settings say: read by whoever serves the relay, put away when the store has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from typing_extensions import override

from central.adapters.smtp.mailbox import MailboxReader
from central.application.messaging.serve_carrier import ServeCarrier
from central.application.messaging.store_mail_news import StoreMailNews
from central.application.ports.carriers import CarrierId, Envelope, MailAnswered, MailHeard
from central.application.ports.message_store import OpenCarrier
from central.bootstrap.carriers import open_mailbox, open_relay
from central.domain.errors import InvalidInput, NeighbourError
from central.domain.ids import AccountId
from central.domain.mail_tokens import bounced_message
from tests.fakes.reach import loopback_reach
from tests.integration.messaging.conftest import Post
from tests.integration.messaging.mails import TOKENS, relay, sent, status, verp
from tests.integration.smtp.imap_server import ImapServer, imap

STRANGER = b"From: ann@example.com\r\nTo: us@example.com\r\nSubject: Lunch?\r\n\r\nAt one?\r\n"
Served = ServeCarrier[Envelope, MailAnswered]


def bounce(address: str, code: str = "5.1.1") -> bytes:
    """RFC 3464, as a mail server writes it."""
    return f"""\
From: MAILER-DAEMON@relay.example.com\r
Delivered-To: {address}\r
Subject: Undelivered Mail Returned to Sender\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
It did not work.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; relay.example.com\r
\r
Final-Recipient: rfc822; jane@example.com\r
Action: failed\r
Status: {code}\r
Diagnostic-Code: smtp; 550 {code} no such user\r
--b--\r
""".encode()


async def no_mails(_: OpenCarrier, __: int) -> list[Envelope]:
    return []


class StoreIsAway(StoreMailNews):
    """The store does not answer the first ``away`` batches of reports."""

    away = 0

    @override
    async def others(self, news: Sequence[object]) -> None:
        if self.away and any(isinstance(one, MailHeard) for one in news):
            self.away -= 1
            raise NeighbourError("store_away", "The store does not answer.")
        await super().others(news)


@asynccontextmanager
async def served(post: Post, carrier: CarrierId, *, away: int = 0) -> AsyncGenerator[Served]:
    """The relay in service; the store is away for so many batches of reports first."""
    (row,) = [row for row in await post.store.carriers() if row.id == carrier]
    mailbox = open_mailbox(row, post.clock, partial(bounced_message, TOKENS), loopback_reach())
    assert isinstance(mailbox, MailboxReader)
    news = StoreIsAway(post.store, row, row.routes, post.clock, post.ids, post.telemetry)
    news.away = away
    one: Served = ServeCarrier(
        row, open_relay(row, post.clock, loopback_reach()), no_mails, news, MailAnswered, post.store, post.telemetry
    )
    one.hear_by(mailbox)
    gathering = asyncio.create_task(one.gather())
    try:
        yield one
    finally:
        closing = asyncio.create_task(one.close(2))
        while not closing.done():
            await one.hear(0.05)
        await closing
        await asyncio.wait_for(gathering, 5)


async def until(one: Served, met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():
            await one.hear(0.05)


def setting(port: int, **more: object) -> dict[str, object]:
    box = {"host": "localhost", "port": port, "user": "ann", "tls": "none", "poll_s": 2} | more
    return {"host": "127.0.0.1", "port": 9, "tls": "none", "mailbox": box, "mailbox_password": "right"}


async def test_a_bounce_in_the_mailbox_moves_its_message_and_is_marked(post: Post) -> None:
    account = post.stock.account()
    relay(post, account)
    mail = await sent(post, account)
    async with imap(ImapServer({1: bounce(verp(mail)), 2: STRANGER})) as server:
        carrier = _relay(post, account, setting(server.port))
        async with served(post, carrier) as one:
            await until(one, lambda: not server.unseen())
    assert status(post, mail) == "Bounced"
    assert server.flags == {1: {r"\Seen"}, 2: {r"\Seen"}}
    assert post.stock.value("select count(*) from unknown_report") == 1
    assert post.stock.value("select mailbox_state from carrier where id = %s", carrier) == "up"
    assert (
        post.stock.value("select state from carrier where id = %s", carrier) == "down"
    )  # the relay itself was not asked


async def test_what_the_store_did_not_take_stays_unread_and_comes_again(post: Post) -> None:
    account = post.stock.account()
    relay(post, account)
    mail = await sent(post, account)
    async with (
        imap(ImapServer({1: bounce(verp(mail))})) as server,
        served(post, _relay(post, account, setting(server.port)), away=1) as one,
    ):
        await until(one, lambda: any(name == "carrier_news_delayed" for name, _ in post.telemetry.events))
        assert (status(post, mail), server.unseen()) == ("Sent", [1])
        await until(one, lambda: not server.unseen())
    assert status(post, mail) == "Bounced"


async def test_only_reports_are_deleted(post: Post) -> None:
    account = post.stock.account()
    relay(post, account)
    mail = await sent(post, account)
    async with (
        imap(ImapServer({1: bounce(verp(mail)), 2: STRANGER})) as server,
        served(post, _relay(post, account, setting(server.port, delete=True))) as one,
    ):
        await until(one, lambda: not server.unseen())
    assert (sorted(server.mails), server.flags[2]) == ([2], {r"\Seen"})


async def test_forged_and_foreign_reports_change_nothing(post: Post) -> None:
    mine, other = post.stock.account(), post.stock.account()
    relay(post, mine)
    relay(post, other)
    here, theirs = await sent(post, mine), await sent(post, other)
    forged = bounce(verp(here).replace("@", "0@"))
    async with (
        imap(ImapServer({1: forged, 2: bounce(verp(theirs))})) as server,
        served(post, _relay(post, mine, setting(server.port, trusting=True))) as one,
    ):
        await until(one, lambda: not server.unseen())
    assert (status(post, here), status(post, theirs)) == ("Sent", "Sent")
    assert post.stock.value("select count(*) from unknown_report") == 2
    assert post.stock.rows("select address from suppression") == []


async def test_a_refused_login_is_told_to_people_and_stops_no_mail(post: Post) -> None:
    account = post.stock.account()
    async with imap(ImapServer({})) as server:
        carrier = _relay(post, account, setting(server.port) | {"mailbox_password": "wrong"})
        async with served(post, carrier) as one:
            await until(
                one,
                lambda: "refused" in str(post.stock.value("select mailbox_state from carrier where id = %s", carrier)),
            )
    told = post.stock.value("select state_detail from carrier where id = %s", carrier)
    assert "mailbox" not in str(told)  # what the carrier can do is not told by its mailbox


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"mailbox": {"host": "imap.example.com"}}, "user"),
        ({"mailbox": {"host": "imap.example.com", "user": "a", "password": "b"}}, "password"),
        ({"mailbox": {"host": "imap.example.com", "user": "a", "ca_file": "/etc/passwd"}}, "ca_file"),
        ({"mailbox": {"host": "imap.example.com", "user": "a", "poll_s": 0.1}}, "every"),
        ({"mailbox": {"host": "imap.example.com", "user": "a\r\nb"}}, "one line"),
        ({"topics": ["arn:aws:sns:eu-west-1:12:x"]}, "ARN"),
        ({"topics": ["*"]}, "ARN"),
    ],
)
async def test_settings_that_cannot_be_are_refused(post: Post, settings: dict[str, object], word: str) -> None:
    carrier = relay(post, post.stock.account(), **settings)
    (row,) = [row for row in await post.store.carriers() if row.id == carrier]
    with pytest.raises(InvalidInput, match=word) as caught:
        open_mailbox(row, post.clock, partial(bounced_message, TOKENS), loopback_reach())
    assert caught.value.code == "invalid_carrier"


async def test_a_relay_without_a_mailbox_has_none(post: Post) -> None:
    carrier = relay(post, post.stock.account())
    (row,) = [row for row in await post.store.carriers() if row.id == carrier]
    assert open_mailbox(row, post.clock, partial(bounced_message, TOKENS), loopback_reach()) is None


def _relay(post: Post, account: AccountId, settings: dict[str, object]) -> CarrierId:
    post.stock.run("delete from mail_domain where account_id = %s", account)
    post.stock.run("update carrier set name = id::text where account_id = %s", account)
    return relay(post, account, **settings)
