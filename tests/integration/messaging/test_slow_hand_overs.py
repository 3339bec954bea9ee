"""A hand-over that goes on is not lost, however long it takes; one that nobody has in hand any more is, and is not repeated."""

from __future__ import annotations

from datetime import timedelta

from central.application.messaging.hand_over import LEASE
from central.application.messaging.keep_hand_overs import KeepHandOvers
from central.application.ports.carriers import NotSent
from tests.integration.messaging.conftest import Post

ONE, TWO = "919800000001", "919800000002"


async def test_what_a_slow_carrier_still_has_is_not_taken_for_lost_and_goes_once(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    keep = KeepHandOvers(post.store, post.clock, "test/1")
    one, two = await post.write(account, ONE, TWO)
    assert await served.send() == 2
    for _ in range(20):
        post.clock.forward(LEASE / 2)
        await keep(served.held())
        assert await post.tend.step() == 0
        assert await served.send() == 0
    fake.answer_all(**{"n" + TWO: NotSent("link_down")})
    await post.hear(served, fake)
    assert served.held() == []
    assert post.status(one.id) == ("SENT_TO_QUEUE", "")
    assert post.kinds(one.id)[-1] == ("message_answered", None)
    post.clock.forward(timedelta(minutes=1))
    assert await served.send() == 1
    assert [(message.id, message.tries) for message in fake.submitted] == [(two.id, 2)]


async def test_only_what_is_held_is_kept_and_only_by_its_owner(post: Post) -> None:
    account = post.stock.account()
    served, _ = await post.serve(post.carrier(account))
    one, two = await post.write(account, ONE, TWO)
    await served.send()
    post.clock.forward(LEASE / 2)
    await KeepHandOvers(post.store, post.clock, "somebody/else")([(account, two.id)])
    await KeepHandOvers(post.store, post.clock, "test/1")([(account, one.id)])
    post.clock.forward(LEASE / 2 + timedelta(seconds=1))
    assert await post.tend.step() == 1  # our own, too: nobody has it in hand
    assert post.status(two.id) == ("SENT_TO_QUEUE", "outcome_uncertain")
    assert post.status(one.id) == ("SENT_TO_QUEUE", "")


async def test_leases_are_renewed_now_and_then_and_again_at_once_after_a_failure(post: Post) -> None:
    account = post.stock.account()
    served, _ = await post.serve(post.carrier(account))
    await post.write(account, ONE)
    await served.send()
    keep = KeepHandOvers(post.store, post.clock, "test/1")
    lease = "select lease_until from message"
    await keep(served.held())
    first = post.stock.value(lease)
    post.clock.forward(LEASE / 10)
    await keep(served.held())
    assert post.stock.value(lease) == first
    post.clock.forward(LEASE / 3)
    await keep(served.held())
    assert post.stock.value(lease) == post.clock.now() + LEASE
