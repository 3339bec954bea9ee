"""receipts_vs_bare: delivery receipts and bounces applied, events a second, against one hand-written statement a batch.

Central's side is what its messenger does with news: receipts found by the carrier's ids, messages and parts read under lock, the
lifecycle decided, status, part, history line, suppression and the webhooks' queue written, in batches as the channels give them
(2,000 receipts, 200 reports). The other side (``bare_news``) writes the same rows with one guarded update and insert a batch. Both
are one asyncio process on uvloop with receipts and bounces side by side, on a durable server, from news that are already values.
Before a figure counts, both databases are compared: they must hold the same rows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import uvloop

from central.adapters.postgres.messages import PostgresMessages
from central.adapters.postgres.pool import Pool, open_pool
from central.adapters.system import SystemClock, SystemIds
from central.application.messaging.hear_texts import HearShortMessages
from central.application.messaging.store_mail_news import StoreHeard
from central.application.messaging.store_sms_news import StoreSmsNews
from central.application.ports.carriers import CarrierId, MailHeard, ReceiptCame
from central.application.ports.message_store import OpenCarrier
from central.domain.ids import MessageId
from central.domain.statuses import EmailStatus, SmsStatus
from tests.benchmarks.bare_news import BareNews
from tests.benchmarks.bench_store import Cpu, bench_store
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.benchmarks.message_stock import MessageStock
from tests.fakes.observed import ObservedTelemetry
from tests.stock import Stock

RECEIPTS_A_BATCH, REPORTS_A_BATCH = 2_000, 200
_ROWS = """
select channel, status, reason, silent_at is null, count(*)::int from message group by 1, 2, 3, 4
union all select 'part', status, array_to_string(states, ','), true, count(*)::int from message_part group by 2, 3
union all select 'event', kind, concat(from_status, '>', to_status, ' ', (select string_agg(k, ',' order by k) from jsonb_object_keys(data) as k)), true,
       count(*)::int from message_event group by 2, 3
union all select 'suppression', reason, '', since is not null, count(*)::int from suppression group by 2, 4
order by 1, 2, 3"""
One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class News:
    """What is told in one run."""

    receipts: list[ReceiptCame]
    bounces: list[MailHeard]


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side, in turns, each on a fresh database."""
    receipts, bounces = size.of(40_000, 8_000), size.of(10_000, 2_000)
    rates: dict[str, list[float]] = {"central": [], "bare": []}
    server_ms: dict[str, list[float]] = {"central": [], "bare": []}
    with bench_store() as store:
        for _ in range(size.runs):
            found: list[object] = []
            for side, done in rates.items():
                with store.database() as dsn:
                    messages, news = _load(Stock(dsn), receipts, bounces)
                    cpu = Cpu(store)
                    cpu.begin()
                    seconds = uvloop.run(_run(side, dsn, messages, news))
                    server_ms[side].append(cpu.ms_each(receipts + bounces)["postgres"])
                    found.append(Stock(dsn).rows(_ROWS))
                done.append((receipts + bounces) / seconds)
            if found[0] != found[1]:
                raise RuntimeError(f"the two left different rows: {found}")
            progress(", ".join(f"{side} {values[-1]:,.0f} events/s" for side, values in rates.items()))
    raw = {
        "receipts": receipts,
        "bounces": bounces,
        "a_batch": [RECEIPTS_A_BATCH, REPORTS_A_BATCH],
        "central_per_s": [round(v) for v in rates["central"]],
        "bare_per_s": [round(v) for v in rates["bare"]],
        "postgres_ms_each": server_ms,
    }
    return median_ratio(rates["central"], rates["bare"]), raw


def _load(stock: Stock, receipts: int, bounces: int) -> tuple[MessageStock, News]:
    """Messages that are awaited, and what will be told of them, in any order."""
    account, carrier, at = stock.account(), CarrierId(stock.ids.uuid()), datetime.now(UTC)
    stock.run(
        "insert into carrier (account_id, id, name, channel, kind) values (%s, %s, 'c', 'sms', 'smpp')",
        account,
        carrier,
    )
    messages = MessageStock(stock, account, carrier)
    told = [_receipt(remote_id, recipient, at) for remote_id, recipient in messages.sent_sms(receipts)]
    heard = [_bounce(MessageId(id_), recipient, at) for id_, recipient in messages.sent_mails(bounces)]
    stock.run("checkpoint")
    return messages, News(told, heard)


def _receipt(remote_id: str, recipient: str, at: datetime) -> ReceiptCame:
    raw = f"id:{remote_id} sub:001 dlvrd:001 submit date:2611231200 done date:2611231200 stat:DELIVRD err:000 text:"
    return ReceiptCame(
        link="sink#1", remote_id=remote_id, same_ids=(remote_id,), status=SmsStatus.DELIVERED, state="DELIVRD", reason="",
        at=at, done_at=at, raw=raw, about=(recipient, "CENTRAL"),
    )  # fmt: skip


def _bounce(id_: MessageId, recipient: str, at: datetime) -> MailHeard:
    return MailHeard(
        report_id=id_.hex, kind="report", at=at, id=id_, recipient=recipient, status=EmailStatus.BOUNCED, sort="hard",
        suppress="hard", reason="mailbox_unknown", word="failed", code="5.1.1", detail="550 5.1.1 No such user", told_at=at,
    )  # fmt: skip


async def _run(side: str, dsn: str, messages: MessageStock, news: News) -> float:
    """Seconds until all is stored."""
    pool = await open_pool(dsn, "central_worker", 4, by_keys=side == "central")
    try:
        receipts, bounces = _central(pool, messages) if side == "central" else _bare(pool, messages)
        begun = time.perf_counter()
        await asyncio.gather(
            _in_batches(news.receipts, RECEIPTS_A_BATCH, receipts), _in_batches(news.bounces, REPORTS_A_BATCH, bounces)
        )
        return time.perf_counter() - begun
    finally:
        await pool.close()


async def _in_batches(news: Sequence[One], most: int, store: Callable[[Sequence[One]], Awaitable[None]]) -> None:
    for start in range(0, len(news), most):
        await store(news[start : start + most])


Store = tuple[
    Callable[[Sequence[ReceiptCame]], Awaitable[None]],
    Callable[[Sequence[MailHeard]], Awaitable[None]],
]


def _central(pool: Pool, messages: MessageStock) -> Store:
    clock, ids, telemetry = SystemClock(), SystemIds(), ObservedTelemetry()
    store = PostgresMessages(pool, ids)
    row = OpenCarrier(messages.account, messages.carrier, "sink", "sms", "smpp", {}, {}, 0)
    texts = HearShortMessages(store, clock, ids)
    sms = StoreSmsNews(store, row, (), clock, ids, texts, telemetry)
    return sms.receipts, StoreHeard(store, clock, ids, telemetry)


def _bare(pool: Pool, messages: MessageStock) -> Store:
    bare, clock = BareNews(pool, messages.carrier), SystemClock()

    async def receipts(news: Sequence[ReceiptCame]) -> None:
        await bare.receipts(news, clock.now())

    async def bounces(news: Sequence[MailHeard]) -> None:
        await bare.bounces(news, clock.now())

    return receipts, bounces


SPEC = Spec(
    "receipts_vs_bare",
    "receipts and bounces applied, events a second, against a bare batch insert with guarded update of the same rows",
    0.5,
    "higher",
    measure,
)
