"""Agents, queues and pause codes through the API; what an agent may do at his desk and a supervisor for him."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from central.adapters.postgres.pool import Pool
from central.adapters.postgres.pool import tenant as in_account
from tests.integration.api.conftest import Stage, Tenant

NUMBER = "+91 98765 43210"


async def agent_of(owner: Tenant, key: str = "ada", **fields: Any) -> dict[str, Any]:
    """An agent with a SIP phone."""
    made = await owner.post("/agents", {"key": key, "name": key.title(), **fields})
    assert made.status_code == 201, made.text
    assert (await owner.post(f"/agents/{made.json()['id']}/phone")).status_code == 201
    agent: dict[str, Any] = made.json()
    return agent


async def desk_of(owner: Tenant, agent: dict[str, Any], role: str = "agent") -> Tenant:
    """Somebody with the key of this agent's desk."""
    made = await owner.post("/keys", {"name": "desk", "role": role, "agent_id": agent["id"]})
    assert made.status_code == 201, made.text
    assert made.json()["key"]["agent_id"] == agent["id"]
    return Tenant(owner.id, made.json()["secret"], owner.client)


async def put_in(api_pool: Pool, owner: Tenant, agent: dict[str, Any], status: str, **columns: str) -> None:
    """Put the agent where his calls would bring him."""
    sets = ", ".join(f"{name} = '{value}'" for name, value in {"status": status, **columns}.items())
    async with in_account(api_pool, owner.id) as connection:
        await connection.execute(f"update agent set {sets} where id = '{agent['id']}'".encode())


async def test_an_agent_is_made_changed_and_removed_with_a_trail(tenant: Tenant) -> None:
    made = await tenant.post(
        "/agents",
        {"key": "ada", "name": "Ada", "groups": ["north"], "skills": {"hindi": 1, "billing": 3}, "number": NUMBER},
    )
    assert made.status_code == 201, made.text
    agent = made.json()
    assert (agent["status"], agent["queues"], agent["has_phone"]) == ("LOGGED_OUT", [], False)
    assert agent["number"] == "919876543210"
    path = f"/agents/{agent['id']}"
    changed = await tenant.call("PATCH", path, json={"name": "Ada L.", "skills": {"billing": 5}})
    assert (changed.json()["name"], changed.json()["skills"]) == ("Ada L.", {"billing": 5})
    assert changed.json()["groups"] == ["north"]
    taken = await tenant.post("/agents", {"key": "ada", "name": "Another"})
    assert (taken.status_code, taken.json()["code"]) == (409, "key_taken")
    assert (await tenant.get("/agents")).json()["items"] == [changed.json()]
    assert (await tenant.get(path)).json() == changed.json()
    assert (await tenant.call("DELETE", path)).status_code == 204
    assert (await tenant.get(path)).json()["code"] == "agent_not_found"
    actions = [line["action"] for line in (await tenant.get("/account/audit")).json()["items"]]
    assert actions[:3] == ["agent_removed", "agent_changed", "agent_created"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"key": "a b"}, "invalid_key"),
        ({"key": "-a"}, "invalid_key"),
        ({"key": "a" * 65}, "invalid_body"),
        ({"name": ""}, "invalid_body"),
        ({"name": " x "}, "invalid_name"),
        ({"kind": "robot"}, "invalid_body"),
        ({"phone": "fax"}, "invalid_body"),
        ({"number": "12"}, "invalid_number"),
        ({"phone": "number"}, "number_needed"),
        ({"kind": "direct", "phone": "number"}, "number_needed"),
        ({"kind": "direct", "number": NUMBER}, "number_needed"),
        ({"skills": {"hindi": 0}}, "invalid_body"),
        ({"skills": {"hindi": -3}}, "invalid_body"),
        ({"skills": {"hindi": 11}}, "invalid_body"),
        ({"skills": {"hindi": "much"}}, "invalid_body"),
        ({"skills": {"billing:3": 1}}, "invalid_skill"),
        ({"skills": {"": 1}}, "invalid_skill"),
        ({"groups": [" north"]}, "invalid_group"),
        ({"colour": "red"}, "invalid_body"),
    ],
)
async def test_a_bad_agent_is_refused_with_a_code(tenant: Tenant, body: dict[str, Any], code: str) -> None:
    refused = await tenant.post("/agents", {"key": "ada", "name": "Ada", **body})
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    agent = await agent_of(tenant)
    changed = await tenant.call("PATCH", f"/agents/{agent['id']}", json=body)
    assert (changed.status_code, changed.json()["code"]) == (422, code), changed.text
    assert [one["key"] for one in (await tenant.get("/agents")).json()["items"]] == ["ada"]


