"""The hot statements use the indexes meant for them, at a hundred thousand records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from central.adapters.postgres.hot_statements import hot_statements
from central.domain.ids import AccountId, RequestId
from tests.integration.dispatch.conftest import Desk
from tests.stock import Stock, number

RECORDS = 100_000
KEY_OR_LEASE = {"record_pkey", "record_lease"}  # few records are leased at a time: both walks are short


@pytest.fixture
def full(stock: Stock) -> tuple[AccountId, RequestId]:
    """A giant request with few due records, 200 leased ones, and attempts, legs and events of a past."""
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(n)] for n in range(RECORDS)])
    with stock.connect() as connection:
        connection.execute("update record set due_at = null, status = 'COMPLETED' where row_number > 20000")
        connection.execute(
            "update record set due_at = null, lease_until = now(), owner = 'n1/g1' where row_number < 200"
        )
        connection.execute(
            "insert into attempt (account_id, record_id, number, id, epoch, fence, node, started_at, policy_id, policy_version) "
            "select account_id, id, 1, gen_random_uuid(), 1, 1, 'n1/g1', now(), 'LAB', 1 from record where row_number < 20000"
        )
        connection.execute(
            "insert into leg (account_id, record_id, id, attempt_number, position, number_to, node, fence, handed_at) "
            "select account_id, id, gen_random_uuid(), 1, 0, '1', 'n1/g1', 1, now() from record where row_number < 20000"
        )
        connection.execute(
            "insert into sleeping_run (account_id, record_id, request_id, attempt_number, attempt_id, due_at, kept, result, charged, "
            "platform_fault, struck, cost) select account_id, id, request_id, 1, gen_random_uuid(), now(), '{}', 'none', false, false, "
            "0, 0 from record where row_number < 5000"
        )
        connection.execute("vacuum analyze")
    return account_id, request_id


def plan(stock: Stock, file: str, name: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of the statement's plan; it is explained, not run."""
    with psycopg.connect(stock.dsn, autocommit=True) as connection:
        connection.execute("set role central_worker")
        (answer,) = connection.execute(
            b"explain (format json) " + hot_statements(file)[name].sql, values
        ).fetchone() or ("",)
    top = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    queue = [top]
    while queue:
        node = queue.pop()
        queue += node.get("Plans", [])
        yield node


def scans(stock: Stock, file: str, name: str, values: dict[str, Any]) -> set[str]:
    """``index`` names used, and ``seq table`` for each sequential scan of a table with many rows."""
    found: set[str] = set()
    for node in plan(stock, file, name, values):
        if "Index Name" in node:
            found.add(node["Index Name"])
        big = str(node.get("Relation Name", "")).startswith(("record", "attempt", "leg", "event", "sleeping_run"))
        if node["Node Type"] == "Seq Scan" and big and node.get("Plan Rows", 0) > 1:
            found.add(f"seq {node['Relation Name']}")
    return found


def keys(*rows: Mapping[str, object]) -> str:
    return json.dumps(rows, default=str)


@pytest.mark.timeout(120)
async def test_hot_statements_walk_their_indexes(desk: Desk, full: tuple[AccountId, RequestId]) -> None:
    stock, (account_id, request_id) = desk.stock, full
    now = desk.clock.now()
    record_id = stock.value("select id from record where row_number = 5")
    assert isinstance(record_id, UUID)
    key = {"account_id": account_id, "id": record_id, "record_id": record_id, "request_id": request_id}
    quota = keys(*({"account_id": account_id, "request_id": request_id, "n": 500} for _ in range(3)))
    cases: dict[tuple[str, str], tuple[dict[str, Any], set[str]]] = {
        ("dispatch", "pick"): ({"quota": quota, "now": now}, {"record_due"}),
        ("dispatch", "demands"): ({"now": now, "cap": 2000}, {"record_due"}),
        ("dispatch", "in_flight"): ({}, {"record_lease"}),
        ("dispatch", "alive_nodes"): (
            {"stale": timedelta(seconds=5), "kinds": ["voice", "messages"]},
            {"record_lease"},
        ),
        ("dispatch", "settle_claim"): (
            {
                "decisions": keys(key | {"verdict": "hand_over"}),
                "owner": "n1/g1",
                "lease": timedelta(seconds=60),
                "now": now,
            },
            {"record_pkey"},
        ),
        ("journal", "hand_over_legs"): ({"legs": keys(key), "owner": "n1/g1"}, KEY_OR_LEASE),
        ("journal", "finish"): ({"results": keys(key | {"fence": 1}), "now": now}, KEY_OR_LEASE),
        ("journal", "sleep"): ({"rows": keys(key | {"fence": 1}), "owner": "n1/g1"}, KEY_OR_LEASE),
        ("dispatch", "sleepers"): ({"records": keys(key)}, {"sleeping_run_pkey"}),
        ("dispatch", "wake_sleepers"): ({"records": keys(key)}, {"sleeping_run_pkey"}),
        ("tracking", "close_sleepers"): ({"records": keys(key), "now": now}, {"sleeping_run_pkey"}),
        ("journal", "extend"): (
            {"records": keys(key), "owner": "n1/g1", "lease": timedelta(seconds=60)},
            KEY_OR_LEASE,
        ),
        ("journal", "stopping"): ({"owner": "n1/g1"}, {"record_lease"}),
        ("tracking", "reap"): (
            {"owner": "tracker", "n": 500, "lease": timedelta(seconds=60)},
            {"record_lease", "record_pkey"},
        ),
        ("tracking", "hold_waiting"): (
            {"account_id": account_id, "request_id": request_id, "n": 2000, "now": now, "actor": "user"},
            {"record_due", "record_of_request"},
        ),
    }
    for (file, name), (values, wanted) in cases.items():
        used = scans(stock, file, name, values)
        assert wanted & used, (file, name, used)
        assert not [scan for scan in used if scan.startswith("seq ")], (file, name, used)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("name", "index"), [("end_waiting", "record_due"), ("resume_held", "record_held")])
async def test_stop_and_resume_walk_only_what_waits(
    desk: Desk, full: tuple[AccountId, RequestId], name: str, index: str
) -> None:
    account_id, request_id = full
    values = {"account_id": account_id, "request_id": request_id, "record_id": None, "n": 2000}
    used = scans(desk.stock, "tracking", name, values | {"now": desk.clock.now(), "actor": "user"})
    assert index in used
    assert "record_held" in used
    assert not {"record_of_request", "seq record"} & used


@pytest.mark.timeout(120)
async def test_reports_and_bodies_find_records_by_key(desk: Desk, full: tuple[AccountId, RequestId]) -> None:
    stock, (account_id, request_id) = desk.stock, full
    first, last = (stock.value(f"select id from record order by id {way} limit 1") for way in ("asc", "desc"))
    span = {"account_id": account_id, "request_id": request_id, "first": first, "last": last}
    stock.run("delete from pg_statistic where starelid = 'record'::regclass")  # as on the day of a great upload
    for name in ("attempt_figures", "leg_figures"):
        assert scans(stock, "reporting", name, span) & {"record_pkey", "record_of_request"}
    targets = {"targets": keys({"account_id": account_id, "record_id": first})}
    used = scans(stock, "reporting", "record_final", targets)
    assert "record_pkey" in used
    assert not {"record_of_request", "seq record"} & used
