"""What the operator switches off for an account: shown, audited, and refused where a flow would need it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api.conftest import OPERATOR_KEY, Stage, Tenant

YAML = {"Content-Type": "application/yaml"}
FLOW = """flow: needs
type: multicast
purpose: service
recording: true
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: speak, busy: end, no_answer: end, failed: end}}
  speak: {widget: record, on: {recorded: text, error: text, empty: text}}
  text: {widget: sms, text: Thank you., on: {accepted: mail, failed: mail}}
  mail: {widget: email, to: asha@example.com, subject: Hello, text: Hello., on: {accepted: queue, failed: queue}}
  queue: {widget: agent_connect, queue: sales, record: true, on: {agent_allocated: end, no_agent_available: end, max_wait_time_reached: end, queue_full: end, agent_lost: end}}
"""


async def switch(stage: Stage, tenant: Tenant, **changes: bool) -> dict[str, Any]:
    answer = await stage.client.patch(
        f"/api/v1/operator/accounts/{tenant.id}", json=changes, headers={"Authorization": f"Bearer {OPERATOR_KEY}"}
    )
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def codes(findings: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    """Errors; that there are no queues yet is a warning."""
    errors = [found for found in findings if found["severity"] == "error"]
    assert all(found["hint"] for found in errors)
    return [(found["code"], found["line"], found["step"]) for found in errors]


async def test_switches_are_on_until_the_operator_takes_them_away(stage: Stage, tenant: Tenant) -> None:
    account = (await tenant.get("/account")).json()
    assert (account["recording"], account["sms"], account["email"]) == (True, True, True)
    changed = await switch(stage, tenant, sms=False)
    assert (changed["recording"], changed["sms"], changed["email"]) == (True, False, True)
    assert (await tenant.get("/account")).json()["sms"] is False
    line = (await tenant.get("/account/audit")).json()["items"][0]
    assert (line["action"], line["actor"], line["detail"]["fields"]) == ("account_changed", "operator", ["sms"])
    own = await tenant.call("PATCH", "/account", json={"sms": True})
    assert own.status_code == 422, own.text


@pytest.mark.parametrize(
    ("off", "found"),
    [
        ("recording", [("", 4), ("speak", 8), ("queue", 11)]),
        ("sms", [("text", 9)]),
        ("email", [("mail", 10)]),
    ],
)
async def test_a_flow_that_needs_what_is_off_is_not_published(
    stage: Stage, tenant: Tenant, off: str, found: list[tuple[str, int]]
) -> None:
    await tenant.post("/dids", {"dids": [{"number": "+912212345678"}]})
    flow = (await tenant.post("/flows", content=FLOW.encode(), headers=YAML)).json()
    await tenant.call("PUT", f"/flows/{flow['id']}/dids", json={"dids": ["+912212345678"]})
    assert codes((await tenant.get(f"/flows/{flow['id']}")).json()["draft_findings"]) == []
    await switch(stage, tenant, **{off: False})
    wanted = [(f"{off}_disabled", line, step) for step, line in found]
    assert codes((await tenant.get(f"/flows/{flow['id']}")).json()["draft_findings"]) == wanted
    assert codes((await tenant.post("/flows/check", content=FLOW.encode(), headers=YAML)).json()["findings"]) == wanted
    refused = await tenant.post(f"/flows/{flow['id']}/publish", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "flow_has_errors")
    assert codes(refused.json()["details"]["findings"]) == wanted
    await switch(stage, tenant, **{off: True})
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).status_code == 201


async def test_one_account_s_switches_are_not_another_s(stage: Stage, tenant: Tenant) -> None:
    await switch(stage, await stage.account("Stranger"), recording=False, sms=False, email=False)
    checked = (await tenant.post("/flows/check", content=FLOW.encode(), headers=YAML)).json()
    assert codes(checked["findings"]) == []
