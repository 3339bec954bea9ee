from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool, transaction
from central.adapters.postgres.pool import tenant as in_account
from central.adapters.postgres.reporting_store import PostgresReports
from central.application.intake.open_request import OpenRequest
from central.application.intake.submit_records import Receipt, Submission, SubmitRecords
from central.application.reporting.explanation import Kind
from central.application.reporting.reporting import Reporting
from central.domain.ids import AccountId, RecordId, RequestId
from central.domain.incoming import IncomingRecord
from tests.integration.api.conftest import Stage, Tenant

Load = Callable[..., Awaitable[Receipt]]
Counts = Callable[[Any], Awaitable[dict[str, int]]]


@pytest.fixture
async def load(stage: Stage, tenant: Tenant, api_pool: Pool, worker_pool: Pool) -> Load:
    """A request of so many accepted records for the tenant's published flow, by the real intake."""
    services = stage.services
    library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, services.ids), services.clock)
    store = PostgresIntake(api_pool)
    opener = OpenRequest(store, library, services.clock, services.ids)
    submit = SubmitRecords(store, opener, services.clock, services.ids)
    flow = await tenant.flow()
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).status_code == 201
    register = await tenant.post("/lists/dnd/import", content=b"919000000000\n", headers={"Content-Type": "text/csv"})
    assert register.status_code == 200
    variables = {"Name": "Ada", "Date": "03-03-2027"}

    async def loading(records: int = 3) -> Receipt:
        rows = [IncomingRecord(n, (f"98765432{n:02d}",), variables=variables) for n in range(1, records + 1)]
        receipt = await submit(tenant.id, Submission(flow["id"], "production", rows), "test")
        assert [record.verdict for record in receipt.records if not record.verdict.accepted] == []
        return receipt

    return loading


@pytest.fixture
def counts(api_pool: Pool, tenant: Tenant) -> Counts:
    """Records of a request by status: from the rows; the tallies must say the same."""

    async def counting(request_id: Any) -> dict[str, int]:
        async with in_account(api_pool, tenant.id) as connection:
            rows = await connection.execute(
                "select status, count(*) from record where request_id = %s group by 1", [request_id]
            )
            found = {str(status): int(n) for status, n in await rows.fetchall()}
            tallies = await connection.execute(
                "select substr(counter, 8), sum(n)::int from request_tally "
                "where request_id = %s and counter like 'status:%%' group by 1 having sum(n) <> 0",
                [request_id],
            )
            assert found == dict(await tallies.fetchall())
        return found

    return counting


async def test_pause_resume_stop_and_their_previews(tenant: Tenant, load: Load, counts: Counts) -> None:
    request = (await load(3)).request_id
    waiting = await counts(request)
    assert sum(waiting.values()) == 3, waiting
    path = f"/requests/{request}"
    assert (await tenant.post(f"{path}/pause?preview=true")).json() == {"touched": 3, "remaining": 0, "preview": True}
    assert await counts(request) == waiting
    assert (await tenant.post(f"{path}/pause")).json()["touched"] == 3
    assert await counts(request) == {"PAUSE": 3}
    assert (await tenant.post(f"{path}/pause")).json()["touched"] == 0
    assert (await tenant.post(f"{path}/resume?preview=true")).json()["touched"] == 3
    assert (await tenant.post(f"{path}/resume")).json()["touched"] == 3
    assert await counts(request) == {"RESUME": 3}
    assert (await tenant.post(f"{path}/stop?force=true")).json()["touched"] == 3
    assert await counts(request) == {"REJECTED": 3}
    assert (await tenant.post(f"{path}/stop")).json()["touched"] == 0
    late = await tenant.post(f"{path}/resume")
    assert (late.status_code, late.json()["code"]) == (409, "request_stopped")
    assert (await tenant.post(f"{path}/explode")).status_code == 400
    actions = [line["action"] for line in (await tenant.get("/account/audit?limit=5")).json()["items"]]
    assert actions == ["request_stopped", "request_stopped", "request_resumed", "request_paused", "request_paused"]


