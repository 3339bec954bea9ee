from __future__ import annotations

from uuid import uuid4

from central.entrypoints.api.services import Neighbour
from tests.integration.api.conftest import OPERATOR_KEY, Stage, Tenant


async def test_without_a_key_everything_but_health_is_closed(stage: Stage) -> None:
    answer = await stage.client.get("/api/v1/account")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "unauthenticated"
    assert (await stage.client.get("/health/live")).status_code == 200
    assert (await stage.client.get("/metrics")).text == "central_up 1\n"
    assert "/api/v1" in (await stage.client.get("/")).text


async def test_ready_names_each_neighbour(stage: Stage) -> None:

    assert (await stage.client.get("/health/ready")).json()["status"] == "ready"
    stage.neighbours.append(Neighbour("asterisk", "absent", "no answer", needed=False))
    assert (await stage.client.get("/health/ready")).status_code == 200
    stage.neighbours[0] = Neighbour("postgresql", "absent", "connection refused")
    answer = await stage.client.get("/health/ready")
    assert answer.status_code == 503
    assert {(n["name"], n["state"]) for n in answer.json()["neighbours"]} == {
        ("postgresql", "absent"),
        ("asterisk", "absent"),
    }


async def test_a_revoked_key_ends_at_once(tenant: Tenant) -> None:
    other = await tenant.with_key("admin")
    key_id = next(k["id"] for k in (await tenant.get("/keys")).json()["items"] if k["name"] == "admin")
    assert (await other.get("/account")).status_code == 200
    assert (await tenant.call("DELETE", f"/keys/{key_id}")).json()["revoked_at"]
    assert (await other.get("/account")).json()["code"] == "unauthenticated"


async def test_a_key_shows_its_secret_once_and_notes_its_use(tenant: Tenant) -> None:
    made = (await tenant.post("/keys", {"name": "ci", "role": "campaign_manager"})).json()
    assert made["secret"].startswith(f"ck_{made['key']['hint']}_")
    listed = await tenant.get("/keys")
    assert made["secret"] not in listed.text
    used = {key["name"]: key["last_used_at"] for key in listed.json()["items"]}
    assert used["first"] is not None
    assert used["ci"] is None


async def test_a_scope_narrows_a_role_and_no_key_makes_a_stronger_one(tenant: Tenant) -> None:
    reader = await tenant.with_key("admin", ["account:read", "keys:change"])
    assert (await reader.get("/account")).status_code == 200
    denied = await reader.get("/flows")
    assert denied.status_code == 403
    assert denied.json()["code"] == "missing_right"
    stronger = await reader.post("/keys", {"name": "more", "role": "owner"})
    assert stronger.json()["code"] == "beyond_own_rights"
    assert (await tenant.post("/keys", {"name": "x", "role": "agent", "scopes": ["flows:edit"]})).status_code == 422


async def test_a_suspended_account_and_a_foreign_address_stay_outside(stage: Stage) -> None:
    suspended = await stage.account("Late payer", state="suspended")
    assert (await suspended.get("/account")).json()["code"] == "account_suspended"
    listed = await stage.account("Careful", check_ip=True, settings={"ip_networks": ["10.0.0.0/8"]})
    assert (await listed.get("/account")).json()["code"] == "address_not_listed"


