"""Receipts that are decided before their message is read leave what all others leave, and never write over other news."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from uuid import UUID

import pytest

from central.adapters.postgres.messages import PostgresMessages
from central.application.messaging.foresee_receipts import foresee
from central.application.messaging.send_sms import SmsWish
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.ports.carriers import CarrierId, ReceiptCame
from central.application.ports.settling import Foreseen
from central.domain.ids import AccountId
from central.domain.statuses import SmsStatus
from tests.integration.messaging.conftest import Post, Served

_NAMES = re.compile(r"r-\d+")  # which message got which name is the carrier's affair
_LEFT = """
select m.recipient, m.status, m.reason, m.detail, m.silent_at is null, m.due_at is null, m.lease_until is null, m.tries, m.cost, m.changed_at > m.handed_at,
       m.take_back_at is null,
       (select array_agg(concat_ws('|', p.part, p.status, p.states, p.tries, p.remote_id) order by p.part) from message_part p where p.message_id = m.id),
       (select array_agg(concat_ws('|', e.at, e.late, e.kind, e.from_status, e.to_status, e.reason, e.part, e.data) order by e.id)
          from message_event e where e.message_id = m.id),
       (select array_agg((o.body - 'message_id')::text order by o.id) from outbox o where o.body ->> 'message_id' = m.id::text)
  from message m where m.account_id = %s order by m.recipient"""


class OneByOne(PostgresMessages):
    """Foresees nothing: every receipt finds its message under lock."""

    async def settle_foreseen(
        self, account_id: AccountId, carrier: CarrierId, told: Sequence[Foreseen], at: datetime
    ) -> AbstractSet[UUID]:
        del account_id, carrier, told, at
        return frozenset()


async def _sent(post: Post, numbers: int = 8) -> tuple[AccountId, Served, dict[str, str]]:
    """Messages that the carrier has, the last of two parts; its name for each."""
    account = post.stock.account()
    post.stock.run(
        "insert into webhook_endpoint (account_id, id, name, url, events, secrets) values (%s, %s, 'e', 'https://e/', '{sms.status}', '{}')",
        account, post.ids.uuid(),
    )  # fmt: skip
    served, fake = await post.serve(post.carrier(account))
    texts = ["Hello."] * (numbers - 1) + ["Long. " * 40]
    await post.send(account, "IN", [SmsWish(to=f"91980000{n:04d}", text=text) for n, text in enumerate(texts)])
    await served.send()
    fake.answer_all()
    await post.hear(served, fake)
    names = post.stock.rows(
        "select m.recipient, min(p.remote_id) from message m join message_part p on p.message_id = m.id where m.account_id = %s group by 1 order by 1",
        account,
    )  # fmt: skip
    return account, served, {str(recipient): str(name) for recipient, name in names}


def _news(post: Post, names: dict[str, str]) -> list[ReceiptCame]:
    """Ends, a refusal, an intermediate notice, one told twice, another form of an id with and without the number, an unknown one."""
    at, name = post.clock.now(), list(names.values())

    def one(
        place: int, status: SmsStatus | None, state: str, *same: str, error: str = "", about: str = ""
    ) -> ReceiptCame:
        told = same[0] if same else name[place]
        return ReceiptCame(
            "bind 1", told, (name[place],), status, state, state.lower(), at, error, at, f"id:{told} stat:{state}",
            (about,) if about else (),
        )  # fmt: skip

    delivered, undelivered = SmsStatus.DELIVERED, SmsStatus.UNDELIVERED
    return [
        one(0, delivered, "DELIVRD"), one(1, undelivered, "UNDELIV", error="027"), one(2, None, "ENROUTE"), one(3, delivered, "DELIVRD"),
        one(3, delivered, "DELIVRD"), one(4, delivered, "DELIVRD", "0x4", about="+" + list(names)[4]), one(5, delivered, "DELIVRD", "0x5"),
        one(6, SmsStatus.SENT_TO_QUEUE, "ACCEPTD"), one(7, delivered, "DELIVRD"),
        ReceiptCame("bind 1", "unknown", (), delivered, "DELIVRD", "delivrd", at),
    ]  # fmt: skip


async def _tell(served: Served, store: PostgresMessages, post: Post, news: Sequence[ReceiptCame]) -> None:
    told = StoreSmsNews(store, served.row, (), post.clock, post.ids, _no_texts, post.telemetry)
    await told.receipts(news)


async def _no_texts(*_: object) -> None:
    """Nobody writes."""


async def test_they_leave_what_receipts_leave_whose_message_is_read(post: Post) -> None:
    left: list[str] = []
    for store in (post.store, OneByOne(post.pool, post.ids)):
        account, served, names = await _sent(post)
        for _ in range(2):  # told again nothing changes
            await _tell(served, store, post, _news(post, names))
        left.append(_NAMES.sub("r-N", str(post.stock.rows(_LEFT, account))))
    assert left[0] == left[1]
    assert left[0].count("DELIVRD") >= 8


async def test_what_is_as_assumed_is_settled_in_one_statement(post: Post) -> None:
    account, served, names = await _sent(post)
    foreseen, told, others = foresee(_news(post, names), post.ids)
    name = list(names.values())
    assert [one.remote_id for one in foreseen] == [name[0], name[1], "0x4", "0x5", name[7], "unknown"]
    assert len(others) == 4  # an intermediate notice, the same one twice, and one that moves nothing
    settled = await post.store.settle_foreseen(account, served.row.id, foreseen, post.clock.now())
    assert {told[line].remote_id for line in settled} == {name[0], name[1], "0x4"}


@pytest.mark.parametrize("table", ["message", "message_part"])
async def test_what_another_stores_at_the_same_moment_is_not_written_over(post: Post, table: str) -> None:
    _, served, names = await _sent(post)
    name = list(names.values())
    news = [
        ReceiptCame("bind 1", one, (), SmsStatus.DELIVERED, "DELIVRD", "delivrd", post.clock.now()) for one in name[:3]
    ]
    with post.stock.connect() as other, other.transaction():
        found = "(select message_id from message_part where remote_id = %s)"
        other.execute(f"select from message where id = {found} for no key update".encode(), [name[1]])
        if table == "message":
            other.execute(
                f"update message set status = 'UNDELIVERED', silent_at = null where id = {found}".encode(), [name[1]]
            )
            other.execute(
                b"update message_part set status = 'UNDELIVERED', states = '{UNDELIV:}' where remote_id = %s", [name[1]]
            )
        else:
            other.execute(b"update message_part set states = '{ENROUTE:}' where remote_id = %s", [name[1]])
        telling = asyncio.create_task(_tell(served, post.store, post, news))
        while not post.stock.value(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        ):
            assert not telling.done()
            await asyncio.sleep(0.01)
    await telling
    rows = post.stock.rows(
        "select m.status, p.states from message m join message_part p on p.message_id = m.id where p.remote_id = any(%s) order by p.remote_id", name[:3]
    )  # fmt: skip
    other_states = ["UNDELIV:", "DELIVRD:"] if table == "message" else ["ENROUTE:", "DELIVRD:"]
    assert rows == [("DELIVERED", ["DELIVRD:"]), ("DELIVERED", other_states), ("DELIVERED", ["DELIVRD:"])]
    assert post.stock.value("select count(*) from message_event where kind = 'receipt_came'") == 3
