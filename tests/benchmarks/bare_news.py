"""The opponent of ``receipts_vs_bare``: one statement a batch, a guarded update with the insert of its history, written by hand.

It leaves the same rows behind as Central for the same news: the part, the message along one edge, one history line, for hard bounces
the suppression. It decides nothing: one way of writing ids, one part a message, one edge, no early, late or repeated news.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from central.adapters.postgres.pool import Pool, transaction
from central.adapters.system import SystemIds
from central.application.ports.carriers import CarrierId, MailHeard, ReceiptCame

_RECEIPTS = b"""
with d as materialized (
  select * from jsonb_to_recordset(%(news)s::jsonb) as d(event_id uuid, remote_id text, status text, state text, reason text, link text,
    at timestamptz, done_at timestamptz, raw text)),
part as (
  update message_part p set status = d.status, states = array[d.state || ':'] from d
   where p.carrier_id = %(carrier)s and p.remote_id = d.remote_id and p.status = 'SENT_TO_QUEUE'
  returning p.account_id, p.message_id, d.*),
moved as (
  update message m set status = p.status, reason = p.reason, silent_at = null, changed_at = %(at)s from part p
   where m.account_id = p.account_id and m.id = p.message_id and m.status = 'SENT_TO_QUEUE')
insert into message_event (account_id, message_id, id, at, kind, from_status, to_status, reason, data)
select account_id, message_id, event_id, at, 'receipt_came', 'SENT_TO_QUEUE', status, nullif(reason, ''),
       jsonb_build_object('state', state, 'remote_id', remote_id, 'link', link, 'done_at', done_at, 'raw', raw)
  from part"""
_BOUNCES = b"""
with d as materialized (
  select * from jsonb_to_recordset(%(news)s::jsonb) as d(event_id uuid, id uuid, report_id text, status text, reason text, word text,
    code text, detail text, sort text, told_at timestamptz, at timestamptz)),
moved as (
  update message m set status = d.status, reason = d.reason, detail = d.detail, silent_at = null, changed_at = %(at)s from d
   where m.id = d.id and m.channel = 'email' and m.status = 'Sent'
  returning m.account_id, m.recipient, d.*),
suppressed as (
  insert into suppression (account_id, address, reason, message_id, since, detail, updated_at)
  select account_id, lower(recipient), 'hard_bounce', id, %(at)s, detail, %(at)s from moved on conflict do nothing)
insert into message_event (account_id, message_id, id, at, kind, from_status, to_status, reason, data)
select account_id, id, event_id, at, 'report_came', 'Sent', status, reason, jsonb_build_object('word', word, 'code', code, 'detail', detail,
       'sort', sort, 'told_at', told_at, 'report_id', report_id)
  from moved"""
_encode = msgspec.json.Encoder().encode


class BareNews:
    """``pool`` is one of central_worker, as Central's."""

    def __init__(self, pool: Pool, carrier: CarrierId) -> None:
        self._pool, self._carrier, self._ids = pool, carrier, SystemIds()

    async def receipts(self, news: Sequence[ReceiptCame], at: datetime) -> None:
        """One batch."""
        await self._run(_RECEIPTS, news, {"carrier": self._carrier, "at": at})

    async def bounces(self, news: Sequence[MailHeard], at: datetime) -> None:
        """One batch."""
        await self._run(_BOUNCES, news, {"at": at})

    async def _run(
        self, statement: bytes, news: Sequence[ReceiptCame] | Sequence[MailHeard], how: dict[str, object]
    ) -> None:
        rows = [
            msgspec.structs.asdict(one) | {"event_id": id_}
            for one, id_ in zip(news, self._ids.uuids(len(news)), strict=True)
        ]
        async with transaction(self._pool) as connection:
            await connection.execute(statement, how | {"news": _encode(rows).decode()}, prepare=True)
