"""Receipts that gateways bring by calling: proved, stored and matched before they are acknowledged; forged ones change nothing."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import msgspec
import pytest

from central.application.messaging.take_receipts import TakeReceipts
from central.application.ports.carriers import CarrierId, Taken
from central.application.ports.receipt_calls import ReceiptCall
from central.bootstrap.gateways import hear_receipts
from central.domain.errors import Forbidden, NotFound
from tests.integration.messaging.conftest import Post
from tests.unit.gateway.samples import SECRETS, settings

RULES = {
    "verify": {"kind": "token", "secret": "token"}, "id": {"path": "id"}, "state": {"path": "state"},
    "states": {"DELIVRD": {"status": "DELIVERED"}, "REJECTD": {"status": "REJECTED"}},
}  # fmt: skip


def gateway(post: Post, carrier: CarrierId) -> TakeReceipts:
    post.stock.run(
        "update carrier set kind = 'http', settings = %s::jsonb, secrets = %s::jsonb where id = %s",
        json.dumps(msgspec.to_builtins(settings(receipts=RULES))), json.dumps(SECRETS), carrier,
    )  # fmt: skip
    return TakeReceipts(post.store, hear_receipts, post.clock, post.ids, post.telemetry)


def call(remote_id: str, state: str, token: str = SECRETS["token"]) -> ReceiptCall:
    return ReceiptCall("POST", {}, "", json.dumps({"id": remote_id, "state": state}).encode(), token)


async def test_a_receipt_is_stored_before_it_is_acknowledged(post: Post) -> None:
    carrier = post.carrier(post.stock.account())
    served, fake = await post.serve(carrier)
    account = post.stock.value("select account_id from carrier")
    (message,) = await post.write(account, "919800000001")  # type: ignore[arg-type]
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    take = gateway(post, carrier)
    with pytest.raises(Forbidden):
        await take(carrier, call("r-1", "DELIVRD", "forged"))
    assert post.status(message.id)[0] == "SENT_TO_QUEUE"
    assert await take(carrier, call("r-1", "DELIVRD")) == 1
    assert post.status(message.id) == ("DELIVERED", "delivrd")
    post.stock.run("update carrier set enabled = false")
    await take(carrier, call("r-1", "REJECTD"))  # late, of a carrier that is switched off meanwhile
    assert post.kinds(message.id)[-2:] == [("receipt_came", "DELIVERED"), ("receipt_came", "late")]


async def test_many_calls_at_once_are_stored_together_and_unknown_ids_wait_for_their_message(post: Post) -> None:
    carrier = post.carrier(post.stock.account())
    served, fake = await post.serve(carrier)
    account = post.stock.value("select account_id from carrier")
    numbers = [f"9198000001{n:02}" for n in range(20)]
    messages = await post.write(account, *numbers)  # type: ignore[arg-type]
    await served.send()
    take = gateway(post, carrier)
    await asyncio.gather(*(take(carrier, call(f"early-{n}", "DELIVRD")) for n in numbers))
    assert post.stock.value("select count(*) from stray_receipt") == 20
    before = post.telemetry.counts["sms_receipts_strayed",]
    assert before == 20
    fake.answer_all(**{"n" + n: Taken(f"early-{n}") for n in numbers})
    await post.hear(served, fake)
    assert {post.status(message.id)[0] for message in messages} == {"DELIVERED"}
    assert post.stock.value("select count(*) from stray_receipt") == 0


async def test_only_gateways_have_a_door(post: Post) -> None:
    carrier = post.carrier(post.stock.account())
    take = TakeReceipts(post.store, hear_receipts, post.clock, post.ids, post.telemetry)
    for one in (carrier, CarrierId(UUID(int=7))):
        with pytest.raises(NotFound):
            await take(one, call("r-1", "DELIVRD"))
    post.stock.run("update carrier set kind = 'http', settings = '{}'")
    with pytest.raises(NotFound):
        await gateway_less(post)(carrier, call("r-1", "DELIVRD"))


def gateway_less(post: Post) -> TakeReceipts:
    """As read by a process that begins now."""
    return TakeReceipts(post.store, hear_receipts, post.clock, post.ids, post.telemetry)


@pytest.mark.parametrize("odd", ["a\x00b", "\x00", "\ufffe", "x" * 5_000, "'; drop table message; --", "😀"])
async def test_odd_ids_and_words_are_kept_and_hold_up_nothing(post: Post, odd: str) -> None:
    carrier = post.carrier(post.stock.account())
    take = gateway(post, carrier)
    await take(carrier, call(odd, odd))
    await take(carrier, call(odd, "DELIVRD"))
    assert post.stock.value("select count(*) from stray_receipt") == 2
