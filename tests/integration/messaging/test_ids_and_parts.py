"""How a carrier names messages and parts: one id for all parts, names that come late, names in other forms."""

from __future__ import annotations

from datetime import timedelta

from central.application.ports.carriers import PartAnswered, Taken, Uncertain
from central.domain.statuses import SmsStatus
from tests.integration.messaging.conftest import Post

ONE, TWO = "919800000001", "919800000002"


async def test_parts_that_went_as_one_have_one_id_and_one_receipt(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE, text="x" * 400)
    await served.send()
    (sent,) = fake.submitted
    fake.tell(*(PartAnswered(sent.id, sent.tries, part, Taken("payload"), fake.now) for part in (1, 2, 3)))
    await post.hear(served, fake)
    await post.hear(served, fake, fake.receipt("payload", SmsStatus.DELIVERED, "DELIVRD"))
    assert post.status(message.id)[0] == "DELIVERED"


async def test_an_answer_that_comes_late_names_the_message_for_its_receipts(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    (message,) = await post.write(account, ONE)
    await served.send()
    (sent,) = fake.submitted
    await post.hear(served, fake, PartAnswered(sent.id, 1, 1, Uncertain("no_answer"), fake.now))
    await post.hear(served, fake, fake.receipt("slow", SmsStatus.DELIVERED, "DELIVRD"))  # even before its late answer
    assert post.status(message.id) == ("SENT_TO_QUEUE", "outcome_uncertain")
    await post.hear(served, fake, PartAnswered(sent.id, 1, 1, Taken("slow"), fake.now))
    assert post.status(message.id)[0] == "DELIVERED"
    assert await served.send() == 0


async def test_a_receipt_in_another_form_before_its_answer_is_matched(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    messages = await post.write(account, ONE, TWO)
    await served.send()
    await post.hear(served, fake, fake.receipt("17", SmsStatus.DELIVERED, "DELIVRD", "17", "11", "00000011"))
    one, two = fake.submitted
    fake.tell(
        PartAnswered(one.id, 1, 1, Taken("00000011"), fake.now), PartAnswered(two.id, 1, 1, Taken("12"), fake.now)
    )
    await post.hear(served, fake)
    assert [post.status(message.id)[0] for message in messages] == ["DELIVERED", "SENT_TO_QUEUE"]
    # and where answer and receipt were stored by two transactions at once
    await post.hear(served, fake, fake.receipt("18", SmsStatus.DELIVERED, "DELIVRD", "18"))
    post.stock.run(
        "update stray_receipt set forms = '{18,12}', body = jsonb_set(body, '{same_ids}', '[\"18\", \"12\"]')"
    )
    await served.catch_up()
    assert [post.status(message.id)[0] for message in messages] == ["DELIVERED", "DELIVERED"]
    assert post.stock.value("select count(*) from stray_receipt") == 0


async def test_a_carrier_is_asked_about_messages_that_it_never_told_of(post: Post) -> None:
    account = post.stock.account()
    served, fake = await post.serve(post.carrier(account))
    silent, told = await post.write(account, ONE, TWO)
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    await post.hear(served, fake, fake.receipt("r-2", SmsStatus.DELIVERED, "DELIVRD"))
    await served.catch_up()
    assert fake.asked == []  # its time is not over
    post.clock.forward(silent.deadline - post.clock.now() + timedelta(hours=1, minutes=1))
    await served.catch_up()
    await served.catch_up()
    assert fake.asked == ["r-1"]
    post.clock.forward(timedelta(minutes=2))
    await served.catch_up()
    assert fake.asked == ["r-1"]  # once an hour
    post.clock.forward(timedelta(hours=1))
    await served.catch_up()
    assert fake.asked == ["r-1", "r-1"]
    await post.hear(served, fake, fake.receipt("r-1", None, "QUERY"))
    assert post.status(silent.id)[0] == "SENT_TO_QUEUE"
    await post.hear(served, fake, fake.receipt("r-1", SmsStatus.UNDELIVERED, "UNDELIV"))
    assert [post.status(one.id)[0] for one in (silent, told)] == ["UNDELIVERED", "DELIVERED"]
    post.clock.forward(timedelta(hours=2))
    await served.catch_up()
    assert fake.asked == ["r-1", "r-1"]
