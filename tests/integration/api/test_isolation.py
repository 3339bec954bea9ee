"""Account B sees and changes nothing of account A, whatever route it tries."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from litestar.routes import HTTPRoute

from tests.integration.api.conftest import WAV, Stage, Tenant, document
from tests.tones import tone

DOCUMENT = {"/api/v1/openapi.json" + path for path in ("", "/openapi.json", "/{path}")}
OPEN = {
    "/",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/l/{code}",
    "/m/{token}",
    "/gateways/{carrier_id}/receipts",
    "/gateways/{carrier_id}/receipts/{token}",
    "/relays/{carrier_id}/events",
    "/api/v1/recordings/{recording_id}",
} | DOCUMENT
# makes a thing of the caller's own: see test_prompts.py, test_contacts_and_links.py, test_files.py, test_agents.py
OWN = {
    ("PUT", "/api/v1/prompts/{name}"),
    ("PUT", "/api/v1/contacts/{number}"),
    ("PUT", "/api/v1/files/{name}"),
    ("PUT", "/api/v1/sms/templates/{template_id}"),
    ("PUT", "/api/v1/pause-codes/{code}"),
}
SHARED = {"/api/v1/statuses", "/api/v1/policies", "/api/v1/flows/check"}
YAML = {"Content-Type": "application/yaml"}
BODIES: dict[str, dict[str, Any]] = {
    "/people/{person_id}": {"json": {"role": "agent"}},
    "/people/{person_id}/password": {"json": {"password": "Ganz-neu-1"}},
    "/trunks/{trunk_id}": {"json": {"host": "evil.example.org"}},
    "/flows/{flow}/draft": {"content": document("stolen"), "headers": YAML},
    "/flows/{flow}/publish": {"json": {}},
    "/flows/{flow}/reset-draft": {"json": {"version": 1}},
    "/flows/{flow}/production": {"json": {"version": None}},
    "/flows/{flow}/dids": {"json": {"dids": []}},
    "/flows/{flow}/active": {"json": {"active": False}},
    "/flows/{flow}/archived": {"json": {"archived": True}},
    "/flows/{flow}/security-id": {"json": {}},
    "/webhooks/{endpoint_id}": {"json": {"name": "stolen"}},
    "/carriers/{carrier_id}": {"json": {"name": "stolen"}},
    "/sms/templates/{template_id}/try": {"json": {"text": "x"}},
    "/webhooks/{endpoint_id}/replay": {"json": {}},
    "/agents/{agent_id}": {"json": {"name": "stolen"}},
    "/agents/{agent_id}/login": {"json": {"phone": "number"}},
    "/agents/{agent_id}/logout": {"json": {"force": True}},
    "/agents/{agent_id}/pause": {"json": {}},
    "/queues/{queue_id}": {"json": {"name": "stolen"}},
    "/queues/{queue_id}/dispositions": {"json": {"dispositions": [{"key": "sold", "name": "Sold"}]}},
    "/flows/{flow}/dispositions": {"json": {"dispositions": [{"key": "sold", "name": "Sold"}]}},
    "/queues/{queue_id}/agents": {"json": {"agents": []}},
    "/queues/{queue_id}/agents/{agent_id}": {"json": {"tier": 9}},
}
TEXTS = b"""
flow: texts
type: multicast
purpose: service
steps:
  start: {widget: start, next: answer}
  answer: {widget: sms, text: "secret", on: {accepted: end, failed: end}}
