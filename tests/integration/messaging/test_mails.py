"""An e-mail from acceptance to what people and machines do with it: nobody pays for another's fault, nothing can be forged."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest

from central.adapters.postgres.account_files import PostgresFiles
from central.adapters.postgres.messages import PostgresMessages
from central.adapters.postgres.pool import Pool
from central.adapters.smtp.reports import read_report
from central.adapters.smtp.translate import heard
from central.adapters.system import SystemIds
from central.application.messaging.accept_mails import AcceptMails
from central.application.messaging.hand_over_mails import HandOverMails
from central.application.messaging.send_emails import SendEmails
from central.application.messaging.store_mail_news import StoreHeard, StoreMailNews
from central.application.messaging.track_mail import Asked, Tracked, TrackMail
from central.application.ports.carriers import CarrierId, Envelope, MailAnswered, NotTaken, Taken, Uncertain
from central.application.ports.message_store import NewMessage, OpenCarrier
from central.application.ports.messages import Mail, MailFile
from central.domain.ids import AccountId, MessageId
from central.domain.mail_hits import known_machines
from central.domain.mail_tokens import TokenKey, TokenKeys, TokenKind, bounce_address, bounced_message, make_token
from central.domain.policies import Purpose
from central.domain.statuses import EmailStatus
from tests.fakes.mail_drafts import KEYS, composer, rsa_key, trials
from tests.fakes.observed import ManualClock, ObservedTelemetry
from tests.stock import Stock

NOBODY = UUID(int=0)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
STRANGER = TokenKeys((TokenKey(1, b"another secret, not ours at all!"),))
PERSON = Asked(method="GET", address="198.51.100.7", agent=CHROME)
LINKS = "<p>Hello. <a href='https://shop.example/a'>a</a> <a href='https://shop.example/b'>b</a></p>"


@dataclass(slots=True)
class MailRoom:
    """Everything between the tables and the use cases of e-mail; the relay is whoever calls ``answer``."""

    stock: Stock
    pool: Pool
    clock: ManualClock
    ids: SystemIds = field(default_factory=SystemIds)
    telemetry: ObservedTelemetry = field(default_factory=ObservedTelemetry)
    store: PostgresMessages = field(init=False)
    send: SendEmails = field(init=False)
    track: TrackMail = field(init=False)
    hear: StoreHeard = field(init=False)

    def __post_init__(self) -> None:
        self.store = PostgresMessages(self.pool, self.ids)
        self.send = SendEmails(AcceptMails(self.store, PostgresFiles(self.pool), trials(), self.clock), self.ids)
        self.track = TrackMail(self.store, KEYS, known_machines(), self.clock, self.ids)
        self.hear = StoreHeard(self.store, self.clock, self.ids, self.telemetry)

    def account(self) -> AccountId:
        """With a proved domain and a relay."""
        account, relay = self.stock.account(), CarrierId(self.ids.uuid())
        self.stock.run(
            "insert into mail_domain (account_id, domain, selector, private_key, bounce_domain, verified_at) values (%s, %s, 's', %s, %s, now())",
            account, "shop.example", rsa_key().private_pem, "bounces.example.com",
        )  # fmt: skip
        self.stock.run(
            "insert into carrier (account_id, id, name, channel, kind) values (%s, %s, 'relay', 'email', 'smtp')", account, relay
        )  # fmt: skip
        self.stock.run("insert into carrier_route (account_id, carrier_id) values (%s, %s)", account, relay)
        return account

    async def write(self, account: AccountId, to: Sequence[str], **changes: object) -> list[NewMessage]:
        values: dict[str, object] = {
            "id": MessageId(NOBODY), "account_id": account, "purpose": Purpose.MARKETING, "to": tuple(to), "subject": "Hello",
            "html": LINKS, "sender": "Shop <news@shop.example>", "tracking": True,
        } | changes  # fmt: skip
        return list((await self.send(account, [Mail(**values)]))[0])  # type: ignore[arg-type]

    async def relay(self, account: AccountId) -> OpenCarrier:
        return next(row for row in await self.store.carriers() if row.account_id == account)

    async def hand_over(self, account: AccountId) -> Sequence[Envelope]:
        link = "https://links.example.com/m"
        give = HandOverMails(self.store, composer(), self.clock, self.ids, "test/1", link)
        return await give(await self.relay(account), 100)

    async def sent(self, account: AccountId, to: Sequence[str], **changes: object) -> list[NewMessage]:
        """Written, given to the relay, and taken by it; a minute later."""
        rows = await self.write(account, to, **changes)
        envelopes = await self.hand_over(account)
        relay = await self.relay(account)
        news = StoreMailNews(self.store, relay, relay.routes, self.clock, self.ids, self.telemetry)
        await news.answers([MailAnswered(one.id, one.tries, Taken("q1"), self.clock.now(), "dot") for one in envelopes])
        self.clock.forward(timedelta(minutes=1))
        return rows

    async def ask(self, kind: TokenKind, mail: NewMessage, number: int = 0, asked: Asked = PERSON) -> Tracked | None:
        return await self.track(make_token(KEYS, kind, mail.id, number), asked)

    def status(self, mail: NewMessage) -> object:
        return self.stock.value("select status from message where id = %s", mail.id)

    def lines(self, mail: NewMessage, kind: str) -> list[tuple[object, ...]]:
        query = "select data ->> 'by', data ->> 'rule', (data ->> 'link')::int from message_event where message_id = %s and kind = %s order by id"
        return self.stock.rows(query, mail.id, kind)

    async def report(self, raw: bytes, to: str) -> None:
        """A mail came to this address of the bounce domain."""
        found = heard(read_report(raw), raw, self.clock.now(), lambda one: bounced_message(KEYS, one), recipients=[to])
        await self.hear(found)


@pytest.fixture
async def room(database: str, worker_pool: Pool) -> MailRoom:
    stock = Stock(database)
    return MailRoom(stock, worker_pool, ManualClock(stock.now))


# -- what is accepted ----------------------------------------------------------------------------------------------------
async def test_a_wrong_address_is_the_fault_of_one_recipient_alone(room: MailRoom) -> None:
    account = room.account()
    bad = ["none", "a@b.example\r\nBcc: c@d.example", "ü@home.example", "x" * 400]
    rows = await room.write(account, ["zoe@home.example", *bad[:2]], cc=(*bad[2:], "max@home.example"))
    assert [row.status for row in rows] == ["Success", *["Invalid To Email"] * 4, "Success"]
    envelopes = await room.hand_over(account)
    assert sorted(one.recipient for one in envelopes) == ["max@home.example", "zoe@home.example"]
    for one in envelopes:
        message = email.message_from_bytes(one.content, policy=email.policy.default)
        assert (message["To"], message["Cc"], message["Bcc"]) == ("zoe@home.example", "max@home.example", None)


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"subject": "x\r\nBcc: c@d.example"}, "Invalid Data", "subject_invalid"),
        ({"subject": "x\x85y"}, "Invalid Data", "subject_invalid"),
        ({"subject": "x\u2028y"}, "Invalid Data", "subject_invalid"),
        ({"sender": "Shop\r\nBcc: c@d.example <news@shop.example>"}, "Invalid From Email", "sender_invalid"),
        ({"sender": "Shop\x0b <news@shop.example>"}, "Invalid From Email", "sender_invalid"),
        ({"sender": "ü@shop.example"}, "Invalid From Email", "sender_invalid"),
        ({"sender": "me@elsewhere.example, news@shop.example"}, "Invalid From Email", "sender_unproved"),
        ({"reply_to": "a\r\nBcc: c@d.example <r@shop.example>"}, "Invalid Data", "reply_to_invalid"),
        ({"files": (MailFile("a\r\nX-Own: 1.pdf", b"x"),)}, "Invalid Data", "attachment_name"),
        ({"files": (MailFile(" ", b"x"),)}, "Invalid Data", "attachment_name"),
    ],
)
async def test_what_would_break_out_of_a_header_is_refused_at_once(
    room: MailRoom, changes: dict[str, object], status: str, reason: str
) -> None:
    account = room.account()
    (row,) = await room.write(account, ["zoe@home.example"], **changes)
    assert (row.status, row.reason) == (status, reason)
    assert not await room.hand_over(account)


# -- what comes back -----------------------------------------------------------------------------------------------------
async def test_a_get_never_unsubscribes_and_a_post_does_once_for_this_account_alone(room: MailRoom) -> None:
    account, other = room.account(), room.account()
    (mail,) = await room.sent(account, ["Zoe@home.example"])
    for method in ("GET", "HEAD"):
        asked = Asked(method=method, address="198.51.100.7", agent="scanner")
        assert await room.ask(TokenKind.UNSUBSCRIBE, mail, asked=asked) == Tracked(TokenKind.UNSUBSCRIBE)
    assert room.stock.value("select count(*) from suppression") == 0
    forged = make_token(STRANGER, TokenKind.UNSUBSCRIBE, mail.id)
    assert await room.track(forged, Asked(method="POST", address="198.51.100.7")) is None
    assert room.stock.value("select count(*) from suppression") == 0
    for _ in range(3):
        asked = Asked(method="POST", address="198.51.100.7")
        assert await room.ask(TokenKind.UNSUBSCRIBE, mail, asked=asked) == Tracked(TokenKind.UNSUBSCRIBE, "done")
    assert len(room.lines(mail, "mail_unsubscribed")) == 1
    assert [row.reason for row in await room.write(account, ["zoe@home.example"])] == ["suppressed"]
    assert [row.status for row in await room.write(other, ["zoe@home.example"])] == ["Success"]


async def test_a_token_leads_where_the_table_says_and_nowhere_else(room: MailRoom) -> None:
    (mail,) = await room.sent(room.account(), ["zoe@home.example"])
    assert await room.ask(TokenKind.CLICK, mail, 2) == Tracked(TokenKind.CLICK, "https://shop.example/b")
    assert await room.ask(TokenKind.CLICK, mail, 3) is None  # no such link
    assert await room.track(make_token(STRANGER, TokenKind.CLICK, mail.id, 1), PERSON) is None
    unknown = make_token(KEYS, TokenKind.CLICK, MessageId(room.ids.uuid()), 1)
    assert await room.track(unknown, PERSON) is None
    opens = make_token(KEYS, TokenKind.OPEN, mail.id)
    click = make_token(KEYS, TokenKind.CLICK, mail.id, 1)
    assert await room.track(click[:2] + opens[2:], PERSON) is None
    assert [(by, link) for by, _, link in room.lines(mail, "link_clicked")] == [("human", 2)]
    assert room.status(mail) == "Clicked"


async def test_the_same_again_within_a_minute_is_one_hit(room: MailRoom) -> None:
    (mail,) = await room.sent(room.account(), ["zoe@home.example"])
    for _ in range(20):
        assert await room.ask(TokenKind.CLICK, mail, 1) == Tracked(TokenKind.CLICK, "https://shop.example/a")
        assert await room.ask(TokenKind.OPEN, mail) == Tracked(TokenKind.OPEN)
    assert (len(room.lines(mail, "link_clicked")), len(room.lines(mail, "mail_opened"))) == (1, 1)
    room.clock.forward(timedelta(minutes=2))
    await room.ask(TokenKind.CLICK, mail, 1)
    assert len(room.lines(mail, "link_clicked")) == 2


async def test_who_was_a_machine_stays_one_for_a_minute(room: MailRoom) -> None:
    (mail,) = await room.sent(room.account(), ["zoe@home.example"])
    await room.ask(TokenKind.TRAP, mail)
    room.clock.forward(timedelta(seconds=10))
    assert await room.ask(TokenKind.CLICK, mail, 1) == Tracked(TokenKind.CLICK, "https://shop.example/a")
    assert [(by, rule) for by, rule, _ in room.lines(mail, "link_clicked")] == [
        ("machine", "trap"),
        ("machine", "same_client"),
    ]
    assert room.status(mail) == "Sent"
    await room.ask(TokenKind.CLICK, mail, 2, Asked(method="GET", address="192.0.2.1", agent=CHROME))
    assert room.status(mail) == "Clicked"  # somebody else


async def test_a_hit_before_the_relays_answer_does_not_hide_the_next_one(room: MailRoom) -> None:
    account = room.account()
    (mail,) = await room.write(account, ["zoe@home.example"])
    (envelope,) = await room.hand_over(account)
    room.clock.forward(timedelta(seconds=5))
    await room.ask(TokenKind.OPEN, mail)
    assert room.status(mail) == "Success"
    relay = await room.relay(account)
    news = StoreMailNews(room.store, relay, relay.routes, room.clock, room.ids, room.telemetry)
    await news.answers([MailAnswered(envelope.id, envelope.tries, Taken(), room.clock.now(), "dot")])
    room.clock.forward(timedelta(seconds=5))
    await room.ask(TokenKind.OPEN, mail)
    assert room.status(mail) == "Opened"


async def test_a_complaint_ends_it_and_the_address_gets_no_more(room: MailRoom) -> None:
    account = room.account()
    (mail,) = await room.sent(account, ["zoe@home.example"])
    to = bounce_address(KEYS, mail.id, "bounces.example.com")
    await room.report(COMPLAINT, to)
    await room.report(COMPLAINT, to)  # its copy
    assert (room.status(mail), len(room.lines(mail, "report_came"))) == ("Complaint", 1)
    await room.ask(TokenKind.CLICK, mail, 1)
    assert room.status(mail) == "Complaint"
    (again,) = await room.write(account, ["zoe@home.example"])
    assert (again.status, again.reason) == ("Rejected", "suppressed")


async def test_forged_and_unknown_reports_change_nothing_and_are_kept(room: MailRoom) -> None:
    account = room.account()
    (mail,) = await room.sent(account, ["zoe@home.example"])
    forged = bounce_address(STRANGER, mail.id, "bounces.example.com")
    for to in (
        forged,
        "postmaster@bounces.example.com",
        bounce_address(KEYS, MessageId(room.ids.uuid()), "bounces.example.com"),
    ):
        await room.report(BOUNCE % (mail.id.hex.encode(), to.encode(), mail.id.hex.encode()), to)
    assert (room.status(mail), room.lines(mail, "report_came")) == ("Sent", [])
    assert room.stock.value("select count(*) from suppression") == 0
    assert room.stock.value("select count(*) from unknown_report") == 3


async def test_a_bounce_without_the_original_is_known_by_its_address(room: MailRoom) -> None:
    (mail,) = await room.sent(room.account(), ["zoe@home.example"])
    await room.report(BARE, bounce_address(KEYS, mail.id, "bounces.example.com").upper())
    assert room.status(mail) == "Bounced"


async def test_answers_by_machines_and_our_own_mail_start_no_loop(room: MailRoom) -> None:
    account = room.account()
    (mail,) = await room.sent(account, ["zoe@home.example"])
    to = bounce_address(KEYS, mail.id, "bounces.example.com")
    (ours,) = await room.write(account, [to])  # to ourselves: it comes back to the address of the first
    (envelope,) = await room.hand_over(account)
    for raw in (AWAY, AWAY.replace(b"auto-replied", b"auto-generated"), envelope.content):
        await room.report(raw, to)
    assert [room.status(one) for one in (mail, ours)] == ["Sent", "Success"]
    assert not await room.hand_over(account)
    assert room.stock.value("select count(*) from message") == 2
    assert room.stock.value("select count(*) from suppression") == 0


async def test_what_the_relay_dropped_behind_the_dot_is_sent_and_marked_and_never_again(room: MailRoom) -> None:
    account = room.account()
    (mail,) = await room.write(account, ["zoe@home.example"])
    (envelope,) = await room.hand_over(account)
    relay = await room.relay(account)
    news = StoreMailNews(room.store, relay, relay.routes, room.clock, room.ids, room.telemetry)
    await news.answers([MailAnswered(envelope.id, 1, Uncertain("link_lost"), room.clock.now(), "dot")])
    found = room.stock.rows("select status, reason, due_at, lease_until from message where id = %s", mail.id)
    assert found == [("Sent", "outcome_uncertain", None, None)]
    room.clock.forward(timedelta(days=2))
    assert not await room.hand_over(account)


async def test_a_refusal_in_the_middle_of_a_batch_is_about_one_recipient(room: MailRoom) -> None:
    account = room.account()
    rows = await room.write(account, ["a@home.example", "b@home.example", "c@home.example"])
    envelopes = await room.hand_over(account)
    gone = NotTaken("550 5.1.1", "", "no_such_mailbox", EmailStatus.BOUNCED, suppress="hard", detail="no such user")
    at = room.clock.now()
    answers = [MailAnswered(one.id, 1, gone if one.recipient[0] == "b" else Taken(), at, "rcpt") for one in envelopes]
    relay = await room.relay(account)
    await StoreMailNews(room.store, relay, relay.routes, room.clock, room.ids, room.telemetry).answers(answers)
    assert [room.status(row) for row in rows] == ["Sent", "Bounced", "Sent"]
    assert room.stock.rows("select address, reason from suppression") == [("b@home.example", "hard_bounce")]


async def test_what_a_relay_cannot_take_now_goes_by_another_and_then_waits(room: MailRoom) -> None:
    account = room.account()
    first = await room.relay(account)
    room.stock.run(
        "insert into carrier (account_id, id, name, channel, kind) values (%s, new_uuid7(), 'second', 'email', 'smtp')",
        account,
    )
    room.stock.run(
        "insert into carrier_route (account_id, carrier_id, priority) select account_id, id, 2 from carrier where name = 'second'"
    )
    relays = {row.name: row for row in await room.store.carriers()}
    routes = [route for row in relays.values() for route in row.routes]
    (mail,) = await room.write(account, ["zoe@home.example"])
    busy = NotTaken("451 4.3.0", "", "relay_busy", retry=True, delay_s=60)
    give = HandOverMails(room.store, composer(), room.clock, room.ids, "test/1", "https://links.example.com/m")
    for place, relay in enumerate((first, relays["second"]), 1):
        (envelope,) = await give(relay, 10)
        assert (envelope.id, envelope.tries) == (mail.id, place)
        answered = MailAnswered(envelope.id, place, busy, room.clock.now(), "rcpt")
        await StoreMailNews(room.store, relay, routes, room.clock, room.ids, room.telemetry).answers([answered])
    assert [await give(relay, 10) for relay in relays.values()] == [(), ()]
    found = room.stock.rows("select status, reason, due_at > created_at + interval '50 seconds' from message")
    assert found == [("Success", "relay_busy", True)]


COMPLAINT = b"""From: feedback@provider.example\r
To: abuse@bounces.example.com\r
Message-ID: <complaint-1@provider.example>\r
Content-Type: multipart/report; report-type=feedback-report; boundary=x\r
\r
--x\r
Content-Type: text/plain\r
\r
An e-mail was called spam.\r
--x\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
User-Agent: Provider/1\r
Version: 1\r
\r
--x--\r
"""
BOUNCE = b"""From: MAILER-DAEMON@far.example\r
Content-Type: multipart/report; report-type=delivery-status; boundary=x\r
\r
--x\r
Content-Type: message/delivery-status\r
\r
Original-Envelope-Id: %b\r
\r
Final-Recipient: rfc822; zoe@home.example\r
Action: failed\r
Status: 5.1.1\r
\r
--x\r
Content-Type: text/rfc822-headers\r
\r
Return-Path: <%b>\r
Message-ID: <%b@shop.example>\r
\r
--x--\r
"""
BARE = b"""From: MAILER-DAEMON@far.example\r
Content-Type: multipart/report; report-type=delivery-status; boundary=x\r
\r
--x\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; far.example\r
\r
Final-Recipient: rfc822; somebody@elsewhere.example\r
Action: failed\r
Status: 5.1.1\r
\r
--x--\r
"""
AWAY = b"""From: zoe@home.example\r
Subject: Away\r
Auto-Submitted: auto-replied\r
\r
I am on holiday.\r
"""
