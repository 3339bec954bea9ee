"""E-mails that a relay has taken, on a database of the test's own: what is told about them later is what the tests are about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from central.adapters.postgres.account_files import PostgresFiles
from central.application.messaging.accept_mails import AcceptMails
from central.application.ports.carriers import CarrierId
from central.application.ports.messages import Mail
from central.domain.ids import AccountId, MessageId
from central.domain.mail_tokens import TokenKey, TokenKeys, bounce_address
from central.domain.policies import Purpose
from tests.fakes.mail_drafts import trials
from tests.integration.messaging.conftest import Post

TOKENS = TokenKeys((TokenKey(1, b"k" * 32),))
RELAY = {"host": "relay.example.com", "hello": "central.example.com"}


def verp(message: MessageId) -> str:
    return bounce_address(TOKENS, message, "bounce.example")


def relay(post: Post, account: AccountId, **settings: object) -> CarrierId:
    carrier = CarrierId(post.ids.uuid())
    secrets = {name: settings.pop(name) for name in list(settings) if name.endswith("password")}
    post.stock.run(
        "insert into carrier (account_id, id, name, channel, kind, settings, secrets) values (%s, %s, 'relay', 'email', 'smtp', %s, %s)",
        account, carrier, json.dumps(RELAY | settings), json.dumps(secrets),
    )  # fmt: skip
    post.stock.run("insert into carrier_route (account_id, carrier_id) values (%s, %s)", account, carrier)
    domain = "insert into mail_domain (account_id, domain, selector, private_key, verified_at) values (%s, 'shop.example.com', 's', '', now())"
    post.stock.run(domain, account)
    return carrier


async def sent(post: Post, account: AccountId, to: str = "jane@example.com") -> MessageId:
    """The relay took it a minute ago."""
    id_ = MessageId(post.ids.uuid())
    mail = Mail(
        id=id_, account_id=account, to=(to,), subject="Hello", text="Hello.", sender="news@shop.example.com",
        purpose=Purpose.TRANSACTIONAL,
    )  # fmt: skip
    ((taken,),) = await AcceptMails(post.store, PostgresFiles(post.pool), trials(), post.clock).accept([mail])
    assert taken.status == "Success", taken
    at = post.clock.now() - timedelta(minutes=1)
    post.stock.run("update message set status = 'Sent', due_at = null, handed_at = %s where id = %s", at, id_)
    return id_


def status(post: Post, message: MessageId) -> str:
    return str(post.status(message)[0])


def history(post: Post, message: MessageId, kind: str) -> list[Mapping[str, object]]:
    query = "select data from message_event where message_id = %s and kind = %s order by id"
    return [row[0] for row in post.stock.rows(query, message, kind)]  # type: ignore[misc]
