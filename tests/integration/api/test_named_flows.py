"""Flows and queues that flows name: known before publishing; a worker finds a flow by name or id in its own account only."""

from __future__ import annotations

from typing import Any

from central.adapters.postgres.flow_names import PostgresFlowNames
from central.adapters.postgres.pool import Pool
from tests.integration.api.conftest import Stage, Tenant

YAML = {"Content-Type": "application/yaml"}


async def test_flows_and_queues_that_are_not_there_are_found(tenant: Tenant) -> None:
    def calling(name: str, other: str) -> bytes:
        return (
            f"flow: {name}\ntype: inbound\npurpose: service\nsteps:\n  start: {{widget: start, next: answer}}\n"
            f"  answer: {{widget: answer_call, next: over}}\n  over: {{widget: transfer_call, flow: {other}, on: {{failed: survey}}}}\n"
            f"  survey: {{widget: start_flow, flow: {other}, on: {{started: desk}}}}\n"
            "  desk: {widget: agent_connect, queue: support, on: {agent_allocated: end, no_agent_available: end}}\n"
        ).encode()

    def lacking(flow: Any, name: str = "draft_findings") -> list[tuple[str, int, str]]:
        return [(found["code"], found["line"], found["severity"]) for found in flow[name] if found["line"]]

    unknown = [("flow_unknown", 7, "error"), ("flow_unknown", 8, "error")]
    queue = ("queue_unknown", 9, "warning")
    checked = (await tenant.post("/flows/check", content=calling("day", "night"), headers=YAML)).json()
    assert lacking(checked, "findings") == [*unknown, queue]
    day = (await tenant.post("/flows", content=calling("day", "night"), headers=YAML)).json()
    assert lacking(day) == [*unknown, queue]
    await tenant.post("/dids", {"dids": [{"number": "+912212345678"}]})
    await tenant.call("PUT", f"/flows/{day['id']}/dids", json={"dids": ["+912212345678"]})
    refused = await tenant.post(f"/flows/{day['id']}/publish", {})
    assert lacking(refused.json()["details"], "findings") == unknown
    night = (await tenant.post("/flows", content=calling("night", "night"), headers=YAML)).json()
    assert lacking(night) == [queue]  # a flow may name itself
    assert lacking((await tenant.get(f"/flows/{day['id']}")).json()) == [queue]
    assert (await tenant.post(f"/flows/{day['id']}/publish", {})).status_code == 201
    by_id = calling("day", night["id"])
    checked = (await tenant.post("/flows/check", content=by_id, headers=YAML)).json()
    assert lacking(checked, "findings") == [queue]
    await tenant.call("PUT", f"/flows/{night['id']}/archived", json={"archived": True})
    assert lacking((await tenant.get(f"/flows/{day['id']}")).json()) == [*unknown, queue]
    assert (await tenant.post("/queues", {"name": "support"})).status_code == 201
    assert lacking((await tenant.get(f"/flows/{day['id']}")).json()) == unknown


async def test_a_worker_finds_a_flow_as_it_stands(stage: Stage, tenant: Tenant, worker_pool: Pool) -> None:
    flows = PostgresFlowNames(worker_pool)
    made = await tenant.flow()
    draft = await flows.find_flow(tenant.id, made["name"])
    assert draft is not None
    assert (draft.id, draft.type, draft.archived, draft.running) == (made["id"], "multicast", False, True)
    assert draft.version_id is None
    assert (await tenant.post(f"/flows/{made['id']}/publish", {})).status_code == 201
    published = await flows.find_flow(tenant.id, made["id"])
    assert published is not None
    assert published.version_id is not None
    await tenant.call("PUT", f"/flows/{made['id']}/active", json={"active": False})
    switched_off = await flows.find_flow(tenant.id, made["id"])
    assert switched_off is not None
    assert not switched_off.running
    await tenant.call("PUT", f"/flows/{made['id']}/archived", json={"archived": True})
    archived = await flows.find_flow(tenant.id, made["id"])
    assert archived is not None
    assert archived.archived
    other = await stage.account("Other")
    assert await flows.find_flow(other.id, made["name"]) is None
    assert await flows.find_flow(other.id, made["id"]) is None
    assert not await flows.known_flows(other.id, [made["name"], made["id"]])
