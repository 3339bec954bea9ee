"""The customer gets the whole message; people see it with the secrets of flows masked, on every surface. Lists read no mails."""

from __future__ import annotations

import json
import os
from uuid import uuid4

import msgspec
import pytest

from central.adapters.postgres.account_files import PostgresFiles
from central.adapters.postgres.message_reports import PostgresMessageReports
from central.adapters.postgres.pool import Pool, tenant, transaction
from central.adapters.postgres.record_bodies import render_record_final
from central.adapters.postgres.reporting_store import PostgresReports
from central.adapters.postgres.statements import load_statements
from central.adapters.system import SystemIds
from central.application.messaging.accept_mails import AcceptMails
from central.application.messaging.accept_messages import AcceptShortMessages
from central.application.messaging.shorten_links import ShortenLinks
from central.application.ports.carriers import NotTaken
from central.application.ports.message_reports import MessageWish
from central.application.ports.messages import Mail, ShortMessage
from central.application.reporting.hide_messages import as_seen, line_as_seen
from central.application.reporting.read_messages import ReadMessages
from central.domain.ids import AccountId, MessageId, RecordId
from central.domain.policies import Purpose
from central.domain.statuses import SmsStatus
from tests.fakes.mail_drafts import trials
from tests.integration.messaging.conftest import Post

IDS = SystemIds()
SECRET, PIN, ADDRESS = "919812345678", "4711", "asha@secret.example"


def sms(account: AccountId, record: RecordId | None = None) -> ShortMessage:
    return ShortMessage(
        id=MessageId(IDS.uuid()), account_id=account, purpose=Purpose.SERVICE, to=SECRET, text=f"Your PIN is {PIN}.",
        encoding="gsm7", parts=1, record_id=record, step="code", shown="Your PIN is ***.", hidden=True,
    )  # fmt: skip


def mail(account: AccountId, record: RecordId | None = None, body: str = f"PIN {PIN}") -> Mail:
    return Mail(
        id=MessageId(IDS.uuid()), account_id=account, purpose=Purpose.SERVICE, to=(ADDRESS,), subject=f"PIN {PIN}", text=body,
        record_id=record, step="write", sender="a@b.example", shown="PIN ***", hidden=True,
    )  # fmt: skip


def hears(post: Post, account: AccountId) -> None:
    post.stock.run(
        "insert into webhook_endpoint (account_id, id, name, url, events, secrets) "
        "values (%s, %s, 'e', 'https://e/', '{sms.status,email.status}', '{}')", account, uuid4(),
    )  # fmt: skip


def told(post: Post) -> list[dict[str, object]]:
    return [json.loads(json.dumps(body)) for (body,) in post.stock.rows("select body from outbox order by id")]


async def test_the_carrier_gets_it_whole_and_people_see_it_masked(post: Post, api_pool: Pool) -> None:
    account = post.stock.account()
    hears(post, account)
    served, fake = await post.serve(post.carrier(account))
    message = sms(account)
    await AcceptShortMessages(
        post.store, post.library, ShortenLinks(post.ids, "https://s.example/l/"), post.clock
    ).send([message])
    await served.send()
    (handed,) = fake.submitted
    assert (handed.to, handed.text) == (SECRET, message.text)
    quoting = f"{SECRET} refuses {message.text!r}"
    fake.answer_all(**{"n" + SECRET: NotTaken("69", "", "refused", SmsStatus.REJECTED, detail=quoting)})
    await post.hear(served, fake)
    read = ReadMessages(PostgresMessageReports(api_pool))
    one = await read.one(account, "sms", message.id)
    (listed,) = await read.page(account, MessageWish(channel="sms"), None, 10)
    for seen in (one, listed):
        assert (seen["to"], seen["text"], seen["status"]) == ("***", "Your PIN is ***.", "REJECTED")
    for surface in (one, listed, told(post)):
        assert SECRET not in json.dumps(surface)
        assert PIN not in json.dumps(surface)
    assert [body["to"] for body in told(post)] == ["***"]
    assert "*** refuses 'Your PIN is ***.'" in json.dumps(one["history"])
    assert await read.page(account, MessageWish(channel="sms", recipient=SECRET), None, 10) == []


