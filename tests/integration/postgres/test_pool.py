"""Pools: each role sees what it may, and a lost or busy server is a neighbour's fault with a stable code."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from central.adapters.postgres.pool import Pool, open_pool, tenant, transaction
from central.adapters.system import SystemIds
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId


async def two_accounts(owner_pool: Pool) -> tuple[AccountId, AccountId]:
    first, second = (AccountId(value) for value in SystemIds().uuids(2))
    async with transaction(owner_pool) as connection:
        for account in (first, second):
            await connection.execute("insert into account (id, name) values (%s, 'Acme')", [account])
            await connection.execute("insert into balance (account_id) values (%s)", [account])
    return first, second


async def accounts_seen(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> list[object]:
    cursor = await connection.execute("select account_id from balance order by 1")
    return [row[0] for row in await cursor.fetchall()]


async def test_tenant_sees_its_own_rows_only(owner_pool: Pool, api_pool: Pool) -> None:
    first, second = await two_accounts(owner_pool)
    for account in (first, second):
        async with tenant(api_pool, account) as connection:
            assert await accounts_seen(connection) == [account]


async def test_tenant_cannot_write_into_another_account(owner_pool: Pool, api_pool: Pool) -> None:
    first, second = await two_accounts(owner_pool)
    statement = "insert into idempotency (account_id, key, fingerprint) values (%s, 'k', '')"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with tenant(api_pool, first) as connection:
            await connection.execute(statement, [second])


async def test_reused_connection_sees_nothing_without_account(owner_pool: Pool, database: str) -> None:
    first, _ = await two_accounts(owner_pool)
    async with await open_pool(database, "central_api", 1) as single:
        async with tenant(single, first) as connection:
            assert await accounts_seen(connection) == [first]
        async with transaction(single) as connection:
            assert await accounts_seen(connection) == []


async def test_worker_sees_every_account_of_the_shard(owner_pool: Pool, worker_pool: Pool) -> None:
    both = await two_accounts(owner_pool)
    async with transaction(worker_pool) as connection:
        assert await accounts_seen(connection) == sorted(both)


async def test_failed_block_leaves_nothing(owner_pool: Pool) -> None:
    async def fail_half_way() -> None:
        async with transaction(owner_pool) as connection:
            await connection.execute("insert into leader (role) values ('x')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    async with transaction(owner_pool) as connection:
        assert await (await connection.execute("select from leader")).fetchall() == []


async def test_json_carries_ids_and_times(worker_pool: Pool) -> None:
    value = {"id": UUID(int=7), "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "n": [1, None]}
    async with transaction(worker_pool) as connection:
        row = await (await connection.execute("select %s::jsonb", [Jsonb(value)])).fetchone()
    assert row == ({"id": "00000000-0000-0000-0000-000000000007", "at": "2026-01-02T03:04:05Z", "n": [1, None]},)


async def test_session_is_utc_and_has_limits(api_pool: Pool) -> None:
    async with transaction(api_pool) as connection:
        row = await (
            await connection.execute(
                "select current_user, current_setting('timezone'), current_setting('statement_timeout')"
            )
        ).fetchone()
    assert row == ("central_api", "UTC", "1min")


async def cut_all(database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as admin:
        await admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )


async def test_api_connections_outlive_a_restart_of_the_server(owner_pool: Pool, api_pool: Pool, database: str) -> None:
    first, _ = await two_accounts(owner_pool)
    await cut_all(database)
    async with tenant(api_pool, first) as connection:
        assert await accounts_seen(connection) == [first]


async def test_lost_connection_is_a_neighbours_fault_and_the_next_one_works(worker_pool: Pool, database: str) -> None:
    async def lose() -> None:
        async with transaction(worker_pool) as connection:
            await cut_all(database)
            await connection.execute("select 1")

    with pytest.raises(NeighbourError) as loss:
        await lose()
    assert loss.value.code == "database_unavailable"
    for _ in range(4):  # at most one failure for each connection that was cut while idle
        try:
            async with transaction(worker_pool) as connection:
                await connection.execute("select 1")
            break
        except NeighbourError:
            continue
    else:
        pytest.fail("the pool never recovered")


async def test_busy_pool_says_so(database: str) -> None:
    async with await open_pool(database, "central_worker", 1, checkout_timeout_s=0.05) as single, transaction(single):
        with pytest.raises(NeighbourError) as busy:
            async with transaction(single):
                pytest.fail("there was no second connection")
    assert busy.value.code == "database_busy"


async def test_absent_server_is_a_neighbours_fault(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("central.adapters.postgres.pool._OPEN_TIMEOUT_S", 0.3)
    with pytest.raises(NeighbourError) as absent:
        await open_pool(f"host=127.0.0.1 port={free_port} user=x dbname=x", "central_api", 1)
    assert absent.value.code == "database_unavailable"
