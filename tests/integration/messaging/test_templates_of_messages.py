"""Registered texts are read for the messages that name them, however many an account keeps."""

from __future__ import annotations

from datetime import timedelta

from central.application.messaging.send_sms import SmsWish
from tests.integration.messaging.conftest import Post

TO = "919800000001"


async def test_only_the_templates_that_messages_name_are_read(post: Post) -> None:
    account, other = post.stock.account(), post.stock.account(name="other")
    post.carrier(account)
    post.stock.run(
        "insert into sms_template (account_id, id, text) select %s, 'T' || n, 'Code {#var#} of ' || n from generate_series(1, 5000) as n",
        account,
    )  # fmt: skip
    now = post.clock.now() + timedelta(seconds=1)
    wanted = {account: [TO], other: [TO]}
    facts = await post.store.acceptance("sms", wanted, now, [(account, "T7"), (account, "\x00\ud800"), (other, "T7")])
    assert {name: one.text for name, one in facts[account].templates.items()} == {"T7": "Code {#var#} of 7"}
    assert (facts[account].keeps_templates, facts[other].keeps_templates) == (True, False)
    assert (await post.store.acceptance("sms", wanted, now))[account].templates == {}


async def test_messages_of_one_batch_are_compared_with_their_own(post: Post) -> None:
    account, other = post.stock.account(), post.stock.account(name="other")
    for one in (account, other):
        post.carrier(one)
    post.stock.run(
        "insert into sms_template (account_id, id, text) values (%s, 'A', 'Hello {#var#}.'), (%s, 'B', 'Bye {#var#}.')",
        account, account,
    )  # fmt: skip
    texts = [("A", "Hello Asha."), ("B", "Bye Asha."), ("B", "Hello Asha."), ("C", "Hello Asha."), ("", "Anything.")]
    rows = await post.send(account, "IN", [SmsWish(to=TO, text=text, template_id=id_) for id_, text in texts])
    assert [row.reason for row in rows] == ["", "", "template_mismatch", "template_unknown", ""]
    (free,) = await post.send(other, "IN", [SmsWish(to=TO, text="Hello.", template_id="C")])
    assert free.status == "SENT_TO_QUEUE"  # it keeps none: nothing is compared