async def test_an_e_mail_shows_its_subject_masked_and_keeps_it_whole(post: Post, api_pool: Pool) -> None:
    account = post.stock.account()
    hears(post, account)
    message = mail(account)
    await AcceptMails(post.store, PostgresFiles(post.pool), trials(), post.clock).send([message])
    read = ReadMessages(PostgresMessageReports(api_pool))
    one = await read.one(account, "email", message.id)
    (listed,) = await read.page(account, MessageWish(channel="email"), None, 10)
    for seen in (one, listed):
        assert (seen["to"], seen["subject"]) == ("***", "PIN ***")
    for surface in (one, listed, told(post)):
        assert ADDRESS not in json.dumps(surface)
        assert PIN not in json.dumps(surface)
    assert [body["to"] for body in told(post)] == ["***"]
    assert post.stock.value("select body ->> 'subject' from message_content") == f"PIN {PIN}"
    assert post.stock.value("select recipient from message") == ADDRESS


async def test_the_record_and_its_final_webhook_name_no_hidden_recipient(post: Post, api_pool: Pool) -> None:
    account = post.stock.account()
    request = post.stock.request(account, post.stock.flow(account))
    (record,) = post.stock.records(account, request, [["919800000001"]])
    post.carrier(account)
    await AcceptShortMessages(
        post.store, post.library, ShortenLinks(post.ids, "https://s.example/l/"), post.clock
    ).send([sms(account, record)])
    await AcceptMails(post.store, PostgresFiles(post.pool), trials(), post.clock).send([mail(account, record)])
    history = await PostgresReports(api_pool).history(account, record, traces=True)
    assert history is not None
    known = {row.id: row for row in history.messages}
    seen = [as_seen(row) for row in history.messages]
    lines = [line_as_seen(line, known[line.message_id]) for line in history.message_lines]
    assert [row.recipient for row in seen] == ["***", "***"]
    async with transaction(post.pool) as connection:
        bodies = await render_record_final(connection, [(account, record)])
    assert len(bodies) == 1
    for surface in map(msgspec.json.encode, (seen, lines, list(bodies.values()))):
        assert SECRET.encode() not in surface
        assert ADDRESS.encode() not in surface
        assert PIN.encode() not in surface


@pytest.mark.parametrize("statement", ["message_page", "one_message"])
async def test_reading_e_mails_touches_no_body(post: Post, api_pool: Pool, statement: str) -> None:
    """40 mails of a megabyte that cannot be compressed: 5,000 blocks and more, if they were read."""
    account = post.stock.account()
    accept = AcceptMails(post.store, PostgresFiles(post.pool), trials(), post.clock)
    ids = [(await accept.accept([mail(account, body=os.urandom(500_000).hex())]))[0][0].id for _ in range(40)]
    asked = {
        "account_id": account, "channel": "email", "id": ids[0] if statement == "one_message" else None, "before": None, "status": None,
        "record_id": None, "request_id": None, "recipient": None, "client_identifier": None, "limit": 50,
    }  # fmt: skip
    explain = b"explain (analyze, buffers, format json) "
    async with tenant(api_pool, account) as connection:
        cursor = await connection.execute(explain + load_statements("message_report")[statement], asked)
        row = await cursor.fetchone()
        assert row is not None
        plan = row[0][0]["Plan"]
        whole = await connection.execute(explain + b"select body ->> 'subject' from message_content")
        compared = await whole.fetchone()
        assert compared is not None
    assert plan["Actual Rows"] == (1 if statement == "one_message" else 40)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 400
    other = compared[0][0]["Plan"]
    assert (
        other["Shared Hit Blocks"] + other["Shared Read Blocks"] > 4_000
    )  # what this test would see if bodies were read
