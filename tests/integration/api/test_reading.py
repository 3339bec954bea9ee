"""What cannot be read or stored, or was not asked for: bytes, nesting, U+0000, unknown parameters."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from tests.integration.api.conftest import OPERATOR_KEY, Stage, Tenant

JSON = {"Content-Type": "application/json"}
CSV = {"Content-Type": "text/csv"}
NUL = "a\0b"


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "\xff", "host": "sip.example.org"}',
        b'{"name": "\xc3"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"name": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"name": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"nul",
    ],
)
async def test_what_is_no_json_is_unreadable(tenant: Tenant, body: bytes) -> None:
    for method, path in (("POST", "/trunks"), ("POST", "/requests"), ("PATCH", "/account"), ("POST", "/keys")):
        assert told(await tenant.call(method, path, content=body, headers=JSON)) == (400, "unreadable_json"), path


async def test_no_body_holds_the_null_character(stage: Stage, tenant: Tenant) -> None:
    operator = Tenant(tenant.id, OPERATOR_KEY, stage.client)
    sent: list[tuple[Tenant, str, str, Any]] = [
        (tenant, "PATCH", "/account", {"settings": {"deep": [{"in": NUL}]}}),
        (tenant, "PATCH", "/account", {"settings": {NUL: 1}}),
        (tenant, "POST", "/keys", {"name": "k", "role": NUL}),
        (tenant, "POST", "/people", {"email": "ada@example.org", "role": "agent", "name": NUL}),
        (tenant, "POST", "/trunks", {"name": "t", "host": "sip.example.org", "username": NUL}),
        (tenant, "POST", "/dids", {"dids": [{"number": "912212345678", "label": NUL}]}),
        (tenant, "PUT", "/lists/dnd/entries", {"entries": [{"number": "9876543210", "categories": [NUL]}]}),
        (tenant, "POST", "/requests", {"flow": NUL, "records": []}),
        (tenant, "POST", "/requests", {"flow": "f", "name": NUL, "records": []}),
        (operator, "POST", f"/operator/accounts/{tenant.id}/funds", {"amount": "1", "note": NUL}),
        (operator, "POST", "/operator/accounts", {"name": "New", "kind": NUL}),
    ]
    for caller, method, path, body in sent:
        assert told(await caller.call(method, path, json=body)) == (422, "bad_character"), (path, body)
    assert stage.intake.submitted == []
    escaped = await tenant.call("PATCH", "/account", json={"settings": {"pattern": "\\u0000"}})
    assert escaped.status_code == 200, "a backslash and five letters are no U+0000"


async def test_a_record_with_the_null_character_is_judged_alone(stage: Stage, tenant: Tenant) -> None:
    body = {"flow": "f", "records": [{"numbers": ["919876543210"], "variables": {"name": NUL}}]}
    assert (await tenant.post("/requests", body)).status_code == 201
    assert stage.intake.submitted[0][1].records[0].variables == {"name": NUL}


@pytest.mark.parametrize(
    "path",
    [
        "/flows/a%00b",
        "/lists/a%00b/entries",
        "/prompts/a%00b",
        "/requests?flow=a%00b",
        "/lists/dnd/entries?prefix=9%001",
        "/requests?a%00b=1",
    ],
)
async def test_no_address_holds_the_null_character(tenant: Tenant, path: str) -> None:
    method = "PUT" if path.startswith("/prompts") else "GET"
    answer = await tenant.call(method, path, headers={"Content-Type": "audio/wav"})
    assert told(answer) in {(422, "bad_character"), (400, "unknown_parameter")}


async def test_neither_cursor_nor_file_name_nor_mapping_holds_it(stage: Stage, tenant: Tenant) -> None:
    cursor = urlsafe_b64encode(json.dumps({"name": NUL, "number": NUL}).encode()).decode()
    for path in ("/flows", "/dids", "/prompts", "/lists/dnd/entries"):
        assert told(await tenant.get(path, params={"cursor": cursor})) == (400, "invalid_cursor"), path
    named = {"Content-Type": "text/csv", "Content-Disposition": "attachment; filename*=UTF-8''a%00.csv"}
    upload = await tenant.post("/requests/upload?flow=f", content=b"tel1\n", headers=named)
    assert told(upload) == (422, "bad_character")
    mapping = {"flow": "f", "mapping": json.dumps({NUL: "tel1"})}
    mapped = await tenant.post("/requests/upload", content=b"tel1\n", headers=CSV, params=mapping)
    assert told(mapped) == (400, "invalid_parameter")
    assert stage.intake.uploaded == []


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [
        ("POST", "/flows/appointment_reminder/stop?preveiw=true", "preview"),
        ("POST", "/requests/upload?flow=f&mod=testing", "mode"),
        ("POST", "/lists/dnd/import?fresh=2026-01-01T00:00:00Z", "fresh_at"),
        ("GET", "/requests?creatd_from=2026-01-01T00:00:00Z", "created_from"),
        ("GET", "/flows?zebra=1", ""),
        ("PATCH", "/account?dry_run=true", ""),
    ],
)
async def test_an_unknown_parameter_stops_the_call_before_it_acts(
    stage: Stage, tenant: Tenant, method: str, path: str, near: str
) -> None:
    await tenant.flow()
    answer = await tenant.call(method, path, headers=CSV if method == "POST" else {})
    assert told(answer) == (400, "unknown_parameter"), answer.text
    assert (f"Did you mean {near}?" in answer.json()["detail"]) == bool(near)
    assert answer.json()["errors"][0]["field"] in path
    assert stage.intake.uploaded == []
    actions = {line["action"] for line in (await tenant.get("/account/audit")).json()["items"]}
    assert actions.isdisjoint({"flow_stopped", "list_imported", "account_changed"})


async def test_the_operator_mistypes_no_parameter_either(stage: Stage) -> None:
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    answer = await stage.client.get("/api/v1/operator/accounts?limt=1", headers=headers)
    assert told(answer) == (400, "unknown_parameter")
