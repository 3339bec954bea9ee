"""What changed while a short message waited for room is asked again when it is handed over: hours, registers, lists, ranges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from central.domain.policies import Purpose
from tests.integration.messaging.conftest import Post

ONE, TWO, THREE = "919800000001", "919800000002", "919800000003"
EVENING = datetime(2026, 11, 23, 15, 29, tzinfo=UTC)
"""20:59 in India, where marketing ends at 21:00."""
MORNING = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
_FRESH = "insert into list_version (account_id, list, version, fresh_at) values (%s, 'dnd', 1, %s)"


async def test_marketing_that_waited_too_long_goes_in_the_morning_and_holds_up_nothing(post: Post) -> None:
    post.clock.at = EVENING
    account = post.stock.account(policy_id="IN", time_zone="Asia/Kolkata")
    post.stock.run(_FRESH, account, EVENING)
    served, fake = await post.serve(post.carrier(account), room=2)
    numbers = [f"9198{n:08d}" for n in range(60)]
    marketing = await post.write(account, *numbers, purpose=Purpose.MARKETING)
    assert await served.send() == 2  # at 20:59 it may go
    fake.answer_all()
    await post.hear(served, fake)
    (service,) = await post.write(account, ONE)
    post.clock.at = EVENING + timedelta(hours=1)
    assert await served.send() == 1
    assert [one.id for one in fake.submitted] == [service.id]
    waits = "select count(*), count(distinct due_at), min(due_at) from message where reason = 'waits_for_its_hours'"
    assert post.stock.rows(waits) == [(58, 1, MORNING)]
    last = marketing[-1].id
    assert post.status(last) == ("SENT_TO_QUEUE", "waits_for_its_hours")
    assert post.kinds(last) == [("message_accepted", "SENT_TO_QUEUE"), ("message_put_off", None)]
    assert post.stock.value("select tries from message where id = %s", last) == 0
    post.clock.at = MORNING
    post.stock.run("update list_version set fresh_at = %s", MORNING)
    assert await served.send() == 2


async def test_without_an_hour_before_its_deadline_it_ends(post: Post) -> None:
    post.clock.at = EVENING
    account = post.stock.account(policy_id="IN", time_zone="Asia/Kolkata")
    post.stock.run(_FRESH, account, EVENING)
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE, purpose=Purpose.MARKETING)
    post.stock.run("update message set deadline = %s", EVENING + timedelta(hours=3))
    post.clock.forward(timedelta(hours=1))
    assert await served.send() == 0
    assert not fake.submitted
    assert post.status(message.id) == ("EXPIRED", "quiet_hours")


async def test_a_register_that_grew_old_while_it_waited_blocks_it(post: Post) -> None:
    noon = EVENING - timedelta(hours=9)
    post.clock.at = noon
    account = post.stock.account(policy_id="IN", time_zone="Asia/Kolkata")
    post.stock.run(_FRESH, account, noon - timedelta(hours=23))
    served, _ = await post.serve(post.carrier(account))
    marketing = await post.write(account, ONE, purpose=Purpose.MARKETING)
    (service,) = await post.write(account, TWO)
    post.clock.forward(timedelta(hours=2))
    assert await served.send() == 1
    assert post.status(marketing[0].id) == ("FAILED", "stale_register")
    assert post.status(service.id) == ("SENT_TO_QUEUE", "")


async def test_a_range_that_was_blacklisted_while_it_waited_is_not_written_to(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    one, two = await post.write(account, ONE, "919700000001")
    entry = (
        "insert into list_entry (account_id, list, number, prefix, expires_at) values (%s, 'blacklist', %s, true, %s)"
    )
    post.stock.run(entry, account, "9198", None)
    post.stock.run(entry, account, "9197", post.clock.now() - timedelta(days=1))  # it has run out
    assert await served.send() == 1
    assert [message.id for message in fake.submitted] == [two.id]
    assert post.status(one.id) == ("FAILED", "blacklisted")
    (refused,) = await post.write(account, THREE)
    assert (refused.status, refused.reason) == ("FAILED", "blacklisted")