async def test_more_calls_than_the_rate_get_429_with_retry_after(stage: Stage) -> None:
    slow = await stage.account("Slow", api_per_minute=3)
    answers = [await slow.get("/account") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit"] == '"account";r=2;t=0'
    assert answers[0].headers["ratelimit-policy"] == '"account";q=3;w=60'
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    assert answers[3].json()["code"] == "rate_limited"


async def test_every_answer_has_a_request_id_and_a_log_line(stage: Stage, tenant: Tenant) -> None:
    answer = await tenant.get("/account", headers={"X-Request-Id": "abc-123"})
    assert answer.headers["x-request-id"] == "abc-123"
    missing = await stage.client.get("/nowhere")
    assert missing.json()["code"] == "no_such_route"
    assert missing.json()["request_id"] == missing.headers["x-request-id"]
    lines = [keys for name, keys in stage.telemetry.events if name == "api_request_answered"]
    line = next(keys for keys in lines if keys["request_id"] == "abc-123")
    assert (line["status"], line["route"], line["account_id"]) == (200, "/api/v1/account", str(tenant.id))
    assert tenant.key not in str(stage.telemetry.events)


async def test_bad_bodies_get_a_clear_problem(tenant: Tenant) -> None:
    json = {"Content-Type": "application/json"}
    unreadable = await tenant.post("/trunks", content=b'{"name": "a",,}', headers=json)
    assert (unreadable.status_code, unreadable.json()["code"]) == (400, "unreadable_json")
    assert "byte 13" in unreadable.json()["detail"]
    unknown = await tenant.post("/trunks", {"name": "a", "host": "sip.example.org", "colour": "red"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_body")
    assert "colour" in unknown.text
    wrong = await tenant.post("/trunks", {"name": "a", "host": "sip.example.org", "port": "many"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "port"
    typed = await tenant.post("/trunks", content=b"name=a", headers={"Content-Type": "text/plain"})
    assert (typed.status_code, typed.json()["code"]) == (415, "unsupported_media_type")
    large = await tenant.post("/trunks", content=b'{"name": "' + b"a" * 1_000_001 + b'"}', headers=json)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    assert "1000000 bytes" in large.json()["detail"]
    for verb, path in (("POST", "/trunks"), ("PATCH", "/account"), ("PUT", "/lists/dnd/entries")):
        empty = await tenant.call(verb, path, headers=json)
        assert (empty.status_code, empty.json()["code"]) == (422, "invalid_body")
        assert "needs a body" in empty.json()["detail"]
    nul = await tenant.post("/trunks", {"name": "a\0b", "host": "sip.example.org"})
    assert nul.status_code == 422
    for path in ("", "/nowhere", "/nowhere/at/all", "/flows/x/nowhere/at/all"):
        nothing = await tenant.get(path)
        assert (nothing.status_code, nothing.json()["code"]) == (404, "no_such_route"), path
        assert nothing.headers["content-type"] == "application/problem+json"
    method = await tenant.call("DELETE", "/account")
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")
    query = await tenant.get("/flows?limit=0")
    assert (query.status_code, query.json()["code"]) == (400, "invalid_parameter")
    cursor = await tenant.get("/flows?cursor=%%%")
    assert (cursor.status_code, cursor.json()["code"]) == (400, "invalid_cursor")


async def test_a_repeated_post_with_its_key_gives_the_same_answer(tenant: Tenant) -> None:
    body = {"name": "main", "host": "sip.example.org"}
    key = {"Idempotency-Key": "once"}
    first = await tenant.post("/trunks", body, headers=key)
    second = await tenant.post("/trunks", body, headers=key)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    other = await tenant.post("/trunks", body | {"name": "other"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await tenant.get("/trunks")).json()["items"]) == 1
    secret = {"name": "ci", "role": "agent"}
    made = await tenant.post("/keys", secret, headers={"Idempotency-Key": "key"})
    again = await tenant.post("/keys", secret, headers={"Idempotency-Key": "key"})
    assert made.json()["secret"]
    assert again.json()["secret"] is None


async def test_the_operator_makes_accounts_with_a_key_of_its_own(stage: Stage, tenant: Tenant) -> None:

    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    path = "/api/v1/operator/accounts"
    assert (await tenant.get("/operator/accounts")).status_code == 401
    made = await stage.client.post(path, json={"name": "New", "opening_balance": "12.5"}, headers=headers)
    assert made.status_code == 201, made.text
    assert made.json()["balance"] == "12.50"
    account = made.json()["id"]
    funds = await stage.client.post(f"{path}/{account}/funds", json={"amount": "0.25"}, headers=headers)
    assert funds.json() == {"balance": "12.75"}
    changed = await stage.client.patch(f"{path}/{account}", json={"valid_until": "2020-01-01"}, headers=headers)
    assert changed.json()["valid_until"] == "2020-01-01"
    assert (await stage.client.patch(f"{path}/{uuid4()}", json={"state": "closed"}, headers=headers)).status_code == 404
    key = await stage.client.post(f"{path}/{account}/keys", json={"name": "k", "role": "owner"}, headers=headers)
    owner = Tenant(account, key.json()["secret"], stage.client)
    ledger = (await owner.get("/account/ledger")).json()["items"]
    assert [(entry["kind"], entry["amount"]) for entry in ledger] == [("topup", "0.25"), ("topup", "12.50")]
    trail = (await owner.get("/account/audit")).json()["items"]
    assert [line["action"] for line in trail] == ["key_issued", "account_changed", "funds_added", "account_created"]
