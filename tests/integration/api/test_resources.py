from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.pool import Pool
from central.application.administration.acting import Actor
from central.domain.errors import InvalidInput
from tests.integration.api.conftest import OPERATOR_KEY, Stage, Tenant, document

YAML = {"Content-Type": "application/yaml"}


async def test_trunks_keep_routes_and_never_show_the_password(tenant: Tenant) -> None:
    made = await tenant.post(
        "/trunks",
        {
            "name": "carrier",
            "host": "sip.example.org",
            "username": "u",
            "password": "geheim-1",
            "routes": [{"prefix": "91", "priority": 1}, {"prefix": "", "priority": 2}],
        },
    )
    assert made.status_code == 201, made.text
    trunk = made.json()
    assert trunk["has_password"]
    assert trunk["routes"] == [{"prefix": "", "priority": 2}, {"prefix": "91", "priority": 1}]
    changed = await tenant.call("PATCH", f"/trunks/{trunk['id']}", json={"cps_cap": 3, "routes": [{"prefix": "+44"}]})
    assert (changed.json()["cps_cap"], changed.json()["routes"]) == (3, [{"prefix": "44", "priority": 1}])
    assert changed.json()["channel_cap"] == 100
    taken = await tenant.post("/trunks", {"name": "carrier", "host": "192.0.2.1"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert (await tenant.post("/trunks", {"name": "b", "host": "no host"})).json()["code"] == "invalid_host"
    assert "geheim-1" not in (await tenant.get("/trunks")).text + (await tenant.get(f"/trunks/{trunk['id']}")).text
    assert (await tenant.call("DELETE", f"/trunks/{trunk['id']}")).status_code == 204
    assert (await tenant.get(f"/trunks/{trunk['id']}")).json()["code"] == "trunk_not_found"
    actions = [line["action"] for line in (await tenant.get("/account/audit")).json()["items"]]
    assert actions[:3] == ["trunk_removed", "trunk_changed", "trunk_created"]


async def test_dids_are_normalised_and_kept_while_a_flow_uses_them(tenant: Tenant) -> None:
    stored = await tenant.post("/dids", {"dids": [{"number": "98765 43210"}, {"number": "+91 22 1234 5678"}]})
    assert stored.json() == {"added": 2, "numbers": ["919876543210", "912212345678"]}
    assert (await tenant.post("/dids", {"dids": [{"number": "12"}]})).json()["code"] == "invalid_number"
    flow = await tenant.flow()
    listed = (await tenant.get("/dids")).json()["items"]
    assert [(did["number"], did["flows"]) for did in listed] == [("912212345678", [flow["id"]]), ("919876543210", [])]
    assert (await tenant.call("DELETE", "/dids/912212345678")).json()["code"] == "did_in_use"
    assert (await tenant.call("DELETE", "/dids/919876543210")).status_code == 204
    missing = await tenant.call("PUT", f"/flows/{flow['id']}/dids", json={"dids": ["919876543210"]})
    assert (missing.status_code, missing.json()["details"]) == (404, {"dids": ["919876543210"]})


async def test_a_number_belongs_to_one_account(stage: Stage, tenant: Tenant) -> None:
    other = await stage.account("Rival Telephony")
    mine, free = {"number": "+91 22 1234 5678"}, {"number": "+91 22 1234 5679"}
    assert (await tenant.post("/dids", {"dids": [mine]})).status_code == 200
    refused = await other.post("/dids", {"dids": [free, mine]})
    assert (refused.status_code, refused.json()["code"]) == (409, "did_taken")
    assert "912212345678" in refused.json()["detail"]
    assert "Acme" not in refused.text
    assert (await other.get("/dids")).json()["items"] == []
    assert (await tenant.post("/dids", {"dids": [mine | {"label": "main"}]})).json()["added"] == 0
    assert (await tenant.call("DELETE", "/dids/912212345678")).status_code == 204
    assert (await other.post("/dids", {"dids": [free, mine]})).json()["added"] == 2


async def test_two_accounts_cannot_both_be_the_first(stage: Stage, tenant: Tenant) -> None:
    accounts = [tenant, await stage.account("Second"), await stage.account("Third")]
    body = {"dids": [{"number": "+91 22 1234 5678"}]}
    answers = await asyncio.gather(*(account.post("/dids", body) for account in accounts))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_lists_grow_in_version_and_are_searched_by_prefix(tenant: Tenant) -> None:
    put = await tenant.call(
        "PUT",
        "/lists/blacklist/entries",
        json={"entries": [{"number": "9876543210", "note": "asked"}, {"number": "9199", "prefix": True}]},
    )
    assert put.status_code == 200, put.text
    assert put.json()["state"] | {"fresh_at": None} == {
        "list": "blacklist",
        "version": 1,
        "entries": 2,
        "more": False,
        "fresh_at": None,
    }
    again = await tenant.call("PUT", "/lists/blacklist/entries", json={"entries": [{"number": "9876543210"}]})
    assert (again.json()["added"], again.json()["unchanged"], again.json()["state"]["version"]) == (0, 1, 2)
    found = (await tenant.get("/lists/blacklist/entries?prefix=91")).json()["items"]
    assert [entry["number"] for entry in found] == ["919876543210", "9199"]
    assert (await tenant.get("/lists/blacklist/entries?prefix=92")).json()["items"] == []
    first = (await tenant.get("/lists/blacklist/entries?limit=1")).json()
    second = (await tenant.get(f"/lists/blacklist/entries?limit=1&cursor={first['next']}")).json()
    assert [first["items"][0]["number"], second["items"][0]["number"], second["next"]] == ["919876543210", "9199", None]
    gone = await tenant.call(
        "DELETE", "/lists/blacklist/entries", json={"entries": [{"number": "9199", "prefix": True}]}
    )
    assert (gone.json()["removed"], gone.json()["state"]["entries"]) == (1, 1)
    assert (await tenant.get("/lists/greylist/entries")).json()["code"] == "list_not_found"


@pytest.mark.parametrize("name", ["blacklist", "whitelist", "dnd"])
async def test_a_file_of_many_rows_is_taken_in_whole(tenant: Tenant, name: str) -> None:
    async def rows() -> AsyncIterator[bytes]:
        yield b"\xef\xbb\xbfnumber;note\r\n" if name != "dnd" else b"number,register,categories\n"
        for start in range(0, 30_000, 1000):
            yield b"".join(b"9198%08d\n" % number for number in range(start, start + 1000))
            await asyncio.sleep(0)
        yield b"12\nabc\n919800000000\n"

    loaded = await tenant.post(f"/lists/{name}/import", content=rows(), headers={"Content-Type": "text/csv"})
    assert loaded.status_code == 200, loaded.text
    result = loaded.json()
    assert (result["read"], result["refused"], result["change"]["added"]) == (30_003, 2, 30_000)
    assert [row["code"] for row in result["bad_rows"]] == ["invalid_number", "invalid_number"]
    assert [row["line"] for row in result["bad_rows"]] == [30_002, 30_003]
    replaced = await tenant.post(
        f"/lists/{name}/import?replace=true",
        content=b"919800000001\n919900000000\n",
        headers={"Content-Type": "text/csv"},
    )
    change = replaced.json()["change"]
    assert (change["added"], change["removed"], change["unchanged"], change["state"]["entries"]) == (1, 29_999, 1, 2)
    assert (change["state"]["fresh_at"] is not None) == (name == "dnd")
    nothing = await tenant.post(
        f"/lists/{name}/import?replace=true", content=b"abc\n", headers={"Content-Type": "text/csv"}
    )
    assert nothing.json()["code"] == "empty_file"
    broken = await tenant.post(f"/lists/{name}/import", content=b"91\xff\n", headers={"Content-Type": "text/csv"})
    assert broken.json()["code"] == "unknown_encoding"
    states = {state["list"]: state["entries"] for state in (await tenant.get("/lists")).json()["items"]}
    assert states[name] == 2


async def test_a_draft_is_saved_with_its_findings_and_only_publishing_refuses_them(tenant: Tenant) -> None:
    broken = document() + b"colour: red\n"
    made = await tenant.post("/flows", content=broken, headers=YAML)
    assert made.status_code == 201, made.text
    flow = made.json()
    assert any(finding["severity"] == "error" for finding in flow["draft_findings"])
    refused = await tenant.post(f"/flows/{flow['id']}/publish", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "flow_has_errors")
    codes = {finding["code"] for finding in refused.json()["details"]["findings"]}
    assert "flow_without_did" in codes
    assert len(codes) >= 2
    kept = await tenant.get(f"/flows/{flow['id']}/draft")
    assert kept.content == broken
    unreadable = await tenant.post("/flows", content=b"flow: [", headers=YAML)
    assert (unreadable.status_code, unreadable.json()["code"]) == (422, "document_syntax")
    typed = await tenant.post("/flows", content=broken, headers={"Content-Type": "text/html"})
    assert typed.status_code == 415
    large = await tenant.post("/flows", content=b"#" * 1_100_000, headers=YAML)
    assert large.status_code == 413
    taken = await tenant.post("/flows", content=document(), headers=YAML)
    assert taken.json()["code"] == "name_taken"


async def test_versions_are_frozen_and_production_moves(tenant: Tenant) -> None:
    flow = await tenant.flow()
    first = await tenant.post(f"/flows/{flow['name']}/publish", {"note": "go"})
    assert first.status_code == 201, first.text
    assert (first.json()["number"], first.json()["note"]) == (1, "go")
    etag = (await tenant.get(f"/flows/{flow['id']}")).headers["etag"]
    second = document() + b"# a comment\n"
    saved = await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=second, headers=YAML | {"If-Match": etag})
    assert saved.status_code == 200, saved.text
    stale = await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=second, headers=YAML | {"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (409, "draft_changed")
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).json()["number"] == 2
    assert (await tenant.get(f"/flows/{flow['id']}/versions/1")).content == document()
    assert (await tenant.get(f"/flows/{flow['id']}/versions/2")).content == second
    back = await tenant.call("PUT", f"/flows/{flow['id']}/production", json={"version": 1})
    assert back.json()["production_version"] == 1
    missing = await tenant.call("PUT", f"/flows/{flow['id']}/production", json={"version": 9})
    assert (missing.status_code, missing.json()["code"]) == (404, "version_not_found")
    versions = (await tenant.get(f"/flows/{flow['id']}/versions")).json()["items"]
    assert [version["number"] for version in versions] == [2, 1]
    assert (await tenant.get(f"/flows/{flow['id']}/draft")).content == second


async def test_the_snapshot_of_a_draft_is_one_per_content(api_pool: Pool, tenant: Tenant) -> None:
    flow, intake = await tenant.flow(), PostgresIntake(api_pool)

    async def snapshot() -> UUID:
        return await intake.freeze_draft(tenant.id, flow["id"], uuid4(), "test")

    one, two = await asyncio.gather(snapshot(), snapshot())
    await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=document() + b"#\n", headers=YAML)
    three = await snapshot()
    assert one == two != three
    _, number, _ = await intake.version_document(tenant.id, one)
    assert number is None
    assert (await tenant.get(f"/flows/{flow['id']}/versions")).json()["items"] == []