async def test_a_sip_phone_keeps_its_user_name_and_its_password_is_shown_once(tenant: Tenant, api_pool: Pool) -> None:
    made = await tenant.post("/agents", {"key": "ada", "name": "Ada"})
    path = f"/agents/{made.json()['id']}"
    first, second = [(await tenant.post(f"{path}/phone")).json() for _ in range(2)]
    assert first["username"] == second["username"] == made.json()["phone_user"]
    assert first["password"] != second["password"]
    assert len(first["password"]) >= 24
    shown = (
        (await tenant.get(path)).text + (await tenant.get("/agents")).text + (await tenant.get("/account/audit")).text
    )
    assert second["password"] not in shown
    assert (await tenant.get(path)).json()["has_phone"]
    async with in_account(api_pool, tenant.id) as connection:
        cursor = await connection.execute(b"select phone_password from agent")
        assert await cursor.fetchone() == (second["password"],)


async def test_queues_are_made_changed_and_removed(tenant: Tenant, api_pool: Pool) -> None:
    made = await tenant.post("/queues", {"name": "support", "strategy": "skill_based", "wrap_up_s": 0})
    assert made.status_code == 201, made.text
    queue = made.json()
    assert (queue["strategy"], queue["wrap_up_s"], queue["ring_timeout_s"], queue["agents"]) == (
        "skill_based",
        0,
        20,
        0,
    )
    path = f"/queues/{queue['id']}"
    assert (await tenant.post("/queues", {"name": "support"})).json()["code"] == "name_taken"
    assert (await tenant.call("PATCH", path, json={"wrap_up_s": None})).json()["wrap_up_s"] is None
    unknown = await tenant.call("PATCH", path, json={"caller_id": "+91 22 1234 5678"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "did_not_found")
    await tenant.post("/dids", {"dids": [{"number": "+91 22 1234 5678"}]})
    changed = await tenant.call("PATCH", path, json={"caller_id": "+91 22 1234 5678", "strategy": "ring_all"})
    assert (changed.json()["caller_id"], changed.json()["strategy"]) == ("912212345678", "ring_all")
    waits = (
        "insert into queue_place (account_id, id, queue_id, record_id, leg_id, node, entered_at, patience_until, lease_until)"
        f" values ('{tenant.id}', '{uuid4()}', '{queue['id']}', '{uuid4()}', '{uuid4()}', 'n', now(), now(), now())"
    )
    async with in_account(api_pool, tenant.id) as connection:
        await connection.execute(waits.encode())
    kept = await tenant.call("DELETE", path)
    assert (kept.status_code, kept.json()["code"]) == (409, "queue_in_use")
    async with in_account(api_pool, tenant.id) as connection:
        await connection.execute(b"update queue_place set state = 'over'")
    assert (await tenant.call("DELETE", path)).status_code == 204
    assert (await tenant.get(path)).json()["code"] == "queue_not_found"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "invalid_body"),
        ({"name": "a\tb"}, "invalid_name"),
        ({"strategy": "whoever"}, "invalid_body"),
        ({"max_wait_s": -1}, "invalid_body"),
        ({"max_wait_s": 0}, "value_too_small"),
        ({"ring_timeout_s": 1}, "value_too_small"),
        ({"ring_timeout_s": 301}, "value_too_large"),
        ({"wrap_up_s": 3601}, "value_too_large"),
        ({"max_length": -5}, "invalid_body"),
        ({"misses": 101}, "value_too_large"),
        ({"service_level_s": 0}, "value_too_small"),
        ({"caller_id": "nobody"}, "invalid_number"),
        ({"music": " jazz"}, "invalid_music"),
    ],
)
async def test_a_bad_queue_is_refused_with_a_code(tenant: Tenant, body: dict[str, Any], code: str) -> None:
    refused = await tenant.post("/queues", {"name": "support", **body})
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    queue = (await tenant.post("/queues", {"name": "good"})).json()
    changed = await tenant.call("PATCH", f"/queues/{queue['id']}", json=body)
    assert (changed.status_code, changed.json()["code"]) == (422, code), changed.text


