"""Values at the edge of what can be stored, computed or decoded: each gets a clear answer, none gets further in."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
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


PLAN: dict[str, Any] = {"name": "p", "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": 0}]}


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ({}, "invalid_rate_plan"),
        ({"name": "p", "voice": "x"}, "invalid_rate_plan"),
        ({"name": "p", "voice": []}, "invalid_rate_plan"),
        ({"name": "p", "voice": ["x"]}, "invalid_rate"),
        ({"name": "p", "voice": [{"prefix": "", "pulse_s": 60}]}, "invalid_rate"),
        ({"name": "p", "voice": [{"prefix": "", "pulse_s": 60.5, "per_pulse": 0}]}, "invalid_rate"),
        *(
            ({"name": "p", "voice": [{"prefix": "", "pulse_s": pulse, "per_pulse": price}]}, "invalid_rate")
            for pulse, price in ((0, 0), (-1, 0), (10**30, 0), (60, -1), (60, 10**30))
        ),
    ],
)
async def test_a_plan_that_prices_nothing_is_refused(
    stage: Stage, tenant: Tenant, plan: dict[str, Any], code: str
) -> None:
    path = "/api/v1/operator/accounts"
    changed = await stage.client.patch(f"{path}/{tenant.id}", json={"rate_plan": plan}, headers=OPERATOR)
    made = await stage.client.post(path, json={"name": "New", "rate_plan": plan}, headers=OPERATOR)
    assert [(a.status_code, a.json()["code"]) for a in (changed, made)] == [(422, code)] * 2
    assert (await tenant.get("/account")).json()["rate_plan"]["name"] == "standard"
    good = await stage.client.patch(f"{path}/{tenant.id}", json={"rate_plan": PLAN}, headers=OPERATOR)
    assert good.json()["rate_plan"] == PLAN


@pytest.mark.parametrize("size", [2**31, 2**63, 10**20, 10**400])
async def test_no_number_is_larger_than_its_column(stage: Stage, tenant: Tenant, size: int) -> None:
    account, flow = f"/api/v1/operator/accounts/{tenant.id}", (await tenant.flow())["id"]
    trunk = (await tenant.post("/trunks", {"name": "t", "host": "sip.example.org"})).json()["id"]
    answers = [
        await stage.client.patch(account, json={name: size}, headers=OPERATOR)
        for name in ("pending_cap", "channel_cap", "cps_cap", "api_per_minute", "weight", "policy_version")
    ]
    answers += [await tenant.call("PATCH", f"/trunks/{trunk}", json={"channel_cap": size, "cps_cap": 1})]
    answers += [await tenant.post("/trunks", {"name": "u", "host": "sip.example.org", "cps_cap": size})]
    answers += [await tenant.call("PUT", f"/flows/{flow}/production", json={"version": size})]
    assert {(a.status_code, a.json()["code"]) for a in answers} <= {(422, "invalid_body"), (400, "unreadable_json")}
    cursor = urlsafe_b64encode(json.dumps({"n": size}).encode()).decode().rstrip("=")
    assert (await tenant.get(f"/flows/{flow}/versions/{size}")).status_code in {400, 404}
    assert (await tenant.get(f"/flows/{flow}/versions?cursor={cursor}")).status_code == 400


@pytest.mark.parametrize("field", ["version", "min_ring_s", "window_h"])
async def test_a_policy_with_a_number_out_of_range_is_refused(stage: Stage, field: str) -> None:
    row: dict[str, Any] = {"id": "XX", "version": 1, "effective_from": "2026-06-01", "attempts": {"per_day": 3}}
    (row["attempts"] if field == "window_h" else row)[field] = 10**30
    answer = await stage.client.post("/api/v1/operator/policies", json={"policy": row}, headers=OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_policy")


async def test_no_balance_leaves_what_the_ledger_holds(stage: Stage, tenant: Tenant) -> None:
    path = f"/api/v1/operator/accounts/{tenant.id}/funds"
    for _ in range(9):
        assert (await stage.client.post(path, json={"amount": "999999999999"}, headers=OPERATOR)).status_code == 201
    refused = await stage.client.post(path, json={"amount": "999999999999"}, headers=OPERATOR)
    assert (refused.status_code, refused.json()["code"]) == (422, "balance_out_of_range")
    assert (await tenant.get("/account")).json()["balance"] == "9000000000091.00"
    assert len((await tenant.get("/account/ledger")).json()["items"]) == 10