async def test_switches_archive_and_security_id(tenant: Tenant) -> None:
    flow = await tenant.flow()
    assert (await tenant.call("PUT", f"/flows/{flow['id']}/active", json={"active": False})).json()["active"] is False
    assert (await tenant.call("PUT", f"/flows/{flow['id']}/archived", json={"archived": True})).json()["archived_at"]
    refused = await tenant.post(f"/flows/{flow['id']}/publish", {})
    assert refused.json()["code"] == "flow_archived"
    secret = (await tenant.post(f"/flows/{flow['id']}/security-id", {"overlap_s": 60})).json()["security_id"]
    assert len(bytes.fromhex(secret)) == 32
    shown = (await tenant.get(f"/flows/{flow['id']}")).json()
    assert shown["has_security_id"]
    assert secret not in str(shown) + (await tenant.get("/account/audit")).text


async def test_people_keep_an_owner_and_a_strong_password(tenant: Tenant) -> None:
    weak = {"email": "a@example.org", "role": "owner", "password": "secret"}
    assert (await tenant.post("/people", weak)).json()["code"] == "weak_password"
    made = await tenant.post("/people", weak | {"password": "Gut-genug-1", "name": "Ada"})
    assert made.status_code == 201, made.text
    ada = made.json()
    assert (await tenant.post("/people", weak | {"password": None})).json()["code"] == "already_member"
    alone = await tenant.call("PATCH", f"/people/{ada['id']}", json={"role": "agent"})
    assert (alone.status_code, alone.json()["code"]) == (409, "last_owner")
    await tenant.post("/people", {"email": "b@example.org", "role": "owner"})
    changed = await tenant.call(
        "PATCH", f"/people/{ada['id']}", json={"role": "agent", "extra_rights": ["numbers:unmask"]}
    )
    assert (changed.json()["role"], changed.json()["extra_rights"]) == ("agent", ["numbers:unmask"])
    assert (
        await tenant.call("PUT", f"/people/{ada['id']}/password", json={"password": "Noch-besser-2"})
    ).status_code == 204
    assert (await tenant.call("DELETE", f"/people/{ada['id']}")).status_code == 204
    people = (await tenant.get("/people")).json()["items"]
    assert [person["email"] for person in people] == ["b@example.org"]
    admin = await tenant.with_key("admin")
    denied = await admin.post("/people", {"email": "c@example.org", "role": "owner"})
    assert denied.json()["code"] == "missing_right"


