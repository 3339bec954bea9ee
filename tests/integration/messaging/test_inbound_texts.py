"""What people write to us: told to webhooks."""

from __future__ import annotations

from tests.integration.messaging.conftest import Post

ONE, TWO = "919800000001", "919800000002"


async def test_webhooks_are_told_what_people_write(post: Post) -> None:
    account, other = post.stock.account(), post.stock.account()
    for owner, events in ((account, "{sms.received}"), (account, "{sms.status}"), (other, "{sms.received}")):
        post.stock.run(
            "insert into webhook_endpoint (account_id, id, name, url, events, secrets) values (%s, %s, %s, 'https://e/', %s, '{}')",
            owner, post.ids.uuid(), events, events,
        )  # fmt: skip
    served, fake = await post.serve(post.carrier(account))
    await post.hear(served, fake, fake.text("+" + ONE, "Is it ready?"), fake.text(TWO, "STOP"))
    told = post.stock.rows(
        "select o.account_id, e.name, o.event_type, o.body from outbox o join webhook_endpoint e on e.id = o.endpoint_id "
        "order by o.body ->> 'from'"
    )
    assert [line[:3] for line in told] == [(account, "{sms.received}", "sms.received")] * 2
    ids = [row[0] for row in post.stock.rows("select id::text from inbound_text order by sender")]
    to = fake.text(ONE, "").to
    assert [line[3] for line in told] == [
        {"text_id": ids[0], "from": ONE, "to": to, "text": "Is it ready?", "opted_out": False},
        {"text_id": ids[1], "from": TWO, "to": to, "text": "STOP", "opted_out": True},
    ]
