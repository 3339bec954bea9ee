"""What cannot be composed is told while the e-mail is taken over, and never waits for a relay."""

from __future__ import annotations

import pytest

from central.adapters.postgres.account_files import PostgresFiles
from central.application.messaging.accept_mails import AcceptMails
from central.application.ports.messages import Mail, MailFile
from central.domain.ids import MessageId
from central.domain.policies import Purpose
from tests.fakes.mail_drafts import trials
from tests.integration.messaging.conftest import Post
from tests.integration.messaging.mails import relay


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"values": {"name": "Ann"}, "html": "<p>{{ surname }}</p>"}, "missing_variable"),
        ({"text": "", "mjml": "<mjml><mj-body>"}, "mjml"),
        ({"values": {}, "text": "{% for a in (1..99999) %}a{% endfor %}"}, "template_limit"),
        ({"files": (MailFile("a.png", b"x", "picture"),)}, "media_type"),
        ({"to": ("nobody",), "values": {}, "text": "{{ name }}"}, "missing_variable"),
        ({"sender": "a@other.example", "values": {}, "text": "{{ name }}"}, "sender_unproved"),
    ],
)
async def test_what_cannot_be_composed_is_told_at_once(post: Post, changes: dict[str, object], reason: str) -> None:
    account = post.stock.account()
    relay(post, account)
    accept = AcceptMails(post.store, PostgresFiles(post.pool), trials(), post.clock)
    to = ("a@home.example", "b@home.example")
    good: dict[str, object] = {
        "account_id": account, "to": to, "subject": "Hello", "text": "Hello.", "sender": "news@shop.example.com",
        "purpose": Purpose.TRANSACTIONAL,
    }  # fmt: skip
    wrong = Mail(id=MessageId(post.ids.uuid()), **(good | changes))  # type: ignore[arg-type]
    right = Mail(id=MessageId(post.ids.uuid()), **good)  # type: ignore[arg-type]
    refused, taken = await accept.accept([wrong, right])
    assert {row.reason for row in refused} == {reason}
    assert post.stock.value("select count(*) from message where due_at is not null") == 2
    assert [row.status for row in taken] == ["Success"] * 2
    assert await accept.send([wrong]) == await accept.send([wrong])
    assert post.stock.value("select count(*) from message_content where length(body::text) > 10000") == 0
