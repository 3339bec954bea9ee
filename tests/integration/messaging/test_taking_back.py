"""Messages that are taken back: what waits ends, a carrier that has one is asked, and its word counts."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from central.application.ports.carriers import Cancellation, NotSent, Taken, Uncertain
from central.application.ports.message_store import NewMessage
from central.domain.errors import Conflict, NotFound
from central.domain.ids import AccountId, MessageId
from central.domain.statuses import SmsStatus
from tests.integration.messaging.conftest import Post
from tests.integration.messaging.mails import relay, sent, status

ONE, TWO = "919800000001", "919800000002"
GONE = NotSent("link_down", "The link was lost before it was written.")
REFUSED = "0x00000011"


async def refused(post: Post, account: AccountId, message: NewMessage) -> str:
    with pytest.raises(Conflict) as caught:
        await post.take_back(account, "sms", message.id)
    return caught.value.code


async def test_what_waits_ends_and_is_never_handed_over(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    one, two = await post.write(account, ONE, TWO)
    found = await post.take_back(account, "sms", one.id)
    assert (found.status, found.waits) == ("SENT_TO_QUEUE", True)
    assert (await post.take_back(account, "sms", one.id)).wished  # again: the same
    assert await served.send() == 1
    assert [submission.to for submission in fake.submitted] == [TWO]
    assert await post.tend.step() == 1
    assert post.status(one.id) == ("FAILED", "taken_back")
    assert post.kinds(one.id) == [
        ("message_accepted", "SENT_TO_QUEUE"), ("take_back_asked", None), ("message_ended", "FAILED"),
    ]  # fmt: skip
    assert post.status(two.id)[0] == "SENT_TO_QUEUE"
    assert await refused(post, account, one) == "message_final"
    assert post.stock.value("select count(*) from message where take_back_at is not null") == 0


async def test_only_the_account_and_the_channel_of_a_message_can_take_it_back(post: Post) -> None:
    account = post.stock.account()
    post.carrier(account)
    (message,) = await post.write(account, ONE)
    with pytest.raises(NotFound):
        await post.take_back(post.stock.account(), "sms", message.id)
    with pytest.raises(NotFound):
        await post.take_back(account, "email", message.id)
    with pytest.raises(NotFound):
        await post.take_back(account, "sms", MessageId(post.ids.uuid()))


async def test_the_carrier_that_has_it_is_asked_and_its_word_counts(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    await served.catch_up()
    assert fake.cancelled == []
    await post.take_back(account, "sms", message.id)
    await served.catch_up()
    await served.catch_up()  # not before a minute has passed
    assert fake.cancelled == [Cancellation("r-1", "", ONE)]
    assert post.status(message.id)[0] == "SENT_TO_QUEUE"  # nobody has said yet that it is cancelled
    post.clock.forward(timedelta(seconds=61))
    await served.catch_up()
    assert len(fake.cancelled) == 2
    told = fake.receipt("r-1", SmsStatus.UNDELIVERED, "CANCEL")
    await post.hear(served, fake, told)
    assert post.status(message.id)[0] == "UNDELIVERED"
    assert await refused(post, account, message) == "message_final"
    post.clock.forward(timedelta(seconds=61))
    await served.catch_up()
    assert len(fake.cancelled) == 2


async def test_a_carrier_that_keeps_it_changes_no_status_and_is_not_asked_again(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    await post.take_back(account, "sms", message.id)
    await served.catch_up()
    told = fake.receipt("r-1", None, "CANCEL")
    await post.hear(served, fake, msgspec.structs.replace(told, error=REFUSED, reason="cancel_failed"))
    assert post.status(message.id)[0] == "SENT_TO_QUEUE"
    assert await refused(post, account, message) == "cancel_refused"
    post.clock.forward(timedelta(seconds=61))
    await served.catch_up()
    assert len(fake.cancelled) == 1
    await post.hear(served, fake, fake.receipt("r-1", SmsStatus.DELIVERED, "DELIVRD"))
    assert post.status(message.id)[0] == "DELIVERED"


async def test_one_that_is_being_handed_over_is_asked_for_when_it_has_a_name(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE, text="x" * 200)
    await served.send()
    found = await post.take_back(account, "sms", message.id)
    assert not found.waits
    await served.catch_up()
    assert fake.cancelled == []
    fake.answer_all()
    await post.hear(served, fake)
    await served.catch_up()
    assert sorted(one.remote_id for one in fake.cancelled) == ["r-1", "r-2"]


async def test_one_that_never_left_us_is_not_handed_over_again(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    await post.take_back(account, "sms", message.id)
    fake.answer_all(**{"n" + ONE: GONE})
    await post.hear(served, fake)
    post.clock.forward(timedelta(minutes=10))
    assert await served.send() == 0
    await post.tend.step()
    assert post.status(message.id) == ("FAILED", "taken_back")


async def test_one_without_a_name_cannot_be_asked_for(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all(**{"n" + ONE: Uncertain("no_answer")})
    await post.hear(served, fake)
    assert await refused(post, account, message) == "already_handed_over"


async def test_a_gateway_cannot_be_asked(post: Post) -> None:
    account = post.stock.account()
    carrier = post.carrier(account)
    served, fake = await post.serve(carrier)
    post.stock.run("update carrier set kind = 'http' where id = %s", carrier)
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all(**{"n" + ONE: Taken("r-1")})
    await post.hear(served, fake)
    assert await refused(post, account, message) == "already_handed_over"


async def test_an_e_mail_that_waits_ends_and_one_that_a_relay_has_does_not(post: Post) -> None:
    account = post.stock.account()
    relay(post, account)
    gone = await sent(post, account)
    waits = await sent(post, account, "joe@example.com")
    back = "update message set status = 'Success', due_at = %s, handed_at = null where id = %s"
    post.stock.run(back, post.clock.now(), waits)
    with pytest.raises(Conflict) as caught:
        await post.take_back(account, "email", gone)
    assert caught.value.code == "already_handed_over"
    carrier = next(row for row in await post.store.carriers() if row.account_id == account)
    assert len((await post.store.due_mails(carrier, 10, 1_000_000, (), post.clock.now())).messages) == 1
    assert (await post.take_back(account, "email", waits)).waits
    assert not (await post.store.due_mails(carrier, 10, 1_000_000, (), post.clock.now())).messages
    async with post.store.hand_over(carrier, [waits], "test/1", timedelta(minutes=1), post.clock.now()) as batch:
        assert not batch.messages
    await post.tend.step()
    assert post.status(waits) == ("Failure", "taken_back")
    assert status(post, gone) == "Sent"
