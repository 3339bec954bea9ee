"""Links in short messages: short, stored with the message, and clicks in one history of the message, whichever way it came."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from central.adapters.postgres.contacts import PostgresLinks
from central.adapters.postgres.pool import Pool
from central.application.messaging.send_sms import SmsWish
from central.application.ports.internal_functions import NewLink
from central.application.ports.message_store import NewMessage
from central.application.ports.messages import ShortMessage
from central.domain.ids import AccountId, MessageId, RecordId
from central.domain.policies import Purpose
from tests.integration.messaging.conftest import LINKS, Post

TEXT = "Your parcel: https://shop.example.com/track?parcel=1234567890&lang=en. Help: https://shop.example.com/help"


async def write(
    post: Post, account: AccountId, *, text: str = TEXT, shorten: bool = True, template: str = ""
) -> NewMessage:
    wish = SmsWish(to="919800000001", text=text, purpose=Purpose.SERVICE, shorten=shorten, template_id=template)
    (row,) = await post.send(account, "IN", [wish])
    return row


def stored_text(post: Post, message: NewMessage) -> str:
    return str(post.stock.value("select text from message where id = %s", message.id))


def codes(text: str) -> list[str]:
    return [part.partition(" ")[0].rstrip(".") for part in text.split(LINKS)[1:]]


def clicks(post: Post, message: UUID) -> list[tuple[object, ...]]:
    query = "select data ->> 'url', (data ->> 'clicks')::int from message_event where message_id = %s and kind = 'link_clicked' order by id"
    return post.stock.rows(query, message)


async def test_links_are_short_and_their_clicks_are_told(post: Post, api_pool: Pool) -> None:
    account = post.stock.account()
    post.carrier(account)
    message = await write(post, account)
    text = stored_text(post, message)
    first, second = codes(text)
    assert text == f"Your parcel: {LINKS}{first}. Help: {LINKS}{second}"
    assert (message.parts, message.encoding) == (1, "gsm7")
    links = PostgresLinks(api_pool)
    for code in (first, second, first):
        opened = await links.open(code, post.clock.now())
        assert opened is not None
        assert opened.target.startswith("https://shop.example.com/")
    assert clicks(post, message.id) == [
        ("https://shop.example.com/track?parcel=1234567890&lang=en", 1),
        ("https://shop.example.com/help", 1),
        ("https://shop.example.com/track?parcel=1234567890&lang=en", 2),
    ]
    shown = sorted(await links.page(account, None, 10), key=lambda one: one.clicks)
    assert [(one.message_id, one.record_id, one.clicks) for one in shown] == [
        (message.id, None, 1), (message.id, None, 2),
    ]  # fmt: skip


async def test_without_the_wish_texts_stay_as_they_are(post: Post) -> None:
    account = post.stock.account()
    post.carrier(account)
    assert stored_text(post, await write(post, account, shorten=False)) == TEXT
    assert post.stock.value("select count(*) from short_link") == 0


async def test_a_template_can_ask_for_it_and_is_compared_with_what_goes_out(post: Post) -> None:
    account = post.stock.account()
    post.carrier(account)
    add = "insert into sms_template (account_id, id, text, shorten) values (%s, %s, %s, %s)"
    post.stock.run(add, account, "t1", "Track: {#var#}", True)
    post.stock.run(add, account, "t2", "Track: {#var#}", False)
    long = "Track: https://shop.example.com/a/very/long/way/to/a/parcel"
    good = await write(post, account, text=long, shorten=False, template="t1")
    bad = await write(post, account, text=long, shorten=False, template="t2")
    assert (good.status, bad.reason) == ("SENT_TO_QUEUE", "template_mismatch")
    assert LINKS in stored_text(post, good)


async def test_a_refused_message_leaves_no_link(post: Post) -> None:
    account = post.stock.account()
    assert (await write(post, account)).reason == "no_gateway"
    assert post.stock.value("select count(*) from short_link") == 0


@pytest.mark.parametrize("times", [1, 3])
async def test_a_step_s_message_has_its_links_once(post: Post, api_pool: Pool, times: int) -> None:
    """As a flow sends it: the same id each time, and the record hears of the click too; what may be secret is not shown."""
    account = post.stock.account()
    post.carrier(account)
    flow = post.stock.flow(account)
    (record,) = post.stock.records(account, post.stock.request(account, flow), [["919800000001"]])
    message = ShortMessage(
        id=MessageId(post.ids.uuid()), account_id=account, purpose=Purpose.SERVICE, to="919800000001", text=TEXT, encoding="gsm7",
        parts=1, record_id=RecordId(record), step="tell", shorten=True, hidden=True,
        shown="Your parcel: https://shop.example.com/track?parcel=***&lang=en. Help: https://shop.example.com/help",
    )  # fmt: skip
    for _ in range(times):
        await post.accept.send([message])
    text = str(post.stock.value("select text from message where id = %s", message.id))
    assert sorted(codes(text)) == sorted(str(row[0]) for row in post.stock.rows("select code from short_link"))
    await PostgresLinks(api_pool).open(codes(text)[0], post.clock.now())
    assert clicks(post, message.id) == [("https://shop.example.com/...", 1)]
    told = post.stock.rows("select data ->> 'url' from event where record_id = %s and kind = 'link_clicked'", record)
    assert told == [("https://shop.example.com/...",)]
    assert post.stock.value("select shown_text from message where id = %s", message.id) in {None, text}
    assert {row[0] for row in post.stock.rows("select number from short_link")} == {"***"}


async def test_where_a_secret_hides_an_address_the_text_is_shown_as_it_was(post: Post) -> None:
    account = post.stock.account()
    post.carrier(account)
    shown = "Your parcel: ***. Help: https://shop.example.com/help"
    message = ShortMessage(
        id=MessageId(post.ids.uuid()), account_id=account, purpose=Purpose.SERVICE, to="919800000001", text=TEXT, encoding="gsm7",
        parts=1, shorten=True, shown=shown,
    )  # fmt: skip
    await post.accept.send([message])
    assert post.stock.value("select shown_text from message where id = %s", message.id) == shown
    assert {row[0] for row in post.stock.rows("select shown from short_link")} == {"https://shop.example.com/..."}


async def test_what_a_message_would_cost_counts_the_short_text(post: Post) -> None:
    account = post.stock.account()
    post.carrier(account)
    text = "x" * 120 + " https://shop.example.com/" + "y" * 300
    rows = await post.send.preview(
        account, "IN", [SmsWish(to="919800000001", text=text, shorten=one) for one in (True, False)]
    )
    assert [row.parts for row in rows] == [1, 3]
    assert post.stock.value("select count(*) from short_link") == 0


async def test_a_link_that_another_step_made_is_told_with_its_message(
    post: Post, api_pool: Pool, worker_pool: Pool
) -> None:
    """The step "short link" makes one, an SMS step sends it: the click stands in the history of both, with what may be shown."""
    account, other = post.stock.account(), post.stock.account()
    post.carrier(account)
    post.carrier(other)
    flow = post.stock.flow(account)
    (record,) = post.stock.records(account, post.stock.request(account, flow), [["919800000001"]])
    now = post.clock.now()
    link = NewLink(
        post.ids.uuid(), "abcdefghij", "https://shop.example.com/?t=secret", "https://shop.example.com/?t=***", RecordId(record),
        "919800000001", "link", now, now + timedelta(days=1),
    )  # fmt: skip
    await PostgresLinks(worker_pool).add(account, link)
    stranger = await write(post, other, text=f"See {LINKS}abcdefghij.", shorten=False)
    message = await write(post, account, text=f"See {LINKS}abcdefghij, or {LINKS}unknown-1.", shorten=False)
    await write(post, account, text=f"Again: {LINKS}abcdefghij", shorten=True)
    await PostgresLinks(api_pool).open("abcdefghij", now)
    assert clicks(post, message.id) == [("https://shop.example.com/?t=***", 1)]
    assert post.stock.value("select count(*) from message_event where kind = 'link_clicked'") == 1
    assert post.stock.value("select count(*) from event where record_id = %s and kind = 'link_clicked'", record) == 1
    assert clicks(post, stranger.id) == []
    assert post.stock.value("select count(*) from short_link") == 1