async def test_agents_stand_in_queues_by_tier_and_place(tenant: Tenant) -> None:
    ada, bob, eve = [await agent_of(tenant, key) for key in ("ada", "bob", "eve")]
    queue = (await tenant.post("/queues", {"name": "support"})).json()
    path = f"/queues/{queue['id']}/agents"
    members = [{"agent_id": ada["id"], "tier": 2}, {"agent_id": bob["id"], "place": 7}]
    put = await tenant.call("PUT", path, json={"agents": members})
    assert [(one["key"], one["tier"], one["place"]) for one in put.json()["items"]] == [("bob", 1, 7), ("ada", 2, 0)]
    one_more = await tenant.call("PUT", f"{path}/{eve['id']}", json={"tier": 3})
    assert [one["key"] for one in one_more.json()["items"]] == ["bob", "ada", "eve"]
    assert (await tenant.get(f"/queues/{queue['id']}")).json()["agents"] == 3
    (shown,) = (await tenant.get(f"/agents/{eve['id']}")).json()["queues"]
    assert (shown["name"], shown["tier"]) == ("support", 3)
    for wrong, code in (
        ([{"agent_id": str(uuid4())}], "agent_not_found"),
        ([{"agent_id": ada["id"]}, {"agent_id": ada["id"], "tier": 2}], "duplicate_agent"),
        ([{"agent_id": ada["id"], "tier": 0}], "invalid_body"),
        ([{"agent_id": ada["id"], "place": -1}], "invalid_body"),
    ):
        assert (await tenant.call("PUT", path, json={"agents": wrong})).json()["code"] == code
    assert (await tenant.call("DELETE", f"{path}/{ada['id']}")).status_code == 204
    assert (await tenant.call("DELETE", f"{path}/{ada['id']}")).json()["code"] == "agent_not_found"
    put = await tenant.call("PUT", path, json={"agents": [{"agent_id": eve["id"]}]})
    assert [(one["key"], one["tier"]) for one in put.json()["items"]] == [("eve", 1)]
    assert (await tenant.call("DELETE", f"/agents/{eve['id']}")).status_code == 204
    assert (await tenant.get(path)).json()["items"] == []


async def test_pause_codes_are_the_accounts_own(tenant: Tenant) -> None:
    for code, body in (("LUNCH", {"name": "Lunch", "limit_s": 1800}), ("TRAINING", {"name": "T", "productive": True})):
        assert (await tenant.call("PUT", f"/pause-codes/{code}", json=body)).status_code == 200
    assert (await tenant.call("PUT", "/pause-codes/LUNCH", json={"name": "Lunch break"})).json()["limit_s"] == 0
    listed = (await tenant.get("/pause-codes")).json()["items"]
    assert [(one["code"], one["name"], one["productive"]) for one in listed] == [
        ("LUNCH", "Lunch break", False),
        ("TRAINING", "T", True),
    ]
    for code, refused in (
        ("FORCED", "reserved_pause_code"),
        ("lunch", "invalid_pause_code"),
        ("A-B", "invalid_pause_code"),
    ):
        assert (await tenant.call("PUT", f"/pause-codes/{code}", json={"name": "x"})).json()["code"] == refused
    long = await tenant.call("PUT", "/pause-codes/DAY", json={"name": "x", "limit_s": 86_401})
    assert long.json()["code"] == "value_too_large"
    assert (await tenant.call("DELETE", "/pause-codes/LUNCH")).status_code == 204
    assert (await tenant.call("DELETE", "/pause-codes/LUNCH")).json()["code"] == "pause_code_not_found"


