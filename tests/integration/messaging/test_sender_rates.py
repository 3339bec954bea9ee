"""Caps of single senders: who is beyond his own waits, and nobody waits for him."""

from __future__ import annotations

from datetime import timedelta

from central.application.messaging.send_sms import SmsWish
from tests.integration.messaging.conftest import Post


async def test_a_sender_beyond_its_rate_waits_for_its_turn_and_holds_up_no_other(post: Post) -> None:
    account = post.stock.account()
    carrier = post.carrier(account)
    post.stock.run("update carrier set settings = '{\"sender_rate\": 2}' where id = %s", carrier)
    served, fake = await post.serve(carrier, room=5)
    wishes = [SmsWish(to=f"91980000{n:04d}", text="Hello.", sender="FAST" if n < 40 else "SLOW") for n in range(41)]
    await post.send(account, "IN", wishes)
    assert await served.send() == 4  # a second's worth of one, and the other
    assert [one.sender for one in fake.submitted] == ["FAST"] * 3 + ["SLOW"]
    went = 4
    for second in range(1, 30):
        post.clock.forward(timedelta(seconds=1))
        went += await served.send()
        assert abs(went - (4 + 2 * second)) <= 2 or went == 41
    assert went == len(fake.submitted) == 41
    assert post.stock.value("select max(tries) from message") == 1
    assert post.stock.value("select count(*) from message_event where kind <> 'message_accepted'") == 41


async def test_turns_that_passed_while_the_carrier_was_away_are_not_taken_all_at_once(post: Post) -> None:
    account = post.stock.account()
    carrier = post.carrier(account)
    post.stock.run("update carrier set settings = '{\"sender_rate\": 2}' where id = %s", carrier)
    served, fake = await post.serve(carrier, room=50)
    await post.send(account, "IN", [SmsWish(to=f"91980000{n:04d}", text="Hello.", sender="FAST") for n in range(60)])
    went = await served.send()
    assert went == 3
    post.clock.forward(timedelta(minutes=10))
    for second in range(40):
        went += await served.send()
        assert went <= 3 + 3 + 2 * (second + 1)
        post.clock.forward(timedelta(seconds=1))
    assert went == len(fake.submitted) == 60


async def test_turns_that_another_gave_out_are_kept(post: Post) -> None:
    account = post.stock.account()
    carrier = post.carrier(account)
    post.stock.run("update carrier set settings = '{\"sender_rate\": 2}' where id = %s", carrier)
    await post.send(account, "IN", [SmsWish(to=f"91980000{n:04d}", text="Hello.", sender="FAST") for n in range(21)])
    before, _ = await post.serve(carrier, room=50)
    assert await before.send() == 3  # the other 18 have their turns: nine seconds
    wishes = [SmsWish(to=f"91980001{n:04d}", text="Hello.", sender="FAST" if n else "SLOW") for n in range(11)]
    await post.send(account, "IN", wishes)
    after, fake = await post.serve(carrier, room=50)  # whoever leads now
    went = await after.send()
    assert [one.sender for one in fake.submitted] == ["SLOW"]
    for second in range(1, 16):
        post.clock.forward(timedelta(seconds=1))
        went += await after.send()
        assert went - 1 <= 2 * second
    assert went == 29
