"""What uploads and ledgers leave behind: a file that broke off ends its request, one that failed may come again."""

from __future__ import annotations

from datetime import timedelta

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool, transaction
from central.adapters.postgres.retention import PostgresRetention
from central.application.intake.open_request import OpenRequest
from central.application.ports.intake import NewRequest
from central.domain.ids import RequestId
from tests.integration.api.conftest import Stage, Tenant


async def test_an_upload_whose_receiver_died_ends_after_a_day(
    stage: Stage, tenant: Tenant, api_pool: Pool, worker_pool: Pool
) -> None:
    services, store = stage.services, PostgresIntake(api_pool)
    library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, services.ids), services.clock)
    flow = await tenant.flow()
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).status_code == 201
    register = await tenant.post("/lists/dnd/import", content=b"919000000000\n", headers={"Content-Type": "text/csv"})
    assert register.status_code == 200
    opening = await OpenRequest(store, library, services.clock, services.ids).check(
        tenant.id, flow["id"], "production", "test", None
    )
    request = RequestId(services.ids.uuid())
    new = NewRequest(
        id=request, flow_id=opening.target.flow_id, version_id=opening.grounds.version_id, testing=False, source="upload",
        name="list.csv", loading=True, priority=0, end_at=None,
    )  # fmt: skip
    now = services.clock.now()
    await store.open_upload(tenant.id, new, "list.csv", "text/csv", {}, now)
    await store.receive(tenant.id, request, 0, b"tel1\n")
    keep = {"abandoned_uploads": timedelta(hours=24)}
    retention = PostgresRetention(worker_pool)
    await retention.retire(now + timedelta(hours=23), keep)
    assert await _request(worker_pool, request) == (True, None)
    assert [part async for part in store.file(tenant.id, request)] == [b"tel1\n"]
    await retention.retire(now + timedelta(hours=25), keep)
    assert await _request(worker_pool, request) == (False, "upload_interrupted")
    assert [part async for part in store.file(tenant.id, request)] == []


async def test_the_ledger_still_adds_up_when_its_old_lines_go(stage: Stage, tenant: Tenant, worker_pool: Pool) -> None:
    add = (
        "insert into ledger (account_id, id, at, kind, amount, reserved) "
        "values (%s, new_uuid7(), now() - %s * interval '1 day', %s, %s, %s)"
    )
    async with transaction(worker_pool) as connection:
        for days, kind, amount, reserved in ((20, "topup", 900, 0), (11, "reserve", 0, 70), (1, "settle", -50, -70)):
            await connection.execute(add, [tenant.id, days, kind, amount, reserved])
    before = await _sums(worker_pool, tenant)
    await PostgresRetention(worker_pool).retire(stage.services.clock.now(), {"old_ledger": timedelta(days=10)})
    assert await _sums(worker_pool, tenant) == before


async def _sums(pool: Pool, tenant: Tenant) -> tuple[int, int]:
    """What the ledger's lines add up to: money, and money set aside."""
    async with transaction(pool) as connection:
        rows = await connection.execute(
            "select sum(amount)::bigint, sum(reserved)::bigint from ledger where account_id = %s", [tenant.id]
        )
        ((amount, reserved),) = await rows.fetchall()
    return amount, reserved


async def test_a_file_that_loaded_nothing_may_come_again(stage: Stage, tenant: Tenant, api_pool: Pool) -> None:
    services, store = stage.services, PostgresIntake(api_pool)
    flow = await tenant.flow()
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).status_code == 201
    target = await store.find_flow(tenant.id, flow["id"])
    assert target is not None
    assert target.version_id is not None
    now = services.clock.now()
    same: list[RequestId | None] = []
    for name in ("first", "second", "third"):
        new = NewRequest(
            id=RequestId(services.ids.uuid()), flow_id=target.flow_id, version_id=target.version_id, testing=False,
            source="upload", name=name, loading=True, priority=0, end_at=None,
        )  # fmt: skip
        await store.open_upload(tenant.id, new, "list.csv", "text/csv", {}, now)
        since = now - timedelta(hours=24)
        same.append(await store.received(tenant.id, new.id, target.flow_id, 5, b"checksum", since))
        if name == "first":
            await store.fail_upload(tenant.id, new.id, {"code": "unknown_column", "message": "A column is unknown."})
    assert same[:2] == [None, None]
    assert same[2] is not None


async def _request(pool: Pool, request: RequestId) -> tuple[bool, str | None]:
    """Whether the request is still being loaded, and the code of its error."""
    async with transaction(pool) as connection:
        rows = await connection.execute("select loading, error ->> 'code' from request where id = %s", [request])
        ((loading, code),) = await rows.fetchall()
    return loading, code