"""
ACTIONS = ("pause", "resume", "stop")


def _routes(stage: Stage) -> list[tuple[str, str]]:
    """Every (method, path) of the API, path parameters by name only."""
    found: list[tuple[str, str]] = []
    for route in stage.app.routes:
        if isinstance(route, HTTPRoute) and route.path_format not in OPEN:
            path = route.path_format
            found += [(method, path) for method in route.methods if method not in ("OPTIONS", "HEAD")]
    return sorted(found)


async def _furnish(stage: Stage, owner: Tenant) -> dict[str, str]:
    flow = await owner.flow()
    assert (await owner.post(f"/flows/{flow['id']}/publish", {})).status_code == 201
    trunk = await owner.post("/trunks", {"name": "secret-trunk", "host": "sip.example.org"})
    person = await owner.post("/people", {"email": "secret@example.org", "role": "owner"})
    hook = {"name": "secret-hook", "url": "https://secret.example.org/", "events": ["record.final"]}
    endpoint = await owner.post("/webhooks", hook)
    await owner.call("PUT", "/lists/blacklist/entries", json={"entries": [{"number": "919812345678"}]})
    added = await owner.call("PUT", "/prompts/secret-greeting", content=tone(), headers=WAV)
    assert added.status_code == 200, added.text
    kept = await owner.call("PUT", "/files/secret-greeting", content=b"secret", headers={"Content-Type": "text/plain"})
    assert kept.status_code == 200, kept.text
    assert (await owner.call("PUT", "/sms/templates/secret-1", json={"text": "secret"})).status_code == 200
    texts = await owner.post("/flows", content=TEXTS, headers=YAML)
    assert texts.status_code == 201, texts.text
    route = await owner.post("/text-routes", {"flow": texts.json()["id"], "keyword": "secret"})
    assert route.status_code == 200, route.text
    request_id, record_id = str(uuid4()), str(uuid4())
    stage.reports.documents[owner.id, request_id] = {"request_id": request_id, "status": "Completed", "name": "secret"}
    stage.reports.documents[owner.id, record_id] = {"record_id": record_id, "numbers": ["919812345678"]}
    sent = await owner.post("/sms", {"messages": [{"to": "919812345678", "text": "secret"}]})
    settings = {"host": "93.184.216.34", "system_id": "secret"}
    carrier = await owner.post("/carriers", {"name": "secret-carrier", "kind": "smpp", "settings": settings})
    assert carrier.status_code == 201, carrier.text
    assert (await owner.post("/mail-domains", {"domain": "secret.example"})).status_code == 201
    keys = (await owner.get("/keys")).json()["items"]
    return {
        "flow": flow["id"],
        "trunk_id": trunk.json()["id"],
        "route_id": route.json()["id"],
        "person_id": person.json()["id"],
        "endpoint_id": endpoint.json()["endpoint"]["id"],
        "key_id": keys[0]["id"],
        "request_id": request_id,
        "record_id": record_id,
        "number": "912212345678",
        "list_name": "blacklist",
        "entry": "919812345678",
        "template_id": "secret-1",
        "name": "secret-greeting",
        "account_id": str(owner.id),
        "message_id": sent.json()["messages"][0]["message_id"],
        "domain": "secret.example",
        "carrier_id": carrier.json()["id"],
        "action": "stop",
        "answer_id": str(uuid4()),
        **await _furnish_call_centre(owner),
    }


async def _furnish_call_centre(owner: Tenant) -> dict[str, str]:
    agent = await owner.post("/agents", {"key": "secret-agent", "name": "secret", "number": "+919812345678"})
    queue = await owner.post("/queues", {"name": "secret-queue"})
    members = {"agents": [{"agent_id": agent.json()["id"]}]}
    assert (await owner.call("PUT", f"/queues/{queue.json()['id']}/agents", json=members)).status_code == 200
    code = await owner.call("PUT", "/pause-codes/SECRET", json={"name": "secret break"})
    assert code.status_code == 200, code.text
    login = await owner.post(f"/agents/{agent.json()['id']}/login", {"phone": "number"})
    assert login.json()["status"] == "IDLE", login.text
    return {"agent_id": agent.json()["id"], "queue_id": queue.json()["id"], "code": "SECRET"}


async def _state(owner: Tenant, names: dict[str, str]) -> list[str]:
    paths = [
        "/trunks",
        "/people",
        "/webhooks",
        "/keys",
        "/flows",
        "/dids",
        "/lists",
        "/lists/blacklist/entries",
        "/prompts",
        "/sms",
        "/emails",
        "/mail-domains",
        "/carriers",
        "/files",
        "/sms/templates",
        "/text-routes",
        "/agents",
        "/queues",
        f"/queues/{names['queue_id']}/agents",
        f"/queues/{names['queue_id']}/dispositions",
        f"/flows/{names['flow']}/dispositions",
        "/pause-codes",
        f"/agents/{names['agent_id']}/events",
    ]
    paths += [f"/flows/{names['flow']}/draft", "/account"]
    texts = [(await owner.get(path)).text for path in paths]
    return [text for path, text in zip(paths, texts, strict=True) if path != "/keys"]


async def test_no_route_lets_another_account_in(stage: Stage, tenant: Tenant) -> None:
    names = await _furnish(stage, tenant)
    before = await _state(tenant, names)
    stranger = await stage.account("Stranger")
    foreign = [
        names[name]
        for name in (
            "flow",
            "message_id",
            "trunk_id",
            "person_id",
            "endpoint_id",
            "request_id",
            "record_id",
            "agent_id",
            "queue_id",
        )
    ]
    tried = 0
    for method, path in _routes(stage):
        short = path.removeprefix("/api/v1")
        if path in SHARED or (method, path) in OWN or "{" not in path:
            continue
        filled = short.format(**names)
        answer = await stranger.call(method, filled, **(BODIES.get(short, {}) if method != "GET" else {}))
        tried += 1
        if "/operator/" in path:
            assert answer.status_code == 401, (method, path)
        elif "/lists/" in path:
            assert "919812345678" not in answer.text, (method, path)
        else:
            assert answer.status_code in (404, 405), (method, path, answer.text)
            assert answer.json()["code"].endswith("_not_found"), (method, path, answer.text)
    assert tried > 40
    for method, path in _routes(stage):
        if method == "GET" and "{" not in path and "/operator/" not in path:
            text = (await stranger.get(path.removeprefix("/api/v1"))).text
            assert "secret" not in text.replace("has_security_id", "").replace("secrets", ""), path
            assert not any(name in text for name in foreign), path
    assert await _state(tenant, names) == before


async def test_every_route_needs_a_key(stage: Stage) -> None:
    names = dict.fromkeys(
        (
            "flow",
            "trunk_id",
            "person_id",
            "route_id",
            "endpoint_id",
            "key_id",
            "request_id",
            "record_id",
            "account_id",
            "carrier_id",
            "message_id",
            "domain",
            "agent_id",
            "queue_id",
            "answer_id",
        ),
        str(uuid4()),
    )
    names |= {"number": "1", "list_name": "dnd", "entry": "1", "template_id": "1", "action": "stop", "name": "greeting"}
    names |= {"code": "LUNCH"}
    routes = _routes(stage)
    for method, path in routes:
        answer = await stage.client.request(method, path.format(**names))
        assert answer.status_code == 401, (method, path)
        assert answer.json()["code"] == "unauthenticated"
    assert len(routes) > 60


async def test_the_same_names_and_people_may_exist_in_two_accounts(stage: Stage, tenant: Tenant) -> None:
    other = await stage.account("Other")
    for owner, name, number in ((tenant, "Ada One", "+912212345678"), (other, "Ada Two", "+912212345679")):
        await owner.flow(number=number)
        assert (await owner.post("/trunks", {"name": "carrier", "host": "sip.example.org"})).status_code == 201
        person = await owner.post("/people", {"email": "ada@example.org", "role": "agent", "name": name})
        assert person.status_code == 201, person.text
        assert person.json()["name"] == "Ada One"