async def test_no_account_sets_the_password_of_a_person_of_another_account(stage: Stage, tenant: Tenant) -> None:
    other, email = await stage.account(), f"eve-{uuid4().hex}@example.org"
    here = await tenant.post("/people", {"email": email, "role": "agent", "password": "Gut-genug-1"})
    path, change = f"/people/{here.json()['id']}/password", {"json": {"password": "Noch-besser-2"}}
    assert (await tenant.call("PUT", path, **change)).status_code == 204
    assert (await other.post("/people", {"email": email, "role": "agent"})).json()["id"] == here.json()["id"]
    refused = [await account.call("PUT", path, **change) for account in (other, tenant)]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(409, "person_of_several_accounts")] * 2


async def test_webhooks_show_their_secret_once_and_refuse_private_targets(stage: Stage, tenant: Tenant) -> None:
    body: dict[str, Any] = {"name": "crm", "url": "https://crm.example.org/hook", "events": ["record.final"]}
    made = await tenant.post("/webhooks", body | {"auth": {"kind": "basic", "username": "u", "password": "geheim-2"}})
    assert made.status_code == 201, made.text
    endpoint, secret = made.json()["endpoint"], made.json()["secret"]
    assert secret.startswith("whsec_")
    rotated = await tenant.post(f"/webhooks/{endpoint['id']}/rotate")
    assert rotated.json()["secret"] != secret
    assert rotated.json()["endpoint"]["secrets"] == 2
    shown = (await tenant.get("/webhooks")).text + (await tenant.get(f"/webhooks/{endpoint['id']}")).text
    assert secret not in shown
    assert "geheim-2" not in shown
    for url, code in {
        "http://crm.example.org/": "plain_http_webhooks_disabled",
        "https://127.0.0.1/": "webhook_target_refused",
        "https://169.254.169.254/latest": "webhook_target_refused",
        "https://u:p@crm.example.org/": "invalid_webhook_url",
        "https://a..b.example.com/": "invalid_webhook_url",
        "https://xn--a.com/": "invalid_webhook_url",
    }.items():
        assert (await tenant.post("/webhooks", body | {"name": "x", "url": url})).json()["code"] == code
    assert (await tenant.post("/webhooks", body | {"name": "x", "events": ["nonsense"]})).json()[
        "code"
    ] == "unknown_event_type"
    tested = await tenant.post(f"/webhooks/{endpoint['id']}/test")
    assert tested.json() | {"duration_ms": 0} == {
        "ok": True,
        "status": 200,
        "reason": None,
        "duration_ms": 0,
        "detail": "",
    }
    assert stage.courier.posted[0].secrets[1] == secret
    off = await tenant.call("PATCH", f"/webhooks/{endpoint['id']}", json={"enabled": False})
    assert (off.json()["enabled"], off.json()["disabled_reason"]) == (False, "by_user")
    assert (await tenant.get("/webhooks/parked")).json() == {"items": [], "next": None}
    on = await tenant.call("PATCH", f"/webhooks/{endpoint['id']}", json={"enabled": True})
    assert on.json()["disabled_reason"] is None
    assert (await tenant.post(f"/webhooks/{endpoint['id']}/replay", {})).json() == {"replayed": 0}
    assert (await tenant.get(f"/webhooks/{endpoint['id']}/deliveries")).json()["items"] == []
    assert (await tenant.call("DELETE", f"/webhooks/{endpoint['id']}")).status_code == 204