async def test_one_record_is_stopped_alone(tenant: Tenant, load: Load, counts: Counts) -> None:
    receipt = await load(2)
    record = receipt.records[0].record_id
    assert (await tenant.post(f"/records/{record}/stop")).json()["touched"] == 1
    assert (await tenant.post(f"/records/{record}/stop")).json()["touched"] == 0
    assert Counter(await counts(receipt.request_id))["REJECTED"] == 1
    assert (await tenant.post(f"/records/{uuid4()}/stop")).json()["code"] == "record_not_found"


async def test_a_flow_is_controlled_with_all_its_requests(tenant: Tenant, load: Load, counts: Counts) -> None:
    one, two = (await load(2)).request_id, (await load(1)).request_id
    flow = "/flows/appointment_reminder"
    await tenant.post(f"/requests/{two}/pause")
    assert (await tenant.post(f"{flow}/pause?preview=true")).json()["touched"] == 2
    assert (await tenant.post(f"{flow}/pause")).json()["touched"] == 2
    assert (await tenant.get(flow)).json()["control"] == "paused"
    refused = await tenant.post(f"/requests/{one}/resume")
    assert (refused.status_code, refused.json()["code"]) == (409, "flow_paused")
    assert (await tenant.post(f"{flow}/resume")).json()["touched"] == 2
    assert (await counts(one), await counts(two)) == ({"RESUME": 2}, {"PAUSE": 1})
    assert (await tenant.post(f"{flow}/stop")).json()["touched"] == 3
    assert (await counts(one), await counts(two)) == ({"REJECTED": 2}, {"REJECTED": 1})


async def test_requeue_brings_back_what_ended_for_money(
    tenant: Tenant, load: Load, counts: Counts, worker_pool: Pool
) -> None:
    request = (await load(2)).request_id
    await _end_for_money(worker_pool, tenant.id, request)
    assert await counts(request) == {"INSUFFICIENT_BALANCE": 2}
    assert (await tenant.post(f"/requests/{request}/requeue?preview=true")).json()["touched"] == 2
    assert (await tenant.post(f"/requests/{request}/requeue")).json()["touched"] == 2
    assert await counts(request) == {"RESUME": 2}
    assert (await tenant.post(f"/requests/{request}/requeue")).json()["touched"] == 0


async def test_a_stop_can_be_forced_afterwards(tenant: Tenant, load: Load, worker_pool: Pool) -> None:
    request = (await load(1)).request_id
    assert (await tenant.post(f"/requests/{request}/stop")).status_code == 200
    assert await _row(worker_pool, request) == ("stopping", False)
    assert (await tenant.post(f"/requests/{request}/stop?force=true")).status_code == 200
    assert await _row(worker_pool, request) == ("stopping", True)


async def test_a_forced_stop_tells_of_the_calls_that_it_cuts(tenant: Tenant, load: Load, worker_pool: Pool) -> None:
    request = (await load(2)).request_id
    await _set_running(worker_pool, request)
    flow, path = "/flows/appointment_reminder", f"/requests/{request}"
    for stop in (f"{path}/stop", f"{flow}/stop"):
        assert (await tenant.post(f"{stop}?preview=true")).json()["touched"] == 0
        assert (await tenant.post(f"{stop}?force=true&preview=true")).json()["touched"] == 2
    assert (await tenant.post(f"{path}/pause?force=true&preview=true")).json()["touched"] == 0
    assert (await tenant.post(f"{path}/stop?force=true")).json() == {"touched": 0, "remaining": 2, "preview": False}


async def test_requeue_after_a_forced_stop_cuts_no_new_call_and_counts_no_reason_twice(
    tenant: Tenant, load: Load, worker_pool: Pool
) -> None:
    request = (await load(2)).request_id
    await _end_for_money(worker_pool, tenant.id, request)
    async with transaction(worker_pool) as connection:  # as the tracker leaves a forced stop
        await connection.execute(
            "update request set control = 'stopped', force_stop = true, open = false where id = %s", [request]
        )
    assert await _reasons(worker_pool, request) == 2
    assert (await tenant.post(f"/requests/{request}/requeue")).json()["touched"] == 2
    assert await _row(worker_pool, request) == ("running", False)
    assert await _reasons(worker_pool, request) == 0


async def _row(pool: Pool, request_id: object) -> tuple[str, bool]:
    """Control and force of a request as the workers read them."""
    async with transaction(pool) as connection:
        rows = await connection.execute("select control, force_stop from request where id = %s", [request_id])
        ((control, force),) = await rows.fetchall()
    return control, force


