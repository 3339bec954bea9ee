"""Saved endpoints that flows name: known before publishing, found by name in their own account only."""

from __future__ import annotations

from central.adapters.postgres.pool import Pool
from central.adapters.postgres.saved_endpoints import PostgresSavedEndpoints
from central.domain.endpoints import EndpointAuth
from tests.integration.api.conftest import Stage, Tenant

YAML = {"Content-Type": "application/yaml"}
FLOW = b"""
flow: appointment_reminder
type: multicast
purpose: service
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: tell, busy: end, no_answer: end, failed: end}}
  tell: {widget: webhook, endpoint: crm, on: {success: end, failure: end}}
"""
ENDPOINT = {
    "name": "crm", "url": "https://crm.example.org/hook", "events": ["record.final"],
    "auth": {"kind": "basic", "username": "u", "password": "p"},
}  # fmt: skip


async def test_a_flow_that_calls_an_endpoint_that_is_not_saved_is_not_published(tenant: Tenant) -> None:
    flow = await tenant.flow()
    saved = await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=FLOW, headers=YAML)
    assert saved.status_code == 200, saved.text
    refused = await tenant.post(f"/flows/{flow['id']}/publish", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "flow_has_errors")
    (finding,) = refused.json()["details"]["findings"]
    assert (finding["code"], finding["step"], finding["line"]) == ("endpoint_unknown", "tell", 8)
    assert (await tenant.post("/webhooks", ENDPOINT)).status_code == 201
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).status_code == 201


async def test_a_worker_finds_an_endpoint_by_its_name_and_account(
    stage: Stage, tenant: Tenant, worker_pool: Pool
) -> None:
    endpoints = PostgresSavedEndpoints(worker_pool)
    made = (await tenant.post("/webhooks", ENDPOINT)).json()["endpoint"]
    found = await endpoints.find_endpoint(tenant.id, "crm")
    assert found is not None
    assert (found.url, found.auth, found.disabled) == (ENDPOINT["url"], EndpointAuth("basic", "u", "p"), False)
    assert len(found.secrets) == 1
    assert found.secrets[0] not in repr(found)
    await tenant.call("PATCH", f"/webhooks/{made['id']}", json={"enabled": False})
    disabled = await endpoints.find_endpoint(tenant.id, "crm")
    assert disabled is not None
    assert disabled.disabled
    other = await stage.account("Other")
    assert await endpoints.find_endpoint(other.id, "crm") is None
    assert await endpoints.known_endpoints(tenant.id, ["crm", "none"]) == {"crm"}
    assert not await endpoints.known_endpoints(other.id, ["crm"])