async def test_an_agent_works_a_day_at_his_desk(tenant: Tenant) -> None:
    agent = await agent_of(tenant, number=NUMBER)
    desk, path = await desk_of(tenant, agent), f"/agents/{agent['id']}"
    await tenant.call("PUT", "/pause-codes/LUNCH", json={"name": "Lunch"})
    assert (await desk.post(f"{path}/resume")).json()["code"] == "agent_logged_out"
    assert (await desk.post(f"{path}/pause", {"code": "LUNCH"})).json()["code"] == "agent_logged_out"
    assert (await desk.post(f"{path}/end-wrap-up")).json()["code"] == "agent_logged_out"
    assert (await desk.post(f"{path}/heartbeat")).json()["status"] == "LOGGED_OUT"
    logged_in = (await desk.post(f"{path}/login", {"phone": "number"})).json()
    assert (logged_in["status"], logged_in["phone"], logged_in["number"]) == ("IDLE", "number", "919876543210")
    again = (await desk.post(f"{path}/login", {"phone": "sip"})).json()
    assert (again["status"], again["since"], again["phone"]) == ("IDLE", logged_in["since"], "sip")
    assert (await desk.post(f"{path}/pause", {})).json()["code"] == "pause_code_needed"
    assert (await desk.post(f"{path}/pause", {"code": "TEA"})).json()["code"] == "pause_code_not_found"
    paused = (await desk.post(f"{path}/pause", {"code": "LUNCH"})).json()
    assert (paused["status"], paused["pause_code"]) == ("PAUSED", "LUNCH")
    assert (await desk.post(f"{path}/pause", {"code": "LUNCH"})).json()["since"] == paused["since"]
    await tenant.call("PUT", "/pause-codes/TEA", json={"name": "Tea"})
    assert (await desk.post(f"{path}/pause", {"code": "TEA"})).json()["code"] == "already_paused"
    assert (await desk.post(f"{path}/resume")).json()["status"] == "IDLE"
    assert (await desk.post(f"{path}/logout", {})).json()["status"] == "LOGGED_OUT"
    assert (await desk.post(f"{path}/logout", {})).status_code == 200
    events = (await desk.get(f"{path}/events")).json()["items"]
    assert [(one["from_status"], one["to_status"], one["reason"], one["pause_code"]) for one in reversed(events)] == [
        ("LOGGED_OUT", "IDLE", "logged_in", ""),
        ("IDLE", "PAUSED", "paused", "LUNCH"),
        ("PAUSED", "IDLE", "resumed", ""),
        ("IDLE", "LOGGED_OUT", "logged_out", ""),
    ]
    assert all(one["actor"].startswith("key:") and one["lasted_ms"] > 0 for one in events)
    first = (await desk.get(f"{path}/events?limit=1")).json()
    rest = (await desk.get(f"{path}/events?limit=9&cursor={first['next']}")).json()
    assert [*first["items"], *rest["items"]] == events


async def test_a_phone_that_he_does_not_have_is_refused(tenant: Tenant) -> None:
    made = (await tenant.post("/agents", {"key": "ada", "name": "Ada"})).json()
    path = f"/agents/{made['id']}"
    for body, code in (({}, "no_sip_phone"), ({"phone": "number"}, "no_number"), ({"phone": "fax"}, "invalid_body")):
        assert (await tenant.post(f"{path}/login", body)).json()["code"] == code
    assert (await tenant.get(path)).json()["status"] == "LOGGED_OUT"


@pytest.mark.parametrize("status", ["INCOMING", "ON_CALL", "WRAPPING_UP"])
async def test_what_is_asked_for_in_mid_call_follows_the_wrap_up(tenant: Tenant, api_pool: Pool, status: str) -> None:
    agent = await agent_of(tenant, number=NUMBER)
    desk, path = await desk_of(tenant, agent), f"/agents/{agent['id']}"
    await tenant.call("PUT", "/pause-codes/LUNCH", json={"name": "Lunch"})
    await desk.post(f"{path}/login", {})
    await put_in(api_pool, tenant, agent, status)
    asked = (await desk.post(f"{path}/pause", {"code": "LUNCH"})).json()
    assert (asked["status"], asked["wanted"]) == (status, "PAUSED")
    changed = (await desk.post(f"{path}/logout", {})).json()
    assert (changed["status"], changed["wanted"]) == (status, "LOGGED_OUT")
    stays = (await desk.post(f"{path}/resume")).json()
    assert (stays["status"], stays["wanted"]) == (status, "")
    assert (await desk.post(f"{path}/pause", {"code": "LUNCH"})).json()["wanted"] == "PAUSED"
    other = await desk.post(f"{path}/login", {"phone": "number"})
    ended = await desk.post(f"{path}/end-wrap-up")
    if status != "WRAPPING_UP":
        assert (other.status_code, other.json()["code"]) == (409, "agent_on_call")
        assert (ended.status_code, ended.json()["code"]) == (409, "agent_on_call")
        await put_in(api_pool, tenant, agent, "WRAPPING_UP")
        ended = await desk.post(f"{path}/end-wrap-up")
    assert (ended.json()["status"], ended.json()["pause_code"], ended.json()["wanted"]) == ("PAUSED", "LUNCH", "")
    (event, *_) = (await desk.get(f"{path}/events")).json()["items"]
    assert (event["from_status"], event["to_status"], event["reason"]) == ("WRAPPING_UP", "PAUSED", "asked_for")