async def _set_running(pool: Pool, request_id: object) -> None:
    """As the claim leaves records: each in progress under a lease."""
    async with transaction(pool) as connection:
        await connection.execute(
            "update record set status = 'IN_PROGRESS', due_at = null, owner = 'v1', lease_until = now() + interval '1 h' "
            "where request_id = %s",
            [request_id],
        )
        await connection.execute(
            "update request_tally set counter = 'status:IN_PROGRESS' where request_id = %s and counter like 'status:%%'",
            [request_id],
        )


async def _reasons(pool: Pool, request_id: object) -> int:
    """How many ended records the request's counts by reason tell of."""
    async with transaction(pool) as connection:
        rows = await connection.execute(
            "select coalesce(sum(n), 0)::int from request_tally where request_id = %s and counter like 'reason:%%'",
            [request_id],
        )
        ((n,),) = await rows.fetchall()
    return int(n)


async def _end_for_money(pool: Pool, account_id: AccountId, request_id: object) -> None:
    """As the claim does when the balance is short."""
    async with transaction(pool) as connection:
        values = {"account_id": account_id, "request_id": request_id}
        await connection.execute(
            "with old as (select id, status from record where account_id = %(account_id)s and request_id = %(request_id)s), "
            "gone as (insert into request_tally (account_id, request_id, counter, n, pending) "
            "select %(account_id)s, %(request_id)s, 'status:' || status, -1, true from old), "
            "come as (insert into request_tally (account_id, request_id, counter, n) "
            "select %(account_id)s, %(request_id)s, counter, 1 from old "
            "cross join (values ('status:INSUFFICIENT_BALANCE'), ('reason:insufficient_balance')) as c(counter)) "
            "update record set status = 'INSUFFICIENT_BALANCE', reason = 'insufficient_balance', due_at = null "
            "where account_id = %(account_id)s and request_id = %(request_id)s",
            values,
        )


@pytest.mark.usefixtures("load")
async def test_what_is_wrong_with_a_record_is_said_in_its_result(
    stage: Stage, tenant: Tenant, api_pool: Pool, worker_pool: Pool
) -> None:
    """Numbers beyond the tenth are ignored with a warning; a variable without a proper name ends its row alone."""
    flow_id = (await tenant.get("/flows")).json()["items"][0]["id"]
    library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, stage.services.ids), stage.services.clock)
    opener = OpenRequest(PostgresIntake(api_pool), library, stage.services.clock, stage.services.ids)
    submit = SubmitRecords(PostgresIntake(api_pool), opener, stage.services.clock, stage.services.ids)
    object.__setattr__(stage.services, "submit", submit)  # the real intake in the place of the fake one
    variables = {"Name": "Ada", "Date": "03-03-2027"}
    numbers = [f"98765432{n:02d}" for n in range(12)]
    records = [
        {"numbers": numbers, "variables": variables},
        {"numbers": numbers[:10], "variables": variables},
        {"numbers": numbers[:1], "variables": variables | {"first name": "Ada"}},
        {"numbers": numbers[:1], "variables": {"Name": "x" * 5000}, "client_identifier": "long"},
        {"numbers": numbers[:1], "client_identifier": "half \0"},
    ]
    told = (await tenant.post("/requests", {"flow": flow_id, "records": records})).json()
    many, ten, odd, _, _ = told["records"]
    assert (many["accepted"], len(many["numbers"]), many["warnings"][0].partition(":")[0]) == (
        True,
        10,
        "too_many_numbers",
    )
    assert "warnings" not in ten
    assert (odd["accepted"], odd["reason"]) == (False, "invalid_record")
    assert "first name" in odd["sentence"]
    reporting = Reporting(PostgresReports(api_pool), library, stage.services.clock)
    refused = [row async for rows in reporting.rejects(tenant.id, RequestId(UUID(told["request_id"]))) for row in rows]
    assert [(row["row"], row.get("client_identifier"), row["numbers"]) for row in refused] == [
        (3, None, numbers[:1]), (4, "long", numbers[:1]), (5, None, numbers[:1]),
    ]  # fmt: skip
    explained = await reporting.explain_record(tenant.id, RecordId(UUID(many["record_id"])))
    assert [entry.sentence for entry in explained.timeline if entry.kind is Kind.WARNING] == many["warnings"]
