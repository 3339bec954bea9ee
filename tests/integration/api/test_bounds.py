"""Values at the edge of what can be stored, computed or decoded: each gets a clear answer, none gets further in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api.conftest import OPERATOR_KEY, Stage, Tenant

CSV = {"Content-Type": "text/csv"}
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}
RECORDS = [{"numbers": ["919876543210"]}]
OUT_OF_RANGE = (
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+12:00",
    "2200-01-01T00:00:00Z",
    "1999-12-31T00:00:00Z",
)


@pytest.mark.parametrize("at", OUT_OF_RANGE)
async def test_no_moment_out_of_range_comes_in(stage: Stage, tenant: Tenant, at: str) -> None:
    entry = {"entries": [{"number": "919876543210", "expires_at": at}]}
    answers = [
        await tenant.post("/requests", {"flow": "f", "records": RECORDS, "end_at": at}),
        await tenant.post("/requests/upload", content=b"tel1\n", headers=CSV, params={"flow": "f", "end_at": at}),
        await tenant.get("/requests", params={"created_from": at}),
        await tenant.get("/requests", params={"created_to": at}),
        await tenant.post("/keys", {"name": "k", "role": "agent", "expires_at": at}),
        await tenant.call("PUT", "/lists/blacklist/entries", json=entry),
        await tenant.post("/lists/dnd/import", content=b"919876543210\n", headers=CSV, params={"fresh_at": at}),
        await stage.client.post(
            f"/api/v1/operator/accounts/{tenant.id}/keys",
            json={"name": "k", "role": "agent", "expires_at": at},
            headers=OPERATOR,
        ),
        await stage.client.patch(
            f"/api/v1/operator/accounts/{tenant.id}", json={"valid_until": f"{at[:4]}-01-01"}, headers=OPERATOR
        ),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(422, "moment_out_of_range")] * 9
    assert (stage.intake.submitted, stage.intake.uploaded) == ([], [])
    assert len((await tenant.get("/keys")).json()["items"]) == 1
    rows = f"number,expires_at\n919876543210,{at}\n919876543211,2030-01-01\n".encode()
    imported = (await tenant.post("/lists/blacklist/import", content=rows, headers=CSV)).json()
    assert [(row["line"], row["code"]) for row in imported["bad_rows"]] == [(2, "moment_out_of_range")]
    assert [row["number"] for row in (await tenant.get("/lists/blacklist/entries")).json()["items"]] == ["919876543211"]


async def test_moments_within_range_are_kept_in_utc(stage: Stage, tenant: Tenant) -> None:
    body = {"flow": "f", "records": RECORDS, "end_at": "2199-12-31T23:59:59+05:30"}
    assert (await tenant.post("/requests", body)).status_code == 201
    assert stage.intake.submitted[0][1].end_at == datetime(2199, 12, 31, 18, 29, 59, tzinfo=UTC)


async def test_a_moment_in_the_query_needs_an_offset(tenant: Tenant) -> None:
    for name in ("created_from", "created_to"):
        answer = await tenant.get("/requests", params={name: "2026-01-01T00:00:00"})
        assert (answer.status_code, answer.json()["code"]) == (422, "moment_without_offset")
        assert answer.json()["detail"].startswith(f"{name} needs an offset")


async def test_a_register_is_not_fresh_for_ever(tenant: Tenant) -> None:
    async def imported(ahead: timedelta) -> Any:
        at = (datetime.now(UTC) + ahead).isoformat()
        return await tenant.post("/lists/dnd/import", content=b"919876543210\n", headers=CSV, params={"fresh_at": at})

    refused = await imported(timedelta(minutes=10))
    assert (refused.status_code, refused.json()["code"]) == (422, "fresh_at_in_the_future")
    states = {state["list"]: state for state in (await tenant.get("/lists")).json()["items"]}
    assert (states["dnd"]["entries"], states["dnd"]["fresh_at"]) == (0, None)
    assert (await imported(timedelta(minutes=1))).status_code == 200
