"""The body of ``record.final`` comes from the tables when the event is first claimed, and stays what it was."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from central.adapters.postgres.outbox import PostgresOutbox
from central.adapters.postgres.pool import Pool, transaction
from central.adapters.postgres.statements import load_statements
from central.adapters.system import SystemIds
from central.application.ports.outbox import Delivery, DeliveryResult
from central.domain.delivery import NoAnswer, RetryAt

IDS = SystemIds()
AT = datetime.now(UTC)
FLOW = b"flow: f\ntype: multicast\npurpose: service\nvariables: {pin: {secret: true}}\nsteps: {}\n"
ACCOUNT, ENDPOINT, REQUEST, VERSION, RECORD, EVENT, ATTEMPT, LEG = IDS.uuids(8)


@pytest.fixture
async def store(database: str) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        yield connection


async def fill(store: psycopg.AsyncConnection[tuple[Any, ...]], *, attempts: bool) -> None:
    """One record that ended (with one attempt of one leg) and its event without a body."""
    run = store.execute
    await run("insert into account (id, name) values (%s, 'a')", [ACCOUNT])
    await run(
        "insert into flow (account_id, id, name, type, draft, draft_hash) values (%s, 'flow0001', 'f', 'multicast', '', '')",
        [ACCOUNT],
    )
    await run(
        "insert into flow_version (account_id, id, flow_id, number, hash, document) values (%s, %s, 'flow0001', 3, '', %s)",
        [ACCOUNT, VERSION, FLOW],
    )
    await run(
        "insert into request (account_id, id, flow_id, flow_version_id, source) values (%s, %s, 'flow0001', %s, 'api')",
        [ACCOUNT, REQUEST, VERSION],
    )
    await run(
        "insert into record (account_id, id, request_id, row_number, changed_at, status, reason, client_identifier, numbers, variables)"
        " values (%s, %s, %s, 1, %s, %s, null, 'c-1', '{919800000001}', %s)",
        [ACCOUNT, RECORD, REQUEST, AT, "COMPLETED" if attempts else "PHONE_BLACKLISTED", Jsonb({"name": "Zoë"})],
    )  # fmt: skip
    await run(
        "insert into webhook_endpoint (account_id, id, name, url, events, secrets)"
        " values (%s, %s, 'e', 'https://example.com/', '{record.final}', '{}')",
        [ACCOUNT, ENDPOINT],
    )
    await run(
        "insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, due_at, body)"
        " values (%s, %s, %s, %s, %s, 'record.final', %s, %s, null)",
        [ACCOUNT, EVENT, ENDPOINT, RECORD, REQUEST, AT, AT],
    )
    if attempts:
        await run(
            "insert into attempt (account_id, record_id, number, id, epoch, fence, node, started_at, result, policy_id,"
            " policy_version, variables) values (%s, %s, 1, %s, 1, 1, 'n', %s, 'COMPLETED', 'IN', 1, %s)",
            [ACCOUNT, RECORD, ATTEMPT, AT, Jsonb({"choice": "1", "pin": "4711"})],
        )  # fmt: skip
        await run(
            "insert into leg (account_id, record_id, id, attempt_number, position, number_from, number_to, node, fence, handed_at,"
            " connect_at, end_at, status, code, q850, answered_ms, hangup_by, digits)"
            " values (%s, %s, %s, 1, 0, '918000000000', '919800000001', 'n', 1, %s, %s, %s, 'Normal', 16, 16, 12345, 'them', '[\"1\"]')",
            [ACCOUNT, RECORD, LEG, AT, AT, AT],
        )  # fmt: skip


async def claim(pool: Pool, *, after_s: float = 0) -> Delivery:
    at = AT + timedelta(seconds=60 + after_s)
    (delivery,) = await PostgresOutbox(pool).claim_deliveries("one", 10, 60, per_endpoint=10, at=at)
    return delivery


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


async def test_the_body_tells_the_whole_record(
    store: psycopg.AsyncConnection[tuple[Any, ...]], worker_pool: Pool
) -> None:
    await fill(store, attempts=True)
    body = json.loads((await claim(worker_pool)).body)
    (attempt,) = body.pop("attempts")
    (leg,) = attempt.pop("legs")
    assert body == {
        "event_id": str(EVENT),
        "type": "record.final",
        "occurred_at": stamp(AT),
        "record_id": str(RECORD),
        "request_id": str(REQUEST),
        "client_identifier": "c-1",
        "flow_id": "flow0001",
        "flow_version": 3,
        "flow_type": "multicast",
        "status": "COMPLETED",
        "record_class": "valid",
        "epoch": 1,
        "variables": {"name": "Zoë", "choice": "1", "pin": "***"},
    }
    assert attempt == {"attempt_id": str(ATTEMPT), "number": 1, "result": "COMPLETED"}
    times = {"start_time": stamp(AT), "connect_time": stamp(AT), "end_time": stamp(AT)}
    assert leg == {
        "leg_id": str(LEG),
        "role": "customer",
        "from": "918000000000",
        "to": "919800000001",
        "did": "918000000000",
        "duration": 12,
        "duration_ms": 12345,
        "status": "Normal",
        "code": 16,
        "q850": 16,
        "hangup_by": "them",
        "digits": ["1"],
        **times,
    }


async def test_the_body_lists_the_messages_that_the_steps_sent(
    store: psycopg.AsyncConnection[tuple[Any, ...]], worker_pool: Pool
) -> None:
    await fill(store, attempts=True)
    await store.execute("update attempt set variables = variables || %s", [Jsonb({"pin": "+91 98000 00002"})])
    sent = [
        ("sms", "thanks", "919800000001", "DELIVERED", "delivered", 2), ("sms", "", "919800000002", "FAILED", "no_gateway", 1),
        ("email", "write", "asha@example.com", "Sent", "", 1),
    ]  # fmt: skip
    ids = IDS.uuids(4)
    for id_, (channel, step, to, status, reason, parts) in zip(ids, sent, strict=False):
        await store.execute(
            "insert into message (account_id, id, record_id, created_at, changed_at, deadline, parts, channel, status, reason, recipient,"
            " purpose, step) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'service', %s)",
            [ACCOUNT, id_, RECORD, AT, AT, AT, parts, channel, status, reason, to, step],
        )  # fmt: skip
    await store.execute(
        "insert into message (account_id, id, created_at, changed_at, deadline, channel, status, recipient, purpose)"
        " values (%s, %s, %s, %s, %s, 'sms', 'DELIVERED', '919800000001', 'service')",
        [ACCOUNT, ids[3], AT, AT, AT],
    )
    body = json.loads((await claim(worker_pool)).body)
    assert body["sms"] == [
        {
            "message_id": str(ids[0]),
            "step": "thanks",
            "to": "919800000001",
            "status": "DELIVERED",
            "reason": "delivered",
            "parts": 2,
        },
        {"message_id": str(ids[1]), "to": "***", "status": "FAILED", "reason": "no_gateway", "parts": 1},
    ]
    assert body["emails"] == [{"message_id": str(ids[2]), "step": "write", "to": "asha@example.com", "status": "Sent"}]


async def test_a_record_that_was_never_called_has_no_attempts(
    store: psycopg.AsyncConnection[tuple[Any, ...]], worker_pool: Pool
) -> None:
    await fill(store, attempts=False)
    body = json.loads((await claim(worker_pool)).body)
    assert (body["status"], body["record_class"], body["variables"]) == (
        "PHONE_BLACKLISTED",
        "invalid",
        {"name": "Zoë"},
    )
    assert "attempts" not in body
    assert "reason" not in body


async def test_a_later_try_tells_what_the_first_told(
    store: psycopg.AsyncConnection[tuple[Any, ...]], worker_pool: Pool
) -> None:
    await fill(store, attempts=True)
    first = await claim(worker_pool)
    due = AT + timedelta(seconds=60)
    result = DeliveryResult(first, NoAnswer("timeout", 1), RetryAt(due), due)
    assert await PostgresOutbox(worker_pool).finish_deliveries("one", [result]) == 1
    await store.execute("update record set status = 'FAILURE', epoch = 2 where id = %s", [RECORD])
    again = await claim(worker_pool, after_s=10)
    assert (again.body, again.tries) == (first.body, 2)
    rows = await (await store.execute("select outcome, tries, error from delivery")).fetchall()
    assert rows == [("retry", 1, "timeout")]


async def test_a_backlog_of_retries_costs_a_claim_nothing(
    store: psycopg.AsyncConnection[tuple[Any, ...]], worker_pool: Pool
) -> None:
    """20,000 events of a dead endpoint wait for later: the claim must not look at them."""
    await fill(store, attempts=False)
    await store.execute(
        "insert into outbox (account_id, id, endpoint_id, event_type, occurred_at, body, due_at)"
        " select %s, gen_random_uuid(), %s, 'request.status', now(), '{}', now() + interval '1 day'"
        " from generate_series(1, 20000)",
        [ACCOUNT, ENDPOINT],
    )
    await store.execute("analyze outbox")
    asked = {
        "owner": "x",
        "limit": 100,
        "lease": timedelta(seconds=60),
        "per_endpoint": 20,
        "at": AT + timedelta(minutes=1),
    }
    explain = b"explain (analyze, format json) " + load_statements("outbox")["claim_deliveries"]
    async with transaction(worker_pool) as connection:
        plan = (await (await connection.execute(explain, asked)).fetchall())[0][0]
    assert max(node.get("Rows Removed by Filter", 0) for node in nodes(plan[0]["Plan"])) < 100
    assert plan[0]["Plan"]["Actual Rows"] == 1, "explain analyze claims in earnest: the one event that is due"


async def test_other_messages_of_the_account_cost_a_body_nothing(
    store: psycopg.AsyncConnection[tuple[Any, ...]], worker_pool: Pool
) -> None:
    await fill(store, attempts=True)
    await store.execute(
        "insert into message (account_id, id, record_id, created_at, changed_at, deadline, channel, status, recipient, purpose)"
        " select %s, gen_random_uuid(), case when n %% 2 = 0 then gen_random_uuid() end, now(), now(), now(), 'sms', 'DELIVERED',"
        " '919800000001', 'service' from generate_series(1, 20000) as n",
        [ACCOUNT],
    )
    await store.execute("analyze message")
    asked: dict[str, dict[str, Any]] = {
        "record_final": {"targets": Jsonb([{"account_id": str(ACCOUNT), "record_id": str(RECORD)}])},
        "history": {"account_id": ACCOUNT, "record_id": RECORD},
    }
    for name, values in asked.items():
        explain = b"explain (analyze, format json) " + load_statements("reporting")[name]
        async with transaction(worker_pool) as connection:
            plan = (await (await connection.execute(explain, values)).fetchall())[0][0]
        read = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "message"]
        assert read
        assert max(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in read) == 0, name


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]
