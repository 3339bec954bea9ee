"""The bare loop of ``dispatch_vs_bare`` as a process: ``python -m tests.benchmarks.bare_loop DSN SAMPLE``.

SAMPLE is JSON: the events of one record as Central wrote them, its leg's and attempt's JSON columns, and how often a leg row is
updated. Prints ``ready``, waits for a line, then works until no record waits. Two transactions a batch of 500: claim, finish.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import psycopg

from central.adapters.system import SystemIds

BATCH = 500
CLAIM = """
with picked as materialized (
  select account_id, id from record where due_at <= now() order by due_at limit %(n)s for update skip locked)
update record r set due_at = null, lease_until = now() + interval '1 minute', owner = 'bare', fence = fence + 1, status = 'IN_PROGRESS',
       attempts_made = 1
  from picked p where r.account_id = p.account_id and r.id = p.id returning r.account_id, r.id, r.request_id, r.numbers"""
ATTEMPTS = """
insert into attempt (account_id, record_id, number, id, epoch, fence, node, started_at, reserved, policy_id, policy_version)
select d.account_id, d.record_id, 1, d.attempt_id, 1, 1, 'bare', now(), 1000, 'LAB', 1
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, record_id uuid, attempt_id uuid)"""
EVENTS = """
insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, data)
select d.account_id, d.record_id, d.id, now(), d.kind, 'UNPROCESSED', 'IN_PROGRESS', 'completed', d.data
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, record_id uuid, id uuid, kind text, data jsonb)"""
LEGS = """
insert into leg (account_id, record_id, id, attempt_number, position, number_from, number_to, node, fence, handed_at)
select d.account_id, d.record_id, d.leg_id, 1, 0, '918000000001', d.number_to, 'bare', 1, now()
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, record_id uuid, leg_id uuid, number_to text)"""
CONNECT = """
update leg l set connect_at = now(), sip_call_id = d.leg_id::text
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, record_id uuid, leg_id uuid)
 where l.account_id = d.account_id and l.record_id = d.record_id and l.id = d.leg_id"""
END = """
update leg l set end_at = now(), status = 'Connected', code = 16, local = 'hangup_by_us', phase = 'answered', hangup_by = 'SYSTEM',
       answered_ms = 6000, cost = 1000, digits = d.digits, engine = d.engine
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, record_id uuid, leg_id uuid, digits jsonb, engine jsonb)
 where l.account_id = d.account_id and l.record_id = d.record_id and l.id = d.leg_id"""
CLOSE = """
update attempt t set ended_at = now(), outcome = 'done', result = 'Connected', charged = true, cost = 1000, variables = d.variables
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, record_id uuid, variables jsonb)
 where t.account_id = d.account_id and t.record_id = d.record_id and t.number = 1"""
FINISH = """
update record r set status = 'COMPLETED', reason = 'completed', lease_until = null, owner = null, attempts_charged = 1,
       last_call_status = 'Connected', changed_at = now()
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, record_id uuid)
 where r.account_id = d.account_id and r.id = d.record_id"""
OUTBOX = """
insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at)
select d.account_id, d.outbox_id, (select id from webhook_endpoint limit 1), d.record_id, d.request_id, 'record.final', now()
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, record_id uuid, request_id uuid, outbox_id uuid)"""
BATCH_ROWS = """
with t as (insert into request_tally (account_id, request_id, counter, n, pending)
  select account_id, id, 'status:COMPLETED', %(n)s, false from request),
l as (insert into ledger (account_id, id, kind, amount, records) select account_id, %(id)s, 'settle', 0, %(n)s from request)
update balance set balance = balance - 1000 * %(n)s"""


def claim(connection: psycopg.Connection[Any], ids: SystemIds, sample: dict[str, Any]) -> list[dict[str, Any]]:
    """The first transaction: 500 records are ours, with an attempt and the first event each."""
    rows: list[dict[str, Any]] = []
    with connection.transaction():
        picked = connection.execute(CLAIM, {"n": BATCH}, prepare=True).fetchall()
        fresh = iter(ids.uuids(4 * len(picked)))
        for account_id, record_id, request_id, numbers in picked:
            row = {"account_id": account_id, "record_id": record_id, "request_id": request_id, "number_to": numbers[0]}
            made = {name: next(fresh) for name in ("attempt_id", "leg_id", "outbox_id", "id")}
            rows.append(row | made | sample["events"][0])
        if rows:
            connection.execute(ATTEMPTS, {"rows": _json(rows, "attempt_id")}, prepare=True)
            connection.execute(EVENTS, {"rows": _json(rows, "id", "kind", "data")}, prepare=True)
            connection.execute(BATCH_ROWS, {"n": len(rows), "id": ids.uuid()}, prepare=True)
    return rows


def finish(
    connection: psycopg.Connection[Any], ids: SystemIds, rows: list[dict[str, Any]], sample: dict[str, Any]
) -> None:
    """The second transaction: legs, their ends, the further events, the result, the outbox."""
    told = [
        {"account_id": row["account_id"], "record_id": row["record_id"], "id": id_} | event
        for event in sample["events"][1:]
        for row, id_ in zip(rows, ids.uuids(len(rows)), strict=True)
    ]
    for row in rows:
        row.update(sample["leg"])
    with connection.transaction():
        connection.execute(LEGS, {"rows": _json(rows, "leg_id", "number_to")}, prepare=True)
        if sample["leg_updates"] > 1:
            connection.execute(CONNECT, {"rows": _json(rows, "leg_id")}, prepare=True)
        connection.execute(END, {"rows": _json(rows, "leg_id", "digits", "engine")}, prepare=True)
        connection.execute(EVENTS, {"rows": _json(told, "id", "kind", "data")}, prepare=True)
        connection.execute(CLOSE, {"rows": _json(rows, "variables")}, prepare=True)
        connection.execute(FINISH, {"rows": _json(rows)}, prepare=True)
        connection.execute(OUTBOX, {"rows": _json(rows, "outbox_id", "request_id")}, prepare=True)
        connection.execute(BATCH_ROWS, {"n": len(rows), "id": ids.uuid()}, prepare=True)


def main(dsn: str, sample: dict[str, Any]) -> None:
    """Work until nothing waits."""
    ids = SystemIds()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set role central_worker")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        while rows := claim(connection, ids, sample):
            finish(connection, ids, rows, sample)


def _json(rows: list[dict[str, Any]], *columns: str) -> str:
    """The rows' key and these columns as one parameter, by the encoder that Central uses."""
    wanted = ("account_id", "record_id", *columns)
    return msgspec.json.encode([{name: row[name] for name in wanted} for row in rows]).decode()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
