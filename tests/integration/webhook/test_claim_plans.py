"""What a claim costs does not depend on how much waits, or on what the planner believes about the table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from central.adapters.postgres.statements import load_statements
from tests.stock import Stock

WAITING = 100_000
FREE, SHARE = 10, 20
BACKLOGS = {
    "one event a record": "gen_random_uuid(), now() - interval '1 hour'",
    "five events a record": "(select md5((i / 5)::text)::uuid), now() - interval '1 hour'",
    "all of one record": "(select md5('one')::uuid), now() - interval '1 hour'",
    "behind retries": "(select md5((i / 5)::text)::uuid), now() + interval '1 hour' * (case when i % 5 = 0 then 1 else -1 end)",
}


def fill(stock: Stock, backlog: str, statistics: str) -> UUID:
    """A hundred thousand events of one account and one event of another, whose endpoint is answered."""
    endpoints: list[UUID] = []
    for _ in range(2):
        account = stock.account()
        endpoints.append(uuid4())
        stock.run(
            "insert into webhook_endpoint (account_id, id, name, url, events, secrets)"
            " values (%s, %s, 'e', 'https://example.com/', '{record.status}', '{}')",
            account, endpoints[-1],
        )  # fmt: skip
    insert = (
        "insert into outbox (account_id, id, endpoint_id, event_type, occurred_at, body, record_id, due_at)"
        " select account_id, new_uuid7(), id, 'record.status', now(), '{}', "
    )
    stock.run("alter table outbox set (autovacuum_enabled = off)")
    if statistics == "stale":  # of a quiet day, with everything due later
        stock.run(insert + "null, now() + interval '1 day' from webhook_endpoint")
        stock.run("vacuum analyze outbox")
    stock.run(
        f"{insert} {BACKLOGS[backlog]} from webhook_endpoint, generate_series(1, {WAITING}) i where id = %s".replace(
            "% 5", "%% 5"
        ),
        endpoints[0],
    )
    stock.run(insert + "null, now() from webhook_endpoint where id = %s", endpoints[1])
    if statistics == "fresh":
        stock.run("vacuum analyze outbox")
    return endpoints[1]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def looked_at(node: dict[str, Any]) -> float:
    """Rows of the queue that a scan touched."""
    if node.get("Relation Name") != "outbox" or "Scan" not in node["Node Type"]:
        return 0
    return float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])


@pytest.mark.parametrize("statistics", ["none", "stale", "fresh"])
@pytest.mark.parametrize("backlog", BACKLOGS)
def test_a_claim_looks_at_few_rows_whatever_waits(database: str, backlog: str, statistics: str) -> None:
    stock = Stock(database)
    other = fill(stock, backlog, statistics)
    statements = load_statements("outbox")
    explain = b"explain (analyze, format json) " + statements["claim_deliveries"]
    asked = {"owner": "x", "limit": FREE, "lease": timedelta(seconds=60), "per_endpoint": SHARE}
    with stock.connect() as connection:
        connection.execute("set role central_worker")
        for number in range(3):
            (now,) = connection.execute("select now()").fetchone() or (None,)
            values = asked | {"at": now}
            with connection.transaction():
                connection.execute(statements["walk_in_order"])
                ((answer,),) = connection.execute(explain, values).fetchall()
            plan = cast("list[dict[str, Any]]", answer)[0]["Plan"]
            assert sum(map(looked_at, nodes(plan))) < 600, (number, plan)
    held = stock.value("select lease_until is not null from outbox where endpoint_id = %s and due_at < now()", other)
    assert held, "the other account's event is in the first claims"


@pytest.mark.parametrize("statistics", ["none", "stale", "fresh"])
@pytest.mark.parametrize("backlog", ["five events a record", "one event a record"])
def test_the_end_of_deliveries_looks_at_few_rows_whatever_waits(database: str, backlog: str, statistics: str) -> None:
    stock = Stock(database)
    fill(stock, backlog, statistics)
    statements = load_statements("outbox")
    explain = b"explain (analyze, format json) " + statements["finish_deliveries"]
    with stock.connect() as connection:
        connection.execute("set role central_worker")
        rows = connection.execute(
            "update outbox o set owner = 'x', tries = 1, lease_until = now() + interval '1 minute' where o.id in ("
            " select distinct on (record_id) id from outbox where record_id is not null order by record_id, id limit 10)"
            " returning account_id, endpoint_id, id, record_id"
        ).fetchall()
        told = [
            dict(zip(("account_id", "endpoint_id", "id", "record_id"), map(str, row), strict=True))
            | {"tries": 1, "kind": "delivered", "event_type": "record.status", "at": "2026-01-01T00:00:00Z"}
            | {"outcome": "delivered", "duration_ms": 1}
            for row in rows
        ]
        ((answer,),) = connection.execute(explain, {"owner": "x", "results": Jsonb(told)}).fetchall()
    plan = cast("list[dict[str, Any]]", answer)[0]["Plan"]
    assert sum(map(looked_at, nodes(plan))) < 200, plan