async def test_a_supervisor_forces_and_what_he_forced_only_he_takes_back(tenant: Tenant, api_pool: Pool) -> None:
    agent = await agent_of(tenant)
    desk, boss, path = await desk_of(tenant, agent), await tenant.with_key("supervisor"), f"/agents/{agent['id']}"
    await tenant.call("PUT", "/pause-codes/LUNCH", json={"name": "Lunch"})
    await desk.post(f"{path}/login", {})
    forced = (await boss.post(f"{path}/pause", {})).json()
    assert (forced["status"], forced["pause_code"]) == ("PAUSED", "FORCED")
    refused = await desk.post(f"{path}/resume")
    assert (refused.status_code, refused.json()["code"]) == (409, "pause_is_forced")
    assert (await boss.post(f"{path}/resume")).json()["status"] == "IDLE"
    await put_in(api_pool, tenant, agent, "ON_CALL")
    assert (await boss.post(f"{path}/logout", {})).json()["wanted"] == "LOGGED_OUT"
    assert (await desk.post(f"{path}/resume")).json()["wanted"] == "LOGGED_OUT"
    assert (await desk.post(f"{path}/pause", {"code": "LUNCH"})).json()["wanted"] == "LOGGED_OUT"
    assert (await desk.post(f"{path}/logout", {"force": True})).json()["code"] == "missing_right"
    out = (await boss.post(f"{path}/logout", {"force": True})).json()
    assert (out["status"], out["reason"], out["wanted"]) == ("LOGGED_OUT", "forced", "")
    audit = (await tenant.get("/account/audit")).json()["items"]
    assert [(line["action"], line["object"]) for line in audit[:4]] == [
        ("agent_log_out_at_once", f"agent:{agent['id']}"),
        ("agent_log_out", f"agent:{agent['id']}"),
        ("agent_resume", f"agent:{agent['id']}"),
        ("agent_pause", f"agent:{agent['id']}"),
    ]


async def test_a_desk_is_its_agents_alone(tenant: Tenant) -> None:
    ada, bob = await agent_of(tenant, "ada", number=NUMBER), await agent_of(tenant, "bob")
    desk, loose = await desk_of(tenant, ada), await tenant.with_key("agent")
    for key in (loose, await desk_of(tenant, bob)):
        for action in ("login", "logout", "pause", "resume", "end-wrap-up", "heartbeat"):
            bare = action in ("resume", "end-wrap-up", "heartbeat")
            refused = await key.post(f"/agents/{ada['id']}/{action}", None if bare else {})
            assert (refused.status_code, refused.json()["code"]) == (403, "not_your_agent"), action
        for path in (f"/agents/{ada['id']}", f"/agents/{ada['id']}/events"):
            assert (await key.get(path)).json()["code"] == "not_your_agent"
    assert (await desk.get(f"/agents/{ada['id']}")).json()["number"] == "919876543210"
    boss = await tenant.with_key("supervisor")
    assert (await boss.get(f"/agents/{ada['id']}")).json()["number"] == "9198******10"
    for path in ("/agents", "/queues", "/board"):
        assert (await desk.get(path)).json()["code"] == "missing_right"
        assert (await boss.get(path)).status_code == 200
    assert (await desk.get("/pause-codes")).status_code == 200
    tried: list[tuple[str, str, dict[str, str] | None]] = [
        ("POST", "/agents", {"key": "x", "name": "X"}),
        ("POST", "/queues", {"name": "x"}),
        ("POST", f"/agents/{bob['id']}/phone", None),
        ("DELETE", f"/agents/{bob['id']}", None),
        ("PATCH", f"/agents/{bob['id']}", {"name": "Robert"}),
        ("PUT", "/pause-codes/TEA", {"name": "Tea"}),
    ]
    for method, path, body in tried:
        refused = await boss.call(method, path, **({"json": body} if body else {}))
        assert refused.json()["code"] == "missing_right", path
    assert (await boss.call("PATCH", f"/agents/{bob['id']}", json={"skills": {"hindi": 2}})).json()["skills"] == {
        "hindi": 2
    }
    nobody = await tenant.post("/keys", {"name": "k", "role": "agent", "agent_id": str(uuid4())})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "agent_not_found")


