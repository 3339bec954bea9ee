"""A short message from acceptance to its last news: handed over once, told truly, never sent twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from central.adapters.postgres.message_states import PostgresMessageStates
from central.application.messaging import serve_carrier
from central.application.ports.carriers import NotSent, NotTaken, Taken, Uncertain
from central.application.ports.messages import MessageState, ShortMessage
from central.domain.ids import MessageId, RecordId, RequestId
from central.domain.policies import Purpose
from central.domain.statuses import SmsStatus
from tests.integration.messaging.conftest import Post

ONE, TWO, THREE = "919800000001", "919800000002", "919800000003"
GONE = NotSent("link_down", "The link was lost before it was written.")


async def test_a_message_goes_once_and_its_receipt_settles_it(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, "+91 98000 00001")
    assert (message.status, message.recipient, message.parts) == ("SENT_TO_QUEUE", ONE, 1)
    assert await served.send() == 1
    assert post.stock.value("select lease_until is not null and due_at is null and tries = 1 from message") is True
    assert await served.send() == 0
    fake.answer_all()
    await post.hear(served, fake)
    assert fake.acked == 1
    await post.hear(served, fake, fake.receipt("r-1", SmsStatus.DELIVERED, "DELIVRD"))
    assert post.status(message.id) == ("DELIVERED", "delivrd")
    assert post.kinds(message.id) == [
        ("message_accepted", "SENT_TO_QUEUE"), ("message_handed_over", None), ("message_answered", None),
        ("receipt_came", "DELIVERED"),
    ]  # fmt: skip
    assert post.stock.value("select silent_at is null and lease_until is null and due_at is null from message") is True


async def test_a_receipt_before_its_answer_is_matched_when_the_answer_comes(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    await post.hear(served, fake, fake.receipt("00R-1", SmsStatus.DELIVERED, "DELIVRD", "r-1", "R-1"))
    assert post.status(message.id)[0] == "SENT_TO_QUEUE"
    fake.answer_all()
    await post.hear(served, fake)
    assert post.status(message.id)[0] == "DELIVERED"
    assert post.stock.value("select count(*) from stray_receipt") == 0


async def test_a_receipt_finds_its_message_in_another_form_of_the_id(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    await post.hear(served, fake, fake.receipt("00R-1", SmsStatus.UNDELIVERED, "UNDELIV", "R-1", "r-1"))
    assert post.status(message.id)[0] == "UNDELIVERED"


async def test_where_an_id_fits_two_messages_the_number_decides(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    one, two = await post.write(account, ONE, TWO)
    await served.send()
    fake.answer_all(**{"n" + ONE: Taken("10"), "n" + TWO: Taken("0a")})
    await post.hear(served, fake)
    receipt = fake.receipt("10", SmsStatus.DELIVERED, "DELIVRD", "0a")
    await post.hear(served, fake, msgspec.structs.replace(receipt, about=("CENTRAL", "+" + TWO)))
    assert [post.status(message.id)[0] for message in (one, two)] == ["SENT_TO_QUEUE", "DELIVERED"]
    other = fake.receipt("000A", SmsStatus.REJECTED, "REJECTD", "10")  # fits one, and is about somebody else
    await post.hear(served, fake, msgspec.structs.replace(other, about=("", THREE)))
    assert post.status(one.id)[0] == "SENT_TO_QUEUE"
    await post.hear(served, fake, msgspec.structs.replace(receipt, about=("XXXX01", "")))
    assert post.status(one.id)[0] == "DELIVERED"


async def test_a_receipt_that_nobody_can_read_is_kept_and_holds_up_nothing(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    broken = msgspec.structs.replace(fake.receipt("\x00\\u0000", None, "\x9f\x00"), raw="\x00" * 5)
    await post.hear(served, fake, broken, fake.receipt("r-1", SmsStatus.DELIVERED, "DELIVRD\x00"))
    assert fake.acked == 2
    assert post.status(message.id)[0] == "DELIVERED"
    assert post.stock.rows("select remote_id from stray_receipt") == [("\ufffd\\u0000",)]


async def test_receipts_twice_late_and_corrected(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    expired = fake.receipt("r-1", SmsStatus.EXPIRED, "EXPIRED")
    await post.hear(served, fake, expired, expired, fake.receipt("r-1", SmsStatus.REJECTED, "REJECTD"))
    assert post.status(message.id)[0] == "EXPIRED"
    await post.hear(served, fake, fake.receipt("r-1", SmsStatus.DELIVERED, "DELIVRD"), expired)
    assert post.status(message.id)[0] == "DELIVERED"
    assert post.kinds(message.id)[3:] == [
        ("receipt_came", "EXPIRED"), ("receipt_came", "late"), ("receipt_came", "DELIVERED"),
    ]  # fmt: skip


async def test_the_worst_part_tells_until_all_are_delivered(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE, text="x" * 200)
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    await post.hear(served, fake, fake.receipt("r-1", SmsStatus.DELIVERED, "DELIVRD"))
    assert post.status(message.id)[0] == "SENT_TO_QUEUE"
    await post.hear(served, fake, fake.receipt("r-2", SmsStatus.DELIVERED, "DELIVRD"))
    assert post.status(message.id)[0] == "DELIVERED"


async def test_what_was_not_sent_goes_another_way_at_once_and_again_later(post: Post) -> None:
    account = post.stock.account()
    first, second = post.carrier(account, "one"), post.carrier(account, "two", priority=2)
    served, fake = await post.serve(first)
    other, other_fake = await post.serve(second)
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all(**{"n" + ONE: GONE})
    await post.hear(served, fake)
    assert await other.send() == 1
    assert [one.id for one in other_fake.submitted] == [message.id]
    other_fake.answer_all(**{"n" + ONE: NotTaken("0x58", "ESME_RTHROTTLED", "throttled", retry=True, delay_s=5)})
    await post.hear(other, other_fake)
    assert await served.send() == 0  # the first carrier comes again after a pause
    post.clock.forward(timedelta(seconds=10))
    assert await served.send() == 1


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (NotTaken("0x0B", "ESME_RINVDSTADR", "invalid_number", SmsStatus.INVALID_NUMBER), "INVALID_NUMBER"),
        (NotTaken("0x45", "ESME_RSUBMITFAIL", "refused", SmsStatus.REJECTED), "REJECTED"),
    ],
)
async def test_a_refusal_ends_it(post: Post, answer: NotTaken, status: str) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all(**{"n" + ONE: answer})
    await post.hear(served, fake)
    assert post.status(message.id) == (status, answer.reason)
    assert post.kinds(message.id)[-1] == ("message_answered", status)


async def test_what_left_without_an_answer_is_never_sent_again(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all(**{"n" + ONE: Uncertain("no_answer")})
    await post.hear(served, fake)
    assert post.status(message.id) == ("SENT_TO_QUEUE", "outcome_uncertain")
    post.clock.forward(timedelta(days=1))
    assert await served.send() == 0
    post.clock.forward(timedelta(days=4))
    assert await post.tend.step() == 1
    assert post.status(message.id) == ("OTHER", "outcome_uncertain")


async def test_a_hand_over_whose_sender_died_is_uncertain_and_its_answer_comes_too_late(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    post.stock.run("update message set lease_until = now() - interval '1 second'")
    post.clock.forward(timedelta(minutes=2))
    assert await post.tend.step() == 1
    assert post.status(message.id) == ("SENT_TO_QUEUE", "outcome_uncertain")
    assert await served.send() == 0
    fake.answer_all()
    await post.hear(served, fake)
    assert post.kinds(message.id)[-1] == ("message_answered", "late")


async def test_never_more_is_handed_over_than_there_is_room_for(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account), room=3)
    await post.write(account, ONE, TWO)
    await post.write(account, THREE, text="x" * 300)
    assert await served.send() == 2
    fake.space = 1
    assert await served.send() == 0  # two parts do not fit
    fake.space = 2
    assert await served.send() == 1


async def test_its_deadline_passes_in_our_queue(post: Post) -> None:
    account = post.stock.account()
    served, _ = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    post.clock.forward(timedelta(days=2))
    assert await post.tend.step() == 1
    assert post.status(message.id) == ("EXPIRED", "expired")
    assert await served.send() == 0


async def test_lists_are_asked_when_it_is_accepted_and_when_it_goes(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    blacklist = "insert into list_entry (account_id, list, number) values (%s, 'blacklist', %s)"
    post.stock.run(blacklist, account, ONE)
    one, two, three = await post.write(account, ONE, TWO, "nonsense")
    assert (one.status, one.reason) == ("FAILED", "blacklisted")
    assert (three.status, three.reason) == ("INVALID_NUMBER", "invalid_number")
    post.stock.run(blacklist, account, TWO)
    assert await served.send() == 0
    assert not fake.submitted
    assert post.status(two.id) == ("FAILED", "blacklisted")


async def test_marketing_is_scrubbed_and_needs_a_fresh_register(post: Post) -> None:
    account = post.stock.account(policy_id="IN")
    post.carrier(account)
    (message,) = await post.write(account, ONE, purpose=Purpose.MARKETING)
    assert (message.status, message.reason) == ("FAILED", "stale_register")
    post.stock.run(
        "insert into list_version (account_id, list, version, fresh_at) values (%s, 'dnd', 1, %s)",
        account,
        post.clock.now(),
    )
    post.stock.run("insert into dnd_entry (account_id, number) values (%s, %s)", account, ONE)
    listed, free = await post.write(account, ONE, TWO, purpose=Purpose.MARKETING)
    assert (listed.status, listed.reason) == ("FAILED", "dnd")
    assert free.status == "SENT_TO_QUEUE"


async def test_money_is_taken_at_the_hand_over_and_given_back_when_nothing_left(post: Post) -> None:
    plan = '{"name": "p", "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": 0}], "sms": [{"prefix": "", "per_part": 100}]}'
    account = post.stock.account(balance=150, rate_plan=plan)
    served, fake = await post.serve(post.carrier(account))
    one, two = await post.write(account, ONE, TWO)
    assert await served.send() == 1
    assert post.stock.value("select balance from balance") == 50
    assert post.status(two.id) == ("FAILED", "insufficient_balance")
    fake.answer_all(**{"n" + ONE: NotTaken("0x45", "ESME_RSUBMITFAIL", "refused", SmsStatus.REJECTED)})
    await post.hear(served, fake)
    assert post.status(one.id)[0] == "REJECTED"
    assert post.stock.value("select balance from balance") == 150
    assert post.stock.value("select sum(amount)::int from ledger") == 0


async def test_the_same_id_again_is_stored_once(post: Post) -> None:
    account = post.stock.account()
    post.carrier(account)
    (message,) = await post.write(account, ONE)
    stored = await post.store.add([message, message])
    assert stored == {message.id: ("SENT_TO_QUEUE", "")}
    assert post.stock.value("select count(*)::int from message_event") == 1


async def test_stop_blacklists_and_start_takes_it_back(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    await post.hear(served, fake, fake.text(ONE, " Stop! "), fake.text(TWO, "stop it please"))
    assert post.stock.rows("select number, note from list_entry") == [(ONE, "said STOP by SMS")]
    assert post.stock.rows("select sender, opted_out from inbound_text order by sender") == [(ONE, True), (TWO, False)]
    await post.hear(served, fake, fake.text(ONE, "START"))
    assert post.stock.rows("select number from list_entry") == []


@pytest.mark.parametrize("sender", [ONE, "+" + ONE, "9800000001", "09800000001", "0091 9800000001"])
async def test_a_stop_counts_for_the_number_that_we_write_to(post: Post, sender: str) -> None:
    account = post.stock.account(country="IN")
    served, fake = await post.serve(post.carrier(account))
    (before,) = await post.write(account, ONE)
    await post.hear(served, fake, fake.text(sender, "STOP"))
    assert post.stock.rows("select number from list_entry") == [(ONE,)]
    assert await served.send() == 0
    assert post.status(before.id) == ("FAILED", "blacklisted")
    await post.hear(served, fake, fake.text(sender, "START"))
    assert post.stock.rows("select number from list_entry") == []


async def test_news_that_cannot_be_stored_are_asked_for_again_and_answers_are_kept(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    fake.answer_all()
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"
    post.stock.rows(cut)
    assert await post.hear(served, fake) == 0
    assert fake.acked == 0
    while not fake.acked:
        await post.hear(served, fake)
    post.stock.rows(cut)
    receipt = fake.receipt("r-1", SmsStatus.DELIVERED, "DELIVRD")
    assert await post.hear(served, fake, receipt) == 0
    assert (fake.acked, fake.refused) == (1, 1)
    while fake.acked == 1:  # the far end sends it again
        await post.hear(served, fake, receipt)
    assert post.status(message.id)[0] == "DELIVERED"


async def test_one_read_tells_how_messages_of_several_accounts_are(post: Post) -> None:
    first, second = post.stock.account(), post.stock.account()
    post.carrier(first)
    (taken,), (refused,) = await post.write(first, ONE), await post.write(second, TWO)
    asked = [(first, taken.id), (second, refused.id), (first, refused.id), (first, MessageId(post.ids.uuid()))]
    assert await PostgresMessageStates(post.pool).states(asked) == {
        taken.id: MessageState("SENT_TO_QUEUE"), refused.id: MessageState("FAILED", "no_gateway"),
    }  # fmt: skip


async def test_events_of_a_message_tell_its_step_and_the_records_client_identifier(post: Post) -> None:
    account = post.stock.account()
    post.stock.run(
        "insert into webhook_endpoint (account_id, id, name, url, events, secrets) values (%s, %s, 'e', 'https://e/', '{sms.status}', '{}')",
        account, post.ids.uuid(),
    )  # fmt: skip
    served, fake = await post.serve(post.carrier(account))
    wish = ShortMessage(
        id=MessageId(post.ids.uuid()), account_id=account, purpose=Purpose.SERVICE, to=ONE, text="Hello.", encoding="gsm7", parts=1,
        record_id=RecordId(post.ids.uuid()), request_id=RequestId(post.ids.uuid()), step="thanks", client_identifier="c-1",
    )  # fmt: skip
    refused = msgspec.structs.replace(wish, id=MessageId(post.ids.uuid()), text=" ")
    await post.accept.send([wish, refused])
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    await post.hear(served, fake, fake.receipt("r-1", SmsStatus.DELIVERED, "DELIVRD"))
    told: dict[str, Any] = {
        status: post.stock.value("select body from outbox where body ->> 'status' = %s", status)
        for status in ("FAILED", "DELIVERED")
    }
    for status, body in told.items():
        assert (body["step"], body["client_identifier"], body["record_id"]) == ("thanks", "c-1", str(wish.record_id)), (
            status
        )


async def test_what_waits_for_a_carrier_that_does_not_serve_goes_by_another(post: Post) -> None:
    account = post.stock.account()
    first, second = post.carrier(account, "one"), post.carrier(account, "two", priority=2)
    other, _ = await post.serve(second)
    await post.write(account, ONE, TWO)
    assert await post.tend.step() == 0  # no other one is known to serve
    post.stock.run("update carrier set state = 'up' where id = %s", second)
    post.stock.run("update carrier set enabled = false where id = %s", first)
    assert await post.tend.step() == 2
    assert await other.send() == 2
    post.stock.run("update carrier set enabled = true, state = 'up' where id = %s", first)
    await post.write(account, THREE)
    post.stock.run("update message set carrier_id = null where due_at is not null")
    assert await post.tend.step() == 1
    assert post.stock.value("select carrier_id from message where recipient = %s", THREE) == first


async def test_stop_is_obeyed_where_an_old_entry_has_run_out(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    past = "insert into list_entry (account_id, list, number, expires_at) values (%s, 'blacklist', %s, '2020-01-01')"
    post.stock.run(past, account, ONE)
    await post.hear(served, fake, fake.text(ONE, "STOP"))
    (message,) = await post.write(account, ONE)
    assert (message.status, message.reason) == ("FAILED", "blacklisted")


async def test_the_next_hand_over_follows_the_stored_answers(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_carrier, "_ROOM_S", 60.0)
    account = post.stock.account()
    carrier = post.carrier(account)
    await post.write(account, ONE, TWO)
    served, fake = await post.serve(carrier, room=1)
    assert await served.send() == 1
    fake.space = 0
    waiting = asyncio.create_task(served.send())
    fake.answer_all()
    await served.hear(5)
    async with asyncio.timeout(5):
        assert await waiting == 1
    fake.space = 1
    assert await served.send() == 1
    fake.space = 0
    fake.answer_all()
    await served.hear(5)
    assert await served.send() == 0  # nothing is under way: there is nothing to wait for