async def test_the_account_tunes_itself_but_not_its_money(tenant: Tenant) -> None:
    changed = await tenant.call("PATCH", "/account", json={"name": "Acme Ltd", "time_zone": "Europe/Berlin"})
    assert (changed.json()["name"], changed.json()["time_zone"]) == ("Acme Ltd", "Europe/Berlin")
    assert (await tenant.call("PATCH", "/account", json={"time_zone": "Mars/Base"})).json()[
        "code"
    ] == "unknown_time_zone"
    assert (await tenant.call("PATCH", "/account", json={"balance": "1000000"})).status_code == 422
    ledger = (await tenant.get("/account/ledger?limit=1")).json()
    assert (ledger["items"][0]["amount"], ledger["next"]) == ("100.00", None)


async def test_the_operator_pins_only_a_policy_that_exists(stage: Stage, tenant: Tenant) -> None:
    operator = Tenant(tenant.id, OPERATOR_KEY, stage.client)
    path = f"/operator/accounts/{tenant.id}"
    for wrong in ({"policy_id": "ATLANTIS"}, {"policy_version": 99}):
        refused = await operator.call("PATCH", path, json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_policy")
    pinned = await operator.call("PATCH", path, json={"policy_id": "UK", "policy_version": 1})
    assert (pinned.json()["policy_id"], pinned.json()["policy_version"]) == ("UK", 1)
    followed = await operator.call("PATCH", path, json={"policy_id": "IN"})
    assert (followed.json()["policy_id"], followed.json()["policy_version"]) == ("IN", None)


@pytest.mark.parametrize("wish", [{"policy_id": "LAB"}, {"policy_version": 1}])
async def test_no_account_chooses_the_law_that_holds_for_it(stage: Stage, tenant: Tenant, wish: dict[str, Any]) -> None:
    refused = await tenant.call("PATCH", "/account", json=wish)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_body")
    with pytest.raises(InvalidInput) as caught:  # and not by another door either
        await stage.services.change_account(Actor(tenant.id, "test"), wish)
    assert caught.value.code == "field_not_changeable"
    assert (await tenant.get("/account")).json()["policy_id"] == "IN"


async def test_the_catalogue_is_readable(stage: Stage, tenant: Tenant) -> None:
    statuses = (await tenant.get("/statuses?family=flow")).json()["items"]
    assert len(statuses) == 39
    paused = next(status for status in statuses if status["name"] == "PAUSE")
    assert "RESUME" in paused["next"]
    assert len((await tenant.get("/statuses")).json()["items"]) == 39 + 13 + 8 + 13 + 6
    policies = {policy["id"] for policy in (await tenant.get("/policies")).json()["items"]}
    assert {"IN", "LAB", "UK", "US"} <= policies
    described = await stage.client.get("/api/v1/openapi.json")
    assert described.status_code == 200
    assert described.json()["openapi"] == "3.1.0"


async def test_entries_of_a_file_keep_their_notes_expiry_and_categories(tenant: Tenant) -> None:
    rows = 'number,prefix,expires_at,note\n+91 98765-43210,,2030-01-01,"a ""b"" \\N\t\\t, c"\n9199,yes,,\n'
    csv = {"Content-Type": "text/csv"}
    assert (await tenant.post("/lists/blacklist/import", content=rows.encode(), headers=csv)).json()["refused"] == 0
    first, second = (await tenant.get("/lists/blacklist/entries")).json()["items"]
    assert first == {
        "number": "919876543210",
        "prefix": False,
        "expires_at": "2030-01-01T00:00:00.000+00:00",
        "note": 'a "b" \\N\t\\t, c',
    }
    assert second == {"number": "9199", "prefix": True}
    register = b'number,register,categories\n919876543210,NCPR,"a""b|c,d|e\\f"\n'
    assert (await tenant.post("/lists/dnd/import", content=register, headers=csv)).json()["refused"] == 0
    (entry,) = (await tenant.get("/lists/dnd/entries")).json()["items"]
    assert entry["categories"] == ['a"b', "c,d", "e\\f"]


async def test_a_single_entry_does_not_make_a_stale_register_fresh(tenant: Tenant) -> None:
    await tenant.call("PUT", "/lists/dnd/entries", json={"entries": [{"number": "9876543210"}]})
    states = {state["list"]: state for state in (await tenant.get("/lists")).json()["items"]}
    assert (states["dnd"]["entries"], states["dnd"]["fresh_at"]) == (1, None)