async def test_an_agent_at_work_is_not_removed_and_his_keys_end_with_him(tenant: Tenant) -> None:
    agent = await agent_of(tenant)
    desk, path = await desk_of(tenant, agent), f"/agents/{agent['id']}"
    await desk.post(f"{path}/login", {})
    refused = await tenant.call("DELETE", path)
    assert (refused.status_code, refused.json()["code"]) == (409, "agent_at_work")
    await desk.post(f"{path}/logout", {})
    assert (await tenant.call("DELETE", path)).status_code == 204
    assert (await desk.get("/pause-codes")).json()["code"] == "unauthenticated"


async def test_an_account_may_start_its_agents_paused(stage: Stage) -> None:
    account = await stage.account("Calm", settings={"agents_start_paused": True})
    agent = await agent_of(account)
    desk, path = await desk_of(account, agent), f"/agents/{agent['id']}"
    assert (await desk.post(f"{path}/login", {})).json()["status"] == "PAUSED"
    assert (await desk.post(f"{path}/resume")).json()["status"] == "IDLE"
    wrong = await account.call("PATCH", "/account", json={"settings": {"agents_start_paused": "yes"}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_setting")


async def test_the_board_shows_who_is_at_work_and_with_whom(tenant: Tenant, api_pool: Pool) -> None:
    ada, bob, _ = [await agent_of(tenant, key, number=NUMBER) for key in ("ada", "bob", "eve")]
    queue = (await tenant.post("/queues", {"name": "support"})).json()
    await tenant.call("PUT", f"/queues/{queue['id']}/agents/{ada['id']}", json={})
    await tenant.call("PUT", "/pause-codes/TEA", json={"name": "Tea", "limit_s": 60})
    await tenant.post(f"/agents/{ada['id']}/login", {"phone": "number"})
    await tenant.post(f"/agents/{bob['id']}/login", {})
    await tenant.post(f"/agents/{bob['id']}/pause", {"code": "TEA"})
    await put_in(api_pool, tenant, bob, "PAUSED", since="2026-01-01T00:00:00Z")
    await put_in(api_pool, tenant, ada, "ON_CALL")
    place, record, leg = uuid4(), uuid4(), uuid4()
    async with in_account(api_pool, tenant.id) as connection:
        await connection.execute(
            "insert into queue_place (account_id, id, queue_id, record_id, leg_id, node, state, entered_at, patience_until,"
            f" lease_until) values ('{tenant.id}', '{place}', '{queue['id']}', '{record}', '{leg}', 'n', 'talking', now(), now(),"
            " now())".encode()
        )
        await connection.execute(
            "insert into offer (account_id, id, place_id, agent_id, node, made_at, taken_at, ring_timeout_s) values"
            f" ('{tenant.id}', '{uuid4()}', '{place}', '{ada['id']}', 'n', now(), now(), 20)".encode()
        )
    boss = await tenant.with_key("supervisor")
    talking, away = (await boss.get("/board")).json()["items"]
    assert (talking["name"], talking["status"], talking["device"]) == ("Ada", "ON_CALL", "9198******10")
    assert (talking["queue"], talking["queues"], talking["record_id"]) == ("support", ["support"], str(record))
    assert (talking["leg_id"], talking["flow"]) == (str(leg), None)
    assert (away["name"], away["device"], away["pause_state"], away["over_limit"]) == ("Bob", "sip", "TEA", True)
    assert away["duration_ms"] > 86_400_000
    first = (await boss.get("/board?limit=1")).json()
    assert [one["name"] for one in (await boss.get(f"/board?cursor={first['next']}")).json()["items"]] == ["Bob"]
